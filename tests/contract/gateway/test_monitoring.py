"""What a gateway tells an operator's monitoring of its log, its outbox and its inquiries, also while its database is gone."""

from __future__ import annotations

from contract.gateway_world import WAIT, World, inquire, reason_of
from contract.test_telemetry import samples
from unit.gateway.samples import REQUESTER, header

from warifu.exchange.v1 import exchange_pb2 as pb
from warifu.kernel.durations import Durations
from warifu.kernel.errors import Reason
from warifu.kernel.health import CertificateDates
from warifu.kernel.metrics import GAUGES, Metrics, Sources


def told(world: World, **instead) -> dict[tuple[str, ...], float]:
    """A scrape of the gateway."""
    running = world.running["gateway"]
    dates = CertificateDates(world.state / "gateway", world.clock)
    gauges, reasons = instead.get("gauges", running.party.gauges), running.party.reasons
    sources = Sources(
        "gateway", "0", running.counts, Durations(), running.jobs, running.health, dates, gauges, reasons
    )  # fmt: skip
    return samples(Metrics(sources).render().decode())


async def test_log_and_outbox_are_told_as_they_stand(world, subject):
    """Sizes and what waits are those of the database: an exchange adds two entries, and waits while the portal does not take it."""
    jobs = world.running["gateway"].party.jobs
    for job in ("outbox", "log", "witness"):
        await jobs[job]()
    before = told(world)
    assert before["warifu_log_size",] == before["warifu_log_witnessed_size",] > 0
    assert [before[f"warifu_{name}",] for name in ("log_waiting", "log_waiting_seconds", "outbox")] == [0, 0, 0]
    world.portal.acknowledges = False
    assert (await inquire(world, world.ask(subject))).outcome == pb.OUTCOME_ANSWERED
    for job in ("log", "outbox"):
        await jobs[job]()
    after = told(world)
    assert after["warifu_log_size",] == before["warifu_log_size",] + 2
    assert after["warifu_outbox",] == 1
    world.portal.acknowledges = True
    await world.settle()
    assert told(world)["warifu_outbox",] == 0


async def test_each_inquiry_counts_by_what_its_requester_was_told(world, subject):
    """Of many in one call that is OK: one answered, one denied, one not well-formed; then one whose provider is out of reach, alone and among many."""
    call = world.ask_many(subject, 1, header(procedure="JT00000000000000"))
    call.inquiries.append(b"\xff")
    await world.linkage(REQUESTER).InquireMany(call, timeout=WAIT)
    first = told(world)
    denial, malformed = Reason.CLIENT_PROCEDURE_NOT_PERMITTED, Reason.CLIENT_MALFORMED
    assert {key[1]: value for key, value in first.items() if key[0] == "warifu_inquiries_total"} == {
        "OK": 1, denial: 1, malformed: 1
    }  # fmt: skip
    await world.down("tax")
    assert await reason_of(inquire(world, world.ask(subject))) == Reason.PROVIDER_UNAVAILABLE
    await world.linkage(REQUESTER).InquireMany(world.ask_many(subject, 2), timeout=WAIT)
    after = told(world)
    assert after["warifu_inquiries_total", Reason.PROVIDER_UNAVAILABLE] == 3
    service = "warifu.linkage.v1.LinkageService"
    assert after["warifu_calls_total", "InquireMany", "OK", service] == 2


async def test_a_gateway_whose_database_is_gone_says_so(world, request):
    """Its page is there with everything that needs no database: it does not serve, and which check fails."""
    server, name = request.getfixturevalue("postgres_server"), world.store_url.database
    server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    try:
        server.terminate(name)
        world.running["gateway"].health.look()
        page = told(world)
    finally:
        server.run(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert page["warifu_serving",] == 0
    assert page["warifu_well", "gateway.db"] == 0
    assert page["warifu_well", "certificates"] == 1
    assert not {key[0] for key in page} & {f"warifu_{name}" for name in GAUGES}


async def test_one_gauge_that_cannot_be_read_is_the_last_that_is_tried(world):
    """Each might wait for the same silent server, in the loop that answers everybody: after the first none is read."""
    tried = []

    def gauge(name: str) -> float:
        tried.append(name)
        if name == "log_size":
            raise OSError
        return 1.0

    names = ("log_waiting", "log_size", "outbox")
    page = told(world, gauges={name: lambda name=name: gauge(name) for name in names})
    assert tried == ["log_waiting", "log_size"]
    assert ("warifu_log_waiting",) in page
    assert ("warifu_log_size",) not in page
