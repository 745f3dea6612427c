"""A network under test that is served once, at ports that are known beforehand, as a container serves it (docs/KIT.md §5)."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ports import free_ports
from running import announced

ROOT = Path(__file__).resolve().parents[2]
NHI, TAX = "nhi-480011", "tax-491004"
TOKEN = "a-token-of-the-tester"
PEOPLE = 60


def command(*words: str, **variables: str) -> subprocess.Popen[str]:
    """`warifu` with these variables in its environment."""
    return subprocess.Popen(
        [sys.executable, "-m", "warifu.cli", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ | variables | {"LC_ALL": "en_US.UTF-8"},
    )  # fmt: skip


def refused(*words: str, **variables: str) -> str:
    """What the command says before it ends with code 2."""
    process = command(*words, **variables)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2, said
    return " ".join(said.split())


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A network that is served on all addresses of the machine; what it said of itself."""
    words = ("--people", str(PEOPLE), "--port", str(free_ports(14)), "--listen", "0.0.0.0", "--face", NHI, "--json")
    state = str(tmp_path_factory.mktemp("state"))
    process = command("serve", *words, WARIFU_KIT_TOKEN=TOKEN, XDG_STATE_HOME=state)
    yield announced(process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0


def port(served: Mapping[str, Any]) -> int:
    """Of the control service."""
    return int(served["address"].rpartition(":")[2])


def alone() -> dict[str, str]:
    """Surroundings of a session that is no worker of this one."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}


def run_tests(folder: Path, address: str, *words: str, token: str = TOKEN, **variables: str) -> str:
    """What pytest says of the tests in a folder that use this network."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore", "--linkage", address, *words],
        cwd=folder, env=alone() | {"WARIFU_KIT_TOKEN": token} | variables, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_every_port_is_known_from_the_first(served: dict[str, Any]) -> None:
    """Web faces follow the control service, plain faces begin ten further; each is reached at any address of the machine."""
    first = port(served)
    (face,) = served["faces"]

    assert served["token"] == TOKEN
    assert sorted(served["urls"].values(), key=lambda url: url[-5:]) == [
        f"http://{name}.localhost:{first + 1 + place}"
        for place, name in enumerate(("portal", "card", "log", "watchdog"))
    ]
    assert (face["url"], face["address"]) == (f"http://127.0.0.1:{first + 10}", f"127.0.0.1:{first + 11}")
    for place, host in ((1, "portal.localhost"), (10, "127.0.0.2")):
        asked = urllib.request.Request(
            f"http://127.0.0.2:{first + place}/", headers={"host": f"{host}:{first + place}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:
            assert answer.status == 200


def test_the_same_tests_use_it(served: dict[str, Any], tmp_path: Path) -> None:
    """The five-minute page's tests pass against it, one after the other and again; a seed of its own is had, another face gets the next ports."""
    page = (ROOT / "docs" / "KIT.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"```python\n(import json.*?)```", page, re.DOTALL)
    (tmp_path / "test_premium.py").write_text(snippet, encoding="utf-8")
    (tmp_path / "test_more.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.linkage_no_call\n@pytest.mark.linkage_seed(2)\n"
        "def test_seed(linkage):\n    assert linkage.network().seed == 2\n\n"
        "@pytest.mark.linkage_no_call\n"
        f"def test_face(linkage):\n    assert linkage.network().seed == 1\n    assert linkage.face({TAX!r}).url.endswith(':{port(served) + 12}')\n",
        encoding="utf-8",
    )

    for _ in range(2):
        said = run_tests(tmp_path, served["address"])
        assert "4 passed" in said, said


@pytest.mark.parametrize(
    ("test", "variables", "told"),
    [
        ("def test(linkage): pass", {"token": "another-token"}, "the token that was printed at the start is missing or wrong"),
        ("def test(linkage): pass", {"token": ""}, "put the token of that network into the environment variable WARIFU_KIT_TOKEN"),
        ("def test(linkage): pass", {"PYTEST_XDIST_WORKER": "gw1"}, "tests that run side by side would reset one network under each other"),
        ("import pytest\n@pytest.mark.linkage_people(61)\ndef test(linkage): pass", {}, "the test wants 61 people, the served network has 60"),
        (f"import pytest\n@pytest.mark.linkage_elsewhere({TAX!r})\ndef test(linkage): pass", {}, "run this test without --linkage"),
    ],
)  # fmt: skip
def test_what_it_cannot_be_for_a_test_is_said(
    served: dict[str, Any], tmp_path: Path, test: str, variables: dict[str, str], told: str
) -> None:
    """A test that asks for what a served network is not fails with the reason, and nothing else is tried."""
    (tmp_path / "test_one.py").write_text(test, encoding="utf-8")

    said = run_tests(tmp_path, served["address"], **variables)

    assert "1 error" in said
    assert told in said
    assert "Traceback" not in said


def test_one_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Where nothing listens the address is told."""
    (tmp_path / "test_one.py").write_text("def test(linkage): pass", encoding="utf-8")
    address = f"127.0.0.1:{free_ports(1)}"

    assert f"--linkage {address}: " in run_tests(tmp_path, address)


def test_a_taken_port_is_named_before_anything_is_made(served: dict[str, Any]) -> None:
    """Two networks never share a port: the second does not start."""
    assert f"port {port(served)} is in use by another program" in refused("serve", "--port", str(port(served)))


@pytest.mark.parametrize(
    ("words", "variables", "told"),
    [
        (["--listen", "everywhere"], {}, "--listen everywhere is no IPv4 address"),
        (["--face", "nobody"], {}, "no institution is called nobody. There are: "),
        ([], {"WARIFU_KIT_TOKEN": "short"}, "WARIFU_KIT_TOKEN must be 16 or more ASCII characters"),
    ],
)
def test_what_cannot_be_served_is_refused(words: list[str], variables: dict[str, str], told: str) -> None:
    """An address that is none, an institution that is none, and a token that could be guessed are refused with what would do."""
    assert told in refused("serve", *words, **variables)
