"""The simulator's people and their cards: `people.db` in the simulator's folder.

If it is read, so are invented people and the PINs of their cards, which the tray shows to everyone anyway; the cards' keys are sealed
with a key in `secrets/`. If it is changed, cards may be unlocked or lost. If it is lost, the population can be drawn again from its seed, and
cards are issued anew.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table

metadata: Final = MetaData()

people: Final = Table(
    "people",
    metadata,
    Column("person", String(64), primary_key=True, comment="The simulator's handle."),
    Column("position", Integer, nullable=False, unique=True, comment="Order on the tray."),
    Column("name", String(100), nullable=False),
    Column("kana", String(200), nullable=False),
    Column("traits", String(400), nullable=False, comment="Separated by spaces."),
    Column("sought", String(500), nullable=False, comment="Handle, name and reading, folded for searching."),
    Column("basic_items", LargeBinary, nullable=False, comment="Serialised warifu.common.v1.BasicItems."),
    Column("individual_number", String(12), nullable=False),
    Column("pin", String(4), nullable=False),
    Column(
        "issued_on",
        String(10),
        comment="Past day on which the card was handed out (ISO 8601); absent: when it is made.",
    ),
)

traits: Final = Table(
    "traits",
    metadata,
    Column("trait", String(64), primary_key=True),
    Column(
        "position",
        Integer,
        primary_key=True,
        autoincrement=False,
        comment="Of the person, so that they are found in the tray's order.",
    ),
    Column("person", String(64), nullable=False),
    Index("ix_traits_person", "person"),
    sqlite_with_rowid=False,
)

counts: Final = Table(
    "counts",
    metadata,
    Column("trait", String(64), primary_key=True),
    Column(
        "people", Integer, nullable=False, comment="How many have it; kept, since counting a million takes a second."
    ),
)

cards: Final = Table(
    "cards",
    metadata,
    Column("card", String(80), primary_key=True, comment="The person's handle; with .phone behind it, their phone."),
    Column("person", String(64), nullable=False, comment="Whose."),
    Column("number", String(14), comment="Printed on its face; absent until it is made out."),
    Column("tries_left", Integer, nullable=False, comment="0: locked."),
    Column("pin", String(4), comment="As its holder set it; absent as it was handed out."),
    Column("certificate", LargeBinary, comment="DER; absent until the first presentation."),
    Column("sealed_key", LargeBinary, comment="Nonce and AES-GCM of the P-256 key (PKCS #8, DER), bound to the card."),
    Column("issued_at", BigInteger, comment="Network time, milliseconds."),
    Column("signature_tries_left", Integer, nullable=False, comment="0: locked."),
    Column("signature_password", String(16), comment="As its holder set it; absent as it was handed out."),
    Column("signature_certificate", LargeBinary, comment="DER; absent until the first signature."),
    Column("sealed_signature_key", LargeBinary, comment="As sealed_key, of the signature certificate's key."),
    Index("ix_cards_person", "person"),
    Index("ix_cards_number", "number", unique=True),
)

positions: Final = Table(
    "positions",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("position", BigInteger, nullable=False, comment="How far a list of the numbering body has been read."),
)
