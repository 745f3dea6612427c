"""`warifu test`: the project's own tests, from a clone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.output import fail
from warifu.cli.text import t

ROOT = Path(__file__).resolve().parents[3]


def run_tests(
    context: typer.Context,
    all_: Annotated[
        bool,
        typer.Option(
            "--all", help=t("時間のかかる検査も行う（75分以内）。", "Also the slow ones (at most 75 minutes).")
        ),
    ] = False,
    list_: Annotated[bool, typer.Option("--list", help=t("検査の一覧だけを出す。", "Only list them."))] = False,
) -> None:
    """Run the tests; further words go to pytest."""
    if not (ROOT / "tests").is_dir():
        fail(t("検査はクローンしたフォルダーの ./warifu test で実行します。", "tests run from a clone: ./warifu test"))
    words = [] if all_ else ["-m", "not slow"]
    if list_:
        words += ["--collect-only", "-q"]
    elif not context.args:
        words += ["-n", "2", "--dist", "loadfile"]  # tests/workers.py
    command = [sys.executable, "-m", "pytest", *words, *context.args]
    raise typer.Exit(subprocess.run(command, cwd=ROOT, check=False).returncode)  # noqa: S603
