"""Bad input against the whole network of processes: full disks and taken ports, markup, guessed PINs, strangers, deaths in mid-answer."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

import psutil
import pytest
from canaries import files, search
from e2e.conftest import Running

from warifu.common.v1 import common_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.kernel.errors import Reason
from warifu.simulator.cards.client import LOOPBACK, LoginError, Session, login
from warifu.simulator.clerk import Question
from warifu.simulator.doors import doors
from warifu.simulator.people import Person
from warifu.simulator.scenarios.stage import Stage, tax_year

SCRIPT = "<script>alert(1)</script>"
NUMBER_ELSEWHERE = "123456789018"
"""Well-formed, with a right check digit, outside the synthetic block."""
MARKUP = re.compile(r"<script|<img|javascript:", re.IGNORECASE)


# --- the ground that it runs on ---------------------------------------------------------------------------------------


def demo(*words: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """`warifu demo` where it cannot run, to its end."""
    command = [*before, sys.executable, "-m", "warifu.cli", "demo", "--people", "50", "--no-browser", *words]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LC_")} | {"LANG": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, env=environment)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a verb that failed told, in one line; it is an error in words, never a traceback, and nothing is on stdout."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def on_a_disk(options: str, place: Path) -> tuple[str, ...]:
    """Words before a command that give it a small or read-only disk at `place`, where the system lets users have one."""
    own = "-m" if os.geteuid() == 0 else "-Urm"
    words = (
        "unshare",
        own,
        "--propagation",
        "private",
        "sh",
        "-c",
        f'mount -t tmpfs -o {options} none {place} && exec "$@"',
        "sh",
    )
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI"), "CI must run where a process can have a file system of its own"
        pytest.skip("this system gives users no file system of their own")
    return words


def test_an_occupied_port_is_named(tmp_path: Path) -> None:
    """A port that another program holds is named with the option that chooses another, and no state is left behind."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        told = refusal(demo("--port", str(port), "--state", str(tmp_path / "state")))
    assert f"port {port} is in use" in told
    assert "--port" in told
    assert not (tmp_path / "state" / "network.json").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A state folder on a read-only disk is named with the option that chooses another."""
    place = tmp_path / "disk"
    place.mkdir()
    told = refusal(demo("--state", str(place / "state"), before=on_a_disk("ro", place)))
    assert "cannot write" in told
    assert str(place / "state") in told.replace(" ", "")
    assert "--state" in told


@pytest.mark.parametrize("size", ["100k", "1m"])
def test_a_full_disk_is_told_as_such(tmp_path: Path, size: str) -> None:
    """A disk that fills up while the network is made is told with the file and what to do, whichever step meets it."""
    place = tmp_path / "disk"
    place.mkdir()
    told = refusal(demo("--state", str(place / "state"), before=on_a_disk(f"size={size}", place)))
    assert re.search("No space left on device|disk is full", told)
    assert str(place / "state") in told.replace(" ", "")
    assert "--state" in told


def test_a_second_network_never_shares_a_state(network: Running) -> None:
    """Starting again on the state of a running network is refused, and the network goes on."""
    assert "already runs" in refusal(demo("--state", str(network.state)))
    assert all(party["healthy"] for party in network.json("status")["parties"])


# --- what people type -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """A citizen about whom an insurer may ask a tax office."""

    person: Person
    requester: str
    addressee: str
    provider: str


@asynccontextmanager
async def stage_of(network: Running) -> AsyncIterator[Stage]:
    """A stage on the network."""
    async with doors(network.file) as opened:
        yield Stage(network.file, network.state, opened)


def known(stage: Stage) -> Iterable[tuple[Person, str, str]]:
    """People insured by one city and taxed by another, from the end: the scenarios' people stand at the beginning."""
    for person in reversed(stage.people.all()):
        taxed, insured = person.assessed(2025), person.insured_on(stage.people.start)
        if taxed is None or insured is None or not insured.institution.startswith("nhi-"):
            continue
        if insured.institution.removeprefix("nhi-") != taxed.municipality:
            yield person, insured.institution, f"tax-{taxed.municipality}"


async def case_of(stage: Stage) -> Case:
    """The first of them."""
    person, requester, provider = next(iter(known(stage)))
    addressee = await stage.clerk(requester).find(stage.people.items(person.person))
    assert addressee is not None
    return Case(person, requester, addressee, provider)


def question(stage: Stage, case: Case, **more: object) -> Question:
    """What row P07 lets the insurer ask."""
    return stage.question("P07", case.provider, tax_year(2025), **more)


