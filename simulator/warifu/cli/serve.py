"""`warifu serve`: a network under test, for a system in any language."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, fail, out
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.simulator.testing.serving import Served


def serve(
    people: Annotated[int, typer.Option(min=1, help=t("人数。", "How many people."))] = 200,
    seed: Annotated[int, typer.Option(help=t("すべての元になる数。", "From which all of it derives."))] = 1,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            help=t("制御サービスのポート。0 なら空いているもの。", "Port of the control service; 0 for any."),
        ),
    ] = 0,
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
            run(_serve(people, seed, port, face or [], at or [], as_json=json_))
        except LinkageTestError as error:
            fail(str(error))


async def _serve(people: int, seed: int, port: int, faces: list[str], at: list[str], *, as_json: bool) -> None:
    from warifu.simulator.testing.serving import places, served, until_signalled  # noqa: PLC0415

    over = until_signalled()
    async with served(people, seed, port=port, faces=faces, elsewhere=places(at), listed=True) as told:
        if as_json:
            document(told.document())
        else:
            _show(told)
        await over.wait()


def _show(told: Served) -> None:
    out.print(t(f"準備できました（{told.ready_seconds} 秒）。", f"Ready after {told.ready_seconds} s."), style="bold")
    rows = [
        (t("制御サービス（gRPC）", "Control service (gRPC)"), told.address),
        (t("トークン", "Token"), told.token),
        (t("状態フォルダー", "State folder"), told.state),
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
