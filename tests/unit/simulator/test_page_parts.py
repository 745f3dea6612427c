"""The parts of a page of the history, as `tests/page_parts.py` tells them."""

from __future__ import annotations

from pathlib import Path

import page_parts
import pytest

from warifu.simulator.bench.pages import ASKED, Pages, people
from warifu.simulator.bench.stock import Stock


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory):
    """A portal over some thousand records."""
    stock = Stock(tmp_path_factory.mktemp("kept"), 3_000)
    asked = people(stock)
    stock.fill(asked)
    made = Pages(stock.folder, asked)
    yield made
    made.close()


def test_each_part_has_its_share(pages: Pages) -> None:
    """Every part takes time, none more than the whole, and bare SQL is told beside them."""
    found = page_parts.measured(pages, 1)
    parts = set(found) - {page_parts.WHOLE, page_parts.BARE}
    assert len(parts) == 7
    assert all(0 < spent < found[page_parts.WHOLE] for name, spent in found.items() if name in parts)
    assert 0 < found[page_parts.BARE] < found[page_parts.WHOLE]
    told = page_parts.told(found)
    assert [line.partition(" us ")[2] for line in told.splitlines()][-3:] == ["what is left", "whole", "bare SQL"]


async def test_the_parts_together_are_the_page(pages: Pages) -> None:
    """What the last part gives is, to the byte, what the portal answers: no part does less than the page."""
    parts = page_parts.Parts(pages, pages._store.read(lambda connection: connection))
    sent: list[bytes] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, object]) -> None:
        sent.append(message.get("body", b""))  # type: ignore[arg-type]

    for number in range(0, ASKED, 97):
        sent.clear()
        await pages.app(pages.scope(number), receive, send)
        assert b"".join(sent) == parts.documents[number].body


def test_a_folder_without_records_says_how_to_have_some(tmp_path: Path) -> None:
    """Where nothing was kept the tool says which command keeps it."""
    with pytest.raises(SystemExit, match="warifu bench history_p50 --kept"):
        page_parts.main(tmp_path)
