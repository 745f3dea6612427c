"""`warifu demo`: the whole network on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shutil
import signal
import tempfile
import time
import webbrowser
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli import BEGAN
from warifu.cli.lines import shown
from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, out, placed
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.launcher.network import Progress
    from warifu.simulator.launcher.options import Options
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
    gateways: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=8,
            help=t(
                "ゲートウェイの数。2つ以上には --database-url が要る。どれが止まっても、ほかが続ける。",
                "How many processes the gateway is; more than one needs --database-url. Any of them may die, the others go on.",
            ),
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
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=65000,
            help=t(
                "各機関の計測値（OpenMetrics）を読むポートの最初の番号。機関ごとに一つ、この機械からだけ読める。",
                "First of the ports at which the parties' metrics (OpenMetrics) are read: one a party, from this machine alone.",
            ),
            show_default=False,
        ),
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help=t(
                "呼出しのトレースを送る収集サーバー（OTLP/gRPC。例: http://127.0.0.1:4317）。追加機能 otlp が要る。",
                "Collector to send traces of calls to (OTLP over gRPC, such as http://127.0.0.1:4317); needs warifu's extra otlp.",
            ),
            show_default=False,
        ),
    ] = None,
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
                database_url=database_url, fleeting=state is None, metrics_port=metrics_port, otlp=otlp,
                gateways=gateways,
            )  # fmt: skip
            with placed(folder):
                asyncio.run(_demo(options, browser=not no_browser, as_json=json_))
        finally:
            if state is None:
                shutil.rmtree(folder, ignore_errors=True)


async def _demo(options: Options, *, browser: bool, as_json: bool) -> None:
    from warifu.simulator.launcher import Network  # noqa: PLC0415 - slow to import

    stop = asyncio.Event()
    starting = asyncio.current_task()

    def leave() -> None:
        stop.set()
        if starting is not None:
            starting.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, leave)
    try:
        with err.status(t("起動しています…", "starting…")) as status:
            async with Network.run(options, worded(shown(status.update)), BEGAN) as network:
                starting = None  # from here on the network is drained, not given up
                status.stop()
                _announce(network.file, options.state, as_json=as_json)
                if browser:
                    webbrowser.open(network.file.urls["stage"])
                await stop.wait()
                if not as_json:
                    out.print(t("終了しています…", "draining…"))
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        _say_how_to_go_on(options)


def _say_how_to_go_on(options: Options) -> None:
    if options.fleeting:
        err.print(t("準備ができる前に終了しました。", "ended before it was ready."))
        return
    err.print(
        t(
            f"準備ができる前に終了しました。登録済みの人はそのまま残っています。続き: warifu demo --state {options.state}",
            f"ended before it was ready; whoever is loaded stays. Carry on with: warifu demo --state {options.state}",
        )
    )


def worded(show: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> Progress:
    """Progress of a start, in words; of people also how many a second since the first word, and how long it will take."""
    began: tuple[float, int] | None = None

    def told(step: str, done: int, of: int) -> None:
        nonlocal began
        if step != "people":
            show(t(f"各機関の起動 {done}/{of}", f"parties up {done}/{of}"))
            return
        now = clock()
        began = began or (now, done)
        passed, loaded = now - began[0], done - began[1]
        show(_people(done, of, loaded / passed if loaded and passed else None))

    return told


def _people(done: int, of: int, rate: float | None) -> str:
    text = t(f"住民の登録 {done:,}/{of:,} 人（{done / of:.1%}）", f"filling people {done:,}/{of:,} ({done / of:.1%})")
    if rate is None:
        return text
    minutes = (of - done) / rate / 60
    left = t(f"残り約 {minutes:.0f} 分", f"about {minutes:.0f} min left")
    if minutes < 1:
        left = t("残り 1 分未満", "less than a minute left")
    return text + t(f"、毎秒 {rate:,.0f} 人、{left}", f", {rate:,.0f} people/s, {left}")


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
