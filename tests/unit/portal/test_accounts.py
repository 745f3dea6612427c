"""Accounts: codes are obtained when they are needed, and a history stays whole."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from unit.portal.browser import Browser
from unit.portal.lab import HANA, START, Lab, Told, subject

from warifu.kernel.errors import LinkageError
from warifu.portal.api.schema import api_faults
from warifu.portal.card.safe import Safe
from warifu.portal.schema import account_subjects, claims, metadata, proxy_guesses, proxy_words


async def serial_of(lab: Lab) -> str:
    """A certificate that the authority issued to Hana."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    made = lab.authority.make(ec.generate_private_key(ec.SECP256R1()).public_key(), HANA.individual_number)
    return f"{x509.load_der_x509_certificate(made).serial_number:x}"


async def test_the_code_is_obtained_once(lab: Lab) -> None:
    """The first login enrols; later ones ask nobody."""
    browser = Browser(lab)
    await browser.log_in()
    await browser.post("/logout")
    await browser.log_in()
    assert lab.authority.enrolled == 1


async def test_acquisition_numbers_are_erased(lab: Lab) -> None:
    """Once the code is claimed, the acquisition number is gone from the portal."""
    await lab.portal.accounts.log_in(await serial_of(lab))
    (number,) = lab.authority.deposits
    assert lab.store.read(lambda c: c.execute(claims.select()).all()) == []
    assert len(number) == 16


async def test_records_may_come_before_the_first_login(lab: Lab) -> None:
    """What was delivered before the person ever logged in is there at the first login."""
    await lab.deliver([told := Told()])
    assert told.request_id in (await Browser(lab).log_in()).text


async def test_a_changed_resident_code_leaves_the_history_whole(lab: Lab) -> None:
    """After a change of resident code the next login claims the new code, and both codes' entries are one history."""
    await lab.deliver([old := Told()])
    browser = Browser(lab)
    await browser.log_in()
    await browser.post("/logout")
    lab.authority.codes[HANA.individual_number] = 1
    assert await lab.portal.jobs["superseded"]() == 1
    assert await lab.portal.jobs["superseded"]() == 0
    await lab.deliver([new := Told()], change=1)
    page = await browser.log_in()
    assert old.request_id in page.text
    assert new.request_id in page.text
    assert lab.authority.enrolled == 2


async def test_a_holder_with_an_account_comes_in_although_no_new_code_can_be_had(lab: Lab) -> None:
    """While enrolment fails, someone whose code was superseded still sees what is there."""
    serial = await serial_of(lab)
    account = await lab.portal.accounts.log_in(serial)
    lab.authority.codes[HANA.individual_number] = 1
    await lab.portal.jobs["superseded"]()
    lab.authority.down = True
    assert await lab.portal.accounts.log_in(serial) == account
    lab.authority.down = False
    assert await lab.portal.accounts.log_in(serial) == account
    assert set(lab.portal.accounts.subjects(account)) == {subject(HANA.individual_number, n) for n in (0, 1)}


async def test_a_second_card_opens_the_same_account(lab: Lab) -> None:
    """A reissued card leads to the account that the first one opened."""
    first = await lab.portal.accounts.log_in(await serial_of(lab))
    assert await lab.portal.accounts.log_in(await serial_of(lab)) == first


async def test_an_old_card_after_a_new_one_joins_their_accounts(lab: Lab) -> None:
    """When a new card brought a new code to a new account, the old card's next login makes both accounts one, sessions included."""
    old, new = await serial_of(lab), await serial_of(lab)
    before = await lab.portal.accounts.log_in(old)
    lab.authority.codes[HANA.individual_number] = 1
    after = await lab.portal.accounts.log_in(new)
    assert before != after
    await lab.portal.jobs["superseded"]()
    assert await lab.portal.accounts.log_in(old) == after
    assert len(lab.portal.accounts.subjects(after)) == 2
    assert lab.portal.accounts.subjects(before) == []
    named = [
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.c
        if any(key.target_fullname == "accounts.account" for key in column.foreign_keys)
        and lab.store.read(lambda c, column=column: c.execute(select(column).where(column == before)).first())
    ]
    assert named == [], "what the one account had is the other's"


