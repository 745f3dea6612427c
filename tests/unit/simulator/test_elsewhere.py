"""Who is told what when an institution is served by a system outside, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from warifu.kernel.config import Config
from warifu.kernel.peers import Peers
from warifu.simulator.launcher.elsewhere import told
from warifu.simulator.onboarding import OnboardError, check
from warifu.simulator.state import NetworkFile, PartyEntry

HERE, AWAY = "tax-480011", "tax-480029"
PARTIES = {"gateway": "127.0.0.1:1", "tax": "127.0.0.1:2", "numbering": "127.0.0.1:3"}


def network(**elsewhere: str) -> NetworkFile:
    """A network of three parties."""
    entries = [PartyEntry(name, address, f"{name}.warifu.internal", "") for name, address in PARTIES.items()]
    extra = {"kinds": {HERE: "tax", AWAY: "tax"}}
    places = {name.replace("_", "-"): address for name, address in elsewhere.items()}
    return NetworkFile(1, 1, 1, True, 1, "ca.pem", entries, {}, {}, filled=True, elsewhere=places, extra=extra)


def test_callers_of_the_kind_are_told_and_its_party_lets_go() -> None:
    """Who calls the kind knows the institution's own server by its own name; the party no longer serves it; others are told nothing; and back."""
    moved = network(tax_480029="127.0.0.1:9")
    gateway = Config("gateway", "127.0.0.1:1", {"tax": PARTIES["tax"], "numbering": PARTIES["numbering"]})
    party = Config("tax", "127.0.0.1:2", {"gateway": PARTIES["gateway"]}, (HERE, AWAY))

    knows = told(gateway, moved, ())
    assert knows.addresses == {**gateway.addresses, f"{AWAY}.tax": "127.0.0.1:9"}
    assert [knows.server_of("tax", one) for one in (HERE, AWAY)] == ["tax", f"{AWAY}.tax"]
    assert Peers(knows).server_of("tax", AWAY) == f"{AWAY}.tax"
    serves = told(party, moved, (HERE, AWAY))
    assert (serves.institutions, serves.addresses) == ((HERE,), party.addresses)
    assert told(knows, moved, ()) == knows
    assert told(knows, network(), ()) == gateway
    assert told(serves, network(), (HERE, AWAY)) == party


def test_the_network_file_leads_to_where_an_institution_is_served(tmp_path: Path) -> None:
    """By name and by code the own server is found, under the name that its certificate must carry, also after the file was written and read."""
    network(tax_480029="127.0.0.1:9").save(tmp_path)
    file = NetworkFile.load(tmp_path)
    own = file.server_of(AWAY)
    assert (own.name, own.address, own.server_name) == (
        f"{AWAY}.tax", "127.0.0.1:9", f"{AWAY}.tax.warifu.internal"
    )  # fmt: skip
    assert file.party(own.name) == own
    assert file.server_of(HERE).name == "tax"
    assert file.trusting == ["gateway", "tax", "numbering", f"{AWAY}.tax"]


@pytest.mark.parametrize(
    ("institution", "address", "says"),
    [
        ("tax-999999", "127.0.0.1:9", AWAY),
        (HERE, "127.0.0.1", "HOST:PORT"),
        (HERE, "127.0.0.1:9,127.0.0.1:10", "HOST:PORT"),
        (HERE, None, "not handed over"),
    ],
)
def test_what_cannot_be_handed_over_is_refused(institution: str, address: str | None, says: str) -> None:
    """An institution that is not there, an address that is none or several, and giving back what was never handed over are refused in words."""
    with pytest.raises(OnboardError, match=says):
        check(network(tax_480029="127.0.0.1:9"), institution, address)


@pytest.mark.parametrize("address", ["127.0.0.1:9000", "[::1]:9000", "office.example:443"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    """IPv4, IPv6 in brackets and names are addresses."""
    check(network(), HERE, address)
