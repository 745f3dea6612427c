"""`warifu bench [ROW…]`: how fast the exchange is, as ratios to a bare echo in the same run."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, fail, out, table, writable, write
from warifu.cli.progress import DISK, Disk, progress
from warifu.cli.text import as_typed, t

if TYPE_CHECKING:
    from warifu.simulator.bench.compare import Found, Plan

RUN = "run"
"""The hidden command that does it: `warifu bench` without the name of another command means this one."""
QUICK_PAIRS, PAIRS = 3, 9
_LONG = ("population", "history_http")
"""Rows without a goal that a quick run leaves out unless they are named."""
SEED = 20260406
"""Of the order of kills."""


class Rows(TyperGroup):
    """`warifu bench log` is a command, `warifu bench bulk --quick` a run of that row, and so is `warifu bench` alone."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `click.Command.parse_args`."""
        if not args or args[0] not in self.commands:
            args = [RUN, *args]
        return super().parse_args(ctx, args)


_HELP = t(
    "照会の速さを、同じ実行の中の素の gRPC エコーとの比として測る。",
    "Measure how fast exchanges are, as ratios to a raw gRPC echo in the same run.",
)
_MORE = t(
    "相互TLSと接続の設定まで同じ、何もしない2ホップのエコー（E2）と、本物の照会とを交互に測る。照会は、照会元のプロセスで始まり同じところで終わる："
    "封をし、可否を決め、三者が記録し、封を開くまで。記録が確定する前に回答が出たら失敗に終わる。",
    "By turns: a raw echo over two hops that does nothing (E2), with the same mutual TLS and channel options, and real exchanges. An exchange begins and ends in "
    "its requester's process: sealed, decided, recorded three times, opened. The run fails when an answer was released before its records were durable.",
)
NAMES = (
    "unary_p50_c1", "unary_c16", "connector_p50_c1", "connector_c16", "connector_c64", "connector_c256", "bulk", "p99_p50_c16",
    "nginx_c64", "ledger_c64", "history_p50", "history_http", "population",
)  # fmt: skip
"""As `bench.rows` has them, which is slow to import."""
_ROWS = t(f"行：{', '.join(NAMES)}（PERFORMANCE §2）", f"Rows: {', '.join(NAMES)} (PERFORMANCE §2)")
_OTHERS = t(
    "ほかの測定: warifu bench log --help、warifu bench history --help、warifu bench population --help、warifu bench kit --help",
    "Other measurements: warifu bench log --help, warifu bench history --help, warifu bench population --help, warifu bench kit --help",
)
_EXAMPLES = "\n\n".join(
    f"  {as_typed(line)}"
    for line in (
        "warifu bench --quick",
        "warifu bench --html bench.html",
        "warifu bench unary_c16 bulk --pairs 5 --json",
        "warifu bench --chaos --kills 50",
    )
)
HELP = f"{_HELP}\n\n{_MORE}\n\n{_ROWS}\n\n{_OTHERS}\n\n{t('例', 'Examples')}:\n\n{_EXAMPLES}"


def run(
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="ROW", show_default=False, help=t("測る行。省略するとすべて。", "Rows to measure; all when none is named.")),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help=t("短く測る（履歴は10万件）。", "Measure briefly, with 100,000 records of history.")),
    ] = False,
    pairs: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, show_default=False,
            help=t(f"交互に測る組の数（{PAIRS}、--quick では {QUICK_PAIRS}）。", f"How many pairs to measure by turns ({PAIRS}; {QUICK_PAIRS} with --quick)."),
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help=t("図のある報告を書く。", "Write a report with charts.")),
    ] = None,
    chaos: Annotated[
        bool,
        typer.Option("--chaos", help=t("速さの代わりに、照会の最中に機関のプロセスを無作為に殺し、失われたものを数える。", "Instead of speed: kill parties at random while exchanges go on, and count what is lost.")),
    ] = False,
    kills: Annotated[int, typer.Option(min=1, max=10_000, help=t("--chaos で殺す回数。", "How many kills, with --chaos."))] = 30,
    records: Annotated[
        int | None,
        typer.Option(
            min=1000, max=100_000_000, show_default=False,
            help=t("履歴の背後の記録の件数（1000万、--quick では10万）。", "Records behind a page of the history (10,000,000; 100,000 with --quick)."),
        ),
    ] = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", show_default=False, exists=True, file_okay=False,
            help=t("履歴の記録をここに残し、次の測定でも使う（1000万件で15 GB）。", "Leave the records of the history here and use them again (15 GB for ten million)."),
        ),
    ] = None,
    disk: Disk = DISK,
    json_: Json = False,
) -> None:  # fmt: skip
    """Measure and print."""
    if chaos:
        if rows or html or quick or pairs or records or kept:
            fail(
                t(
                    "--chaos は速さを測りません。いっしょに使えるのは --kills、--disk、--json だけです。",
                    "--chaos measures no speed: only --kills, --disk and --json go with it.",
                )
            )
        _ruin(disk, kills, as_json=json_)
        return
    from warifu.simulator.bench.compare import Plan, document as as_document  # noqa: PLC0415, I001 - slow to import
    from warifu.simulator.bench.rows import ROWS  # noqa: PLC0415

    if unknown := [row for row in rows or () if row not in ROWS]:
        fail(
            t(f"{unknown[0]} という行はありません。あるのは：", f"there is no row {unknown[0]}. There are: ")
            + ", ".join(ROWS)
        )
    usual = [row for row in ROWS if not (quick and row in _LONG)]
    plan = Plan(
        tuple(rows or usual), pairs or (QUICK_PAIRS if quick else PAIRS),
        quick=quick, named=bool(rows), history=records, kept=kept,
    )  # fmt: skip
    writable(html)
    with clear_errors():
        found = asyncio.run(_measured(disk, plan))
        if html is not None:
            from warifu.simulator.bench.report import page  # noqa: PLC0415

            write(html, page(found))
    if json_:
        document(as_document(found))
    else:
        _tell(found)


