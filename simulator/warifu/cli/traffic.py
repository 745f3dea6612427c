"""`warifu traffic`: a working day, the fullest hour or a year of inquiries on the running network, with a report, data and ground truth."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.lines import shown
from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out, table, writable
from warifu.cli.text import t
from warifu.simulator.traffic.room import IN_FLIGHT

if TYPE_CHECKING:
    from rich.progress import TaskID

    from warifu.simulator.state import NetworkFile
    from warifu.simulator.traffic.failure import Failure
    from warifu.simulator.traffic.run import Progress, Run, Wish

_PERCENT = 100.0
_ENDS = (signal.SIGINT, signal.SIGTERM)
Day = Annotated[
    bool,
    typer.Option(
        "--day",
        help=t(
            "次の平日の一日（既定）。全国で125,000件。",
            "The next working day (the default): 125,000 in the whole country.",
        ),
    ),
]
Peak = Annotated[
    bool,
    typer.Option(
        "--peak",
        help=t("最も混む月の、平日の最も混む一時間。", "The fullest hour of a working day in the fullest month."),
    ),
]
Year = Annotated[
    bool,
    typer.Option(
        "--year",
        help=t(
            "これからの365日。件数を省くと125,000件に間引く。",
            "The next 365 days; without a number thinned to 125,000 inquiries.",
        ),
    ),
]
Count = Annotated[
    int | None,
    typer.Option("--count", min=1, max=5_000_000, help=t("照会の件数。", "How many inquiries."), show_default=False),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale",
        min=0.000001,
        max=10.0,
        help=t("全国の件数に対する倍率（0.01なら100分の1）。", "Of the whole country's number: 0.01 is a hundredth."),
        show_default=False,
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=0.01,
        max=100_000,
        help=t(
            "毎秒の件数。応答を待たずに送る。省くと、できるだけ速く。",
            "Inquiries a second, due whether or not answered. Without it: as fast as possible.",
        ),
        show_default=False,
    ),
]
InFlight = Annotated[
    int,
    typer.Option(
        "--in-flight", min=1, max=4000, help=t("同時に進める照会の上限。", "Inquiries under way at once, at most.")
    ),
]
Misuse = Annotated[
    str,
    typer.Option(
        "--misuse",
        metavar="PERCENT",
        help=t("混ぜる不正な照会の割合。例: 0.5%", "Share of misuse to mix in, such as 0.5%."),
    ),
]
Seed = Annotated[
    int, typer.Option("--seed", help=t("同じ種なら同じ計画になる。", "The same seed gives the same plan."))
]
Out = Annotated[
    Path,
    typer.Option(
        "--out", metavar="DIR", file_okay=False, help=t("報告とデータを置くフォルダー。", "Folder for report and data.")
    ),
]
KeepClock = Annotated[
    bool,
    typer.Option(
        "--keep-clock",
        help=t(
            "ネットワークの時計を動かさない。時間帯は計画の中だけになる。",
            "Leave the network's clock alone: hours are in the plan only.",
        ),
    ),
]

THINNED = 125_000


def traffic(
    day: Day = False,
    peak: Peak = False,
    year: Year = False,
    count: Count = None,
    scale: Scale = None,
    rate: Rate = None,
    in_flight: InFlight = IN_FLIGHT,
    misuse: Misuse = "0%",
    seed: Seed = 1,
    folder: Out = Path("traffic"),
    keep_clock: KeepClock = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Make traffic on the running network."""
    from warifu.simulator.traffic.drive import Pace  # noqa: PLC0415 - slow to import
    from warifu.simulator.traffic.run import Wish  # noqa: PLC0415

    frame = _frame(day=day, peak=peak, year=year)
    if count is not None and scale is not None:
        fail(t("--count と --scale は、どちらか一つにしてください。", "choose one of --count and --scale."))
    if frame == "year" and count is None and scale is None:
        count = THINNED
    wish = Wish(frame, count, 1.0 if scale is None else scale, _share(misuse), seed, Pace(rate, in_flight), keep_clock)
    with clear_errors():
        where, file = living(state)
        run, files = _made(file, where, folder, wish)
    from warifu.simulator.traffic.run import summary  # noqa: PLC0415

    if json_:
        document(summary(run, files))
    else:
        _tell(run, files)
    if run.failed is not None:
        fail(_failed(run.failed, folder))
    if not run.made:
        raise typer.Exit(1)