async def test_what_was_left_follows_when_accounts_become_one(lab: Lab) -> None:
    """Records of insurance and benefits of the account that goes are the other's and open there; nothing stays behind."""
    left = {"benefits": {"bank": "aonagi"}, "insurance": {"insurer": "nhi-480029"}}
    old, new = await serial_of(lab), await serial_of(lab)
    safe = Safe(lab.store, lab.seals, lab.clock)
    before = await lab.portal.accounts.log_in(old)
    for kind, values in left.items():
        await safe.put(before, kind, values)
    lab.authority.codes[HANA.individual_number] = 1
    after = await lab.portal.accounts.log_in(new)
    await lab.portal.jobs["superseded"]()
    assert await lab.portal.accounts.log_in(old) == after
    assert {kind: dict(safe.get(after, kind).values) for kind in left} == left
    assert [safe.get(before, kind) for kind in left] == [None, None]


@pytest.mark.parametrize("newer", ["first", "second"])
async def test_of_two_records_of_a_kind_the_one_left_last_stays(lab: Lab, newer: str) -> None:
    """When both accounts have an account for benefits, the one registered last is kept, whichever account it was in."""
    old, new = await serial_of(lab), await serial_of(lab)
    safe, accounts = Safe(lab.store, lab.seals, lab.clock), lab.portal.accounts
    first = await accounts.log_in(old)
    lab.authority.codes[HANA.individual_number] = 1
    second = await accounts.log_in(new)
    for account in (second, first) if newer == "first" else (first, second):
        lab.clock.network_now += timedelta(days=1)
        await safe.put(account, "benefits", {"bank": "aonagi" if account == first else "net"})
    await lab.portal.jobs["superseded"]()
    assert await accounts.log_in(old) == second
    assert dict(safe.get(second, "benefits").values) == {"bank": "aonagi" if newer == "first" else "net"}
    assert safe.get(first, "benefits") is None


async def test_single_rows_of_an_account_that_goes_are_forgotten(lab: Lab) -> None:
    """A pairing word, counted tries and a developer's wish do not stay with an account that nobody can open any more."""
    old, new = await serial_of(lab), await serial_of(lab)
    before = await lab.portal.accounts.log_in(old)
    word = {"principal": before, "label": "x", "scope": "history", "days": 7, "word_hash": bytes(32), "made_at": 1}
    single = (
        (proxy_words, word),
        (proxy_guesses, {"account": before, "first_at": 1, "guesses": 3}),
        (api_faults, {"account": before, "fault": "slow"}),
    )
    for table, row in single:
        await lab.store.write(lambda c, table=table, row=row: c.execute(table.insert(), row))
    lab.authority.codes[HANA.individual_number] = 1
    after = await lab.portal.accounts.log_in(new)
    await lab.portal.jobs["superseded"]()
    assert await lab.portal.accounts.log_in(old) == after
    assert [lab.store.read(lambda c, table=table: c.execute(table.select()).all()) for table, _ in single] == [[]] * 3


async def test_a_lapsed_acquisition_number_is_replaced(lab: Lab) -> None:
    """A number left by an interrupted login, past its life, is replaced within the same login."""
    serial = await serial_of(lab)
    lab.authority.cut_off = True
    with pytest.raises(ConnectionError):
        await lab.portal.accounts.log_in(serial)
    lab.authority.cut_off = False
    lab.authority.lapsed = set(lab.authority.deposits)
    assert lab.portal.accounts.subjects(await lab.portal.accounts.log_in(serial)) == [subject(HANA.individual_number)]


async def test_a_first_login_without_the_network_opens_no_account(lab: Lab) -> None:
    """Without a code there is no account, and the failure names whose side failed."""
    serial = await serial_of(lab)
    lab.authority.down = True
    with pytest.raises(LinkageError) as failure:
        await lab.portal.accounts.log_in(serial)
    assert failure.value.reason.side == "PROVIDER"


async def test_two_first_logins_at_once_open_one_account(lab: Lab) -> None:
    """Two tabs that log the same new card in at the same moment share one account and one code."""
    serial = await serial_of(lab)
    one, other = await asyncio.gather(lab.portal.accounts.log_in(serial), lab.portal.accounts.log_in(serial))
    assert one == other
    assert len(lab.store.read(lambda c: c.execute(account_subjects.select()).all())) == 1


async def test_the_portal_never_holds_a_number_or_a_name(lab: Lab, tmp_path) -> None:
    """After logins and deliveries no individual number, name or reading of anyone lies in the portal's files."""
    await lab.deliver([Told(START)])
    await Browser(lab).log_in()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("portal-main.db*"))
    for text in (HANA.individual_number, HANA.name, HANA.kana, HANA.basic_items.address, HANA.person):
        assert text.encode() not in stored
