"""The kit as a tester has it: pytest in an empty folder, and a network that is put back between two tests."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import pytest
from running import announced

from warifu.law import packaged_files
from warifu.simulator.testing import Child, EngineError
from warifu.simulator.testing.linkage import Answer, AsyncLinkage, Face, Linkage, LinkageTestError

ROOT = Path(__file__).resolve().parents[2]
NHI, TAX = "nhi-480011", "tax-491004"
BEGINNING = datetime.fromisoformat("2026-04-06T09:00+09:00")
UNNAMED = str.maketrans("", "", "\x1b")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """One engine for the tests of this module."""
    with Child.start() as started:
        yield started


@pytest.fixture
def linkage(child: Child) -> Iterator[Linkage]:
    """The network as at its beginning."""
    opened = child.linkage()
    opened.reset(stopped=True)
    yield opened
    opened.close()


def send(face: Face, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> dict[str, Any]:
    """A call by JSON, as a business system makes it."""
    headers = {"authorization": f"Bearer {token or face.token}", "content-type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(face.url + path, data, headers), timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def inquire(face: Face, card: dict[str, Any], expected: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Ask what a test card says can be asked."""
    body = {name: expected[name] for name in ("provider", "affair", "procedure", "item")}
    body |= {"requestId": request_id, "addresseeNo": card["addressees"][face.institution], "clerk": "c-0001"}
    if expected["year"] is not None:
        body["span"] = {"fiscalYear": {"year": expected["year"]}}
    send(face, "/v1/inquiries", body | {"office": "window-1", "caseReference": "case-1"})
    found: dict[str, Any] = send(face, f"/v1/inquiries/{request_id}?waitMs=10000")["inquiry"]
    return found


def pytest_in(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Pytest as somebody else's project runs it."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-W", "ignore", *words],
        cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip


def snippet() -> str:
    """The test of the five-minute page."""
    page = (ROOT / "docs" / "KIT.md").read_text(encoding="utf-8")
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found is not None
    return found[1]


def test_the_five_minute_page_is_green_and_red_when_the_system_is_broken(tmp_path: Path) -> None:
    """What the page says to paste passes in an empty folder; with the desk broken it fails and shows what was expected."""
    (tmp_path / "test_premium.py").write_text(snippet(), encoding="utf-8")
    (tmp_path / "test_broken.py").write_text(
        snippet().replace('!= "FINE_OUTCOME_PROVIDED"', '== "FINE_OUTCOME_PROVIDED"')
    )
    (tmp_path / "test_idle.py").write_text(
        "def test_that_calls_nothing(linkage):\n    assert linkage.people(limit=1)\n"
    )

    done = pytest_in(tmp_path, "-q")

    assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("FAILED test_broken.py") == 2
    assert "assert not True" in done.stdout
    assert "FAILED test_idle.py::test_that_calls_nothing" in done.stdout
    assert "the system under test made no call to the network" in done.stdout


def test_every_recipe_works_as_it_stands(tmp_path: Path) -> None:
    """The nine recipes, with the helper that they share, pass in an empty folder."""
    page = (ROOT / "docs" / "RECIPES.md").read_text(encoding="utf-8")
    helper, *recipes = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "office.py").write_text(helper, encoding="utf-8")
    for number, recipe in enumerate(recipes, 1):
        (tmp_path / f"test_recipe_{number}.py").write_text(recipe, encoding="utf-8")

    done = pytest_in(tmp_path, "-q")

    assert "9 passed" in done.stdout, done.stdout + done.stderr


def test_the_recipes_helper_asks_each_question_once(linkage: Linkage) -> None:
    """One person asked about under two procedures of one item and year is two inquiries; the same question again is the same one."""
    helper = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "RECIPES.md").read_text(encoding="utf-8"), re.DOTALL)
    assert helper is not None
    names: dict[str, Any] = {}
    exec(helper[1], names)
    office = names["Office"](linkage.face(NHI))
    card, second = linkage.case(NHI, row="P09")
    same = {name: second[name] for name in ("provider", "item", "year")}
    (first,) = (one for one in card["expected"] if one["row"] == "P07" and same.items() <= one.items())

    ids = [office.ask(card["addressees"][NHI], one) for one in (first, second, first, second)]

    assert ids[:2] == ids[2:]
    procedures = [office.answer(one)["request"]["procedure"] for one in ids[:2]]
    assert procedures == [first["procedure"], second["procedure"]]


