"""What the numbering body's view of an exchange finds: nothing, unless something was stored that never should be."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert

from warifu.kernel.store import Store, sqlite_url
from warifu.numbering.schema import LOOKUP, metadata
from warifu.numbering.view import holdings

ASKED = "11e34031-e3ff-4162-87d6-4fb75742265a"


async def test_the_view_shows_a_row_that_names_the_exchange_and_no_other(tmp_path: Path) -> None:
    """A row that has the request id anywhere in its texts is shown with its values; rows that have not, and no id at all, show nothing."""
    store = Store(sqlite_url(tmp_path / "numbering.db"), metadata)
    store.create()
    row = {"institution": "nhi-480029", "kind": "match", "outcome": "found", "times": 1, "looked_at": 1}
    rows = [row, row | {"institution": f"for {ASKED}"}]
    await store.write(lambda connection: connection.execute(insert(LOOKUP), rows))

    (found,) = holdings(store, ASKED)
    assert found.where == "numbering/lookup"
    assert f"for {ASKED}" in {value.text for value in found.values}
    assert holdings(store, "11e34031-e3ff-4162-87d6-000000000000") == []
    assert holdings(store, "%") == []
    assert holdings(store, "") == []
    store.close()
