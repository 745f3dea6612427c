"""What comes by the citizen's post is kept once, and what is to be told is told until the portal has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from warifu.agencies import subjects
from warifu.agencies.kind import find
from warifu.agencies.office import Business
from warifu.agencies.post import applications, letters, progress
from warifu.agencies.post.fetch import Postman
from warifu.agencies.tables import metadata
from warifu.common.v1 import common_pb2
from warifu.interim.applications import OpenedApplication
from warifu.kernel.errors import DOMAIN, LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.store import Store, sqlite_url
from warifu.portal.v1 import post_pb2

OFFICE, PROCEDURE = "welfare-480011", "JT90000000000501"
NOW = datetime(2026, 4, 6, 0, 5, tzinfo=UTC)
HANA = common_pb2.BasicItems(
    name="汐見　花", address="青凪市汐見台1", birth_date="1991-02-03", sex=common_pb2.SEX_FEMALE
)


class Clock:
    """Stands."""

    def network(self) -> datetime:
        """See `Clock.network`."""
        return NOW

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return NOW

    def today(self) -> date:
        """See `Clock.today`."""
        return NOW.date()


def _error(reason: Reason | None) -> grpc.aio.AioRpcError:
    """A call that failed: refused for a reason, or the portal away."""
    if reason is None:
        return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata())
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN))
    status = status_pb2.Status(code=5, details=[detail]).SerializeToString()
    trailing = grpc.aio.Metadata(("grpc-status-details-bin", status))
    return grpc.aio.AioRpcError(grpc.StatusCode.NOT_FOUND, grpc.aio.Metadata(), trailing)


@dataclass
class Portal:
    """A portal's post office, and what it was told."""

    sealed: list[post_pb2.SealedApplication] = field(default_factory=list)
    posted: list[post_pb2.PostedLetter] = field(default_factory=list)
    told: list[post_pb2.TellProgressRequest] = field(default_factory=list)
    answered: list[post_pb2.AnswerPostRequest] = field(default_factory=list)
    down: bool = False
    refuses: Reason | None = None

    def stub(self, _factory: object, party: str, identity: str) -> Portal:
        """See `Peers.stub`."""
        assert (party, identity) == ("portal", OFFICE)
        return self

    async def FetchApplications(self, request, **_options) -> post_pb2.FetchApplicationsResponse:  # noqa: N802
        """Those after a position."""
        self._up()
        found = [one for one in self.sealed if one.position > request.after]
        return post_pb2.FetchApplicationsResponse(applications=found)

    async def FetchLetters(self, request, **_options) -> post_pb2.FetchLettersResponse:  # noqa: N802
        """Those after a position."""
        self._up()
        return post_pb2.FetchLettersResponse(letters=[one for one in self.posted if one.position > request.after])

    async def TellProgress(self, request, **_options) -> post_pb2.TellProgressResponse:  # noqa: N802
        """Takes it."""
        self._up()
        self.told.append(request)
        return post_pb2.TellProgressResponse()

    async def AnswerPost(self, request, **_options) -> post_pb2.AnswerPostResponse:  # noqa: N802
        """Takes it."""
        self._up()
        self.answered.append(request)
        return post_pb2.AnswerPostResponse()

    def apply(self, position: int = 1) -> str:
        """Somebody applies."""
        one = post_pb2.SealedApplication(
            position=position, application_id=f"a-{position}", procedure=PROCEDURE, sealed=b"sealed"
        )
        one.submitted_at.FromDatetime(NOW)
        self.sealed.append(one)
        return one.application_id

    def write(self, position: int = 1) -> str:
        """Somebody writes."""
        one = post_pb2.PostedLetter(
            position=position, letter_id=f"l-{position}", request_id="r-1", text="なぜですか。", answer_by="2026-04-20"
        )
        one.sent_at.FromDatetime(NOW)
        self.posted.append(one)
        return one.letter_id

    def _up(self) -> None:
        if self.down or self.refuses is not None:
            raise _error(self.refuses)


@dataclass
class Opener:
    """An interim server: every application is Hana's, but for those that have a problem."""

    problems: dict[str, Reason] = field(default_factory=dict)
    down: bool = False

    async def open_application(self, sealed: post_pb2.SealedApplication) -> OpenedApplication:
        """See `Opener`."""
        if self.down:
            raise LinkageError(Reason.PROVIDER_UNAVAILABLE)
        if sealed.application_id in self.problems:
            return OpenedApplication(None, None, self.problems[sealed.application_id])
        form = post_pb2.ApplicationForm(fields=[post_pb2.ApplicationField(name="child_name", value="汐見　海")])
        signed = post_pb2.SignedApplication(form=form.SerializeToString())
        return OpenedApplication(signed.SerializeToString(), HANA, None)


