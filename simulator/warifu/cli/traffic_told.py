"""What `warifu traffic` tells: how far it is, what came of it, and what it failed by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from warifu.cli.lines import shown
from warifu.cli.output import err, out, table
from warifu.cli.text import t

if TYPE_CHECKING:
    from rich.progress import TaskID

    from warifu.simulator.traffic.failure import Failure
    from warifu.simulator.traffic.run import Progress, Run


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
def progress() -> Iterator[Callable[[Progress], None]]:
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


def tell(run: Run, files: list[Path]) -> None:
    """What came of a run, for people: figures, outcomes, what is less than was planned, detectors where there was misuse, and the files."""
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
    if run.unsettled:
        parties = ", ".join(run.unsettled)
        yield t(
            f"検知を問い合わせたとき {parties} には処理の残りがあった。適合率と再現率は下限と読む。",
            f"{parties} had still to do when the rules were asked: read precision and recall as lower bounds.",
        )
    if run.full:
        rules = ", ".join(dict.fromkeys(rule for rule, _ in run.full))
        yield t(
            f"一度に知らせられる数を超えた疑いがある。再現率を下限と読む検知: {rules}",
            f"More suspicions than are told at once; read the recall as a lower bound of: {rules}",
        )


def _tell_scores(run: Run) -> None:
    heads = [t("検知", "detector"), t("指し示した件数", "pointed at"), t("適合率", "precision"), t("再現率", "recall")]
    rows = [
        [one.detector, str(one.flagged), *(_shown(share.value) for share in (one.precision, one.recall))]
        for one in run.scores
    ]
    table(heads, rows)


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.0f}%"


def failed(failure: Failure, folder: Path) -> str:
    """What failed, what is in the folder all the same, and what to do."""
    return t(
        f"{failure.what('ja')} それまでの照会は {folder} にあります。{failure.leaves('ja')} {failure.advice('ja')}",
        f"{failure.what('en')} What was made until then is in {folder}. {failure.leaves('en')} {failure.advice('en')}",
    )
