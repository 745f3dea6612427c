"""The command as a user or a program meets it: shapes, exit codes, one document on stdout, help in two languages."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Running

STATUS = {"ready_seconds": float, "pss_total_bytes": int, "parties": list}
PARTY = {"name": str, "kind": str, "address": str, "healthy": bool, "pss_bytes": int}
PLAY = {"scenario": str, "passed": bool, "checks": list, "exchanges": list, "person": str}
CHECK = {"name": str, "passed": bool, "detail": str}
EXCHANGE = {
    "request_id": str, "requester": str, "provider": str, "procedure": str, "item": str, "outcome": str,
    "reason": str | None, "ms": float,
}  # fmt: skip
ENTRY = {
    "request_id": str, "requested_at": str, "answered_at": str | None, "requester": str, "provider": str,
    "procedure": str, "legal_basis": dict | str | None, "items": list, "outcome": str,
}  # fmt: skip
PERSON = {"person": str, "name": str, "kana": str, "traits": list, "card": str, "pin": str}
VERBS = (
    "demo",
    "serve",
    "interim",
    "conformance",
    "play",
    "scenarios",
    "drill",
    "operator",
    "people",
    "inquire",
    "history",
    "view",
    "status",
    "backup",
    "rotate-keys",
    "restore",
    "audit",
    "verify",
    "proof",
    "rehearse",
    "test",
)
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def has_shape(value: dict[str, Any], shape: dict[str, Any]) -> bool:
    """Exactly these keys, each of its type."""
    return set(value) == set(shape) and all(isinstance(value[key], kind) for key, kind in shape.items())


def run(*words: str, language: str = "C.UTF-8") -> subprocess.CompletedProcess[str]:
    """The command, without a network, in a terminal of a language."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LC_")} | {"LANG": language}
    return subprocess.run(
        [sys.executable, "-m", "warifu.cli", *words], capture_output=True, text=True, timeout=60, check=False,
        env=environment,
    )  # fmt: skip


def test_status_has_the_documented_shape(network: Running) -> None:
    """`status --json` tells every party of the network, healthy and with its memory, and the sum."""
    status = network.json("status")
    assert has_shape(status, STATUS)
    assert all(has_shape(party, PARTY) for party in status["parties"])
    assert [party["name"] for party in status["parties"]] == [party.name for party in network.file.parties]
    assert all(party["healthy"] and party["pss_bytes"] > 0 for party in status["parties"])
    assert status["pss_total_bytes"] == sum(party["pss_bytes"] for party in status["parties"])


def test_status_knows_the_processes_by_whatever_path_the_state_is_named(network: Running, tmp_path: Path) -> None:
    """Memory is told also where `--state` is a link or has ".." in it."""
    link = tmp_path / "link"
    link.symlink_to(network.state)
    for path in (link, network.state / "ca" / ".."):
        told = json.loads(run("status", "--json", "--state", str(path)).stdout)
        assert all(party["pss_bytes"] > 0 for party in told["parties"])


def test_demo_announces_itself_in_one_document(network: Running) -> None:
    """`demo --json` says nothing on stdout before its document, and there how to reach the network."""
    assert network.announced["ready_seconds"] == network.file.ready_seconds
    assert network.announced["state"] == str(network.state)
    assert network.announced["urls"] == network.file.urls


def test_people_have_the_documented_shape(network: Running) -> None:
    """`people --json` tells handles, never numbers, and finds by trait."""
    people = network.json("people", "--trait", "worker", "--limit", "5")["people"]
    assert people
    assert all(has_shape(person, PERSON) and "worker" in person["traits"] for person in people)
    assert all(re.fullmatch(r"\d{4}", person["pin"]) for person in people)
    assert not re.search(r"\d{11}", json.dumps(people))


