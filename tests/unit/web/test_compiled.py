"""Templates are compiled once in a process."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2 import Environment
from starlette.requests import Request

from warifu.web import languages
from warifu.web.assets import Assets
from warifu.web.pages import Pages

GREETING = "{% trans %}メニュー{% endtrans %} {{ '2026-06-10' | day }}"


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """The names of templates as they are compiled."""
    names: list[str | None] = []
    real = Environment.compile

    def noted(self, source, name=None, *words, **more):
        names.append(name)
        return real(self, source, name, *words, **more)

    monkeypatch.setattr(Environment, "compile", noted)
    return names


def shown(folder: Path, language: str) -> str:
    """The page of a face that begins now."""
    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": f"lang={language}".encode()}
    face = Pages([folder], languages.load(languages.SHARED), Assets([]))
    return bytes(face.render(Request(scope), "greeting.html").body).decode()


def test_a_template_is_compiled_once_for_all_languages_and_faces(tmp_path: Path, compiled: list[str | None]) -> None:
    """Each language gets its own words, also of a day that stands in the template itself, out of one compilation."""
    (tmp_path / "greeting.html").write_text(GREETING, encoding="utf-8")
    japanese, english = "メニュー 2026年6月10日（水）", "Menu Wed 10 June 2026"
    assert [shown(tmp_path, language) for language in ("ja", "en", "ja")] == [japanese, english, japanese]
    assert compiled == ["greeting.html"]


def test_a_template_that_was_changed_is_compiled_anew(tmp_path: Path, compiled: list[str | None]) -> None:
    """A face that begins after a change of the file shows the file as it is."""
    for text in ("before", "after"):
        (tmp_path / "greeting.html").write_text(text, encoding="utf-8")
        assert shown(tmp_path, "en") == text
    assert len(compiled) == 2