@dataclass
class Post:
    """One institution with its postman."""

    store: Store
    portal: Portal
    opener: Opener
    postman: Postman

    def listed(self, *, waiting: bool = False) -> list[applications.Application]:
        """What is here."""
        return self.store.read(lambda c: applications.listed(c, waiting_only=waiting))

    async def owe(self, state: int, application: str = "a-1") -> None:
        """The desk has something to tell."""
        request = post_pb2.TellProgressRequest(application_id=application, state=state)
        await self.store.write(lambda c: progress.owe(c, request))


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """An institution whose portal is empty."""
    store = Store(sqlite_url(tmp_path / "x.db"), metadata)
    store.create()
    portal, opener = Portal(), Opener()
    business = Business(OFFICE, find("welfare"), "welfare", "480011", None, store, Clock(), Ids(), None, None)
    yield Post(store, portal, opener, Postman(business, opener, portal))
    store.close()


async def test_an_application_is_kept_and_its_receipt_told(post: Post) -> None:
    """It waits with applicant and form; the portal hears that it is here; nothing is left to do."""
    post.portal.apply()
    assert (await post.postman.fetch(), await post.postman.tell()) == (1, 1)
    (one,) = post.listed(waiting=True)
    assert (one.application_id, one.procedure, one.applicant) == ("a-1", PROCEDURE, HANA)
    assert one.fields == (("child_name", "汐見　海"),)
    (told,) = post.portal.told
    assert (told.application_id, told.state) == ("a-1", post_pb2.APPLICATION_STATE_RECEIVED)
    assert told.at.ToDatetime(tzinfo=UTC) == NOW
    assert (await post.postman.fetch(), await post.postman.tell()) == (0, 0)


async def test_an_application_with_a_problem_is_returned(post: Post) -> None:
    """It is kept with its reason, waits for nobody, cannot get a case, and its applicant is told."""
    post.opener.problems[post.portal.apply()] = Reason.CLIENT_APPLICATION_INVALID
    await post.postman.fetch()
    await post.postman.tell()
    assert post.listed(waiting=True) == []
    assert [one.problem for one in post.listed()] == [Reason.CLIENT_APPLICATION_INVALID]
    assert [told.state for told in post.portal.told] == [post_pb2.APPLICATION_STATE_RETURNED]
    with pytest.raises(LinkageError) as refused:
        await post.store.write(lambda c: applications.assign(c, "a-1", "c-1"))
    assert refused.value.reason == Reason.CLIENT_APPLICATION_INVALID


async def test_nothing_is_lost_while_somebody_is_away(post: Post) -> None:
    """Neither an absent portal nor an absent numbering body loses an application or its place in the order."""
    post.portal.apply(1)
    post.portal.apply(2)
    post.portal.down = True
    assert await post.postman.fetch() == 0
    post.portal.down, post.opener.down = False, True
    assert await post.postman.fetch() == 0
    assert post.listed() == []
    post.opener.down = False
    assert await post.postman.fetch() == 2
    assert [one.application_id for one in post.listed()] == ["a-2", "a-1"]


async def test_the_same_application_again_has_no_effect(post: Post) -> None:
    """A portal that was set back and hands the same out under another position adds nothing."""
    post.portal.apply(1)
    await post.postman.fetch()
    post.portal.sealed[0].position = 5
    await post.postman.fetch()
    assert len(post.listed()) == 1


async def test_an_applicant_who_is_known_here_is_found(post: Post) -> None:
    """The addressee number is there when one person has these items, and is not guessed when two have."""
    post.portal.apply()
    await post.postman.fetch()
    assert post.listed()[0].addressee_no is None
    await _know(post, "100000000000001")
    assert post.listed()[0].addressee_no == "100000000000001"
    await _know(post, "100000000000002")
    assert post.listed()[0].addressee_no is None


async def _know(post: Post, number: str) -> None:
    row = {"addressee_no": number, "known_at": 0, **subjects.row_of(HANA)}
    await post.store.write(lambda c: subjects.add(c, [row]))


