"""`warifu portal`: the citizen portal for those who build pages against it, with demo persons, tokens and the least that it needs."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from warifu.cli import BEGAN
from warifu.cli.demo import worded
from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, fail, out, placed, table
from warifu.cli.text import t

if TYPE_CHECKING:
    from collections.abc import Callable

    from warifu.simulator.launcher.options import Options
    from warifu.simulator.personas import Persona, Personas
    from warifu.simulator.state import NetworkFile

ROWS_LIMIT = 1_000_000


def portal(
    people: Annotated[
        int, typer.Option(min=50, max=100_000, help=t("架空の住民の数。", "How many synthetic people."))
    ] = 100,
    seed: Annotated[
        int, typer.Option(help=t("同じ値なら同じ住民になる。", "The same seed makes the same people."))
    ] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65530,
            help=t("ポータルのポート（カード画面はその次）。", "Port of the portal; the card page takes the next one."),
            show_default=False,
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            help=t(
                "状態を残すフォルダー。次回はそこから続ける。省略すると終了時に消える。",
                "Folder to keep the state in; the next start carries on. Without it the state goes at the end.",
            ),
            show_default=False,
        ),
    ] = None,
    dev_origin: Annotated[
        str | None,
        typer.Option(
            help=t(
                "開発中の画面のオリジン。そこからトークンで /api/v1/ を呼べるようにする。",
                "Origin of the pages that you build: it may then call /api/v1/ with a token.",
            ),
            metavar="http://localhost:5173",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[
        int,
        typer.Option(
            min=0,
            max=ROWS_LIMIT,
            help=t(
                "busy の履歴の件数。起動後に本物のやりとりで増やす。",
                "Entries of busy's history, made by real exchanges after the start.",
            ),
        ),
    ] = 10_000,
    stopped_clock: Annotated[
        bool,
        typer.Option(
            "--stopped-clock",
            help=t(
                "ネットワークの時計を止めておく。同じシードなら、どの起動でも同じ画面になる。",
                "Let the network's clock stand still: with the same seed every start shows the same pages.",
            ),
        ),
    ] = False,
    json_: Json = False,
) -> None:
    """Bring up the portal."""
    if dev_origin is not None and not _is_origin(dev_origin):
        fail(
            t(
                f"{dev_origin} はオリジンではありません。http://localhost:5173 のように、パスなしで指定してください。",
                f"{dev_origin} is no origin. Give it without a path, such as http://localhost:5173.",
            )
        )
    with clear_errors():
        from warifu.simulator.launcher import Options  # noqa: PLC0415 - slow to import

        folder = state or Path(tempfile.mkdtemp(prefix="warifu-"))
        try:
            options = Options(folder, people, seed, port, dev_origin=dev_origin, bare=True, stopped_clock=stopped_clock)
            with placed(folder):
                asyncio.run(_portal(options, rows, as_json=json_))
        finally:
            if state is None:
                shutil.rmtree(folder, ignore_errors=True)


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and text == f"{parts.scheme}://{parts.netloc}"


async def _portal(options: Options, rows: int, *, as_json: bool) -> None:
    from warifu.simulator.launcher import Network  # noqa: PLC0415 - slow to import
    from warifu.simulator.personas import Personas  # noqa: PLC0415

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with err.status(t("起動しています…", "starting…")) as status:
        async with Network.run(options, worded(status.update), BEGAN) as network:
            personas = Personas(network.file, options.state, network.doors)
            made = await personas.make()
            status.stop()
            _announce(network.file, made, options.dev_origin, as_json=as_json)
            await _until(stop, personas, rows, quiet=as_json)


async def _until(stop: asyncio.Event, personas: Personas, rows: int, *, quiet: bool) -> None:
    """Fill busy's history, then wait for the end; the end does not wait for the filling."""
    with err.status("") as status:
        show: Callable[[str], None] = (lambda _text: None) if quiet else status.update
        filling = asyncio.create_task(
            personas.keep_busy(
                rows, lambda count: show(t(f"busy の履歴 {count}/{rows} 件", f"busy's history: {count} of {rows}"))
            )
        )
        ended = asyncio.create_task(stop.wait())
        await asyncio.wait({filling, ended}, return_when=asyncio.FIRST_COMPLETED)
        status.stop()
        filling.cancel()
        done = await asyncio.gather(filling, return_exceptions=True)
        if not stop.is_set() and done[0] is not None:
            said = t("busy の履歴は、ここまでで止まりました。", "busy's history stopped growing here")
            err.print(f"{said}: {done[0]}", markup=False)
        await ended


def _announce(file: NetworkFile, made: list[Persona], dev_origin: str | None, *, as_json: bool) -> None:
    from warifu.simulator.personas import NAMES  # noqa: PLC0415

    api = f"{file.urls['portal']}/api/v1/"
    if as_json:
        document(
            {
                "ready_seconds": file.ready_seconds,
                "urls": dict(file.urls),
                "api": api,
                "openapi": f"{api}openapi.json",
                "dev_origin": dev_origin,
                "persons": [one.document() for one in made],
            }
        )
        return
    out.print(t("市民ポータル", "Citizen portal") + f":  {file.urls['portal']}", style="bold")
    out.print(t("APIの記述", "Description of the API") + f":  {api}openapi.json")
    out.print(
        t("トークンの使い方", "A token is used so") + f":  curl -H 'Authorization: Bearer …' {api}history",
        soft_wrap=True,
    )
    table(
        [
            t("名前", "name"),
            t("人", "person"),
            t("暗証番号", "PIN"),
            t("トークン", "token"),
            t("どんな人か", "what for"),
        ],
        [(one.name, one.person, one.pin, one.token or "–", t(*NAMES[one.name])) for one in made],
    )
    out.print(t("終了", "End") + ":  Ctrl-C")
