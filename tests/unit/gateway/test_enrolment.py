"""Enrolment: who may claim what, for how long, and what is left behind afterwards."""

import os

import pytest
from unit.gateway.samples import StandingClock, new_store, resident_code, scheme

from warifu.enrolment.v1.enrolment_pb2 import Deposit
from warifu.gateway.enrolment import Enrolment
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import ACQUISITION_LIFE

A, B = "nhi-480029", "tax-480011"
NUMBER = bytes(range(16))


@pytest.fixture
def clock():
    """A clock that stands."""
    return StandingClock()


@pytest.fixture
def store(tmp_path):
    """A store on disk."""
    store = new_store(tmp_path)
    yield store
    store.close()


@pytest.fixture
def enrolment(store, clock):
    """Enrolment over that store."""
    return Enrolment(store, scheme(), clock)


def deposit(person=1, number=NUMBER):
    """One deposit."""
    return Deposit(acquisition_number=number, resident_code=resident_code(person))


async def test_the_institution_claims_its_own_code(enrolment):
    """What numbering deposits for an institution is what that institution claims: its own code."""
    await enrolment.deposit(A, [deposit()])
    assert enrolment.claim(A, [NUMBER]) == [scheme().derive(resident_code(1), A)]


async def test_a_repeat_within_its_life_returns_the_same_code(enrolment, clock):
    """A claim whose answer was lost can be made again until the acquisition number expires."""
    await enrolment.deposit(A, [deposit()])
    first = enrolment.claim(A, [NUMBER])
    clock.pass_machine(seconds=ACQUISITION_LIFE - 1)
    assert enrolment.claim(A, [NUMBER]) == first


async def test_unknown_foreign_and_late_claims_get_the_same_refusal(enrolment, clock):
    """Nobody learns whether an acquisition number exists, is another's, or is over."""
    await enrolment.deposit(A, [deposit()])
    assert enrolment.claim(B, [NUMBER]) == [None]
    assert enrolment.claim(A, [bytes(16)]) == [None]
    clock.pass_machine(seconds=ACQUISITION_LIFE)
    assert enrolment.claim(A, [NUMBER]) == [None]


async def test_claims_are_answered_in_the_order_asked(enrolment):
    """Each result stands where its acquisition number stood, refused ones included."""
    numbers = [os.urandom(16) for _ in range(3)]
    await enrolment.deposit(A, [deposit(i, numbers[i]) for i in (0, 2)])
    codes = enrolment.claim(A, [numbers[2], numbers[1], numbers[0], numbers[2]])
    assert codes == [scheme().derive(resident_code(2), A), None, scheme().derive(resident_code(0), A), codes[0]]


async def test_the_same_deposit_again_changes_nothing(enrolment, clock):
    """Numbering may repeat a deposit; the life of the number does not begin anew."""
    await enrolment.deposit(A, [deposit()])
    clock.pass_machine(seconds=ACQUISITION_LIFE - 1)
    await enrolment.deposit(A, [deposit()])
    clock.pass_machine(seconds=1)
    assert enrolment.claim(A, [NUMBER]) == [None]


async def test_one_number_never_stands_for_two_persons(enrolment):
    """A deposit of a used number for another person is refused, and the first person's code stays."""
    await enrolment.deposit(A, [deposit(1)])
    with pytest.raises(LinkageError) as refused:
        await enrolment.deposit(A, [deposit(3, bytes(16)), deposit(2)])
    assert refused.value.reason == Reason.CLIENT_ACQUISITION_CHANGED
    assert enrolment.claim(A, [NUMBER, bytes(16)]) == [scheme().derive(resident_code(1), A), None]


async def test_one_call_must_not_use_a_number_twice(enrolment):
    """Two deposits under one number in one call are refused."""
    with pytest.raises(LinkageError) as refused:
        await enrolment.deposit(A, [deposit(1), deposit(2)])
    assert refused.value.reason == Reason.CLIENT_ACQUISITION_CHANGED


async def test_an_expired_number_can_be_deposited_anew(enrolment, clock):
    """What is over does not stand in the way of a new deposit, even before it was erased."""
    await enrolment.deposit(A, [deposit(1)])
    clock.pass_machine(seconds=ACQUISITION_LIFE)
    await enrolment.deposit(A, [deposit(2)])
    assert enrolment.claim(A, [NUMBER]) == [scheme().derive(resident_code(2), A)]


async def test_purge_erases_what_is_over_from_every_file(enrolment, clock, tmp_path):
    """After the purge neither database nor write-ahead log holds the code; what is alive stays."""
    await enrolment.deposit(A, [deposit(1)])
    code = scheme().derive(resident_code(1), A).code
    assert any(code in path.read_bytes() for path in tmp_path.iterdir())
    clock.pass_machine(seconds=ACQUISITION_LIFE)
    await enrolment.deposit(A, [deposit(2, bytes(16))])
    assert await enrolment.purge() == 1
    assert await enrolment.purge() == 0
    assert not any(code in path.read_bytes() for path in tmp_path.iterdir())
    assert enrolment.claim(A, [bytes(16)]) == [scheme().derive(resident_code(2), A)]


