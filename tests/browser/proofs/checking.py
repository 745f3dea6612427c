"""What tests of the browser's checks share: the entries, how a portal lies, and what a page must then show."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route, expect
from unit.portal.lab import START, Told
from unit.portal.paper_log import PaperLog
from unit.portal.serving import Served

from warifu.exchange.logkeys import ORIGIN, WITNESS
from warifu.exchange.v1 import exchange_pb2
from warifu.tlog.notes import LogSigner, WitnessSigner

TOLD = [
    Told(START - timedelta(days=1)),
    Told(START - timedelta(days=2), row="P08", provider="insurer-06480016"),
    Told(START - timedelta(days=3), outcome=exchange_pb2.OUTCOME_DENIED),
    Told(START - timedelta(days=4), outcome=exchange_pb2.OUTCOME_EXPIRED),
    Told(START - timedelta(days=5), outcome=exchange_pb2.OUTCOME_ERROR),
]


TARGET = TOLD[1].request_id


OTHER_LOG, OTHER_WITNESS = LogSigner(ORIGIN, bytes(31) + b"\1"), WitnessSigner(WITNESS, bytes(31) + b"\2")


Change = Callable[[dict[str, Any]], None]


def history(page: Page, network: Served) -> None:
    """Open the list."""
    page.goto(f"{network.lab.portal_origin}/history")
    expect(page.get_by_test_id("entry")).to_have_count(len(TOLD))


def expect_all(page: Page, state: str) -> None:
    """Every row has this mark, and the page says it too."""
    expect(page.get_by_test_id("proof-summary")).to_have_attribute("data-state", state)
    expect(page.locator(f"[data-exchange][data-proof={state}]")).to_have_count(page.locator("[data-exchange]").count())


def expect_alarm(page: Page, kind: str, *, only: str | None = None) -> None:
    """The failure stands at the top as an alert with its reason, and the row in question, or every row, is marked."""
    alert = page.get_by_role("alert")
    expect(alert).to_be_visible()
    expect(alert.get_by_role("heading", level=2)).to_have_text("記録の照合に失敗しました")
    expect(alert.get_by_role("button", name="証拠を保存")).to_be_visible()
    expect(alert).to_contain_text("信用しないでください")
    expect(alert.locator(f"[data-kind={kind}]").first).to_be_visible()
    expect(page).to_have_title("照合に失敗｜やりとりの履歴｜わりふ 市民ポータル（訓練用シミュレータ）")
    if only is None:
        expect_all(page, "failed")
        return
    failed = page.locator("[data-exchange][data-proof=failed]")
    expect(failed).to_have_count(1)
    expect(failed).to_have_attribute("data-request-id", only)
    expect(alert.locator("code")).to_have_text(only)
    expect(page.locator("[data-exchange][data-proof=checked]")).to_have_count(len(TOLD) - 1)


def truth(route: Route) -> tuple[dict[str, str], str]:
    """Headers and body of what the portal really answers. Asked from here: the test driver resolves no name below .localhost."""
    url = urlsplit(route.request.url)
    connection = HTTPConnection("127.0.0.1", url.port, timeout=10)
    headers = {**route.request.all_headers(), "host": url.netloc, "accept-encoding": "identity"}
    connection.request("GET", f"{url.path}?{url.query}" if url.query else url.path, headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return {name: value for name, value in response.getheaders() if name != "content-length"}, body


def lie(page: Page, change: Change) -> None:
    """Let the portal answer what `change` makes of the truth."""

    def altered(route: Route) -> None:
        headers, body = truth(route)
        answer = json.loads(body)
        change(answer)
        route.fulfill(headers=headers, body=json.dumps(answer))

    page.route("**/api/v1/proofs?*", altered)


def flipped(text: str, place: int = 0) -> str:
    """Base64 text of the same bytes with one bit changed."""
    data = bytearray(base64.b64decode(text))
    data[place % len(data)] ^= 1
    return base64.b64encode(data).decode()


def proof_of(answer: dict[str, Any], part: str = "request") -> dict[str, Any]:
    """The proof of one record of the entry that is lied about."""
    return answer["entries"][TARGET][part]


def other_past(log: PaperLog) -> list[bytes]:
    """The same log with one of other people's leaves exchanged."""
    return [bytes(32) if place == 7 else leaf for place, leaf in enumerate(log.leaves)]
