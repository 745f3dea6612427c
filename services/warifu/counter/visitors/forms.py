"""The form by which a visitor is received, read and judged. The typed number is handed on and never shown again."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import date

from starlette.datastructures import FormData

from warifu.common.v1 import common_pb2
from warifu.counter.desk import day_of_form, filled
from warifu.counter.visitors.papers import PAPERS, Lacking, Seen, lacking
from warifu.counter.visitors.queries import Proofing
from warifu.kernel.limits import ADDRESS, NAME
from warifu.numbers import NumberError, individual_number

SEXES = {"male": common_pb2.SEX_MALE, "female": common_pb2.SEX_FEMALE}


@dataclass(frozen=True, slots=True)
class Received:
    """What a clerk typed and ticked."""

    name: str | None
    address: str | None
    born: date | None
    sex: str
    proofing: Proofing
    number: str = field(repr=False, default="")
    """As typed, in plain digits. Never stored, logged or shown."""
    number_error: NumberError | None = None

    @classmethod
    def of(cls, form: FormData) -> Received:
        """Read a form."""
        number, error = typed_number(str(form.get("number", "")))
        papers = tuple(paper.code for paper in PAPERS if paper.code in form.getlist("papers"))
        seen = tuple(one.value for one in Seen if one.value in form.getlist("seen"))
        return cls(
            filled(form, "name", NAME),
            filled(form, "address", ADDRESS),
            day_of_form(form, "born"),
            str(form.get("sex", "")),
            Proofing(str(form.get("number_paper", ""))[:32], papers, seen),
            number,
            error,
        )

    @property
    def wrong(self) -> frozenset[str]:
        """Names of the fields that keep the visitor from being received."""
        missing = {
            "name": self.name is None,
            "address": self.address is None,
            "born": self.born is None,
            "sex": self.sex not in SEXES,
            "number": self.number_error is not None,
        }
        return frozenset(name for name, bad in missing.items() if bad) | {lack.value for lack in self.lacking}

    @property
    def lacking(self) -> frozenset[Lacking]:
        """What identification lacks."""
        return lacking(self.proofing.number_paper, self.proofing.papers, self.proofing.seen)

    @property
    def items(self) -> common_pb2.BasicItems:
        """The four items of a form without wrong fields."""
        assert self.born is not None
        return common_pb2.BasicItems(
            name=self.name or "", address=self.address or "", birth_date=self.born.isoformat(), sex=SEXES[self.sex]
        )


def typed_number(typed: str) -> tuple[str, NumberError | None]:
    """The number in plain digits, and what is wrong with it: length, check digit, or that it could be a real one."""
    plain = "".join(unicodedata.normalize("NFKC", typed).replace("-", "").split())
    try:
        return individual_number.check(plain), None
    except NumberError as error:
        return "", error
