"""A browser without pictures: it keeps cookies, follows redirects between the faces and sends what browsers send with forms."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import httpx2
from unit.portal import described
from unit.portal.lab import HANA, DemoPerson, Lab


class Browser:
    """One visitor of a lab."""

    def __init__(self, lab: Lab, language: str = "ja") -> None:
        self.lab = lab
        mounts = {
            lab.portal_origin: httpx2.ASGITransport(lab.portal.web, raise_app_exceptions=False),
            lab.card_origin: httpx2.ASGITransport(lab.cards, raise_app_exceptions=False),
        }
        self.client = httpx2.AsyncClient(
            mounts=mounts,
            headers={"accept": "text/html", "accept-language": language},
            event_hooks={"response": [described.hold]},
            verify=False,  # nothing leaves the process: reading the machine's certificates would cost as much as the lab
        )

    async def get(self, path: str, **headers: str) -> httpx2.Response:
        """A page of the portal, or of any face by its whole address."""
        return await self.client.get(self._url(path), headers={k.replace("_", "-"): v for k, v in headers.items()})

    async def follow(self, path: str) -> httpx2.Response:
        """The same, following redirects."""
        return await self.client.get(self._url(path), follow_redirects=True)

    async def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> httpx2.Response:
        """Send a form from a page of the same face."""
        url = self._url(path)
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(url))
        sent = {"origin": origin, "sec-fetch-site": "same-origin"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        return await self.client.post(url, data=form or {}, headers=sent)

    async def challenge(self) -> dict[str, str]:
        """Let the portal make a challenge; the form fields for the card."""
        response = await self.get("/login/challenge")
        assert response.status_code == 303
        query = parse_qs(urlsplit(response.headers["location"]).query)
        return {name: values[0] for name, values in query.items()}

    async def sign(self, person: DemoPerson = HANA, pin: str | None = None, **asked: str) -> httpx2.Response:
        """Type a PIN at the card service."""
        form = {**(asked or await self.challenge()), "person": person.person, "pin": pin or person.pin}
        return await self.post(f"{self.lab.card_origin}/sign", form)

    async def log_in(self, person: DemoPerson = HANA) -> httpx2.Response:
        """The whole way; the first page after it."""
        signed = await self.sign(person)
        assert signed.status_code == 303, signed.text
        return await self.follow(signed.headers["location"])

    def cookie(self, name: str) -> str | None:
        """The value of a cookie of the portal."""
        return self.client.cookies.get(name, domain="portal.localhost")

    def _url(self, path: str) -> str:
        return path if path.startswith("http") else self.lab.portal_origin + path


def visible(html: str) -> str:
    """The text of a page."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
