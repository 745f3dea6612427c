"""From parties' views to the picture. Pure: the same views give the same picture, and nothing else goes in but names for codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from warifu.law import LawBook, Text
from warifu.simulator.stage.picture import words
from warifu.simulator.stage.picture.actors import actors as all_actors
from warifu.simulator.stage.picture.known import Known
from warifu.simulator.stage.picture.model import LOGGED, Actor, Code, Held, Holder, Kind, Picture, Role, State, Step
from warifu.simulator.stage.picture.names import Names
from warifu.simulator.stage.picture.reading import Views
from warifu.simulator.stage.picture.steps import Steps

_LABELS: Final = {
    (Role.REQUESTER, "code"): words.REQUESTER_CODE,
    (Role.GATEWAY, "requester-code"): words.REQUESTER_CODE,
    (Role.GATEWAY, "provider-code"): words.PROVIDER_CODE,
    (Role.PROVIDER, "code"): words.PROVIDER_CODE,
    (Role.PORTAL, "code"): words.PORTAL_CODE,
}
"""What a code is called, by who holds it as what; of several holders the first one counts."""


def draw(request_id: str, views: Views, kinds: Mapping[str, str], book: LawBook) -> Picture:
    """The picture of one exchange.

    `views` are the holdings of each party that could be looked at, `kinds` says which party serves an institution; `book` gives names.
    """
    known, names = Known(views, kinds), Names(book)
    actors = all_actors(known, names)
    steps = Steps.of(known, actors).all()
    return Picture(
        request_id=request_id,
        headline=_headline(known, names),
        facts=names.asked(known.header) if known.header.request_id else (),
        outcome=words.outcome_name(known.outcome),
        actors=actors,
        steps=steps,
        codes=list(_codes(actors)),
        final=_final(steps),
        exists=any(actor.held for role, actor in actors.items() if role not in {Role.LOG, Role.WATCHDOG}),
    )


def _headline(known: Known, names: Names) -> Text:
    requester, provider = names.institution(known.requester), names.institution(known.provider)
    item = names.item(known.header.item)
    return Text(
        f"{requester.ja}が、{provider.ja}に「{item.ja}」を照会",
        f"{requester.en} asks {provider.en} for “{item.en}”",
    )


def _codes(actors: Mapping[Role, Actor]) -> Iterator[Code]:
    """Each code once, with everyone who holds these very bytes."""
    found: dict[bytes, list[tuple[Actor, Held]]] = {}
    for actor in actors.values():
        for held in actor.held:
            if held.kind is Kind.CODE:
                found.setdefault(held.raw, []).append((actor, held))
    for holders in sorted(found.values(), key=lambda each: min(held.since for _, held in each)):
        actor, held = holders[0]
        label = _LABELS.get(
            (actor.role, held.name), Text(f"{actor.title.ja}：{held.label.ja}", f"{actor.title.en}: {held.label.en}")
        )
        assert held.tally is not None  # every code has its sign
        yield Code(label, held.tally, [Holder(who.role, who.title, one.since) for who, one in holders])


def _final(steps: list[Step]) -> bool:
    """Nothing is waited for any more."""
    return all(step.state in {State.DONE, State.NEVER} for step in steps if step.number != LOGGED) and (
        steps[LOGGED - 1].state is State.DONE
    )
