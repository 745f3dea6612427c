"""What else waits at the counter: answers to be looked at, letters to be answered, applications to be taken up."""

from __future__ import annotations

import re

import pytest
from unit.counter.desk_of_paper import AT, JOIN, NHI, OLD_TAX, REFERENCE, PaperDesk
from unit.counter.lab import ADDRESSEE, CHIEF, CLERK, HANA, REVIEWER, Browser, Lab, visible

from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason

PERMIT = "00000000-0000-4000-8000-000000000009"
REVIEW = interim_pb2.Review(
    permit_id=PERMIT,
    addressee_no=ADDRESSEE,
    requester=NHI,
    procedure="JT90000000000101",
    item="TM90000000000001",
    why=common_pb2.LocalizedText(ja="抜き取り確認の対象です。", en="Drawn for a sample."),
    requested_at=AT,
    review_until=AT,
)
LETTER = pb.Letter(
    letter_id="letter-1",
    request_id=PERMIT,
    objection=True,
    text="<b>なぜ</b>\n照会したのですか",
    sent_at=AT,
    answer_by="2026-05-06",
)
APPLICATION = pb.Application(
    application_id="application-1",
    procedure=JOIN,
    submitted_at=AT,
    applicant=HANA,
    fields=[pb.FilledField(name="reason", value="退職したため")],
    addressee_no=ADDRESSEE,
)


async def staff(lab: Lab, institution: str, login: str, language: str = "ja") -> Browser:
    """Somebody at an institution."""
    made = Browser(lab, institution, language)
    await made.log_in(login)
    return made


@pytest.fixture
def queue(lab: Lab) -> list[interim_pb2.Review]:
    """What waits at the tax office; an answer that is decided leaves."""
    waiting, decided = [REVIEW], []

    def release(request: interim_pb2.ReleaseReviewRequest) -> interim_pb2.ReleaseReviewResponse:
        if not waiting and request not in decided:
            raise LinkageError(Reason.CLIENT_REVIEW_CLOSED)
        waiting.clear()
        decided.append(request)
        return interim_pb2.ReleaseReviewResponse()

    lab.stubs.interims.answers |= {
        "ListReviews": lambda _: interim_pb2.ListReviewsResponse(reviews=waiting),
        "ReleaseReview": release,
    }
    return waiting


async def test_a_reviewer_provides_alone(lab: Lab, queue: list[interim_pb2.Review]) -> None:
    """Who asks, about whom, for what and why it waits are shown; one press provides, under the reviewer's code and on record."""
    reviewer = await staff(lab, OLD_TAX, REVIEWER)
    page = visible((await reviewer.get("/reviews")).text)
    for words in (
        HANA.name,
        "抜き取り確認の対象です。",
        "榧野町 住民課（国民健康保険）",
        "地方税関係情報",
        "総所得金額等",
    ):
        assert words in page
    assert (await reviewer.post(f"/reviews/{PERMIT}/provide")).status_code == 303
    (request,) = lab.stubs.interims.requests("ReleaseReview")
    assert request == interim_pb2.ReleaseReviewRequest(
        institution=OLD_TAX,
        permit_id=PERMIT,
        decision=interim_pb2.REVIEW_DECISION_PROVIDE,
        clerk=REVIEWER,
        decision_id=f"{REVIEWER} {PERMIT}",
    )
    assert ("provide", REVIEWER, PERMIT, "done") in lab.acts(OLD_TAX)
    assert 'data-testid="empty"' in (await reviewer.get("/reviews")).text
    assert (await reviewer.post(f"/reviews/{PERMIT}/provide")).status_code == 303, "pressed twice it is one decision"
    lab.stubs.interims.answers["ReleaseReview"] = LinkageError(
        Reason.CLIENT_REVIEW_CLOSED
    )  # another reviewer was first
    late = await reviewer.post(f"/reviews/{PERMIT}/provide")
    assert late.status_code == 409
    assert 'data-reason="CLIENT_REVIEW_CLOSED"' in late.text


