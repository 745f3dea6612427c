"""Numbers of Japan's administration, made and checked: one module per number.

Every module offers the same three functions, so that a caller need not remember which number it is holding:

* ``check_digit(body)``: the digit that the published formula gives for *any* body, real-looking ones included;
* ``check_form(number)``: length, digits and check digit; returns the number;
* ``check(number)``: the same, and that it lies in the block that this simulator uses; returns the number.

Whatever a person types goes through ``check``. All raise ``NumberError``, whose texts never repeat the number.
"""

from warifu.numbers import (
    corporate_number,
    individual_number,
    insured_person,
    insurer_number,
    local_government_code,
    resident_code,
)
from warifu.numbers.errors import NumberError, NumberFlaw, NumberName
from warifu.numbers.permutation import DecimalPermutation

__all__ = [
    "DecimalPermutation",
    "NumberError",
    "NumberFlaw",
    "NumberName",
    "corporate_number",
    "individual_number",
    "insured_person",
    "insurer_number",
    "local_government_code",
    "resident_code",
]
