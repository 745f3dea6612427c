"""`warifu bench population`: what loading a population costs beside bare SQL."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, out, table
from warifu.cli.progress import DISK, Disk
from warifu.cli.text import example, t

HELP = example(
    "住民をネットワークに登録する速さを、残った行をそのままexecutemanyで書く速さと比べる。",
    "Compare loading people into a network with writing the rows that it leaves by bare executemany.",
    "warifu bench population",
    "warifu bench population --people 20000 --pairs 1 --json",
)


def population(
    people: Annotated[
        int, typer.Option(min=100, max=1_000_000, help=t("一回に登録する人の数。", "People loaded each time."))
    ] = 4000,
    pairs: Annotated[
        int, typer.Option(min=1, max=100, help=t("交互に測る組の数。", "How many pairs to measure by turns."))
    ] = 3,
    disk: Disk = DISK,
    json_: Json = False,
) -> None:
    """Measure and print."""
    from warifu.simulator.bench import population as bench  # noqa: PLC0415 - slow to import

    folder = Path(tempfile.mkdtemp(prefix="warifu-bench-", dir=disk))
    try:
        with clear_errors(), err.status(t("測定しています…", "measuring…")):
            found = bench.document(asyncio.run(bench.measure(folder, people, pairs)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if json_:
        document({"population_load": found})
        return
    figures = zip(found["people_a_second"], found["rows_a_second"], found["bare_rows_a_second"], strict=True)
    heads = [t("人/秒", "people/s"), t("行/秒", "rows/s"), t("executemany 行/秒", "executemany, rows/s")]
    title = t(f"{people:,} 人の登録（{found['rows']:,} 行）", f"Loading {people:,} people ({found['rows']:,} rows)")
    table(heads, [[f"{value:,.0f}" for value in row] for row in figures], title=title)
    ratio = found["ratio"]
    out.print(
        t("比（中央値）", "ratio (median)") + f": {ratio['median']:.3f} ({ratio['low']:.3f} - {ratio['high']:.3f})"
    )
