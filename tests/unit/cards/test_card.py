"""Cards: issued once, their keys sealed, signing only after the PIN and only for portals that are known."""

import asyncio
from dataclasses import replace

import pytest
from cryptography.exceptions import InvalidTag
from unit.portal.browser import Browser
from unit.portal.lab import HANA, LONG, SORA, Lab

from warifu.portal.login.proof import encode
from warifu.simulator.cards import tray
from warifu.simulator.cards.card import Cards, storage_key
from warifu.simulator.cards.schema import cards as table


async def test_a_card_is_issued_once(lab: Lab) -> None:
    """Presentations at the same moment and later ones use one certificate, issued at the first."""
    made = Cards(lab.people, lab.clock, lab.authority, bytes(32))
    proofs = await asyncio.gather(*(made.sign(HANA.person, b"c" * 32, "http://x", b"s" * 32) for _ in range(5)))
    assert len({proof.certificate for proof in proofs}) == 1
    assert len(lab.authority.holders) == 1


async def test_nothing_is_issued_before_the_first_right_pin(lab: Lab) -> None:
    """Wrong PINs make no certificate."""
    await Browser(lab).sign(pin="0000")
    assert lab.authority.holders == {}
    await Browser(lab).sign()
    assert list(lab.authority.holders.values()) == [HANA.individual_number]


async def test_keys_lie_sealed_and_bound_to_their_card(lab: Lab) -> None:
    """A key in the store opens with the storage key as that card's only."""
    made = Cards(lab.people, lab.clock, lab.authority, bytes(32))
    for person in (HANA, SORA):
        await made.sign(person.person, b"c" * 32, "http://x", b"s" * 32)
    rows = {row.person: row.sealed_key for row in lab.people.read(lambda c: c.execute(table.select()).all())}
    with pytest.raises(InvalidTag):
        Cards(lab.people, lab.clock, lab.authority, b"x" * 32)._open(HANA.person, rows[HANA.person])
    with pytest.raises(InvalidTag):
        made._open(HANA.person, rows[SORA.person])
    assert made._open(HANA.person, rows[HANA.person]).curve.name == "secp256r1"


def test_the_storage_key_is_made_once_and_for_its_owner_alone(tmp_path) -> None:
    """The key that seals the cards' keys is random, kept, readable by its owner alone, and never replaced when damaged."""
    key = storage_key(tmp_path / "secrets")
    assert storage_key(tmp_path / "secrets") == key
    path = tmp_path / "secrets" / "cards.key"
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(ValueError, match="damaged"):
        storage_key(tmp_path / "secrets")


async def test_only_known_portals_may_ask(lab: Lab) -> None:
    """An origin that the configuration does not name gets no tray, no PIN page, no signature, and costs no try."""
    browser = Browser(lab)
    asked = await browser.challenge()
    for origin in ("http://evil.example", lab.card_origin, "", lab.portal_origin + "/"):
        strange = asked | {"origin": origin}
        assert (await browser.sign(pin="0000", **strange)).status_code == 400
        query = "&".join(f"{name}={value}" for name, value in strange.items())
        assert (await browser.get(f"{lab.card_origin}/pin?{query}")).status_code == 400
    assert (await browser.get(lab.card_origin + "/?origin=http://evil.example")).status_code == 400
    refused = await browser.post(lab.card_origin + "/choose", {"origin": "http://evil.example", "person": HANA.person})
    assert refused.status_code == 400
    assert "あと2回" in (await browser.sign(pin="0000")).text


@pytest.mark.parametrize("field", ["challenge", "session"])
@pytest.mark.parametrize("value", ["", "AAAA", "!" * 43, encode(bytes(33)), "A" * 5000])
async def test_what_is_no_challenge_costs_no_try(lab: Lab, field: str, value: str) -> None:
    """A malformed challenge or session hash is refused before the PIN is looked at."""
    browser = Browser(lab)
    asked = await browser.challenge() | {field: value}
    assert (await browser.sign(pin="0000", **asked)).status_code == 400
    assert "あと2回" in (await browser.sign(pin="0000")).text


async def test_a_foreign_page_cannot_lock_a_card(lab: Lab) -> None:
    """PINs posted from another origin are refused before they are counted."""
    browser = Browser(lab)
    form = {**await browser.challenge(), "person": HANA.person, "pin": "0000"}
    for _ in range(3):
        response = await browser.post(lab.card_origin + "/sign", form, origin="http://evil.example")
        assert response.status_code == 403
    assert (await browser.sign()).status_code == 303


async def test_three_wrong_pins_lock_the_card_on_the_page(lab: Lab) -> None:
    """The page warns twice, then says that the card is locked and offers no more PIN."""
    browser = Browser(lab)
    pages = [await browser.sign(LONG, "0000") for _ in range(3)]
    assert ["あと2回" in pages[0].text, "あと1回" in pages[1].text] == [True, True]
    assert [page.status_code for page in pages] == [403] * 3
    assert 'data-testid="locked"' in pages[2].text
    assert 'name="pin"' not in pages[2].text
    assert 'data-testid="locked"' in (await browser.sign(LONG)).text


async def test_an_authority_that_is_down_is_said_so(lab: Lab) -> None:
    """When the card cannot be issued now, the page says to wait, and the PIN's tries are whole."""
    browser = Browser(lab)
    asked = await browser.challenge()
    lab.authority.down = True
    page = await browser.sign(**asked)
    assert page.status_code == 503
    assert 'data-testid="card-failed"' in page.text
    lab.authority.down = False
    assert (await browser.sign(**asked)).status_code == 303


async def test_markup_on_the_tray_is_text(lab: Lab) -> None:
    """Searches, traits and handles with markup in them are escaped."""
    script = "<script>alert(1)</script>"
    browser = Browser(lab)
    for query in (f"q={script}", f"trait={script}", f"next={script}&origin={lab.portal_origin}"):
        response = await browser.get(f"{lab.card_origin}/?{query}")
        assert response.status_code == 200
        assert script not in response.text


async def test_a_pin_page_without_a_chosen_card_leads_to_the_tray(lab: Lab) -> None:
    """Who arrives with a challenge but no card on the reader chooses one first."""
    browser = Browser(lab)
    asked = await browser.challenge()
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    response = await browser.get(f"{lab.card_origin}/pin?{query}")
    assert response.headers["location"].startswith("/?origin=")


async def test_the_tray_is_a_document_too(lab: Lab) -> None:
    """Programs find people by trait as JSON."""
    document = (await Browser(lab).get(f"{lab.card_origin}/api/v1/people?trait=empty")).json()
    assert [person["person"] for person in document["people"]] == [SORA.person]
    assert document["more"] is False


async def test_traits_are_told_in_the_reader_s_language(lab: Lab) -> None:
    """A trait and a scenario's role stand in Japanese or English words, both on the card and in the search; an unknown one as it is."""
    person = replace(HANA, person="p000009", traits=("single-parent", "cast:mover", "odd-one"))
    await tray.fill(lab.people, [person])
    for language, words in (
        ("ja", ("ひとり親", "引っ越す世帯の世帯主", "odd one")),
        ("en", ("single parent", "mover", "odd one")),
    ):
        page = (await Browser(lab, language).get(lab.card_origin + "/")).text
        for one in words:
            assert f">{one}</li>" in page
            assert f">{one} (1)</option>" in page
    assert page.index("Roles of scenarios") < page.index('<optgroup label="Traits">')
