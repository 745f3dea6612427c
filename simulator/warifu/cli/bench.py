"""`warifu bench`: what things cost, as ratios from one run on this machine."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warifu.cli.bench_kit import HELP as KIT
from warifu.cli.bench_kit import kit
from warifu.cli.bench_population import HELP as POPULATION
from warifu.cli.bench_population import population
from warifu.cli.bench_run import HELP, RUN, Rows, run
from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, out, table
from warifu.cli.progress import DISK, Disk, progress
from warifu.cli.text import as_typed, t

if TYPE_CHECKING:
    from warifu.simulator.bench.log import Comparison, Plan
    from warifu.simulator.bench.ratios import Ratio

app = typer.Typer(
    cls=Rows,
    help=t(
        "処理にかかる費用を、一回の実行の中での比として測る。",
        "Measure what things cost, as ratios from one run.",
    ),
)
app.command(RUN, hidden=True, help=HELP)(run)
app.command("population", help=POPULATION)(population)
app.command("kit", help=KIT)(kit)

_HELP = t(
    "公開ログが情報照会にかける費用を測る。",
    "Measure what the public log costs an exchange.",
)
_MORE = t(
    "同じ照会を、ログのあるゲートウェイと、記帳まで同じでログへの組み込みと証人署名だけを行わないゲートウェイとで、交互に行う。"
    "後者はこの測定の中にだけあり、実際に動くゲートウェイのログを止める設定はない。",
    "The same exchanges are made by turns through a gateway as it is, and through one that commits the same records but neither integrates "
    "them into the log nor has it witnessed. The second exists in this measurement alone: no setting stops the log of a served gateway.",
)
_EXAMPLES = "\n\n".join(
    f"  {as_typed(line)}"
    for line in ("warifu bench log", "warifu bench log --pairs 20 --json", "warifu bench log --disk /mnt/data")
)


@app.command("log", help=f"{_HELP}\n\n{_MORE}\n\n{t('例', 'Examples')}:\n\n{_EXAMPLES}")
def log(
    pairs: Annotated[
        int,
        typer.Option(min=1, max=1000, help=t("交互に測る組の数。", "How many pairs of blocks to measure by turns.")),
    ] = 24,
    exchanges: Annotated[
        int,
        typer.Option(
            min=1,
            max=10_000,
            help=t(
                "一区間の照会の数。16人が同時に行う区間ではその4倍。",
                "Exchanges in a block; four times as many where 16 ask at once.",
            ),
        ),
    ] = 20,
    disk: Disk = DISK,
    json_: Json = False,
) -> None:
    """Measure and print."""
    from warifu.simulator.bench.log import Plan, document as as_document  # noqa: PLC0415, I001 - slow to import

    plan = Plan(pairs, exchanges)
    with clear_errors():
        found = _loop()(_measured(disk, plan))
    if json_:
        document(as_document(found, plan))
    else:
        _tell(found, plan)


_HISTORY = t(
    "市民ポータルの履歴の画面が、背後の件数と絞り込みの条件によってどれだけ重くなるかを測る。",
    "Measure what a page of the citizen's history costs with many entries behind it, and with filters.",
)
_HISTORY_MORE = t(
    "一人の履歴をつくり、同じ画面を、条件ありとなしで交互に描く。比は条件なしの画面に対するもの。",
    "One person's history is made, and the same page is rendered by turns with and without a filter. Ratios are to the plain page.",
)


@app.command(
    "history", help=f"{_HISTORY}\n\n{_HISTORY_MORE}\n\n{t('例', 'Examples')}:\n\n  {as_typed('warifu bench history')}"
)
def history(
    entries: Annotated[
        int, typer.Option(min=100, max=10_000_000, help=t("背後のやりとりの件数。", "Entries behind the page."))
    ] = 1_000_000,
    pairs: Annotated[
        int,
        typer.Option(min=1, max=1000, help=t("交互に測る組の数。", "How many pairs of blocks to measure by turns.")),
    ] = 10,
    pages: Annotated[int, typer.Option(min=1, max=1000, help=t("一区間の画面の数。", "Pages in a block."))] = 10,
    disk: Disk = DISK,
    json_: Json = False,
) -> None:
    """Measure and print."""
    from warifu.simulator.bench import history as bench  # noqa: PLC0415 - slow to import

    plan = bench.Plan(entries, pairs, pages)

    async def measured() -> bench.Measured:
        folder = Path(tempfile.mkdtemp(prefix="warifu-bench-", dir=disk))
        try:
            with progress() as told:
                return await bench.measure(folder, plan, told)
        finally:
            shutil.rmtree(folder)

    found = asyncio.run(measured())
    if json_:
        document(bench.document(found, plan))
        return
    names = {
        "common_institution": t("機関（ほとんど全部が当たる）", "institution (nearly all fit)"),
        "rare_procedure": t("手続（1万件に1件）", "procedure (1 in 10,000)"),
        "outcome": t("結果（100件に1件）", "outcome (1 in 100)"),
        "two_conditions": t("まれな機関と結果", "rare institution and outcome"),
        "common_and_rare": t("多い機関とまれな結果", "common institution and rare outcome"),
        "nothing_fits": t("当たるものがない機関", "institution that nothing fits"),
        "one_month": t("1か月", "one month"),
        "in_the_middle": t("期間の途中から", "from the middle of the term"),
        "few_behind": t("背後に1画面分しかない人", "a person with one page in all"),
    }
    rows = [
        [names[name], f"{1e3 * these:.2f} ms", f"{1e3 * plain:.2f} ms", *_cells(ratio), str(shown)]
        for name, these, plain, ratio, shown in bench.rows(found)
    ]
    heads = [t("条件", "asked for"), t("その画面", "that page"), t("条件なし", "plain page"), t("比", "ratio")]
    table(
        [*heads, t("中央の半数", "middle half"), t("表示", "shown")],
        rows,
        title=t(f"履歴の画面（背後に {entries:,} 件）", f"A page of the history with {entries:,} entries behind it"),
    )


def _loop() -> Callable[[Coroutine[Any, Any, Comparison]], Comparison]:
    """The interim servers in this process run as parties' processes do."""
    try:
        import uvloop  # noqa: PLC0415 - where there is one
    except ImportError:
        return asyncio.run
    return uvloop.run


