"""What identifies an insured person inside an insurer: 記号 (symbol), 番号 (number) and 枝番 (branch).

Symbol and number belong to a worker or a household; the branch of two digits, added in 2020-21, tells its members
apart. A person of the 後期高齢者医療 scheme has instead one number of eight digits whose last is a check digit; its
published rule was not found, so the insurer number's (Luhn) is used here, which is an assumption.
"""

from dataclasses import dataclass

from warifu.numbers import digits
from warifu.numbers.errors import NumberName, out_of_range, wrong_check_digit

BRANCH_NAME = NumberName("枝番", "branch number")
ELDERLY_NAME = NumberName("後期高齢者医療被保険者番号", "late-stage elderly insured number")
ELDERLY_LENGTH = 8
BRANCH_LENGTH = 2
_LAST_BRANCH = 99


@dataclass(frozen=True, slots=True)
class InsuredNumber:
    """Symbol, number and branch; the 後期高齢者医療 scheme has a number only."""

    number: str
    symbol: str | None = None
    branch: str | None = None

    def __str__(self) -> str:
        return "-".join(part for part in (self.symbol, self.number, self.branch) if part is not None)


def branch(position: int) -> str:
    """The branch of the member at ``position``: 0 is the insured worker, dependants follow from 1."""
    if not 0 <= position <= _LAST_BRANCH:
        raise out_of_range(BRANCH_NAME, "枝番は00から99まで", "branches run from 00 to 99")
    return f"{position:02d}"


def check_branch(text: str) -> str:
    """Return a branch of two digits; ``NumberError`` for any other."""
    return digits.require_digits(text, (BRANCH_LENGTH,), BRANCH_NAME)


def elderly(serial: int) -> str:
    """The 後期高齢者医療 number of the insured person ``serial`` (0 .. 9 999 999)."""
    if not 0 <= serial < 10 ** (ELDERLY_LENGTH - 1):
        raise out_of_range(ELDERLY_NAME, "連番は0から9999999まで", "serials run from 0 to 9999999")
    body = f"{serial:0{ELDERLY_LENGTH - 1}d}"
    return body + digits.luhn(body)


def check_elderly(number: str) -> str:
    """Return a 後期高齢者医療 number with a right check digit; ``NumberError`` for any other."""
    digits.require_digits(number, (ELDERLY_LENGTH,), ELDERLY_NAME)
    if digits.luhn(number[:-1]) != number[-1]:
        raise wrong_check_digit(ELDERLY_NAME)
    return number
