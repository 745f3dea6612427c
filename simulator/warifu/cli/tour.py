"""`warifu tour`: a picture of every page of a running network, in both languages, wide and narrow."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, fail, out
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.tour.tour import Toured

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def tour(
    folder: Annotated[
        Path,
        typer.Option(
            "--out", help=t("画像と index.html を置くフォルダー。", "Folder for the pictures and index.html.")
        ),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            help=t(
                "この人だけ（citizen、clerk など）。くり返せる。",
                "Only this visitor (citizen, clerk, …); may be repeated.",
            ),
            show_default=False,
        ),
    ] = None,
    state: State = None,
    json_: Json = False,
) -> None:
    """Photograph every page."""
    with clear_errors():
        where, file = living(state)
        try:
            from warifu.simulator.tour.tour import furnish, photograph  # noqa: PLC0415
        except ModuleNotFoundError:
            fail(
                t(
                    "画面の撮影には検査用の道具が要ります: ./warifu test --list",
                    "pictures need the test tools: ./warifu test --list",
                )
            )
        browser = os.environ.get("WARIFU_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
        if browser is None:
            fail(
                t(
                    "Chromium がありません。apt install chromium fonts-noto-cjk か、WARIFU_CHROMIUM で指定してください。",
                    "no Chromium: apt install chromium fonts-noto-cjk, or name it in WARIFU_CHROMIUM.",
                )
            )
        folder.mkdir(parents=True, exist_ok=True)
        with err.status(t("場面を用意しています…", "furnishing the network…")) as status:
            scene = asyncio.run(furnish(file, where))
            toured = photograph(
                file, scene, folder, browser, only or (), lambda who, count: status.update(f"{who}: {count}")
            )
    _report(toured, as_json=json_)


def _report(toured: Toured, *, as_json: bool) -> None:
    if as_json:
        document(toured.document())
    else:
        out.print(
            t(f"{toured.pages} ページ、{toured.pictures} 枚: ", f"{toured.pages} pages, {toured.pictures} pictures: ")
            + str(toured.index)
        )
        for problem in toured.problems:
            out.print(f"[bold red]✗[/] {problem}", markup=True)
    raise typer.Exit(1 if toured.problems else 0)
