"""The addressee numbers (団体内統合宛名番号) that a network of a seed gives to the people with whom it begins.

An institution draws them by itself, in the order in which people are told to it, from a chain that in a simulation starts at the seed
(`warifu.kernel.ids`, `warifu.agencies.takeover`). So they are known beforehand while there is one order: when all people come in one chunk
and no party was started anew in between.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from warifu.agency.v1 import agency_pb2
from warifu.kernel import basic_items
from warifu.kernel.limits import ADDRESSEE_NO, BULK

TOKEN: Final = 16
LEAD: Final = 10**9
PER_LEAD: Final = 1000


def numbers(seed: int, party: str, institution: str, people: Sequence[agency_pb2.PersonRecords]) -> Mapping[str, str]:
    """By handle, for the institution's people in the order in which they are told to it."""
    tokens = _tokens(f"{seed}/{party}/1".encode(), f"addressee/{institution}")
    found: dict[str, str] = {}
    told = 0
    for start in range(0, len(people), int(BULK)):
        some = people[start : start + int(BULK)]
        digests = [basic_items.digest(basic_items.require(one.basic_items)) for one in some]
        twice = {digest for digest, count in Counter(digests).items() if count > 1}
        floor = (10 ** (int(ADDRESSEE_NO) - 1) // LEAD + told // PER_LEAD) * LEAD
        for person, digest in zip(some, digests, strict=True):
            if digest not in twice:
                found[_handle(person)] = str(floor + next(tokens) % LEAD)
        told += sum(len(person.changes) for person in some)
    return found


def _tokens(root: bytes, scope: str) -> Iterator[int]:
    count = 0
    while True:
        count += 1
        yield int.from_bytes(hmac.digest(root, f"{scope}/{count}".encode(), hashlib.sha256)[:TOKEN])


def _handle(person: agency_pb2.PersonRecords) -> str:
    return str(person.changes[0].reference.partition("/")[0])
