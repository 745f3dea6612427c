"""Uses between offices of one body (庁内連携): no linkage, but published. From the kind's table and the register of institutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from warifu.agencies.kind import Kind
from warifu.agency.v1 import agency_pb2
from warifu.common.v1 import common_pb2


class _Operator(Protocol):
    @property
    def code(self) -> str: ...


class _Role(Protocol):
    @property
    def code(self) -> str: ...


class Listed(Protocol):
    """An institution of the register, as far as this needs it."""

    @property
    def code(self) -> str:
        """Institution code."""

    @property
    def operator(self) -> _Operator:
        """The body."""

    @property
    def role(self) -> _Role:
        """What it is in the permission table."""


def local_uses(kind: Kind, institution: str, register: Mapping[str, Listed]) -> Sequence[agency_pb2.LocalUse]:
    """What `institution` may use of other offices of its own body, and what for."""
    own = register[institution]
    return [
        agency_pb2.LocalUse(
            provider=other.code,
            item=use.item,
            purpose=common_pb2.LocalizedText(ja=use.purpose_ja, en=use.purpose_en),
        )
        for use in kind.table.local_uses
        for other in register.values()
        if other.operator.code == own.operator.code and other.role.code == use.role and other.code != institution
    ]
