"""A face made of the shared parts and its own."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import httpx2
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from warifu.web.face import Direct, Document, Face, Frame, application
from warifu.web.guard import Policy
from warifu.web.pages import Pages

ORIGIN = "http://face.localhost:8100"
PAGE = """{% extends "layout.html" %}
{% block title %}{% trans %}見出し{% endtrans %}{% endblock %}
{% block head %}<script src="{{ asset('check.js') }}" defer></script>{% endblock %}
{% block main %}<h1>{% trans %}見出し{% endtrans %}</h1>{% endblock %}
"""
CATALOGUE = """msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "見出し"
msgstr "Heading"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A face's folder with a page, a script, a style of its own and its texts."""
    for name, text in {
        "templates/page.html": PAGE,
        "templates/error.html": '{% extends "layout.html" %}{% block main %}{% include "error_words.html" %}{% endblock %}',
        "static/check.js": "'use strict';",
        "static/mark.svg": "<svg xmlns='http://www.w3.org/2000/svg'/>",
        "static/notes.exe": "no",
        "locale/en/LC_MESSAGES/face.po": CATALOGUE,
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def _client(folder: Path, *, of_face: Policy | None = None, of_page: Policy | None = None) -> httpx2.AsyncClient:
    pages = Pages.of(folder, "face")

    async def page(request: Request) -> Response:
        return pages.render(request, "page.html", policy=of_page)

    face = Face("face.localhost", ORIGIN, {}) if of_face is None else Face("face.localhost", ORIGIN, {}, of_face)
    app = application(face, pages, [Route("/", page)])
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN)


def _policy(response: httpx2.Response) -> dict[str, str]:
    parts = (part.strip().partition(" ") for part in response.headers["content-security-policy"].split(";"))
    return {name: value for name, _, value in parts}


async def test_no_script_runs_unless_the_face_says_so(folder: Path) -> None:
    """By default a page may run no script and fetch nothing."""
    policy = _policy(await _client(folder).get("/"))
    assert policy["default-src"] == "'none'"
    assert not {"script-src", "connect-src"} & policy.keys()


async def test_a_face_may_run_its_own_scripts_alone(folder: Path) -> None:
    """A face with scripts allows those of its own origin on every page, error pages too, and never inline ones."""
    client = _client(folder, of_face=Policy(scripts=True, connect=("'self'", "http://log.localhost:8103")))
    for path in ("/", "/nothing"):
        policy = _policy(await client.get(path))
        assert policy["script-src"] == "'self'"
        assert policy["connect-src"] == "'self' http://log.localhost:8103"
        assert policy["default-src"] == "'none'"


async def test_a_page_may_have_a_policy_of_its_own(folder: Path) -> None:
    """What one page may do says nothing about the others of its face."""
    client = _client(folder, of_page=Policy(scripts=True, form_targets=("http://card.localhost:8171",)))
    policy = _policy(await client.get("/"))
    assert policy["script-src"] == "'self'"
    assert policy["form-action"] == "'self' http://card.localhost:8171"
    assert "script-src" not in _policy(await client.get("/nothing"))


async def test_scripts_are_served_as_scripts(folder: Path) -> None:
    """A script is served under the address of its content with its media type; a type that is not listed is not served."""
    client = _client(folder)
    found = re.search(r'src="(/static/[0-9a-f]{16}/check\.js)"', (await client.get("/")).text)
    assert found
    response = await client.get(found[1])
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.text == "'use strict';"
    assert (await client.get(found[1].replace("check.js", "notes.exe"))).status_code == 404


async def test_what_a_face_has_of_its_own_comes_first(folder: Path) -> None:
    """A file of the face is taken instead of the shared one of that name; the rest of the look is the shared one."""
    client = _client(folder)
    html = (await client.get("/")).text
    mark = re.search(r'href="(/static/[^"]+mark\.svg)"', html)
    look = re.search(r'href="(/static/[^"]+/warifu\.css)"', html)
    assert mark
    assert look
    assert (await client.get(mark[1])).text == "<svg xmlns='http://www.w3.org/2000/svg'/>"
    assert ":root" in (await client.get(look[1])).text


