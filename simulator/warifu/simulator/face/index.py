"""The page at the face's root: every operation with a call to copy, Japanese or English."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from warifu.simulator.face.operations import OPERATIONS, Operation
from warifu.web.assets import SHARED, Assets

_POLICY: Final = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_EXAMPLES: Final[Mapping[str, str]] = {
    "request_id": "3f0f1e5c-0000-4000-8000-000000000001",
    "permit_id": "3f0f1e5c-0000-4000-8000-000000000001",
}


@cache
def assets() -> Assets:
    """The look that all faces share."""
    return Assets([SHARED])


@cache
def _templates() -> Environment:
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.globals["asset"] = assets().url
    return made


def index(url: str, institution: str, language: str | None, *, token: bool) -> HTMLResponse:
    """The page. `language` "en" for English; `token`: calls need one."""
    chosen = "en" if language == "en" else "ja"
    calls = [
        {
            "title": getattr(operation, chosen),
            "name": operation.rpc,
            "call": f"{operation.method} {operation.path}",
            "curl": curl(url, operation, token=token),
        }
        for operation in OPERATIONS
    ]
    text = (
        _templates()
        .get_template("index.html")
        .render(language=chosen, ja=chosen == "ja", url=url, institution=institution, calls=calls, token=token)
    )
    return HTMLResponse(text, headers={"content-security-policy": _POLICY, "referrer-policy": "no-referrer"})


def curl(url: str, operation: Operation, *, token: bool) -> str:
    """The operation as a command; the token is taken from $TOKEN."""
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", _EXAMPLES[name])
    if operation.rpc == "Collect":
        path += "?waitMs=10000"
    words = ["curl -sS", *(['-H "Authorization: Bearer $TOKEN"'] if token else [_CERTIFICATE])]
    if operation.method == "POST":
        words += ["-H 'Content-Type: application/json'", f"-d '{_written(operation.example)}'"]
    return " \\\n  ".join([*words, f"'{url}{path}'"])


_CERTIFICATE: Final = "--cacert ca.pem --cert client.pem --key client.key"


def _written(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2).replace("\n", "\n  ")