def _ruin(disk: Path, kills: int, *, as_json: bool) -> None:
    """Exit code 1 when something was lost."""
    from warifu.simulator.bench import chaos  # noqa: PLC0415 - slow to import

    async def ruined(folder: Path) -> chaos.Ruin:
        with progress() as told:
            return await chaos.ruin(folder, kills, SEED, told)

    with clear_errors(), _folder(disk) as folder:
        found = asyncio.run(ruined(folder))
    if as_json:
        document(chaos.document(found))
    else:
        times = ", ".join(f"{name} {count}" for name, count in sorted(found.kills.items()))
        out.print(
            t(
                f"{found.kills.total()} 回殺しました（{times}）。その間の回答 {found.answers} 件。失われたもの：{found.losses}。",
                f"{found.kills.total()} kills ({times}); {found.answers} answers meanwhile. Losses: {found.losses}.",
            )
        )
    if found.losses:
        if not as_json:
            out.print(chaos.document(found))
        raise typer.Exit(1)


async def _measured(disk: Path, plan: Plan) -> Found:
    from warifu.simulator.bench.compare import compare  # noqa: PLC0415 - slow to import

    with _folder(disk) as folder, progress() as told:
        return await compare(folder, plan, told)


@contextmanager
def _folder(disk: Path) -> Iterator[Path]:
    """A private folder on the disk that matters, gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="warifu-bench-", dir=disk))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def _tell(found: Found) -> None:
    _tell_ratios(found)
    _tell_steps(found)
    alone = "、".join(f"c={callers}: {stretch.rate:.0f}" for callers, stretch in found.alone.items())
    if alone:
        out.print(t(f"E2 だけのとき（毎秒）：{alone}", f"E2 by itself, a second: {alone.replace('、', ', ')}"))
    if found.held:
        released = sum(one.released for held in found.held.values() for one in held)
        out.print(
            t(
                f"三者の台帳を順に止めて確かめました。止めている間に出た回答 {released} 件は、どれも記録が先に確定していました。",
                f"Each of the three stores was held in turn: {released} answers came meanwhile, all of them recorded before.",
            )
        )
    if "history_records" in found.notes:
        out.print(
            t(
                f"履歴の背後の記録：{found.notes['history_records']:,} 件",
                f"Records behind the history: {found.notes['history_records']:,}",
            )
        )


def _tell_ratios(found: Found) -> None:
    from warifu.simulator.bench.rows import ROWS  # noqa: PLC0415

    verdicts = {
        "aim": t("目標に達した", "aim reached"),
        "required": t("必要な値に達した", "as required"),
        "missed": t("足りない", "missed"),
    }
    rows = []
    for name, ratio in found.ratios.items():
        row, goal = ROWS[name], ROWS[name].goal
        sign = "" if goal is None else "≤" if goal.most else "≥"
        goals = (
            ["", "", ""]
            if goal is None
            else [f"{sign} {goal.required:g}", f"{sign} {goal.aim:g}", verdicts[goal.met(ratio.median)]]
        )
        rows.append(
            [
                name,
                t(row.ja, row.en),
                f"{ratio.median:.2f}",
                f"{ratio.low:.2f} - {ratio.high:.2f}",
                str(ratio.pairs),
                *goals,
            ]
        )
    table(
        [
            t("行", "row"),
            t("量", "figure"),
            t("比", "ratio"),
            t("四分位", "quartiles"),
            t("組", "pairs"),
            t("必要", "required"),
            t("目標", "aim"),
            "",
        ],
        rows,
        title=t("素のエコーとの比", "Ratios") + (t("（短い測定）", " (quick)") if found.plan.quick else ""),
    )


def _tell_steps(found: Found) -> None:
    if not found.costs:
        return
    rows = [
        [
            cost.step.name,
            f"{cost.rate:.0f}",
            f"{1e3 * cost.p50:.2f} ms",
            f"{1e3 * cost.p99:.2f} ms",
            " ".join(f"{name} {1e6 * seconds:.0f}" for name, seconds in cost.cpu.items()),
        ]
        for cost in found.costs
    ]
    heads = [t("負荷", "load"), t("毎秒", "a second"), "p50", "p99", t("一件あたりのCPU（µs）", "CPU µs each")]
    table(heads, rows, title=t("中央値", "Medians"))
