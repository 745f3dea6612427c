"""A day and what came of it: values, and the JSON by which another version of the program can play the same day."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, Self

from warifu.simulator.told import ToldError

FORM: Final = 1
"""Of the JSON; another one is not read."""
_IDS: Final = uuid.UUID("5f0a9a52-0e3c-5d3b-9a53-6f5f3a0f6c11")
"""Name space of request ids. They derive from the question: what is decided by lot, such as a clerk's sample, then falls the same in both runs."""

DENIED: Final = "DENIED"
"""Outcome: the gateway refused."""
REFUSED: Final = "REFUSED"
"""Outcome: the requester's own interim server did not take the inquiry."""


class RecordingError(ToldError):
    """The file is no recording that this version reads; the message says why."""


@dataclass(frozen=True, slots=True)
class Step:
    """One inquiry of the day."""

    row: str
    """Id of the row because of which it is asked."""
    person: str
    requester: str
    provider: str
    affair: str
    procedure: str
    item: str
    year: int | None
    """Tax year asked for; None: the day itself."""
    consent: bool

    @property
    def question(self) -> tuple[object, ...]:
        """What is asked of whom; two rows may be reasons to ask the same."""
        return (
            self.person, self.requester, self.provider, self.affair, self.procedure, self.item, self.year, self.consent,
        )  # fmt: skip

    @property
    def request_id(self) -> str:
        """The same for the same question, always."""
        return str(uuid.uuid5(_IDS, json.dumps(self.question)))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a step."""

    step: Step
    outcome: str
    """PROVIDED, NO_RECORD, NOT_REGISTERED, WITHHELD, DENIED, ERROR, …, or REFUSED."""
    reason: str | None = None
    """Of a denial, refusal or error."""
    values: Sequence[Mapping[str, Any]] = ()
    """The records that arrived, as test cards write them."""
    entry: Mapping[str, Any] | None = None
    """What the person reads of it in the portal: outcome, and the texts by language; None where nothing is shown."""


@dataclass(frozen=True, slots=True)
class Day:
    """The inquiries of a day in the network of a seed."""

    people: int
    seed: int
    day: date
    steps: tuple[Step, ...]
    unasked: tuple[str, ...] = ()
    """Rows that nobody asks under on this day: the citizen's own requests, and rows without a requester, provider or person."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A day as it went once."""

    played: Day
    program: str
    """Version of the program."""
    law: str
    """Version of the law book that was in force."""
    results: tuple[Result, ...]
    """One for each step, in order."""
    unread: tuple[str, ...] = ()
    """People whose card did not let them in, so that their history was not read."""

    def text(self) -> str:
        """As a file."""
        played = self.played
        document = {
            "form": FORM, "program": self.program, "law": self.law, "people": played.people, "seed": played.seed,
            "day": played.day.isoformat(), "unasked": played.unasked, "unread": self.unread,
            "results": [asdict(one) for one in self.results],
        }  # fmt: skip
        return json.dumps(document, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, text: str) -> Self:
        """What `text` wrote.

        Raises:
            RecordingError: it is something else.
        """
        try:
            document = json.loads(text)
            if document["form"] != FORM:
                raise RecordingError(
                    f"この版が読めるのは形式 {FORM} の記録です。", f"this version reads recordings of form {FORM}."
                )
            results = tuple(Result(**one | {"step": Step(**one["step"])}) for one in document["results"])
            played = Day(
                document["people"], document["seed"], date.fromisoformat(document["day"]),
                tuple(one.step for one in results), tuple(document["unasked"]),
            )  # fmt: skip
            return cls(played, document["program"], document["law"], results, tuple(document["unread"]))
        except (ValueError, KeyError, TypeError) as error:
            raise RecordingError(
                f"リハーサルの記録ではありません（{error}）。", f"this is no recording of a rehearsal ({error})."
            ) from error
