"""The folder of a conformance run: a network of its own, of which the provider under test is one party and we play the others.

`DIR/<party>` is what the provider gets: the form of a party's folder, as docs/CONFORMANCE.md says. The other folders are ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from warifu.authority import provision
from warifu.kernel.config import Config, Simulation
from warifu.kernel.limits import RECORDS
from warifu.law.book import packaged
from warifu.simulator.told import ToldError

FILE_NAME: Final = "conformance.json"
COPIES_NAME: Final = "copies.json"
PORTAL: Final = "portal-main"
_ADDRESS = re.compile(r"[^\s:/]+:[1-9]\d{0,4}")
START: Final = "2026-06-01T09:00:00+09:00"
"""Simulated time of the run; permits are of this day, and it stands still."""
SEED: Final = 20260401
PARTY: Final = "tax"
"""Kind of office whose provision is tried: the rows and the copies below are those of local tax information."""
REQUESTERS: Final = ("nhi-480029", "nhi-490016")
"""Who may ask: the first whose body is not the provider's."""
OTHERS: Final = ("tax-480029", "tax-490016")
"""Another provider, for a permit that goes astray: the first that is not under test."""

ITEM: Final = "TM90000000000001"
LAYOUT: Final = "2026-06"
SALARY: Final = 4_120_000
MOST_RECORDS: Final = int(RECORDS)
"""In one answer."""


class ConformanceError(ToldError):
    """A conformance run that cannot begin, and what to do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a folder was prepared for."""

    folder: str
    institution: str
    party: str
    listen: str
    """Address at which the provider is told to listen."""
    gateway: str
    """Address of our gateway while a run lasts."""

    @property
    def root(self) -> Path:
        """The whole folder."""
        return Path(self.folder)

    @property
    def theirs(self) -> Path:
        """The provider's part of it."""
        return self.root / self.party

    @property
    def requester(self) -> str:
        """Who asks in the run."""
        body = self.institution.rsplit("-", 1)[-1]
        return next(one for one in REQUESTERS if not one.endswith(body))

    @property
    def other(self) -> str:
        """Another provider of the same kind."""
        return next(one for one in OTHERS if one != self.institution)

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "configure": str(self.theirs), "copies": str(self.theirs / COPIES_NAME)}


def code(name: str) -> bytes:
    """The provider's code of someone whom the checks invent."""
    return b"\x01" + name.encode().ljust(32, b".")


def copies() -> list[dict[str, Any]]:
    """The people of the checks as a business system registers them: an ordinary one, one for each flag, and others; "stranger" is not among them."""
    flags: Mapping[str, Mapping[str, bool]] = {
        "ordinary": {},
        "hidden": {"nonDisclosure": True},
        "blocked": {"selfDisclosureBlocked": True},
        "reviewed": {"manualReview": True},
        "both": {"selfDisclosureBlocked": True, "manualReview": True},
    }
    others: Mapping[str, list[dict[str, Any]]] = {
        "corrected": [_copy(corrected="2026-05-29")],
        "settled": [_copy(corrected="2026-05-25")],
        "several": [_copy(2025), _copy(2026)],
        "lapsed": [_copy(published_to="2026-05-31")],
        "empty": [],
        "many": [_copy(key=f"2026-{number:03}") for number in range(MOST_RECORDS + 1)],
    }
    known: list[dict[str, Any]] = [{"name": name, "copies": [_copy()], **own} for name, own in flags.items()]
    known += [{"name": name, "copies": own} for name, own in others.items()]
    return [{"name": one["name"], "code": code(one["name"]).hex(), **one} for one in known]


def _copy(
    year: int = 2026, corrected: str | None = None, published_to: str | None = None, key: str = ""
) -> dict[str, Any]:
    """A year's local tax information, corrected on a day, provided until a day, under the year's key or another."""
    fields: dict[str, Any] = {"tax_year": year, "salary_revenue_yen": SALARY, "dependants": 2, "tax_class": 1}
    copy: dict[str, Any] = {
        "item": ITEM,
        "recordKey": key or str(year),
        "layoutVersion": LAYOUT,
        "firstDay": f"{year}-04-01",
        "lastDay": f"{year + 1}-03-31",
        "content": {"local_tax": fields if corrected is None else {**fields, "corrected_on": corrected}},
    }
    return copy if published_to is None else {**copy, "publishedTo": published_to}


