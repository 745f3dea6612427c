"""One's own card: PIN, password, renewal, phone, and what counters order."""

from datetime import timedelta

import pytest
from unit.portal.browser import Browser
from unit.portal.lab import HANA, Lab

from warifu.numbering.v1 import numbering_pb2 as pb
from warifu.simulator.cards import tray
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.orders import Orders
from warifu.simulator.cards.pins import Passwords, Pins
from warifu.simulator.cards.states import State, state_of
from warifu.simulator.cards.words import first_password

PASSWORD = first_password(HANA.person, HANA.pin)


async def act(lab: Lab, name: str, card: str = HANA.person, **form: str):
    """Send a form of one's own card."""
    return await Browser(lab).post(f"{lab.card_origin}/cards/{card}/{name}", form)


def orders(lab: Lab) -> Orders:
    """The job that carries out what counters order."""
    cards = Cards(lab.people, lab.clock, lab.authority, bytes(32))
    return Orders(lab.people, cards, Pins(lab.people), Passwords(lab.people))


async def test_a_changed_pin_is_the_pin(lab: Lab) -> None:
    """The new one signs, the old one does not, and the tray shows the new one."""
    assert (await act(lab, "pin", old=HANA.pin, new="7351", again="7351")).status_code == 303
    assert "あと2回" in (await Browser(lab).sign()).text
    assert (await Browser(lab).sign(pin="7351")).status_code == 303
    assert tray.one(lab.people, HANA.person).pin == "7351"


@pytest.mark.parametrize(
    ("new", "again", "field"),
    [
        ("7351", "7352", "again"),
        (HANA.pin, HANA.pin, "new"),
        ("1111", "1111", "new"),
        ("0203", "0203", "new"),
        ("1991", "1991", "new"),
        ("73510", "73510", "new"),
        ("７３５１", "７３５１", "new"),
    ],
)
async def test_a_pin_that_may_not_be_uses_no_try(lab: Lab, new: str, again: str, field: str) -> None:
    """Typed twice differently, the same as before, guessable, or no PIN: refused beside its field, before the old one is looked at."""
    old = HANA.pin if new == HANA.pin else "0000"
    page = (await act(lab, "pin", old=old, new=new, again=again)).text
    assert f'id="pin-{field}-problem"' in page
    assert "あと2回" in (await act(lab, "pin", old="0000", new="7351", again="7351")).text


async def test_a_password_changes_by_its_rules(lab: Lab) -> None:
    """A new password has 6 to 16 capital letters and digits; then it signs and the old one does not."""
    assert 'id="password-new-problem"' in (await act(lab, "password", old=PASSWORD, new="abcdef", again="abcdef")).text
    assert (await act(lab, "password", old=PASSWORD, new="NEWPASS9", again="NEWPASS9")).status_code == 303
    assert (await act(lab, "signature", old=PASSWORD)).status_code == 403
    assert (await act(lab, "signature", old="NEWPASS9")).status_code == 303


async def test_renewal_has_its_time(lab: Lab) -> None:
    """Early it is not offered and refused; within three months of the end the tray says so and the card is renewed."""
    await Browser(lab).sign()
    card = f"{lab.card_origin}/cards/{HANA.person}"
    assert 'data-testid="renew"' not in (await Browser(lab).get(card)).text
    assert (await act(lab, "renewal", old=HANA.pin)).status_code == 403
    lab.clock.network_now += timedelta(days=1800)
    assert state_of(tray.one(lab.people, HANA.person), lab.clock.network()) is State.RENEWABLE
    assert 'data-testid="renew"' in (await Browser(lab).get(card)).text
    before = tray.one(lab.people, HANA.person).certificate
    assert (await act(lab, "renewal", old=HANA.pin)).status_code == 303
    assert tray.one(lab.people, HANA.person).certificate != before


async def test_a_form_sent_empty_is_told_what_a_pin_is(lab: Lab) -> None:
    """Nothing typed is no PIN, and is told so; it is not called the same as the PIN before."""
    page = (await act(lab, "pin", old="", new="", again="")).text
    assert "半角の数字4桁で入力してください。" in page
    assert "いまと同じです" not in page


