"""The script computes what the library computes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from browser.proofs.checking import (
    history,
)
from playwright.sync_api import Page
from unit.portal.paper_log import PaperLog
from unit.portal.serving import Served

from warifu.tlog.merkle import leaf_hash
from warifu.tlog.proofs import TiledTree

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_the_browser_computes_as_the_library_does(page: Page, network: Served) -> None:
    """Over random trees the script accepts each inclusion and consistency proof of `warifu.tlog`, and no altered one."""
    history(page, network)
    script = page.locator("script[type=module]").get_attribute("src").replace("page.js", "merkle.js")
    cases = network.run(_cases(random.Random(7)))
    found = page.evaluate(
        """async ([script, cases]) => {
            const { leafHash, rootFromPath, rootsFromConsistency } = await import(script);
            const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
            const hex = (found) => [...found].map((byte) => byte.toString(16).padStart(2, "0")).join("");
            const attempt = (work) => work.then((value) => value, () => null);
            return Promise.all(cases.map(async (one) => {
                const path = one.path.map(bytes);
                if (one.kind === "inclusion") {
                    const root = await attempt(leafHash(bytes(one.leaf)).then((leaf) => rootFromPath(leaf, one.index, one.size, path)));
                    return root === null ? null : [hex(root)];
                }
                const roots = await attempt(rootsFromConsistency(one.old, bytes(one.old_root), one.size, path));
                return roots === null ? null : roots.map(hex);
            }));
        }""",
        [script, [case for case, _ in cases]],
    )
    assert len(cases) >= 400
    wrong = [
        case for (case, expected), got in zip(cases, found, strict=True) if (got == expected[1]) is not expected[0]
    ]
    assert wrong == []


async def _cases(rng: random.Random) -> list[tuple[dict[str, Any], tuple[bool, list[str]]]]:
    """(case, (whether the script must reach these roots, the roots))."""
    from warifu.tlog.frontier import Frontier

    cases: list[tuple[dict[str, Any], tuple[bool, list[str]]]] = []
    for _ in range(120):
        size = rng.choice([rng.randint(1, 20), rng.randint(1, 700)])
        log = PaperLog(_no_clock(), leaves=[rng.randbytes(32) for _ in range(size)])
        hashes = [leaf_hash(leaf) for leaf in log.leaves]
        root = Frontier().append(hashes).root
        tree = TiledTree(log.tile, size, root)
        index, old = rng.randrange(size), rng.randint(1, size)
        path = [step.hex() for step in await tree.inclusion(index)]
        good = {"kind": "inclusion", "leaf": log.leaves[index].hex(), "index": index, "size": size, "path": path}
        cases.append((good, (True, [root.hex()])))
        cases.append(({**good, **_spoiled(rng, good)}, (False, [root.hex()])))
        if old == size:
            continue
        old_root = Frontier().append(hashes[:old]).root
        path = [step.hex() for step in await tree.consistency(old)]
        roots = [old_root.hex(), root.hex()]
        good = {"kind": "consistency", "old": old, "old_root": old_root.hex(), "size": size, "path": path}
        cases.append((good, (True, roots)))
        cases.append(({**good, **_spoiled(rng, good)}, (False, roots)))
    return cases


def _no_clock() -> Any:
    return None


def _spoiled(rng: random.Random, case: dict[str, Any]) -> dict[str, Any]:
    """One change after which a proof must not lead to the same roots."""
    path = list(case["path"])
    ways = ["longer"] + (["altered", "shorter"] if path else [])
    way = rng.choice(ways)
    if way == "altered":
        at = rng.randrange(len(path))
        path[at] = (bytes.fromhex(path[at])[:-1] + bytes([bytes.fromhex(path[at])[-1] ^ 1])).hex()
    elif way == "shorter":
        path.pop(rng.randrange(len(path)))
    else:
        path.insert(rng.randrange(len(path) + 1), rng.randbytes(32).hex())
    return {"path": path}
