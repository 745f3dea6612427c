"""A network under test, from the test's side: `Linkage`, and `AsyncLinkage` for tests that are coroutines.

Needs nothing of the engine but its address and token, and imports no party.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct

from warifu.control.v1 import control_pb2
from warifu.simulator.testing import LARGEST_SEED
from warifu.simulator.testing.history import History
from warifu.testing.v1 import testing_pb2 as pb
from warifu.testing.v1 import testing_pb2_grpc

DEADLINE: Final = 30.0
REFILLED_WITHIN: Final = 300.0
"""Seconds for a network of another seed, which may have to be filled first."""
ASKED_WITHIN: Final = 15.0
"""Seconds for which `ask` waits for an answer when nobody says."""
JAPAN: Final = timezone(timedelta(hours=9))
"""Of times that name no zone."""
M = TypeVar("M")


class LinkageTestError(RuntimeError):
    """The network could not do what the test asked of it; the message says why."""


@dataclass(frozen=True, slots=True)
class Face:
    """Where an institution's plain face is, and what to show there."""

    institution: str
    url: str
    """HTTP and JSON."""
    address: str
    """gRPC, without TLS."""
    token: str

    @property
    def headers(self) -> Mapping[str, str]:
        """Of every request."""
        return {"authorization": f"Bearer {self.token}"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an inquiry by a simulated clerk."""

    request_id: str
    outcome: str
    """PROVIDED, NO_RECORD, NOT_REGISTERED, WITHHELD, PENDING, DENIED, ERROR, EXPIRED; UNANSWERED: nothing came within the time."""
    reason: str
    records: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Call:
    """Calls of one kind that the system under test made."""

    method: str
    outcome: str
    count: int


class Linkage:
    """Every method raises LinkageTestError when the network refuses, with its reason."""

    def __init__(self, address: str, token: str, onboarded: Sequence[Mapping[str, Any]] = ()) -> None:
        self._channel = grpc.insecure_channel(address)
        self._stub = testing_pb2_grpc.TestNetworkServiceStub(self._channel)
        self._shown = (("authorization", f"Bearer {token}"),)
        self.onboarded = {one["institution"]: one for one in onboarded}
        """By institution what the system is to be configured with that serves it: `folder`, `address` and more (docs/ONBOARD.md)."""

    def close(self) -> None:
        """Let go."""
        self._channel.close()

    def network(self) -> pb.GetNetworkResponse:
        """Addresses, web faces, institutions."""
        return self._call(self._stub.GetNetwork, pb.GetNetworkRequest())

    def reset(self, now: datetime | None = None, *, stopped: bool = False, seed: int | None = None) -> float:
        """Put everything back as it was at the beginning; returns how many milliseconds it took. Snapshots are gone.

        `now`: of a time without a zone, Japan's. `seed`: the network that derives from another one takes its place, behind the same faces; the
        next reset without goes back.
        """
        if seed is not None and not 0 <= seed <= LARGEST_SEED:
            raise LinkageTestError(f"seed {seed}: a seed is from 0 to {LARGEST_SEED}")
        request = pb.ResetRequest(stopped=stopped, seed=seed)
        if now is not None:
            request.now.FromDatetime(_zoned(now))
        return self._call(self._stub.Reset, request, REFILLED_WITHIN).milliseconds

    def snapshot(self, name: str = "snapshot") -> None:
        """Keep everything as it is now, until the next reset. All goes on."""
        self._call(self._stub.TakeSnapshot, pb.TakeSnapshotRequest(name=name))

    def restore(self, name: str = "snapshot") -> None:
        """Put everything back as it was then, planted faults and `alone` too. `calls` counts on."""
        self._call(self._stub.RestoreSnapshot, pb.RestoreSnapshotRequest(name=name))

    def people(
        self,
        *traits: str,
        institution: str = "",
        limit: int = 0,
        handles: Sequence[str] = (),
        wanted: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Test cards: numbers, items, cards, and with an `institution` what each of its permitted inquiries must come to.

        `wanted`: only people of whom one of these inquiries has all these values.
        """
        request = pb.ListPeopleRequest(traits=traits, institution=institution, limit=limit, people=handles)
        request.wanted.update(wanted or {})
        return [_plain(one) for one in self._call(self._stub.ListPeople, request).people]

    def person(self, *traits: str, institution: str = "") -> dict[str, Any]:
        """The first of `people`."""
        return self.people(*traits, institution=institution, limit=1)[0]

    def case(self, institution: str, *traits: str, **wanted: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """A person, and an inquiry about them by the institution, whose expectation has these values: `row`, `fine`, `provider`, ….

        Raises:
            LookupError: nobody's has.
        """
        for card in self.people(*traits, institution=institution, limit=1, wanted=wanted):
            for expected in card["expected"]:
                if all(expected.get(name) == value for name, value in wanted.items()):
                    return card, expected
        raise LookupError(f"no inquiry of {institution} about anybody here comes to {wanted}")

    def face(self, institution: str, *, alone: bool = False) -> Face:
        """The plain face of the institution's interim server, for the system under test.

        `alone`: until the next reset the institution's simulated business system does nothing by itself, and no simulated clerk decides there.
        """
        opened = self._call(self._stub.OpenFace, pb.OpenFaceRequest(institution=institution, alone=alone))
        return Face(institution, opened.url, opened.address, opened.token)

    def ask(
        self,
        requester: str,
        provider: str,
        row: str,
        person: str,
        *,
        year: int | None = None,
        consent: bool = False,
        within: float = ASKED_WITHIN,
    ) -> Answer:
        """Have a simulated clerk ask about somebody, to the end: for `within` seconds, and then the answer is UNANSWERED."""
        if year is not None and year < 0:
            raise LinkageTestError(f"{year} is no year")
        request = pb.AskRequest(
            requester=requester,
            provider=provider,
            row=row,
            person=person,
            year=year,
            consent=consent,
            timeout_ms=_milliseconds(within),
        )
        told = self._call(self._stub.Ask, request, within + DEADLINE)
        return Answer(told.request_id, told.outcome, told.reason, [_plain(one) for one in told.records])

    def history(self, person: str) -> History:
        """The person's history as the citizen portal shows it."""
        told = self._call(self._stub.GetHistory, pb.GetHistoryRequest(person=person))
        return History(person, [_plain(one) for one in told.entries])

    def set_clock(self, now: datetime, *, stopped: bool = False) -> None:
        """Move the clock on; a time without a zone is Japan's."""
        request = pb.SetClockRequest(stopped=stopped)
        request.now.FromDatetime(_zoned(now))
        self._call(self._stub.SetClock, request)

    def faults(self, *faults: str | Mapping[str, Any]) -> None:
        """Plant these and no others: names, or the fields of `warifu.control.v1.Fault`; none lifts all. All or nothing."""
        self._call(self._stub.SetFaults, pb.SetFaultsRequest(faults=[_fault(one) for one in faults]))

    def permissions(self, toml: str = "") -> str:
        """Put a permission table in force, the shipped one without an argument; returns its version."""
        return self._call(self._stub.SetPermissionTable, pb.SetPermissionTableRequest(toml=toml)).version

    def wait_for_inquiry(
        self, institution: str, request_id: str, outcome: str = "", fine: str = "", within: float = 10.0
    ) -> Mapping[str, Any]:
        """Wait until an inquiry has come to this, or to anything final; `outcome`, `fine` and `reason` as they are then."""
        wanted = pb.InquiryCondition(institution=institution, request_id=request_id, outcome=outcome, fine=fine)
        return self._wait(within, inquiry=wanted)

    def wait_for_history(self, person: str, within: float = 10.0, **entry: Any) -> Mapping[str, Any]:
        """Wait until the person is shown an entry with these values; the entry."""
        wanted = pb.HistoryCondition(person=person)
        wanted.entry.update(entry)
        return self._wait(within, history=wanted)

    def wait_for_record(self, holder: str, request_id: str, within: float = 10.0) -> Mapping[str, Any]:
        """Wait until "gateway" or an institution holds a record of an exchange; `records` is how many it holds."""
        return self._wait(within, record=pb.RecordCondition(holder=holder, request_id=request_id))

    def wait_for_finding(self, kind: str = "", within: float = 10.0) -> Mapping[str, Any]:
        """Wait until the supervisor has found something in the public log; `kind`, `party` and `detail`."""
        return self._wait(within, finding=pb.FindingCondition(kind=kind))

    def wait_for_log(self, within: float = 10.0) -> Mapping[str, Any]:
        """Wait until all that is committed now is in the public log, cosigned; `size` of the log."""
        return self._wait(within, logged=pb.LoggedCondition())

    def _wait(self, within: float, **condition: Any) -> Mapping[str, Any]:
        request = pb.WaitForRequest(timeout_ms=_milliseconds(within), **condition)
        return _plain(self._call(self._stub.WaitFor, request, within + DEADLINE).found)

    def settle(self) -> None:
        """Run everything that is due, so that nothing has to be waited for."""
        self._call(self._stub.Settle, pb.SettleRequest())

    def calls(self) -> list[Call]:
        """What the system under test called since the last reset."""
        told = self._call(self._stub.ListCalls, pb.ListCallsRequest()).calls
        return [Call(one.method, one.outcome, one.count) for one in told]

    def _call(self, method: grpc.UnaryUnaryMultiCallable[Any, M], request: Any, deadline: float = DEADLINE) -> M:
        try:
            answer: M = method(request, timeout=deadline, metadata=self._shown)
        except grpc.RpcError as error:
            raise LinkageTestError(error.details()) from None
        return answer


def _zoned(time: datetime) -> datetime:
    return time if time.tzinfo is not None else time.replace(tzinfo=JAPAN)


def _milliseconds(seconds: float) -> int:
    """At least one: none would be as long as usual."""
    return max(1, round(seconds * 1000))


def _fault(told: str | Mapping[str, Any]) -> control_pb2.Fault:
    if isinstance(told, str):
        return control_pb2.Fault(name=told)
    try:
        fault = control_pb2.Fault(**told)
    except (TypeError, ValueError) as error:
        raise LinkageTestError(f"{dict(told)} is no fault: {error}") from None
    if "probability" in told and not fault.probability:
        raise LinkageTestError(f"{fault.name}: a probability of 0 is as none, and strikes always; leave the fault out")
    return fault


def _plain(document: Struct) -> dict[str, Any]:
    """JSON as Python has it: a Struct knows no whole numbers."""
    plain: dict[str, Any] = whole(MessageToDict(document))
    return plain


def whole(value: Any) -> Any:
    """JSON with its whole numbers as such."""
    if isinstance(value, dict):
        return {name: whole(one) for name, one in value.items()}
    if isinstance(value, list):
        return [whole(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class AsyncLinkage:
    """As `Linkage`, for coroutines: the event loop goes on meanwhile."""

    def __init__(self, linkage: Linkage) -> None:
        self.blocking = linkage

    async def reset(self, now: datetime | None = None, *, stopped: bool = False, seed: int | None = None) -> float:
        """See `Linkage.reset`."""
        return await asyncio.to_thread(self.blocking.reset, now, stopped=stopped, seed=seed)

    async def snapshot(self, name: str = "snapshot") -> None:
        """See `Linkage.snapshot`."""
        await asyncio.to_thread(self.blocking.snapshot, name)

    async def restore(self, name: str = "snapshot") -> None:
        """See `Linkage.restore`."""
        await asyncio.to_thread(self.blocking.restore, name)

    async def people(
        self,
        *traits: str,
        institution: str = "",
        limit: int = 0,
        handles: Sequence[str] = (),
        wanted: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """See `Linkage.people`."""
        return await asyncio.to_thread(
            self.blocking.people, *traits, institution=institution, limit=limit, handles=handles, wanted=wanted
        )

    async def person(self, *traits: str, institution: str = "") -> dict[str, Any]:
        """See `Linkage.person`."""
        return await asyncio.to_thread(self.blocking.person, *traits, institution=institution)

    async def case(self, institution: str, *traits: str, **wanted: object) -> tuple[dict[str, Any], dict[str, Any]]:
        """See `Linkage.case`."""
        return await asyncio.to_thread(self.blocking.case, institution, *traits, **wanted)

    async def face(self, institution: str, *, alone: bool = False) -> Face:
        """See `Linkage.face`."""
        return await asyncio.to_thread(self.blocking.face, institution, alone=alone)

    async def ask(
        self,
        requester: str,
        provider: str,
        row: str,
        person: str,
        *,
        year: int | None = None,
        consent: bool = False,
        within: float = ASKED_WITHIN,
    ) -> Answer:
        """See `Linkage.ask`."""
        return await asyncio.to_thread(
            self.blocking.ask, requester, provider, row, person, year=year, consent=consent, within=within
        )

    async def history(self, person: str) -> History:
        """See `Linkage.history`."""
        return await asyncio.to_thread(self.blocking.history, person)

    async def set_clock(self, now: datetime, *, stopped: bool = False) -> None:
        """See `Linkage.set_clock`."""
        await asyncio.to_thread(self.blocking.set_clock, now, stopped=stopped)

    async def faults(self, *faults: str | Mapping[str, Any]) -> None:
        """See `Linkage.faults`."""
        await asyncio.to_thread(self.blocking.faults, *faults)

    async def permissions(self, toml: str = "") -> str:
        """See `Linkage.permissions`."""
        return await asyncio.to_thread(self.blocking.permissions, toml)

    async def wait_for_inquiry(
        self, institution: str, request_id: str, outcome: str = "", fine: str = "", within: float = 10.0
    ) -> Mapping[str, Any]:
        """See `Linkage.wait_for_inquiry`."""
        return await asyncio.to_thread(
            self.blocking.wait_for_inquiry, institution, request_id, outcome, fine, within=within
        )

    async def wait_for_history(self, person: str, within: float = 10.0, **entry: Any) -> Mapping[str, Any]:
        """See `Linkage.wait_for_history`."""
        return await asyncio.to_thread(self.blocking.wait_for_history, person, within, **entry)

    async def wait_for_record(self, holder: str, request_id: str, within: float = 10.0) -> Mapping[str, Any]:
        """See `Linkage.wait_for_record`."""
        return await asyncio.to_thread(self.blocking.wait_for_record, holder, request_id, within)

    async def wait_for_finding(self, kind: str = "", within: float = 10.0) -> Mapping[str, Any]:
        """See `Linkage.wait_for_finding`."""
        return await asyncio.to_thread(self.blocking.wait_for_finding, kind, within)

    async def wait_for_log(self, within: float = 10.0) -> Mapping[str, Any]:
        """See `Linkage.wait_for_log`."""
        return await asyncio.to_thread(self.blocking.wait_for_log, within)

    async def settle(self) -> None:
        """See `Linkage.settle`."""
        await asyncio.to_thread(self.blocking.settle)

    async def calls(self) -> list[Call]:
        """See `Linkage.calls`."""
        return await asyncio.to_thread(self.blocking.calls)
