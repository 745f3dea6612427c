"""`warifu demo`: the whole network on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli import BEGAN
from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, out, placed
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.launcher.network import Options, Progress
    from warifu.simulator.state import NetworkFile

PEOPLE_LIMIT = 1_000_000


def demo(
    people: Annotated[
        int, typer.Option(min=50, max=PEOPLE_LIMIT, help=t("架空の住民の数。", "How many synthetic people."))
    ] = 1000,
    seed: Annotated[
        int, typer.Option(help=t("同じ値なら同じ住民になる。", "The same seed makes the same people."))
    ] = 1,
    port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65530,
            help=t(
                "ポータルのポート。ほかの画面はその次から5つを使う。",
                "Port of the portal; the other faces take the next five.",
            ),
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
    database_url: Annotated[
        str | None,
        typer.Option(
            help=t(
                "SQLiteファイルの代わりに使うPostgreSQLサーバー。データベースと役割を作れる利用者で。環境変数なら引数にパスワードが残らない。",
                "A PostgreSQL server to use instead of SQLite files, with a user that may make databases and roles. By the environment variable no password stands in the arguments.",
            ),
            envvar="WARIFU_DATABASE_URL",
            show_default=False,
        ),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            help=t(
                "画面の待受アドレス。コンテナの中では 0.0.0.0。",
                "Address on which the pages listen; 0.0.0.0 inside a container.",
            )
        ),
    ] = "127.0.0.1",
    reflection: Annotated[
        bool,
        typer.Option(
            "--reflection",
            help=t(
                "gRPCリフレクションを有効にする（契約の閲覧用）。",
                "Serve gRPC reflection, for tools that browse the contracts.",
            ),
        ),
    ] = False,
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
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help=t("ブラウザーを開かない。", "Open no browser."))
    ] = False,
    json_: Json = False,
) -> None:
    """Bring up the network."""
    with clear_errors():
        from warifu.simulator.launcher import Options  # noqa: PLC0415 - slow to import

        folder = state or Path(tempfile.mkdtemp(prefix="warifu-"))
        try:
            options = Options(
                folder, people, seed, port, listen=listen, reflection=reflection, stopped_clock=stopped_clock,
                database_url=database_url, fleeting=state is None,
            )  # fmt: skip
            with placed(folder):
                asyncio.run(_demo(options, browser=not no_browser, as_json=json_))
        finally:
            if state is None:
                shutil.rmtree(folder, ignore_errors=True)


async def _demo(options: Options, *, browser: bool, as_json: bool) -> None:
    from warifu.simulator.launcher import Network  # noqa: PLC0415 - slow to import

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with err.status(t("起動しています…", "starting…")) as status:
        progress = worded(status.update)
        async with Network.run(options, progress, BEGAN) as network:
            status.stop()
            _announce(network.file, options.state, as_json=as_json)
            if browser:
                webbrowser.open(network.file.urls["stage"])
            await stop.wait()
            if not as_json:
                out.print(t("終了しています…", "draining…"))


def worded(show: Callable[[str], None]) -> Progress:
    """Progress of a start, in words."""
    names = {
        "parties": t("各機関の起動", "parties up"),
        "numbering": t("番号の付番", "numbering people"),
        "residency": t("住民記録の登録", "filling residency"),
        "tax": t("税情報の登録", "filling tax"),
        "health_insurance": t("医療保険の登録", "filling health insurance"),
    }
    return lambda step, done, of: show(f"{names.get(step, step)} {done}/{of}")


def _announce(file: NetworkFile, folder: Path, *, as_json: bool) -> None:
    if as_json:
        document({"ready_seconds": file.ready_seconds, "state": str(folder), "urls": dict(file.urls)})
        return
    out.print(
        t(
            f"準備ができました（{file.ready_seconds} 秒）。これは訓練用シミュレータです。",
            f"Ready in {file.ready_seconds} s. This is a training simulator.",
        )
    )
    out.print(t("舞台（ここから始める）", "Stage (begin here)") + f":  {file.urls['stage']}", style="bold")
    for face, text in (
        ("portal", t("市民ポータル", "Citizen portal")),
        ("counter", t("窓口", "Counters")),
        ("watchdog", t("監督機関の画面", "Supervisor's console")),
    ):
        out.print(f"{text}:  {file.urls[face]}")
    out.print(t("終了", "End") + ":  Ctrl-C")
