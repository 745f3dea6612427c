"""A portal and a card service without a network: the real ones over stores of their own, between a numbering body and a gateway of paper."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from unit.portal.card_authority import START, CardAuthority, TestClock, subject
from unit.portal.paper_log import PaperLog
from unit.portal.paper_requester import PaperRequester

from warifu.common.v1 import common_pb2
from warifu.exchange import domains, record
from warifu.exchange.keys import InstitutionKeys, SealingKey
from warifu.exchange.v1 import exchange_pb2
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.ids import Ids
from warifu.kernel.limits import RETENTION
from warifu.kernel.months import month_of
from warifu.kernel.store import Store, sqlite_url
from warifu.kernel.vault import Vault
from warifu.law import packaged
from warifu.portal.app import Portal, assemble
from warifu.portal.deliveries import DeliveryServicer
from warifu.portal.kept import Seals
from warifu.portal.tables import metadata
from warifu.portal.v1 import portal_pb2
from warifu.simulator.cards import tray
from warifu.simulator.cards.app import assemble as assemble_cards
from warifu.simulator.cards.card import Cards
from warifu.simulator.cards.person import DemoPerson
from warifu.web.face import Face

HANA = DemoPerson(
    "p000001",
    "汐見 花",
    "シオミ ハナ",
    ("moved-household", "has-history"),
    common_pb2.BasicItems(
        name="汐見　花",
        kana="シオミ　ハナ",
        address="瑞原県青凪市汐見台1丁目2番3号",
        birth_date="1991-02-03",
        sex=common_pb2.SEX_FEMALE,
    ),
    "987650432101",
    "4273",
)
SORA = DemoPerson(
    "p000002",
    "凪浜 空",
    "ナギハマ ソラ",
    ("empty",),
    common_pb2.BasicItems(
        name="凪浜　空",
        kana="ナギハマ　ソラ",
        address="瑞原県青凪市凪浜2丁目1番1号",
        birth_date="1988-11-30",
        sex=common_pb2.SEX_MALE,
    ),
    "987650432202",
    "0908",
)
LONG = DemoPerson(
    "p000003",
    "MARIA-FERNANDA DE LA CONCEPCION GUTIERREZ",
    "マリア フェルナンダ デ ラ コンセプシオン グティエレス",
    ("long-name", "foreign-resident"),
    common_pb2.BasicItems(
        name="MARIA-FERNANDA DE LA CONCEPCION GUTIERREZ",
        address="葦浜県",
        birth_date="1970-01-01",
        sex=common_pb2.SEX_FEMALE,
    ),
    "987650432303",
    "1188",
)
PEOPLE = (HANA, SORA, LONG)


@dataclass(frozen=True, slots=True)
class Told:
    """An exchange to deliver."""

    when: datetime = START
    requester: str = "nhi-480029"
    provider: str = "tax-480011"
    row: str | None = "P07"
    outcome: int = exchange_pb2.OUTCOME_ANSWERED
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    affair: str | None = None
    procedure: str | None = None
    item: str | None = None
    withheld: bool = False


BOOK = packaged()


def shown(told: Told, whose: bytes) -> portal_pb2.ShownRecord:
    """The plaintext of a delivery."""
    row = BOOK.rows[told.row or "P07"]
    common = {
        "version": record.VERSION,
        "request_id": told.request_id,
        "requester": told.requester,
        "provider": told.provider,
        "affair": told.affair or row.affair.code,
        "procedure": told.procedure or row.procedure.code,
        "item": told.item or row.item,
        "table_version": BOOK.version,
        "row": told.row,
        "non_disclosure": told.withheld,
    }
    request = exchange_pb2.AccessRecord(kind=exchange_pb2.RECORD_KIND_REQUEST, **common)
    outcome = exchange_pb2.AccessRecord(kind=exchange_pb2.RECORD_KIND_OUTCOME, outcome=told.outcome, **common)
    for part in (request, outcome):
        part.requested_at.FromDatetime(told.when)
    if told.outcome == exchange_pb2.OUTCOME_ANSWERED:
        outcome.answered_at.FromDatetime(told.when + timedelta(seconds=2))
    return portal_pb2.ShownRecord(
        subject=whose,
        request=record.commit(request).SerializeToString(),
        outcome=record.commit(outcome).SerializeToString(),
    )


def sealed(keys: InstitutionKeys, *records: portal_pb2.ShownRecord) -> portal_pb2.DeliverRequest:
    """A call as the gateway makes it."""
    plain = portal_pb2.Deliveries(records=records).SerializeToString()
    return portal_pb2.DeliverRequest(
        sealed=keys.sealing_key.seal(plain, domains.DELIVERY_SEAL), key_id=keys.hpke_key_id
    )


@dataclass(slots=True)
class Keyring:
    """The institutions' keys, as the directory has them."""

    made: dict[str, InstitutionKeys] = field(default_factory=dict)
    down: bool = False

    async def sealing_key(self, institution: str) -> SealingKey:
        """See `warifu.portal.procedures.sealing.Keys`."""
        if self.down:
            raise LinkageError(Reason.GATEWAY_UNAVAILABLE)
        if institution not in self.made:
            self.made[institution] = InstitutionKeys.generate(institution)
        return self.made[institution].sealing_key


