"""`warifu testcards`: people with what every permitted inquiry about them must come to."""

from __future__ import annotations

import asyncio
import csv
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, fail, out, table
from warifu.cli.people import trait_words
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.law import LawBook
    from warifu.simulator.state import NetworkFile
    from warifu.simulator.testcards import Expectation, TestCard

SHOWN = 3
SEED = 1


def show_cards(
    trait: Annotated[
        list[str] | None,
        typer.Option(
            help=t(
                "この特徴を持つ人（繰り返すと、すべてを持つ人。一覧: warifu people）。",
                "People with this trait (repeat it for people with all; list: warifu people).",
            ),
            show_default=False,
        ),
    ] = None,
    institution: Annotated[
        str | None,
        typer.Option(
            help=t(
                "照会する機関。その機関が知っている人と、許された照会ごとの正しい結果を示す。",
                "The institution that asks: the people it knows, and what each permitted inquiry must come to.",
            ),
            show_default=False,
        ),
    ] = None,
    row: Annotated[
        str | None,
        typer.Option(help=t("照合リストのこの行だけ。", "This row of the permission table alone."), show_default=False),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(
            help=t(
                "この日の結果（省略すると、ネットワークの今日）。",
                "Outcomes on this day (without it: the network's today).",
            ),
            show_default=False,
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help=t("何人まで。", "At most this many."))] = SHOWN,
    people: Annotated[
        int | None,
        typer.Option(
            min=100,
            help=t(
                "動いているネットワークの代わりに、この人数の町。", "A town of so many instead of a running network."
            ),
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help=t("--people の町の種。", "Seed of the town of --people."))] = SEED,
    csv_: Annotated[bool, typer.Option("--csv", help=t("CSVで出力する。", "Print CSV."))] = False,
    state: State = None,
    json_: Json = False,
) -> None:
    """Print test cards."""
    if row is not None and institution is None:
        fail(t("--row には --institution が要ります。", "--row needs --institution."))
    with clear_errors():
        from warifu.law import packaged  # noqa: PLC0415
        from warifu.simulator.inforce import current_law  # noqa: PLC0415
        from warifu.simulator.testcards import people as cards_of  # noqa: PLC0415

        town: NetworkFile | tuple[int, int] = (seed, people or 0)
        on, changed, book = _day(day), frozenset[str](), packaged()
        if people is None:
            folder, town = living(state)
            on, changed, book = on or asyncio.run(_today(town)), _changed(folder), current_law(folder).book()
        found = cards_of(town, trait, institution, on, row=row, limit=None if changed else limit, book=book)
    cards = [one for one in found if one.person not in changed][:limit]
    if json_:
        from warifu.simulator.testcards import card_document  # noqa: PLC0415

        document({"cards": [card_document(one) for one in cards]})
    elif csv_:
        _write(cards)
    else:
        _print(cards)


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        fail(t(f"{text} は日付ではありません。例: 2026-06-10", f"{text} is no day. For example: 2026-06-10"))


async def _today(network: NetworkFile) -> date:
    from warifu.kernel.clock import JAPAN  # noqa: PLC0415
    from warifu.simulator.doors import doors  # noqa: PLC0415

    async with doors(network) as opened:
        return (await opened.clock())[0].astimezone(JAPAN).date()


def _changed(folder: Path) -> frozenset[str]:
    """Whose life a play has changed: what a card says of them holds no more."""
    from warifu.simulator.lives import lives  # noqa: PLC0415

    return frozenset(lives(folder))


def _write(cards: list[TestCard]) -> None:
    from warifu.simulator.testcards import COLUMNS, csv_rows  # noqa: PLC0415

    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(csv_rows(cards))
    sys.stdout.flush()


def _print(cards: list[TestCard]) -> None:
    from warifu.law import packaged  # noqa: PLC0415

    book = packaged()
    for card in cards:
        out.print(f"{card.person}  {card.name}（{card.kana}）", style="bold", markup=False)
        for label, value in _facts(card, book):
            out.print(f"  {label}: {value}", markup=False, soft_wrap=True)
        if card.expected:
            table(
                [t("行", "row"), t("提供者", "provider"), t("年度", "year"), t("結果", "outcome"), t("値", "values")],
                [_line(one) for one in card.expected],
            )
    if not cards:
        out.print(t("その条件の人はいません。", "nobody here is like that."))
    elif not cards[0].expected:
        out.print(
            t(
                "正しい結果も見るには --institution を付けます。",
                "Add --institution to see what inquiries must come to.",
            )
        )


def _facts(card: TestCard, book: LawBook) -> list[tuple[str, str]]:
    items = card.basic_items
    names = {code: one.name.to(language()) for code, one in book.institutions.items()}
    facts = [
        (t("個人番号（架空）", "individual number (fictional)"), card.individual_number),
        (t("住所・生年月日", "address, birth date"), f"{items.address}  {items.birth_date}"),
        (t("特徴", "traits"), t("、", ", ").join(trait_words(card.traits))),
        (t("カードとPIN", "card and PIN"), f"{card.card}  {card.pin}" if card.card else "-"),
    ]
    facts += [
        (t("宛名番号", "addressee number") + f" {names[code]} {code}", no or "?")
        for code, no in card.addressees.items()
    ]
    facts += [
        (
            t("被保険者番号", "insured number") + f" {names[one.institution]}",
            " ".join(filter(None, (one.symbol, one.number, one.branch))),
        )
        for one in card.insured
    ]
    return facts


def _line(one: Expectation) -> list[str]:
    from warifu.simulator.testcards import expectation_document  # noqa: PLC0415

    told = expectation_document(one)
    values = "; ".join(
        " ".join(f"{name}={value}" for name, value in record["values"].items()) for record in told["records"]
    )
    year = str(one.year) if one.year else ""
    return [one.row.id, one.provider, year, one.fine or f"{one.outcome} {one.reason}", values]
