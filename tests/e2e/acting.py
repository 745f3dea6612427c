"""Acting as a user does, by a program: the forms of counters, portal and card service are fetched and sent, each with cookies of its own."""

from __future__ import annotations

import html
import re
import time
from dataclasses import dataclass, field
from urllib.parse import urljoin

from running import Running

from warifu.common.v1 import common_pb2
from warifu.simulator.cards.client import LoginError, Session, login
from warifu.simulator.lives import lives
from warifu.simulator.people import People

CLERK, REVIEWER, CHIEF, CARD_CLERK = "c-0001", "c-0003", "c-0004", "c-0005"
SEE_OTHER, OK = 303, 200
WITHIN = 120.0
"""Seconds within which somebody can log in: a used one-time password has a successor after 30."""


@dataclass
class Staff:
    """Somebody who works at an institution, logged in by the quick login."""

    base: str
    browser: Session

    @classmethod
    def at(cls, network: Running, institution: str, login: str) -> Staff:
        """Log in, waiting for the next one-time password where the present one was used."""
        base, browser = f"{network.file.urls['counter']}/{institution}", Session("")
        until, form = time.monotonic() + WITHIN, {"login": login, "quick": "1", "next": base}
        status: int | str = ""
        while time.monotonic() < until:
            try:
                browser.get(f"{base}/login")  # the first visit makes the accounts, which takes a busy machine its time
                status, _, _ = browser.post(f"{base}/login", form)
            except LoginError as error:
                status = str(error)
            if status == SEE_OTHER:
                return cls(base, browser)
            time.sleep(1)
        raise AssertionError(f"{login} cannot log in at {institution}: {status}")

    def get(self, path: str) -> str:
        """A page."""
        status, _, page = self.browser.get(f"{self.base}{path}")
        assert status == OK, f"{path}: {status}"
        return page

    def eventually(self, path: str, there: str) -> str:
        """A page, once it shows `there`: what others send is fetched every few seconds."""
        until = time.monotonic() + WITHIN
        while there not in (page := self.get(path)):
            assert time.monotonic() < until, page
            time.sleep(0.5)
        return page

    def post(self, path: str, form: dict[str, str], expected: int = SEE_OTHER) -> str:
        """Send a form; where it leads, or the page where none is led to."""
        status, location, page = self.browser.post(f"{self.base}{path}", form)
        assert status == expected, f"{path}: {status}\n{told(page)}"
        return location if status == SEE_OTHER else page

    def receive(self, items: common_pb2.BasicItems, number: str) -> str:
        """Receive a visitor with their card; the visit's number."""
        form = {
            "number_paper": "card", "number": number, "papers": "card", "name": items.name, "address": items.address,
            "born": items.birth_date, "sex": "female" if items.sex == common_pb2.SEX_FEMALE else "male",
        }  # fmt: skip
        return self.post("/visitors", _Many(form, seen=("original", "in-date", "agrees", "face"))).rsplit("/", 1)[1]

    def approve(self, proposal: str) -> None:
        """Approve a proposal, by its address, as shown."""
        path = proposal.removeprefix(self.base)
        seen = re.search(r'name="seen" value="([0-9a-f]{64})"', self.get(path))
        assert seen is not None, "nothing to approve"
        self.post(f"{path}/approve", {"seen": seen[1]})
        assert 'data-state="done"' in self.get(path)


class _Many(dict[str, str]):
    """A form in which one field comes several times."""

    def __init__(self, form: dict[str, str], **several: tuple[str, ...]) -> None:
        super().__init__(form)
        self._several = several

    def items(self):  # type: ignore[no-untyped-def, override]  # what urlencode reads
        """Every field, as often as it comes."""
        return [*super().items(), *((name, one) for name, ones in self._several.items() for one in ones)]


@dataclass
class Acting:
    """Everyone at one network; staff stay logged in, since a one-time password serves once."""

    network: Running
    _staff: dict[tuple[str, str], Staff] = field(default_factory=dict)

    @property
    def urls(self) -> dict[str, str]:
        """Web faces by party."""
        return dict(self.network.file.urls)

    @property
    def people(self) -> People:
        """The population."""
        return People.of(self.network.file)

    def staff(self, institution: str, login: str) -> Staff:
        """Somebody of an institution's staff."""
        key = (institution, login)
        if key not in self._staff:
            self._staff[key] = Staff.at(self.network, institution, login)
        return self._staff[key]

    def number(self, person: str) -> str:
        """The individual number on somebody's slip."""
        known = lives(self.network.state).get(person, {})
        return known.get("individual_number", self.people.demo(person).individual_number)

    def visit(self, institution: str, login: str, person: str) -> tuple[Staff, str]:
        """Somebody of staff with a visitor before them, and the visit's number."""
        staff = self.staff(institution, login)
        return staff, staff.receive(self.people.items(person), self.number(person))

    def pin(self, person: str) -> str:
        """The PIN that the tray shows."""
        _, _, body = Session("").get(f"{self.urls['simulator']}/api/v1/people?q={person}", "application/json")
        found = re.search(r'"pin":\s*"([0-9]{4})"', body)
        assert found is not None
        return found[1]

    def citizen(self, person: str) -> Session:
        """Somebody logged in at the portal."""
        return login(self.urls["portal"], self.urls["simulator"], person, self.pin(person))

    def change_pin(self, person: str) -> str:
        """Change somebody's PIN at the card service; the new one."""
        old = self.pin(person)
        new = next(one for one in ("7351", "7352", "7353") if one != old)
        form = {"old": old, "new": new, "again": new}
        status, _, body = Session("").post(f"{self.urls['simulator']}/cards/{person}/pin", form, "application/json")
        assert status == OK, body
        return new

    def report(self, institution: str, *, persons: int, wrongful: bool, what: str = "書類を誤って送った") -> None:
        """The section chief reports a leak to the supervisor."""
        chief = self.staff(institution, CHIEF)
        page = chief.get("/filings/leaks/new")
        form = {name: _value(page, name) for name in ("reference", "known_on")}
        form |= {"final": "0", "persons": str(persons), "what": what, "cause": "", "done": ""}
        chief.post("/filings/leaks", form | ({"wrongful": "1"} if wrongful else {}))

    def suspend(self, person: str) -> str:
        """The holder's report at the help line, without a login; its receipt."""
        items = self.people.items(person)
        form = {
            "name": items.name, "address": items.address, "birth": items.birth_date, "lost": "card",
            "sex": "female" if items.sex == common_pb2.SEX_FEMALE else "male",
        }  # fmt: skip
        status, location, page = Session("").post(urljoin(self.urls["portal"], "/helpline/holder"), form)
        assert status == SEE_OTHER, told(page)
        return location.rsplit("=", 1)[1]


def _value(page: str, name: str) -> str:
    """What a form's field holds."""
    tag = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)
    assert tag is not None, name
    found = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(found[1]) if found else ""


def told(page: str) -> str:
    """The text of a page, for whoever reads why something failed."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page[page.find("<main") :]))[:600]
