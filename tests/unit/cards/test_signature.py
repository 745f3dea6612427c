"""Signing applications at the card service."""

from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from unit.portal.browser import Browser
from unit.portal.lab import HANA, SORA, Lab

from warifu.exchange import application
from warifu.portal.login.proof import decode, encode
from warifu.simulator.cards.words import first_password

FORM = b"a serialised form"
PASSWORD = first_password(HANA.person, HANA.pin)


def wish(lab: Lab, **changes: str) -> dict[str, str]:
    """What a portal asks."""
    asked = {
        "origin": lab.portal_origin,
        "digest": encode(sha256(FORM).digest()),
        "session": encode(bytes(32)),
        "return": "/applications/x/signed",
    }
    return asked | changes


async def sign(lab: Lab, password: str = PASSWORD, card: str = HANA.person, **changes: str) -> httpx2.Response:
    """Type a signature password."""
    form = {**wish(lab, **changes), "card": card, "password": password}
    return await Browser(lab).post(f"{lab.card_origin}/signature", form)


async def test_a_form_is_signed_by_its_holder(lab: Lab) -> None:
    """The browser comes back to the page that the portal named, with a certificate and signature that verify and name the signer."""
    response = await sign(lab)
    assert response.status_code == 303
    there = urlsplit(response.headers["location"])
    assert f"{there.scheme}://{there.netloc}{there.path}" == f"{lab.portal_origin}/applications/x/signed"
    told = {name: values[0] for name, values in parse_qs(there.query).items()}
    certificate, signature = decode(told["certificate"], 8192), decode(told["signature"], 80)
    items = application.verify(FORM, certificate, signature, lab.authority.certificate, lab.clock.network())
    assert (items.name, items.birth_date) == (HANA.basic_items.name, HANA.basic_items.birth_date)


async def test_the_certificate_is_issued_once_at_the_first_signature(lab: Lab) -> None:
    """No certificate for signatures is issued before it is needed, and two signatures use the same."""
    await Browser(lab).sign()
    assert len(lab.authority.statuses) == 1
    first, second = await sign(lab), await sign(lab)
    one, two = (parse_qs(urlsplit(one.headers["location"]).query)["certificate"] for one in (first, second))
    assert one == two
    assert len(lab.authority.statuses) == 2


async def test_five_wrong_passwords_lock_signing_alone(lab: Lab) -> None:
    """After four warnings the fifth wrong password locks; the right one is refused then, and the PIN still logs in."""
    pages = [await sign(lab, "WRONG123") for _ in range(5)]
    assert [f"あと{left}回" in page.text for left, page in zip((4, 3, 2, 1), pages, strict=False)] == [True] * 4
    assert 'data-testid="signature-locked"' in pages[4].text
    assert 'data-testid="signature-locked"' in (await sign(lab)).text
    assert (await Browser(lab).sign()).status_code == 303


@pytest.mark.parametrize(
    "password", ["", "AB12", "abcd1234", "ABCDEFGH", "12345678", "ABCD12345678901234", "ＡＢＣＤ１２３４"]
)
async def test_what_is_no_password_uses_no_try(lab: Lab, password: str) -> None:
    """Other lengths, small letters, letters or digits alone and full width are refused by form."""
    for _ in range(6):
        assert 'data-testid="signature-malformed"' in (await sign(lab, password)).text
    assert (await sign(lab)).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"origin": "http://evil.example"},
        {"digest": ""},
        {"digest": encode(bytes(31))},
        {"session": "x"},
        {"return": "//evil.example/x"},
        {"return": "/x//evil"},
        {"return": "https://evil.example"},
        {"return": "/a?b=c"},
        {"return": ""},
    ],
)
async def test_a_wish_that_may_not_be_shown_costs_no_try(lab: Lab, changes: dict[str, str]) -> None:
    """Strange origins, digests and ways back are refused before the password is looked at."""
    assert (await sign(lab, "WRONG123", **changes)).status_code == 400
    assert "あと4回" in (await sign(lab, "WRONG123")).text


async def test_under_fifteen_nobody_signs(lab: Lab) -> None:
    """The authority's refusal is told in words."""
    lab.authority.minors.add(HANA.individual_number)
    response = await sign(lab)
    assert response.status_code == 403
    assert 'data-testid="signature-under-age"' in response.text


async def test_a_lapsed_certificate_signs_nothing_until_it_is_issued_anew(lab: Lab) -> None:
    """After a move the old certificate is refused with the way to the renewal, and the new one signs."""
    response = await sign(lab)
    serial = application.serial(decode(parse_qs(urlsplit(response.headers["location"]).query)["certificate"][0], 8192))
    lab.authority.statuses[serial] = False
    refused = await sign(lab)
    assert 'data-testid="signature-not-good"' in refused.text
    browser = Browser(lab)
    care = f"{lab.card_origin}/cards/{HANA.person}"
    assert (await browser.post(f"{care}/signature", {"old": PASSWORD})).status_code == 303
    assert (await sign(lab)).status_code == 303


async def test_without_a_card_on_the_reader_one_is_chosen_first(lab: Lab) -> None:
    """The tray remembers what is to be signed, and leads back to it with the card."""
    browser = Browser(lab)
    query = "&".join(f"{name}={value}" for name, value in wish(lab).items())
    there = (await browser.get(f"{lab.card_origin}/signature?{query}")).headers["location"]
    tray = await browser.get(lab.card_origin + there)
    assert tray.text.count('name="digest"') > 1
    chosen = await browser.post(f"{lab.card_origin}/choose", {**wish(lab), "person": SORA.person})
    assert chosen.headers["location"].startswith("/signature?")
    page = await browser.get(lab.card_origin + chosen.headers["location"])
    assert SORA.name in page.text
    assert sha256(FORM).hexdigest()[:4] in page.text
