"""Filling in a form: what was typed, checked place by place, with words for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from warifu.law import Text
from warifu.portal.procedures.catalogue import Input, Offer, Place

LONGEST: Final = 100
"""Characters in a place that is typed."""
INSTITUTION: Final = "institution"
ABROAD: Final = "elsewhere"
YES: Final = "yes"
ELSEWHERE: Final = Text("この一覧にない市町村・国外", "Elsewhere or abroad")
_MONTH: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER: Final = re.compile(r"[0-9０-９](?:[\s-]*[0-9０-９]){11}")

MISSING: Final = Text("入力してください。", "Please fill this in.")
NOT_CHOSEN: Final = Text("選んでください。", "Please choose one.")
TOO_LONG: Final = Text(f"{LONGEST}文字までで入力してください。", f"At most {LONGEST} characters, please.")
NOT_A_DAY: Final = Text("日付を正しく入力してください（例：2026-04-01）。", "Please give a date, such as 2026-04-01.")
NOT_A_MONTH: Final = Text("年月を正しく入力してください（例：2026-03）。", "Please give a month, such as 2026-03.")
NUMBER: Final = Text(
    "個人番号のような12桁の数字は入力できません。実在の番号は決して入力しないでください。",
    "Twelve digits, like an individual number, cannot be entered here. Never type a real number.",
)


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was filled in."""

    institution: str
    values: Mapping[str, str]
    """By place, as typed; choices by their position, from 0."""
    problems: Mapping[str, Text]
    """By place, and `INSTITUTION`; empty when it can be signed."""


def fill(offer: Offer, typed: Mapping[str, str], takers: Sequence[str], municipalities: Sequence[str]) -> Filled:
    """Check what was typed. `takers` and `municipalities` are the codes that can be chosen."""
    values = {place.name: typed.get(place.name, "").strip() for place in offer.places}
    problems = {
        place.name: problem
        for place in offer.places
        if (problem := _problem(place, values[place.name], municipalities)) is not None
    }
    institution = typed.get(INSTITUTION, "")
    if institution not in takers:
        problems[INSTITUTION] = NOT_CHOSEN
    return Filled(institution, values, problems)


def typed_again(offer: Offer, values: Mapping[str, str], municipalities: Mapping[str, str]) -> dict[str, str]:
    """What was typed for what stands in a form, so that it can be changed: the way back of `written`."""
    codes = {name: code for code, name in municipalities.items()}
    typed = {}
    for place in offer.places:
        value = values.get(place.name, "")
        match place.input:
            case Input.CHOICE:
                value = next((str(n) for n, choice in enumerate(place.choices) if choice.ja == value), "")
            case Input.MUNICIPALITY:
                value = codes.get(value, ABROAD if value else "")
            case Input.CONSENT:
                value = YES if value else ""
        typed[place.name] = value
    return typed


def written(place: Place, value: str, municipalities: Mapping[str, str], today: date) -> str:
    """What stands in the form for what was typed: words in Japanese, the language of the offices that read it."""
    match place.input:
        case Input.CHOICE:
            return place.choices[int(value)].ja
        case Input.MUNICIPALITY:
            return municipalities.get(value, ELSEWHERE.ja)
        case Input.CONSENT:
            return today.isoformat()
        case _:
            return value


def _problem(place: Place, value: str, municipalities: Sequence[str]) -> Text | None:
    choices = _choices(place, municipalities)
    if not value:
        return None if place.optional else NOT_CHOSEN if choices else MISSING
    if choices:
        return None if value in choices else NOT_CHOSEN
    match place.input:
        case Input.DAY:
            return None if _is_day(value) else NOT_A_DAY
        case Input.MONTH:
            return None if _MONTH.fullmatch(value) else NOT_A_MONTH
        case _:
            return _text_problem(value)


def _choices(place: Place, municipalities: Sequence[str]) -> Sequence[str]:
    """What can be chosen; nothing where something is typed."""
    match place.input:
        case Input.CHOICE:
            return [str(number) for number in range(len(place.choices))]
        case Input.MUNICIPALITY:
            return [*municipalities, ABROAD]
        case Input.CONSENT:
            return [YES]
        case _:
            return []


def _text_problem(value: str) -> Text | None:
    if len(value) > LONGEST or _UNPRINTABLE.search(value):
        return TOO_LONG
    return NUMBER if _NUMBER.search(value) else None


def _is_day(value: str) -> bool:
    try:
        return _DAY.fullmatch(value) is not None and bool(date.fromisoformat(value))
    except ValueError:
        return False
