"""A bar for verbs that measure, on stderr, and the disk that they measure on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.output import err
from warifu.cli.text import t

DISK = Path("/var/tmp")  # noqa: S108 - a fresh private folder is made in it; /tmp is often memory, where a commit costs nothing
Disk = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        exists=True,
        file_okay=False,
        writable=True,
        help=t(
            "このフォルダーのあるディスクで測る。測定用のファイルは終わると消える。",
            "Measure on the disk of this folder; the files of the measurement are removed at the end.",
        ),
    ),
]
Told = Callable[[int, int], None]
"""Told after each block: how many are done, of how many."""


@contextmanager
def progress(doing: str | None = None) -> Iterator[Told]:
    """A bar, where somebody looks. `doing`: what goes on, if it is not measuring."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as shown:
        task = shown.add_task(t("準備しています…", "getting ready…"), total=None)

        def told(done: int, total: int) -> None:
            shown.update(task, description=doing or t("測定しています", "measuring"), completed=done, total=total)

        yield told
