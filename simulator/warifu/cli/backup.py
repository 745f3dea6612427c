"""`warifu backup` and `warifu restore`: a whole network in one file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.output import clear_errors, out
from warifu.cli.text import t

Archive = Annotated[Path, typer.Argument(help=t("バックアップのファイル。", "The backup file."))]
Folder = Annotated[Path, typer.Option("--state", help=t("状態フォルダー。", "The state folder."))]


def backup(archive: Archive, state: Folder) -> None:
    """Write a backup."""
    from warifu.simulator.launcher import backup as work  # noqa: PLC0415

    with clear_errors():
        size = work.backup(state.absolute(), archive)
    out.print(
        t(
            f"{archive} に保存しました（{size / (1 << 20):.1f} MiB）。鍵を含むので大切に保管してください。",
            f"saved to {archive} ({size / (1 << 20):.1f} MiB). It holds the keys of the network: keep it safe.",
        )
    )


def restore(archive: Archive, state: Folder) -> None:
    """Restore a backup."""
    from warifu.simulator.launcher import backup as work  # noqa: PLC0415

    with clear_errors():
        work.restore(archive, state.absolute())
    out.print(
        t(
            f"{state} に戻しました。起動: warifu demo --state {state}",
            f"restored into {state}. Start it with: warifu demo --state {state}",
        )
    )
