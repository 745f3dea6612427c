"""The pytest plugin: fixtures `linkage_network`, `linkage` and `async_linkage` (docs/KIT.md). Nothing is started until a test asks for one."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import pytest

from warifu.simulator.testing import LARGEST_SEED, LEAST_PEOPLE, TOKEN, Child

if TYPE_CHECKING:
    from warifu.simulator.testing.linkage import AsyncLinkage, Linkage

__all__ = [
    "async_linkage",
    "linkage",
    "linkage_network",
    "pytest_addoption",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
]
MARKERS = (
    f"linkage_people(number): tests a network of so many people, {LEAST_PEOPLE} or more (200 otherwise)",
    "linkage_seed(number): tests the network that derives from this seed (1 otherwise)",
    "linkage_time(now, stopped=False): the network begins at this time, ISO 8601; without a zone it is Japan's",
    "linkage_faults(*faults): faults by name, or as dictionaries of their fields, planted before the test",
    "linkage_rows(toml): the permission table in force, in the form of permissions.toml",
    "linkage_elsewhere(*institutions): a network in which systems of yours serve these, such as tax-480011 or tax-480011=127.0.0.1:9000",
    "linkage_no_call: passes even though the system under test called nothing",
)
PEOPLE, SEED = 200, 1
T = TypeVar("T")
_KEY = pytest.StashKey["Linkage"]()
_IDLE = pytest.StashKey[bool]()
"""Of a test that went well in which the system under test called nothing."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--linkage`."""
    parser.getgroup("warifu").addoption(
        "--linkage",
        metavar="HOST:PORT",
        help=f"use the network that `warifu serve` keeps there, instead of starting one; its token stands in {TOKEN}",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the markers known."""
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


class Networks:
    """The networks of one test session, one for each number of people and seed, each in a process of its own; or one that is served already."""

    def __init__(self, served: Linkage | None = None) -> None:
        self._served = served
        self._started: dict[tuple[int, int, tuple[str, ...]], tuple[Child, Linkage]] = {}

    def linkage(self, people: int | None = None, seed: int | None = None, elsewhere: Sequence[str] = ()) -> Linkage:
        """The network, started when it is first asked for. `elsewhere`: institutions that a system of yours serves in it.

        The test fails where a network is served already and is no such one.
        """
        if self._served is not None:
            _fits(self._served, people, elsewhere)
            return self._served
        key = (people or PEOPLE, SEED if seed is None else seed, tuple(sorted(elsewhere)))
        if key not in self._started:
            child = Child.start(*key)
            self._started[key] = (child, child.linkage())
        return self._started[key][1]

    def close(self) -> None:
        """End them all."""
        if self._served is not None:
            self._served.close()
        for child, linkage in self._started.values():
            linkage.close()
            child.stop()


@pytest.fixture(scope="session")
def linkage_network(request: pytest.FixtureRequest) -> Iterator[Networks]:
    """The networks of this session; none is started until a test asks for its `linkage`."""
    address = request.config.getoption("--linkage")
    networks = Networks(_join(address) if address else None)
    try:
        yield networks
    finally:
        networks.close()


@pytest.fixture
def linkage(request: pytest.FixtureRequest, linkage_network: Networks) -> Linkage:
    """A network as at its beginning. A test in which the system under test calls nothing fails, unless it is marked `linkage_no_call`."""
    item = request.node
    people, seed = _marked(item, "linkage_people", _people), _marked(item, "linkage_seed", _seed)
    elsewhere, begins = _marked(item, "linkage_elsewhere", _all), _marked(item, "linkage_time", _time)
    rows, faults = _marked(item, "linkage_rows", _rows), _marked(item, "linkage_faults", _all)
    network = linkage_network.linkage(people, seed, elsewhere or ())
    now, stopped = begins or (None, False)
    network.reset(now, stopped=stopped, seed=seed)
    if rows is not None:
        network.permissions(rows)
    if faults is not None:
        network.faults(*faults)
    if item.get_closest_marker("linkage_no_call") is None:
        item.stash[_KEY] = network
    return network


@pytest.fixture
def async_linkage(linkage: Linkage) -> AsyncLinkage:
    """`linkage` for a test that is a coroutine."""
    from warifu.simulator.testing.linkage import AsyncLinkage  # noqa: PLC0415 - it is loaded already

    return AsyncLinkage(linkage)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that went well without a call by the system under test has shown nothing, of whatever kind it is."""
    result = yield
    network = item.stash.get(_KEY, None)
    # unittest's tests keep their failure, or that they were skipped, for the report, instead of raising it.
    if network is not None and not getattr(item, "_excinfo", None) and not network.calls():
        item.stash[_IDLE] = True
        pytest.fail(
            "the system under test made no call to the network, so this test shows nothing of it. "
            "Point it at linkage.face(…), or have an institution served by it (linkage_elsewhere), or mark the test linkage_no_call.",
            pytrace=False,
        )
    return result


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """That nothing was called is never the failure that a test was expected to end in (xfail)."""
    report = yield
    if item.stash.get(_IDLE, False) and hasattr(report, "wasxfail"):
        del report.wasxfail
        report.outcome = "failed"
    return report


def _join(address: str) -> Linkage:
    """The network that is served there."""
    from warifu.simulator.testing.linkage import Linkage, LinkageTestError  # noqa: PLC0415 - for whoever tests with it

    token = os.environ.get(TOKEN)
    if not token:
        _refuse(f"--linkage {address}: put the token of that network into the environment variable {TOKEN}")
    if "PYTEST_XDIST_WORKER" in os.environ:
        _refuse("--linkage: tests that run side by side would reset one network under each other; run them without -n")
    served, wrong = Linkage(address, token), None
    try:
        served.network()
    except LinkageTestError as error:
        wrong = str(error)
    if wrong:
        served.close()
        _refuse(f"--linkage {address}: {wrong}")
    return served


def _fits(served: Linkage, people: int | None, elsewhere: Sequence[str]) -> None:
    there = served.network().people
    if people not in {None, there}:
        _refuse(f"the test wants {people} people, the served network has {there}: serve one with --people {people}")
    if elsewhere:
        _refuse("linkage_elsewhere needs a network of this session: run this test without --linkage")


def _refuse(why: str) -> NoReturn:
    pytest.fail(why, pytrace=False)


def _marked(item: pytest.Item, name: str, read: Callable[..., T]) -> T | None:
    """What the closest marker of this name says; None: there is none. The test fails where it says what it cannot."""
    marker = item.get_closest_marker(name)
    if marker is None:
        return None
    try:
        return read(*marker.args, **marker.kwargs)
    except (TypeError, ValueError) as error:
        wrong = str(error)
    form = next(one for one in MARKERS if one.startswith(f"{name}("))
    _refuse(f"the marker {name} cannot be read: {wrong}. It is {form}")


def _people(number: int) -> int:
    if int(number) < LEAST_PEOPLE:
        raise ValueError(f"{number} people are too few, there are {LEAST_PEOPLE} or more")
    return int(number)


def _seed(number: int) -> int:
    if not 0 <= int(number) <= LARGEST_SEED:
        raise ValueError(f"a seed is from 0 to {LARGEST_SEED}, and not {number}")
    return int(number)


def _time(now: str, stopped: bool = False) -> tuple[datetime, bool]:
    return datetime.fromisoformat(now), stopped


def _rows(toml: str) -> str:
    return toml


def _all(*words: Any) -> Sequence[Any]:
    if not words:
        raise ValueError("it names nothing")
    return words
