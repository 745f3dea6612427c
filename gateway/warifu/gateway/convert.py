"""Step 2, second part: whose code is this? The requester's code becomes the provider's and the portal's; nobody is looked up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from warifu.exchange.v1.exchange_pb2 import SubjectReference
from warifu.gateway.codes import CodeScheme, CodeUnknownError, Subject
from warifu.gateway.enrolment import Enrolment
from warifu.kernel.errors import Reason


class Converted(NamedTuple):
    """What a requester's code turned out to be."""

    person: Subject | None
    """None for a code that the requester never got: there is no person then."""
    refused: Reason | None
    """Why the code does not serve, if it does not."""


class Conversion:
    """Turns codes of one institution into another's."""

    def __init__(self, scheme: CodeScheme, enrolment: Enrolment) -> None:
        self._scheme, self._enrolment = scheme, enrolment

    def open(self, subject: SubjectReference, requester: str) -> Converted:
        """The person behind the requester's own code."""
        (converted,) = self.open_all([(subject, requester)])
        return converted

    def open_all(self, subjects: Sequence[tuple[SubjectReference, str]]) -> list[Converted]:
        """The person behind each requester's own code, in order."""
        people = [self._person(*one) for one in subjects]
        marks = [person.mark() if person is not None else None for person in people]
        gone = self._enrolment.superseded_among([mark for mark in marks if mark is not None])
        return [_converted(person, mark in gone) for person, mark in zip(people, marks, strict=True)]

    def _person(self, subject: SubjectReference, requester: str) -> Subject | None:
        try:
            return self._scheme.open(subject, requester)
        except CodeUnknownError:
            return None

    def convert(self, subject: SubjectReference, requester: str, other: str) -> SubjectReference:
        """The code of `other` for the person behind the requester's code.

        Raises:
            CodeUnknownError: the requester never got that code.
        """
        return self._scheme.open(subject, requester).seen_by(other)


def _converted(person: Subject | None, gone: bool) -> Converted:
    if person is None:
        return Converted(None, Reason.CLIENT_CODE_UNKNOWN)
    return Converted(person, Reason.CLIENT_CODE_SUPERSEDED if gone else None)
