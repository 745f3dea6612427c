"""Reconciliation from the console: one at a time, in a thread of its own, kept with what it came to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest
from unit.watchdog.desk_lab import Browser, Desk
from unit.watchdog.test_console_work import logged_in

from warifu.watchdog.audit.engine import Report
from warifu.watchdog.audit.findings import Finding, Kind
from warifu.watchdog.audit.sources import UnreachableError
from warifu.watchdog.staff.roles import Role

FOUND = Finding(Kind.FIELD_DIFFERS, "tax-480011", "12", "item: <script>TM1</script> here, TM2 there")


def audits(desk: Desk, make: Callable[[], Awaitable[Report]]) -> None:
    """Let the desk's audits be made so."""
    desk.office.reconciliations._audits = make


async def test_a_run_is_kept_and_opened(desk: Desk) -> None:
    """What it came to is listed, its findings are shown to who opens it, in words and as JSON, and the opening is entered."""

    async def made() -> Report:
        return Report(321, (FOUND,))

    audits(desk, made)
    browser = await logged_in(desk, Role.EXAMINER)
    assert (await browser.post("/reconciliations")).status_code == 303
    await desk.office.reconciliations.wait()
    listed = (await browser.get("/reconciliations")).text
    assert "321" in listed
    assert "TM2" not in listed
    opened = (await browser.get("/reconciliations/1")).text
    assert "TM2" in opened
    assert "<script" not in opened
    document = (await browser.get("/api/v1/reconciliations/1")).json()
    assert (document["entries"], document["findings"]) == (321, [FOUND.document()])
    assert desk.network.entered == [("reconciliation-1", "examiner")] * 2
    assert (await browser.get("/reconciliations/2")).status_code == 404


@pytest.mark.parametrize(
    ("error", "told"), [(UnreachableError("tax is away"), "tax is away"), (KeyError("secret"), "KeyError")]
)
async def test_a_run_that_breaks_off_is_told_as_such(desk: Desk, error: Exception, told: str) -> None:
    """An absent party is named; of anything else the kind alone, and the next run may begin."""

    async def made() -> Report:
        raise error

    audits(desk, made)
    browser = await logged_in(desk)
    for number in (1, 2):
        await browser.post("/reconciliations")
        await desk.office.reconciliations.wait()
        page = (await browser.get(f"/reconciliations/{number}")).text
        assert told in page
        assert "secret" not in page


async def test_one_run_at_a_time_and_the_console_goes_on(desk: Desk) -> None:
    """While one is under way a second is not begun, and pages are served."""
    held, begun = threading.Event(), []

    async def made() -> Report:
        begun.append(threading.current_thread())
        await asyncio.to_thread(held.wait)
        return Report(1, ())

    audits(desk, made)
    browser = await logged_in(desk)
    await browser.post("/reconciliations")
    await browser.post("/reconciliations")
    assert "突合をしています" in (await browser.get("/reconciliations")).text
    held.set()
    await desk.office.reconciliations.wait()
    assert len(begun) == 1
    assert begun[0] is not threading.main_thread()
    assert [row.found for row in desk.office.reconciliations.all()] == [0]


async def test_a_visitor_begins_none(desk: Desk) -> None:
    """Without a login the form leads to the login."""
    assert (await Browser(desk).post("/reconciliations")).headers["location"].startswith("/login")
    assert desk.office.reconciliations.all() == []
