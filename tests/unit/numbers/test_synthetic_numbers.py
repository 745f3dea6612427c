"""What the simulator makes: numbers inside its blocks, without collisions and without order."""

import pickle
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warifu.numbers import (
    DecimalPermutation,
    NumberError,
    NumberFlaw,
    NumberName,
    corporate_number,
    individual_number,
    insured_person,
    insurer_number,
    local_government_code,
    resident_code,
)

KEY = b"a key of the numbering body, 32 bytes"
KEYS = st.binary(min_size=16, max_size=64)
INDEXES = st.integers(0, resident_code.CAPACITY - 1)
COUNTERS = st.integers(0, individual_number.NUMBERS_PER_CODE - 1)


@settings(max_examples=15, deadline=None)
@given(KEYS, st.integers(2, 3))
def test_a_permutation_hits_every_place_once(key, digits):
    """A permutation of a whole small domain is onto, for every key and for odd digit counts too."""
    permutation = DecimalPermutation(key, "test", digits)
    assert sorted(map(permutation.forward, range(permutation.size))) == list(range(permutation.size))


@given(KEYS, st.integers(2, 16), st.data())
def test_a_permutation_can_be_undone(key, digits, data):
    """Backward undoes forward in domains of every size, which shows that no two inputs meet."""
    permutation = DecimalPermutation(key, "test", digits)
    value = data.draw(st.integers(0, permutation.size - 1))
    assert permutation.backward(permutation.forward(value)) == value


def test_a_permutation_depends_on_key_label_and_size():
    """Another key, label or size gives another permutation."""
    outcomes = {
        tuple(DecimalPermutation(key, label, digits).forward(n) for n in range(20))
        for key in (KEY, KEY[::-1])
        for label in ("one", "two")
        for digits in (7, 8)
    }
    assert len(outcomes) == 8


@pytest.mark.parametrize("value", [-1, 100])
def test_a_permutation_refuses_what_lies_outside(value):
    """A value outside the domain is refused rather than folded into it."""
    with pytest.raises(ValueError, match="domain"):
        DecimalPermutation(KEY, "test", 2).forward(value)


def test_a_permutation_refuses_a_short_key_and_a_single_digit():
    """A key under 16 bytes and a domain that cannot be halved are refused."""
    with pytest.raises(ValueError, match="16 bytes"):
        DecimalPermutation(b"short", "test", 8)
    with pytest.raises(ValueError, match="two digits"):
        DecimalPermutation(KEY, "test", 1)


@given(KEYS, INDEXES, COUNTERS)
def test_a_derived_number_is_accepted(key, index, counter):
    """Every derived code and number passes its own check and begins with its block."""
    code = resident_code.derive(key, index)
    number = individual_number.derive(key, code, counter)
    assert resident_code.check(code) == code
    assert individual_number.check(number) == number
    assert (code[:3], number[:3]) == ("888", "999")


@given(st.sets(st.tuples(INDEXES, COUNTERS), min_size=2, max_size=30))
def test_different_people_and_changes_never_share_a_number(pairs):
    """Different (person, change) pairs have different individual numbers."""
    numbers = {individual_number.derive(KEY, resident_code.derive(KEY, i), c) for i, c in pairs}
    assert len(numbers) == len(pairs)


def test_a_family_has_no_sequence():
    """Neighbouring persons, and one person's successive numbers, are far apart and in no order."""
    codes = [resident_code.derive(KEY, i) for i in range(200)]
    firsts = [int(individual_number.derive(KEY, code, 0)[:-1]) for code in codes]
    changed = [int(individual_number.derive(KEY, codes[0], c)[:-1]) for c in range(10)]
    for series in ([int(code[:-1]) for code in codes], firsts, changed):
        steps = [b - a for a, b in pairwise(series)]
        assert min(map(abs, steps)) > 100
        assert any(step > 0 for step in steps)
        assert any(step < 0 for step in steps)


