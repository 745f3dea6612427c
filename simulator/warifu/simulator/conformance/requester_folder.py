"""The folder of a requester's run: a network of its own, of which the requester under test is one party and we play the others."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from warifu.authority import provision
from warifu.kernel.config import Config, Simulation
from warifu.law.book import packaged
from warifu.simulator.conformance.folder import (
    FILE_NAME,
    OTHERS,
    SEED,
    START,
    ConformanceError,
    check_address,
    check_free,
    code,
    not_prepared,
)

PARTY: Final = "health_insurance"
"""Kind of office whose asking is tried: municipal health insurance asks tax offices."""
IMPOSTOR: Final = "tax"
"""Party under whose server certificate somebody listens in the gateway's place."""
NUMBERING: Final = "numbering"
PEOPLE_NAME: Final = "people.json"
PEOPLE: Final = ("ordinary", "moved")
"""Whom the checks ask about; the resident code of the second changes."""
_PROVIDERS: Final = ("tax-480011", *OTHERS, "tax-491004")


@dataclass(frozen=True, slots=True)
class PreparedRequester:
    """What a folder was prepared for."""

    folder: str
    institution: str
    gateway: str
    """Address of our gateway while a run lasts."""
    numbering: str
    """Address of our numbering body, likewise."""

    @property
    def root(self) -> Path:
        """The whole folder."""
        return Path(self.folder)

    @property
    def theirs(self) -> Path:
        """The requester's part of it."""
        return self.root / PARTY

    @property
    def providers(self) -> tuple[str, str, str]:
        """Who is asked: one that is always in order, one whose keys change, one whose entry is never right. None is of the requester's body."""
        body = self.institution.rsplit("-", 1)[-1]
        usual, turning, forged, *_ = (one for one in _PROVIDERS if not one.endswith(body))
        return usual, turning, forged

    def document(self) -> dict[str, Any]:
        """For `--json`."""
        return {**asdict(self), "configure": str(self.theirs), "people": str(self.theirs / PEOPLE_NAME)}


def people() -> list[dict[str, str]]:
    """The people of the checks, with the requester's own codes as if they had been claimed."""
    return [
        {"name": name, "addresseeNo": f"{number:015}", "code": code(name).hex()}
        for number, name in enumerate(PEOPLE, start=1)
    ]


def prepare_requester(folder: Path, institution: str, gateway: str, numbering: str) -> PreparedRequester:
    """Lay out what the requester must be configured with, and what we need to play the rest. Safe to repeat.

    Args:
        folder: made when it is not there.
        institution: the requester's code, such as nhi-490016.
        gateway: address at which the run will serve its gateway, "host:port".
        numbering: the same of its numbering body.

    Raises:
        ConformanceError: no municipal health insurance has this code, an address is none, both are the same, or the folder is another institution's.
    """
    there = sorted(one for one in packaged().institutions if one.startswith("nhi-"))
    if institution not in there:
        raise ConformanceError(
            f"{institution} という国民健康保険の機関はありません。例：{', '.join(there[:3])}",
            f"no municipal health insurance is called {institution}; there is {', '.join(there[:3])}, for instance.",
        )
    for address in (gateway, numbering):
        check_address(address)
    if gateway == numbering:
        raise ConformanceError(
            f"ゲートウェイと住基ネット役に同じアドレス {gateway} は使えません。--numbering で別のアドレスを選んでください。",
            f"gateway and numbering body cannot both be at {gateway}; choose another with --numbering.",
        )
    check_free(folder, institution)
    made = PreparedRequester(str(folder.absolute()), institution, gateway, numbering)
    parties = {"gateway": ["main"], NUMBERING: ["main"], PARTY: [institution], "tax": list(made.providers)}
    provision(folder, parties)
    unused = "127.0.0.1:9"  # the discard port: nobody of that name takes part
    addresses = {"gateway": gateway, NUMBERING: numbering, "watchdog": unused, PARTY: unused}
    for party, listen, codes in (
        ("gateway", gateway, ()),
        (NUMBERING, numbering, ()),
        (PARTY, "127.0.0.1:0", (institution,)),
        (IMPOSTOR, gateway, ()),
    ):
        config = Config(party, listen, addresses, codes, Simulation(SEED, START, stopped=True))
        config.save(folder / party)
    _write(made.theirs / PEOPLE_NAME, {"people": people()})
    _write(folder / FILE_NAME, {**asdict(made), "folder": ".", "suite": "requester"})
    return made


def prepared_requester(folder: Path) -> PreparedRequester:
    """What a folder was prepared for.

    Raises:
        ConformanceError: it was not prepared for a requester, or by an earlier version, which knew no numbering body.
    """
    try:
        values = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if values.pop("suite") == "requester":
            if NUMBERING not in values:
                again = f"warifu conformance prepare {folder} --institution {values['institution']}"
                raise ConformanceError(
                    f"{folder} は以前の版で準備されたため、住基ネット役のアドレスがありません。もう一度準備し（証明書はそのまま）、照会機関の設定を新しい party.json に合わせてください: {again}",
                    f"{folder} was prepared by an earlier version and has no address of a numbering body. Prepare it again (certificates stay) and configure the requester by the new party.json: {again}",
                )
            return PreparedRequester(**{**values, "folder": str(folder.absolute())})
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        pass
    raise not_prepared(folder, "nhi-490016", "照会機関用に", " for a requester")


def _write(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
