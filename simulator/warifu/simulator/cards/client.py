"""A program's way into the portal: the same pages and redirects that a browser goes through, with a cookie jar.

Host names of the faces end in `.localhost`; they are reached on the loopback address whatever the machine's resolver says.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

LOOPBACK: Final = "127.0.0.1"
TIMEOUT: Final = 15.0
_PAGE: Final = "text/html"
_DOCUMENT: Final = "application/json"
_SEE_OTHER: Final = 303
_OK: Final = 200
_MOST_ENTRIES: Final = 100
"""The portal's largest page."""


class LoginError(Exception):
    """The card or the portal refused, or a face cannot be reached.

    `reason` is the network's reason code where there is one, such as CLIENT_PIN_WRONG; the text is for a person.
    """

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(slots=True)
class Session:
    """A browser's memory: cookies by host. One use at a time."""

    portal_url: str
    _cookies: dict[str, SimpleCookie] = field(default_factory=dict)

    def cookies(self) -> dict[str, str]:
        """The portal's cookies by name, for a browser that goes on from here."""
        jar = self._cookies.get(urlsplit(self.portal_url).hostname or "", SimpleCookie())
        return {name: morsel.value for name, morsel in jar.items() if morsel["max-age"] != "0"}

    @classmethod
    def resumed(cls, portal_url: str, cookies: Mapping[str, str]) -> Session:
        """A browser that has these cookies of the portal already, as `cookies` gave them."""
        jar = SimpleCookie(dict(cookies))
        return cls(portal_url, {urlsplit(portal_url).hostname or "": jar})

    def history(self) -> list[dict[str, Any]]:
        """Every entry of the person's history, newest first, as `/api/v1/history` gives them.

        Raises:
            LoginError: the session ended, or the portal cannot be reached.
        """
        entries: list[dict[str, Any]] = []
        query = {"limit": str(_MOST_ENTRIES)}
        while True:
            document = self.document(f"/api/v1/history?{urlencode(query)}")
            entries += document["entries"]
            if document["next"] is None:
                return entries
            query["before"] = document["next"]

    def page(self, path: str = "/history", language: str = "ja") -> str:
        """The HTML of a page of the portal as a browser gets it, in "ja" or "en".

        Raises:
            LoginError: the portal does not show it.
        """
        joint = "&" if "?" in path else "?"
        status, _, body = self.get(urljoin(self.portal_url, f"{path}{joint}lang={language}"))
        if status != _OK:
            raise LoginError("", f"the portal answered {status} for {path}")
        return body

    def document(self, path: str) -> dict[str, Any]:
        """What the portal answers to a program at one address.

        Raises:
            LoginError: anything but a document; `reason` where the portal gives one.
        """
        return _read(*self.get(urljoin(self.portal_url, path), _DOCUMENT))

    def submit(self, path: str, form: dict[str, str]) -> dict[str, Any]:
        """What it answers to a form; raises as `document`."""
        return _read(*self.post(urljoin(self.portal_url, path), form, _DOCUMENT))

    def get(self, url: str, accept: str = _PAGE) -> tuple[int, str, str]:
        """Status, Location and body of one address; redirects are not followed."""
        return self._send("GET", url, accept, None)

    def post(self, url: str, form: dict[str, str], accept: str = _PAGE) -> tuple[int, str, str]:
        """The same for a form, sent as from a page of that very origin."""
        return self._send("POST", url, accept, form)

    def _send(self, method: str, url: str, accept: str, form: dict[str, str] | None) -> tuple[int, str, str]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        address = LOOPBACK if host.endswith(".localhost") else host
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(address, parts.port, timeout=TIMEOUT)
        headers = {"Host": parts.netloc, "Accept": accept, "Cookie": self._sent(host, parts.path)}
        if form is not None:
            headers |= {
                "Origin": f"{parts.scheme}://{parts.netloc}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request(method, target or "/", urlencode(form) if form is not None else None, headers)
            response = connection.getresponse()
            body = response.read().decode("utf-8", "replace")
        except OSError as error:
            raise LoginError("", f"{parts.scheme}://{parts.netloc} cannot be reached: {error}") from error
        finally:
            connection.close()
        self._keep(host, response.headers.get_all("Set-Cookie", []))
        return response.status, urljoin(url, response.headers.get("Location", "")), body

    def _keep(self, host: str, given: list[str]) -> None:
        jar = self._cookies.setdefault(host, SimpleCookie())
        for line in given:
            jar.load(line)

    def _sent(self, host: str, path: str) -> str:
        jar = self._cookies.get(host, SimpleCookie())
        kept = (
            morsel for morsel in jar.values() if morsel["max-age"] != "0" and path.startswith(morsel["path"] or "/")
        )
        return "; ".join(f"{morsel.key}={morsel.value}" for morsel in kept)


def login(portal_url: str, card_url: str, person: str, pin: str) -> Session:
    """Log in at the portal with the person's card.

    Args:
        portal_url: such as "http://portal.localhost:8170".
        card_url: such as "http://card.localhost:8171".
        person: the simulator's handle.
        pin: four digits.

    Raises:
        LoginError: wrong PIN, locked card, certificate not good, or a face that cannot be reached.
    """
    session = Session(portal_url)
    status, location, body = session.get(urljoin(portal_url, "/login/challenge"))
    if status != _SEE_OTHER:
        raise _refusal(status, body)
    asked = dict(pair.split("=", 1) for pair in urlsplit(location).query.split("&"))
    form = {
        "origin": portal_url.rstrip("/"),
        "challenge": asked["challenge"],
        "session": asked["session"],
        "person": person,
        "pin": pin,
    }
    status, location, body = session.post(urljoin(card_url, "/sign"), form, _DOCUMENT)
    if status != _SEE_OTHER:
        raise _refusal(status, body)
    status, _, body = session.get(location, _DOCUMENT)
    if status != _OK:
        raise _refusal(status, body)
    return session


def fetch_history(portal_url: str, card_url: str, person: str, pin: str) -> list[dict[str, Any]]:
    """Log in and read the whole history; raises as `login`."""
    return login(portal_url, card_url, person, pin).history()


def _read(status: int, _location: str, body: str) -> dict[str, Any]:
    if status != _OK:
        raise _refusal(status, body)
    document: dict[str, Any] = json.loads(body)
    return document


def _refusal(status: int, body: str) -> LoginError:
    try:
        told = json.loads(body)["error"]
        return LoginError(told.get("reason", ""), told.get("message", {}).get("en", f"refused with status {status}"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return LoginError("", f"refused with status {status}")
