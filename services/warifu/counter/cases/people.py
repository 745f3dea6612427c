"""Who a case is about, as the business system has them from the numbering body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2
from warifu.counter.cases.values import day
from warifu.counter.desk import Acting, Desk
from warifu.counter.stubs import DEADLINE, answered
from warifu.law import Text

SEXES: Final = {common_pb2.SEX_MALE: Text("男", "male"), common_pb2.SEX_FEMALE: Text("女", "female")}
UNKNOWN: Final = Text("不明", "unknown")


@dataclass(frozen=True, slots=True)
class Person:
    """The four basic items in words."""

    name: str
    kana: str
    address: str
    born: str
    sex: str


def person_of(items: common_pb2.BasicItems, language: str) -> Person:
    """The person with these items."""
    sex = SEXES.get(items.sex, UNKNOWN).to(language)
    return Person(items.name, items.kana, items.address, day(items.birth_date, language), sex)


async def looked_up(desk: Desk, acting: Acting, addressee_no: str, language: str) -> Person:
    """An addressee of the institution.

    Raises:
        LinkageError: the call failed.
    """
    request = agency_pb2.GetSubjectRequest(institution=acting.code, addressee_no=addressee_no)
    found = await answered(desk.stubs.agency(acting.code).GetSubject(request, timeout=DEADLINE))
    return person_of(found.basic_items, language)
