"""What every request passes before it reaches a page: host, origin and size checks; and the headers that every response carries.

Pure ASGI, so that a page costs no extra task. The checks need no token in the forms: browsers state where an unsafe request comes from
(`Origin`, `Sec-Fetch-Site`), and a request that does not say so is refused. Only one that shows a bearer token may come from anywhere, where
the face takes tokens: no page can have a browser add that to a request for another site unasked (Fetch standard, CORS-preflight), and what
takes a token takes nothing else beside it. Other schemes do not count: passwords and tickets are added by browsers themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
MAX_BODY: Final = 64 * 1024
"""Bytes of a request's body; every form here is smaller by far."""
MAX_TARGET: Final = 8 * 1024
"""Bytes of a path with its query."""

Refuse = Callable[[Request, int], Awaitable[Response]]
"""Makes the page for a refused request from its status."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a page may do beyond showing itself: as little as it says here, by default nothing."""

    form_targets: Sequence[str] = ()
    """Origins beside its own to which its forms may lead. Redirects that follow a form count as its targets."""
    scripts: bool = False
    """Scripts that this face serves as files may run; an inline one never may."""
    connect: Sequence[str] = ()
    """From where its scripts may fetch: origins, or "'self'"."""

    def header(self) -> str:
        """The value of Content-Security-Policy."""
        parts = ["default-src 'none'", "style-src 'self'", "img-src 'self'"]
        if self.scripts:
            parts.append("script-src 'self'")
        if self.connect:
            parts.append(" ".join(["connect-src", *self.connect]))
        forms = " ".join(["form-action 'self'", *self.form_targets])
        return "; ".join([*parts, forms, "frame-ancestors 'none'", "base-uri 'none'"])


STRICTEST: Final = Policy()

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not no-referrer: with that, browsers send `Origin: null` on this origin's own forms (Fetch standard, "append a request Origin header").
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
    "vary": "Cookie, Accept-Language",
}


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets through to `app` what is addressed to this face and, where it changes something, comes from this face."""

    app: ASGIApp
    host: str
    """The only host name answered to; the port may differ, as it does behind a container's mapping."""
    origin: str
    """This face's own origin, such as "http://portal.localhost:8170"."""
    refuse: Refuse
    policy: Policy = STRICTEST
    """Of every response that does not bring one of its own."""
    tokens: str = ""
    """Below this path bearer tokens are taken; nowhere when empty."""
    _headers: Sequence[tuple[bytes, bytes]] = field(init=False)
    _usual: Sequence[bytes] | None = field(init=False)
    """The Host header of those who have the address from this face, where it passes the check."""
    _names: frozenset[bytes] = field(init=False)
    """Of these headers."""

    def __post_init__(self) -> None:
        """Build the headers once."""
        headers = {"content-security-policy": self.policy.header(), **_HEADERS}
        object.__setattr__(self, "_headers", [(name.encode(), value.encode()) for name, value in headers.items()])
        usual = [self.origin.partition("://")[2].encode()]
        object.__setattr__(self, "_usual", usual if _names(usual, self.host) else None)
        object.__setattr__(self, "_names", frozenset(name for name, _ in self._headers))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = self._refusal(scope)
        if status is not None:
            refused = await self.refuse(Request(scope), status)
            await refused(scope, receive, self._with_headers(send))
            return
        await self.app(scope, _limited(receive), self._with_headers(send))

    def _refusal(self, scope: Scope) -> int | None:
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if hosts != self._usual and not _names(hosts, self.host):
            return 421
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > MAX_TARGET:
            return 414
        if scope["method"] not in SAFE_METHODS:
            headers = Headers(scope=scope)
            if not self._from_here(headers) and not self._by_token(scope, headers):
                return 403
        return None

    def _by_token(self, scope: Scope, headers: Headers) -> bool:
        below = bool(self.tokens) and scope["path"].startswith(self.tokens)
        return below and headers.get("authorization", "").lower().startswith("bearer ")

    def _from_here(self, headers: Headers) -> bool:
        return headers.get("origin") == self.origin and headers.get("sec-fetch-site", "same-origin") == "same-origin"

    def _with_headers(self, send: Send) -> Send:
        def sender(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                brought = message.get("headers", ())
                names = {name.lower() for name, _ in brought}
                own: Iterable[tuple[bytes, bytes]] = self._headers
                if not names.isdisjoint(self._names):
                    own = [header for header in own if header[0] not in names]
                message["headers"] = [*brought, *own]
            return send(message)

        return sender


def _names(hosts: Sequence[bytes], expected: str) -> bool:
    if len(hosts) != 1:
        return False
    name, _, port = hosts[0].decode("latin-1").partition(":")
    return name.lower() == expected and (not port or port.isdecimal())


def _limited(receive: Receive) -> Receive:
    received = 0

    async def limited() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY:
            raise HTTPException(413)
        return message

    return limited
