"""`warifu serve`: a network under test, for a system in any language."""

from __future__ import annotations

import logging
import os
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Annotated, Final

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, fail, out
from warifu.cli.text import t
from warifu.simulator.testing import LARGEST_SEED, LEAST_PEOPLE, TOKEN

if TYPE_CHECKING:
    from warifu.simulator.testing.serving import Served
    from warifu.simulator.testing.where import Where

SHORTEST: Final = 16
LAST_PORT: Final = 65_400
"""With room for all others above it."""


def serve(
    people: Annotated[int, typer.Option(min=LEAST_PEOPLE, help=t("人数。", "How many people."))] = 200,
    seed: Annotated[
        int, typer.Option(min=0, max=LARGEST_SEED, help=t("すべての元になる数。", "From which all of it derives."))
    ] = 1,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=LAST_PORT,
            help=t(
                "制御サービスのポート。ほかのポートもこれで決まる：続く番号がウェブ画面、10 先からが窓口（二つずつ）。0 ならどれも空いているもの。",
                "Port of the control service, which settles all others: web faces take the next ones, plain faces two each from 10 further on. 0 for any.",
            ),
        ),
    ] = 0,
    listen: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help=t(
                "待ち受ける IPv4 アドレス。コンテナの中では 0.0.0.0。",
                "IPv4 address to listen on; 0.0.0.0 in a container.",
            ),
        ),
    ] = "127.0.0.1",
    host: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=t(
                "ほかのコンテナや機械から見た名前。表示・返答するアドレスに使う。省略すると待ち受けるアドレス。",
                "Name by which other containers or machines reach it, told in addresses. Without it: the address listened on.",
            ),
            show_default=False,
        ),
    ] = None,
    face: Annotated[
        list[str] | None,
        typer.Option(
            help=t(
                "この機関の中間サーバーの窓口も開く（繰り返せる）。",
                "Open the plain face of this institution's interim server too (repeat it for more).",
            ),
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        list[str] | None,
        typer.Option(
            metavar="INSTITUTION[=HOST:PORT]",
            help=t(
                "この機関は、このアドレスにある自分のシステムが受け持つ（繰り返せる。docs/ONBOARD.md）。",
                "A system of your own at this address serves this institution (repeat it for more; docs/ONBOARD.md).",
            ),
            show_default=False,
        ),
    ] = None,
    json_: Json = False,
) -> None:
    """Serve a network for tests from one process: reset, snapshots, faults and clock by a control service. Ctrl-C ends it."""
    from warifu.simulator.testing.linkage import LinkageTestError  # noqa: PLC0415 - the command starts quickly
    from warifu.simulator.testing.serving import run  # noqa: PLC0415
    from warifu.simulator.testing.where import Where  # noqa: PLC0415

    _check(listen)
    token = _token()
    logging.basicConfig(level=logging.CRITICAL)
    if not json_:
        err.print(
            t(
                "準備しています（この機械で初めてのときは、数秒余計にかかります）…",
                "Getting ready (the first time on this machine takes some seconds more) …",
            )
        )
    with clear_errors():
        try:
            run(_serve(people, seed, Where(port, listen, host), token, face or [], at or [], as_json=json_))
        except LinkageTestError as error:
            fail(str(error))


async def _serve(
    people: int, seed: int, where: Where, token: str | None, faces: list[str], at: list[str], *, as_json: bool
) -> None:
    from warifu.simulator.testing.serving import places, served, until_signalled  # noqa: PLC0415

    over = until_signalled()
    async with served(people, seed, where=where, token=token, faces=faces, elsewhere=places(at), listed=True) as told:
        if as_json:
            document(told.document())
        else:
            _show(told)
        await over.wait()


def _check(listen: str) -> None:
    try:
        IPv4Address(listen)
    except ValueError:
        fail(
            t(
                f"--listen {listen} は IPv4 アドレスではありません。例: 127.0.0.1（この機械だけ）、0.0.0.0（すべて）。",
                f"--listen {listen} is no IPv4 address. Use 127.0.0.1 for this machine alone, or 0.0.0.0 for everywhere.",
            )
        )


def _token() -> str | None:
    token = os.environ.get(TOKEN) or None
    if token is not None and not (
        len(token) >= SHORTEST and token.isascii() and token.isprintable() and " " not in token
    ):
        fail(
            t(
                f"環境変数 {TOKEN} は、空白を含まない ASCII 文字 {SHORTEST} 字以上にしてください。例: openssl rand -hex 16",
                f"the environment variable {TOKEN} must be {SHORTEST} or more ASCII characters without spaces, such as openssl rand -hex 16 makes.",
            )
        )
    return token


def _show(told: Served) -> None:
    out.print(t(f"準備できました（{told.ready_seconds} 秒）。", f"Ready after {told.ready_seconds} s."), style="bold")
    rows = [
        (t("制御サービス（gRPC）", "Control service (gRPC)"), told.address),
        (t("トークン", "Token"), told.token),
        (t("状態フォルダー", "State folder"), told.state),
        *((f"{t('ウェブ画面', 'Web face')} {name}", url) for name, url in told.urls.items()),
    ]
    for face in told.faces:
        rows += [
            (f"{face.institution} HTTP/JSON", face.url),
            (f"{face.institution} gRPC", face.address),
            (f"{face.institution} {t('トークン', 'token')}", face.token),
        ]
    for one in told.onboarded:
        rows += [
            (f"{one['institution']} {t('待ち受けるアドレス', 'listens at')}", one["address"]),
            (f"{one['institution']} {t('フォルダー', 'folder')}", one["folder"]),
        ]
    for name, value in rows:
        out.print(f"  {name}: {value}", soft_wrap=True, highlight=False, markup=False)
    out.print(
        t("Ctrl-C で終わります。使い方: docs/KIT.md", "Ctrl-C ends it. How to use it: docs/KIT.md"), highlight=False
    )