def test_the_recipe_for_a_shell_works_as_it_stands(tmp_path: Path) -> None:
    """A network is served, asked by curl and looked at by the command, with nothing of Python in between."""
    if any(shutil.which(tool) is None for tool in ("curl", "jq")):
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("needs curl and jq: apt install curl jq")
    page = (ROOT / "docs" / "RECIPES.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)

    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, env=beside_the_command(tmp_path), capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert "[ANSWERED]" in done.stdout


def beside_the_command(folder: Path) -> dict[str, str]:
    """Surroundings in which `warifu` is found, and which list its networks in a place of their own."""
    (folder / "bin").mkdir()
    command = folder / "bin" / "warifu"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m warifu.cli "$@"\n')
    command.chmod(0o755)
    return os.environ | {
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(folder),
        "COLUMNS": "300",
    }


def test_the_recipe_for_node_works_as_it_stands(example: Path, tmp_path: Path) -> None:
    """Both of its tests pass and are in the JUnit file."""
    page = (ROOT / "docs" / "RECIPES.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"```js\n(.*?)```", page, re.DOTALL)
    (tmp_path / "premium.test.mjs").write_text(program, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(example / "node_modules")
    words = ["--test", "--test-reporter=junit", "--test-reporter-destination=results.xml", "premium.test.mjs"]

    done = subprocess.run(
        ["node", *words], cwd=tmp_path, env=beside_the_command(tmp_path), capture_output=True, text=True, timeout=240, check=False
    )  # fmt: skip

    results = (tmp_path / "results.xml").read_text(encoding="utf-8")
    assert done.returncode == 0, results + done.stderr
    assert results.count("<testcase ") == 2
    assert "<failure" not in results


def test_nothing_is_started_until_a_test_asks(tmp_path: Path) -> None:
    """Tests that use no fixture of the kit load neither gRPC nor the engine."""
    program = (
        "import sys\n\ndef test_alone():\n    assert not {'grpc', 'sqlalchemy', 'warifu.kernel'} & set(sys.modules)\n"
    )
    (tmp_path / "test_alone.py").write_text(program)

    done = pytest_in(tmp_path, "-q", "-p", "no:hypothesispytest", "-p", "no:anyio", "--noconftest")

    assert done.returncode == 0, done.stdout


def test_a_business_system_gets_what_the_card_says_and_the_person_sees_it(linkage: Linkage) -> None:
    """An inquiry over the face comes to the card's values, is in the person's history, and counts as the system's call."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")

    answer = inquire(linkage.face(NHI), card, expected, "22222222-1111-4111-8111-111111111111")

    assert answer["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
    told = answer["records"][0]["content"]["localTax"]
    assert int(told["grossIncomeYen"]) == expected["records"][0]["values"]["gross_income_yen"]
    entry = linkage.history(card["person"]).has(requester=NHI, provider=expected["provider"], outcome="ANSWERED")
    assert entry["request_id"] == answer["requestId"]
    assert {call.method.rpartition("/")[2] for call in linkage.calls()} >= {"Inquire", "Collect"}


def test_a_reset_forgets_everything_but_addresses(child: Child, linkage: Linkage) -> None:
    """After a reset there are no history, no faults, no calls and no later time; the log is new; the face still answers, to the same token."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    face = linkage.face(NHI)
    inquire(face, card, expected, "22222222-1111-4111-8111-111111111112")
    linkage.set_clock(BEGINNING + timedelta(days=30))
    linkage.faults("provider-down")

    log_before = json.loads((Path(child.state) / "network.json").read_text())["log"]["key"]
    linkage.reset(stopped=True)

    assert list(linkage.history(card["person"])) == []
    assert json.loads((Path(child.state) / "network.json").read_text())["log"]["key"] != log_before
    assert linkage.calls() == []
    assert linkage.face(NHI) == face
    again = inquire(face, card, expected, "22222222-1111-4111-8111-111111111112")
    assert again["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
    assert linkage.history(card["person"])[0]["requested_at"].startswith("2026-04-06T09:00")


def test_the_same_script_gives_the_same_bytes(
    linkage: Linkage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stopped clock a script's people, codes, ids and histories are the same to the byte after a reset, and in a network that was filled anew."""
    once = script(linkage)

    assert script(linkage) == once
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # no copy of a filled network there
    with Child.start() as child:
        other = child.linkage()
        assert script(other) == once
        keys = [
            (Path(one.network().state) / "tax" / "secrets" / f"{TAX}.keys.json").read_bytes()
            for one in (linkage, other)
        ]
        other.close()
    assert keys[0] != keys[1]


def script(linkage: Linkage) -> bytes:
    """What a script of some calls leaves: people, every institution's codes, ids and histories."""
    linkage.reset(stopped=True)
    told: list[Any] = [linkage.people(institution=NHI, limit=20)]
    for row in ("P07", "P08"):
        card, expected = linkage.case(NHI, row=row, outcome="ANSWERED")
        answer = linkage.ask(NHI, expected["provider"], row, card["person"], year=expected["year"])
        told += [answer.request_id, answer.outcome, *answer.records, list(linkage.history(card["person"]))]
    for place in sorted(Path(linkage.network().state).glob("*/*.interim.db")):
        with closing(sqlite3.connect(place)) as database:
            codes = database.execute(
                "SELECT addressee_no, hex(subject) FROM addressees ORDER BY addressee_no"
            ).fetchall()
            told.append([place.name, codes])
    assert sum(len(one[1]) for one in told if isinstance(one, list) and len(one) == 2 and ".db" in str(one[0])) > 200
    return json.dumps(told, ensure_ascii=False, default=dict, sort_keys=True).encode()


def test_a_snapshot_is_what_was(linkage: Linkage) -> None:
    """What happened before a snapshot is there again after it is restored, and what came later is not."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    first = linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
    linkage.snapshot("asked once")
    second = linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
    linkage.history(card["person"]).has(request_id=second.request_id)

    linkage.restore("asked once")

    history = linkage.history(card["person"])
    history.has(request_id=first.request_id)
    history.has_not(request_id=second.request_id)
    with pytest.raises(LinkageTestError, match="there is no snapshot 'nothing'"):
        linkage.restore("nothing")


def test_another_seed_takes_its_place_behind_the_same_faces(linkage: Linkage) -> None:
    """Under another seed there are other people, and a system goes on with face and token that it has; the next reset is back."""
    face, first = linkage.face(NHI), linkage.person()

    linkage.reset(seed=2)

    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    assert linkage.network().seed == 2
    assert linkage.person() != first
    answer = inquire(face, card, expected, "33333333-1111-4111-8111-111111111111")
    assert answer["fineOutcome"] == "FINE_OUTCOME_PROVIDED"
    assert linkage.calls()
    linkage.reset()
    assert (linkage.network().seed, linkage.person()) == (1, first)
    assert send(face, "/v1/inquiries").get("inquiries", []) == []


def test_what_is_waited_for_is_told_when_it_comes(linkage: Linkage) -> None:
    """An inquiry's outcome, records of it, the entry and the log's growth are waited for, each by one call that returns what came."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    face, request_id = linkage.face(NHI), "66666666-1111-4111-8111-111111111111"
    linkage.faults("provider-down")
    body = {name: expected[name] for name in ("provider", "affair", "procedure", "item")}
    body |= {"requestId": request_id, "addresseeNo": card["addressees"][NHI], "clerk": "c-0001", "office": "window-1"}
    send(face, "/v1/inquiries", body | {"span": {"fiscalYear": {"year": expected["year"]}}, "caseReference": "case-1"})

    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(linkage.wait_for_inquiry, NHI, request_id, fine="PROVIDED")
        assert linkage.wait_for_record("gateway", request_id)["records"] == 1
        assert not coming.done()
        linkage.faults()
        assert coming.result(10) == {"request_id": request_id, "outcome": "ANSWERED", "fine": "PROVIDED", "reason": ""}

    entry = linkage.wait_for_history(card["person"], requester=NHI, item=expected["item"], outcome="ANSWERED")
    assert entry["request_id"] == request_id
    assert linkage.wait_for_record(expected["provider"], request_id)["records"] == 2
    assert linkage.wait_for_log()["size"] >= 2


def test_what_does_not_come_is_named_with_what_is_there(linkage: Linkage) -> None:
    """Each wait that ends in vain says what was waited for and what there is; one for nobody's says so at once."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    asked = linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
    linkage.history(card["person"])

    with pytest.raises(LinkageTestError, match=f"coming to DENIED; it has come to {answered(asked)}"):
        linkage.wait_for_inquiry(NHI, asked.request_id, "DENIED", within=0.2)
    with pytest.raises(LinkageTestError, match="knows no such inquiry"):
        linkage.wait_for_inquiry(NHI, "55555555-1111-4111-8111-111111111111", within=0.1)
    with pytest.raises(LinkageTestError, match=r"(?s)outcome='DENIED'.*outcome: expected 'DENIED', is 'ANSWERED'"):
        linkage.wait_for_history(card["person"], within=0.2, requester=NHI, outcome="DENIED")
    with pytest.raises(LinkageTestError, match="no entry of a history has 'items'"):
        linkage.wait_for_history(card["person"], items=[expected["item"]])
    with pytest.raises(LinkageTestError, match="nothing of it is held there"):
        linkage.wait_for_record("tax-480011", "55555555-1111-4111-8111-111111111111", within=0.1)
    with pytest.raises(LinkageTestError, match="finding of kind fork; nothing was found"):
        linkage.wait_for_finding("fork", within=0.1)
    with pytest.raises(LinkageTestError, match="there is no institution 'tax-1'"):
        linkage.wait_for_record("tax-1", asked.request_id)
    with sqlite3.connect(Path(linkage.network().state) / "watchdog" / "watchdog.db") as database:
        database.execute(
            "INSERT INTO finding (kind, subject, found_at, network_at, party, detail_ja, detail_en, evidence)"
            " VALUES ('late-record', x'00', 1, 1, 'gateway', '遅い', 'late', x'00')"
        )
    assert linkage.wait_for_finding("late-record")["detail"] == "late"


def answered(answer: Answer) -> str:
    """As a wait tells it."""
    return f"ANSWERED {answer.outcome}"


def test_what_is_missing_is_shown_with_what_comes_nearest(linkage: Linkage) -> None:
    """A history without the wanted entry fails with the nearest entry and the values that differ."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    with pytest.raises(AssertionError, match="is empty"):
        linkage.history(card["person"]).has(requester=NHI)
    linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
    history = linkage.history(card["person"])

    with pytest.raises(AssertionError, match=f"provider: expected 'tax-1', is '{expected['provider']}'"):
        history.has(requester=NHI, provider="tax-1")
    with pytest.raises(AssertionError, match="has an entry with"):
        history.has_not(requester=NHI)


def test_faults_and_rows_are_of_one_test(linkage: Linkage) -> None:
    """A fault and another permission table hold until they are lifted, and a table that cannot be read is refused with its place."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    asked = (NHI, expected["provider"], "P07", card["person"])
    shipped = packaged_files()["permissions.toml"].decode()

    linkage.permissions(without_nhi(shipped))
    assert linkage.ask(*asked, year=expected["year"]).outcome == "DENIED"
    linkage.permissions()
    assert linkage.ask(*asked, year=expected["year"]).outcome == "PROVIDED"
    with pytest.raises(LinkageTestError, match=r"permissions\.toml"):
        linkage.permissions(shipped.replace('version = "', 'versio = "', 1))
    with pytest.raises(LinkageTestError, match="there is no fault 'nothing-works'"):
        linkage.faults("nothing-works")
    with pytest.raises(LinkageTestError, match="only"):
        linkage.set_clock(BEGINNING - timedelta(days=1))


def test_test_cards_are_those_of_the_table_in_force(linkage: Linkage) -> None:
    """Under another table cards expect what the network does: who may ask no more has no such case, and who may now has one that comes true."""
    union = "union-39480017"
    assert linkage.case(NHI, row="P07")
    with pytest.raises(LookupError):
        linkage.case(union, row="P07")

    linkage.permissions(without_nhi(packaged_files()["permissions.toml"].decode()))

    with pytest.raises(LookupError):
        linkage.case(NHI, row="P07")
    card, expected = linkage.case(union, row="P07", fine="PROVIDED", sampled_too=True)
    answer = linkage.ask(union, expected["provider"], "P07", card["person"], year=expected["year"])
    assert answer.outcome in {"PROVIDED", "PENDING"}, answer  # one in forty waits for a clerk, who decides
    linkage.permissions()
    assert linkage.case(NHI, row="P07")


def test_permits_that_are_not_as_they_should_be_are_sent_to_the_provider(linkage: Linkage) -> None:
    """A provider refuses a damaged permit and an expired one, and answers one that comes twice once."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    came = {}
    for name in ("damaged-permit", "expired-permit", "permit-twice"):
        linkage.faults(name)
        asked = linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
        came[name] = asked.outcome, asked.reason

    assert came == {
        "damaged-permit": ("ERROR", "GATEWAY_PERMIT_REFUSED"),
        "expired-permit": ("EXPIRED", "GATEWAY_EXPIRED"),
        "permit-twice": ("PROVIDED", ""),
    }
    assert linkage.wait_for_record(expected["provider"], asked.request_id)["records"] == 2


def without_nhi(table: str) -> str:
    """The table in which row P07 is not for municipal insurers."""
    head, mark, rest = table.partition('id = "P07"')
    assert mark
    return head + mark + rest.replace('requester_roles = ["nhi"]', 'requester_roles = ["late_elderly_union"]', 1)


def test_an_institution_can_be_the_system_s_alone(linkage: Linkage) -> None:
    """Then no simulated clerk decides there what waits, whatever faults are planted and lifted, until the next reset."""
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")
    asked = (NHI, expected["provider"], "P07", card["person"])
    linkage.face(expected["provider"], alone=True)
    linkage.faults("review-pending")

    assert linkage.ask(*asked, year=expected["year"]).outcome == "PENDING"
    linkage.reset()
    linkage.faults("review-pending")
    assert linkage.ask(*asked, year=expected["year"]).outcome == "PROVIDED"


async def test_coroutines_have_it_too(linkage: Linkage) -> None:
    """`AsyncLinkage` does the same without holding the event loop."""
    network = AsyncLinkage(linkage)
    card, expected = await network.case(NHI, row="P07", fine="PROVIDED")

    answer = await network.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])

    (await network.history(card["person"])).has(request_id=answer.request_id)


def test_only_who_shows_the_token_drives_it(child: Child, linkage: Linkage) -> None:
    """Neither the control service nor a face lets anybody in without its token."""
    stranger = Linkage(child.address, "guessed")

    with pytest.raises(LinkageTestError, match="token"):
        stranger.reset()
    with pytest.raises(urllib.error.HTTPError, match="401"):
        send(linkage.face(NHI), "/v1/inquiries", token="guessed")
    stranger.close()


def test_many_resets_leave_nothing_behind(child: Child, linkage: Linkage) -> None:
    """Thirty resets with an inquiry each leave no handle, thread or port more than the first did."""
    process = psutil.Process(child.process.pid)
    card, expected = linkage.case(NHI, row="P07", fine="PROVIDED")

    def turn() -> tuple[int, int, int]:
        linkage.reset(stopped=True)
        linkage.ask(NHI, expected["provider"], "P07", card["person"], year=expected["year"])
        return process.num_fds(), process.num_threads(), len(process.net_connections("tcp"))

    for _ in range(5):
        before = turn()
    for _ in range(25):
        after = turn()

    assert all(later <= earlier + 5 for later, earlier in zip(after, before, strict=True)), (before, after)


def test_an_engine_that_cannot_start_says_why() -> None:
    """Whoever starts one that ends at once is told what it said."""
    with pytest.raises(EngineError, match="at least 21"):
        Child.start(people=0)


def test_it_ends_with_whoever_started_it() -> None:
    """An engine whose tester was killed ends by itself, and its state with it."""
    program = "from warifu.simulator.testing import Child\nimport time\nc = Child.start()\nprint(c.process.pid, c.state, flush=True)\ntime.sleep(600)\n"
    tester = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert tester.stdout is not None
    pid, state = tester.stdout.readline().split()

    tester.kill()
    tester.communicate()
    _, alive = psutil.wait_procs([psutil.Process(int(pid))] if psutil.pid_exists(int(pid)) else [], timeout=30)

    assert not alive
    assert not Path(state).exists()


def test_what_a_killed_engine_leaves_is_removed_by_the_next(linkage: Linkage) -> None:
    """An engine that could not end leaves its state; the next that starts removes it, and touches none that runs."""
    killed = Child.start()
    assert Path(killed.state).exists()
    killed.process.kill()
    killed.process.communicate()

    with Child.start() as third:
        assert not Path(killed.state).parent.exists()
        assert Path(third.state).exists()
        assert Path(linkage.network().state).exists()


def test_the_verb_serves_it_for_any_language(tmp_path: Path) -> None:
    """`warifu serve --json` says where control service and face are, and Ctrl-C ends it with everything it made."""
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path)}
    words = [sys.executable, "-m", "warifu.cli", "serve", "--face", NHI, "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    told = announced(process)

    linkage = Linkage(told["address"], told["token"])
    assert linkage.network().people == 200
    linkage.close()
    (face,) = told["faces"]
    assert send(Face(**face), "/v1/inquiries").get("inquiries", []) == []
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert not Path(told["state"]).exists()
