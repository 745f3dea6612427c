"""法人番号 (corporate number): a check digit, which comes first, and a base of twelve digits.

Check digit: P_n is the n-th base digit from the right, Q_n = 1 for odd n and 2 for even n, 9 - (sum of P_n Q_n mod 9):
1 to 9, never 0. Source: the National Tax Agency's description of the number; real pairs are in the tests.

A local body's base is 000020 and its six-digit local-government code. Fictional bodies have that with a prefecture of
48 and up, or a base beginning with 9948, a range in which no registered body is known (general knowledge: the
registry offices' codes, with which companies' bases begin, are far lower). Corporate numbers are public.
"""

from warifu.numbers import digits, local_government_code
from warifu.numbers.errors import NumberName, out_of_range, outside_block, wrong_check_digit

NAME = NumberName("法人番号", "corporate number")
LENGTH = 13
LOCAL_BODY_PREFIX = "000020"
FICTIONAL_BODY_PREFIX = "9948"
_SERIAL_DIGITS = LENGTH - 1 - len(FICTIONAL_BODY_PREFIX)


def check_digit(base: str) -> str:
    """The check digit of a twelve-digit base, fictional or not."""
    digits.require_digits(base, (LENGTH - 1,), NAME)
    total = sum(int(digit) * (1 if n % 2 == 0 else 2) for n, digit in enumerate(reversed(base)))
    return str(9 - total % 9)


def check_form(number: str) -> str:
    """Return a number of the right length with the right check digit, fictional or not."""
    digits.require_digits(number, (LENGTH,), NAME)
    if check_digit(number[1:]) != number[0]:
        raise wrong_check_digit(NAME)
    return number


def check(number: str) -> str:
    """Return a well-formed number of a fictional body; refuse every other with ``NumberError``."""
    base = check_form(number)[1:]
    if not (base.startswith(FICTIONAL_BODY_PREFIX) or _is_fictional_local_body(base)):
        raise outside_block(NAME, "架空の団体用の番号", "numbers of fictional bodies")
    return number


def for_local_government(lg_code: str) -> str:
    """The number of the fictional local body with that local-government code."""
    base = LOCAL_BODY_PREFIX + local_government_code.check(lg_code)
    return check_digit(base) + base


def for_body(serial: int) -> str:
    """The number of the fictional company or association ``serial`` (0 .. 99 999 999)."""
    if not 0 <= serial < 10**_SERIAL_DIGITS:
        raise out_of_range(NAME, "連番は0から99999999まで", "serials run from 0 to 99999999")
    base = f"{FICTIONAL_BODY_PREFIX}{serial:0{_SERIAL_DIGITS}d}"
    return check_digit(base) + base


def _is_fictional_local_body(base: str) -> bool:
    code = base[len(LOCAL_BODY_PREFIX) :]
    return (
        base.startswith(LOCAL_BODY_PREFIX)
        and local_government_code.prefecture(code) >= local_government_code.FIRST_FICTIONAL_PREFECTURE
        and local_government_code.check_digit(code[:-1]) == code[-1]
    )
