"""The portal's API is what its description says, and the description is a good one."""

import pytest
from openapi_spec_validator import validate
from starlette.applications import Starlette
from starlette.routing import Route
from unit.portal.browser import Browser
from unit.portal.described import find, operations
from unit.portal.lab import Lab

from warifu.portal.api.views import description
from warifu.web.face import Ahead
from warifu.web.guard import Guard


def test_the_description_is_openapi() -> None:
    """It is a valid OpenAPI 3.1 document, by a validator that is not ours."""
    validate(dict(description()))


async def test_it_is_served_with_its_server(lab: Lab) -> None:
    """Whoever reads it at the portal is told where to call, without a login."""
    document = (await Browser(lab).get("/api/v1/openapi.json")).json()
    assert document["servers"] == [{"url": lab.portal_origin}]
    assert document["paths"] == description()["paths"]


def test_every_address_is_described_and_no_other(lab: Lab) -> None:
    """What the server routes below /api/v1/ and what is described are the same."""
    assert set(_routed(lab)) == set(operations())


@pytest.mark.parametrize("language", ["ja", "en"])
def test_every_operation_says_what_it_does(language: str) -> None:
    """Each has one line in both languages, and a name that no other has."""
    told = [one for methods in description()["paths"].values() for one in methods.values()]
    key = "summary" if language == "en" else "x-summary-ja"
    assert all(one[key].strip() for one in told)
    assert len({one["operationId"] for one in told}) == len(told)


def test_an_address_finds_its_operation() -> None:
    """Of two that fit, the one without a place is meant."""
    assert find("GET", "/api/v1/proxies/records") == ("GET", "/api/v1/proxies/records")
    assert find("GET", "/api/v1/history/x/allowed") == ("GET", "/api/v1/history/{request_id}/allowed")
    assert find("GET", "/api/v1/nothing") is None


def _routed(lab: Lab) -> list[tuple[str, str]]:
    app = lab.portal.web.application
    while not isinstance(app, Starlette):
        app = app.app if isinstance(app, Guard | Ahead) else _within(app)
    routes = [route for route in app.routes if isinstance(route, Route) and route.path.startswith("/api/v1/")]
    return [(method, route.path) for route in routes for method in (route.methods or set()) - {"HEAD"}]


def _within(app: object) -> object:
    """What a plain function around an application holds."""
    closure = getattr(app, "__closure__", None) or ()
    return next(cell.cell_contents for cell in closure if isinstance(cell.cell_contents, Ahead))