def test_a_derivation_refuses_what_it_cannot_hold():
    """A counter or index outside its field, and a real-looking code, are refused: the injection stays exact."""
    code = resident_code.derive(KEY, 0)
    for counter in (-1, 10):
        with pytest.raises(NumberError) as caught:
            individual_number.derive(KEY, code, counter)
        assert caught.value.kind is NumberFlaw.RANGE
    for index in (-1, resident_code.CAPACITY):
        with pytest.raises(NumberError) as caught:
            resident_code.derive(KEY, index)
        assert caught.value.kind is NumberFlaw.RANGE
    with pytest.raises(NumberError) as caught:
        individual_number.derive(KEY, "24727059608", 0)
    assert caught.value.kind is NumberFlaw.OUTSIDE_BLOCK


def is_well_formed(number: str) -> bool:
    """Whether the form check accepts a number."""
    try:
        return individual_number.check_form(number) == number
    except NumberError:
        return False


def test_a_slip_in_one_digit_is_caught_except_where_the_formula_cannot():
    """Over many numbers about 98 of 100 wrong digits are refused; the rest share a check digit by the formula."""
    numbers = [individual_number.derive(KEY, resident_code.derive(KEY, i), 0) for i in range(40)]
    slips = [n[:i] + d + n[i + 1 :] for n in numbers for i in range(12) for d in "0123456789" if d != n[i]]
    missed = sum(map(is_well_formed, slips))
    assert 0 < missed < len(slips) * 0.04


@given(st.integers(48, 99), st.integers(0, 999))
def test_fictional_bodies_have_numbers_of_their_own(prefecture, serial):
    """Composed local-government, insurer and corporate numbers pass their checks."""
    code = local_government_code.compose(prefecture, serial)
    assert local_government_code.check(code) == code
    for division in ("", insurer_number.HEALTH_INSURANCE_SOCIETY, insurer_number.LATE_STAGE_ELDERLY):
        number = insurer_number.compose(prefecture, serial, division)
        assert insurer_number.check(number) == number
        assert insurer_number.prefecture(number) == prefecture
    assert corporate_number.check(corporate_number.for_local_government(code))[7:] == code
    assert corporate_number.check(corporate_number.for_body(prefecture * serial))


@pytest.mark.parametrize(
    "make",
    [
        lambda: local_government_code.compose(47, 1),
        lambda: local_government_code.compose(48, 1000),
        lambda: insurer_number.compose(13, 1),
        lambda: insurer_number.compose(48, -1),
        lambda: corporate_number.for_body(10**8),
        lambda: insured_person.branch(100),
        lambda: insured_person.elderly(10**7),
    ],
    ids=["prefecture", "serial", "insurer-prefecture", "insurer-serial", "corporate", "branch", "elderly"],
)
def test_bodies_outside_the_fiction_cannot_be_made(make):
    """A real prefecture, or a serial that the field cannot hold, is refused."""
    with pytest.raises(NumberError) as caught:
        make()
    assert caught.value.kind is NumberFlaw.RANGE


def test_a_corporate_number_of_a_real_local_body_cannot_be_made():
    """The corporate number of a real city is refused at the local-government code."""
    with pytest.raises(NumberError) as caught:
        corporate_number.for_local_government("131041")
    assert caught.value.kind is NumberFlaw.OUTSIDE_BLOCK


@given(st.integers(0, 9_999_999))
def test_elderly_numbers_check(serial):
    """A 後期高齢者医療 number passes its check, and with another last digit does not."""
    number = insured_person.elderly(serial)
    assert insured_person.check_elderly(number) == number
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    with pytest.raises(NumberError):
        insured_person.check_elderly(wrong)


def test_an_insured_number_reads_as_symbol_number_branch():
    """An insured number is written with what it has."""
    assert str(insured_person.InsuredNumber("0012345", "101", insured_person.branch(2))) == "101-0012345-02"
    assert str(insured_person.InsuredNumber("00000018")) == "00000018"
    assert insured_person.check_branch("02") == "02"


def test_an_error_survives_pickling():
    """The error keeps its kind and texts across process borders."""
    error = NumberError(NumberFlaw.LENGTH, NumberName("名", "name"), "日本語", "English")
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.kind, copy.name, copy.ja, copy.en) == (error.kind, error.name, error.ja, error.en)
    assert str(copy) == "English"
