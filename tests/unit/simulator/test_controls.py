"""The control faces of several processes, used as one: a process that is gone keeps nobody from the others."""

from __future__ import annotations

import grpc
import pytest

from warifu.control.v1 import control_pb2 as pb
from warifu.gateway.log.lease import TERM
from warifu.simulator import controls
from warifu.simulator.controls import AFTER_A_DEATH, Controls
from warifu.simulator.state import NetworkFile, PartyEntry, ProcessEntry


class Stub:
    """One process's control face."""

    def __init__(self, code: grpc.StatusCode | None = None, **answers) -> None:
        self.code, self.answers, self.asked = code, answers, []

    def __getattr__(self, name):
        async def call(request, **options):
            self.asked.append((name, options))
            if self.code is not None:
                raise grpc.aio.AioRpcError(self.code, grpc.aio.Metadata(), grpc.aio.Metadata())
            return self.answers[name]

        return call


GONE = grpc.StatusCode.UNAVAILABLE
REFUSED = grpc.StatusCode.INVALID_ARGUMENT
SETTLED = pb.SettleResponse(done={"outbox": 2})
HOLDING = pb.ViewResponse(holdings=[pb.Holding(where="gateway/exchange")])


@pytest.fixture
def pauses(monkeypatch):
    """Seconds that were waited."""
    waited = []

    async def pause(seconds):
        waited.append(seconds)

    monkeypatch.setattr(controls.asyncio, "sleep", pause)
    return waited


async def test_a_view_is_any_process_s():
    """The first that answers tells it; who refuses is not passed over."""
    assert await Controls([Stub(GONE), Stub(View=HOLDING)]).View(pb.ViewRequest(), timeout=1) == HOLDING
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await Controls([Stub(REFUSED), Stub(View=HOLDING)]).View(pb.ViewRequest(), timeout=1)
    assert failed.value.code() == REFUSED
    with pytest.raises(grpc.aio.AioRpcError):
        await Controls([Stub(GONE), Stub(GONE)]).View(pb.ViewRequest(), timeout=1)


async def test_what_is_due_is_done_at_each(pauses):
    """What they did is added up."""
    both = Controls([Stub(Settle=SETTLED), Stub(Settle=SETTLED)])
    assert dict((await both.Settle(pb.SettleRequest(), timeout=1)).done) == {"outbox": 4}
    assert pauses == []


async def test_what_a_dead_process_led_in_is_waited_for(pauses):
    """Those who live are asked once more after its term."""
    living = Stub(Settle=SETTLED)
    assert dict((await Controls([Stub(GONE), living]).Settle(pb.SettleRequest(), timeout=1)).done) == {"outbox": 4}
    assert len(living.asked) == 2
    assert pauses == [AFTER_A_DEATH]
    assert AFTER_A_DEATH * 1000 > TERM


async def test_a_clock_is_set_at_each_and_who_is_being_started_is_waited_for():
    """None may go on in the past."""
    stubs = [Stub(SetClock=pb.SetClockResponse()) for _ in range(3)]
    await Controls(stubs).SetClock(pb.SetClockRequest(), timeout=5)
    assert [stub.asked for stub in stubs] == [[("SetClock", {"timeout": 5, "wait_for_ready": True})]] * 3


async def test_a_fault_is_planted_at_each_and_told_once():
    """How often it was met is added up."""
    found = [pb.Fault(name="slow", count=3, met=1), pb.Fault(name="lost", met=0)]
    stubs = [Stub(SetFaults=pb.SetFaultsResponse(), ListFaults=pb.ListFaultsResponse(faults=found)) for _ in range(2)]
    both = Controls(stubs)
    await both.SetFaults(pb.SetFaultsRequest(), timeout=1)
    assert all(stub.asked[0][0] == "SetFaults" for stub in stubs)
    found = (await both.ListFaults(pb.ListFaultsRequest(), timeout=1)).faults
    assert [(one.name, one.count, one.met) for one in found] == [("slow", 3, 2), ("lost", 0, 0)]


def test_processes_come_back_as_saved(tmp_path):
    """A network file tells every process of a party, and an older one that knew of none further is read as one each."""
    further = [ProcessEntry("127.0.0.1:2", "/s/2")]
    parties = [PartyEntry("gateway", "127.0.0.1:1", "gateway.warifu.internal", "/s/1", None, further)]
    file = NetworkFile(1, 1, 50, True, 1, "ca", parties, {}, {})
    file.save(tmp_path)
    loaded = NetworkFile.load(tmp_path)
    assert loaded == file
    assert loaded.party("gateway").addresses == "127.0.0.1:1,127.0.0.1:2"
    alone = PartyEntry.of({"name": "tax", "address": "127.0.0.1:3", "server_name": "t", "control": "/s/3"})
    assert alone.processes == (ProcessEntry("127.0.0.1:3", "/s/3"),)
