"""`warifu permissions`: the permission table as packaged: who may ask whom for what, and by which law."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warifu.cli.options import Json
from warifu.cli.output import document, fail, out, table
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.law import LawBook

Day = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="YYYY-MM-DD",
        help=t(
            "この日に有効なもの（既定: シミュレーションの開始日）。",
            "In force on this day (default: the day on which simulations start).",
        ),
        show_default=False,
    ),
]

app = typer.Typer(no_args_is_help=True, help=t("照会許可用照合リストを読む。", "Read the permission table."))


@app.command("list", help=t("一覧。", "List rows.") + "\n\n  warifu permissions list --requester nhi-480011")
def list_rows(
    requester: Annotated[
        str | None,
        typer.Option(help=t("この機関が照会できるもの。", "What this institution may ask."), show_default=False),
    ] = None,
    on: Day = None,
    json_: Json = False,
) -> None:
    """List rows in force on a day."""
    from warifu.law import askable, packaged  # noqa: PLC0415

    book, day = packaged(), _day(on)
    if requester is not None and requester not in book.institutions:
        fail(
            t(
                f"{requester} という機関はありません。ある機関: {', '.join(book.institutions)}",
                f"no institution is called {requester}. There are: {', '.join(book.institutions)}",
            )
        )
    rows = (
        [a.row for a in askable(book, requester, day)]
        if requester
        else [r for r in book.rows.values() if r.in_force(day)]
    )
    if json_:
        document({"version": book.version, "on": day.isoformat(), "rows": [_row(book, row, day) for row in rows]})
        return
    lang = language()
    table(
        [t("行", "row"), t("照会者", "requester"), t("手続", "procedure"), t("提供者", "provider"), t("情報", "item")],
        (
            [
                r.id,
                _names(book, r.requester_roles),
                r.procedure.name.to(lang),
                _names(book, r.provider_roles),
                book.items[r.item].name.to(lang),
            ]
            for r in rows
        ),
    )
    out.print(
        t(
            f"{len(rows)} 行。詳しく: warifu permissions explain 行",
            f"{len(rows)} rows. More: warifu permissions explain ROW",
        )
    )


def _names(book: LawBook, roles: Sequence[str]) -> str:
    return t("、", ", ").join(book.register.roles[role].name.to(language()) for role in roles)


@app.command("explain", help=t("一行を詳しく。", "One row in full.") + "\n\n  warifu permissions explain P07")
def explain(
    row: Annotated[str, typer.Argument(help=t("行の識別子。", "The row's identifier."))],
    on: Day = None,
    json_: Json = False,
) -> None:
    """Explain one row."""
    from warifu.law import explain_row, packaged  # noqa: PLC0415

    book, day = packaged(), _day(on)
    if row not in book.rows:
        fail(
            t(
                f"{row} という行はありません。ある行: {', '.join(book.rows)}",
                f"there is no row {row}. There are: {', '.join(book.rows)}",
            )
        )
    if json_:
        document(_row(book, book.rows[row], day))
        return
    table(["", ""], explain_row(book, book.rows[row], day, language()))


@app.command(
    "unverified", help=t("原典で確認していない根拠。", "Citations that nobody has checked against their source.")
)
def unverified(json_: Json = False) -> None:
    """List unverified citations."""
    from warifu.law import packaged  # noqa: PLC0415
    from warifu.law import unverified as find  # noqa: PLC0415

    found = [
        {
            "row": row.id,
            "article": c.article,
            "citation": c.text.to(language()),
            "from": c.valid_from.isoformat(),
            "to": c.valid_to.isoformat() if c.valid_to else None,
            "source": c.source,
        }
        for row, c in find(packaged())
    ]
    if json_:
        document({"unverified": found})
        return
    table(
        [t("行", "row"), t("条文", "article"), t("適用", "from"), t("出典", "source")],
        ([f["row"] or "", f["article"] or "", f["from"] or "", f["source"] or ""] for f in found),
    )
    out.print(t(f"{len(found)} 件が要確認です。", f"{len(found)} citations are to be verified."))


@app.command("left-out", help=t("収録していない行とその理由。", "Real rows that are not simulated, and why."))
def left_out(json_: Json = False) -> None:
    """List what is left out."""
    from warifu.law import packaged  # noqa: PLC0415

    entries = packaged().left_out
    if json_:
        document(
            {
                "left_out": [
                    {"row": e.id, "what": {"ja": e.what.ja, "en": e.what.en}, "why": {"ja": e.why.ja, "en": e.why.en}}
                    for e in entries
                ]
            }
        )
        return
    table(
        [t("行", "row"), t("内容", "what"), t("理由", "why")],
        ([e.id, e.what.to(language()), e.why.to(language())] for e in entries),
    )


def _day(text: str | None) -> date:
    from warifu.simulator.population import CLOCK_START  # noqa: PLC0415

    if text is None:
        return CLOCK_START
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(t(f"日付は 2026-04-06 の形で: {text}", f"write the day like 2026-04-06: {text}"))


def _row(book: Any, row: Any, day: date) -> dict[str, Any]:
    from warifu.law import legal_basis  # noqa: PLC0415

    item, basis = book.items[row.item], legal_basis(row, day)
    return {
        "row": row.id,
        "affair": row.affair.code,
        "procedure": row.procedure.code,
        "procedure_name": _both(row.procedure.name),
        "requester_roles": list(row.requester_roles),
        "provider_roles": list(row.provider_roles),
        "item": row.item,
        "item_name": _both(item.name),
        "fields": list(row.fields),
        "origin": str(row.origin),
        "consent_required": row.consent_required,
        "effective_from": row.effective_from.isoformat(),
        "effective_to": row.effective_to.isoformat() if row.effective_to else None,
        "purpose": {"ja": row.purpose.ja, "en": row.purpose.en, "plain": row.purpose.plain},
        "legal_basis": _both(basis),
        "verified": row.citation_on(day).verified,
        "invented": row.invented,
        "papers_saved": [_both(paper) for paper in row.papers],
    }


def _both(text: Any) -> dict[str, str]:
    return {"ja": text.ja, "en": text.en}
