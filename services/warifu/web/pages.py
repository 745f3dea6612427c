"""Rendering: one cached Jinja environment a language, autoescaped, strict about undefined names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from gettext import NullTranslations
from html import unescape
from pathlib import Path
from types import CodeType
from typing import Final, Self
from urllib.parse import parse_qsl, urlencode

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.bccache import Bucket
from starlette.requests import Request
from starlette.responses import HTMLResponse

from warifu.web import languages
from warifu.web.assets import SHARED as STATIC
from warifu.web.assets import Assets
from warifu.web.dates import day
from warifu.web.guard import Policy

SHARED: Final = Path(__file__).parent / "templates"
"""The frame and the signs that all faces share."""
LANGUAGE_COOKIE_SECONDS: Final = 365 * 24 * 3600


class _Compiled(BytecodeCache):
    """Each template is compiled once in a process, not once for each language and face: the settings are the same, and texts are looked up late."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give the code of this name, file and content, if it is there."""
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


_COMPILED: Final = _Compiled()


def environment(folders: Sequence[Path], translations: NullTranslations) -> Environment:
    """A template environment over `folders`, first found first."""
    made = Environment(
        loader=FileSystemLoader(list(folders)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=_COMPILED,
        extensions=["jinja2.ext.i18n"],
    )
    made.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return made


class Pages:
    """Renders the templates of one web face in the language of each request. `| day` writes a day, or one in ISO 8601, in words."""

    def __init__(
        self, folders: Sequence[Path], translations: Mapping[str, NullTranslations], assets: Assets, **shared: object
    ) -> None:
        """`shared` is known to every template."""
        self.assets = assets
        self._environments = {code: environment(folders, texts) for code, texts in translations.items()}
        self._translations = translations
        for code, made in self._environments.items():
            made.globals.update(shared, asset=assets.url)
            made.filters["day"] = _in_words(code)

    @classmethod
    def of(cls, folder: Path, domain: str, *, made: Mapping[str, str] | None = None, **shared: object) -> Self:
        """The face whose `templates/`, `static/` and `locale/<language>/LC_MESSAGES/<domain>.po` lie in `folder`, over what is shared.

        `made`: static files that this process makes at start, by name.
        """
        files = Assets([folder / "static", STATIC], made or {})
        texts = languages.load((folder / "locale", domain), languages.SHARED)
        texts = {**texts, **languages.easy(folder / "locale", domain)}
        return cls([folder / "templates", SHARED], texts, files, **shared)

    def share(self, **known: object) -> None:
        """Have every template know more. Before the first page is rendered."""
        for made in self._environments.values():
            made.globals.update(known)

    def gettext(self, language: str, message: str) -> str:
        """The text `message` in `language`."""
        return self._translations[language].gettext(message)

    def text(self, language: str, templates: Sequence[str], **values: object) -> str:
        """The plain text, in `language`, of the first of `templates` that there is; it holds no markup."""
        shown = self._environments[language].select_template(list(templates))
        return unescape(shown.render(language=language, **values)).strip()

    def render(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        policy: Policy | None = None,
        easy: bool = False,
        **values: object,
    ) -> HTMLResponse:
        """A page; `policy` where it may do other things than the pages of its face, `easy` where its Japanese is to be easy."""
        language = languages.of(request)
        words = languages.EASY if easy and language == "ja" and languages.EASY in self._environments else language
        shown = self._environments[words].get_template(template)
        body = shown.render(language=language, language_links=_language_links(request), **values)
        response = HTMLResponse(body, status, {"content-language": language})
        if policy is not None:
            response.headers["content-security-policy"] = policy.header()
        if languages.asked(request):
            response.set_cookie(
                languages.COOKIE, language, max_age=LANGUAGE_COOKIE_SECONDS, httponly=True, samesite="lax"
            )
        return response


def _in_words(language: str) -> Callable[[object, str | date], str]:
    @pass_context  # else Jinja would put a day that stands in a template into its code, which all languages share
    def in_words(_context: object, value: str | date) -> str:
        return day(value, language)

    return in_words


def _language_links(request: Request) -> dict[str, str]:
    """This page's address in each language, relative, so that no path can lead elsewhere; of a page that answers a form, the front page's."""
    if request.method != "GET":
        return {language: f"/?lang={language}" for language in languages.LANGUAGES}
    kept = [(name, value) for name, value in parse_qsl(request.url.query) if name != "lang"]
    return {language: "?" + urlencode([*kept, ("lang", language)]) for language in languages.LANGUAGES}
