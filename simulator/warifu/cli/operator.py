"""`warifu operator …`: what an institution's system operators do beside its counter."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.markup import escape

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, fail, out
from warifu.cli.text import example, t

T = TypeVar("T")
app = typer.Typer(
    name="operator",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help=example(
        "機関のシステム担当として、ファイルを見る、ひも付けを外す、副本を登録し直す。",
        "Work as an institution's system operator: see a file, unlink an addressee, register copies anew.",
        "warifu operator file 100000908009501 --institution insurer-06480016",
        "warifu operator unlink 100000908009501 --institution insurer-06480016 --reason WHY",
        "warifu operator copies 100000908009501 --institution tax-480011",
    ),
)
Addressee = Annotated[
    str,
    typer.Argument(
        help=t("宛名番号（探す: warifu operator find）。", "The addressee number (warifu operator find finds it).")
    ),
]
Institution = Annotated[str, typer.Option(help=t("機関のコード。", "The institution's code."))]


class Sex(StrEnum):
    """As papers have it."""

    MALE = "male"
    FEMALE = "female"


@app.command(help=t("4情報から、この機関の宛名番号を探す。", "Find the addressee number here by the four items."))
def find(
    name: Annotated[str, typer.Option(help=t("氏名。", "The name."))],
    address: Annotated[str, typer.Option(help=t("住所。", "The address."))],
    born: Annotated[str, typer.Option(help=t("生年月日（1950-04-01 の形）。", "Day of birth, such as 1950-04-01."))],
    sex: Annotated[Sex, typer.Option(help=t("性別。", "The sex."))],
    institution: Institution,
    state: State = None,
    json_: Json = False,
) -> None:
    """Find an addressee number."""
    from warifu.common.v1 import common_pb2  # noqa: PLC0415

    code = common_pb2.SEX_MALE if sex is Sex.MALE else common_pb2.SEX_FEMALE
    items = common_pb2.BasicItems(name=name, address=address, birth_date=born, sex=code)
    found = _as_operator(state, institution, lambda operator, _stage: operator.find(items))
    if json_:
        document({"addressee_no": found})
    elif found is None:
        fail(t("この4情報の人はいません。", "nobody here has these four items."), 1)
    else:
        out.print(found)


@app.command(
    help=t(
        "業務システムにある4情報と正本、ひも付けの有無を見る。",
        "See the four items and the originals in the business system, and whether it is linked.",
    )
)
def file(addressee: Addressee, institution: Institution, state: State = None, json_: Json = False) -> None:
    """Show a file."""
    from google.protobuf.json_format import MessageToDict  # noqa: PLC0415

    held = _as_operator(state, institution, lambda operator, _stage: operator.file(addressee))
    whole = {
        "addressee_no": addressee,
        "linked": held.linked,
        "items": MessageToDict(held.items, preserving_proto_field_name=True),
        "records": [MessageToDict(one, preserving_proto_field_name=True) for one in held.records],
    }
    if json_:
        document(whole)
        return
    linked = t("符号に結び付いている", "linked to a code") if held.linked else t("結び付いていない", "not linked")
    out.print(f"{addressee}  {linked}", style="bold")
    out.print("  ".join(map(str, whole["items"].values())), markup=False, soft_wrap=True)
    for record in whole["records"]:
        for name, values in record.items():
            told = " ".join(f"{k}={v}" for k, v in values.items()) if isinstance(values, dict) else ""
            if told:
                out.print(f"  [dim]{escape(name)}[/] {escape(told)}", soft_wrap=True)


@app.command(
    help=t(
        "宛名番号のひも付けを外す。業務システムが、持っている4情報で結び直す。",
        "Unlink an addressee number; the business system has it linked anew by the four items that it holds.",
    )
)
def unlink(
    addressee: Addressee,
    institution: Institution,
    reason: Annotated[
        str, typer.Option(help=t("理由（機関の記録に残る）。", "Why, for the institution's own record."))
    ],
    state: State = None,
    json_: Json = False,
) -> None:
    """Unlink."""

    async def act(operator: Any, _stage: Any) -> bool:
        await operator.unlink(addressee, reason)
        return bool(await operator.linked_again(addressee))

    linked = _as_operator(state, institution, act)
    if json_:
        document({"addressee_no": addressee, "linked": linked})
        return
    out.print(t("ひも付けを外しました。", "Unlinked."))
    out.print(
        t("業務システムの4情報で結び直されています。", "It was linked anew by the business system's four items.")
        if linked
        else t("まだ結び直されていません。", "It is not linked anew yet.")
    )


@app.command(
    help=t("正本から、その人の副本をすべて登録し直す。", "Register all of somebody's copies anew from the originals.")
)
def copies(addressee: Addressee, institution: Institution, state: State = None, json_: Json = False) -> None:
    """Register copies anew."""

    async def act(operator: Any, stage: Any) -> list[str]:
        today = (await stage.clock()).date()
        return list(await operator.register_again(addressee, today))

    keys = _as_operator(state, institution, act)
    if json_:
        document({"addressee_no": addressee, "registered": keys})
        return
    out.print(t(f"副本を登録し直しました: {', '.join(keys)}", f"Copies registered anew: {', '.join(keys)}"))


def _as_operator(state: Path | None, institution: str, act: Callable[[Any, Any], Awaitable[T]]) -> T:
    async def run() -> T:
        from warifu.simulator.doors import doors  # noqa: PLC0415
        from warifu.simulator.operators import Operator  # noqa: PLC0415
        from warifu.simulator.scenarios import Stage  # noqa: PLC0415

        folder, network = living(state)
        if institution not in network.extra["kinds"]:
            there = ", ".join(network.extra["kinds"])
            fail(
                t(
                    f"{institution} という機関はありません。ある機関: {there}",
                    f"no agency is called {institution}. There are: {there}",
                )
            )
        async with doors(network) as opened:
            stage = Stage(network, folder, opened)
            return await act(Operator(stage.clerk(institution), stage.book), stage)

    with clear_errors():
        return asyncio.run(run())
