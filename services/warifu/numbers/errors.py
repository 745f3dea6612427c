"""What can be wrong with a number, said to a machine and to a person in two languages."""

from dataclasses import dataclass
from enum import StrEnum


class NumberFlaw(StrEnum):
    """Why a number was refused."""

    DIGITS = "digits"
    LENGTH = "length"
    CHECK_DIGIT = "check_digit"
    OUTSIDE_BLOCK = "outside_block"
    RANGE = "range"
    """Not the number but what it is made from is out of range: a person index, a change counter, a prefecture."""


@dataclass(frozen=True, slots=True)
class NumberName:
    """What a number is called, in Japanese and in English."""

    ja: str
    en: str


class NumberError(ValueError):
    """A number that is refused.

    ``kind`` is for programs, ``ja`` and ``en`` are for people. No text holds the number or a part of it: a refused
    number may be a real person's, and messages end in logs.
    """

    def __init__(self, kind: NumberFlaw, name: NumberName, ja: str, en: str) -> None:
        super().__init__(kind, name, ja, en)
        self.kind = kind
        self.name = name
        self.ja = ja
        self.en = en

    def __str__(self) -> str:
        return self.en


def wrong_digits(name: NumberName) -> NumberError:
    """The error for anything but the ASCII digits 0-9."""
    return NumberError(
        NumberFlaw.DIGITS,
        name,
        f"{name.ja}は半角数字のみで入力してください。",
        f"The {name.en} must consist of the digits 0 to 9 only.",
    )


def wrong_length(name: NumberName, lengths: tuple[int, ...]) -> NumberError:
    """The error for a wrong number of digits; ``lengths`` are the right ones."""
    return NumberError(
        NumberFlaw.LENGTH,
        name,
        f"{name.ja}は{'または'.join(f'{n}桁' for n in lengths)}です。",
        f"The {name.en} must have {' or '.join(str(n) for n in lengths)} digits.",
    )


def wrong_check_digit(name: NumberName) -> NumberError:
    """The error for a check digit that does not fit: most likely a slip in typing."""
    return NumberError(
        NumberFlaw.CHECK_DIGIT,
        name,
        f"{name.ja}の検査用数字が合いません。入力誤りがないか確認してください。",
        f"The check digit of the {name.en} does not fit. Please look for a slip in typing.",
    )


def outside_block(name: NumberName, block_ja: str, block_en: str) -> NumberError:
    """The error for a well-formed number that may belong to a real person or body."""
    return NumberError(
        NumberFlaw.OUTSIDE_BLOCK,
        name,
        f"この{name.ja}は模擬用の範囲（{block_ja}）にありません。実在の番号は絶対に入力しないでください。",
        f"This {name.en} lies outside the simulator's block ({block_en}). Never enter a real one.",
    )


def out_of_range(name: NumberName, what_ja: str, what_en: str) -> NumberError:
    """The error for an ingredient of a number that its field cannot hold."""
    return NumberError(
        NumberFlaw.RANGE,
        name,
        f"{name.ja}を作れません：{what_ja}。",
        f"No {name.en} can be made: {what_en}.",
    )
