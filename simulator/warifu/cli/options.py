"""Options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.output import err
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.state import NetworkFile

State = Annotated[
    Path | None,
    typer.Option(
        help=t(
            "状態フォルダー。省略すると、動いているネットワークのうち最も新しいもの。",
            "State folder. Without it: the network that was started last.",
        ),
        show_default=False,
    ),
]
Json = Annotated[
    bool, typer.Option("--json", help=t("JSON文書を一つだけ出力する。", "Print one JSON document and nothing else."))
]


def living(state: Path | None) -> tuple[Path, NetworkFile]:
    """The state folder and file of the running network that is meant.

    Raises:
        StateError: there is none, or it does not run.
    """
    from warifu.simulator.state import NetworkFile, StateError, newest_living  # noqa: PLC0415

    folder, others = (state, 0) if state else newest_living()
    folder = folder.absolute()
    if others > 1:
        err.print(
            t(
                f"{others} 個のネットワークが動いています。使うのは {folder} です。ほかを使うときは --state で指定してください。",
                f"{others} networks are running; this is about {folder}. Name another with --state.",
            ),
            style="dim",
            soft_wrap=True,
        )
    file = NetworkFile.load(folder)
    if not file.living():
        raise StateError(
            f"{folder} のネットワークは動いていません。起動: warifu demo --state {folder}",
            f"the network of {folder} is not running. Start it with: warifu demo --state {folder}",
        )
    return folder, file