async def test_markup_in_every_free_text_reaches_the_page_as_no_markup(network: Running) -> None:
    """A clerk who types markup as office, staff code and consent reference marks nothing up: not on the citizen's pages, not in the JSON."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        consent = exchange_pb2.Consent(given_on="2026-04-01", reference=SCRIPT)
        asked = question(stage, case, office=SCRIPT, clerk=SCRIPT, consent=consent)
        exchange = await stage.ask(case.requester, case.addressee, asked)
        assert exchange.outcome in {"PROVIDED", "NO_RECORD"}
        entries = await stage.history(case.person.person)
        assert exchange.request_id in {entry["request_id"] for entry in entries}
        assert SCRIPT not in str(entries)
        for path in ("/history", f"/history/{exchange.request_id}"):
            for language in ("ja", "en"):
                page = await stage.page(case.person.person, path, language)
                assert exchange.request_id in page
                assert not MARKUP.search(page)


@pytest.mark.parametrize(
    "path",
    [
        "portal:/history/{}",
        "portal:/login?next={}",
        "portal:/login?lang={}",
        "portal:/{}",
        "simulator:/?q={}",
        "simulator:/?trait={}",
        "simulator:/pin?person={}&origin={}&challenge={}&session={}",
        "simulator:/{}",
    ],
)
def test_markup_in_an_address_is_never_markup_on_a_page(network: Running, path: str) -> None:
    """Whatever stands in a page's address comes back as text or not at all, on both faces."""
    face, _, rest = path.partition(":")
    session = Session(network.file.urls["portal"])
    _, location, body = session.get(network.file.urls[face] + rest.replace("{}", quote(SCRIPT)))
    assert not MARKUP.search(body)
    assert "<script" not in location
    assert ("&lt;script&gt;" in body) == (path == "simulator:/?q={}")  # what was searched for stands in its field


async def test_markup_in_a_persons_name_is_the_name(network: Running) -> None:
    """A visitor who gives markup for a name is nobody here, and is refused as such by the counter, with nothing registered."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        items = common_pb2.BasicItems()
        items.CopyFrom(stage.people.items(case.person.person))
        items.name = SCRIPT
        assert await stage.clerk(case.requester).find(items) is None
        assert await stage.refusal(stage.clerk(case.requester).receive(items)) in {
            None,
            Reason.CLIENT_PERSON_NOT_MATCHED,
        }


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (NUMBER_ELSEWHERE, Reason.CLIENT_NUMBER_NOT_SYNTHETIC),
        ("98765432101", Reason.CLIENT_NUMBER_MALFORMED),
        ("９８７６５４３２１０１２", Reason.CLIENT_NUMBER_CHECK_DIGIT),
        (SCRIPT, Reason.CLIENT_NUMBER_MALFORMED),
    ],
)
async def test_a_number_that_cannot_be_one_is_refused_and_kept_nowhere(
    network: Running, number: str, reason: Reason
) -> None:
    """At the counter a number outside the block or of another form is refused by its own reason, and lies in no party's files afterwards."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        items = stage.people.items(case.person.person)
        assert await stage.refusal(stage.clerk(case.requester).receive(items, number)) == reason
    if number == NUMBER_ELSEWHERE:
        assert [path for path in files(network.state) if search(path.read_bytes(), [number])] == []


# --- cards, PINs, strangers -------------------------------------------------------------------------------------------


def pids(network: Running) -> dict[str, int]:
    """Process ids of the parties, by their working directory."""
    folders = {str(network.state / party.name): party.name for party in network.file.parties}
    found = {}
    for process in psutil.Process(network.process.pid).children(recursive=True):
        try:
            if (name := folders.get(process.cwd())) is not None:
                found[name] = process.pid
        except psutil.Error:
            continue
    return found


async def kill(network: Running, stage: Stage, party: str) -> None:
    """`kill -9` a party and wait until it serves again."""
    before = pids(network)[party]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(60):
        while pids(network).get(party, before) == before or not await stage.doors.healthy(party):  # noqa: ASYNC110 - another process's health has no event here
            await asyncio.sleep(0.05)


def outcome_of_login(network: Running, person: str, pin: str) -> str:
    """The reason with which a login is refused; empty when it is not."""
    try:
        login(network.file.urls["portal"], network.file.urls["simulator"], person, pin)
    except LoginError as error:
        return error.reason
    return ""