async def test_neither_acquisition_number_nor_resident_code_reaches_a_file(enrolment, tmp_path):
    """Not even while the deposit waits is either of them in any file, as text, packed or reversed."""
    await enrolment.deposit(A, [deposit(7)])
    await enrolment.supersede(resident_code(8), resident_code(9))
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for person in (7, 8, 9):
        code = resident_code(person)
        forms = (code.encode(), code.encode("utf-16-le"), int(code).to_bytes(5, "big"), int(code).to_bytes(5, "little"))
        assert not any(form in held for form in forms)
    assert NUMBER not in held
    assert NUMBER.hex().encode() not in held


@pytest.mark.parametrize("wrong", ["", "8880000000", "888000000011", "8880000000x", "８８８００００００１１"])
async def test_a_resident_code_out_of_form_is_refused(enrolment, wrong):
    """Eleven ASCII digits, nothing else."""
    with pytest.raises(LinkageError) as refused:
        await enrolment.deposit(A, [Deposit(acquisition_number=NUMBER, resident_code=wrong)])
    assert refused.value.reason == Reason.CLIENT_RESIDENT_CODE_INVALID


@pytest.mark.parametrize("size", [0, 15, 17])
async def test_an_acquisition_number_has_sixteen_bytes(enrolment, size):
    """Shorter and longer ones are refused, on deposit and on claim."""
    with pytest.raises(LinkageError, match="acquisition_number"):
        await enrolment.deposit(A, [deposit(1, bytes(size))])
    with pytest.raises(LinkageError, match="acquisition_number"):
        enrolment.claim(A, [bytes(size)])


async def test_too_many_at_once_are_refused(enrolment):
    """A call holds at most 1,000 deposits or claims, and at least one."""
    with pytest.raises(LinkageError) as refused:
        enrolment.claim(A, [NUMBER] * 1001)
    assert refused.value.reason == Reason.CLIENT_TOO_MANY_ITEMS
    with pytest.raises(LinkageError):
        await enrolment.deposit(A, [])


async def test_a_change_of_resident_code_supersedes_the_codes_made_of_the_old_one(enrolment):
    """Each institution learns its own superseded code, once, and the code made of the new one serves."""
    await enrolment.supersede(resident_code(1), resident_code(2))
    await enrolment.supersede(resident_code(1), resident_code(2))
    codes, position = enrolment.superseded(A, 0)
    assert codes == [scheme().derive(resident_code(1), A)]
    assert enrolment.superseded(B, 0)[0] == [scheme().derive(resident_code(1), B)]
    assert enrolment.superseded(A, position) == ([], position)
    assert enrolment.is_superseded(scheme().mark(resident_code(1)))
    assert not enrolment.is_superseded(scheme().mark(resident_code(2)))


async def test_superseded_codes_come_in_the_order_of_the_changes(enrolment):
    """Going on from a position gives what came after it, and nothing twice."""
    await enrolment.supersede(resident_code(1), resident_code(2))
    _, position = enrolment.superseded(A, 0)
    await enrolment.supersede(resident_code(2), resident_code(3))
    assert enrolment.superseded(A, position)[0] == [scheme().derive(resident_code(2), A)]
    assert len(enrolment.superseded(A, 0)[0]) == 2


async def test_a_deposit_that_waits_dies_with_its_resident_code(enrolment):
    """A code deposited before the change cannot be claimed after it."""
    await enrolment.deposit(A, [deposit(1)])
    await enrolment.supersede(resident_code(1), resident_code(2))
    assert enrolment.claim(A, [NUMBER]) == [None]


async def test_a_superseded_resident_code_is_never_deposited_again(enrolment):
    """Neither a deposit nor a second change brings an old code back to life."""
    await enrolment.supersede(resident_code(1), resident_code(2))
    for call in (enrolment.deposit(A, [deposit(1)]), enrolment.supersede(resident_code(2), resident_code(1))):
        with pytest.raises(LinkageError) as refused:
            await call
        assert refused.value.reason == Reason.CLIENT_CODE_SUPERSEDED


async def test_the_superseded_list_alone_links_nobody(enrolment, tmp_path):
    """The list holds no code of any institution: who steals the file alone cannot tell whose codes go together."""
    await enrolment.supersede(resident_code(1), resident_code(2))
    held = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert not any(scheme().derive(resident_code(i), x).code[1:] in held for i in (1, 2) for x in (A, B))