async def test_withholding_needs_a_second_person(lab: Lab, queue: list[interim_pb2.Review]) -> None:
    """The reviewer's press only proposes; the chief's approval withholds, once, in the reviewer's name; why is told to nobody else."""
    reviewer = await staff(lab, OLD_TAX, REVIEWER)
    assert (await reviewer.post(f"/reviews/{PERMIT}/withhold", {"why": ""})).status_code == 400
    for _ in range(2):
        proposed = await reviewer.post(f"/reviews/{PERMIT}/withhold", {"why": "居所が知られる恐れ"})
        assert proposed.headers["location"] == f"/{OLD_TAX}/proposals/1"
    assert not lab.stubs.interims.requests("ReleaseReview")
    page = (await reviewer.get("/reviews")).text
    assert 'data-testid="review-proposed"' in page
    assert 'data-testid="review-provide"' not in page
    chief = await staff(lab, OLD_TAX, CHIEF)
    shown = (await chief.get("/proposals/1")).text
    assert PERMIT in shown
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', shown)
    assert seen is not None
    await chief.post("/proposals/1/approve", {"seen": seen[1]})
    (request,) = lab.stubs.interims.requests("ReleaseReview")
    assert (request.decision, request.clerk) == (interim_pb2.REVIEW_DECISION_WITHHOLD, REVIEWER)
    assert "居所" not in str(request)
    assert ("withhold", CHIEF, PERMIT, "done") in lab.acts(OLD_TAX)


async def test_an_unknown_person_s_answer_is_reviewed_too(lab: Lab, queue: list[interim_pb2.Review]) -> None:
    """A drawn answer about a code that nobody here has names nobody and can be provided."""
    unknown = interim_pb2.Review()
    unknown.CopyFrom(REVIEW)
    unknown.addressee_no = ""
    queue[:] = [unknown]
    page = (await (await staff(lab, OLD_TAX, REVIEWER)).get("/reviews")).text
    assert HANA.name not in page
    assert 'data-testid="review-provide"' in page
    assert not lab.stubs.agencies.requests("GetSubject")


async def test_reviews_and_letters_are_the_reviewer_s_work(lab: Lab, queue: list[interim_pb2.Review]) -> None:
    """A clerk reads neither, and a chief cannot provide."""
    for login in (CLERK, CHIEF):
        somebody = await staff(lab, OLD_TAX, login)
        assert (await somebody.get("/reviews")).status_code == 403
        assert (await somebody.get("/letters")).status_code == 403
        assert (await somebody.post(f"/reviews/{PERMIT}/provide")).status_code == 403
    assert not lab.stubs.interims.asked


@pytest.fixture
def letters(lab: Lab) -> list[pb.Letter]:
    """What citizens wrote to the insurer, about an inquiry of its own."""
    posted = [LETTER]
    state = interim_pb2.InquiryState(
        request_id=PERMIT,
        request=interim_pb2.InquireRequest(
            provider=OLD_TAX, procedure=JOIN, item="TM90000000000001", clerk=CLERK, case_reference=REFERENCE
        ),
    )
    lab.stubs.desks.answers |= {
        "ListLetters": lambda _: pb.ListLettersResponse(letters=posted),
        "AnswerLetter": lambda _: pb.AnswerLetterResponse(letter=posted[0]),
    }
    lab.stubs.interims.answers["Collect"] = interim_pb2.CollectResponse(inquiry=state)
    return posted


async def test_a_letter_is_read_with_its_exchange(lab: Lab, letters: list[pb.Letter]) -> None:
    """The letter, harmless, stands beside what this institution asked, by whom and for which case."""
    reviewer = await staff(lab, NHI, REVIEWER)
    assert "letter-1" in (await reviewer.get("/letters")).text
    page = (await reviewer.get("/letters/letter-1")).text
    assert "&lt;b&gt;なぜ&lt;/b&gt;" in page
    assert REFERENCE in page
    assert "青凪市 市民税課" in page
    assert ("read-letter", REVIEWER, "letter-1", "done") in lab.acts(NHI)
    assert (await reviewer.get("/letters/another")).status_code == 404
    lab.stubs.interims.answers["Collect"] = LinkageError(Reason.CLIENT_REQUEST_UNKNOWN)
    assert "提供した側です" in (await reviewer.get("/letters/letter-1")).text


