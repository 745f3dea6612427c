"""`warifu rotate-keys`: a stopped network's institution gets new keys, and nothing that was sealed to the old ones is lost."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result
from unit.simulator.test_state import made, network_file

from warifu.cli.__main__ import app
from warifu.exchange.keys import InstitutionKeys

TAX = "tax-480011"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A network that does not run, with keys of two institutions and of the gateway."""
    folder = made(tmp_path)
    for party, owner in (("tax", TAX), ("tax", "tax-490016"), ("gateway", "gateway")):
        (folder / party / "secrets").mkdir(parents=True, exist_ok=True)
        InstitutionKeys.load_or_create(folder / party / "secrets", owner)
    return folder


def rotate(state: Path, *words: str) -> Result:
    """Run the verb."""
    return CliRunner().invoke(app, ["rotate-keys", *words, "--state", str(state)])


def test_an_institution_gets_new_keys_and_opens_what_was_sealed_to_the_old_ones(state: Path) -> None:
    """The document names the new keys, the file holds them, what is in flight opens, and nobody else's keys change."""
    secrets = state / "tax" / "secrets"
    before, other = (InstitutionKeys.load_or_create(secrets, code) for code in (TAX, "tax-490016"))
    sealed = before.sealing_key.seal(b"in flight", b"info")
    done = rotate(state, TAX, "--json")
    assert done.exit_code == 0, done.output
    after = InstitutionKeys.load_or_create(secrets, TAX)
    assert json.loads(done.stdout) == {
        "institution": TAX,
        "hpke_key_id": after.hpke_key_id,
        "signing_key_id": after.signing_key_id,
    }
    assert (after.hpke_key_id != before.hpke_key_id, after.signing_key_id != before.signing_key_id) == (True, True)
    assert after.open(before.hpke_key_id, sealed, b"info") == b"in flight"
    assert InstitutionKeys.load_or_create(secrets, "tax-490016").hpke_key_id == other.hpke_key_id


@pytest.mark.parametrize("code", ["tax-999999", "gateway", "../tax", "*"])
def test_whoever_has_no_keys_here_gets_none(state: Path, code: str) -> None:
    """An unknown institution, the gateway and what is no code are refused with the list of those that are here, and no file is made."""
    files = sorted(path.name for path in state.rglob("*.json"))
    done = rotate(state, code)
    assert done.exit_code != 0
    assert TAX in done.output
    assert sorted(path.name for path in state.rglob("*.json")) == files


def test_a_running_network_is_to_be_stopped_first(state: Path) -> None:
    """While the network runs nothing is changed, since its processes read their keys at the start."""
    network_file(pid=os.getpid()).save(state)
    before = (state / "tax" / "secrets" / f"{TAX}.keys.json").read_bytes()
    assert rotate(state, TAX).exit_code != 0
    assert (state / "tax" / "secrets" / f"{TAX}.keys.json").read_bytes() == before
