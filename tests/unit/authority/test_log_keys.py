"""Keys of log and witness: made once for a network state, pinned by everyone."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509

from warifu.authority import provision, renew, replace_log_keys
from warifu.authority.logkeys import provision_log_keys
from warifu.exchange.logkeys import LogKeyError, LogKeys, log_signer, witness_signer
from warifu.kernel.identity import caller_of

PARTIES = {"gateway": ["main"], "watchdog": ["main"], "portal": ["portal-main"]}


def test_every_party_pins_the_keys_of_the_two_who_sign(tmp_path: Path) -> None:
    """What a party pins are the public halves of the secrets that lie with gateway and watchdog, for their owners alone."""
    provision(tmp_path, PARTIES)

    signers = log_signer(tmp_path / "gateway"), witness_signer(tmp_path / "watchdog")
    assert {LogKeys.load(tmp_path / party) for party in PARTIES} == {LogKeys(signers[0].key, signers[1].key)}
    for secret in (tmp_path / "gateway/secrets/log.key", tmp_path / "watchdog/secrets/witness.key"):
        assert secret.stat().st_mode & 0o777 == 0o600


def test_keys_stay_when_a_network_starts_again(tmp_path: Path) -> None:
    """Setting up again changes no key; a party that was added pins the same ones."""
    first = provision_log_keys(tmp_path, ["gateway"])

    assert first == provision_log_keys(tmp_path, ["gateway", "tax"])
    assert first == LogKeys.load(tmp_path / "tax")


def test_two_networks_never_share_a_key(tmp_path: Path) -> None:
    """Keys are random: two states made alike differ, and so does one whose keys were replaced."""
    one, other = (provision_log_keys(tmp_path / name, ["gateway"]) for name in ("one", "other"))
    replaced = replace_log_keys(tmp_path / "one", ["gateway"])

    assert len({keys.log for keys in (one, other, replaced)}) == 3
    assert len({keys.witness for keys in (one, other, replaced)}) == 3
    assert replaced == LogKeys.load(tmp_path / "one" / "gateway")


def test_a_damaged_secret_is_never_replaced(tmp_path: Path) -> None:
    """A secret that cannot be read stops the set-up with its file's name, and stays as it is."""
    provision_log_keys(tmp_path, ["gateway"])
    secret = tmp_path / "watchdog/secrets/witness.key"
    secret.write_bytes(b"short")

    with pytest.raises(LogKeyError, match=r"witness\.key"):
        provision_log_keys(tmp_path, ["gateway"])
    assert secret.read_bytes() == b"short"


def test_the_inspector_is_a_second_identity_of_the_watchdog(tmp_path: Path) -> None:
    """Where there is a watchdog there is an inspector, in a folder that is no party's, and renewing renews it too."""
    provision(tmp_path, PARTIES)
    shown = x509.load_pem_x509_certificate((tmp_path / "inspector/cert.pem").read_bytes())
    renew(tmp_path)
    again = x509.load_pem_x509_certificate((tmp_path / "inspector/cert.pem").read_bytes())

    assert caller_of(shown).uri == caller_of(again).uri == "spiffe://warifu.example/watchdog/inspector"
    assert shown.serial_number != again.serial_number
    assert (tmp_path / "inspector/key.pem").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "inspector/ca.pem").exists()
