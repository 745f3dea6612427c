"""The example's business system in TypeScript, behind an interim server of the whole network: what it tells a clerk is what the test card says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import uuid
from pathlib import Path
from typing import Any

import node
from e2e.conftest import Running

from warifu.simulator.face import Face, served
from warifu.simulator.lives import lives

NHI, ROW = "nhi-480011", "P07"
TRIES = 8
"""One answer in forty waits for a clerk; so many in a row would not."""


def expectations(network: Running) -> list[tuple[str, dict[str, Any]]]:
    """What inquiries by one row must come to, with the addressee number of whom each is about. Nobody in it has a part in a play, or was changed by one."""
    changed = lives(network.state)
    said = network.json("testcards", "--institution", NHI, "--row", ROW, "--limit", "200")["cards"]
    quiet = [
        card
        for card in said
        if card["person"] not in changed and not any(trait.startswith("cast:") for trait in card["traits"])
    ]
    return [(card["addressees"][NHI], one) for card in quiet for one in card["expected"] if one["year"] == 2025]


def ask(example: Path, face: Face, case: dict[str, Any], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the example once."""
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")
    return subprocess.run(
        ["node", "dist/src/main.js", "business", "--face", face.http, "--ask", str(folder / "case.json")],
        cwd=example,
        env={**node.environment(example), "WARIFU_TOKEN": face.token or ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def told(example: Path, face: Face, number: str, provider: str, folder: Path) -> dict[str, Any]:
    """What the clerk sees of an inquiry that no other clerk has to look at first."""
    case = {
        "addresseeNo": number,
        "provider": provider,
        "year": 2025,
        "office": "window-1",
        "clerk": "c-0001",
        "reference": "case-1",
    }
    for _ in range(TRIES):
        done = await asyncio.to_thread(ask, example, face, {**case, "requestId": str(uuid.uuid4())}, folder)
        assert done.returncode == 0, done.stderr
        if (said := json.loads(done.stdout))["state"] != "waiting":
            return said
    raise AssertionError("every answer waits for a clerk")


async def test_the_premium_desk_sees_what_the_cards_say(network: Running, example: Path, tmp_path: Path) -> None:
    """An income that is provided is shown, to the yen; without one the person needs a paper; who is not known is refused with the reason."""
    cards = await asyncio.to_thread(expectations, network)
    found = {one["fine"]: (number, one) for number, one in cards if one["sampled_too"]}
    assert {"PROVIDED", "NOT_REGISTERED"} <= set(found), "nobody to ask about"
    (number, provided), (stranger, absent) = found["PROVIDED"], found["NOT_REGISTERED"]
    async with served(network.file, NHI) as face:
        said = await told(example, face, number, provided["provider"], tmp_path)
        income = provided["records"][0]["values"]["gross_income_yen"]
        assert (said["state"], said["grossIncomeYen"], said["paperNeeded"]) == ("provided", income, False)
        said = await told(example, face, stranger, absent["provider"], tmp_path)
        assert (said["state"], said["paperNeeded"]) == ("absent", True)
        unknown = await asyncio.to_thread(
            ask,
            example,
            face,
            {
                "addresseeNo": "999999999999999",
                "provider": absent["provider"],
                "year": 2025,
                "office": "w",
                "clerk": "c",
                "reference": "r",
            },
            tmp_path,
        )
        assert (unknown.returncode, json.loads(unknown.stderr)["reason"]) == (1, "CLIENT_ADDRESSEE_UNKNOWN")
