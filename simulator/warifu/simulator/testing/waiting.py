"""Waiting until something has become so, without looking again and again: whoever waits looks once, and then after commits alone.

All parties of a network under test share this process, so each commit is heard of. What is due meanwhile is run as `settle` does, whenever
something has changed since it was run last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import grpc
from google.protobuf.json_format import MessageToDict
from sqlalchemy import Connection, select

from warifu.exchange.v1 import exchange_pb2
from warifu.gateway import party as gateway
from warifu.gateway.log import entries, heads
from warifu.interim.v1 import interim_pb2, interim_pb2_grpc
from warifu.kernel.committed import listening
from warifu.kernel.limits import PAGE
from warifu.kernel.lines import Lines
from warifu.kernel.places import beneath
from warifu.portal import party as portal
from warifu.portal.schema import entries as shown
from warifu.simulator.launcher.plan import GATEWAY
from warifu.simulator.testing.desk import Desk, UnknownError
from warifu.simulator.testing.engine import Engine
from warifu.simulator.testing.history import History, UnknownValueError, check
from warifu.simulator.testing.linkage import whole
from warifu.testing.v1 import testing_pb2 as pb
from warifu.watchdog import party as watchdog
from warifu.watchdog.schema import FINDING

Found = Mapping[str, Any]
_STORES: Final = {GATEWAY: gateway.STORE_NAME, "portal": portal.STORE_NAME, "watchdog": watchdog.STORE_NAME}
USUALLY: Final = 10.0
"""Seconds for which is waited when nobody says."""
_FINDINGS = select(FINDING.c.id, FINDING.c.kind, FINDING.c.party, FINDING.c.detail_en).order_by(FINDING.c.id)
_SHOWN = select(shown)


class NotComeError(TimeoutError):
    """What was waited for did not come; the message says what that was, and what is there instead."""


class Condition(Protocol):
    """What can be waited for."""

    told: str
    """What it is."""

    async def look(self) -> Found | None:
        """What was waited for, if it is there. Writes nothing of which it would hear itself."""

    def there(self) -> str:
        """What is there instead, since the last look."""


async def wait(engine: Engine, condition: Condition, seconds: float) -> Found:
    """Wait until it is so.

    Raises:
        NotComeError: it did not become so in time.
    """
    heard, loop, commits = asyncio.Event(), asyncio.get_running_loop(), 0

    def hear() -> None:
        nonlocal commits
        commits += 1
        loop.call_soon_threadsafe(heard.set)

    settling: asyncio.Task[None] | None = None
    settled = -1
    with listening(hear):
        try:
            async with asyncio.timeout(seconds):
                while True:
                    heard.clear()
                    found = await condition.look()
                    if found is not None:
                        return found
                    if (settling is None or settling.done()) and commits != settled:
                        settled = commits
                        settling = asyncio.create_task(_settle(engine, heard))
                    await heard.wait()
        except TimeoutError:
            raise NotComeError(f"{seconds:g} s passed without {condition.told}; {condition.there()}") from None
        finally:
            if settling is not None:
                settling.cancel()
                with suppress(asyncio.CancelledError):
                    await settling


async def _settle(engine: Engine, heard: asyncio.Event) -> None:
    with suppress(grpc.aio.AioRpcError):  # a party that is down is what many a test is about
        await engine.doors.settle()
    heard.set()


def condition_of(request: pb.WaitForRequest, engine: Engine, desk: Desk) -> Condition:
    """What the request waits for.

    Raises:
        UnknownError: it names nothing, or an institution, person or value that is not there.
    """
    match request.WhichOneof("condition"):
        case "inquiry":
            return Inquiry(engine, request.inquiry)
        case "history":
            return Shown(engine, desk, request.history)
        case "record":
            return Recorded(engine, request.record)
        case "finding":
            return Finding(engine, request.finding)
        case "logged":
            return Logged(engine)
        case _:
            raise UnknownError("nothing is named that could be waited for")


class Inquiry:
    """An inquiry came to something."""

    def __init__(self, engine: Engine, wanted: pb.InquiryCondition) -> None:
        _known(engine, wanted.institution)
        self._stub = interim_pb2_grpc.InterimServiceStub(engine.doors.counter(wanted.institution))
        self._wanted = wanted
        come = " ".join(filter(None, (wanted.outcome, wanted.fine))) or "its end"
        self.told = f"inquiry {wanted.request_id} of {wanted.institution} coming to {come}"
        self._now: Found | None = None

    async def look(self) -> Found | None:
        """See `Condition.look`."""
        self._now = await self._state()
        if self._now is None:
            return None
        outcome, fine = self._now["outcome"], self._now["fine"]
        if self._wanted.outcome or self._wanted.fine:
            as_wanted = self._wanted.outcome in {"", outcome} and self._wanted.fine in {"", fine}
        else:
            as_wanted = outcome not in {"", "PENDING"}
        return self._now if as_wanted else None

    def there(self) -> str:
        """See `Condition.there`."""
        if self._now is None:
            return f"{self._wanted.institution} knows no such inquiry"
        come = " ".join(filter(None, (self._now["outcome"], self._now["fine"], self._now["reason"])))
        return f"it has come to {come}" if come else "it was sent, and nothing has come back"

    async def _state(self) -> Found | None:
        token = ""
        while True:
            asked = interim_pb2.ListInquiriesRequest(
                institution=self._wanted.institution, page_size=int(PAGE), page_token=token
            )
            page = await self._stub.ListInquiries(asked, timeout=USUALLY)
            for one in page.inquiries:
                if one.request_id == self._wanted.request_id:
                    return _told(one)
            if not (token := page.next_page_token):
                return None


def _told(state: interim_pb2.InquiryState) -> Found:
    outcome = exchange_pb2.Outcome.Name(state.outcome).removeprefix("OUTCOME_")
    fine = exchange_pb2.FineOutcome.Name(state.fine_outcome).removeprefix("FINE_OUTCOME_")
    reason = state.denial.reason if state.HasField("denial") else state.error.reason
    said = {"outcome": outcome, "fine": fine, "reason": reason}
    return {"request_id": state.request_id} | {
        name: "" if value == "UNSPECIFIED" else value for name, value in said.items()
    }


class Shown:
    """A person is shown an entry."""

    def __init__(self, engine: Engine, desk: Desk, wanted: pb.HistoryCondition) -> None:
        desk.known(wanted.person)
        self._engine, self._desk, self._person = engine, desk, wanted.person
        self._entry: dict[str, Any] = whole(MessageToDict(wanted.entry))
        try:
            check(self._entry)
        except UnknownValueError as error:
            raise UnknownError(str(error)) from error
        said = ", ".join(f"{name}={value!r}" for name, value in self._entry.items())
        self.told = f"an entry with {said} in the history of {self._person}" if said else f"any entry of {self._person}"
        self._stored: Sequence[object] | None = None
        self._history = History(self._person, ())

    async def look(self) -> Found | None:
        """See `Condition.look`. To show a history is noted by the portal: so it is asked only when there is something new to show."""
        stored = _lines(self._engine, "portal").read(_shown)
        if stored == self._stored:
            return None
        self._stored = stored
        self._history = History(self._person, await self._desk.shown(self._person))
        return self._history.first(**self._entry)

    def there(self) -> str:
        """See `Condition.there`."""
        return self._history.nearest(self._entry)


def _shown(connection: Connection) -> Sequence[object]:
    return connection.execute(_SHOWN).all()


class Recorded:
    """Somebody holds a record of an exchange."""

    def __init__(self, engine: Engine, wanted: pb.RecordCondition) -> None:
        if wanted.holder != GATEWAY:
            _known(engine, wanted.holder)
        self._engine, self._wanted = engine, wanted
        self.told = f"a record of exchange {wanted.request_id} at {wanted.holder}"
        self._held: Sequence[str] = ()

    async def look(self) -> Found | None:
        """See `Condition.look`."""
        holder = self._wanted.holder
        party = holder if holder == GATEWAY else self._engine.file.extra["kinds"][holder]
        held = (await self._engine.parties.running[party].seat.present()).party.view(self._wanted.request_id)
        self._held = sorted({one.where for one in held if one.where.startswith(f"{holder}/")})
        number = sum(one.where in {f"{holder}/record", f"{holder}/records"} for one in held)
        return {"holder": holder, "request_id": self._wanted.request_id, "records": number} if number else None

    def there(self) -> str:
        """See `Condition.there`."""
        return f"of it there is held: {', '.join(self._held)}" if self._held else "nothing of it is held there"


class Finding:
    """The supervisor found something in the public log."""

    def __init__(self, engine: Engine, wanted: pb.FindingCondition) -> None:
        self._engine, self._kind = engine, wanted.kind
        self.told = f"a finding of kind {wanted.kind}" if wanted.kind else "a finding"
        self._there: Sequence[Found] = ()

    async def look(self) -> Found | None:
        """See `Condition.look`."""
        self._there = _lines(self._engine, "watchdog").read(_findings)
        return next((one for one in self._there if self._kind in {"", one["kind"]}), None)

    def there(self) -> str:
        """See `Condition.there`."""
        kinds = ", ".join(sorted({one["kind"] for one in self._there}))
        return f"found so far: {kinds}" if kinds else "nothing was found so far"


def _findings(connection: Connection) -> Sequence[Found]:
    rows = connection.execute(_FINDINGS).all()
    return [{"id": row.id, "kind": row.kind, "party": row.party, "detail": row.detail_en} for row in rows]


class Logged:
    """The public log has all that was committed by now, under a head that log and supervisor signed."""

    told = "all that is committed being in the public log, cosigned"

    def __init__(self, engine: Engine) -> None:
        self._seat, self._gateway = engine.parties.running[GATEWAY].seat, _lines(engine, GATEWAY)
        self._upto: int | None = None
        self._state = ""

    async def look(self) -> Found | None:
        """See `Condition.look`."""
        await self._seat.present()  # a log is begun by the gateway: what was laid back is not of this one
        if self._upto is None:
            self._upto = self._gateway.read(entries.last)
        first, head = self._gateway.read(entries.first_waiting), self._gateway.read(heads.read)
        if head is None or (first is not None and first <= self._upto):
            self._state = "entries wait for their place"
            return None
        if head.witnessed_size < head.size:
            self._state = f"the head over {head.size} entries is not cosigned; the one over {head.witnessed_size} is"
            return None
        return {"size": head.size}

    def there(self) -> str:
        """See `Condition.there`."""
        return self._state


def _lines(engine: Engine, party: str) -> Lines:
    """A party's own store."""
    place = str(engine.state / party / _STORES[party])
    return next(lines for lines in beneath(engine.state) if lines.url.database == place)


def _known(engine: Engine, institution: str) -> None:
    if institution not in engine.file.extra["kinds"]:
        raise UnknownError(f"there is no institution {institution!r}")
