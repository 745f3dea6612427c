"""Has a network serve an institution elsewhere, whether it runs or not, and says where everything is that the other system needs."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from warifu.simulator.launcher import elsewhere
from warifu.simulator.launcher.elsewhere import NEEDS
from warifu.simulator.launcher.ports import Ports
from warifu.simulator.state import NetworkFile, StateError, locked
from warifu.simulator.told import ToldError

FOLLOWED_WITHIN: Final = 90.0
"""Seconds in which a living network must have taken up an order: some of its parties begin anew."""
_ADDRESS: Final = re.compile(r"(\[[0-9a-fA-F:]+\]|[^\s:/,]+):[1-9]\d{0,4}")
_LOOK: Final = 0.1


class OnboardError(ToldError):
    """An institution that cannot be handed over, and what to do."""


@dataclass(frozen=True, slots=True)
class Onboarded:
    """An institution that a system outside serves, and what that system is to be configured with."""

    institution: str
    kind: str
    address: str
    """Where it must listen."""
    server_name: str
    """The DNS name in its server certificate, which the gateway demands."""
    folder: str
    """All below lies in it; in the form of a party's folder, with `party.json`."""
    server_certificate: str
    server_key: str
    client_certificate: str
    """Shown in its own calls; it also signs the directory entry."""
    client_key: str
    ca: str
    revocations: str
    law: str
    """The signed law book."""
    peers: dict[str, dict[str, str]]
    """Whom it calls, with `address` and `server_name`, which it must demand."""

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def folder_of(state: Path, file: NetworkFile, institution: str) -> Path:
    """The folder of an institution that is served elsewhere."""
    return state / file.server_of(institution).name


def onboarded(state: Path, file: NetworkFile, institution: str) -> Onboarded:
    """What the system that serves the institution needs."""
    server, folder = file.server_of(institution), folder_of(state, file, institution)
    identity, trust = folder / "identities" / institution, folder / "trust"
    return Onboarded(
        institution=institution,
        kind=file.extra["kinds"][institution],
        address=server.address,
        server_name=server.server_name,
        folder=str(folder),
        server_certificate=str(folder / "tls" / "server.pem"),
        server_key=str(folder / "tls" / "server.key"),
        client_certificate=str(identity / "cert.pem"),
        client_key=str(identity / "key.pem"),
        ca=str(trust / "ca.pem"),
        revocations=str(trust / "revoked.crl"),
        law=str(trust / "law"),
        peers={
            name: {"address": file.party(name).addresses, "server_name": file.party(name).server_name} for name in NEEDS
        },
    )


def free_address() -> str:
    """An address of this machine that nobody listens at."""
    with closing(Ports()) as ports:
        return f"127.0.0.1:{ports.grpc(1)[0]}"


def move(state: Path, institution: str, address: str | None) -> tuple[NetworkFile, bool]:
    """Have a network serve the institution at `address`, or by its party again (None).

    Returns:
        The network's file as it is then, and whether it runs: else it is in force when it is started again.

    Raises:
        OnboardError: there is no such institution, the address is none, or the network cannot follow.
        StateError: there is no network, or somebody else is about to start it.
    """
    file = NetworkFile.load(state)
    check(file, institution, address)
    if file.living() and file.elsewhere.get(institution) == address:
        return file, True
    if not file.living():
        with locked(state):
            elsewhere.move(state, file, institution, address)
        return file, False
    if not file.extra.get(elsewhere.FOLLOWS):
        raise OnboardError(
            "このネットワークは動いたままでは変えられません。試験用なら、最初から: warifu serve --at 機関=HOST:PORT",
            "this network cannot be changed while it runs. For one under test, from the start: warifu serve --at INSTITUTION=HOST:PORT",
        )
    order = state / elsewhere.ORDER
    fresh = order.with_suffix(".new")
    fresh.write_text(json.dumps({"institution": institution, "address": address}), encoding="utf-8")
    fresh.replace(order)
    os.kill(file.pid, signal.SIGUSR1)
    _followed(state, order)
    return NetworkFile.load(state), True


def _followed(state: Path, order: Path) -> None:
    until = time.monotonic() + FOLLOWED_WITHIN
    while order.exists():
        if time.monotonic() > until:
            order.unlink(missing_ok=True)
            raise StateError(
                f"{FOLLOWED_WITHIN:.0f} 秒たっても切り替わりません。確認: warifu status --state {state}",
                f"not taken up after {FOLLOWED_WITHIN:.0f} s. Look with: warifu status --state {state}",
            )
        time.sleep(_LOOK)


def check(file: NetworkFile, institution: str, address: str | None) -> None:
    """Refuse what cannot be done.

    Raises:
        OnboardError: there is no such institution, it is not elsewhere (None), or the address is none.
    """
    if institution not in file.extra["kinds"]:
        there = ", ".join(sorted(file.extra["kinds"]))
        raise OnboardError(
            f"{institution} という機関はありません。ある機関: {there}",
            f"no institution is called {institution}; there are: {there}",
        )
    if not file.filled:
        raise OnboardError(
            "このネットワークはまだ住民を登録しきっていません。終わってから、もう一度行ってください。",
            "this network is still being filled. Do it again once that is done.",
        )
    if address is not None and not _ADDRESS.fullmatch(address):
        raise OnboardError(
            f"{address} はアドレスではありません。HOST:PORT の形にしてください（例：127.0.0.1:9000）。",
            f"{address} is no address; write HOST:PORT, such as 127.0.0.1:9000.",
        )
    if address is None and institution not in file.elsewhere:
        raise OnboardError(
            f"{institution} はシミュレータが受け持っています。外のシステムには渡していません。",
            f"{institution} is served by the simulator: it was not handed over.",
        )
