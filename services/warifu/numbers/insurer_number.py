"""保険者番号 (insurer number): law division (2), prefecture (2), insurer (3), check digit; 国保 has no division.

Check digit: Luhn over all digits before it: 2, 1, 2, ... from the right, the digits of each product added,
(10 - sum mod 10) mod 10. Source: published manuals of claims processing; real pairs are in the tests.

Law divisions: 01 協会けんぽ, 02 seamen, 06 健保組合, 31-34 mutual aid associations, 39 後期高齢者医療. The fictional
prefectures 48 and up are used here too.
"""

from warifu.numbers import digits
from warifu.numbers.errors import NumberName, out_of_range, outside_block, wrong_check_digit
from warifu.numbers.local_government_code import FIRST_FICTIONAL_PREFECTURE, LAST_PREFECTURE

NAME = NumberName("保険者番号", "insurer number")
NATIONAL_HEALTH_INSURANCE_LENGTH = 6
LENGTH = 8
HEALTH_INSURANCE_SOCIETY = "06"
LATE_STAGE_ELDERLY = "39"
_LENGTHS = (NATIONAL_HEALTH_INSURANCE_LENGTH, LENGTH)
_BODIES = (NATIONAL_HEALTH_INSURANCE_LENGTH - 1, LENGTH - 1)
_LAST_SERIAL = 999


def check_digit(body: str) -> str:
    """The check digit of a body of five or seven digits, fictional or not."""
    return digits.luhn(digits.require_digits(body, _BODIES, NAME))


def check_form(number: str) -> str:
    """Return a number of six or eight digits with the right check digit, fictional or not."""
    digits.require_digits(number, _LENGTHS, NAME)
    if check_digit(number[:-1]) != number[-1]:
        raise wrong_check_digit(NAME)
    return number


def check(number: str) -> str:
    """Return a well-formed number of a fictional prefecture; refuse every other with ``NumberError``."""
    check_form(number)
    if prefecture(number) < FIRST_FICTIONAL_PREFECTURE:
        raise outside_block(NAME, "都道府県番号48以上", "prefecture 48 and up")
    return number


def prefecture(number: str) -> int:
    """The prefecture inside an insurer number of six or eight digits."""
    return int(number[-6:-4])


def compose(prefecture_number: int, serial: int, law_division: str = "") -> str:
    """The number of the insurer ``serial`` of a fictional prefecture; without a division, of a municipal 国保."""
    if not FIRST_FICTIONAL_PREFECTURE <= prefecture_number <= LAST_PREFECTURE:
        raise out_of_range(NAME, "都道府県番号は48から99まで", "fictional prefectures are 48 to 99")
    if not 0 <= serial <= _LAST_SERIAL:
        raise out_of_range(NAME, "保険者別番号は0から999まで", "serials run from 0 to 999")
    body = f"{law_division}{prefecture_number:02d}{serial:03d}"
    return body + check_digit(body)
