"""The portal for programs: bearer tokens open what a session opens, below /api/ alone; every form has an address there."""

from datetime import timedelta

import pytest
from unit.portal.browser import Browser
from unit.portal.lab import SORA, Lab, Told

from warifu.portal.api.tokens import LIFE, MOST

JSON = {"accept": "application/json"}


async def token_of(lab: Lab) -> str:
    """A token made by someone who logs in for it."""
    browser = Browser(lab, "en")
    await browser.log_in()
    made = await browser.post("/developers/tokens", {"label": "laptop"}, **JSON)
    secret: str = made.json()["secret"]
    return secret


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"authorization": f"Bearer {secret}"}


async def test_a_token_opens_its_owners_history(lab: Lab) -> None:
    """A program with a token reads what its owner's session reads."""
    secret = await token_of(lab)
    await lab.deliver([told := Told()])
    response = await Browser(lab).get("/api/v1/history", **bearer(secret))
    assert [entry["request_id"] for entry in response.json()["entries"]] == [told.request_id]


async def test_a_token_opens_no_page(lab: Lab) -> None:
    """Outside the API a token is no login."""
    secret = await token_of(lab)
    response = await Browser(lab).get("/history", **bearer(secret))
    assert response.status_code == 303


async def test_a_wrong_token_is_not_helped_by_a_cookie(lab: Lab) -> None:
    """Who shows a token is judged by it alone, so that no other page can ride on the browser's session."""
    browser = Browser(lab)
    await browser.log_in()
    assert (await browser.get("/api/v1/history")).status_code == 200
    assert (await browser.get("/api/v1/history", **bearer("wrong"))).status_code == 401


async def test_a_token_ends_after_a_day(lab: Lab) -> None:
    """A token's life is counted by the machine clock."""
    secret = await token_of(lab)
    lab.clock.machine_now += LIFE - timedelta(seconds=1)
    assert (await Browser(lab).get("/api/v1/history", **bearer(secret))).status_code == 200
    lab.clock.machine_now += timedelta(seconds=2)
    assert (await Browser(lab).get("/api/v1/history", **bearer(secret))).status_code == 401


async def test_a_token_is_ended_by_its_owner_alone(lab: Lab) -> None:
    """Another person's token is missing like one that never was."""
    secret = await token_of(lab)
    listed = (await Browser(lab).get("/api/v1/developers", **bearer(secret))).json()["tokens"]
    other = Browser(lab)
    await other.log_in(SORA)
    which = {"token": listed[0]["token"]}
    assert (await other.post("/developers/tokens/end", which, **JSON)).status_code == 404
    mine = await Browser(lab).post("/api/v1/developers/tokens/end", which, **bearer(secret))
    assert mine.status_code == 200
    assert (await Browser(lab).get("/api/v1/history", **bearer(secret))).status_code == 401


async def test_a_token_makes_no_token(lab: Lab) -> None:
    """A stolen token does not outlive its day by its offspring."""
    secret = await token_of(lab)
    refused = await Browser(lab).post("/api/v1/developers/tokens", {"label": "x"}, **bearer(secret))
    assert refused.status_code == 403


async def test_nobody_collects_tokens(lab: Lab) -> None:
    """An account has a stated number of tokens at most, and is told so."""
    browser = Browser(lab)
    await browser.log_in()
    for _ in range(MOST):
        await browser.post("/developers/tokens", {"label": "x"}, **JSON)
    refused = await browser.post("/developers/tokens", {"label": "x"}, **JSON)
    assert refused.status_code == 409
    assert refused.json()["error"]["reason"] == "TOO_MANY_TOKENS"


async def test_a_form_without_token_still_has_to_come_from_here(lab: Lab) -> None:
    """The addresses for programs are protected against other sites like the forms themselves."""
    browser = Browser(lab)
    await browser.log_in()
    refused = await browser.post("/api/v1/developers/tokens", {"label": "x"}, origin="http://evil.example")
    assert refused.status_code == 403


@pytest.mark.parametrize("origin", ["http://localhost:5173"])
async def test_no_other_origin_is_let_in_unasked(lab: Lab, origin: str) -> None:
    """Without --dev-origin no answer allows another origin anything."""
    response = await Browser(lab).get("/api/v1/openapi.json", origin=origin)
    assert not [name for name in response.headers if name.startswith("access-control-")]


async def test_an_account_can_wish_to_be_down(lab: Lab) -> None:
    """A developer sees their own account's pages and documents fail, nobody else's, until they take it back."""
    secret = await token_of(lab)
    other = Browser(lab)
    await other.log_in(SORA)
    await Browser(lab).post("/api/v1/developers/fault", {"fault": "down"}, **bearer(secret))
    assert (await Browser(lab).get("/api/v1/history", **bearer(secret))).status_code == 503
    assert (await other.get("/history")).status_code == 200
    await Browser(lab).post("/api/v1/developers/fault", {"fault": "none"}, **bearer(secret))
    assert (await Browser(lab).get("/api/v1/history", **bearer(secret))).status_code == 200


async def test_a_page_that_is_down_says_so(lab: Lab) -> None:
    """What a citizen sees is the portal's own page for a bad day, with the guard's headers."""
    browser = Browser(lab, "en")
    await browser.log_in()
    await browser.post("/api/v1/developers/fault", {"fault": "down"})
    response = await browser.get("/history")
    assert response.status_code == 503
    assert "This cannot be shown just now" in response.text
    assert "content-security-policy" in response.headers