async def test_own_and_shared_texts_are_translated(folder: Path) -> None:
    """On an English page the face's own texts and those of the shared frame are English."""
    html = (await _client(folder).get("/?lang=en")).text
    assert "<h1>Heading</h1>" in html
    assert "Skip to the content" in html


async def _bare(folder: Path, *paths: str, broken: bool = False) -> list[str]:
    """What pages that no feature made show of a face whose frame says who is there."""
    (folder / "templates" / "error.html").write_text(
        '{% extends "layout.html" %}{% block menu %}<b>{{ who }}</b>{% endblock %}', encoding="utf-8"
    )
    pages = Pages.of(folder, "face")

    async def known(request: Request) -> Mapping[str, object]:
        if broken:
            raise OSError
        return {"who": request.headers["cookie"]}

    face = Face("portal.localhost", "http://portal.localhost:8100", {})
    app = application(face, pages, [], frame=Frame(known, {"who": "nobody"}), below="/{place}")
    client = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app), base_url=face.origin, headers={"cookie": "hana", "accept": "text/html"}
    )
    answers = [await client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200 if "differs" in path else 404 for path in paths]
    refused = await client.post("/differs", headers={"origin": "http://evil.example"})
    assert refused.status_code == 403
    return [found for answer in (*answers, refused) for found in re.findall("<b>(.*?)</b>", answer.text)]


async def test_a_page_that_no_feature_made_says_who_is_there(folder: Path) -> None:
    """Errors, refusals and 本物との違い, also below a place of its own, are in the frame that the face's own pages have."""
    assert await _bare(folder, "/nothing", "/differs", "/here/differs") == ["hana"] * 4


async def test_an_error_page_is_shown_whatever_else_fails(folder: Path) -> None:
    """When nobody can say who is there, the page is shown as to nobody."""
    assert await _bare(folder, "/nothing", "/differs", broken=True) == ["nobody"] * 3


async def _direct(
    folder: Path, answer: Callable[[Request], Awaitable[Response]]
) -> tuple[httpx2.AsyncClient, list[str]]:
    """A face that answers /api/direct directly and /api/plain in the ordinary way; and what was asked for."""
    asked: list[str] = []

    async def noted(request: Request) -> Response:
        asked.append(request.method)
        return await answer(request)

    routes = [
        Route("/api/direct", Direct(noted), methods=["GET"]),
        Route("/api/plain", noted, methods=["GET"]),
        Route("/api/{first}", noted, methods=["PUT"]),
    ]
    app = application(Face("face.localhost", ORIGIN, {}), Pages.of(folder, "face"), routes)
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url=ORIGIN), asked


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "raised", [None, HTTPException(401), HTTPException(404, headers={"x-why": "so"}), ValueError("secret")]
)
async def test_a_direct_endpoint_answers_as_any_other(folder: Path, method: str, raised: Exception | None) -> None:
    """What an endpoint answers before the framework's layers has the same status, headers and body as behind them, failures included, and it is asked once."""

    async def answer(request: Request) -> Response:
        if raised is not None:
            raise raised
        return (
            Document(b"{}") if request.url.path.endswith("direct") else Response(b"{}", media_type="application/json")
        )

    client, asked = await _direct(folder, answer)
    headers = {"origin": ORIGIN}
    direct, plain = [await client.request(method, f"/api/{path}", headers=headers) for path in ("direct", "plain")]
    assert (direct.status_code, dict(direct.headers), direct.content) == (
        plain.status_code, dict(plain.headers), plain.content,
    )  # fmt: skip
    assert b"secret" not in direct.content
    assert "content-security-policy" in direct.headers
    assert len(asked) == (2 if method in {"GET", "HEAD", "PUT"} else 0)


async def test_a_direct_endpoint_goes_before_no_other_route(folder: Path) -> None:
    """Of several routes for one address the first is asked, direct or not."""

    async def first(_: Request) -> Response:
        return Response(b"first")

    async def second(_: Request) -> Response:
        return Response(b"second")

    routes = [Route("/{any}", first), Route("/here", Direct(second), methods=["GET"])]
    app = application(Face("face.localhost", ORIGIN, {}), Pages.of(folder, "face"), routes)
    client = httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=ORIGIN)
    assert (await client.get("/here")).content == b"first"