async def test_a_pin_cannot_be_guessed_in_parallel_or_across_kill_9(network: Running) -> None:
    """Thirty guesses at the same moment get three looks; after a kill -9 of the card service the right PIN opens nothing either."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        others = [one.person for one in stage.people.all() if one.present and one.person != case.person.person]
        victim, other = (stage.people.demo(handle) for handle in others[-2:])
        wrong = [f"{n:04d}" for n in range(31) if f"{n:04d}" != victim.pin][:30]
        with ThreadPoolExecutor(15) as pool:
            told = list(pool.map(lambda pin: outcome_of_login(network, victim.person, pin), wrong))
        assert set(told) == {Reason.CLIENT_PIN_WRONG, Reason.CLIENT_CARD_LOCKED}
        assert told.count(Reason.CLIENT_PIN_WRONG) <= 3
        await kill(network, stage, "simulator")
        assert outcome_of_login(network, victim.person, victim.pin) == Reason.CLIENT_CARD_LOCKED
        assert outcome_of_login(network, other.person, other.pin) == ""


async def test_a_login_link_opens_once_and_in_its_own_browser(network: Running) -> None:
    """The card's signed way back to the portal opens nothing in another browser, and nothing a second time."""
    async with stage_of(network) as stage:
        handle = (await case_of(stage)).person.person
        pin, urls = stage.people.demo(handle).pin, network.file.urls
    document, history = "application/json", urljoin(urls["portal"], "/api/v1/history")
    browser, victim, thief = (Session(urls["portal"]) for _ in range(3))
    way_back = signed(browser, urls, handle, pin)
    assert browser.get(way_back, document)[0] == 200
    assert browser.get(way_back, document)[0] != 200
    stolen = signed(victim, urls, handle, pin)
    assert thief.get(stolen, document)[0] != 200
    assert victim.get(stolen, document)[0] != 200
    assert [one.get(history, document)[0] for one in (browser, victim, thief)] == [200, 401, 401]


def signed(browser: Session, urls: Mapping[str, str], handle: str, pin: str) -> str:
    """The address to which the card service sends a browser after the right PIN."""
    _, location, _ = browser.get(urljoin(urls["portal"], "/login/challenge"))
    asked = dict(pair.split("=", 1) for pair in urlsplit(location).query.split("&"))
    form = {
        "origin": urls["portal"].rstrip("/"),
        "challenge": asked["challenge"],
        "session": asked["session"],
        "person": handle,
        "pin": pin,
    }
    status, location, body = browser.post(urljoin(urls["simulator"], "/sign"), form, "application/json")
    assert status == 303, body
    return location


async def test_another_citizens_record_is_no_page(network: Running) -> None:
    """Logged in as somebody else, a record's address shows what an invented one shows, byte for byte, as page and as document."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        exchange = await stage.ask(case.requester, case.addressee, question(stage, case))
        assert exchange.request_id in {entry["request_id"] for entry in await stage.history(case.person.person)}
        stranger = next(p for p in stage.people.all() if p.person != case.person.person and p.present)
        demo_person = stage.people.demo(stranger.person)
        urls = network.file.urls
        session = login(urls["portal"], urls["simulator"], stranger.person, demo_person.pin)
        invented = "00000000-0000-4000-8000-00000000dead"
        for path in ("/history/{}", "/api/v1/history/{}"):
            theirs, nobodys = (
                session.get(urls["portal"] + path.format(one)) for one in (exchange.request_id, invented)
            )
            assert theirs[0] == nobodys[0] == 404
            assert theirs[2].replace(exchange.request_id, "") == nobodys[2].replace(invented, "")


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://card.localhost.evil.example", ""])
def test_a_cross_site_post_is_refused(network: Running, origin: str) -> None:
    """A form sent from another site to the portal's log-out or the card's signature is refused before anything is looked at."""
    for face, path in (("portal", "/logout"), ("simulator", "/sign")):
        parts = urlsplit(network.file.urls[face])
        connection = http.client.HTTPConnection(LOOPBACK, parts.port, timeout=10)
        headers = {"Host": parts.netloc, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", path, "person=p-000001&pin=0000", headers | ({"Origin": origin} if origin else {}))
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        assert response.status == 403, (face, body)
        assert response.headers.get("Set-Cookie") is None or "session" not in response.headers["Set-Cookie"]


def test_another_host_name_is_refused(network: Running) -> None:
    """A face asked for by an address or another name, as after DNS rebinding, shows no page."""
    for face in ("portal", "simulator"):
        parts = urlsplit(network.file.urls[face])
        for host in (f"127.0.0.1:{parts.port}", f"evil.example:{parts.port}"):
            connection = http.client.HTTPConnection(LOOPBACK, parts.port, timeout=10)
            connection.request("GET", "/", headers={"Host": host})
            assert connection.getresponse().status == 421
            connection.close()


# --- a provider that dies ---------------------------------------------------------------------------------------------


async def test_a_provider_killed_in_mid_answer_loses_and_doubles_nothing(network: Running) -> None:
    """Inquiries in flight when the provider gets kill -9 are all answered once it is back, and each is on record once on every side."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk = stage.clerk(case.requester)
        asking = [asyncio.create_task(clerk.inquire(case.addressee, question(stage, case))) for _ in range(24)]
        await asyncio.sleep(0.03)
        assert not all(task.done() for task in asking)
        await kill(network, stage, "tax")
        exchanges = await asyncio.gather(*asking)
        for exchange in exchanges:
            state = exchange.state
            while state.outcome == exchange_pb2.OUTCOME_UNSPECIFIED:
                state = await clerk.collect(exchange.request_id)
            assert state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}
            for party in ("health_insurance", "gateway", "tax"):
                places = [holding.where for holding in await stage.view(party, exchange.request_id)]
                assert places, party
            provisions = [one for one in await stage.view("tax", exchange.request_id) if "provision" in one.where]
            assert len(provisions) == 1


