"""Puts the numbering body together."""

from __future__ import annotations

from warifu.kernel import places
from warifu.kernel.config import Config
from warifu.kernel.ids import Ids
from warifu.kernel.party import Context, Party, Service
from warifu.kernel.store import Store
from warifu.numbering.allowance import Allowance
from warifu.numbering.authority import Authority
from warifu.numbering.cards import Cards
from warifu.numbering.codes import Drawing
from warifu.numbering.desk import Desk
from warifu.numbering.enrol import Enrolment
from warifu.numbering.gateway import Gateway
from warifu.numbering.helpline import REPORTS_A_MINUTE, HelpLine
from warifu.numbering.journal import Journal
from warifu.numbering.keys import Keys
from warifu.numbering.life import Life
from warifu.numbering.lookup import LookUp
from warifu.numbering.match import Matching
from warifu.numbering.orders import Orders
from warifu.numbering.people import People
from warifu.numbering.register import Registration
from warifu.numbering.renumber import CodeChange, NumberChange
from warifu.numbering.schema import metadata
from warifu.numbering.services import (
    CardAuthorityServicer,
    CardDeskServicer,
    HelpLineServicer,
    NumberingServicer,
    RegisterServicer,
)
from warifu.numbering.v1 import numbering_pb2_grpc as rpc
from warifu.numbering.vault import Vault
from warifu.numbering.view import holdings

STORE_NAME = "numbering.db"
_AREA = "warifu.numbering.v1"


async def build(context: Context) -> Party:
    """The numbering body, with its keys and store in its own folder. Its view looks for an exchange in every table, and should find nothing.

    Raises:
        ValueError: a kept key is damaged.
    """
    config, clock = context.config, context.clock
    keys, store = Keys.load_or_create(config), open_store(config)
    vault, gateway = Vault(keys.sealing), Gateway(context.peers)
    drawing = Drawing(keys.codes, vault)
    people, journal = People(store, vault), Journal(store, clock)
    allowance = Allowance(clock)
    matching, look_up = Matching(people, journal, allowance), LookUp(people, journal, allowance)
    authority = Authority.load_or_create(config.folder, clock.network())
    ids, orders, simulation = Ids.of(config), Orders(store, clock), config.simulation is not None
    cards = Cards(store, clock, people, matching, authority, orders, ids, simulation)
    help_line = HelpLine(store, clock, journal, Allowance(clock, REPORTS_A_MINUTE), ids)
    enrolment = Enrolment(people, journal, Allowance(clock), gateway)
    registration = Registration(store, vault, clock, keys.numbers, drawing, simulation)
    codes = CodeChange(store, vault, clock, people, journal, drawing, gateway)
    numbers = NumberChange(store, vault, clock, matching, keys.numbers)

    async def close() -> None:
        store.close()

    return Party(
        services=_services(
            NumberingServicer(people, matching, look_up, enrolment, cards),
            RegisterServicer(registration, Life(store, people, clock), numbers, codes, simulation=simulation),
            CardAuthorityServicer(cards),
            HelpLineServicer(help_line),
            CardDeskServicer(Desk(store, clock, matching, look_up), orders),
        ),
        jobs={"superseded-codes": codes.tell},
        checks={STORE_NAME: store.check},
        view=lambda request_id: holdings(store, request_id),
        close=close,
    )


def open_store(config: Config) -> Store:
    """The numbering body's store, with its tables."""
    return places.open_store(config, STORE_NAME, metadata)


def _services(
    numbering: NumberingServicer,
    register: RegisterServicer,
    cards: CardAuthorityServicer,
    help_line: HelpLineServicer,
    card_desk: CardDeskServicer,
) -> tuple[Service, ...]:
    return (
        Service(f"{_AREA}.NumberingService", rpc.add_NumberingServiceServicer_to_server, numbering),
        Service(f"{_AREA}.RegisterService", rpc.add_RegisterServiceServicer_to_server, register),
        Service(f"{_AREA}.CardAuthorityService", rpc.add_CardAuthorityServiceServicer_to_server, cards),
        Service(f"{_AREA}.HelpLineService", rpc.add_HelpLineServiceServicer_to_server, help_line),
        Service(f"{_AREA}.CardDeskService", rpc.add_CardDeskServiceServicer_to_server, card_desk),
    )
