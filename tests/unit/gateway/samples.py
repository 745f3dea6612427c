"""What the gateway's unit tests share: a clock that stands where it is put, and a store on disk."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from warifu.common.v1 import common_pb2
from warifu.exchange import header as header_form
from warifu.exchange.keys import SealingKey
from warifu.exchange.query import seal_queries
from warifu.exchange.sealing import block_hash
from warifu.exchange.v1 import exchange_pb2
from warifu.gateway import record
from warifu.gateway.books import Books
from warifu.gateway.codes import Epochs, SivScheme
from warifu.gateway.schema import metadata
from warifu.gateway.stored import Stored
from warifu.kernel.clock import JAPAN
from warifu.kernel.instants import milliseconds, timestamp
from warifu.kernel.limits import RETENTION, REVIEW_LIFE
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.linkage.v1 import linkage_pb2

MACHINE = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
NETWORK = datetime(2026, 6, 1, 0, 0, tzinfo=UTC)
SECRET = bytes(range(32))


@dataclass
class StandingClock:
    """Both clocks, moved by hand."""

    machine_now: datetime = MACHINE
    network_now: datetime = NETWORK

    def machine(self) -> datetime:
        """See `Clock.machine`."""
        return self.machine_now

    def network(self) -> datetime:
        """See `Clock.network`."""
        return self.network_now

    def today(self) -> date:
        """See `Clock.today`."""
        return self.network_now.astimezone(JAPAN).date()

    def pass_machine(self, **time) -> None:
        """Let machine time pass."""
        self.machine_now += timedelta(**time)

    def pass_network(self, **time) -> None:
        """Let network time pass."""
        self.network_now += timedelta(**time)


def scheme(*epochs: int, secret: bytes = SECRET, **lagging: int) -> SivScheme:
    """The scheme under test with these epochs."""
    return SivScheme(secret, Epochs(epochs or (1,), lagging))


class LeadingStore(Store):
    """A store that does what a log of one process alone does: whatever is needed is this process' turn."""

    async def turn(self, needed) -> bool:
        """See `warifu.gateway.log.log.Log.turn`."""
        return needed()


def new_store(folder) -> LeadingStore:
    """The gateway's store in `folder`, with its tables."""
    store = LeadingStore(sqlite_url(folder / "gateway.db"), metadata)
    store.create()
    return store


def resident_code(index: int) -> str:
    """Eleven digits, another for each index."""
    return f"888{index:08d}"


REQUESTER, PROVIDER = "nhi-480029", "tax-480011"


def header(**changes) -> exchange_pb2.RequestHeader:
    """The header of an inquiry that the law book allows: a municipal health insurance asks another city's tax office."""
    values = {
        "request_id": str(uuid.uuid4()),
        "requester": REQUESTER,
        "provider": PROVIDER,
        "affair": "JM90000000000101",
        "procedure": "JT90000000000101",
        "item": "TM90000000000001",
        "span": common_pb2.Span(fiscal_year=common_pb2.FiscalYear(year=2026)),
        "office": "国保年金課",
        "clerk": "c-0017",
        **changes,
    }
    return exchange_pb2.RequestHeader(**values)


def inquire(
    request: exchange_pb2.RequestHeader, subject, provider: SealingKey, **changes
) -> linkage_pb2.InquireRequest:
    """An inquiry as an interim server makes it."""
    data = header_form.build(request)
    query = exchange_pb2.Query(header_hash=header_form.header_hash(data))
    block = seal_queries([query], provider)
    inquiry = exchange_pb2.Inquiry(
        header=data, subject=subject, query_block_hash=block_hash(block), query_index=0, **changes
    )
    return linkage_pb2.InquireRequest(inquiry=inquiry.SerializeToString(deterministic=True), query=block)


def inquire_many(
    headers: Sequence[exchange_pb2.RequestHeader], subject, provider: SealingKey
) -> linkage_pb2.InquireManyRequest:
    """Inquiries in one call, their queries in one block."""
    data = [header_form.build(request) for request in headers]
    block = seal_queries([exchange_pb2.Query(header_hash=header_form.header_hash(one)) for one in data], provider)
    inquiries = [
        exchange_pb2.Inquiry(header=one, subject=subject, query_block_hash=block_hash(block), query_index=place)
        for place, one in enumerate(data)
    ]
    serialised = [one.SerializeToString(deterministic=True) for one in inquiries]
    return linkage_pb2.InquireManyRequest(inquiries=serialised, queries=[block])


def stored(**changes) -> Stored:
    """A permitted exchange as it stands right after its request record."""
    request = header(**{name: changes[name] for name in ("request_id", "requester", "provider") if name in changes})
    leave = exchange_pb2.Permit(
        permit_id=request.request_id,
        header=header_form.build(request),
        table_version="2026.1+00000000",
        row="P07",
        exchange_time=timestamp(milliseconds(NETWORK)),
    )
    values = {
        "request_id": request.request_id,
        "requester": REQUESTER,
        "provider": PROVIDER,
        "inquiry_hash": bytes(32),
        "inquiry": b"inquiry",
        "query": b"",
        "recorded_at": milliseconds(MACHINE),
        "commitment": bytes(32),
        "exchange_time": milliseconds(NETWORK),
        "permit": leave.SerializeToString(),
        "permit_hash": bytes(32),
        "review_until": milliseconds(NETWORK + timedelta(days=REVIEW_LIFE)),
        "outcome": 0,
        "withheld": False,
        "answer": None,
        "answer_index": None,
        "outcome_commitment": None,
        "denial": None,
        "failure": None,
        **changes,
    }
    return Stored(**values)


def new_books(store: Store, log=None) -> Books:
    """The store as the gateway's steps use it; where no log is asked for, what is written waits for one."""
    vault = Vault(None, month_of(NETWORK.date()) - RETENTION, bytes(32))
    return Books.open(store, vault, log or store)


async def begin(books: Books, exchange: Stored) -> Stored:
    """Write an exchange and its request record, as step 2 does."""
    asked = header(request_id=exchange.request_id, requester=exchange.requester, provider=exchange.provider)
    entry = record.of_request(asked, exchange.requester, exchange.exchange_time, "2026.1+00000000", "P07")
    new = record.New.of(entry, exchange.recorded_at, exchange.permit_hash)
    exchange = exchange._replace(commitment=new.committed.commitment)

    def write(connection) -> None:
        books.exchanges.add(connection, [exchange])
        books.records.add(connection, [new])

    await books.store.write(write)
    return exchange
