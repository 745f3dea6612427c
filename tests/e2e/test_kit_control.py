"""What a tester can rely on in the kit: what counts as a call, what a snapshot keeps, what a reset does to calls, and how it refuses (docs/KIT.md §3, §6)."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from warifu.simulator.population import MINIMUM_PEOPLE
from warifu.simulator.testing import LEAST_PEOPLE, Child, EngineError
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.linkage import Face, Linkage, LinkageTestError
from warifu.simulator.testing.outside import Outside

NHI, TAX, PERSON = "nhi-480011", "tax-491004", "p-000009"
PEOPLE = 60


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """One engine for the tests of this module."""
    with Child.start(PEOPLE) as started:
        yield started


@pytest.fixture
def linkage(child: Child) -> Iterator[Linkage]:
    """The network as at its beginning."""
    opened = child.linkage()
    opened.reset(stopped=True)
    yield opened
    opened.close()


def send(face: Face, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """A call by JSON, as a business system makes it; of one that is refused the problem document."""
    headers = {**face.headers, "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(face.url + path, data, headers), timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    return found


class Desk:
    """A business system that asks one question again and again, each time for another case."""

    def __init__(self, linkage: Linkage) -> None:
        self.card, self.expected = linkage.case(NHI, row="P07", provider=TAX, fine="PROVIDED")
        self.face = linkage.face(NHI)
        self.number = 0

    def ask(self) -> dict[str, Any]:
        """Send an inquiry."""
        self.number += 1
        body = {name: self.expected[name] for name in ("provider", "affair", "procedure", "item")}
        body |= {"requestId": f"77777777-1111-4111-8111-{self.number:012}", "office": "window-1", "clerk": "c-0001"}
        body |= {"addresseeNo": self.card["addressees"][NHI], "span": {"fiscalYear": {"year": self.expected["year"]}}}
        return send(self.face, "/v1/inquiries", body | {"caseReference": "case-1"})

    def wait(self, milliseconds: int = 20_000) -> dict[str, Any]:
        """Wait for what comes of the newest."""
        return send(self.face, f"/v1/inquiries/77777777-1111-4111-8111-{self.number:012}?waitMs={milliseconds}")


def called(linkage: Linkage) -> dict[tuple[str, str], int]:
    """Calls of the system under test, by the method's own name and outcome."""
    return {(one.method.rpartition("/")[2], one.outcome): one.count for one in linkage.calls()}


def test_what_the_test_itself_asks_is_never_the_systems_call(linkage: Linkage) -> None:
    """A clerk's inquiry that is refused, or whose answer does not come, is taken off by the outcome that it had."""
    linkage.faults("gateway-down")
    with pytest.raises(LinkageTestError, match="GATEWAY_UNAVAILABLE"):
        linkage.ask(NHI, TAX, "P07", PERSON, year=2025)
    with pytest.raises(LinkageTestError, match="CLIENT_"):
        linkage.ask(NHI, TAX, "P07", PERSON, year=1)
    with pytest.raises(LinkageTestError, match="-1 is no year"):
        linkage.ask(NHI, TAX, "P07", PERSON, year=-1)
    assert linkage.calls() == []

    desk = Desk(linkage)
    assert desk.ask()["reason"] == "GATEWAY_UNAVAILABLE"

    assert called(linkage) == {("Inquire", "GATEWAY_UNAVAILABLE"): 1}


def log_key(linkage: Linkage) -> str:
    """By which the public log is told from any other."""
    network = json.loads((Path(linkage.network().state) / "network.json").read_text(encoding="utf-8"))
    return str(network["log"]["key"])


def test_a_snapshot_leaves_everything_as_it_is(linkage: Linkage) -> None:
    """What is planted, as often as it has struck, whose institution is alone, the log and counted calls are after a snapshot what they were."""
    desk = Desk(linkage)
    linkage.face(TAX, alone=True)
    linkage.faults("review-pending", {"name": "gateway-down", "institution": NHI, "count": 2})
    assert desk.ask()["reason"] == "GATEWAY_UNAVAILABLE"
    before, log, size = linkage.calls(), log_key(linkage), linkage.wait_for_log()["size"]

    linkage.snapshot()

    assert linkage.calls() == before
    assert log_key(linkage) == log
    assert linkage.wait_for_log()["size"] >= size
    assert desk.ask()["reason"] == "GATEWAY_UNAVAILABLE"
    assert linkage.ask(NHI, TAX, "P07", desk.card["person"], year=desk.expected["year"]).outcome == "PENDING"


