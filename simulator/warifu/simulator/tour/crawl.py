"""Finds every page of a face that one visitor can reach by links, one of each pattern: identifiers in an address make no new page."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urldefrag, urlsplit

from playwright.sync_api import Error, Response

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

MOST: Final = 400
"""Pages of one visitor; more is a pattern that is not recognised."""
_IDS: Final = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"(?<=/)[0-9a-f]{16,}(?=/|$|\.)"), "{hex}"),
    (re.compile(r"(?<=/)(?:nhi|tax|residency|welfare|insurer|late-elderly)-\d+(?=/|$)"), "{institution}"),
    (re.compile(r"(?<=/scenarios/)[a-z-]+"), "{name}"),
    (re.compile(r"(?<=/drills/)[a-z-]+"), "{name}"),
    (re.compile(r"(?<=/)[JT][MT]\d{10,}(?=/|$)"), "{code}"),
    (re.compile(r"(?<=/)[a-z]*-?\d+(?=/|$|\.)"), "{number}"),
)
_LARGER: Final = "projector="
"""The same page in larger type; what is set by it would stay."""
_DROPPED: Final = frozenset({"lang", "next"})
_LINKS: Final = "links => links.map(one => one.href)"
_FORMS: Final = """forms => forms.map(one => ({
  action: one.action, method: one.method,
  fields: [...one.elements].filter(e => e.name && !e.disabled && !(["checkbox", "radio"].includes(e.type) && !e.checked))
    .map(e => [e.name, e.value, e.type])}))"""


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page, with what it would send as it stands."""

    action: str
    method: str
    fields: tuple[tuple[str, str, str], ...]
    """Name, value, type."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, as it was found."""

    url: str
    pattern: str
    status: int
    title: str
    linked_from: str
    """Address of the page that led here; empty for the first."""
    forms: Sequence[Form] = ()
    is_page: bool = True
    """Otherwise a file or a document for programs."""


@dataclass(slots=True)
class Crawl:
    """The pages of one origin that one visitor reaches."""

    context: BrowserContext
    origin: str
    skipped: Sequence[str] = ()
    """Beginnings of paths that are not followed."""
    seen: set[str] = field(default_factory=set)
    outward: set[str] = field(default_factory=set)
    """Links that leave the origin."""

    def run(self, *starts: str) -> Iterator[Visit]:
        """Every page, each as soon as it was looked at."""
        page = self.context.new_page()
        queue = deque((f"{self.origin}{start}", "") for start in starts)
        try:
            while queue and len(self.seen) < MOST:
                url, source = queue.popleft()
                if not self._is_new(url):
                    continue
                visit, links = self._visit(page, url, source)
                yield visit
                queue += [(link, url) for link in links]
        finally:
            page.close()

    def _is_new(self, url: str) -> bool:
        if not url.startswith(f"{self.origin}/"):
            self.outward.add(url)
            return False
        shape, parts = pattern(url), urlsplit(url)
        if shape in self.seen or parts.path.startswith(tuple(self.skipped)) or _LARGER in parts.query:
            return False
        self.seen.add(shape)
        return True

    def _visit(self, page: Page, url: str, source: str) -> tuple[Visit, list[str]]:
        shape, answers = pattern(url), list[Response]()
        page.once("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - it marks what it is given, which a method cannot bear
        try:
            shown = page.goto(url)
        except Error:  # what is downloaded is no page, and the browser says so by an error
            shown = None
        if shown is None or not shown.headers.get("content-type", "").startswith("text/html"):
            status = shown.status if shown is not None else answers[0].status if answers else 0
            return Visit(url, shape, status, "", source, is_page=False), []
        arrived = pattern(page.url)
        if not page.url.startswith(f"{self.origin}/"):
            self.outward.add(page.url)
            return Visit(url, shape, 303, "", source, is_page=False), []
        if arrived != shape:  # led on to another page: that one is looked at, once
            if arrived in self.seen:
                return Visit(url, shape, 303, "", source, is_page=False), []
            self.seen.add(arrived)
        links: list[str] = page.eval_on_selector_all("a[href]", _LINKS)
        forms = [_form(one) for one in page.eval_on_selector_all("form", _FORMS)]
        return Visit(page.url, arrived, shown.status, page.title(), source, forms), [
            urldefrag(link).url for link in links
        ]


def pattern(url: str) -> str:
    """The shape of an address: identifiers masked, of a query the names alone."""
    parts = urlsplit(url)
    path = parts.path
    for mask, name in _IDS:
        path = mask.sub(name, path)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} - _DROPPED)
    return f"{parts.netloc}{path}" + (f"?{'&'.join(names)}" if names else "")


def _form(told: dict[str, Any]) -> Form:
    return Form(told["action"], told["method"].lower(), tuple((n, v, t) for n, v, t in told["fields"]))
