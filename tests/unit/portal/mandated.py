"""What tests of proxies share: people who log in, make words, accept them and act."""

from __future__ import annotations

from collections.abc import Mapping

import httpx2
from unit.portal.browser import Browser
from unit.portal.lab import HANA, SORA, DemoPerson, Lab

JSON = {"accept": "application/json"}


async def logged_in(lab: Lab, person: DemoPerson = HANA, language: str = "ja") -> Browser:
    """Somebody in a browser of their own."""
    browser = Browser(lab, language)
    await browser.log_in(person)
    return browser


async def word_of(browser: Browser, label: str = "母", **terms: str) -> str:
    """A pairing word that this browser's person had made."""
    response = await browser.post("/proxies/word", {"label": label, **terms}, **JSON)
    assert response.status_code == 200, response.text
    return response.json()["word"]


async def accepted(browser: Browser, word: str, label: str = "花") -> httpx2.Response:
    """The answer to a word that was typed."""
    return await browser.post("/proxies/accept", {"word": word, "label": label}, **JSON)


async def paired(
    lab: Lab, principal: DemoPerson = HANA, proxy: DemoPerson = SORA, **terms: str
) -> tuple[Browser, Browser, str]:
    """Principal and proxy, each logged in, and the mandate."""
    theirs, own = await logged_in(lab, principal), await logged_in(lab, proxy)
    response = await accepted(own, await word_of(theirs, **terms))
    assert response.status_code == 200, response.text
    return theirs, own, response.json()["mandate"]


async def acting(lab: Lab, **terms: str) -> tuple[Browser, Browser, str]:
    """The same, and the proxy reads for the principal."""
    theirs, own, mandate = await paired(lab, **terms)
    assert (await own.post("/proxies/act", {"mandate": mandate})).status_code == 303
    return theirs, own, mandate


def reason(response: httpx2.Response) -> tuple[int, str]:
    """Status and reason of a refusal."""
    return response.status_code, response.json()["error"]["reason"]


async def acts(browser: Browser) -> list[tuple[str, str, str]]:
    """Act, side and label of every trace, newest first, over all pages."""
    found: list[Mapping[str, str]] = []
    before = ""
    while True:
        document = (await browser.get(f"/api/v1/proxies/records?before={before}")).json()
        found += document["records"]
        if document["next"] is None:
            return [(one["act"], one["side"], one["label"]) for one in found]
        before = document["next"]
