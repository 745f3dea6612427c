"""Cases at a counter, in a small real network: what they allow, how they ask, what they show, and what an applicant is told."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from contract.agency_desk import INSURER_NUMBER, KINDS, acquaint, interim, qualification, record, tax
from sqlalchemy import Connection
from tiny import reason_of
from town import INSURER, NHI, TAX, Town, person

from warifu.agencies.post import applications, letters, progress
from warifu.agencies.post.schema import APPLICATION
from warifu.agency.v1 import agency_pb2, cases_pb2_grpc
from warifu.agency.v1 import cases_pb2 as pb
from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.store import Store
from warifu.portal.v1 import post_pb2

ACTOR = pb.Actor(office="insurance", clerk="c-0001")
OTHER_TAX = "tax-490016"
JOIN, PREMIUM, DEPENDANT = "JT90000000000102", "JT90000000000101", "JT90000000000201"
YEAR = common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2025))
APPLICATION_ID = "00000000-0000-4000-8000-000000000001"


def cases(town_: Town, institution: str = NHI) -> cases_pb2_grpc.CaseServiceAsyncStub:
    """The desk, from its own counter."""
    return town_.stub(cases_pb2_grpc.CaseServiceStub, KINDS[institution], "counter", institution)


async def visitor(town_: Town, institution: str = NHI, **records: agency_pb2.Change) -> str:
    """Somebody who stands at the counter, with records elsewhere by institution code; the addressee number."""
    await town_.people([person()])
    for code, change in records.items():
        await record(
            town_,
            code.replace("_", "-"),
            [agency_pb2.RecordRequest(reference="r", basic_items=person(), change=change)],
        )
    (known,) = await record(town_, institution, [acquaint(person(), "a")])
    for running in town_.running.values():
        await running.jobs.settle()
    return known.addressee_no


async def opened(town_: Town, addressee: str, procedure: str = JOIN, institution: str = NHI) -> pb.Case:
    """A case about them."""
    request = pb.OpenCaseRequest(institution=institution, addressee_no=addressee, procedure=procedure, actor=ACTOR)
    return (await cases(town_, institution).OpenCase(request)).case


def question(
    reference: str, row: str = "P07", provider: str = OTHER_TAX, key: str = "k", **fields
) -> pb.AskForCaseRequest:
    """What the clerk asks."""
    values = {"institution": NHI, "span": YEAR, "actor": ACTOR, "idempotency_key": key, **fields}
    return pb.AskForCaseRequest(reference=reference, row=row, provider=provider, **values)


async def answered(town_: Town, reference: str, institution: str = NHI) -> pb.Case:
    """The case when every inquiry came to an end; what waits for a clerk there is provided."""
    get = pb.GetCaseRequest(institution=institution, reference=reference, wait_ms=15_000)
    case = (await cases(town_, institution).GetCase(get, timeout=40)).case
    for one in case.inquiries:
        if one.inquiry.outcome == exchange_pb2.OUTCOME_PENDING:
            provide = interim_pb2.ReleaseReviewRequest(
                institution=one.provider, permit_id=one.inquiry.request_id, decision=1, clerk="c-0001"
            )
            await interim(town_, one.provider).ReleaseReview(provide)
    return (await cases(town_, institution).GetCase(get, timeout=40)).case


def rows(town_: Town, query: str, institution: str = NHI) -> list[sqlite3.Row]:
    """Rows of the business system's own file."""
    path = town_.state / KINDS[institution] / f"{institution}.db"
    with closing(sqlite3.connect(path)) as store, store:
        store.row_factory = sqlite3.Row
        return store.execute(query).fetchall()


@pytest.fixture(autouse=True)
def _other_tax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS, OTHER_TAX, "tax")


def other_tax(income: int) -> agency_pb2.Change:
    """An assessment of the other city."""
    return tax(2025, income, municipality="490016", gross_income_yen=income)


