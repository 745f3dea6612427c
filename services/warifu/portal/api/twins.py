"""Every form has an address for programs: `POST /x` is also `POST /api/v1/x`, the same function, which answers with JSON there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.routing import BaseRoute, Route

from warifu.web.face import API

PREFIX: Final = f"{API}v1"


def twins(routes: Sequence[BaseRoute]) -> list[BaseRoute]:
    """`routes`, and the twin of each that takes a form."""
    forms = [route for route in routes if isinstance(route, Route) and "POST" in (route.methods or ())]
    return [
        *routes,
        *(Route(f"{PREFIX}{form.path}", form.endpoint, methods=["POST"]) for form in forms if not _is_api(form)),
    ]


def _is_api(route: Route) -> bool:
    return route.path.startswith(API)
