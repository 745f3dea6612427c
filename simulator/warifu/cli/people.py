"""`warifu people` and `warifu history`: who lives here, and what one of them sees when logged in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

import typer

from warifu.cli.options import Json, State, living
from warifu.cli.output import clear_errors, document, fail, out, table
from warifu.cli.text import language, t

if TYPE_CHECKING:
    from warifu.simulator.population import Person
    from warifu.simulator.state import NetworkFile

SHOWN = 20
PAGES = 400
"""Most pages of the card tray that are looked through."""
_SHAPE = ("person", "name", "kana", "traits", "pin")


def people(
    trait: Annotated[
        list[str] | None,
        typer.Option(
            help=t(
                "この特徴を持つ人（繰り返すと、すべてを持つ人）。",
                "People with this trait (repeat it for people with all).",
            ),
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help=t("氏名または読みの一部。", "Part of the name or its reading."), show_default=False),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help=t("何人まで。", "At most this many."))] = SHOWN,
    state: State = None,
    json_: Json = False,
) -> None:
    """Find demo persons."""
    with clear_errors():
        from warifu.simulator.people import People  # noqa: PLC0415

        _, file = living(state)
        everyone = People.of(file)
    known = sorted({found for person in everyone.all() for found in person.traits})
    for asked in trait or ():
        if asked not in known:
            fail(
                t(
                    f"{asked} という特徴はありません。ある特徴: {', '.join(known)}",
                    f"there is no trait {asked}. There are: {', '.join(known)}",
                )
            )
    found = [p for p in everyone.all() if set(trait or ()) <= set(p.traits) and _named(p, name)]
    shown = [_document(everyone.demo(p.person)) for p in found[:limit]]
    large = file.people > len(everyone.all())
    if large and len(shown) < limit:  # the others are known to the card tray alone
        shown += _on_tray(file, trait or (), name or "", everyone.all()[-1].index, limit - len(shown))
    if json_:
        document({"people": shown})
        return
    rows = ([p["person"], p["name"], p["kana"], p["pin"], t("、", ", ").join(trait_words(p["traits"]))] for p in shown)
    table([t("人", "person"), t("氏名", "name"), t("フリガナ", "reading"), "PIN", t("特徴", "traits")], rows)
    total = file.people if large else len(found)
    out.print(
        t(
            f"{total:,} 人中 {len(shown)} 人。特徴: {', '.join(_both(known))}",
            f"{len(shown)} of {total:,}. Traits: {', '.join(known)}",
        )
    )


def _on_tray(file: NetworkFile, traits: Sequence[str], name: str, behind: int, most: int) -> list[dict[str, Any]]:
    """People `behind` the first ones whom the card tray finds: those who live here, since the others have no card."""
    from warifu.simulator.cards.client import LoginError, Session  # noqa: PLC0415

    found: list[dict[str, Any]] = []
    for page in range(PAGES):
        asked = urlencode({"q": name, "trait": traits[0] if traits else "", "page": page})
        try:
            _, _, body = Session("").get(f"{file.urls['simulator']}/api/v1/people?{asked}", "application/json")
            told = json.loads(body)
        except (LoginError, ValueError):
            fail(t("カードの画面が応答しません。", "the card service does not answer."))
        found += [one for one in told["people"] if set(traits) <= set(one["traits"]) and _index(one["person"]) > behind]
        if len(found) >= most or not told["more"]:
            break
    return [{name: one[name] for name in _SHAPE} | {"card": one["person"]} for one in found[:most]]


def _index(handle: str) -> int:
    return int(handle.rpartition("-")[2])


def trait_words(traits: Iterable[str]) -> list[str]:
    """What traits are called in the terminal's language."""
    from warifu.simulator.cards.labels import label  # noqa: PLC0415

    return [label(trait, "ja").text if language() == "ja" else trait for trait in traits]


def _both(traits: Sequence[str]) -> list[str]:
    """Each trait as `--trait` takes it, with its words."""
    return [f"{trait}（{words}）" for trait, words in zip(traits, trait_words(traits), strict=True)]


def _named(person: Person, part: str | None) -> bool:
    return part is None or any(part in text for text in (person.name.full, person.name.kana, person.name.latin))


def _document(person: Any) -> dict[str, Any]:
    return {
        "person": person.person,
        "name": person.name,
        "kana": person.kana,
        "traits": list(person.traits),
        "card": person.person,  # everyone has one card, and the tray names it by its holder
        "pin": person.pin,
    }


def history(
    person: Annotated[
        str, typer.Argument(help=t("人の識別子（一覧: warifu people）。", "The person's handle (list: warifu people)."))
    ],
    state: State = None,
    json_: Json = False,
) -> None:
    """Log in to the portal with the person's card and read the history."""
    from warifu.simulator.cards.client import LoginError, login  # noqa: PLC0415
    from warifu.simulator.people import People  # noqa: PLC0415

    with clear_errors():
        _, file = living(state)
        everyone = People.of(file)
        try:
            card = everyone.demo(person)
        except KeyError:
            fail(
                t(
                    f"{person} という人はいません。一覧: warifu people",
                    f"there is no person {person}. List: warifu people",
                )
            )
        try:
            entries = login(file.urls["portal"], file.urls["simulator"], person, card.pin).history()
        except LoginError as error:
            fail(str(error))
    if json_:
        document({"entries": entries})
        return
    if not entries:
        out.print(
            t(
                "やりとりの履歴はまだありません。回答の直後なら、少し待ってもう一度実行してください。",
                "No exchange is in the history yet. If one was answered just now, run this again in a moment.",
            )
        )
        return
    for entry in entries:
        _tell(entry)


def _tell(entry: dict[str, Any]) -> None:
    """One entry: when, who asked whom, for what, by which law, and how it ended."""
    from warifu.law import packaged  # noqa: PLC0415

    book, lang = packaged(), language()
    names = {code: one.name.to(lang) for code, one in book.institutions.items()}
    names |= {code: one.name.to(lang) for code, one in book.table.procedures.items()}
    names |= {code: item.name.to(lang) for code, item in book.items.items()}
    told = {name: names.get(entry[name], entry[name]) for name in ("requester", "provider", "procedure")}
    out.print(
        f"{entry['requested_at'][:16].replace('T', ' ')}  {told['requester']} → {told['provider']}",
        style="bold",
        markup=False,
    )
    out.print(
        f"  {told['procedure']}: {', '.join(names.get(i, i) for i in entry['items'])}  [{entry['outcome']}]",
        markup=False,
    )
    out.print(f"  {entry['legal_basis'] or t('根拠となる行はない', 'no row allows it')}", style="dim", markup=False)
