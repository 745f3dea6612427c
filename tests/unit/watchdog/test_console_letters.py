"""Letters at the supervisor's: fetched, answered once, given back; what institutions leave overdue is listed, and nobody's name is anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from unit.watchdog.desk_lab import NHI, TAX, Desk, open_desk

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.instants import milliseconds, timestamp
from warifu.portal.v1 import post_pb2
from warifu.watchdog.letters.postman import EVERY, Postman


@dataclass
class PaperPost:
    """A post office of paper."""

    posted: list[post_pb2.PostedLetter] = field(default_factory=list)
    late: list[post_pb2.OverdueLetter] = field(default_factory=list)
    answers: list[post_pb2.AnswerPostRequest] = field(default_factory=list)
    failure: LinkageError | None = None
    rounds: int = 0

    def write(self, text: str = "見てください。") -> str:
        """A letter comes in; its id."""
        letter_id = str(uuid.uuid4())
        one = post_pb2.PostedLetter(
            position=len(self.posted) + 1, letter_id=letter_id, request_id=str(uuid.uuid4()), objection=True, text=text,
            sent_at=timestamp(milliseconds(timedelta(days=20_600))), answer_by="2026-06-20", requester=NHI, provider=TAX,
        )  # fmt: skip
        self.posted.append(one)
        return letter_id

    async def letters(self, after: int) -> Sequence[post_pb2.PostedLetter]:
        """See `Post`."""
        self.rounds += 1
        if self.failure is not None:
            raise self.failure
        return [one for one in self.posted if one.position > after]

    async def answer(self, request: post_pb2.AnswerPostRequest) -> None:
        """See `Post`."""
        if self.failure is not None:
            raise self.failure
        self.answers.append(request)

    async def overdue(self) -> Sequence[post_pb2.OverdueLetter]:
        """See `Post`."""
        return self.late


@pytest.fixture
async def desk(tmp_path: Path):
    """An office."""
    opened = await open_desk(tmp_path)
    yield opened
    opened.close()


def postman(desk: Desk, post: PaperPost) -> Postman:
    """Goes between the two."""
    return Postman(post, desk.office.letters, desk.clock)


async def test_letters_are_fetched_once_and_answers_given_once(desk: Desk) -> None:
    """Each letter is kept once however often it is listed; an answer is owed until the portal has it, and then no more."""
    post = PaperPost()
    going = postman(desk, post)
    letter_id = post.write()
    assert await going.go() == 1
    assert await going.go() == 0
    assert desk.office.letters.waiting() == 1
    assert await desk.office.letters.answer(letter_id, "確かめました。")
    assert await going.go() == 1
    assert await going.go() == 0
    assert [(one.letter_id, one.text) for one in post.answers] == [(letter_id, "確かめました。")]
    assert desk.office.letters.waiting() == 0


async def test_an_answer_is_given_once(desk: Desk) -> None:
    """The same answer again is fine, another one is refused, and a letter that is not there takes none."""
    post = PaperPost()
    letter_id = post.write()
    await postman(desk, post).go()
    letters = desk.office.letters
    assert await letters.answer(letter_id, "a")
    assert await letters.answer(letter_id, "a")
    assert not await letters.answer(letter_id, "b")
    assert not await letters.answer(str(uuid.uuid4()), "a")


async def test_while_the_portal_is_away_everything_waits(desk: Desk) -> None:
    """A portal that is away costs nothing: the answer stays owed and is given when it is back."""
    post = PaperPost()
    letter_id = post.write()
    going = postman(desk, post)
    await going.go()
    await desk.office.letters.answer(letter_id, "a")
    post.failure = LinkageError(Reason.PROVIDER_UNAVAILABLE)
    assert await going.run() == 0
    assert len(desk.office.letters.owed()) == 1
    post.failure = None
    assert await going.run() == 1
    assert not desk.office.letters.owed()


async def test_an_answer_that_will_never_be_taken_holds_nothing_up(desk: Desk) -> None:
    """When the portal does not know the letter any more, its answer is no longer owed, and stays in the office's own file."""
    post = PaperPost()
    letter_id = post.write()
    going = postman(desk, post)
    await going.go()
    await desk.office.letters.answer(letter_id, "a")
    refused = LinkageError(Reason.CLIENT_LETTER_UNKNOWN)

    async def refuse(_request: post_pb2.AnswerPostRequest) -> None:
        raise refused

    post.answer = refuse  # type: ignore[method-assign]
    await going.go()
    assert not desk.office.letters.owed()
    row = desk.office.letters.one(letter_id)
    assert row is not None
    assert row.answer == "a"


async def test_the_postman_goes_at_intervals(desk: Desk) -> None:
    """Between two rounds some seconds pass, but for an answer that is owed."""
    post = PaperPost()
    going = postman(desk, post)
    await going.run()
    await going.run()
    assert post.rounds == 1
    desk.clock.moment += EVERY
    await going.run()
    assert post.rounds == 2


async def test_what_is_overdue_is_what_the_portal_lists_now(desk: Desk) -> None:
    """The list is replaced whole: what was answered at last is gone from it, and it is counted on the first page."""
    post = PaperPost()
    post.late = [
        post_pb2.OverdueLetter(letter_id=str(uuid.uuid4()), institution=code, request_id="r", answer_by=day)
        for code, day in ((TAX, "2026-05-20"), (NHI, "2026-05-01"))
    ]
    going = postman(desk, post)
    await going.go()
    assert [row.institution for row in desk.office.letters.overdue()] == [NHI, TAX]
    assert desk.office.letters.late() == 2
    post.late = post.late[:1]
    await going.go()
    assert [row.institution for row in desk.office.letters.overdue()] == [TAX]


async def test_letters_are_dropped_after_their_term(desk: Desk) -> None:
    """A letter of more than seven years ago is gone; one of today stays."""
    post = PaperPost()
    post.write()
    going = postman(desk, post)
    await going.go()
    desk.clock.now += timedelta(days=365 * 8)
    await going.go()
    assert desk.office.letters.page(2**62) == []
