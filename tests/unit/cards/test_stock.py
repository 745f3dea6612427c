"""Cards are made ahead of time, those with traits first."""

from dataclasses import replace

from unit.portal.lab import HANA, LONG, SORA, Lab

from warifu.simulator.cards import stock, tray
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.schema import cards as table
from warifu.simulator.cards.stock import Stock


def issued(lab: Lab) -> set[str]:
    """Who has a card."""
    return set(lab.people.read(lambda c: c.execute(table.select().where(table.c.certificate.is_not(None))).scalars()))


async def test_everyone_gets_a_card_in_time(lab: Lab, monkeypatch) -> None:
    """Run after run the stock is completed, the cast before everyone else, and each card once."""
    monkeypatch.setattr(stock, "_WITHOUT", stock._WITHOUT.limit(2))
    await tray.fill(lab.people, [replace(HANA, person="p000009", traits=("cast:mover",))])
    made = Stock(Cards(lab.people, lab.clock, lab.authority, bytes(32)))
    assert await made.issue() == 0
    assert issued(lab) == {"p000009", HANA.person}
    for _ in range(3):
        await made.issue()
    assert issued(lab) == {HANA.person, LONG.person, SORA.person, "p000009"}
    assert len(lab.authority.holders) == 4


async def test_an_empty_register_is_waited_for(lab: Lab) -> None:
    """While the authority serves nobody, nobody is given up."""
    made = Stock(Cards(lab.people, lab.clock, lab.authority, bytes(32)))
    lab.authority.down = True
    await made.issue()
    lab.authority.down = False
    await made.issue()
    assert issued(lab) == {HANA.person, SORA.person, LONG.person}


async def test_someone_refused_holds_nobody_up(lab: Lab) -> None:
    """Whom the authority refuses is left out for a while and then asked for again, the others get their cards."""
    lab.authority.strangers.add(HANA.individual_number)
    made = Stock(Cards(lab.people, lab.clock, lab.authority, bytes(32)))
    await made.issue()
    asked = lab.authority.asked
    await made.issue()
    assert issued(lab) == {SORA.person, LONG.person}
    assert lab.authority.asked == asked
    lab.authority.strangers.clear()
    lab.clock.machine_now += stock.PATIENCE
    await made.issue()
    assert HANA.person in issued(lab)
