"""Looking at somebody's history under a proxy's login: everything that the portal gives there, and its form, to compare two of them.

The form of a page or document is all of it but for what must differ between any two people: digits, week days, ids, hashes, positions,
and how many hashes lead from a place in the log to its root. So two forms are the same only when counts, order, wording, lengths and which
fields are filled are the same.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlencode, urljoin

from warifu.simulator.cards.client import Session
from warifu.simulator.scenarios.stage import Stage

LANGUAGES: Final = ("ja", "en")
LABELS: Final = {"principal": "娘", "proxy": "母"}
_PROGRAM: Final = "application/json"
_PERSON: Final = "text/html"
_OK, _NOT_FOUND = 200, 404
_ENTRY: Final = {
    "/history/{}": _NOT_FOUND,
    "/api/v1/history/{}": _NOT_FOUND,
    "/history/{}/proof": _NOT_FOUND,
    "/api/v1/proofs?request_id={}": _OK,
}
"""Where an entry can be asked for, and with which status one is answered that is not there."""
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+09:00")
_VALUES: Final = (
    (re.compile(r"[A-Za-z0-9+/_=-]{20,}"), "…"),  # ids, hashes, positions, keys
    (re.compile(r'"…"(?:,"…")+'), '"…"'),  # a path in a document
    (re.compile(r"(?:…\n)+"), "…\n"),  # a path in a proof's file
    (re.compile(r"[月火水木金土日](?=）)"), "曜"),
    (re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\b"), "Day"),
    (re.compile(r"\d+"), "0"),
)


@dataclass(slots=True)
class Seen:
    """What one login gave."""

    pages: dict[str, str] = field(default_factory=dict)
    """HTML by what was asked, with "#n" for the n-th entry."""
    documents: dict[str, str] = field(default_factory=dict)
    """JSON as it came, likewise."""
    entries: list[dict[str, Any]] = field(default_factory=list)
    records: list[dict[str, Any]] = field(default_factory=list)
    proofs: dict[str, str] = field(default_factory=dict)
    """What a browser checks the history with, and the file of each entry."""
    missing: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    """Status and body, by address, of the answers to ids that must not be there; the last of each is to an id that never was."""


async def look(stage: Stage, principal: str, proxy: str, hidden: Sequence[str]) -> Seen:
    """Register `proxy` as the principal's proxy through both logins, if they are not, and look at everything as that proxy."""
    await stage.doors.settle()  # the witness has answered whatever head has these entries
    theirs, own = await stage.session(principal), await stage.session(proxy)
    return await asyncio.to_thread(_look, theirs, own, hidden)


def _look(principal: Session, proxy: Session, hidden: Sequence[str]) -> Seen:
    proxy.submit("/proxies/act", {"mandate": _mandate(principal, proxy)})
    seen = Seen(entries=proxy.history())
    _look_at_lists(proxy, seen)
    for place, entry in enumerate(seen.entries):
        _keep(proxy, seen, f"/history/{entry['request_id']}", f"/history/#{place}")
        seen.proofs[f"#{place}"] = _get(proxy, f"/history/{entry['request_id']}/proof")[1]
    ids = [("request_id", entry["request_id"]) for entry in seen.entries]
    seen.proofs["all"] = _get(proxy, f"/api/v1/proofs?{urlencode(ids)}")[1]
    for address in _ENTRY:
        seen.missing[address] = [_get(proxy, address.format(one)) for one in (*hidden, str(uuid.uuid4()))]
    proxy.submit("/proxies/back", {})
    for name, session in (("proxy", proxy), ("principal", principal)):
        _keep(session, seen, "/proxies/records", f"/proxies/records of {name}")
    seen.records = _records(proxy)
    return seen


def _records(session: Session) -> list[dict[str, Any]]:
    """Every trace, newest first."""
    page = session.document("/api/v1/proxies/records")
    records = list(page["records"])
    while page["next"]:
        page = session.document(f"/api/v1/proxies/records?before={page['next']}")
        records += page["records"]
    return records


def _mandate(principal: Session, proxy: Session) -> str:
    """As people do it: one has a word made, the other types it. From an earlier play there is one already."""
    known = proxy.document("/api/v1/proxies")["principals"]
    if known:
        return str(known[0]["mandate"])
    word = principal.submit("/proxies/word", {"label": LABELS["proxy"]})["word"]
    return str(proxy.submit("/proxies/accept", {"word": word, "label": LABELS["principal"]})["mandate"])


