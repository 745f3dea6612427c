"""Which language a page is in, and its texts. Japanese is written in the code; every other language is a gettext catalogue.

The catalogues are kept as `.po` and compiled in memory at start, so that no compiled file can be older than its source. A face of many
features keeps one of its own for each, `<domain>-<feature>.po`, beside `<domain>.po`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from starlette.requests import Request

LANGUAGES: Final = ("ja", "en")
EASY: Final = "ja-easy"
"""やさしい日本語: no language of its own, but other words for what a page of Japanese says, where there are some."""
COOKIE: Final = "warifu_lang"
SHARED: Final = (Path(__file__).parent / "locale", "web")
"""The texts that all faces share."""


def load(*catalogues: tuple[Path, str]) -> Mapping[str, NullTranslations]:
    """Translations by language from `<locale>/<language>/LC_MESSAGES/<domain>.po`, and `<domain>-*.po` beside it, of each (locale, domain).

    The first that has a text wins.
    """
    return _loaded(catalogues)


@lru_cache(maxsize=16)  # a process reads what it was installed with
def _loaded(catalogues: Sequence[tuple[Path, str]]) -> Mapping[str, NullTranslations]:
    translations: dict[str, NullTranslations] = {"ja": NullTranslations()}
    for language in LANGUAGES[1:]:
        first, *others = (
            _compiled(file, language) for where, domain in catalogues for file in files(where, language, domain)
        )
        for other in others:
            first.add_fallback(other)
        translations[language] = first
    return translations


@lru_cache(maxsize=16)
def easy(locale: Path, domain: str) -> Mapping[str, NullTranslations]:
    """What of a domain is said in easy Japanese, by `EASY`; nothing when its folder has no such catalogue."""
    paths = sorted((locale / EASY / "LC_MESSAGES").glob(f"{domain}-*.po"))
    if not paths:
        return {}
    first, *others = (_compiled(path, "ja") for path in paths)
    for other in others:
        first.add_fallback(other)
    return {EASY: first}


def files(locale: Path, language: str, domain: str) -> list[Path]:
    """The catalogues of a domain: its own first, then those of its features."""
    folder = locale / language / "LC_MESSAGES"
    return [folder / f"{domain}.po", *sorted(folder.glob(f"{domain}-*.po"))]


def _compiled(path: Path, language: str) -> GNUTranslations:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return GNUTranslations(compiled)


def asked(request: Request) -> str | None:
    """The language that this very request asks for by `?lang=`."""
    language = request.query_params.get("lang")
    return language if language in LANGUAGES else None


def of(request: Request) -> str:
    """The language for a response: asked for now, chosen before, or preferred by the browser; Japanese otherwise."""
    chosen = asked(request) or request.cookies.get(COOKIE)
    return chosen if chosen in LANGUAGES else _preferred(request.headers.get("accept-language", ""))


def _preferred(header: str) -> str:
    """The first of our languages in an Accept-Language header, by weight; of equal weights the first named."""
    ranges = [_weighed(part) for part in header[:200].split(",")]
    for _, language in sorted(ranges, key=lambda weighed: -weighed[0]):
        if language in LANGUAGES:
            return language
    return LANGUAGES[0]


def _weighed(part: str) -> tuple[float, str]:
    tag, _, parameter = part.strip().partition(";")
    name, _, value = parameter.strip().partition("=")
    try:
        weight = float(value) if name == "q" else 1.0
    except ValueError:
        weight = 0.0
    return weight, tag.partition("-")[0].lower() if weight > 0 else ""
