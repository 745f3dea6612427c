"""`warifu conformance`: does an interim server, or a business system, of your own keep what the documents ask."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from warifu.cli.conformance_told import Command, Folder, Html, JUnit, Only, Target, Told, Wait
from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, out, placed
from warifu.cli.text import example, t

if TYPE_CHECKING:
    from warifu.simulator.conformance import Prepared, PreparedRequester

_FACE: Final = 8190
"""Port of the face that a system at a --target is configured with."""
app = typer.Typer(
    name="conformance",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "自分で作った中間サーバーや業務システムが、要求（docs/PROTOCOL.md、docs/BUSINESS.md）を満たすかを試験する。",
        "Does an interim server, or a business system, of your own keep the requirements of docs/PROTOCOL.md and docs/BUSINESS.md?",
        "warifu conformance prepare ./conformance --institution tax-480011",
        "warifu conformance provider --folder ./conformance --target 127.0.0.1:8295",
        "warifu conformance requester --folder ./conformance-requester --command 'my-requester …'",
    ),
)


@app.command(
    help=example(
        "試験を受ける機関の設定に要るもの（証明書、鍵、法令表、副本や符号）をフォルダーに作る。税務の機関は提供機関、国民健康保険は照会機関として。",
        "Write what an institution must be configured with: certificates, keys, law book, copies or codes. A tax office is tried as a provider, a municipal health insurance as a requester.",
        "warifu conformance prepare ./conformance --institution tax-480011",
        "warifu conformance prepare ./conformance-requester --institution nhi-490016",
    )
)
def prepare(
    folder: Annotated[Path, typer.Argument(file_okay=False, help=t("作るフォルダー。", "The folder to make."))],
    institution: Annotated[
        str,
        typer.Option(
            help=t(
                "機関のコード。税務なら提供機関、国民健康保険なら照会機関。",
                "Code of a tax office (a provider), such as tax-480011, or of a municipal health insurance (a requester), such as nhi-490016.",
            )
        ),
    ],
    listen: Annotated[
        str, typer.Option(help=t("提供機関が待ち受けるアドレス。", "Address at which the provider will listen."))
    ] = "127.0.0.1:8295",
    gateway: Annotated[
        str,
        typer.Option(help=t("試験中のゲートウェイのアドレス。", "Address of the gateway while a run lasts.")),
    ] = "127.0.0.1:8294",
    numbering: Annotated[
        str,
        typer.Option(
            help=t(
                "照会機関の試験中の住基ネット役のアドレス。",
                "Address of the numbering body while a run of a requester lasts.",
            )
        ),
    ] = "127.0.0.1:8293",
    json_: Json = False,
) -> None:
    """Prepare a folder and say what to do with it."""
    from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

    with clear_errors(), placed(folder):
        if institution.startswith("nhi-"):
            asks = conformance.prepare_requester(folder, institution, gateway, numbering)
            told, advice = asks.document(), _of_requester(asks)
        else:
            provides = conformance.prepare(folder, institution, listen, gateway)
            told, advice = provides.document(), _of_provider(provides)
    if json_:
        document(told)
    else:
        _advise(institution, *advice)


@app.command(
    help=example(
        "提供機関を試験する。満たさない要求があれば終了コード 1。",
        "Try a provider; exit code 1 when it fails a requirement.",
        "warifu conformance provider --folder ./conformance --target 127.0.0.1:8295",
        "warifu conformance provider --folder ./conformance --target 127.0.0.1:8295 --only PROTO-5.4 --junit result.xml --html result.html",
    )
)
def provider(
    target: Annotated[str, typer.Option(help=t("提供機関のアドレス HOST:PORT。", "The provider's HOST:PORT."))],
    folder: Folder,
    only: Only = None,
    command: Command = None,
    clerk: Annotated[
        str | None,
        typer.Option(
            help=t(
                "提供機関の職員として確認待ちを処理するコマンド。許可証番号と provide か withhold が最後に付く。",
                "Decides, as a clerk of the provider, on an answer that waits; given the permit id and provide or withhold as its last words.",
            ),
            show_default=False,
        ),
    ] = None,
    junit: JUnit = None,
    html: Html = None,
    wait: Wait = 60.0,
    json_: Json = False,
) -> None:
    """Run the requirements against a provider."""
    from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

    with clear_errors():
        prepared = conformance.prepared(folder)
        decides = conformance.clerk_by(conformance.words_of(clerk)) if clerk else None
        words = conformance.words_of(command)
        opened = conformance.opened(prepared, target, command=words, clerk=decides, patience=wait)
        told = Told(conformance.PROVIDER, prepared.institution, target, prepared.root, junit, html, json_)
        told.run(opened, only)


@app.command(
    help=example(
        "照会機関を試験する。質問は一行の JSON で渡す（docs/CONFORMANCE.md）。満たさない要求があれば終了コード 1。",
        "Try a requester, which is asked by lines of JSON (docs/CONFORMANCE.md); exit code 1 when it fails a requirement.",
        "warifu conformance requester --folder ./conformance-requester --command 'my-requester --folder ./conformance-requester/health_insurance'",
        "warifu conformance requester --folder ./conformance-requester --target 127.0.0.1:8296 --only PROTO-7.1 --html result.html",
    )
)
def requester(
    folder: Folder,
    command: Command = None,
    target: Target = None,
    only: Only = None,
    junit: JUnit = None,
    html: Html = None,
    wait: Wait = 60.0,
    json_: Json = False,
) -> None:
    """Run the requirements against a requester."""
    # One check listens under another party's name, and gRPC's own log would say so on the terminal.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

    with clear_errors():
        prepared = conformance.prepared_requester(folder)
        words = conformance.words_of(command)
        opened = conformance.opened_requester(prepared, address=target or "", command=words, patience=wait)
        where = target or command or ""
        told = Told(conformance.REQUESTER, prepared.institution, where, prepared.root, junit, html, json_)
        told.run(opened, only)


@app.command(
    help=example(
        "中間サーバーの手前にある業務システムを試験する。用事は一行の JSON で渡す（docs/CONFORMANCE.md）。満たさない要求があれば終了コード 1。",
        "Try a business system behind an interim server, which is given errands by lines of JSON (docs/CONFORMANCE.md); exit code 1 when it fails a requirement.",
        "warifu conformance business --command 'my-office --store ./office.db'",
        "warifu conformance business --target 127.0.0.1:8296 --token secret --only BIZ-7.4 --junit result.xml",
    )
)
def business(
    command: Command = None,
    target: Target = None,
    token: Annotated[
        str | None,
        typer.Option(
            help=t(
                "業務システムが示すトークン。--command では省略でき、新しく作って WARIFU_TOKEN で渡す。",
                "Token that lets the business system in. With --command it may be left out: a new one is told by WARIFU_TOKEN.",
            ),
            show_default=False,
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65534,
            help=t(
                "HTTP のポート。gRPC は次のポート。省略すると、--target では 8190、--command では空いているポート。",
                "Port of HTTP; gRPC is at the next one. By default 8190 with --target, and with --command one that is free.",
            ),
            show_default=False,
        ),
    ] = None,
    only: Only = None,
    junit: JUnit = None,
    html: Html = None,
    json_: Json = False,
) -> None:
    """Run the requirements against a business system."""
    from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

    with clear_errors():
        if target and not token:
            raise conformance.ConformanceError(
                "--target の業務システムが使うトークンを --token で指定してください。",
                "say with --token which token the business system at --target shows.",
            )
        words, shown = conformance.words_of(command), token or secrets.token_urlsafe(24)
        at = port if port is not None else 0 if words else _FACE
        opened = conformance.opened_business(address=target or "", command=words, token=shown, port=at)
        told = Told(conformance.BUSINESS, conformance.FACE_OF, target or command or "", None, junit, html, json_)
        told.run(opened, only)


Advice = tuple[list[tuple[str, object]], str]
"""What to configure, and what to run then."""


def _of_provider(prepared: Prepared) -> Advice:
    folder = prepared.theirs
    return [
        (t("提供機関のフォルダー", "the provider's folder"), folder),
        *_common(folder, prepared.institution),
        (t("サーバー証明書と鍵", "server certificate and key"), folder / "tls"),
        (t("登録する副本と符号", "copies to serve, with codes"), folder / "copies.json"),
        (t("待ち受け", "listen at"), prepared.listen),
        (t("ゲートウェイ（試験中だけ動く）", "gateway, which runs during a run"), prepared.gateway),
    ], f"warifu conformance provider --folder {prepared.folder} --target {prepared.listen}"


def _of_requester(prepared: PreparedRequester) -> Advice:
    folder = prepared.theirs
    return [
        (t("照会機関のフォルダー", "the requester's folder"), folder),
        *_common(folder, prepared.institution),
        (t("照会する人の符号", "codes of whom to ask about"), folder / "people.json"),
        (t("ゲートウェイ（試験中だけ動く）", "gateway, which runs during a run"), prepared.gateway),
        (t("住基ネット役（試験中だけ動く）", "numbering body, likewise"), prepared.numbering),
    ], f"warifu conformance requester --folder {prepared.folder} --command '…'"


def _common(folder: Path, institution: str) -> list[tuple[str, object]]:
    return [
        (t("ルート証明書と失効リスト", "root and revocation list"), folder / "trust"),
        (t("クライアント証明書と鍵", "client certificate and key"), folder / "identities" / institution),
        (t("アドレスなど", "addresses"), folder / "party.json"),
    ]


def _advise(institution: str, rows: list[tuple[str, object]], command: str) -> None:
    out.print(t(f"{institution} の適合試験", f"Conformance of {institution}"), style="bold")
    for name, value in rows:
        out.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    out.print(t("設定したら", "Configure it, then") + f":  {command}", markup=False, soft_wrap=True)