def _look_at_lists(proxy: Session, seen: Seen) -> None:
    """The whole list, and page by page of one entry each."""
    _keep(proxy, seen, "/history", "/history")
    query, number = "limit=1", 0
    while query:
        _keep(proxy, seen, f"/history?{query}", f"/history page {number}")
        following = json.loads(seen.documents[f"/history page {number}"])["next"]
        query, number = f"limit=1&before={following}" if following else "", number + 1


def _keep(session: Session, seen: Seen, path: str, name: str) -> None:
    for language in LANGUAGES:
        seen.pages[f"{name} {language}"] = session.page(path, language)
    seen.documents[name] = _get(session, f"/api/v1{path}")[1]


def _get(session: Session, path: str) -> tuple[int, str]:
    accept = _PROGRAM if path.startswith("/api/") else _PERSON
    status, _, body = session.get(urljoin(session.portal_url, path), accept)
    return status, body


def form(text: str) -> str:
    """A page or document without the values that differ between any two people."""
    for values, sign in _VALUES:
        text = values.sub(sign, text)
    return text


def compare(stage: Stage, mine: Seen, others: Seen, shown: Sequence[str], hidden: Sequence[str]) -> None:
    """Note what tells the two apart, and whether anything hidden was seen at all."""
    answers = [body for address in mine.missing.values() for _, body in address]
    everything = "".join([*mine.pages.values(), *mine.documents.values(), *mine.proofs.values(), *answers])
    found = [request_id for request_id in hidden if request_id in everything]
    stage.check("as-proxy:no-hidden-entry", not found, f"{len(mine.entries)} entries")
    ids = {entry["request_id"] for entry in mine.entries}
    stage.check("as-proxy:sees-what-is-shown", ids >= set(shown), f"{len(ids & set(shown))} of {len(shown)}")
    counts = [[len(part) for part in (seen.entries, seen.pages, seen.documents)] for seen in (mine, others)]
    stage.check("as-proxy:same-counts", counts[0] == counts[1], f"entries, pages, documents: {counts}")
    for name in ("pages", "documents", "proofs"):
        one, other = getattr(mine, name), getattr(others, name)
        different = [asked for asked, here, there in _pairs(one, other) if form(here) != form(there)]
        stage.check(f"as-proxy:same-{name}", not different, ", ".join(different) or f"{len(one)} compared")
    sizes = [asked for asked, one, other in _pairs(mine.documents, others.documents) if len(one) != len(other)]
    stage.check("as-proxy:same-sizes", not sizes, ", ".join(sizes))
    stage.check("as-proxy:same-order", _order(mine) == _order(others) and _falling(mine) and _falling(others))
    stage.check("as-proxy:same-form-of-times", _times(mine) == _times(others) and all(_times(mine)))
    odd = [address for address, status in _ENTRY.items() if not _like_any(mine, others, address, status)]
    stage.check("as-proxy:hidden-is-missing-like-any", not odd, ", ".join(odd))
    traces = [[(one["act"], one["side"]) for one in seen.records] for seen in (mine, others)]
    stage.check("as-proxy:same-traces", bool(traces[0]) and traces[0] == traces[1], f"{len(traces[0])} traces")


def _like_any(mine: Seen, others: Seen, address: str, status: int) -> bool:
    """Every hidden id is answered there as one that never was, with this status, and as the other login is answered."""
    answers = [{(told, form(body)) for told, body in seen.missing[address]} for seen in (mine, others)]
    return answers[0] == answers[1] and len(answers[0]) == 1 and {told for told, _ in answers[0]} == {status}


def _pairs(mine: Mapping[str, str], others: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What both logins were asked, or only one of them, with both answers."""
    for asked in dict.fromkeys([*mine, *others]):
        yield asked, mine.get(asked, ""), others.get(asked, "")


def _order(seen: Seen) -> list[tuple[str, ...]]:
    """What happened in which order, but for when and the ids."""
    return [
        (one["requester"], one["provider"], one["procedure"], str(one["items"]), one["outcome"]) for one in seen.entries
    ]


def _falling(seen: Seen) -> bool:
    moments = [one["requested_at"] for one in seen.entries]
    return moments == sorted(moments, reverse=True)


def _times(seen: Seen) -> list[bool]:
    """Of every time in the lists, whether it has the one form that times have; in order."""
    entries = [one[name] for one in seen.entries for name in ("requested_at", "answered_at")]
    return [bool(_TIME.fullmatch(when or "")) for when in (*entries, *(one["at"] for one in seen.records))]