# --- the same again, and disks that are full --------------------------------------------------------------------------


async def told(stage: Stage, party: str, request_id: str, table: str) -> int:
    """How many rows of a table a party holds for an exchange."""
    return sum(holding.where.endswith(table) for holding in await stage.view(party, request_id))


async def test_a_replayed_request_is_one_exchange_also_across_kill_9(network: Running) -> None:
    """The same question under one id, twenty times at once and again after agency and gateway were killed, is one exchange; another question under it is refused."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk, asked = stage.clerk(case.requester), question(stage, case)
        request_id = str(uuid.uuid4())
        first, *others = await asyncio.gather(*(clerk.inquire(case.addressee, asked, request_id) for _ in range(20)))
        assert {other.request_id for other in others} == {first.request_id} == {request_id}
        await kill(network, stage, "health_insurance")
        await kill(network, stage, "gateway")
        again = await clerk.inquire(case.addressee, asked, request_id)
        assert (again.outcome, again.request_id) == (first.outcome, request_id)
        changed = question(stage, case, office="another")
        assert await stage.refusal(clerk.inquire(case.addressee, changed, request_id)) == Reason.CLIENT_REQUEST_CHANGED
        assert await told(stage, "gateway", request_id, "/exchange") == 1
        assert await told(stage, "tax", request_id, "provisions") == 1


@contextmanager
def full_disk(network: Running, party: str) -> Iterator[None]:
    """The party's process can write to no file, as on a disk without room."""
    process = psutil.Process(pids(network)[party])
    _, most = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, most))
    try:
        yield
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, (most, most))


@pytest.mark.parametrize("party", ["gateway", "tax"])
async def test_a_full_disk_on_the_way_delays_and_loses_nothing(network: Running, party: str) -> None:
    """While gateway or provider cannot write, the inquiry waits and nobody is told an answer; with room again it is answered, once."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk = stage.clerk(case.requester)
        with full_disk(network, party):
            receipt = await clerk.interim.Inquire(inquiry(case, question(stage, case)), timeout=15)
            request = interim_pb2.CollectRequest(
                institution=case.requester, request_id=receipt.request_id, wait_ms=1000
            )
            waiting = await clerk.interim.Collect(request, timeout=15)
            assert waiting.inquiry.outcome == exchange_pb2.OUTCOME_UNSPECIFIED
            assert await told(stage, party, receipt.request_id, "") == 0
        state = await clerk.collect(receipt.request_id)
        assert state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}
        assert await told(stage, "gateway", receipt.request_id, "/exchange") == 1
        assert await told(stage, "tax", receipt.request_id, "provisions") == 1


async def test_a_full_disk_at_the_asker_is_told_to_the_clerk(network: Running) -> None:
    """An agency that cannot store a question refuses it as its own store's trouble and sends nothing; the same question works with room again."""
    async with stage_of(network) as stage:
        case = await case_of(stage)
        clerk, asked, request_id = stage.clerk(case.requester), question(stage, case), str(uuid.uuid4())
        with full_disk(network, "health_insurance"):
            refused = await stage.refusal(clerk.inquire(case.addressee, asked, request_id))
            assert refused == Reason.PROVIDER_STORE_UNAVAILABLE
            assert await told(stage, "gateway", request_id, "") == 0
        exchange = await clerk.inquire(case.addressee, asked, request_id)
        assert exchange.state.outcome in {exchange_pb2.OUTCOME_ANSWERED, exchange_pb2.OUTCOME_PENDING}


def inquiry(case: Case, asked: Question) -> interim_pb2.InquireRequest:
    """The question as the interim server takes it."""
    return interim_pb2.InquireRequest(
        institution=case.requester,
        addressee_no=case.addressee,
        provider=asked.provider,
        affair=asked.affair,
        procedure=asked.procedure,
        item=asked.item,
        span=asked.span,
        office=asked.office,
        clerk=asked.clerk,
    )
