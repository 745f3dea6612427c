"""Pictures of pages: each in both languages, wide and narrow, into one folder with an index."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

LANGUAGES: Final = ("ja", "en")
WIDTHS: Final = (1280, 390)
_HEIGHTS: Final = {1280: 900, 390: 844}
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


def take(context: BrowserContext, folder: Path, who: str, number: int, url: str, pattern: str) -> Shot:
    """Photograph one page in both languages at both widths."""
    files, title = [], ""
    page = context.new_page()
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": _HEIGHTS[width]})
        for language in LANGUAGES:
            page.goto(_in(url, language))
            page.wait_for_load_state()
            name = f"{who}-{number:03d}-{_slug(pattern)}-{language}-{width}.png"
            page.screenshot(path=folder / name, full_page=True)
            files.append((language, width, name))
            title = title or page.title()
    page.close()
    return Shot(who, title, pattern, files)


def write_index(folder: Path, shots: Iterable[Shot], names: dict[str, str]) -> Path:
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


def _in(url: str, language: str) -> str:
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name != "lang"]
    return parts._replace(query=urlencode([*kept, ("lang", language)])).geturl()


def _slug(pattern: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", pattern.partition("/")[2].lower()).strip("-")[:60] or "start"
