"""Was this allowed? The answer is the law book's of that day, condition by condition, and never better than what is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from unit.portal.browser import Browser, visible
from unit.portal.lab import BOOK, SORA, START, Lab, Told, shown, subject

from warifu import law
from warifu.exchange import record
from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.instants import stamped
from warifu.law import Condition
from warifu.portal.history.allowed import _OF_REASON, ORDER, How, Verdict, judge
from warifu.portal.history.entries import Codes, Entry

ME = subject("me")


def entry(told: Told, reason: str | None = None) -> tuple[Entry, bytes]:
    """An entry and its outcome record, as the portal has them."""
    plain = shown(told, ME)
    outcome = record.check(pb.CommittedRecord.FromString(plain.outcome))
    if reason is not None:
        outcome.reason = reason
    codes = Codes(
        outcome.requester, outcome.provider, outcome.affair, outcome.procedure, outcome.item,
        outcome.row if outcome.HasField("row") else None, outcome.outcome,
    )  # fmt: skip
    said = Entry(outcome.request_id, stamped(outcome.requested_at), None, codes)
    return said, record.commit(outcome).SerializeToString()


def test_each_condition_is_answered_in_the_law_s_order() -> None:
    """Of what was permitted every condition is met, not needed, or said to be the gateway's to see."""
    answer = judge(BOOK, *entry(Told()), "ja")
    assert answer.verdict == Verdict.ALLOWED
    assert [one.condition for one in answer.checks] == list(ORDER)
    assert set(ORDER) == set(Condition)
    how = {one.condition: one.how for one in answer.checks}
    assert How.FAILED not in how.values()
    assert how[Condition.CONSENT] == how[Condition.ORDINANCE] == How.NOT_NEEDED
    assert how[Condition.STOP] == How.BY_GATEWAY
    assert answer.law
    assert not answer.verified


@pytest.mark.parametrize("row", [row for row in BOOK.rows.values() if not row.invented], ids=lambda row: row.id)
def test_every_row_is_told(row: law.Row) -> None:
    """An exchange by any row, between institutions that it names, is allowed on a day on which it is in force."""
    pairs = [
        (one.code, other.code)
        for one in BOOK.register.with_roles(row.requester_roles)
        for other in BOOK.register.with_roles(row.provider_roles)
        if one.operator.code != other.operator.code
    ]
    day = datetime.combine(row.effective_from, datetime.min.time(), UTC) + timedelta(days=3650)
    for requester, provider in pairs[:4]:
        told = Told(day, requester, provider, row.id)
        ask = law.Ask(requester, provider, row.affair.code, row.procedure.code, row.item, day.date(), consent=True)
        ruled = law.Rulings(approvals={(requester, row.id): day.date()})
        allowed = isinstance(law.decide(BOOK, ask, ruled), law.Permit)
        answer = judge(BOOK, *entry(told), "en")
        assert (answer.verdict == Verdict.ALLOWED) == allowed
        assert answer.consent == row.consent_required


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"requester": "nhi-480011"}, Condition.OPERATOR),
        ({"requester": "tax-490016"}, Condition.REQUESTER),
        ({"provider": "residency-480011"}, Condition.PROVIDER),
        ({"when": datetime(2017, 1, 1, tzinfo=UTC)}, Condition.DATE),
    ],
)
def test_what_the_law_book_does_not_allow_is_doubtful(changes: dict, failed: Condition) -> None:
    """An exchange that the gateway let through, and that the law book of that day does not allow, is said to be doubtful, and where."""
    answer = judge(BOOK, *entry(replace(Told(), **changes)), "ja")
    assert answer.verdict == Verdict.DOUBTFUL
    assert failed in {one.condition for one in answer.checks if one.how == How.FAILED}


def test_a_row_that_is_not_at_hand_is_not_judged() -> None:
    """A record that names a row which the law book does not have gets no answer but to ask the supervisor."""
    said, outcome = entry(Told())
    answer = judge(BOOK, said._replace(codes=said.codes._replace(row="P99")), outcome, "ja")
    assert (answer.verdict, answer.checks) == (Verdict.UNKNOWN_ROW, ())


@pytest.mark.parametrize("reason", [*law.Reason])
def test_a_refusal_names_the_condition_that_failed(reason: law.Reason) -> None:
    """Each reason of the law book points to one condition, the others are open, and it is said in both languages."""
    told = entry(Told(outcome=pb.OUTCOME_DENIED), str(reason))
    answers = {language: judge(BOOK, *told, language) for language in ("ja", "en")}
    assert {answer.verdict for answer in answers.values()} == {Verdict.DENIED}
    assert [one.condition for one in answers["ja"].checks if one.how == How.FAILED] == [_OF_REASON[reason]]
    assert {one.how for one in answers["ja"].checks} == {How.FAILED, How.OPEN}
    assert answers["ja"].reason != answers["en"].reason
    assert str(reason) not in answers["ja"].reason


def test_another_reason_names_no_condition() -> None:
    """A refusal for a reason that is not the law's, such as an unknown code, claims no condition of it."""
    answer = judge(BOOK, *entry(Told(outcome=pb.OUTCOME_DENIED), "CLIENT_CODE_UNKNOWN"), "ja")
    assert (answer.verdict, answer.checks) == (Verdict.DENIED, ())
    assert answer.reason


def test_another_version_is_said() -> None:
    """When the record was decided by another version of the law book, the answer says which two they are."""
    said, outcome = entry(Told())
    changed = record.check(pb.CommittedRecord.FromString(outcome))
    changed.table_version = "2025.9+00000000"
    answer = judge(BOOK, said, record.commit(changed).SerializeToString(), "ja")
    assert (answer.same_version, answer.table_version) == (False, "2025.9+00000000")


async def test_the_page_and_the_document_agree(lab: Lab) -> None:
    """Both give verdict, row, law with its mark and every condition; somebody else finds neither."""
    told = Told(START)
    await lab.deliver([told])
    browser = Browser(lab)
    await browser.log_in()
    page = (await browser.get(f"/history/{told.request_id}/allowed")).text
    document = (await browser.get(f"/api/v1/history/{told.request_id}/allowed")).json()
    assert document["verdict"] == "allowed"
    assert 'data-verdict="allowed"' in page
    assert "要確認" in visible(page)
    assert document["legal_basis"]["verified"] is False
    for one in document["conditions"]:
        assert f'data-condition="{one["condition"]}" data-how="{one["how"]}"' in page
    stranger = Browser(lab)
    await stranger.log_in(SORA)
    for path in (f"/history/{told.request_id}/allowed", f"/api/v1/history/{told.request_id}/allowed"):
        assert (await stranger.get(path)).status_code == 404
        assert (await Browser(lab).get(path)).status_code in {303, 401}
