"""Pictures of pages: each in both languages, wide and narrow, into one folder with an index."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from playwright.sync_api import TimeoutError as Late

from warifu.web.languages import COOKIE, LANGUAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

WIDTHS: Final = (1280, 390)
_HEIGHTS: Final = {1280: 900, 390: 844}
_LOCALES: Final = {"ja": "ja-JP", "en": "en-GB"}
_STAYS: Final = re.compile("warifu_(easy|projector|kiosk)")
"""Cookies by which a page looks otherwise from then on: a picture shows what its address says."""
_CHECKABLE: Final = "[data-exchange]"
"""An entry, whose proof the browser checks."""
_CHECKED: Final = ".proof .mark, .proof [data-mark]"
"""What stands there once it has."""
_PATIENCE: Final = 5_000
"""Milliseconds that the check of the log's proofs may take; then the page is shown as it is."""
_STYLE: Final = """
body { font: 1rem/1.6 system-ui, sans-serif; margin: 2rem; color: #1a1a1c; background: #fff }
h2 { margin-top: 3rem; border-bottom: 2px solid #1a1a1c } h3 { font-size: 1rem; margin: 2rem 0 .5rem }
.row { display: flex; gap: 1rem; align-items: flex-start; flex-wrap: wrap }
.row a { border: 1px solid #767676; display: block } .wide img { width: 420px } .narrow img { width: 160px }
code { color: #595959 } @media print { a { break-inside: avoid } }
"""


@dataclass(frozen=True, slots=True)
class Shot:
    """One page of one visitor, with its pictures."""

    who: str
    title: str
    pattern: str
    files: Sequence[tuple[str, int, str]]
    """Language, width, file name."""


@dataclass(slots=True)
class Camera:
    """One visitor's pages, photographed."""

    who: str
    folder: Path
    readers: Mapping[str, BrowserContext]
    """By language: a browser's memory in which the visitor is logged in."""
    taken: list[Shot] = field(default_factory=list)

    def take(self, url: str, pattern: str, act: Callable[[Page], None] | None = None) -> Shot:
        """Photograph a page at both widths in both languages, once `act` was done on it."""
        name = f"{self.who}-{len(self.taken) + 1:03d}-{_slug(pattern)}"
        files, title = list[tuple[str, int, str]](), ""
        for language, reader in self.readers.items():
            page = _opened(reader, language, url, act)
            title = title or page.title()
            for width in WIDTHS:
                file = f"{name}-{language}-{width}.png"
                page.set_viewport_size({"width": width, "height": _HEIGHTS[width]})
                page.screenshot(path=self.folder / file, full_page=True, animations="disabled")
                files.append((language, width, file))
            page.close()
        shot = Shot(self.who, title, pattern, files)
        self.taken.append(shot)
        return shot


@contextmanager
def camera(browser: Browser, who: str, folder: Path, entered: BrowserContext) -> Iterator[Camera]:
    """A camera for somebody who has `entered`: the same person reads in each language."""
    readers, state = dict[str, "BrowserContext"](), entered.storage_state()
    for language in LANGUAGES:
        reader = browser.new_context(storage_state=state, locale=_LOCALES[language], reduced_motion="reduce")
        reader.set_default_timeout(30_000)
        readers[language] = reader
    try:
        yield Camera(who, folder, readers)
    finally:
        for reader in readers.values():
            reader.close()


def _opened(reader: BrowserContext, language: str, url: str, act: Callable[[Page], None] | None) -> Page:
    reader.clear_cookies(name=_STAYS)
    page = reader.new_page()
    page.set_viewport_size({"width": WIDTHS[0], "height": _HEIGHTS[WIDTHS[0]]})
    reader.add_cookies([{"name": COOKIE, "value": language, "url": url}])
    page.goto(url)
    if act is not None:
        act(page)
    page.wait_for_load_state()
    if page.locator(_CHECKABLE).count():
        with suppress(Late):
            page.locator(_CHECKED).first.wait_for(state="attached", timeout=_PATIENCE)
    return page


def write_index(folder: Path, shots: Iterable[Shot], names: Mapping[str, str]) -> Path:
    """One page that shows them all, by visitor; `names` says who each is."""
    parts = [f"<!doctype html><html lang=ja><meta charset=utf-8><title>warifu tour</title><style>{_STYLE}</style>"]
    parts.append("<h1>warifu tour</h1>")
    by_who: dict[str, list[Shot]] = {}
    for shot in shots:
        by_who.setdefault(shot.who, []).append(shot)
    for who, theirs in by_who.items():
        parts.append(f"<h2>{html.escape(names[who])}</h2>")
        parts += [_figure(shot) for shot in theirs]
    path = folder / "index.html"
    path.write_text("\n".join(parts), encoding="utf-8")
    return path


def _figure(shot: Shot) -> str:
    pictures = "".join(
        f'<a class="{"wide" if width == WIDTHS[0] else "narrow"}" href="{name}">'
        f'<img loading="lazy" src="{name}" alt="{html.escape(shot.title)} ({language}, {width} px)"></a>'
        for language, width, name in shot.files
    )
    return (
        f'<h3>{html.escape(shot.title)} <code>{html.escape(shot.pattern)}</code></h3><div class="row">{pictures}</div>'
    )


def _slug(pattern: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", pattern.partition("/")[2].lower()).strip("-")[:60] or "start"
