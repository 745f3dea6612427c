"""What the numbers share: strings of ASCII digits, weighted sums, Luhn."""

from collections.abc import Sequence

from warifu.numbers.errors import NumberName, wrong_digits, wrong_length


def require_digits(text: str, lengths: tuple[int, ...], name: NumberName) -> str:
    """Return ``text`` when it is of one of the ``lengths`` and made of the ASCII digits only.

    Full-width digits, signs and spaces are refused, though ``int`` would take them: a number has one spelling.
    """
    if not (text.isascii() and text.isdigit()):
        raise wrong_digits(name)
    if len(text) not in lengths:
        raise wrong_length(name, lengths)
    return text


def weighted_sum(body: str, weights: Sequence[int]) -> int:
    """The sum of each digit times its weight, both read from the left."""
    return sum(int(digit) * weight for digit, weight in zip(body, weights, strict=True))


def modulus_11(body: str, weights: Sequence[int]) -> str:
    """The check digit that 個人番号 and 住民票コード share: 11 - (sum mod 11), and 0 where that gives 10 or 11."""
    remainder = weighted_sum(body, weights) % 11
    return "0" if remainder <= 1 else str(11 - remainder)


def luhn(body: str) -> str:
    """The Luhn check digit: weights 2, 1, 2, ... from the right, the digits of each product added."""
    total = 0
    for position, digit in enumerate(reversed(body)):
        product = int(digit) * (2 if position % 2 == 0 else 1)
        total += product // 10 + product % 10
    return str(-total % 10)
