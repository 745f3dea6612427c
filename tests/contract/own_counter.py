"""Staff at our own counter as an errand of `warifu conformance business` has them act: by its pages, in its process, before our own agencies."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2
from contract.own_agency import AGENCIES, Agency, PaperStubs, items_of
from unit.counter.lab import CHIEF, CLERK, GOOD, REVIEWER, Browser, Lab, PaperClock

from warifu.counter.app import assemble
from warifu.counter.bench import Benches
from warifu.counter.protections.flags import FLAGS
from warifu.kernel.config import Config, Simulation, Web
from warifu.law import packaged
from warifu.staff.totp import STEP
from warifu.web.face import Face

TRIES = 5
"""How often somebody presses again what may succeed later."""
WHY = "適合試験"
_FLAG = re.compile(r'name="flags" value="(\w+)"[^>]*?( checked)?>')


@dataclass
class Counter:
    """The counters of our agencies, and who works there."""

    lab: Lab
    agencies: dict[str, Agency]
    staff: dict[tuple[str, str], Browser] = field(default_factory=dict)

    @classmethod
    def open(cls, folder: Any, clock: PaperClock, agencies: dict[str, Agency], interims: Any) -> Counter:
        """The real counter over databases in a folder."""
        book = packaged()
        simulation = Simulation(7, clock.now.isoformat(), stopped=True)
        config = Config("counter", "", {}, tuple(AGENCIES), simulation=simulation, folder=folder)
        benches = Benches(config, clock, lambda: book, secure=False)
        face = Face.of(Web("counter.localhost", 8174), "counter")
        stubs: Any = PaperStubs(agencies, interims)
        made = assemble(face, benches, stubs, clock, lambda: book)
        return cls(Lab(face.origin, clock, stubs, benches, made, book), agencies)

    async def at(self, institution: str, login: str) -> Browser:
        """Somebody who is logged in there."""
        if (institution, login) not in self.staff:
            browser = Browser(self.lab, institution)
            bench, codes = self.lab.bench(institution), self.lab.benches.codes
            account = bench.accounts.find(login)
            after = account.used_step if account is not None else 0
            while (code := codes.shown(institution, login, now=self.lab.clock.moment, after=after)) is None:
                self.lab.clock.moment += timedelta(seconds=STEP)
            assert (await browser.log_in(login, code=code)).status_code == 303
            self.staff[institution, login] = browser
        return self.staff[institution, login]

    async def receive(self, institution: str, addressee_no: str, number: str) -> str:
        """A clerk receives a visitor who shows card and papers; why not, as the page says it."""
        items = items_of(addressee_no)
        self.agencies[institution].ids.wanted = addressee_no
        clerk = await self.at(institution, CLERK)
        typed = {"number": number, "name": items.name, "address": items.address, "born": items.birth_date}
        return _reason(await clerk.post("/visitors", GOOD | typed))

    async def protect(self, institution: str, addressee_no: str, number: str, change: dict[str, bool]) -> str:
        """A clerk changes ticks in the form that shows a visitor's protection, and the chief approves."""
        if reason := await self.receive(institution, addressee_no, number):
            return reason
        clerk, visits = await self.at(institution, CLERK), self.lab.bench(institution).visits
        visit = max(row.id for row in visits.today() if row.addressee_no == addressee_no)
        page = (await clerk.get(f"/protections?visit={visit}")).text
        ticked = {code for code, checked in _FLAG.findall(page) if checked}
        for flag in FLAGS:
            if flag.code in change:
                ticked = ticked | {flag.code} if change[flag.code] else ticked - {flag.code}
        proposed = await clerk.post("/protections", {"visit": str(visit), "flags": sorted(ticked), "why": WHY})
        return await self.approve(institution, proposed)

    async def approve(self, institution: str, proposed: httpx2.Response) -> str:
        """The chief approves what somebody proposed, and tries again what may succeed later."""
        assert proposed.status_code == 303, proposed.text
        path = "/proposals/" + proposed.headers["location"].rpartition("/")[2]
        chief = await self.at(institution, CHIEF)
        seen = re.search(r'name="seen" value="([0-9a-f]{64})"', (await chief.get(path)).text)
        assert seen is not None
        await chief.post(f"{path}/approve", {"seen": seen[1]})
        for _ in range(TRIES):
            page = await chief.get(path)
            if 'data-testid="proposal-again"' not in page.text:
                return _reason(page)
            await chief.post(f"{path}/again")
        return "PROVIDER_UNAVAILABLE"

    async def reviews(self, institution: str) -> list[str]:
        """The permit ids of the answers that the reviewer sees wait."""
        page = (await (await self.at(institution, REVIEWER)).get("/reviews")).text
        return re.findall(r'data-permit="([^"]+)"', page)

    async def decide(self, institution: str, permit: str, decision: str) -> str:
        """The reviewer provides, pressing again what may succeed later, or proposes to withhold, which the chief approves."""
        reviewer = await self.at(institution, REVIEWER)
        if decision == "withhold":
            return await self.approve(institution, await reviewer.post(f"/reviews/{permit}/withhold", {"why": WHY}))
        reason = ""
        for _ in range(TRIES):
            page = await reviewer.post(f"/reviews/{permit}/provide")
            if not (reason := _reason(page)) or "もう一度してください" not in page.text:
                break
        return reason


def _reason(page: httpx2.Response) -> str:
    """The reason of a failure that a page tells."""
    found = re.search(r'data-reason="(\w+)"', page.text)
    assert found is not None or page.status_code in {200, 303}, (page.status_code, re.findall(r"<h[12]>.*", page.text))
    return found[1] if found else ""