async def test_answers_of_two_institutions_stand_in_one_case(network: Town) -> None:
    """A case of joining asks tax office and former insurer; their values, the papers they save and who asked stand in it, and nowhere in its file."""
    lost = qualification(INSURER_NUMBER, "2020-04-01", "2026-04-01")
    addressee = await visitor(network, tax_490016=other_tax(7654321), insurer_06480016=lost)
    case = await opened(network, addressee)
    await cases(network).AskForCase(question(case.reference))
    lately = common_pb2.Span(period=common_pb2.Period(first_day="2026-02-01", last_day="2026-04-06"))
    await cases(network).AskForCase(question(case.reference, "P08", INSURER, "l", span=lately))
    case = await answered(network, case.reference)
    income, end = case.inquiries
    assert income.inquiry.records[0].content.local_tax.gross_income_yen == 7654321
    assert end.inquiry.records[0].content.medical_insurance.disqualified_on == "2026-04-01"
    assert [paper.en for paper in case.papers_saved] == [
        "Certificate of income from the municipality of residence on 1 January",
        "Certificate of loss of qualification",
    ]
    assert not case.papers_to_bring
    assert income.asked_by == ACTOR
    assert income.inquiry.request.case_reference == case.reference
    assert b"7654321" not in b"".join(p.read_bytes() for p in (network.state / "health_insurance").glob(f"{NHI}.db*"))


async def test_the_same_question_again_asks_nothing_new(network: Town) -> None:
    """The same key gives the same request id; other content under it is refused; another key asks anew."""
    case = await opened(network, await visitor(network))
    stub = cases(network)
    first = await stub.AskForCase(question(case.reference))
    assert (await stub.AskForCase(question(case.reference))).request_id == first.request_id
    changed = question(case.reference, provider="tax-480029")
    assert await reason_of(stub.AskForCase(changed), "health_insurance") == Reason.CLIENT_REFERENCE_CHANGED
    assert (await stub.AskForCase(question(case.reference, key="l"))).request_id != first.request_id
    assert len((await answered(network, case.reference)).inquiries) == 2


