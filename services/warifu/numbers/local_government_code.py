"""全国地方公共団体コード (local-government code): prefecture (2), serial (3), check digit.

Check digit: weights 6 5 4 3 2 from the left, (11 - sum mod 11) mod 10, so that r = 0 gives 1 and r = 1 gives 0: not
the rule of the individual number. Source: the ministry's published list of codes; real pairs are in the tests.

Japan has the prefectures 01 to 47; the simulator's are 48 and up, so that no code here is a real body's.
"""

from warifu.numbers import digits
from warifu.numbers.errors import NumberName, out_of_range, outside_block, wrong_check_digit

NAME = NumberName("全国地方公共団体コード", "local-government code")
LENGTH = 6
FIRST_FICTIONAL_PREFECTURE = 48
LAST_PREFECTURE = 99
_LAST_SERIAL = 999
_WEIGHTS = (6, 5, 4, 3, 2)


def check_digit(body: str) -> str:
    """The check digit of a five-digit body, fictional or not."""
    total = digits.weighted_sum(digits.require_digits(body, (LENGTH - 1,), NAME), _WEIGHTS)
    return str((11 - total % 11) % 10)


def check_form(code: str) -> str:
    """Return a code of the right length with the right check digit, fictional or not."""
    digits.require_digits(code, (LENGTH,), NAME)
    if check_digit(code[:-1]) != code[-1]:
        raise wrong_check_digit(NAME)
    return code


def check(code: str) -> str:
    """Return a well-formed code of a fictional prefecture; refuse every other with ``NumberError``."""
    check_form(code)
    if prefecture(code) < FIRST_FICTIONAL_PREFECTURE:
        raise outside_block(NAME, "都道府県番号48以上", "prefecture 48 and up")
    return code


def prefecture(code: str) -> int:
    """The prefecture that a code begins with."""
    return int(code[:2])


def compose(prefecture_number: int, serial: int) -> str:
    """The code of the body ``serial`` (0 is the prefecture itself) of a fictional prefecture (48 to 99)."""
    if not FIRST_FICTIONAL_PREFECTURE <= prefecture_number <= LAST_PREFECTURE:
        raise out_of_range(NAME, "都道府県番号は48から99まで", "fictional prefectures are 48 to 99")
    if not 0 <= serial <= _LAST_SERIAL:
        raise out_of_range(NAME, "団体の連番は0から999まで", "serials run from 0 to 999")
    body = f"{prefecture_number:02d}{serial:03d}"
    return body + check_digit(body)
