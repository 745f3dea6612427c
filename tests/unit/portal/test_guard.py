"""The guard before every page."""

import re

import pytest
from unit.portal.browser import Browser
from unit.portal.lab import Lab

from warifu.web.guard import MAX_BODY


@pytest.mark.parametrize(
    "host", ["card.localhost", "portal.localhost.evil.example", "127.0.0.1:8170", "", "portal.localhost:x"]
)
async def test_other_hosts_are_refused(lab: Lab, host: str) -> None:
    """A request for any other host name is answered 421 and shows no page."""
    response = await Browser(lab).get("/", host=host)
    assert response.status_code == 421
    assert "カードでログイン" not in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://card.localhost:8171"},
        {"origin": "http://portal.localhost:9999"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
    ],
)
async def test_cross_site_posts_change_nothing(lab: Lab, headers: dict[str, str]) -> None:
    """A form sent from another origin is answered 403, and the session that it would have ended lives on."""
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.post("/logout", **headers)).status_code == 403
    assert (await browser.get("/history")).status_code == 200


async def test_posts_without_an_origin_are_refused(lab: Lab) -> None:
    """A form that does not say where it comes from is answered 403."""
    browser = Browser(lab)
    response = await browser.client.post(lab.portal_origin + "/logout", data={})
    assert response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/login", "/history", "/nothing"])
async def test_every_page_carries_the_protecting_headers(lab: Lab, path: str) -> None:
    """Pages, found or not, forbid scripts, framing, sniffing, foreign resources and keeping."""
    headers = (await Browser(lab).get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert "form-action 'self';" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"


async def test_no_page_holds_script_or_inline_style(lab: Lab) -> None:
    """No page has a script, an inline style or handler, or loads anything from another origin."""
    browser = Browser(lab)
    await browser.log_in()
    for path in ("/", "/history", "/nothing", lab.card_origin + "/"):
        html = (await browser.get(path)).text
        assert "<script" not in html
        assert not re.search(r"\s(style|on[a-z]+)=", html)
        assert not re.search(r'(?:src|href)="//', html)
        assert not re.search(r'<(?:link|img)[^>]+(?:src|href)="http', html)


async def test_long_forms_are_cut_off(lab: Lab) -> None:
    """A form over the limit is answered 413 without being read to its end."""
    browser = Browser(lab)
    response = await browser.post(f"{lab.card_origin}/sign", {"pin": "1" * (MAX_BODY + 1)})
    assert response.status_code == 413


async def test_long_addresses_are_refused(lab: Lab) -> None:
    """An address over the limit is answered 414."""
    assert (await Browser(lab).get("/history?before=" + "A" * 9000)).status_code == 414


async def test_static_files_are_kept_by_their_content(lab: Lab) -> None:
    """A style sheet's address changes with its content, so it may be kept for ever; another address has none."""
    browser = Browser(lab)
    found = re.search(r'href="(/static/[0-9a-f]{16}/warifu\.css)"', (await browser.get("/")).text)
    assert found
    response = await browser.get(found[1])
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["content-type"].startswith("text/css")
    assert (await browser.get("/static/0000000000000000/warifu.css")).status_code == 404
    assert (await browser.get("/static/0000000000000000/../schema.py")).status_code == 404


async def test_a_language_link_never_leads_elsewhere(lab: Lab) -> None:
    """On a page whose path begins with two slashes the language links stay on this site."""
    html = (await Browser(lab).get("//evil.example/")).text
    assert re.findall(r'href="([^"]*lang=en)"', html) == ["?lang=en"]


async def test_an_internal_error_shows_nothing_of_itself(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """When a page breaks, the visitor sees a plain page without names or traces."""
    browser = Browser(lab)
    await browser.log_in()
    lab.store.close()
    response = await browser.get("/history")
    assert response.status_code == 500
    assert "いまは表示できません" in response.text
    assert "sqlalchemy" not in response.text
    assert "Traceback" not in response.text
    monkeypatch.setattr(lab.store, "close", lambda: None)