async def test_one_case_answers_an_application(post: Post) -> None:
    """It no longer waits; the same case again is fine, another is refused, and so is a case for what is not here."""
    post.portal.apply()
    await post.postman.fetch()
    for _ in range(2):
        await post.store.write(lambda c: applications.assign(c, "a-1", "c-1"))
    assert post.listed(waiting=True) == []
    assert post.listed()[0].case_reference == "c-1"
    for application, reason in (
        ("a-1", Reason.CLIENT_APPLICATION_HAS_CASE),
        ("a-9", Reason.CLIENT_APPLICATION_UNKNOWN),
    ):
        with pytest.raises(LinkageError) as refused:
            await post.store.write(lambda c, a=application: applications.assign(c, a, "c-2"))
        assert refused.value.reason == reason


async def test_only_the_newest_progress_is_told(post: Post) -> None:
    """What was owed before something newer came is never sent, and the same again owes nothing."""
    post.portal.down = True
    await post.owe(post_pb2.APPLICATION_STATE_RECEIVED)
    assert await post.postman.tell() == 0
    await post.owe(post_pb2.APPLICATION_STATE_IN_WORK)
    post.portal.down = False
    assert await post.postman.tell() == 1
    await post.owe(post_pb2.APPLICATION_STATE_IN_WORK)
    assert await post.postman.tell() == 0
    assert [told.state for told in post.portal.told] == [post_pb2.APPLICATION_STATE_IN_WORK]


async def test_what_changes_while_it_is_told_is_told_again(post: Post) -> None:
    """Progress that was owed anew while the old was on its way stays owed."""
    await post.owe(post_pb2.APPLICATION_STATE_RECEIVED)
    (sent,) = post.store.read(progress.owed)
    await post.owe(post_pb2.APPLICATION_STATE_GRANTED)
    await post.store.write(lambda c: progress.mark_told(c, sent))
    assert await post.postman.tell() == 1
    assert [told.state for told in post.portal.told] == [post_pb2.APPLICATION_STATE_GRANTED]


async def test_what_the_portal_will_never_take_is_not_sent_for_ever(post: Post) -> None:
    """A refusal for good ends the telling; something newer is tried again."""
    await post.owe(post_pb2.APPLICATION_STATE_RECEIVED)
    post.portal.refuses = Reason.CLIENT_APPLICATION_UNKNOWN
    assert await post.postman.tell() == 0
    assert post.store.read(progress.owed) == []
    post.portal.refuses = None
    await post.owe(post_pb2.APPLICATION_STATE_GRANTED)
    assert await post.postman.tell() == 1


async def test_a_letter_is_kept_answered_once_and_the_answer_told(post: Post) -> None:
    """It is open until it is answered; the portal gets the answer; another answer is refused."""
    post.portal.write()
    assert await post.postman.fetch() == 1
    assert [one.letter_id for one in post.store.read(lambda c: letters.listed(c, open_only=True))] == ["l-1"]
    await post.store.write(lambda c: letters.answer(c, "l-1", "規定によります。", 5, "c-0001"))
    assert post.store.read(lambda c: letters.listed(c, open_only=True)) == []
    assert not post.store.read(lambda c: letters.require(c, "l-1")).told
    assert await post.postman.tell() == 1
    assert [(one.letter_id, one.text) for one in post.portal.answered] == [("l-1", "規定によります。")]
    assert post.store.read(lambda c: letters.require(c, "l-1")).told
    with pytest.raises(LinkageError) as refused:
        await post.store.write(lambda c: letters.answer(c, "l-1", "別の答え", 6, "c-0001"))
    assert refused.value.reason == Reason.CLIENT_LETTER_ANSWERED


async def test_an_answer_waits_for_the_portal_or_is_given_up(post: Post) -> None:
    """While the portal is away the answer stays owed; refused for good, it is not sent again."""
    post.portal.write()
    await post.postman.fetch()
    await post.store.write(lambda c: letters.answer(c, "l-1", "はい", 5, "c-0001"))
    post.portal.down = True
    assert await post.postman.tell() == 0
    assert len(post.store.read(letters.owed)) == 1
    post.portal.down, post.portal.refuses = False, Reason.CLIENT_LETTER_UNKNOWN
    assert await post.postman.tell() == 0
    assert post.store.read(letters.owed) == []


async def test_a_refusal_of_the_fetch_itself_is_seen(post: Post) -> None:
    """Not being allowed to fetch is no absence: the job fails, and so is noticed."""
    post.portal.refuses = Reason.CLIENT_CALLER_NOT_ALLOWED
    with pytest.raises(LinkageError):
        await post.postman.fetch()
