"""Planted faults: which calls meet them, how often, and what stands in the table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from warifu.exchange.v1 import exchange_pb2
from warifu.kernel import limits
from warifu.kernel.access import Access
from warifu.kernel.errors import LinkageError
from warifu.kernel.faults import By, Effect, Facts, Faults, kinds
from warifu.kernel.identity import Caller, set_current
from warifu.linkage.v1 import linkage_pb2
from warifu.provision.v1 import provision_pb2

PROVIDE = "/warifu.provision.v1.ProvisionService/Provide"
NAMES = (
    "provider-down", "provider-slow", "provider-late", "answer-dropped", "gateway-down", "log-unavailable", "portal-down", "numbering-down",
    "certificate-expired", "provided-twice", "inquired-twice", "delivered-twice",
    "office-idle", "permit-twice", "late-permit", "damaged-permit", "expired-permit",
    "stale-copy", "wrong-person", "wrong-layout", "bad-signature", "review-pending", "clock-skew",
)  # fmt: skip
HERE, PROCEDURE, SOMEBODY = "tax-480011", "JT90000000000101", "1000001"


@contextmanager
def identity_of(party: str, code: str) -> Iterator[None]:
    """Calls come from this one."""
    far_off = datetime(2040, 1, 1, tzinfo=UTC)
    set_current(Caller(party, code, 1, far_off))
    yield


def test_the_table_has_the_faults_that_the_stage_promises() -> None:
    """Each has words in both languages, and what is felt of it."""
    assert set(kinds()) == set(NAMES)
    for kind in kinds().values():
        assert all((kind.ja, kind.en, kind.felt_ja, kind.felt_en))
        assert kind.parties


def test_a_slow_provider_is_within_the_gateway_s_patience() -> None:
    """The answer comes late, but it comes."""
    slow = kinds()["provider-slow"]
    assert slow.effect is Effect.SLOW
    assert 0 < slow.seconds * 1000 < limits.PROVIDE_DEADLINE


def test_a_late_provider_is_beyond_the_gateway_s_patience() -> None:
    """The answer is made, and nobody waits for it any more."""
    late = kinds()["provider-late"]
    assert late.effect is Effect.LATE
    assert late.seconds * 1000 > limits.PROVIDE_DEADLINE


@given(count=st.integers(1, 20), calls=st.integers(0, 40))
def test_a_counted_fault_meets_so_many_calls_and_lifts_itself(count: int, calls: int) -> None:
    """Of any number of calls the first `count` meet it, no later one, and then it is no longer listed."""
    faults = Faults("tax")
    faults.plant([faults.of("provider-down", count=count)])
    met = [faults.meet(PROVIDE, None) is not None for _ in range(calls)]
    assert met == [True] * min(count, calls) + [False] * max(calls - count, 0)
    assert bool(faults.planted) == (calls < count)


def test_one_without_a_count_stays() -> None:
    """It meets every call until it is lifted."""
    faults = Faults("tax")
    faults.plant([faults.of("provider-down")])
    assert all(faults.meet(PROVIDE, None) for _ in range(50))
    faults.plant([])
    assert faults.meet(PROVIDE, None) is None


@pytest.mark.parametrize(("provider", "meets"), [("tax-480011", True), ("tax-480029", False), ("", False)])
def test_an_institution_s_fault_meets_calls_that_name_it(provider: str, meets: bool) -> None:
    """The field of the request that names the institution decides."""
    faults = Faults("tax")
    faults.plant([faults.of("provider-down", "tax-480011")])
    assert (faults.meet(PROVIDE, SimpleNamespace(provider=provider)) is not None) == meets


def test_other_methods_do_not_meet_it() -> None:
    """A provider that does not answer the gateway still serves its own counters."""
    faults = Faults("tax")
    faults.plant([faults.of("provider-down")])
    assert faults.meet("/warifu.agency.v1.AgencyService/FindSubject", None) is None


def test_of_several_the_first_is_met() -> None:
    """One call meets one fault, and only that one counts it; when it has lifted itself the next has its turn."""
    faults = Faults("tax")
    faults.plant([faults.of("answer-dropped", count=1), faults.of("provider-down")])
    assert [faults.meet(PROVIDE, None).kind.name for _ in range(2)] == ["answer-dropped", "provider-down"]


@pytest.mark.parametrize(
    ("party", "name", "institution", "count"),
    [
        ("tax", "gateway-down", "", 0),
        ("watchdog", "provider-down", "", 0),
        ("tax", "nothing", "", 0),
        ("portal", "portal-down", "portal-main", 0),
        ("tax", "provider-down", "", -1),
        ("gateway", "certificate-expired", "", 0),
        ("tax", "clock-skew", "", 1),
        ("tax", "provider-down", "Tax 1", 0),
    ],
)
def test_what_makes_no_sense_cannot_be_planted(party: str, name: str, institution: str, count: int) -> None:
    """A fault of another party, an unknown one, an institution where none is meant, and a count below zero are refused."""
    with pytest.raises(LinkageError):
        Faults(party).of(name, institution, count)


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"person": SOMEBODY}, "person"),
        ({"institution": HERE, "person": "p-000001"}, "person"),
        ({"procedure": "P07"}, "procedure"),
        ({"probability": 1.5}, "probability"),
        ({"probability": float("nan")}, "probability"),
    ],
)
def test_a_confinement_in_no_form_is_refused_with_its_field(words: dict, field: str) -> None:
    """An addressee number without its institution, a handle, a row instead of a procedure, more than always."""
    with pytest.raises(LinkageError) as refused:
        Faults("tax").of("provider-down", **words)
    assert refused.value.metadata["field"] == field


def asked(*permits: tuple[str, str, bytes], provider: str = HERE) -> provision_pb2.ProvideRequest:
    """A Provide call with permits of (request id, procedure, provider's code of the person)."""
    made = provision_pb2.ProvideRequest(provider=provider)
    for request_id, procedure, code in permits:
        header = exchange_pb2.RequestHeader(request_id=request_id, procedure=procedure)
        permit = exchange_pb2.Permit(
            permit_id=request_id, header=header.SerializeToString(), subject=exchange_pb2.SubjectReference(code=code)
        )
        made.permits.add(permit=permit.SerializeToString())
    return made


def numbered(_institution: str, subject: bytes) -> str | None:
    """Code `7` is whom the institution knows as 7; a code of letters is nobody's."""
    text = exchange_pb2.SubjectReference.FromString(subject).code.decode()
    return text if text.isdecimal() else None


digits = st.integers(1, 4).map(str)
procedures = st.sampled_from(["JT90000000000101", "JT90000000000102"])
people_asked_about = st.one_of(digits, st.just("nobody"))


@given(
    institution=st.sampled_from(["", HERE, "tax-480029"]),
    procedure=st.one_of(st.just(""), procedures),
    person=st.one_of(st.just(""), digits),
    calls=st.lists(st.lists(st.tuples(procedures, people_asked_about), min_size=1, max_size=3), max_size=6),
    count=st.integers(0, 3),
)
def test_a_fault_meets_what_all_its_confinements_name(
    institution: str, procedure: str, person: str, calls: list[list[tuple[str, str]]], count: int
) -> None:
    """A call meets it when one of its exchanges is for that institution and procedure and about that person; and so often as it counts."""
    institution = institution or (HERE if person else "")
    faults = Faults("tax", whom=numbered)
    faults.plant([faults.of("provider-down", institution, count, procedure=procedure, person=person)])
    met = 0
    for call in calls:
        message = asked(*(("r", one, who.encode()) for one, who in call))
        concerned = institution in {"", HERE} and any(
            procedure in {"", one} and person in {"", who} for one, who in call
        )
        expected = concerned and (count == 0 or met < count)
        met += expected
        assert (faults.meet(PROVIDE, message) is not None) == expected


@given(
    probability=st.floats(0.01, 0.99), seed=st.integers(0, 2**32), keys=st.lists(st.uuids(), min_size=1, max_size=20)
)
def test_chance_is_the_same_in_the_same_run(probability: float, seed: int, keys: list) -> None:
    """Seed, fault and request id decide, whatever else happened; a request that was struck is struck again."""
    runs = []
    for order in (keys, keys[::-1]):
        faults = Faults("tax", seed)
        faults.plant([faults.of("wrong-layout", probability=probability)])
        runs.append({key: bool(faults.strikes(Effect.LAYOUT, Facts(HERE, PROCEDURE, "1", str(key)))) for key in order})
    assert runs[0] == runs[1]


def test_chance_strikes_as_large_a_part_as_it_was_told() -> None:
    """Of 4,000 exchanges and of 4,000 calls about a quarter; another seed strikes others."""
    struck: dict[int, list[bool]] = {}
    for seed in (1, 2):
        faults = Faults("tax", seed)
        faults.plant([faults.of("review-pending", probability=0.25), faults.of("provider-down", probability=0.25)])
        struck[seed] = [bool(faults.strikes(Effect.REVIEW, Facts(key=str(number)))) for number in range(4000)]
        assert 900 < sum(struck[seed]) < 1100
        assert 900 < sum(faults.meet(PROVIDE, None) is not None for _ in range(4000)) < 1100
    assert struck[1] != struck[2]


def test_calls_by_chance_are_drawn_by_their_number() -> None:
    """The same sequence of calls meets the same faults; a retry is a call of its own, so that it can succeed."""
    runs = []
    for _ in range(2):
        faults = Faults("tax", 5)
        faults.plant([faults.of("provider-down", probability=0.5)])
        runs.append([faults.meet(PROVIDE, asked(("r", PROCEDURE, b"1"))) is not None for _ in range(40)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 2


def test_a_seed_of_its_own_stands_above_the_network_s() -> None:
    """Two networks meet the same when the fault brings its seed."""
    runs = []
    for network in (1, 2):
        faults = Faults("tax", network)
        faults.plant([faults.of("provider-down", probability=0.5, seed=9)])
        runs.append([faults.meet(PROVIDE, None) is not None for _ in range(40)])
    assert runs[0] == runs[1]


def test_at_the_gateway_an_inquiry_s_procedure_is_known() -> None:
    """One inquiry or many in a call: that for another procedure does not meet it, and neither does what is no inquiry."""
    method = "/warifu.linkage.v1.LinkageService/InquireMany"
    faults = Faults("gateway")
    faults.plant([faults.of("log-unavailable", procedure=PROCEDURE)])
    headers = [exchange_pb2.RequestHeader(procedure=one).SerializeToString() for one in ("JT90000000000999", PROCEDURE)]
    other, this = (exchange_pb2.Inquiry(header=header).SerializeToString() for header in headers)
    with identity_of("tax", HERE):
        assert faults.meet(method, linkage_pb2.InquireManyRequest(inquiries=[other])) is None
        assert faults.meet(method, linkage_pb2.InquireManyRequest(inquiries=[other, this])) is not None
        assert faults.meet(method.replace("Many", ""), linkage_pb2.InquireRequest(inquiry=this)) is not None
        assert faults.meet(method, linkage_pb2.InquireManyRequest(inquiries=[b"\xff"])) is None


@pytest.mark.parametrize("name", NAMES)
def test_what_a_fault_cannot_be_confined_to_is_refused_by_name(name: str) -> None:
    """Each confinement that its row of the table leaves out is CLIENT_MALFORMED, naming the field; each other one is taken."""
    kind = kinds()[name]
    party = "tax" if kind.fits("tax") else kind.parties[0]
    words = {
        By.INSTITUTION: {"institution": HERE},
        By.PROCEDURE: {"procedure": PROCEDURE},
        By.PERSON: {"institution": HERE, "person": SOMEBODY},
        By.COUNT: {"count": 2},
        By.PROBABILITY: {"probability": 0.5},
    }
    needed = {"institution": HERE} if By.INSTITUTION in kind.needs else {}
    for by, word in words.items():
        if by in kind.by:
            assert Faults(party).of(name, **(needed | word)).kind is kind
        else:
            with pytest.raises(LinkageError):
                Faults(party).of(name, **(needed | word))


def test_every_method_of_the_table_exists() -> None:
    """A fault that meets a method which nobody serves would never strike."""
    rules = Access.load(())
    for kind in kinds().values():
        for method in kind.methods:
            assert method == "*" or rules.rule(method)


async def test_a_stopped_face_shows_nothing_and_then_its_pages_again() -> None:
    """While portal-down is planted every page is 503 in both languages; once lifted the pages are as before."""

    async def page(_request: Request) -> Response:
        return PlainTextResponse("a page")

    faults = Faults("portal")
    transport = httpx2.ASGITransport(faults.web(Starlette(routes=[Route("/", page)])))
    async with httpx2.AsyncClient(transport=transport, base_url="http://portal.localhost") as client:
        assert (await client.get("/")).text == "a page"
        faults.plant([faults.of("portal-down")])
        stopped = await client.get("/")
        assert stopped.status_code == 503
        assert "止めて" in stopped.text
        assert "stopped" in stopped.text
        faults.plant([])
        assert (await client.get("/")).text == "a page"
