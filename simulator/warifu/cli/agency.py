"""`warifu agency`: hands an institution of a network over to a system of the tester's own, lists those that were, and takes one back."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, err, out, placed, table
from warifu.cli.text import example, t

if TYPE_CHECKING:
    from warifu.simulator.onboarding import Handed, Onboarded
    from warifu.simulator.state import NetworkFile

PEOPLE = 20

app = typer.Typer(
    name="agency",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=t(
        "自分で作った中間サーバーに、ネットワークの中の一つの機関を受け持たせる（ほかはシミュレータのまま）。",
        "Have an interim server of your own take one institution's place in the network; all others stay simulated.",
    ),
)
Institution = Annotated[
    str, typer.Option(help=t("機関のコード（例: tax-480011）。", "The institution's code, such as tax-480011."))
]


@app.command(
    help=example(
        "機関を引き渡す：証明書と鍵を発行し、ゲートウェイに宛先を伝え、住民の符号とテストデータを渡し、設定することを示す。",
        "Hand an institution over: issue certificates and keys, tell the gateway the address, hand over people's codes and data, and print what to configure.",
        "warifu agency onboard --institution tax-480011",
        "warifu agency onboard --institution tax-480011 --address 127.0.0.1:9000 --out ./office --people 50 --json",
    )
)
def onboard(
    institution: Institution,
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help=t(
                "そのシステムが待ち受けるアドレス。省略すると空いているもの。",
                "Where the system will listen; without it an address that is free.",
            ),
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help=t(
                "フォルダーの写しをここにも作る。あとで失効や更新があっても、写しは変わらない。",
                "Copy the folder to here too; what is revoked or renewed later does not reach the copy.",
            ),
            show_default=False,
        ),
    ] = None,
    people: Annotated[
        int,
        typer.Option(
            min=0,
            max=1000,
            help=t("符号を取得して渡す住民の数。", "How many people to enrol and hand over."),
        ),
    ] = PEOPLE,
    state: State = None,
    json_: Json = False,
) -> None:
    """Hand an institution over."""
    from warifu.simulator.onboarding import free_address, move, onboarded  # noqa: PLC0415 - slow to import

    with clear_errors():
        folder = _folder(state)
        before = _known(folder, institution)
        with err.status(t("引き渡しています…", "handing over …")):
            file, lives = move(folder, institution, address or before or free_address())
            told = onboarded(folder, file, institution)
            handed = asyncio.run(_hand_over(folder, file, institution, people)) if lives and people else None
        if to is not None:
            with placed(to):
                shutil.copytree(told.folder, to, dirs_exist_ok=True)
    if json_:
        document(
            told.document()
            | {"in_force": lives, "handed": _handed(handed), "copy": None if to is None else str(to.absolute())}
        )
    else:
        _show(told, handed, to, folder, lives=lives)


@app.command(
    "list",
    help=example("引き渡した機関の一覧。", "The institutions that were handed over.", "warifu agency list"),
)
def list_onboarded(state: State = None, json_: Json = False) -> None:
    """List them."""
    with clear_errors():
        found = asyncio.run(_list(_folder(state)))
    if json_:
        document({"institutions": found})
        return
    if not found:
        out.print(
            t(
                "どの機関もシミュレータが受け持っています。引き渡すには: warifu agency onboard --institution tax-480011",
                "Every institution is served by the simulator. Hand one over with: warifu agency onboard --institution tax-480011",
            ),
            soft_wrap=True,
        )
        return
    well = {
        True: t("応答する", "answers"),
        False: t("応答しない", "does not answer"),
        None: t("停止中", "network down"),
    }
    table(
        [t("機関", "institution"), t("アドレス", "address"), t("状態", "state"), t("フォルダー", "folder")],
        ([one["institution"], one["address"], well[one["serving"]], one["folder"]] for one in found),
    )


@app.command(
    help=example(
        "機関をシミュレータに戻す。渡した証明書は失効し、フォルダーの証明書と鍵は消える。",
        "Give an institution back to the simulator. The certificates handed over are revoked, and they and their keys leave the folder.",
        "warifu agency offboard --institution tax-480011",
    )
)
def offboard(institution: Institution, state: State = None, json_: Json = False) -> None:
    """Give an institution back."""
    from warifu.simulator.onboarding import move  # noqa: PLC0415 - slow to import

    with clear_errors(), err.status(t("戻しています…", "taking back …")):
        _, lives = move(_folder(state), institution, None)
    if json_:
        document({"institution": institution, "in_force": lives})
        return
    out.print(
        t(f"{institution} はシミュレータに戻りました。", f"{institution} is served by the simulator again.")
        + ("" if lives else " " + _later(None))
    )


def _folder(state: Path | None) -> Path:
    """The state folder that is meant: of the network that was started last, or one that need not run."""
    return living(None)[0] if state is None else state.absolute()


def _known(folder: Path, institution: str) -> str | None:
    from warifu.simulator.state import NetworkFile  # noqa: PLC0415

    return NetworkFile.load(folder).elsewhere.get(institution)


async def _hand_over(folder: Path, file: NetworkFile, institution: str, people: int) -> Handed:
    from warifu.simulator.doors import doors  # noqa: PLC0415 - slow to import
    from warifu.simulator.onboarding import hand_over  # noqa: PLC0415

    async with doors(file) as opened:
        now, _ = await opened.clock()
    return await hand_over(folder, file, institution, people, now.date())


async def _list(folder: Path) -> list[dict[str, Any]]:
    from warifu.simulator.doors import doors  # noqa: PLC0415 - slow to import
    from warifu.simulator.onboarding import onboarded  # noqa: PLC0415
    from warifu.simulator.state import NetworkFile  # noqa: PLC0415

    file = NetworkFile.load(folder)
    lives = file.living()
    async with doors(file) as opened:
        return [
            onboarded(folder, file, code).document()
            | {"serving": await opened.healthy(file.server_of(code).name) if lives else None}
            for code in sorted(file.elsewhere)
        ]


def _handed(handed: Handed | None) -> dict[str, Any] | None:
    from dataclasses import asdict  # noqa: PLC0415

    return None if handed is None else asdict(handed)


def _later(folder: Path | None) -> str:
    way = "warifu demo --state DIR" if folder is None else f"warifu demo --state {folder}"
    return t(
        f"ネットワークは止まっています。次の起動から有効です: {way}",
        f"The network does not run; in force when it is started again: {way}",
    )


def _show(told: Onboarded, handed: Handed | None, to: Path | None, folder: Path, *, lives: bool) -> None:
    out.print(
        t(
            f"{told.institution} は {told.address} のシステムが受け持ちます。シミュレータはもう応答しません。",
            f"{told.institution} is served at {told.address} from now on; the simulator no longer answers for it.",
        ),
        style="bold",
        soft_wrap=True,
    )
    rows = [
        (t("フォルダー", "Folder"), told.folder),
        (t("待ち受けるアドレス", "Listen at"), told.address),
        (
            t("サーバー証明書と鍵", "Server certificate, key"),
            f"{told.server_certificate}, {Path(told.server_key).name}",
        ),
        (t("その DNS 名", "Its DNS name"), told.server_name),
        (
            t("クライアント証明書と鍵", "Client certificate, key"),
            f"{told.client_certificate}, {Path(told.client_key).name}",
        ),
        (t("ルート証明書", "Root certificate"), told.ca),
        (t("失効リスト", "Revocation list"), told.revocations),
        (t("法令表", "Law book"), told.law),
    ]
    rows += [
        (f"{t('呼び出し先', 'Calls')} {name}", f"{peer['address']} ({peer['server_name']})")
        for name, peer in told.peers.items()
    ]
    if handed is not None:
        rows += [
            (t(f"住民と符号（{handed.enrolled}人）", f"People and codes ({handed.enrolled})"), handed.people),
            (t("副本のデータ", "Their data"), handed.copies),
        ]
    if to is not None:
        rows.append((t("写し", "Copy"), str(to.absolute())))
    for name, value in rows:
        out.print(f"  {name}: {value}", soft_wrap=True, markup=False)
    if not lives:
        out.print(_later(folder), soft_wrap=True, markup=False)
    _next(told, handed)


def _next(told: Onboarded, handed: Handed | None) -> None:
    out.print(
        t(
            "次に：そのシステムを起動し、確かめる: warifu agency list（手引き: warifu docs onboard）",
            "Next: start your system, and look: warifu agency list (guide: warifu docs onboard)",
        )
    )
    if handed is not None and handed.example is not None:
        one = handed.example
        year = f" --year {one['year']}" if one["year"] is not None else ""
        words = f"warifu inquire {one['person']} --requester {one['requester']} --provider {told.institution} --row {one['row']}{year}"
        out.print(t("照会してみる", "Ask it") + f": {words}", soft_wrap=True, markup=False)
