"""Has an institution be served by a system outside, in its party's place, or by its party again (docs/ONBOARD.md).

Its own server has a folder in the state as a party has one, by the name that its certificate carries: `tax-480011.tax`. Nobody has both:
what the party had of the institution's certificates is revoked and gone before anyone is told of the address.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from warifu.authority import admit, dismiss
from warifu.kernel.config import CONFIG_NAME, Config, own_server
from warifu.kernel.identity import spiffe
from warifu.kernel.peers import server_name
from warifu.law import packaged
from warifu.simulator.launcher.plan import GATEWAY, PORTAL, WATCHDOG, plan
from warifu.simulator.state import NetworkFile

FOLLOWS: Final = "follows"
"""Of `extra` in network.json: the process that keeps the network takes up an order when it is told (SIGUSR1)."""
ORDER: Final = "elsewhere.json"
"""In the state folder: who is to move where; taken away once that is done."""
NEEDS: Final = ("numbering", GATEWAY, PORTAL, WATCHDOG)
"""Parties that an institution calls."""


def told(config: Config, file: NetworkFile, institutions: Iterable[str]) -> Config:
    """A party's configuration as things are: whoever calls a kind knows which of its institutions are elsewhere, and nobody here acts for those.

    `institutions`: all that the party would serve.
    """
    known = {name: address for name, address in config.addresses.items() if name in {one.name for one in file.parties}}
    away = {
        file.server_of(code).name: address
        for code, address in file.elsewhere.items()
        if file.extra["kinds"][code] in known
    }
    return replace(
        config,
        addresses=known | away,
        institutions=tuple(code for code in institutions if code not in file.elsewhere),
    )


def move(state: Path, file: NetworkFile, institution: str, address: str | None) -> list[str]:
    """Have an institution be served at `address`, or by its party again.

    Returns:
        The parties that must begin anew for it to be in force. Until then they refuse whoever acts for the institution.

    Raises:
        KeyError: there is no such institution.
    """
    kind = file.extra["kinds"][institution]
    own = own_server(kind, institution)
    client = spiffe(kind, institution)
    if address is not None:
        if institution not in file.elsewhere:
            dismiss(state, [client], [state / kind / "identities" / institution])
        file.elsewhere[institution] = address
        admit(state, own, [institution], GATEWAY)
        tell_own(state, file)
    elif institution in file.elsewhere:
        dismiss(state, [client, server_name(own)], [state / own / "identities", state / own / "tls"])
        del file.elsewhere[institution]
        admit(state, kind, [institution], kind)
    file.save(state)
    return _tell(state, file, kind)


def tell_own(state: Path, file: NetworkFile) -> None:
    """Write the configuration of every institution's own server, as things are."""
    for institution in file.elsewhere:
        _own_config(state, file, institution).save(state / file.server_of(institution).name)


def ordered(state: Path) -> tuple[str, str | None] | None:
    """Who is to move where, if anybody is."""
    try:
        order = json.loads((state / ORDER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return order["institution"], order["address"]


def _tell(state: Path, file: NetworkFile, kind: str) -> list[str]:
    """Write the configurations of the kind's party and of those that call it; which they are."""
    planned = {party.name: party.institutions for party in plan(packaged())}
    concerned = []
    for entry in file.parties:
        for folder in _folders(state, entry.name):
            config = Config.load(folder)
            if entry.name == kind or kind in config.addresses:
                told(config, file, planned[entry.name]).save(folder)
                concerned.append(entry.name)
    return list(dict.fromkeys(concerned))


def _folders(state: Path, party: str) -> Iterator[Path]:
    yield state / party
    yield from (path.parent for path in sorted((state / party).glob(f"replicas/*/{CONFIG_NAME}")))


def _own_config(state: Path, file: NetworkFile, institution: str) -> Config:
    """What the system outside is told, in the form of a party's configuration."""
    gateway = Config.load(state / GATEWAY)
    assert gateway.simulation is not None
    # Identifiers that derive from the network's seed would be those that the party has used already.
    seed = int.from_bytes(hashlib.sha256(f"{file.seed}/{institution}".encode()).digest()[:6])
    return Config(
        party=file.extra["kinds"][institution],
        listen=file.elsewhere[institution],
        addresses={name: file.party(name).addresses for name in NEEDS},
        institutions=(institution,),
        simulation=replace(gateway.simulation, seed=seed),
    )