def test_what_was_planted_comes_back_with_a_snapshot(linkage: Linkage) -> None:
    """After it is restored, twice too, there is planted what was then, as often as it had struck; calls of this test still count."""
    desk = Desk(linkage)
    linkage.face(TAX, alone=True)
    linkage.faults("review-pending", {"name": "gateway-down", "institution": NHI, "count": 1})
    linkage.snapshot()

    for times in (1, 2):
        linkage.restore()
        assert desk.ask()["reason"] == "GATEWAY_UNAVAILABLE"
        assert desk.ask().get("requestId")
        assert called(linkage) == {("Inquire", "GATEWAY_UNAVAILABLE"): times, ("Inquire", "OK"): times}
        assert linkage.ask(NHI, TAX, "P07", desk.card["person"], year=desk.expected["year"]).outcome == "PENDING"
        linkage.faults()


def test_a_snapshot_goes_with_its_test(linkage: Linkage) -> None:
    """After a reset it cannot be restored."""
    linkage.snapshot("mine")
    linkage.reset()

    with pytest.raises(LinkageTestError, match="there is no snapshot 'mine': one lasts until the next reset"):
        linkage.restore("mine")


def test_a_reset_ends_who_merely_waits(linkage: Linkage) -> None:
    """A long poll and a call that a planted fault holds up are told at once to try again, and the reset does not wait for them."""
    desk = Desk(linkage)
    linkage.faults("provider-down")
    desk.ask()
    with ThreadPoolExecutor(1) as beside:
        for _ in range(3):
            coming = beside.submit(desk.wait)
            linkage.wait_for_record("gateway", f"77777777-1111-4111-8111-{desk.number:012}")
            took = linkage.reset(stopped=True)
            answer = coming.result(15)
            assert (answer["status"], answer["reason"], answer["retryable"]) == (503, "PROVIDER_UNAVAILABLE", True)
            assert took < 1000
            linkage.faults("provider-down")
            desk.ask()
    linkage.reset(stopped=True)
    linkage.faults("provider-slow")
    desk.ask()
    linkage.wait_for_record("gateway", f"77777777-1111-4111-8111-{desk.number:012}")
    assert linkage.reset(stopped=True) < 1000


def test_another_network_in_its_place_ends_who_waits_too(linkage: Linkage) -> None:
    """A long poll is told to try again before the network goes; the face that closes does not wait for it."""
    desk = Desk(linkage)
    linkage.faults("provider-down")
    desk.ask()
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(desk.wait)
        linkage.wait_for_record("gateway", f"77777777-1111-4111-8111-{desk.number:012}")
        linkage.reset(seed=2)

        assert (coming.result(15)["reason"], coming.result()["retryable"]) == ("PROVIDER_UNAVAILABLE", True)


async def test_calls_of_systems_that_serve_institutions_count_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are known by the network's records alone, of which a snapshot brings back fewer; those of this test are counted all the same."""
    asked, recorded = ("/warifu.linkage.v1.LinkageService/Inquire", "OK"), deque[int]()

    async def calls(_: Outside) -> Counter[tuple[str, str]]:
        return Counter({asked: recorded.popleft()})

    monkeypatch.setattr(Outside, "calls", calls)
    async with Engine.run(PEOPLE, stopped=True) as engine:
        await engine.snapshot("two")  # calls were on record by then
        for times in (1, 2):
            recorded.extend((5, 2, 2))  # before it is put back, after that, and now
            await engine.restore("two")
            assert (await engine.calls())[asked] == 2 + 3 * times
        await engine.reset()
        recorded.append(0)
        assert await engine.calls() == Counter()


