"""`warifu backup` and `warifu restore`: a whole network in one file, its month keys in another, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from warifu.cli.output import clear_errors, fail, out
from warifu.cli.text import t

Archive = Annotated[Path, typer.Argument(help=t("バックアップのファイル。", "The backup file."))]
Folder = Annotated[Path, typer.Option("--state", help=t("状態フォルダー。", "The state folder."))]


Keys = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        metavar="FILE",
        help=t(
            "月の鍵の写し。省略するとバックアップの名前に .keys を付けたもの。",
            "The copy of the month keys; by default the backup's name with .keys.",
        ),
        show_default=False,
    ),
]
Destroyed = Annotated[
    Path | None,
    typer.Option(
        "--forget",
        metavar="FILE",
        help=t(
            "月の鍵のこの写しは廃棄した。保存はせず、一覧から消す。",
            "This copy of the month keys was destroyed: strike it from the list; nothing is saved.",
        ),
        show_default=False,
    ),
]


def backup(
    state: Folder,
    archive: Annotated[
        Path | None, typer.Argument(help=t("バックアップのファイル。", "The backup file."), show_default=False)
    ] = None,
    forget: Destroyed = None,
) -> None:
    """Write a backup."""
    from warifu.simulator.launcher import backup as work  # noqa: PLC0415

    if (archive is None) == (forget is None):
        fail(
            t(
                "保存先のファイルか、廃棄した鍵の写し（--forget）のどちらかを指定してください。",
                "name either the file to save to, or with --forget a copy of the keys that was destroyed.",
            )
        )
    with clear_errors():
        if archive is None:
            assert forget is not None
            work.forget(state.absolute(), forget)
            return
        size = work.backup(state.absolute(), archive)
    keys = work.keys_of(archive)
    out.print(
        t(
            f"{archive} に保存しました（{size / (1 << 20):.1f} MiB）。ネットワークの鍵を含むので大切に保管してください。",
            f"saved to {archive} ({size / (1 << 20):.1f} MiB). It holds keys of the network: keep it safe.",
        )
    )
    out.print(
        t(
            f"照会の内容を読む月の鍵は {keys} にあります。二つは別々の場所に保管してください。保存期間が過ぎた月の鍵は、このファイルからも"
            "順に消されます。そのため、このファイルはここから届く場所に置いてください。届かないときは warifu status が知らせます。",
            f"The month keys, without which nobody reads what exchanges were about, are in {keys}. Keep the two apart: whoever has both has "
            "everything. When the term of a month is over its key is destroyed in that file too, so leave it where this network reaches it; "
            "warifu status tells when it does not.",
        )
    )


def restore(archive: Archive, state: Folder, keys: Keys = None) -> None:
    """Restore a backup."""
    from warifu.simulator.launcher import backup as work  # noqa: PLC0415

    with clear_errors():
        work.restore(archive, state.absolute(), keys)
    out.print(
        t(
            f"{state} に戻しました。起動: warifu demo --state {state}",
            f"restored into {state}. Start it with: warifu demo --state {state}",
        )
    )
