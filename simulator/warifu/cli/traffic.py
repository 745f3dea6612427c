"""`warifu traffic`: a working day, the fullest hour or a year of inquiries on the running network, with a report, data and ground truth."""

from __future__ import annotations

import asyncio
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, writable
from warifu.cli.text import t
from warifu.cli.traffic_told import failed, progress, tell
from warifu.simulator.traffic.room import IN_FLIGHT

if TYPE_CHECKING:
    from warifu.simulator.state import NetworkFile
    from warifu.simulator.traffic.run import Run, Wish

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
        tell(run, files)
    if run.failed is not None:
        fail(failed(run.failed, folder))
    if not run.made:
        raise typer.Exit(1)


def _made(file: NetworkFile, state: Path, folder: Path, wish: Wish) -> tuple[Run, list[Path]]:
    from warifu.law import packaged  # noqa: PLC0415
    from warifu.simulator.traffic import data, report  # noqa: PLC0415
    from warifu.simulator.traffic.run import Runner  # noqa: PLC0415

    data.check_folder(folder, state)
    _warn_unconfined()
    _prepare(folder, [data.EXCHANGES, data.PARQUET, data.TRUTH, *report.FILES.values()])
    with progress() as told:
        run = asyncio.run(_driven(Runner(file, wish, told)))

    def write(where: Path) -> list[Path]:
        written = data.write(where, run.made)
        return [*report.write(where, run, packaged(), _command()), *written]

    return run, _kept(folder, write)


def _warn_unconfined() -> None:
    """Say that the truth is within reach where the kernel confines no party."""
    from warifu.kernel.confine import landlock_abi  # noqa: PLC0415

    if landlock_abi() == 0:
        err.print(
            t(
                "注意: このカーネルには Landlock がなく、各機関のプロセスは正解のファイルを読めます。",
                "note: this kernel has no Landlock, so the processes of the parties could read the ground truth.",
            ),
            soft_wrap=True,
        )


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
