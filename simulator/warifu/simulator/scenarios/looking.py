"""What scenarios look at afterwards: the parties' stores, their records, the citizen's page. And what sabotage does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from warifu.control.v1 import control_pb2
from warifu.exchange.v1 import exchange_pb2
from warifu.interim.v1 import interim_pb2
from warifu.linkage.v1 import linkage_pb2
from warifu.simulator.clerk import Exchange
from warifu.simulator.population import Person
from warifu.simulator.scenarios.stage import Stage


async def three_records(stage: Stage, exchange: Exchange) -> None:
    """Requester, gateway and provider each hold a record, and the three agree on who asked whom for what."""
    kinds = stage.network.extra["kinds"]
    parties = [kinds[exchange.requester], "gateway", kinds[exchange.question.provider]]
    told = [_records(await stage.view(party, exchange.request_id)) for party in dict.fromkeys(parties)]
    missing = [party for party, records in zip(dict.fromkeys(parties), told, strict=True) if not records]
    facts = {
        (r.requester, r.provider, r.affair, r.procedure, r.item, r.requested_at.ToJsonString())
        for records in told
        for r in records
    }
    agreed = not missing and len(facts) == 1
    detail = (
        f"missing at {', '.join(missing)}"
        if missing
        else f"{sum(map(len, told))} records, {len(facts)} version(s) of the facts"
    )
    stage.check(f"three-records-agree:{exchange.question.item}", agreed, detail)


def _records(holdings: Sequence[control_pb2.Holding]) -> list[exchange_pb2.AccessRecord]:
    """The access records among a party's holdings."""
    name = exchange_pb2.AccessRecord.DESCRIPTOR.full_name
    return [
        exchange_pb2.AccessRecord.FromString(value.raw)
        for holding in holdings
        for value in holding.values
        if value.decodes_to == name
    ]


def words_of(stage: Stage, person: Person) -> list[str]:
    """What would give a person away: name, reading, address, number."""
    demo = stage.people.demo(person.person)
    return [demo.name, demo.kana, demo.basic_items.address, demo.individual_number, person.resident_code]


async def gateway_reads_nothing(stage: Stage, exchange: Exchange, secrets: Iterable[str]) -> None:
    """Nothing that the gateway holds of the exchange names the person or shows the content."""
    held = b"\0".join(
        value.raw or value.text.encode()
        for holding in await stage.view("gateway", exchange.request_id)
        for value in holding.values
    )
    found = [secret for secret in secrets if secret.encode() in held]
    stage.check("gateway-cannot-read-it", bool(held) and not found, f"{len(held)} bytes looked through")


async def citizen_sees(stage: Stage, person: str, exchanges: Sequence[Exchange]) -> None:
    """The person's history has each of these exchanges, with the right institutions and procedure."""
    entries = {entry["request_id"]: entry for entry in await stage.history(person)}
    for exchange in exchanges:
        entry = entries.get(exchange.request_id)
        right = entry is not None and exchange.requester in str(entry) and exchange.question.provider in str(entry)
        stage.check(f"citizen-sees:{exchange.question.item}", right, f"{len(entries)} entries in the history")


async def citizen_sees_refusal(stage: Stage, person: str, exchange: Exchange) -> None:
    """The person's history has the refused inquiry, as refused."""
    entries = {entry["request_id"]: entry for entry in await stage.history(person)}
    entry = entries.get(exchange.request_id)
    stage.check(
        "citizen-sees-the-refusal", entry is not None and entry["outcome"] == "DENIED", str(entry and entry["outcome"])
    )


async def page_tells(stage: Stage, person: str, exchanges: Sequence[Exchange]) -> None:
    """The rendered history names both institutions and says why, in Japanese and in English."""
    for language in ("ja", "en"):
        page = await stage.page(person, language=language)
        names = {
            stage.book.institutions[code].name.to(language)
            for exchange in exchanges
            for code in (exchange.requester, exchange.question.provider)
        }
        missing = [name for name in names if name not in page]
        stage.check(f"page-names-who-asked-whom:{language}", not missing, ", ".join(missing))


async def delete_tax_copy(stage: Stage, person: Person, city: str, year: int) -> None:
    """Sabotage: the tax office's copy of one year disappears from its interim server."""
    clerk = stage.clerk(f"tax-{city}")
    addressee = await clerk.find(stage.people.items(person.person))
    request = interim_pb2.RegisterCopiesRequest(
        institution=clerk.institution,
        record_id=f"sabotage/{person.person}/{year}",
        change=interim_pb2.COPY_CHANGE_DELETE,
        addressee_no=addressee or "",
        item=stage.book.rows["P07"].item,
        record_key=str(year),
        layout_version="2026-06",
    )
    async for answer in clerk.interim.RegisterCopies(iter([request])):
        if answer.HasField("error"):
            msg = f"sabotage failed: {answer.error.reason}"
            raise RuntimeError(msg)


async def codes(stage: Stage, exchange: Exchange) -> set[bytes]:
    """The linkage codes that the two institutions used in one exchange, as they hold them."""
    kinds, found = stage.network.extra["kinds"], set()
    for party in {kinds[exchange.requester], kinds[exchange.question.provider]}:
        for holding in await stage.view(party, exchange.request_id):
            found |= {code for value in holding.values if (code := _code(value))}
    return found


def _code(value: control_pb2.HeldValue) -> bytes:
    """The institution's own code in an inquiry that it sent or a permit that it received; empty in anything else."""
    if value.decodes_to == linkage_pb2.InquireRequest.DESCRIPTOR.full_name:
        sent = linkage_pb2.InquireRequest.FromString(value.raw)
        return exchange_pb2.Inquiry.FromString(sent.inquiry).subject.code
    if value.decodes_to == exchange_pb2.Permit.DESCRIPTOR.full_name:
        return exchange_pb2.Permit.FromString(value.raw).subject.code
    return b""