def prepare(folder: Path, institution: str, listen: str, gateway: str) -> Prepared:
    """Lay out what the provider must be configured with, and what we need to play the rest. Safe to repeat.

    Args:
        folder: made when it is not there.
        institution: the provider's code, such as tax-480011.
        listen: address at which the provider will listen, "host:port".
        gateway: address at which the run will serve its gateway, "host:port".

    Raises:
        ConformanceError: no tax office has this code, an address is none, or the folder is another institution's.
    """
    if institution not in offices():
        raise ConformanceError(
            f"{institution} という税務の機関はありません。例：{', '.join(sorted(offices())[:3])}",
            f"no tax office is called {institution}; there is {', '.join(sorted(offices())[:3])}, for instance.",
        )
    check_address(listen)
    check_address(gateway)
    check_free(folder, institution)
    prepared_ = Prepared(str(folder.absolute()), institution, PARTY, listen, gateway)
    parties = {
        "gateway": ["main"],
        PARTY: [institution],
        "health_insurance": [prepared_.requester],
        "portal": [PORTAL],
        "watchdog": ["main"],
    }
    provision(folder, parties)
    unused = "127.0.0.1:9"  # the discard port: nobody of that name takes part
    addresses = dict.fromkeys(parties, unused) | {"gateway": gateway, PARTY: listen, "numbering": unused}
    for party, codes in parties.items():
        own = tuple(one for one in codes if one != "main")
        config = Config(party, addresses[party], addresses, own, Simulation(SEED, START, stopped=True))
        config.save(folder / party)
    _write(prepared_.theirs / COPIES_NAME, {"people": copies()})
    _write(folder / FILE_NAME, asdict(prepared_) | {"folder": "."})
    return prepared_


def prepared(folder: Path) -> Prepared:
    """What a folder was prepared for.

    Raises:
        ConformanceError: it was not.
    """
    try:
        values = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        return Prepared(**{**values, "folder": str(folder.absolute())})
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError) as error:
        raise not_prepared(folder, "tax-480011", "", "") from error


def prepared_for(folder: Path) -> str | None:
    """The institution for which a folder was prepared, in either role; None when it was not."""
    try:
        found = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))["institution"]
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None
    return found if isinstance(found, str) else None


def check_free(folder: Path, institution: str) -> None:
    """Refuse to prepare a folder for another institution than it is for: identities and folders of the one are the stand-ins of the other.

    Raises:
        ConformanceError: it is another one's.
    """
    owner = prepared_for(folder)
    if owner not in (None, institution):
        raise ConformanceError(
            f"{folder} はすでに {owner} のために準備されています。別のフォルダーにしてください: {_elsewhere(folder, institution)}",
            f"{folder} is prepared for {owner} already. Choose another folder: {_elsewhere(folder, institution)}",
        )


def not_prepared(folder: Path, example: str, ja: str, en: str) -> ConformanceError:
    """That a folder was not prepared for a role, which `ja` and `en` name, and how to do so for `example`."""
    owner = prepared_for(folder)
    if owner is None:
        return ConformanceError(
            f"{folder} は{ja}準備されていません。先に: warifu conformance prepare {folder} --institution {example}",
            f"{folder} was not prepared{en}. First: warifu conformance prepare {folder} --institution {example}",
        )
    return ConformanceError(
        f"{folder} は {owner} のために準備されています。先に: {_elsewhere(folder, example)}",
        f"{folder} was prepared for {owner}. First: {_elsewhere(folder, example)}",
    )


def _elsewhere(folder: Path, institution: str) -> str:
    return f"warifu conformance prepare {folder}-{institution} --institution {institution}"


def check_address(address: str) -> None:
    """Refuse what is no "host:port".

    Raises:
        ConformanceError: it is none.
    """
    if not _ADDRESS.fullmatch(address):
        raise ConformanceError(
            f"{address} はアドレスではありません。HOST:PORT の形にしてください（例：127.0.0.1:8295）。",
            f"{address} is no address; write HOST:PORT, such as 127.0.0.1:8295.",
        )


@cache
def offices() -> frozenset[str]:
    """The institutions that can be under test: tax offices."""
    return frozenset(one for one in packaged().institutions if one.startswith(f"{PARTY}-"))


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