async def test_an_inquiry_stands_in_its_case_before_it_leaves(network: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the provider's key cannot be had the inquiry is bound with its bytes; once it can, the job sends the same request."""
    case = await opened(network, await visitor(network))
    peers = network.running["health_insurance"].context.peers

    def away(*_: object) -> None:
        raise LinkageError(Reason.GATEWAY_UNAVAILABLE)

    with monkeypatch.context() as patched:
        patched.setattr(peers, "stub", away)  # nobody's key can be fetched
        await cases(network).AskForCase(question(case.reference))
    (bound,) = rows(network, "SELECT * FROM case_inquiry")
    assert bound["request"] is not None
    await network.running["health_insurance"].jobs.settle()
    (sent,) = rows(network, "SELECT * FROM case_inquiry")
    assert sent["request"] is None
    case = await answered(network, case.reference)
    assert [one.inquiry.request_id for one in case.inquiries] == [bound["request_id"]]
    assert case.inquiries[0].inquiry.outcome == exchange_pb2.OUTCOME_ANSWERED


async def test_only_what_the_procedure_allows_is_asked(network: Town) -> None:
    """Another procedure's row, a provider the row does not name, one of the own body and a missing consent are refused, and nothing is bound."""
    case = await opened(network, await visitor(network))
    stub = cases(network)
    refusals = {
        Reason.CLIENT_ITEM_NOT_PERMITTED: question(case.reference, "P09"),
        Reason.CLIENT_PROVIDER_NOT_PERMITTED: question(case.reference, provider=TAX),
        Reason.CLIENT_CASE_UNKNOWN: question("c-000099"),
    }
    for reason, request in refusals.items():
        assert await reason_of(stub.AskForCase(request), "health_insurance") == reason
    addressee = (await record(network, INSURER, [acquaint(person(), "b")]))[0].addressee_no
    other = await opened(network, addressee, DEPENDANT, INSURER)
    request = question(other.reference, "P10", TAX, institution=INSURER)
    assert (
        await reason_of(cases(network, INSURER).AskForCase(request), "health_insurance")
        == Reason.CLIENT_CONSENT_MISSING
    )
    request.consent_given_on = "2026-04-07"
    assert await reason_of(cases(network, INSURER).AskForCase(request), "health_insurance") == Reason.CLIENT_MALFORMED
    assert not rows(network, "SELECT * FROM case_inquiry")
    assert not rows(network, "SELECT * FROM case_inquiry", INSURER)


async def test_consent_refers_to_the_case(network: Town) -> None:
    """The consent that is sent names the day and, as its form, the case."""
    addressee = await visitor(network, INSURER, tax_480011=tax(2025, 3))
    case = await opened(network, addressee, DEPENDANT, INSURER)
    request = question(case.reference, "P10", TAX, institution=INSURER, consent_given_on="2026-04-06")
    await cases(network, INSURER).AskForCase(request)
    case = await answered(network, case.reference, INSURER)
    assert case.inquiries[0].inquiry.fine_outcome == exchange_pb2.FINE_OUTCOME_PROVIDED
    assert case.inquiries[0].inquiry.request.consent == exchange_pb2.Consent(
        given_on="2026-04-06", reference=case.reference
    )


async def test_a_paper_is_asked_for_until_an_answer_saves_it(network: Town) -> None:
    """Where nothing came the paper is to be brought and the case awaits it; an answer of the same row later saves it."""
    addressee = await visitor(network, tax_490016=other_tax(5))
    case = await opened(network, addressee)
    stub = cases(network)
    await stub.AskForCase(question(case.reference, provider="tax-491004"))
    case = await answered(network, case.reference)
    assert not case.papers_saved
    paper = pb.RequestPaperRequest(institution=NHI, reference=case.reference, row="P07", actor=ACTOR)
    await stub.RequestPaper(paper)
    case = (await stub.RequestPaper(paper)).case
    assert case.state == pb.CASE_STATE_AWAITS_PAPER
    assert len(case.papers_to_bring) == 1
    await stub.AskForCase(question(case.reference, key="l"))
    case = await answered(network, case.reference)
    assert case.state == pb.CASE_STATE_OPEN
    assert not case.papers_to_bring
    assert len(case.papers_saved) == 1
    listed = (await stub.ListCases(pb.ListCasesRequest(institution=NHI))).cases
    assert [(one.reference, one.state) for one in listed] == [(case.reference, pb.CASE_STATE_OPEN)]
    paper.row = "P09"
    assert await reason_of(stub.RequestPaper(paper), "health_insurance") == Reason.CLIENT_ITEM_NOT_PERMITTED


async def test_places_are_filled_by_hand(network: Town) -> None:
    """A value stands with who typed it and when, in the form's order; an empty one empties its place; a place of no form is refused."""
    case = await opened(network, await visitor(network))
    stub = cases(network)
    fill = pb.FillCaseRequest(institution=NHI, reference=case.reference, actor=ACTOR)
    fill.fields.add(name="joins_on", value="2026-04-01")
    fill.fields.add(name="reason", value="退職")
    case = (await stub.FillCase(fill)).case
    assert [(one.name, one.value, one.filled_by) for one in case.filled] == [
        ("reason", "退職", ACTOR), ("joins_on", "2026-04-01", ACTOR),
    ]  # fmt: skip
    del fill.fields[:]
    fill.fields.add(name="reason", value="")
    assert [one.name for one in (await stub.FillCase(fill)).case.filled] == ["joins_on"]
    fill.fields.add(name="nowhere", value="x")
    assert await reason_of(stub.FillCase(fill), "health_insurance") == Reason.CLIENT_MALFORMED


async def test_a_decided_case_stays_as_it_was(network: Town) -> None:
    """A decision counts once, the same again has no effect; afterwards nothing is asked, filled or decided otherwise."""
    case = await opened(network, await visitor(network))
    stub = cases(network)
    decide = pb.DecideCaseRequest(
        institution=NHI, reference=case.reference, granted=True, note="加入を認める", actor=ACTOR
    )
    case = (await stub.DecideCase(decide)).case
    assert (case.state, case.note, case.decided_by) == (pb.CASE_STATE_GRANTED, "加入を認める", ACTOR)
    assert (await stub.DecideCase(decide)).case == case
    decide.granted = False
    fill = pb.FillCaseRequest(institution=NHI, reference=case.reference, actor=ACTOR)
    fill.fields.add(name="reason", value="退職")
    paper = pb.RequestPaperRequest(institution=NHI, reference=case.reference, row="P07", actor=ACTOR)
    for late in (
        stub.DecideCase(decide),
        stub.FillCase(fill),
        stub.RequestPaper(paper),
        stub.AskForCase(question(case.reference)),
    ):
        assert await reason_of(late, "health_insurance") == Reason.CLIENT_CASE_CLOSED
    assert not (await stub.ListCases(pb.ListCasesRequest(institution=NHI, open_only=True))).cases


async def test_cases_are_listed_newest_first_in_pages(network: Town) -> None:
    """Every case comes once, newest first, whatever the page size."""
    addressee = await visitor(network)
    made = [(await opened(network, addressee, PREMIUM)).reference for _ in range(5)]
    stub, found, token = cases(network), [], ""
    while True:
        page = await stub.ListCases(pb.ListCasesRequest(institution=NHI, page_size=2, page_token=token))
        found += [case.reference for case in page.cases]
        if not (token := page.next_page_token):
            break
    assert found == made[::-1]


async def test_procedures_say_what_they_allow(network: Town) -> None:
    """Each procedure lists rows with providers, papers and form; the institution's own body is among no providers."""
    listed = (await cases(network).ListProcedures(pb.ListProceduresRequest(institution=NHI))).procedures
    assert [one.procedure for one in listed] == [PREMIUM, JOIN, "JT90000000000103"]
    join = listed[1]
    assert [(one.row, one.procedure) for one in join.inquiries] == [("P08", JOIN), ("P07", PREMIUM)]
    assert TAX not in join.inquiries[1].providers
    assert OTHER_TAX in join.inquiries[1].providers
    assert all(one.papers and one.name.ja and one.purpose.en for one in join.inquiries)
    assert any(place.field == "disqualified_on" for place in join.form)


async def test_another_institution_sees_no_case(network: Town) -> None:
    """A counter of the same kind that names this institution, and one of another kind, are refused."""
    case = await opened(network, await visitor(network))
    get = pb.GetCaseRequest(institution=NHI, reference=case.reference)
    assert await reason_of(cases(network, INSURER).GetCase(get), "health_insurance") == Reason.CLIENT_NOT_YOURS
    get.institution = INSURER
    assert await reason_of(cases(network, INSURER).GetCase(get), "health_insurance") == Reason.CLIENT_CASE_UNKNOWN


async def _apply(town_: Town, problem: Reason | None = None) -> None:
    """An application of the visitor's lies at the insurer's desk."""
    form = post_pb2.ApplicationForm(application_id=APPLICATION_ID, institution=NHI, procedure=JOIN)
    form.fields.add(name="reason", value="退職したため")
    form.fields.add(name="telephone", value="0")
    row = {
        "application_id": APPLICATION_ID, "position": 1, "procedure": JOIN, "submitted_at": 0,
        "signed": post_pb2.SignedApplication(form=form.SerializeToString()).SerializeToString(),
        "problem": problem,
    }  # fmt: skip
    store = _store(town_)

    def write(connection: Connection) -> None:
        applications.add(connection, {**dict.fromkeys(c.name for c in APPLICATION.columns), **row})

    await store.write(write)


def _store(town_: Town) -> Store:
    """The business system's open store, by which the post would write."""
    services = town_.running["health_insurance"].party.services
    servicer = next(one.servicer for one in services if one.name == "warifu.agency.v1.AgencyService")
    return servicer._desks[NHI].business.store


async def test_an_application_makes_one_case_and_its_applicant_is_told(network: Town) -> None:
    """Opening twice gives one case, filled with what the applicant wrote; work, answers and decision become progress that is owed."""
    addressee = await visitor(network, tax_490016=other_tax(5))
    await _apply(network)
    stub = cases(network)
    open_ = pb.OpenCaseRequest(
        institution=NHI, addressee_no=addressee, procedure=JOIN, actor=ACTOR, application_id=APPLICATION_ID
    )
    case = (await stub.OpenCase(open_)).case
    assert (await stub.OpenCase(open_)).case.reference == case.reference
    assert [(one.name, one.value, one.HasField("filled_by")) for one in case.filled] == [
        ("reason", "退職したため", False)
    ]
    (listed,) = (await stub.ListApplications(pb.ListApplicationsRequest(institution=NHI))).applications
    assert listed.case_reference == case.reference
    sent = await stub.AskForCase(question(case.reference))
    await answered(network, case.reference)

    async def told() -> post_pb2.TellProgressRequest:
        await network.running["health_insurance"].jobs.settle()
        return _store(network).read(progress.owed)[0].request

    message = await told()
    assert message.state == post_pb2.APPLICATION_STATE_IN_WORK
    assert list(message.request_ids) == [sent.request_id]
    assert len(message.papers_saved) == 1
    await stub.RequestPaper(pb.RequestPaperRequest(institution=NHI, reference=case.reference, row="P08", actor=ACTOR))
    message = await told()
    assert message.state == post_pb2.APPLICATION_STATE_AWAITS_PAPER
    assert len(message.papers_to_bring) == 1
    await stub.DecideCase(
        pb.DecideCaseRequest(institution=NHI, reference=case.reference, granted=False, note="理由", actor=ACTOR)
    )
    message = await told()
    assert (message.state, message.note) == (post_pb2.APPLICATION_STATE_REFUSED, "理由")


async def test_a_bad_application_opens_no_case(network: Town) -> None:
    """An application that cannot be taken, or one for another procedure, opens nothing and says why."""
    addressee = await visitor(network)
    await _apply(network, Reason.CLIENT_APPLICATION_INVALID)
    open_ = pb.OpenCaseRequest(
        institution=NHI, addressee_no=addressee, procedure=PREMIUM, actor=ACTOR, application_id=APPLICATION_ID
    )
    assert await reason_of(cases(network).OpenCase(open_), "health_insurance") == Reason.CLIENT_MALFORMED
    open_.procedure = JOIN
    assert await reason_of(cases(network).OpenCase(open_), "health_insurance") == Reason.CLIENT_APPLICATION_INVALID
    open_.application_id = "00000000-0000-4000-8000-000000000002"
    assert await reason_of(cases(network).OpenCase(open_), "health_insurance") == Reason.CLIENT_APPLICATION_UNKNOWN
    assert not (await cases(network).ListCases(pb.ListCasesRequest(institution=NHI))).cases


async def test_nothing_is_opened_about_nobody(network: Town) -> None:
    """An addressee number that nobody has here and a procedure that is not handled here are refused."""
    stub = cases(network)
    request = pb.OpenCaseRequest(institution=NHI, addressee_no="100000000000001", procedure=JOIN, actor=ACTOR)
    assert await reason_of(stub.OpenCase(request), "health_insurance") == Reason.CLIENT_ADDRESSEE_UNKNOWN
    request.procedure = DEPENDANT
    assert await reason_of(stub.OpenCase(request), "health_insurance") == Reason.CLIENT_PROCEDURE_NOT_PERMITTED


async def _write_letter(town_: Town, letter_id: str, request_id: str) -> None:
    """A citizen's objection about an exchange lies at the insurer's desk."""
    posted = post_pb2.PostedLetter(
        position=len(letter_id),
        letter_id=letter_id,
        request_id=request_id,
        objection=True,
        text="ちがいます",
        answer_by="2026-05-06",
    )
    await _store(town_).write(lambda connection: letters.add(connection, posted))


async def test_an_answer_with_a_correction_is_given_when_the_entry_is_made(network: Town) -> None:
    """The correcting entry stands at the gateway before the letter counts as answered; the same again has no effect, another is refused."""
    addressee = await visitor(network, tax_490016=other_tax(5))
    case = await opened(network, addressee)
    sent = await cases(network).AskForCase(question(case.reference))
    await answered(network, case.reference)
    await _write_letter(network, "l", sent.request_id)
    await _write_letter(network, "ll", "00000000-0000-4000-8000-00000000ffff")
    stub = cases(network)
    answer = pb.AnswerLetterRequest(
        institution=NHI, letter_id="l", text="はい。\n訂正します。", correction="手続の誤り", actor=ACTOR
    )
    letter = (await stub.AnswerLetter(answer)).letter
    assert (letter.answer, letter.told) == (answer.text, False)
    assert (await stub.AnswerLetter(answer)).letter == letter
    answer.text = "いいえ"
    assert await reason_of(stub.AnswerLetter(answer), "health_insurance") == Reason.CLIENT_LETTER_ANSWERED
    answer.letter_id = "ll"
    assert await reason_of(stub.AnswerLetter(answer), "health_insurance") == Reason.CLIENT_REQUEST_UNKNOWN
    open_ones = (await stub.ListLetters(pb.ListLettersRequest(institution=NHI, open_only=True))).letters
    assert [one.letter_id for one in open_ones] == ["ll"]
    held = network.running["gateway"].party.view(sent.request_id)
    assert "手続の誤り".encode() in b"".join(value.raw + value.text.encode() for one in held for value in one.values)
