"""What a code scheme can do. The strategy behind it decides what a code is and whether the gateway learns the person."""

from __future__ import annotations

from typing import Protocol

from warifu.exchange.v1.exchange_pb2 import SubjectReference


class CodeUnknownError(ValueError):
    """A reference that this institution never got: foreign, invented or altered. One text for all, so that none can be told apart."""

    def __init__(self) -> None:
        super().__init__("the code is not one of this institution's")


class Subject(Protocol):
    """A person as one exchange refers to it. Lives as long as the call; has no name and no stored form."""

    def seen_by(self, institution: str) -> SubjectReference:
        """The reference by which `institution` knows the person."""

    def mark(self) -> bytes:
        """What a change of resident code leaves behind, to compare with the superseded ones; opaque, keyed."""


class CodeScheme(Protocol):
    """Derives and converts references."""

    def derive(self, resident_code: str, institution: str) -> SubjectReference:
        """The reference that `institution` gets at enrolment; the same for the same two, under the institution's present epoch."""

    def open(self, subject: SubjectReference, holder: str) -> Subject:
        """The person behind a reference of `holder`.

        Raises:
            CodeUnknownError: it is not a reference that `holder` ever got.
        """

    def mark(self, resident_code: str) -> bytes:
        """The mark of a resident code that is superseded; equals `Subject.mark` of every reference derived from it."""

    def behind(self, mark: bytes, institution: str) -> tuple[SubjectReference, ...]:
        """The references, one an epoch that is accepted, that `institution` may hold for a superseded person."""