def _failed(failure: Failure, folder: Path) -> str:
    """What failed, what is in the folder all the same, and what to do."""
    return t(
        f"{failure.what('ja')} それまでの照会は {folder} にあります。{failure.leaves('ja')} {failure.advice('ja')}",
        f"{failure.what('en')} What was made until then is in {folder}. {failure.leaves('en')} {failure.advice('en')}",
    )


def _made(file: NetworkFile, state: Path, folder: Path, wish: Wish) -> tuple[Run, list[Path]]:
    from warifu.law import packaged  # noqa: PLC0415
    from warifu.simulator.traffic import data, report  # noqa: PLC0415
    from warifu.simulator.traffic.run import Runner  # noqa: PLC0415

    data.check_folder(folder, state)
    _prepare(folder, [data.EXCHANGES, data.PARQUET, data.TRUTH, *report.FILES.values()])
    with _progress() as told:
        run = asyncio.run(_driven(Runner(file, wish, told)))

    def write(where: Path) -> list[Path]:
        written = data.write(where, run.made)
        return [*report.write(where, run, packaged(), _command()), *written]

    return run, _kept(folder, write)


def _prepare(folder: Path, names: Iterable[str]) -> None:
    """Make the folder, and see before the work that these can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fail(
            t(
                f"{folder} を作れません。{error.strerror}。--out で別のフォルダーを指定してください。",
                f"cannot make {folder}: {error.strerror}. Choose another folder with --out.",
            )
        )
    writable(*(folder / name for name in names))


def _kept(folder: Path, write: Callable[[Path], list[Path]]) -> list[Path]:
    """The files of a run. Where the folder takes no more, they go to a new one among the temporary files: a run cannot be made again."""
    try:
        return write(folder)
    except OSError as error:
        try:
            other = Path(tempfile.mkdtemp(prefix="warifu-traffic-"))
            files = write(other)
        except OSError as again:
            fail(
                t(
                    f"{folder} にも一時フォルダーにも書けません。{again.strerror}。空き容量を確かめてください。この実行の記録は残りません。",
                    f"neither {folder} nor the folder of temporary files can be written: {again.strerror}. Free some space; what this run made is lost.",
                )
            )
        err.print(
            t(
                f"{folder} に書けません（{error.strerror}）。代わりに {other} に書きました。",
                f"cannot write {folder} ({error.strerror}); it was written into {other} instead.",
            ),
            soft_wrap=True,
            markup=False,
        )
        return files


async def _driven(runner: object) -> Run:
    """The run; the first Ctrl-C or SIGTERM ends it whole, with a report of what was made, the second at once."""
    from warifu.simulator.traffic.run import Runner  # noqa: PLC0415

    assert isinstance(runner, Runner)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for one in _ENDS:
            loop.remove_signal_handler(one)
        runner.stop()
        err.print(
            t(
                "終わらせています。進行中の照会の回答を待って、報告を書きます（もう一度 Ctrl-C ですぐに終わり、何も残りません）。",
                "Ending: what is under way is waited for, then the report is written. Ctrl-C again ends at once and leaves nothing.",
            ),
            soft_wrap=True,
        )

    for one in _ENDS:
        loop.add_signal_handler(one, stop)
    try:
        return await runner.run()
    finally:
        for one in _ENDS:
            loop.remove_signal_handler(one)


def _frame(*, day: bool, peak: bool, year: bool) -> str:
    chosen = [name for name, wanted in (("day", day), ("peak", peak), ("year", year)) if wanted]
    if len(chosen) > 1:
        fail(t("--day、--peak、--year は、どれか一つにしてください。", "choose one of --day, --peak and --year."))
    return chosen[0] if chosen else "day"


def _share(text: str) -> float:
    """A share of 0 to 1 from a percentage; the sign may be left out."""
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = -1.0
    if not 0 <= percent <= _PERCENT:
        fail(
            t(
                f"--misuse {text} は割合ではありません。例: --misuse 0.5%",
                f"--misuse {text} is no percentage. Example: --misuse 0.5%",
            )
        )
    return percent / _PERCENT


def _command() -> str:
    return shlex.join(["warifu", *sys.argv[1:]])


def _doing(one: Progress) -> str:
    """What a run is doing, in words."""
    names = {
        "people": t("住民を調べています", "looking at the population"),
        "addressees": t("窓口で対象者を確かめています", "finding people at the counters"),
        "driving": t("照会しています", "inquiring"),
        "reviewing": t("提供する側の職員が確認しています", "clerks look at what waits"),
        "detecting": t("検知の結果を集めています", "asking what was detected"),
    }
    more = "" if one.at is None else f" {one.at:%m-%d %H:%M} {one.rate:.0f}/s"
    return names[one.doing] + more


@contextmanager
def _progress() -> Iterator[Callable[[Progress], None]]:
    """A line on stderr that is kept up to date; where no terminal shows it a line of its own every half minute."""
    if not err.is_terminal:
        yield _lines(shown(lambda text: err.print(text, soft_wrap=True)))
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Shown, TextColumn, TimeRemainingColumn  # noqa: I001, PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Shown(*columns, console=err, transient=True) as bars:
        tasks: dict[str, TaskID] = {}

        def told(one: Progress) -> None:
            if one.doing not in tasks:
                tasks[one.doing] = bars.add_task("", total=one.total)
            for doing, task in tasks.items():
                bars.update(task, visible=doing == one.doing)
            bars.update(tasks[one.doing], description=_doing(one), completed=one.done, total=one.total)

        yield told


def _lines(show: Callable[[str], None]) -> Callable[[Progress], None]:
    """Tells progress by lines of text."""

    def told(one: Progress) -> None:
        far = "" if one.total is None else f" {one.done:,}/{one.total:,}"
        show(_doing(one) + far)

    return told


def _tell(run: Run, files: list[Path]) -> None:
    from warifu.simulator.traffic.series import percentile  # noqa: PLC0415

    if run.made:
        latencies = run.latencies
        rate = len(latencies) / run.seconds if run.seconds else 0.0
        p50, p99 = (1000 * (percentile(latencies, share) or 0.0) for share in (0.5, 0.99))
        out.print(
            t(
                f"{len(run.made):,} 件の照会、{run.seconds:.1f} 秒、毎秒 {rate:.1f} 件、応答 p50 {p50:.1f} ms、p99 {p99:.1f} ms",
                f"{len(run.made):,} inquiries in {run.seconds:.1f} s, {rate:.1f} a second, latency p50 {p50:.1f} ms, p99 {p99:.1f} ms",
            )
        )
        counts = run.counted(lambda one: one.outcome)
        table(
            [t("結果", "outcome"), t("件数", "inquiries")], [[name, f"{number:,}"] for name, number in counts.items()]
        )
    else:
        out.print(t("照会は一件も行わなかった。", "No inquiry was made."))
    for line in _oddly(run):
        out.print(line, soft_wrap=True, markup=False)
    if any(one.recall.whole for one in run.scores):
        _tell_scores(run)
    for path in files:
        out.print(str(path), soft_wrap=True)
    if not any(path.suffix == ".parquet" for path in files):
        out.print(
            t(
                "Parquet も書くには: pip install 'warifu[traffic]'",
                "for Parquet as well: pip install 'warifu[traffic]'",
            ),
            style="dim",
            markup=False,
        )


def _oddly(run: Run) -> Iterator[str]:
    """What is less than was planned."""
    planned = len(run.plan.intended)
    if run.stopped:
        yield t(
            f"途中で止めた（計画 {planned:,} 件のうち {len(run.made):,} 件）。",
            f"Ended early, after {len(run.made):,} of {planned:,} planned.",
        )
    if run.unknown:
        yield t(
            f"本人を特定できず行わなかった照会: {run.unknown:,} 件。",
            f"Left out, since whoever they are about cannot be identified: {run.unknown:,}.",
        )
    if run.kinds_left_out:
        kinds = ", ".join(run.kinds_left_out)
        yield t(f"件数が足りず、混ぜられなかった不正の種類: {kinds}", f"Kinds of misuse without room: {kinds}")


def _tell_scores(run: Run) -> None:
    heads = [t("検知", "detector"), t("指し示した件数", "pointed at"), t("適合率", "precision"), t("再現率", "recall")]
    rows = [
        [one.detector, str(one.flagged), *(_shown(share.value) for share in (one.precision, one.recall))]
        for one in run.scores
    ]
    table(heads, rows)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}%"
