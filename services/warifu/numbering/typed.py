"""What a clerk typed as an individual number, checked before anything is searched."""

from __future__ import annotations

import unicodedata

from warifu.kernel.errors import LinkageError, Reason
from warifu.numbers import NumberError, NumberFlaw, individual_number, resident_code

_REASONS = {
    NumberFlaw.CHECK_DIGIT: Reason.CLIENT_NUMBER_CHECK_DIGIT,
    NumberFlaw.OUTSIDE_BLOCK: Reason.CLIENT_NUMBER_NOT_SYNTHETIC,
}


def number(typed: str) -> str:
    """The individual number without the spaces it is printed with, in ASCII digits.

    Raises:
        LinkageError: CLIENT_NUMBER_MALFORMED, CLIENT_NUMBER_CHECK_DIGIT, or CLIENT_NUMBER_NOT_SYNTHETIC for a number that may be a real
            person's. No error repeats what was typed.
    """
    try:
        return individual_number.check("".join(unicodedata.normalize("NFKC", typed).split()))
    except NumberError as error:
        raise LinkageError(_REASONS.get(error.kind, Reason.CLIENT_NUMBER_MALFORMED)) from None


def code(given: str) -> str:
    """A resident code of the synthetic block.

    Raises:
        LinkageError: CLIENT_RESIDENT_CODE_INVALID.
    """
    try:
        return resident_code.check(given)
    except NumberError:
        raise LinkageError(Reason.CLIENT_RESIDENT_CODE_INVALID) from None