async def test_a_letter_is_answered_with_a_correction_where_asked(lab: Lab, letters: list[pb.Letter]) -> None:
    """Text and, when ticked, the statement of the correcting entry go to the desk; what was typed is kept when something is missing."""
    reviewer = await staff(lab, NHI, REVIEWER)
    answer = {"text": "ご指摘のとおりです。\n訂正します。", "correction": "目的の誤り"}
    await reviewer.post("/letters/letter-1", answer)
    await reviewer.post("/letters/letter-1", answer | {"corrects": "yes"})
    first, second = lab.stubs.desks.requests("AnswerLetter")
    assert (first.text, first.HasField("correction")) == (answer["text"], False)
    assert (second.correction, second.actor.clerk) == ("目的の誤り", REVIEWER)
    bad = await reviewer.post("/letters/letter-1", {"text": "本文", "corrects": "yes", "correction": ""})
    assert bad.status_code == 400
    assert 'id="correction-wrong"' in bad.text
    assert ">本文</textarea>" in bad.text
    assert (await reviewer.post("/letters/letter-1", {"text": "x" * 1001})).status_code == 400
    assert len(lab.stubs.desks.requests("AnswerLetter")) == 2


async def test_an_overdue_letter_is_marked(lab: Lab, letters: list[pb.Letter]) -> None:
    """After its last day a letter without an answer is late; an answered one is not."""
    reviewer = await staff(lab, NHI, REVIEWER)
    assert "期限を過ぎている" not in (await reviewer.get("/letters")).text
    lab.clock.now = lab.clock.now.replace(month=5, day=7)
    await reviewer.log_in(REVIEWER)
    assert "期限を過ぎている" in (await reviewer.get("/letters")).text
    done = pb.Letter()
    done.CopyFrom(LETTER)
    done.MergeFrom(pb.Letter(answer="はい", answered_at=AT, told=True))
    letters[:] = [done]
    assert "期限を過ぎている" not in (await reviewer.get("/letters?all")).text


@pytest.fixture
def post(lab: Lab) -> list[pb.Application]:
    """What came through the portal to the insurer."""
    PaperDesk(lab).set_up()
    waiting = [APPLICATION]
    lab.stubs.desks.answers["ListApplications"] = lambda _: pb.ListApplicationsResponse(applications=waiting)
    return waiting


async def test_an_application_becomes_a_case(lab: Lab, post: list[pb.Application]) -> None:
    """The applicant and what they wrote are shown by the form's labels; the press opens its case, on record."""
    clerk = await staff(lab, NHI, CLERK)
    page = visible((await clerk.get("/applications")).text)
    for words in (HANA.name, "加入の理由", "退職したため"):
        assert words in page
    opened = await clerk.post("/applications/application-1/case")
    assert opened.headers["location"] == f"/{NHI}/cases/{REFERENCE}"
    (request,) = lab.stubs.desks.requests("OpenCase")
    assert (request.application_id, request.addressee_no, request.procedure) == ("application-1", ADDRESSEE, JOIN)
    assert not lab.stubs.agencies.requests("ReceiveVisitor")
    assert ("open-case", CLERK, "application-1", "done") in lab.acts(NHI)
    assert (await clerk.post("/applications/another/case")).status_code == 404


async def test_an_unknown_applicant_becomes_known_by_their_certificate(lab: Lab, post: list[pb.Application]) -> None:
    """Somebody new is received by the items of the signature certificate, without a number, before the case is opened."""
    new = pb.Application()
    new.CopyFrom(APPLICATION)
    new.ClearField("addressee_no")
    post[:] = [new]
    await (await staff(lab, NHI, CLERK)).post("/applications/application-1/case")
    (received,) = lab.stubs.agencies.requests("ReceiveVisitor")
    assert received.basic_items == HANA
    assert not received.HasField("individual_number")
    assert lab.stubs.desks.requests("OpenCase")[0].addressee_no == ADDRESSEE


async def test_a_bad_application_offers_no_case(lab: Lab, post: list[pb.Application]) -> None:
    """What cannot be taken says why and has no button."""
    bad = pb.Application(application_id="application-1", procedure=JOIN, submitted_at=AT)
    bad.problem.CopyFrom(LinkageError(Reason.CLIENT_APPLICATION_INVALID).failure())
    post[:] = [bad]
    page = (await (await staff(lab, NHI, CLERK, "en")).get("/applications?all")).text
    assert 'data-testid="application-problem"' in page
    assert 'data-testid="application-open"' not in page