@dataclass(slots=True)
class Lab:
    """Everything at once."""

    clock: TestClock
    authority: CardAuthority
    store: Store
    people: Store
    keys: InstitutionKeys
    portal: Portal
    cards: object
    portal_origin: str
    card_origin: str
    log: PaperLog
    seals: Seals
    requester: PaperRequester
    keyring: Keyring

    @property
    def servicer(self) -> DeliveryServicer:
        """The portal's face towards the gateway."""
        return DeliveryServicer(self.store, self.seals, self.keys, self.log.keys.log.key_id.hex())

    async def deliver(self, told: Iterable[Told], person: DemoPerson = HANA, change: int = 0) -> list[str]:
        """Log exchanges about someone and deliver them; the request ids that the portal acknowledged."""
        whose = subject(person.individual_number, change)
        return await self.deliver_shown(*(self.logged(shown(one, whose)) for one in told))

    async def deliver_shown(self, *records: portal_pb2.ShownRecord) -> list[str]:
        """Deliver records as they are; the request ids that the portal acknowledged."""
        return list((await self.servicer.Deliver(sealed(self.keys, *records), None)).stored)

    def logged(self, plain: portal_pb2.ShownRecord) -> portal_pb2.ShownRecord:
        """The same, with its two records in the log; others' come in between."""
        for record_of, leaf_of in (("request", "request_leaf"), ("outcome", "outcome_leaf")):
            committed = exchange_pb2.CommittedRecord.FromString(getattr(plain, record_of))
            self.log.fill(1)
            (place,) = self.log.add(committed.commitment)
            setattr(plain, leaf_of, place)
        return plain

    def close(self) -> None:
        """Close the stores."""
        self.store.close()
        self.people.close()


async def open_lab(
    folder: Path,
    *,
    portal_port: int = 8170,
    card_port: int = 8171,
    people: Iterable[DemoPerson] = PEOPLE,
    log: PaperLog | None = None,
) -> Lab:
    """A lab whose files lie in `folder`; opened on the same folder again it goes on from there, with a new log unless one is given."""
    clock = TestClock()
    log = log or PaperLog(clock)
    authority = CardAuthority(clock)
    store = Store(sqlite_url(folder / "portal-main.db"), metadata)
    store.create()
    known = tray.open_store(folder)
    await tray.fill(known, people)
    requester, keyring = PaperRequester(), Keyring()
    origins = {"portal": f"http://portal.localhost:{portal_port}", "card": f"http://card.localhost:{card_port}"}
    portal_face = Face("portal.localhost", origins["portal"], {"card": origins["card"]})
    card_face = Face("card.localhost", origins["card"], {"portal": origins["portal"]})
    seals = Seals(Vault.open(folder / "portal-main.months.json", month_of(clock.today()) - RETENTION))
    portal = assemble(
        portal_face, store, seals, clock, packaged_book, authority, authority, log, log.keys, requester, Ids(), keyring
    )
    cards = Cards(known, clock, authority, bytes(32))
    return Lab(
        clock,
        authority,
        store,
        known,
        InstitutionKeys.generate("portal-main"),
        portal,
        assemble_cards(card_face, known, cards),
        origins["portal"],
        origins["card"],
        log,
        seals,
        requester,
        keyring,
    )


def packaged_book():
    """The law book as shipped."""
    return BOOK
