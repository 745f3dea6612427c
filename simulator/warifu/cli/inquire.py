"""`warifu inquire` and `warifu view`: ask as a clerk, and look at what a party then holds."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, fail, out
from warifu.cli.text import t

if TYPE_CHECKING:
    from warifu.control.v1 import control_pb2

SHOWN_BYTES = 48


def inquire(
    person: Annotated[
        str, typer.Argument(help=t("誰について（一覧: warifu people）。", "About whom (list: warifu people)."))
    ],
    requester: Annotated[str, typer.Option(help=t("照会する機関。", "The institution that asks."))],
    provider: Annotated[str, typer.Option(help=t("提供する機関。", "The institution that is asked."))],
    row: Annotated[
        str,
        typer.Option(
            help=t(
                "照合リストの行（一覧: warifu permissions list）。",
                "Row of the permission table (list: warifu permissions list).",
            )
        ),
    ],
    year: Annotated[int | None, typer.Option(help=t("年度。", "Tax year."), show_default=False)] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help=t("本人の同意を得ている。", "The person consented."))
    ] = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Ask another institution as a clerk."""
    with clear_errors():
        report = asyncio.run(_inquire(state, person, requester, provider, row, year, consent=consent))
    if json_:
        document(report)
        raise typer.Exit(0 if report["outcome"] == "PROVIDED" else 1)
    out.print(f"{report['request_id']}  {report['outcome']}", style="bold")
    if report["message"]:
        out.print(escape(t(report["message"]["ja"], report["message"]["en"])))
    for record in report["records"]:
        out.print(escape(record))
    raise typer.Exit(0 if report["outcome"] == "PROVIDED" else 1)


async def _inquire(
    state: Path | None, person: str, requester: str, provider: str, row: str, year: int | None, *, consent: bool
) -> dict[str, Any]:
    from google.protobuf.text_format import MessageToString  # noqa: PLC0415

    from warifu.exchange.v1 import exchange_pb2  # noqa: PLC0415
    from warifu.simulator.clerk import Clerk, ask  # noqa: PLC0415
    from warifu.simulator.doors import doors  # noqa: PLC0415
    from warifu.simulator.people import People  # noqa: PLC0415
    from warifu.simulator.scenarios.stage import Stage, tax_year  # noqa: PLC0415

    folder, file = living(state)
    kinds = file.extra["kinds"]
    if requester not in kinds:
        fail(
            t(
                f"{requester} という機関はありません。ある機関: {', '.join(kinds)}",
                f"no agency is called {requester}. There are: {', '.join(kinds)}",
            )
        )
    async with doors(file) as opened:
        stage = Stage(file, folder, opened)
        if row not in stage.book.rows:
            fail(
                t(
                    f"{row} という行はありません。一覧: warifu permissions list",
                    f"there is no row {row}. List: warifu permissions list",
                )
            )
        try:
            items = People.of(file).items(person)
        except KeyError:
            fail(
                t(
                    f"{person} という人はいません。一覧: warifu people",
                    f"there is no person {person}. List: warifu people",
                )
            )
        addressee = await Clerk(opened, requester).find(items)
        if addressee is None:
            fail(
                t(
                    f"{requester} は {person} を知りません。",
                    f"{requester} does not know {person}; choose an institution that does.",
                )
            )
        given = (
            exchange_pb2.Consent(given_on=(await stage.clock()).date().isoformat(), reference="warifu inquire")
            if consent
            else None
        )
        question = stage.question(row, provider, tax_year(year) if year else None, consent=given)
        exchange = await ask(opened, requester, addressee, question)
    message = exchange.state.denial.message if exchange.state.HasField("denial") else exchange.state.error.message
    return {
        **exchange.document(),
        "message": {"ja": message.ja, "en": message.en} if message.ja else None,
        "records": [MessageToString(record, as_utf8=True) for record in exchange.state.records],
    }


def view(
    party: Annotated[str, typer.Argument(help=t("機関（一覧: warifu status）。", "The party (list: warifu status)."))],
    request: Annotated[str, typer.Option("--request", help=t("照会の識別子。", "The request id."))],
    state: State = None,
    json_: Json = False,
) -> None:
    """Show exactly what a party holds for one exchange."""
    with clear_errors():
        holdings = asyncio.run(_view(state, party, request))
    if json_:
        document({"party": party, "request_id": request, "holdings": [_holding(h) for h in holdings]})
        return
    if not holdings:
        out.print(t(f"{party} はこの照会について何も持っていません。", f"{party} holds nothing of this exchange."))
    for holding in holdings:
        out.print(holding.where, style="bold", markup=False)
        for value in holding.values:
            out.print(f"  {value.name}: {_shown(value)}", markup=False)


async def _view(state: Path | None, party: str, request: str) -> list[control_pb2.Holding]:
    from warifu.control.v1 import control_pb2 as messages  # noqa: PLC0415
    from warifu.simulator.doors import doors  # noqa: PLC0415

    _, file = living(state)
    file.party(party)
    async with doors(file) as opened:
        answer = await opened.control(party).View(messages.ViewRequest(request_id=request), timeout=10)
        return list(answer.holdings)


def _holding(holding: control_pb2.Holding) -> dict[str, Any]:
    return {
        "where": holding.where,
        "values": [
            {
                "name": value.name,
                "text": value.text if value.WhichOneof("value") == "text" else None,
                "hex": value.raw.hex() if value.WhichOneof("value") == "raw" else None,
                "decodes_to": value.decodes_to or None,
            }
            for value in holding.values
        ],
    }


def _shown(value: control_pb2.HeldValue) -> str:
    if value.WhichOneof("value") != "raw":
        return value.text
    head = value.raw[:SHOWN_BYTES].hex()
    more = f"… ({len(value.raw)} bytes)" if len(value.raw) > SHOWN_BYTES else ""
    return f"{head}{more}" + (f"  {value.decodes_to}" if value.decodes_to else "")
