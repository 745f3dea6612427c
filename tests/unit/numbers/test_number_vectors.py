"""The check-digit formulas, against published numbers and an independent library."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.jp import cn, in_

from warifu.numbers import (
    NumberError,
    NumberFlaw,
    corporate_number,
    individual_number,
    insurer_number,
    local_government_code,
    resident_code,
)


def bodies(length: int) -> st.SearchStrategy[str]:
    """Strings of ``length`` digits."""
    return st.text(alphabet="0123456789", min_size=length, max_size=length)


def refusal(module, text: str) -> NumberError | None:
    """The error with which a module refuses a text; None when it accepts it."""
    try:
        module.check_form(text)
    except NumberError as error:
        return error
    return None


@pytest.mark.parametrize(
    "number",
    ["123456789018", "621498320257", "000000000019", "000000000060", "000000000140", "732195084603"],
)
def test_individual_number_vectors(number):
    """The individual number's formula gives the published check digits, at the edges r = 0 and r = 1 too."""
    assert individual_number.check_digit(number[:-1]) == number[-1]


@given(bodies(11))
def test_individual_number_oracle(body):
    """python-stdnum computes the same check digit for every body."""
    assert individual_number.check_digit(body) == in_.calc_check_digit(body)


@pytest.mark.parametrize("number", ["24727059608", "24846016224", "25208017643", "31415926530"])
def test_resident_code_vectors(number):
    """The resident code's formula fits the published sample codes."""
    assert resident_code.check_form(number) == number


@pytest.mark.parametrize(
    "number",
    [
        "7000012050002",
        "8000012010038",
        "7000020131041",
        "2000020112038",
        "9000020431001",
        "8000020221007",
        "8000020131164",
        "8000020130001",
    ],
)
def test_corporate_number_vectors(number):
    """The corporate number's formula gives the published check digits of real bodies."""
    assert corporate_number.check_form(number) == number


@given(bodies(12))
def test_corporate_number_oracle(base):
    """python-stdnum computes the same check digit for every base."""
    assert corporate_number.check_digit(base) == cn.calc_check_digit(base)


@pytest.mark.parametrize(
    "code",
    [
        *("011002", "041009", "112038", "130001", "131016", "131041", "131121", "131130", "131164"),
        *("141003", "221007", "231002", "271004", "281000", "401307", "431001", "472018"),
    ],
)
def test_local_government_code_vectors(code):
    """The local-government code's formula gives the published codes, r = 0 and r = 1 included."""
    assert local_government_code.check_form(code) == code


@pytest.mark.parametrize("number", ["33120015", "01130012", "138040", "138164", "110031", "39131040"])
def test_insurer_number_vectors(number):
    """The insurer number's formula gives the published numbers of six and of eight digits."""
    assert insurer_number.check_form(number) == number


@pytest.mark.parametrize(
    ("module", "real"),
    [
        (individual_number, "621498320257"),
        (resident_code, "24727059608"),
        (corporate_number, "7000020131041"),
        (corporate_number, "7000012050002"),
        (local_government_code, "131041"),
        (insurer_number, "138040"),
        (insurer_number, "01130012"),
    ],
)
def test_real_numbers_are_refused(module, real):
    """A well-formed number that may be real is refused with its reason, in both languages and without being repeated."""
    with pytest.raises(NumberError) as caught:
        module.check(real)
    error = caught.value
    assert error.kind is NumberFlaw.OUTSIDE_BLOCK
    assert "絶対に" in error.ja
    assert "Never" in error.en
    assert real not in error.ja + error.en + str(error) + repr(error)


@pytest.mark.parametrize(
    ("module", "lengths"),
    [
        (individual_number, {12}),
        (resident_code, {11}),
        (corporate_number, {13}),
        (local_government_code, {6}),
        (insurer_number, {6, 8}),
    ],
)
@given(text=st.one_of(st.text(max_size=15), bodies(4), bodies(12), bodies(11), bodies(13), bodies(6), bodies(8)))
def test_any_text_is_accepted_or_refused_with_its_flaw(module, lengths, text):
    """Any text is either accepted as it stands or refused with one flaw and a message that does not repeat it."""
    if not (text.isascii() and text.isdigit()):
        expected = NumberFlaw.DIGITS
    elif len(text) not in lengths:
        expected = NumberFlaw.LENGTH
    else:
        check_first = module is corporate_number
        body, digit = (text[1:], text[0]) if check_first else (text[:-1], text[-1])
        expected = None if module.check_digit(body) == digit else NumberFlaw.CHECK_DIGIT
    error = refusal(module, text)
    assert (error.kind if error else None) == expected
    if error and expected is not NumberFlaw.DIGITS and len(text) > 2:
        assert text not in error.ja + error.en


@pytest.mark.parametrize("typed", ["１２３４５６７８９０１８", "1234 5678 901", "+23456789018", "٠٠٠٠٠٠٠٠٠٠١٩", ""])
def test_only_ascii_digits_are_digits(typed):
    """Full-width and other scripts' digits, blanks and signs are refused, though int() reads them."""
    with pytest.raises(NumberError) as caught:
        individual_number.check(typed)
    assert caught.value.kind is NumberFlaw.DIGITS
