"""`warifu conformance`: does an interim server of your own keep the protocol."""

from __future__ import annotations

import asyncio
import logging
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from warifu.cli.options import Json
from warifu.cli.output import clear_errors, document, err, out, placed
from warifu.cli.text import example, language, t

if TYPE_CHECKING:
    from warifu.simulator.conformance import Requirement, Result
    from warifu.simulator.conformance.folder import Prepared

app = typer.Typer(
    name="conformance",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "自分で作った中間サーバーが、通信の要求（docs/PROTOCOL.md）を満たすかを試験する。",
        "Does an interim server of your own keep the requirements of docs/PROTOCOL.md?",
        "warifu conformance prepare ./conformance --institution tax-480011",
        "warifu conformance provider --folder ./conformance --target 127.0.0.1:8295",
    ),
)
_MARKS = {"passed": "green", "failed": "bold red", "skipped": "yellow"}


@app.command(
    help=example(
        "提供機関の設定に要るもの（証明書、鍵、法令表、副本と符号）をフォルダーに作る。",
        "Write what the provider must be configured with: certificates, keys, law book, copies with codes.",
        "warifu conformance prepare ./conformance --institution tax-480011",
    )
)
def prepare(
    folder: Annotated[Path, typer.Argument(file_okay=False, help=t("作るフォルダー。", "The folder to make."))],
    institution: Annotated[
        str, typer.Option(help=t("税務の機関のコード。", "Code of a tax office, such as tax-480011."))
    ],
    listen: Annotated[
        str, typer.Option(help=t("提供機関が待ち受けるアドレス。", "Address at which the provider will listen."))
    ] = "127.0.0.1:8295",
    gateway: Annotated[
        str,
        typer.Option(help=t("試験中のゲートウェイのアドレス。", "Address of the gateway while a run lasts.")),
    ] = "127.0.0.1:8294",
    json_: Json = False,
) -> None:
    """Prepare a folder and say what to do with it."""
    from warifu.simulator.conformance import prepare as made  # noqa: PLC0415 - slow to import

    with clear_errors(), placed(folder):
        prepared = made(folder, institution, listen, gateway)
    if json_:
        document(prepared.document())
    else:
        _advise(prepared)


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
    folder: Annotated[
        Path, typer.Option(help=t("prepare で作ったフォルダー。", "The folder that prepare made."), file_okay=False)
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(
            help=t("この番号の要求だけ（繰り返し可）。", "Only requirements of this number; may be repeated."),
            show_default=False,
        ),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            help=t(
                "提供機関を起動するコマンド。強制終了と再起動も試す。",
                "Starts the provider; it is then also killed and started again.",
            ),
            show_default=False,
        ),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help=t("JUnit XML の出力先。", "Write JUnit XML here."), show_default=False)
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help=t("HTML の出力先。", "Write a page here."), show_default=False)
    ] = None,
    wait: Annotated[
        float, typer.Option(min=1, help=t("提供機関を待つ秒数。", "Seconds to wait for the provider."))
    ] = 60.0,
    json_: Json = False,
) -> None:
    """Run the requirements against a provider."""
    from warifu.simulator import conformance  # noqa: PLC0415 - slow to import

    with clear_errors():
        prepared = conformance.prepared(folder)
        requirements = conformance.chosen(only or [])
        words = shlex.split(command or "")
        results = asyncio.run(_run(prepared, target, requirements, words, wait, quiet=json_))
        if junit is not None:
            with placed(junit):
                junit.write_text(conformance.junit(results, prepared.institution), encoding="utf-8")
        if html is not None:
            with placed(html):
                html.write_text(conformance.html(results, prepared.institution, target, language()), encoding="utf-8")
    failed = sum(one.status == "failed" for one in results)
    if json_:
        document(
            {
                "institution": prepared.institution,
                "target": target,
                "passed": not failed,
                "results": [one.document() for one in results],
            }
        )
    else:
        out.print(
            t(
                f"要求 {len(results)} 件：適合 {len(results) - failed}、不適合 {failed}",
                f"{len(results)} requirements: {len(results) - failed} passed, {failed} failed",
            ),
            style="bold",
        )
    raise typer.Exit(1 if failed else 0)


async def _run(
    prepared: Prepared,
    target: str,
    requirements: tuple[Requirement, ...],
    command: list[str],
    patience: float,
    *,
    quiet: bool,
) -> list[Result]:
    from warifu.simulator.conformance import check_all, opened  # noqa: PLC0415

    # Our gateway's log is not the user's: a party without a witness has something to say every second.
    logging.getLogger("warifu").addHandler(logging.FileHandler(prepared.root / "gateway.log", encoding="utf-8"))

    with err.status(t(f"{target} の提供機関を待っています…", f"Waiting for the provider at {target}…")) as status:
        async with opened(prepared, target, command=command, patience=patience) as bench:
            status.stop()
            return await check_all(bench, requirements, None if quiet else _tell)


def _tell(result: Result) -> None:
    """One line a requirement; for a failure what was expected, what came and what was sent."""
    from warifu.simulator.conformance.report import sent  # noqa: PLC0415

    one, style = result.requirement, _MARKS[result.status]
    word = {"passed": t("適合", "passed"), "failed": t("不適合", "failed"), "skipped": t("未実施", "skipped")}
    note = f"  ({t(*result.note)})" if result.note.en else ""
    out.print(f"[{style}]{word[result.status]}[/]  {one.label}  {escape(t(one.ja, one.en) + note)}", soft_wrap=True)
    if result.status != "failed":
        return
    for name, value in (
        (t("章", "section"), f"docs/PROTOCOL.md, {one.section}"),
        (t("期待", "expected"), t(*result.expected)),
        (t("結果", "got"), t(*result.got)),
        (t("送信", "sent"), sent(result)),
    ):
        out.print(f"    {name}: {value}", markup=False, soft_wrap=True)


def _advise(prepared: Prepared) -> None:
    out.print(t(f"{prepared.institution} の適合試験", f"Conformance of {prepared.institution}"), style="bold")
    folder = prepared.theirs
    for name, value in (
        (t("提供機関のフォルダー", "the provider's folder"), folder),
        (t("ルート証明書と失効リスト", "root and revocation list"), folder / "trust"),
        (t("サーバー証明書と鍵", "server certificate and key"), folder / "tls"),
        (t("クライアント証明書と鍵", "client certificate and key"), folder / "identities" / prepared.institution),
        (t("アドレスなど", "addresses"), folder / "party.json"),
        (t("登録する副本と符号", "copies to serve, with codes"), folder / "copies.json"),
        (t("待ち受け", "listen at"), prepared.listen),
        (t("ゲートウェイ（試験中だけ動く）", "gateway, which runs during a run"), prepared.gateway),
    ):
        out.print(f"  {name}: {value}", markup=False, soft_wrap=True)
    command = f"warifu conformance provider --folder {prepared.folder} --target {prepared.listen}"
    out.print(
        t("設定して起動したら", "Configure it, start it, then") + f":  {t(command, command)}",
        markup=False,
        soft_wrap=True,
    )