async def test_an_expired_card_is_marked(lab: Lab) -> None:
    """After its end the tray says so."""
    await Browser(lab).sign()
    lab.clock.network_now += timedelta(days=1900)
    assert "期限切れ" in (await Browser(lab).get(lab.card_origin + "/")).text


async def test_a_phone_logs_in_beside_the_card(lab: Lab) -> None:
    """With a PIN of its own the phone opens the same account; the card's PIN does not serve on it."""
    await Browser(lab).log_in()
    assert (await act(lab, "phone", old=HANA.pin, new="7351", again="7351")).status_code == 303
    browser = Browser(lab)
    form = {**await browser.challenge(), "person": f"{HANA.person}.phone", "pin": HANA.pin}
    assert (await browser.post(f"{lab.card_origin}/sign", form)).status_code == 403
    signed = await browser.post(f"{lab.card_origin}/sign", form | {"pin": "7351"})
    assert (await browser.follow(signed.headers["location"])).status_code == 200
    document = (await browser.get("/api/v1/card")).json()
    assert {one["kind"] for one in document["certificates"]} == {"authentication", "phone"}
    assert [one["kind"] for one in document["certificates"] if one["this_session"]] == ["phone"]


@pytest.mark.parametrize("name", ["password", "renewal", "signature", "phone"])
async def test_a_phone_is_no_card(lab: Lab, name: str) -> None:
    """What belongs to the card cannot be done on a phone."""
    await act(lab, "phone", old=HANA.pin, new="7351", again="7351")
    assert (await act(lab, name, f"{HANA.person}.phone", old="7351")).status_code == 404


async def test_counters_unlock(lab: Lab) -> None:
    """An order gives the tries back with what the card was handed out with, once."""
    await act(lab, "pin", old=HANA.pin, new="7351", again="7351")
    for _ in range(3):
        await Browser(lab).sign(pin="0000")
    number = await made(lab)
    lab.authority.order(number, pb.CARD_ACT_UNLOCK_PIN)
    assert await orders(lab).carry_out() == 1
    assert await orders(lab).carry_out() == 0
    assert (await Browser(lab).sign()).status_code == 303


async def made(lab: Lab) -> str:
    """The number of Hana's card, made out if it was not."""
    await Cards(lab.people, lab.clock, lab.authority, bytes(32)).make(HANA.person)
    number = tray.one(lab.people, HANA.person).number
    assert number is not None
    return number


async def test_counters_have_cards_made_anew(lab: Lab) -> None:
    """The new card has another number and certificate, first PIN and password again; the phone is gone. A second run changes nothing."""
    number = await made(lab)
    await act(lab, "pin", old=HANA.pin, new="7351", again="7351")
    await act(lab, "phone", old="7351", new="8642", again="8642")
    before = tray.one(lab.people, HANA.person)
    lab.authority.order(number, pb.CARD_ACT_REISSUE)
    assert await orders(lab).carry_out() == 1
    after = tray.one(lab.people, HANA.person)
    assert (after.pin, after.phone) == (HANA.pin, False)
    assert (after.number, after.certificate) != (before.number, before.certificate)
    assert await orders(lab).carry_out() == 0


async def test_orders_wait_for_an_authority_that_is_down(lab: Lab) -> None:
    """Nothing is lost while it cannot be asked."""
    lab.authority.order(await made(lab), pb.CARD_ACT_UNLOCK_PIN)
    lab.authority.down = True
    assert await orders(lab).carry_out() == 0
    lab.authority.down = False
    assert await orders(lab).carry_out() == 1


async def test_unknown_cards_are_not_found(lab: Lab) -> None:
    """A handle of nobody has no page and no forms."""
    assert (await Browser(lab).get(f"{lab.card_origin}/cards/p999999")).status_code == 404
    assert (await act(lab, "pin", "p999999", old="0000", new="7351", again="7351")).status_code == 404
