"""Planted faults: which calls meet them, how often, and what stands in the table."""

from __future__ import annotations

from types import SimpleNamespace

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from warifu.kernel import limits
from warifu.kernel.errors import LinkageError
from warifu.kernel.faults import Effect, Faults, kinds

PROVIDE = "/warifu.provision.v1.ProvisionService/Provide"
NAMES = (
    "provider-down", "provider-slow", "answer-dropped", "gateway-down", "log-unavailable", "portal-down", "numbering-down",
)  # fmt: skip


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
    ],
)
def test_what_makes_no_sense_cannot_be_planted(party: str, name: str, institution: str, count: int) -> None:
    """A fault of another party, an unknown one, an institution where none is meant, and a count below zero are refused."""
    with pytest.raises(LinkageError):
        Faults(party).of(name, institution, count)


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
