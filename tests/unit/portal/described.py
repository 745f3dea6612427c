"""Holds every document that the portal answers with against its description: whatever a test reads below /api/v1/ is what OpenAPI says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
from jsonschema import Draft202012Validator

from warifu.portal.api.views import description

Operation = tuple[str, str]
"""Method in capitals, path with its places."""


def operations() -> Iterator[Operation]:
    """What is described."""
    for path, methods in description()["paths"].items():
        for method in methods:
            yield method.upper(), path


async def hold(response: httpx2.Response) -> None:
    """Raise when the answer is not as described. Answers of pages, and other addresses, are none of its business."""
    path = response.request.url.path
    if not response.request.url.host.startswith("portal."):
        return
    if not path.startswith("/api/v1/") or "application/json" not in response.headers.get("content-type", ""):
        return
    operation = find(response.request.method, path)
    if operation is None:
        assert response.status_code >= 400, f"{path} answers and is not described"
        return
    await response.aread()
    problems = [
        f"{e.json_path}: {e.message}" for e in _validator(operation, response.status_code).iter_errors(response.json())
    ]
    assert not problems, f"{operation} {response.status_code}: {problems}"


def find(method: str, path: str) -> Operation | None:
    """The described operation of an address: the one with the fewest places, where several fit."""
    fits = [one for one in operations() if one[0] == method and _pattern(one[1]).fullmatch(path)]
    return min(fits, key=lambda one: one[1].count("{"), default=None)


@cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(path)))


@cache
def _validator(operation: Operation, status: int) -> Draft202012Validator:
    method, path = operation
    responses: dict[str, Any] = description()["paths"][path][method.lower()]["responses"]
    told = responses.get(str(status)) or responses["default"]
    if "$ref" in told:
        told = description()["components"]["responses"][told["$ref"].rpartition("/")[2]]
    schema = told["content"]["application/json"]["schema"]
    return Draft202012Validator({**schema, "components": description()["components"]})