def test_calls_that_meet_a_reset_are_answered_or_told_to_try_again(linkage: Linkage) -> None:
    """Of many calls that come while the network is put back again and again, none is told that something broke, and no reset waits for those that follow."""
    found: Counter[tuple[object, object]] = Counter()
    over = threading.Event()

    def work(desk: Desk, first: int) -> None:
        desk.number = first
        while not over.is_set():
            for told in (desk.ask(), desk.wait(100)):
                found[told.get("reason", "OK"), told.get("retryable", True)] += 1

    desks = [Desk(linkage) for _ in range(4)]
    with ThreadPoolExecutor(4) as beside:
        try:
            workers = [beside.submit(work, desk, 10**6 * place) for place, desk in enumerate(desks)]
            took = [linkage.reset() for _ in range(15) if not over.wait(0.1)]
        finally:
            over.set()
        for worker in workers:
            worker.result()

    assert found.pop(("OK", True)) > 15
    found.pop(("CLIENT_REQUEST_UNKNOWN", False), None)  # asked for after the reset
    assert not [told for told in found if not (str(told[0]).endswith("_UNAVAILABLE") and told[1])], found
    assert sorted(took)[len(took) // 2] < 1000


def test_faults_are_planted_all_or_none(linkage: Linkage) -> None:
    """One that cannot be planted is refused with the reason, and what was planted before stays as it was."""
    desk = Desk(linkage)
    linkage.faults({"name": "gateway-down", "institution": NHI})

    for wrong, said in (
        ({"name": "bad-signature", "addressee_no": "123"}, "bad-signature.*name it too"),
        (
            {"name": "provider-down", "institution": "tax-999999"},
            "no institution 'tax-999999'; there are: .*tax-491004",
        ),
        ({"name": "nothing-works"}, "no fault 'nothing-works'; there are: provider-down"),
        ({"name": "provider-down", "probability": 0.0}, "strikes always"),
        ({"name": "provider-down", "chance": 0.5}, "is no fault: .*chance"),
    ):
        with pytest.raises(LinkageTestError, match=f"(?s){said}"):
            linkage.faults("review-pending", wrong)

    assert desk.ask()["reason"] == "GATEWAY_UNAVAILABLE"
    linkage.face(TAX, alone=True)
    linkage.faults()
    assert linkage.ask(NHI, TAX, "P07", desk.card["person"], year=desk.expected["year"]).outcome == "PROVIDED"


def test_refusals_have_their_reason(linkage: Linkage) -> None:
    """Whatever the network refuses a test is told with its reason and message, and never as an error of the kit's own."""
    linkage.face(NHI)
    for fault in ("gateway-down", "numbering-down", "portal-down"):
        linkage.faults(fault)
        refusals = []
        for call in (
            lambda: linkage.ask(NHI, TAX, "P07", PERSON, year=2025),
            lambda: linkage.history(PERSON),
            linkage.settle,
            linkage.wait_for_log,
        ):
            try:
                call()
            except LinkageTestError as error:
                refusals.append(str(error))
        assert refusals, fault
        assert not [one for one in refusals if "Unexpected" in one or "grpc" in one], refusals


def test_a_clerk_waits_as_long_as_the_test_says(linkage: Linkage) -> None:
    """Of an inquiry that nobody answers in that time the outcome is UNANSWERED, and it comes once the provider is back."""
    linkage.faults("provider-down")
    began = time.monotonic()

    asked = linkage.ask(NHI, TAX, "P07", PERSON, year=2025, within=0.2)

    assert (asked.outcome, asked.reason, asked.records) == ("UNANSWERED", "", [])
    assert time.monotonic() - began < 10
    linkage.faults()
    assert linkage.wait_for_inquiry(NHI, asked.request_id)["outcome"] == "ANSWERED"


def test_a_time_without_a_zone_is_japans(linkage: Linkage) -> None:
    """Nine o'clock is nine o'clock in Japan, whether the network begins then or the clock is set to it."""
    linkage.reset(datetime.fromisoformat("2026-07-01T09:00"), stopped=True)
    assert requested_at(linkage).startswith("2026-07-01T09:00:00")
    linkage.set_clock(datetime.fromisoformat("2026-07-01T17:00"), stopped=True)
    assert requested_at(linkage).startswith("2026-07-01T17:00:00")


def requested_at(linkage: Linkage) -> str:
    """When an inquiry of now is said to have been made."""
    asked = linkage.ask(NHI, TAX, "P07", PERSON, year=2025)
    return str(linkage.history(PERSON).has(request_id=asked.request_id)["requested_at"])


@pytest.mark.parametrize(
    ("people", "seed", "said"),
    [(20, 1, "people 20: at least 21"), (21, -1, "seed -1: from 0 to"), (21, 2**64, "from 0")],
)
def test_a_network_that_cannot_be_is_refused_before_it_is_made(people: int, seed: int, said: str) -> None:
    """Too few people, and a number that is no seed."""
    with pytest.raises(EngineError, match=said):
        Child.start(people, seed)


def test_no_reset_takes_a_seed_that_is_none(linkage: Linkage) -> None:
    """It is refused where it is named."""
    with pytest.raises(LinkageTestError, match="seed -1: a seed is from 0 to"):
        linkage.reset(seed=-1)


OTHERS = """
import unittest
import pytest


class TestUnit(unittest.TestCase):
    @pytest.fixture(autouse=True)
    def network(self, linkage):
        self.linkage = linkage

    def test_idle(self):
        pass

    def test_idle_parts(self):
        for part in range(2):
            with self.subTest(part=part):
                pass

    def test_fails(self):
        self.fail("its own failure")

    def test_skips(self):
        self.skipTest("its own reason")


class TestCoroutines(unittest.IsolatedAsyncioTestCase):
    @pytest.fixture(autouse=True)
    def network(self, linkage):
        self.linkage = linkage

    async def test_idle_coroutine(self):
        pass


def test_idle_function(linkage):
    pass


def test_idle_subtests(linkage, subtests):
    with subtests.test("a part"):
        pass


@pytest.mark.asyncio
async def test_idle_async(async_linkage):
    pass


@pytest.mark.xfail
def test_idle_expected(linkage):
    pass


@pytest.mark.xfail
def test_fails_expected(linkage):
    assert False


def test_skips_too(linkage):
    pytest.skip("another reason")


@pytest.mark.linkage_no_call
@pytest.mark.linkage_time(now="2026-07-01T09:00")
@pytest.mark.linkage_people(number=200)
def test_marked(linkage):
    assert linkage.network().people == 200
"""


def test_every_kind_of_test_must_have_the_system_call(tmp_path: Path) -> None:
    """Functions, coroutines, unittest's methods and tests with parts fail once when nothing was called; what failed or was skipped by itself stays."""
    (tmp_path / "test_others.py").write_text(OTHERS, encoding="utf-8")

    done = pytest_in(tmp_path, "-q", "-rA")

    idle = {
        "TestUnit::test_idle", "TestUnit::test_idle_parts", "TestCoroutines::test_idle_coroutine", "test_idle_function",
        "test_idle_subtests", "test_idle_async", "test_idle_expected",
    }  # fmt: skip
    failed = set(re.findall(r"^FAILED test_others\.py::(\S+)", done.stdout, re.MULTILINE))
    assert failed == idle | {"TestUnit::test_fails"}, done.stdout + done.stderr
    told = re.findall(r"^the system under test made no call to the network", done.stdout, re.MULTILINE)
    assert len(told) == len(idle)  # each once: a run under CI has it in its summary's lines as well
    assert "8 failed, 1 passed, 2 skipped, 1 xfailed" in done.stdout


WRONG = """
import pytest

@pytest.mark.parametrize("mark", [pytest.param(None, marks=mark) for mark in (
    pytest.mark.linkage_people(20),
    pytest.mark.linkage_people(0),
    pytest.mark.linkage_people(many=30),
    pytest.mark.linkage_seed(-1),
    pytest.mark.linkage_seed("one"),
    pytest.mark.linkage_time("noon"),
    pytest.mark.linkage_time(),
    pytest.mark.linkage_faults(),
    pytest.mark.linkage_rows(),
    pytest.mark.linkage_elsewhere(),
)])
def test_marked(linkage, mark):
    pass
"""


def test_a_marker_that_says_nothing_of_use_is_refused(tmp_path: Path) -> None:
    """Each ends in an error that says what is wrong and what the marker is, before any network is started."""
    (tmp_path / "test_wrong.py").write_text(WRONG, encoding="utf-8")

    done = pytest_in(tmp_path, "-q")

    assert "10 errors" in done.stdout, done.stdout + done.stderr
    for said in (
        "linkage_people cannot be read: 20 people are too few, there are 21 or more. It is linkage_people(number)",
        "linkage_people cannot be read: 0 people",
        "unexpected keyword argument 'many'",
        "linkage_seed cannot be read: a seed is from 0 to",
        "linkage_time cannot be read: Invalid isoformat string: 'noon'",
        "linkage_time cannot be read: _time() missing",
        "linkage_faults cannot be read: it names nothing",
        "linkage_rows cannot be read: _rows() missing",
        "linkage_elsewhere cannot be read: it names nothing",
    ):
        assert said in done.stdout, said
    assert "Traceback" not in done.stdout


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Pytest as somebody else's project runs it."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", *words],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def test_the_least_number_of_people_is_the_cast() -> None:
    """What the kit names without loading the population is what the population has."""
    assert LEAST_PEOPLE == MINIMUM_PEOPLE


@pytest.mark.parametrize(
    ("option", "value", "said"), [("--people", "5", "or equal to 21"), ("--seed", "-1", "or equal to 0")]
)
def test_the_verb_refuses_what_no_network_can_be(option: str, value: str, said: str) -> None:
    """It says the least, and ends before anything is made."""
    done = subprocess.run(
        [sys.executable, "-m", "warifu.cli", "serve", option, value],
        capture_output=True, text=True, timeout=60, check=False, env=os.environ | {"COLUMNS": "300", "LC_ALL": "C"},
    )  # fmt: skip

    assert done.returncode == 2
    assert f"Invalid value for '{option}'" in done.stderr
    assert said in done.stderr
