"""Who may call which RPC, as data: `access.toml` beside this file (docs/ARCHITECTURE.md §3).

The whole table is checked when a process starts: every name in it must exist, and every RPC of the network must have a row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from google.protobuf import descriptor_pool

from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.identity import COUNTER, Caller

TABLE_PATH: Final = Path(__file__).with_name("access.toml")
OWN: Final = "own"
COUNTERS: Final = "counters"
ANYONE: Final = "anyone"
_WORDS: Final = frozenset({OWN, COUNTER, COUNTERS, ANYONE})
_MODULES: Final = {
    "warifu.agency.v1.CaseService": "warifu.agency.v1.cases_pb2",
    "warifu.portal.v1.PostService": "warifu.portal.v1.post_pb2",
    "warifu.linkage.v1.CorrectionService": "warifu.linkage.v1.correction_pb2",
    "grpc.health.v1.Health": "grpc_health.v1.health_pb2",
    "grpc.reflection.v1alpha.ServerReflection": "grpc_reflection.v1alpha.reflection_pb2",
}
"""Where services of others have their descriptors; ours follow from their name."""
_OPTIONAL: Final = frozenset({"grpc.reflection.v1alpha.ServerReflection"})
"""Not looked up: its code is loaded only by processes that serve it."""


class AccessError(Exception):
    """The access table does not fit the network's services; the process must not serve."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call one RPC."""

    parties: frozenset[str] = frozenset()
    own: bool = False
    counter: bool = False
    counters: bool = False
    anyone: bool = False

    def admits(self, caller: Caller, institutions: Collection[str]) -> bool:
        """Whether the caller may, at a process that serves `institutions`."""
        if self.anyone or caller.party in self.parties:
            return True
        if caller.party == COUNTER:
            return self.counters or (self.counter and caller.code in institutions)
        return self.own and caller.code in institutions


class Access:
    """The access table as one process applies it."""

    def __init__(self, rules: Mapping[str, Rule], institutions: Collection[str]) -> None:
        """`rules` by full method, such as "/warifu.linkage.v1.LinkageService/Inquire"."""
        self._rules = rules
        self._institutions = frozenset(institutions)

    @classmethod
    def load(cls, institutions: Collection[str] = (), *, path: Path = TABLE_PATH) -> Access:
        """Read and check the table for a process that serves `institutions`.

        Raises:
            AccessError: a service, method, party or group is not known, or an RPC of a service has no row; the message names it.
        """
        return cls(_rules(path.read_text(encoding="utf-8")), institutions)

    def require_rows(self, services: Iterable[str]) -> None:
        """Check that every method of the services that a process registers has a row.

        Raises:
            AccessError: one has not; the message names it.
        """
        for service in services:
            for method in _methods(service):
                self.rule(f"/{service}/{method}")

    def rule(self, method: str) -> Rule:
        """The rule of a full method.

        Raises:
            AccessError: it has no row.
        """
        try:
            return self._rules[method]
        except KeyError:
            raise AccessError(f"access table: {method.strip('/')} has no row") from None

    def check(self, rule: Rule, caller: Caller) -> None:
        """Refuse a caller that the rule does not admit.

        Raises:
            LinkageError: CLIENT_CALLER_NOT_ALLOWED.
        """
        if not rule.admits(caller, self._institutions):
            raise LinkageError(Reason.CLIENT_CALLER_NOT_ALLOWED)


@lru_cache(maxsize=4)  # parties of one process read the same table
def _rules(content: str) -> Mapping[str, Rule]:
    table = tomllib.loads(content)
    parties = frozenset(table["parties"])
    groups = {name: _known(members, parties, f"group {name}") for name, members in table["groups"].items()}
    rules: dict[str, Rule] = {}
    for service, rows in table["allow"].items():
        _same_methods(service, rows)
        for method, entries in rows.items():
            rules[f"/{service}/{method}"] = _rule(entries, parties, groups, f"{service}/{method}")
    return MappingProxyType(rules)


def _known(names: Iterable[str], parties: Collection[str], where: str) -> frozenset[str]:
    names = frozenset(names)
    if unknown := names - frozenset(parties):
        raise AccessError(f"access table: {where} names unknown {sorted(unknown)}")
    return names


def _rule(entries: Iterable[str], parties: frozenset[str], groups: Mapping[str, frozenset[str]], where: str) -> Rule:
    entries = frozenset(entries)
    if not entries:
        raise AccessError(f"access table: {where} admits nobody")
    named = _known(entries - _WORDS - set(groups), parties, where)
    members = frozenset[str]().union(named, *(groups[entry] for entry in entries & set(groups)))
    return Rule(
        members,
        own=OWN in entries,
        counter=COUNTER in entries,
        counters=COUNTERS in entries,
        anyone=ANYONE in entries,
    )


def _same_methods(service: str, rows: Mapping[str, Any]) -> None:
    if service in _OPTIONAL:
        return
    methods = _methods(service)
    if unknown := set(rows) - methods:
        raise AccessError(f"access table: {service} has no method {sorted(unknown)}")
    if missing := methods - set(rows):
        raise AccessError(f"access table: {service}/{sorted(missing)} has no row")


@cache
def _methods(service: str) -> frozenset[str]:
    """Methods of a service by its descriptor; ours are in warifu/<area>/v1/<area>_pb2, or named in `_MODULES`."""
    package = service.rsplit(".", 1)[0]
    module = _MODULES.get(service, f"{package}.{package.split('.')[-2]}_pb2")
    try:
        import_module(module)
        return frozenset(method.name for method in descriptor_pool.Default().FindServiceByName(service).methods)
    except (ImportError, KeyError, IndexError):
        raise AccessError(f"access table: there is no service {service}") from None
