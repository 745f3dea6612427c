"""住民票コード (resident code): ten random-looking digits and a check digit, for life, whatever the person's address.

Check digit: weights 5 4 3 2 7 6 5 4 3 2 from the left, r = sum mod 11, digit = 0 if r <= 1 else 11 - r. That is the
formula of the individual number cut to ten digits; the notice that fixes it was not found, but published sample pairs
fit it (see the tests).

**Synthetic block.** Bodies here begin with 888. Nobody has published a range that is never assigned, so a real code
begins like that by chance once in a thousand; a random string that also has the right check digit, once in about ten
thousand. The seven digits after the prefix give ten million codes. They are a keyed permutation of the person's
index, so no two persons share one and neighbours in a list are not neighbours in code.
"""

from functools import lru_cache

from warifu.numbers import digits
from warifu.numbers.errors import NumberName, out_of_range, outside_block, wrong_check_digit
from warifu.numbers.permutation import DecimalPermutation

NAME = NumberName("住民票コード", "resident code")
LENGTH = 11
SYNTHETIC_PREFIX = "888"
INDEX_DIGITS = 7
CAPACITY = 10**INDEX_DIGITS
"""How many codes the synthetic block holds."""

_WEIGHTS = (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)


def check_digit(body: str) -> str:
    """The check digit of a ten-digit body, synthetic or not."""
    return digits.modulus_11(digits.require_digits(body, (LENGTH - 1,), NAME), _WEIGHTS)


def check_form(number: str) -> str:
    """Return a code of the right length with the right check digit, synthetic or not."""
    digits.require_digits(number, (LENGTH,), NAME)
    if check_digit(number[:-1]) != number[-1]:
        raise wrong_check_digit(NAME)
    return number


def check(number: str) -> str:
    """Return a well-formed code of the synthetic block; refuse every other with ``NumberError``."""
    check_form(number)
    if not number.startswith(SYNTHETIC_PREFIX):
        raise outside_block(NAME, f"先頭{SYNTHETIC_PREFIX}", f"first digits {SYNTHETIC_PREFIX}")
    return number


def index_in_block(number: str) -> int:
    """The place of a synthetic code in its block, 0 .. ``CAPACITY`` - 1 (not the person's index, which the key hides)."""
    return int(check(number)[len(SYNTHETIC_PREFIX) : -1])


def derive(key: bytes, index: int) -> str:
    """The code of the person with that ``index`` (0 .. ``CAPACITY`` - 1) under ``key`` (at least 16 bytes).

    A person whose code is changed takes the code of an index that nobody has yet.
    """
    if not 0 <= index < CAPACITY:
        raise out_of_range(NAME, f"個人の連番は0から{CAPACITY - 1}まで", f"person indexes run from 0 to {CAPACITY - 1}")
    body = f"{SYNTHETIC_PREFIX}{_permutation(key).forward(index):0{INDEX_DIGITS}d}"
    return body + check_digit(body)


@lru_cache(maxsize=8)
def _permutation(key: bytes) -> DecimalPermutation:
    return DecimalPermutation(key, "resident code", INDEX_DIGITS)
