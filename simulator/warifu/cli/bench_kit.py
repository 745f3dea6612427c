"""`warifu bench kit`: what a test with the kit costs, and what it leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, fail, out, table
from warifu.cli.text import example, t
from warifu.simulator.testing import LEAST_PEOPLE

if TYPE_CHECKING:
    from warifu.simulator.bench.kit import Found

HELP = example(
    "キットの準備、リセット、照会1回のテストにかかる時間と、後に残るものを測る。",
    "Measure the kit: until it is ready, a reset, a test with an inquiry, and what is left behind.",
    "warifu bench kit",
    "warifu bench kit --tests 100 --resets 50 --json",
)


def kit(
    people: Annotated[int, typer.Option(min=LEAST_PEOPLE, max=10_000, help=t("人数。", "How many people."))] = 200,
    resets: Annotated[int, typer.Option(min=1, max=100_000, help=t("リセットの回数。", "How many resets."))] = 200,
    tests: Annotated[
        int, typer.Option(min=1, max=100_000, help=t("pytest のテストの数。", "How many tests of pytest."))
    ] = 1000,
    starts: Annotated[
        int,
        typer.Option(min=1, max=100, help=t("保存済みのコピーから始める回数。", "How many starts from a kept copy.")),
    ] = 3,
    json_: Json = False,
) -> None:
    """Measure and print."""
    from warifu.simulator.bench.kit import measure  # noqa: PLC0415 - slow to import
    from warifu.simulator.testing import EngineError  # noqa: PLC0415

    with clear_errors(), err.status(t("測定しています…", "measuring…")):
        try:
            found = measure(people, resets, tests, starts)
        except EngineError as error:
            fail(str(error))
    if json_:
        document(found.document())
    else:
        _tell(found)


def _tell(found: Found) -> None:
    reached = found.reached()
    marks = {name: t("達成", "reached") if yes else t("未達成", "not reached") for name, yes in reached.items()}
    rows = [
        [
            t("準備（保存済みのコピーから）", "ready, from a kept copy"),
            f"{found.warm.engine_seconds:.2f} s",
            f"{found.warm.cpu_seconds:.2f} s",
            "≤ 2 s",
            marks["ready_seconds"],
        ],
        [
            t("準備（初回、住民の登録から）", "ready, the first time on a machine"),
            f"{found.cold.engine_seconds:.2f} s",
            f"{found.cold.cpu_seconds:.2f} s",
            "",
            "",
        ],
        [
            t("リセット（中央値）", "reset, median"),
            f"{found.reset_ms.p50:.1f} ms",
            f"{found.reset_cpu_ms.p50:.1f} ms",
            "≤ 50 ms",
            marks["reset_ms"],
        ],
        [
            t("リセット（p99）", "reset, p99"),
            f"{found.reset_ms.p99:.1f} ms",
            f"{found.reset_cpu_ms.p99:.1f} ms",
            "",
            "",
        ],
        [
            t(
                f"照会1回のテスト1,000件（{found.tests} 件から）",
                f"1,000 tests with an inquiry each (as {found.tests} went)",
            ),
            f"{found.thousand_tests_seconds:.1f} s",
            t(f"1件 {found.test_cpu_ms:.1f} ms", f"{found.test_cpu_ms:.1f} ms each"),
            "≤ 60 s",
            marks["thousand_tests_seconds"],
        ],
    ]
    heads = [t("何を", "what"), t("時間", "time"), "CPU", t("目標", "goal"), ""]
    table(heads, rows, title=t(f"キット（{found.people} 人）", f"The kit, {found.people} people"))
    out.print(
        t("20件目の後 → 最後", "after the 20th test → at the end") + f": {dict(found.before)} → {dict(found.after)}"
    )
    left = [*(f"{name} +{more}" for name, more in found.leaks.items()), *found.left_behind]
    out.print(
        t(f"合格したテスト: {found.passed} / {found.tests}。", f"Tests passed: {found.passed} of {found.tests}. ")
        + (
            t("残ったもの: ", "Left behind: ") + ", ".join(left)
            if left
            else t("何も残っていない。", "Nothing is left behind.")
        )
    )