async def _measured(disk: Path, plan: Plan) -> Comparison:
    from warifu.simulator.bench.log import compare  # noqa: PLC0415 - slow to import

    folder = Path(tempfile.mkdtemp(prefix="warifu-bench-", dir=disk))
    try:
        with progress() as told:
            return await compare(folder, plan, told)
    finally:
        shutil.rmtree(folder)


def _tell(found: Comparison, plan: Plan) -> None:
    ratios = found.ratios()
    names = (
        ("latency_p50", t("応答時間の中央値", "median latency"), "{:.2f} ms", 1e3),
        ("throughput", t("毎秒の照会数", "exchanges a second"), "{:.0f}", 1.0),
        ("gateway_cpu", t("ゲートウェイのCPU時間／件", "gateway's CPU per exchange"), "{:.2f} ms", 1e3),
    )
    rows = []
    for callers in found.pairs:
        for name, label, form, factor in names:
            figures = [form.format(value * factor) for value in found.median(name, callers)]
            rows.append([str(callers), label, *figures, *_cells(ratios[f"{name}_c{callers}"])])
    table(
        [
            t("同時", "callers"),
            t("量", "figure"),
            t("ログあり", "with log"),
            t("なし", "without"),
            t("比", "ratio"),
            t("中央の半数", "middle half"),
        ],
        rows,
        title=t("公開ログの費用", "What the public log costs"),
    )
    out.print(
        t(
            f"比は交互に測った {plan.pairs} 組の比の中央値、右端はその中央の半数の範囲。機械の混み具合で動くのは値で、比はあまり動かない。"
            f"ログは {found.entries} 件を組み込み、すべて証人署名を得た。",
            f"A ratio is the median over {plan.pairs} pairs measured by turns; between the last two values lies the middle half of them. "
            f"A busy machine moves the figures, and the ratios much less. The log took in {found.entries} entries, all of them witnessed.",
        )
    )


def _cells(ratio: Ratio) -> tuple[str, str]:
    return f"{ratio.median:.2f}", f"{ratio.low:.2f} - {ratio.high:.2f}"
