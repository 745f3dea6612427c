"""The ways from the stage into the other faces, with what a trainer wants to see there chosen already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from warifu.simulator.stage.scenarios.plays import Play


@dataclass(frozen=True, slots=True)
class Ways:
    """Addresses in the other faces of one network; empty where the network has no such face."""

    urls: Mapping[str, str]
    """Web faces by party."""

    def citizen(self, person: str, then: str = "/history") -> str:
        """The card service with this person's card on top, on the way to a page of the portal: one choice and a PIN from there."""
        portal, card = self.urls.get("portal", ""), self.urls.get("simulator", "")
        return f"{card}/?{urlencode({'origin': portal, 'next': then, 'q': person})}" if portal and card else ""

    def counter(self, institution: str) -> str:
        """The login page of an institution's counter, which shows the training accounts."""
        origin = self.urls.get("counter", "")
        return f"{origin}/{institution}/login" if origin and institution else ""

    def card(self, person: str) -> str:
        """The card service's page of this person's card."""
        origin = self.urls.get("simulator", "")
        return f"{origin}/cards/{person}" if origin else ""

    @property
    def watchdog(self) -> str:
        """The login page of the supervisor's console, which shows the training accounts."""
        origin = self.urls.get("watchdog", "")
        return f"{origin}/login" if origin else ""

    @property
    def log(self) -> str:
        """The public log."""
        return self.urls.get("gateway", "")

    @property
    def portal(self) -> str:
        """The portal's first page."""
        return self.urls.get("portal", "")

    def of_play(self, face: str, play: Play | None) -> str:
        """Where a script's `face` is after a play; before there was one, the face itself or nothing."""
        first = play.exchanges[0] if play is not None and play.exchanges else None
        match face:
            case "portal":
                return self.citizen(play.person) if play is not None and play.person else self.portal
            case "counter":
                return self.counter(first.requester) if first is not None else self.urls.get("counter", "")
            case "provider":
                return self.counter(first.question.provider) if first is not None else self.urls.get("counter", "")
            case "picture":
                return f"/exchange/{first.request_id}" if first is not None else ""
            case "watchdog":
                return self.watchdog
            case _:
                return self.log if face == "log" else ""