def test_a_play_and_the_persons_history_have_the_documented_shapes(network: Running) -> None:
    """`play moved-household --json` passes, and its exchanges are the first entries of `history --json`."""
    play = network.json("play", "moved-household")
    assert has_shape(play, PLAY)
    assert play["scenario"] == "moved-household"
    assert play["passed"]
    assert play["checks"]
    assert all(has_shape(check, CHECK) for check in play["checks"])
    assert play["exchanges"]
    assert all(has_shape(exchange, EXCHANGE) for exchange in play["exchanges"])
    entries = network.json("history", play["person"])["entries"]
    assert all(has_shape({key: entry[key] for key in ENTRY}, ENTRY) for entry in entries)
    told = {(e["request_id"], e["requester"], e["provider"], e["procedure"]) for e in entries}
    assert {(e["request_id"], e["requester"], e["provider"], e["procedure"]) for e in play["exchanges"]} <= told
    assert {entry["outcome"] for entry in entries} <= {"ANSWERED", "PENDING", "DENIED", "ERROR", "EXPIRED"}


def test_a_document_is_all_that_goes_to_stdout(network: Running) -> None:
    """With `--json` every reporting verb prints one JSON document and nothing else, on stdout."""
    person = network.json("people", "--limit", "1")["people"][0]["person"]
    for words in (("status",), ("people",), ("scenarios",), ("history", person), ("permissions", "list")):
        state = () if words[0] in {"permissions", "scenarios"} else ("--state", str(network.state))
        done = run(*words, "--json", *state)
        assert done.returncode == 0, done.stderr
        assert isinstance(json.loads(done.stdout), dict), words


def test_a_clerks_question_can_be_looked_at_from_every_side(network: Running) -> None:
    """`inquire` asks as a clerk, and `view` shows what each party holds of it."""
    play = network.json("play", "dependant-check")
    asked = next(exchange for exchange in play["exchanges"] if exchange["outcome"] == "PROVIDED")
    kinds = network.file.extra["kinds"]
    for party in (kinds[asked["requester"]], "gateway", kinds[asked["provider"]]):
        held = network.json("view", party, "--request", asked["request_id"])
        assert asked["request_id"] in json.dumps(held), party


@pytest.mark.parametrize(
    "words",
    [
        ("play", "no-such-scenario"),
        ("history", "p-999999"),
        ("people", "--trait", "no-such-trait"),
        ("view", "no-such-party", "--request", "00000000-0000-4000-8000-000000000000"),
    ],
)
def test_what_does_not_exist_is_an_error_that_says_what_does(network: Running, words: tuple[str, ...]) -> None:
    """A name that does not exist ends with code 2, a message on stderr, and nothing on stdout."""
    done = run(*words, "--json", "--state", str(network.state))
    assert done.returncode == 2
    assert done.stdout == ""
    assert words[1].removeprefix("--") in done.stderr.replace("\n", " ") or words[-1] in done.stderr.replace("\n", " ")
    assert "Traceback" not in done.stderr


def test_without_a_network_the_command_says_how_to_start_one(tmp_path) -> None:
    """A state folder without a network is an error of code 2 that names the verb to use."""
    done = run("status", "--state", str(tmp_path / "nothing"))
    assert done.returncode == 2
    assert "warifu demo" in done.stderr.replace("\n", " ")


def test_help_speaks_the_language_of_the_terminal() -> None:
    """`--help` of the command and of each verb is Japanese under LANG=ja_JP and English otherwise."""
    ja, en = (run("--help", language=language) for language in ("ja_JP.UTF-8", "en_US.UTF-8"))
    assert ja.returncode == en.returncode == 0
    assert "シミュレータ" in ja.stdout
    assert "simulator" in en.stdout
    assert not JAPANESE.search(en.stdout)
    assert all(re.search(rf"\b{verb}\b", help_.stdout) for verb in VERBS for help_ in (ja, en))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_with_an_example(verb: str) -> None:
    """`VERB --help` shows an example in either language, and no Japanese in an English terminal but what is data."""
    ja, en = (run(verb, "--help", language=language) for language in ("ja_JP.UTF-8", "en_US.UTF-8"))
    assert "例" in ja.stdout
    assert "Examples" in en.stdout
    assert f"warifu {verb}" in en.stdout
    assert JAPANESE.search(ja.stdout)
    assert not JAPANESE.search(en.stdout.replace("佐藤", ""))
