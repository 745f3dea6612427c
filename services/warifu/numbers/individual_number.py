"""個人番号 (individual number): eleven digits and a check digit, derived from the resident code.

Check digit (Ministerial Order No. 85 of 2014, art. 5): P_n is the n-th body digit from the right, Q_n = n + 1 for
n <= 6 and n - 5 above, r = sum of P_n Q_n mod 11, digit = 0 if r <= 1 else 11 - r. From the left the weights are
6 5 4 3 2 7 6 5 4 3 2. It misses about 1.6 % of single slips, because r = 0 and r = 1 give the same digit.

**Synthetic block.** Numbers here begin with 999, and any other is refused. No range is known that is never assigned,
so if real bodies are spread evenly one real number in a thousand would be accepted, and a string of twelve random
digits about once in ten thousand. That is unlikely, not impossible: every field says never to type a real one.

**Derivation.** The block's bodies are 999 and eight more digits: 10^8 places. What a number is made from fits in
exactly: a resident code of its own synthetic block is one of 10^7 (``resident_code.INDEX_DIGITS``), and the counter of
changes is one digit. So ``place = 10 * index + counter`` is one-to-one into 0 .. 10^8 - 1, a keyed permutation shuffles
those places, and two different (code, counter) pairs can never give one number, with no list to consult. The order of
codes within a family, and a person's successive numbers, are unrelated in the result. With the key the permutation
can be undone; without it, neither the code nor the previous number can be learned from a number.
"""

from functools import lru_cache

from warifu.numbers import digits, resident_code
from warifu.numbers.errors import NumberName, out_of_range, outside_block, wrong_check_digit
from warifu.numbers.permutation import DecimalPermutation

NAME = NumberName("個人番号", "individual number")
LENGTH = 12
SYNTHETIC_PREFIX = "999"
NUMBERS_PER_CODE = 10
"""The first number and nine changes; after that the person needs a new resident code."""

_INDEX_DIGITS = LENGTH - 1 - len(SYNTHETIC_PREFIX)
_WEIGHTS = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)

assert resident_code.CAPACITY * NUMBERS_PER_CODE == 10**_INDEX_DIGITS, "the derivation is exact only if the spaces fit"


def check_digit(body: str) -> str:
    """The check digit of an eleven-digit body, synthetic or not."""
    return digits.modulus_11(digits.require_digits(body, (LENGTH - 1,), NAME), _WEIGHTS)


def check_form(number: str) -> str:
    """Return a number of the right length with the right check digit, synthetic or not.

    For comparing formulas only: what a person typed goes through ``check``.
    """
    digits.require_digits(number, (LENGTH,), NAME)
    if check_digit(number[:-1]) != number[-1]:
        raise wrong_check_digit(NAME)
    return number


def check(number: str) -> str:
    """Return a well-formed number of the synthetic block; refuse every other with ``NumberError``."""
    check_form(number)
    if not number.startswith(SYNTHETIC_PREFIX):
        raise outside_block(NAME, f"先頭{SYNTHETIC_PREFIX}", f"first digits {SYNTHETIC_PREFIX}")
    return number


def derive(key: bytes, code: str, change_counter: int) -> str:
    """The individual number of a resident code after ``change_counter`` changes (0 for the first number).

    ``key`` (at least 16 bytes) belongs to the body that numbers people. ``NumberError`` when the code is not of the
    synthetic block or the counter is not 0 .. ``NUMBERS_PER_CODE`` - 1.
    """
    if not 0 <= change_counter < NUMBERS_PER_CODE:
        raise out_of_range(
            NAME,
            f"変更は{NUMBERS_PER_CODE - 1}回まで",
            f"a number can be changed {NUMBERS_PER_CODE - 1} times under one resident code",
        )
    place = resident_code.index_in_block(code) * NUMBERS_PER_CODE + change_counter
    body = f"{SYNTHETIC_PREFIX}{_permutation(key).forward(place):0{_INDEX_DIGITS}d}"
    return body + check_digit(body)


@lru_cache(maxsize=8)
def _permutation(key: bytes) -> DecimalPermutation:
    return DecimalPermutation(key, "individual number", _INDEX_DIGITS)
