"""What two proxies' logins show is told apart by everything but values."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.simulator.scenarios.proxied import Seen, compare, form
from warifu.simulator.scenarios.stage import Stage

HIDDEN = str(uuid.UUID(int=7))


def entry(number: int, minute: int) -> dict[str, Any]:
    """An entry of a list."""
    return {
        "request_id": str(uuid.UUID(int=number)),
        "requested_at": f"2026-04-06T09:{minute:02}:00.000+09:00",
        "answered_at": f"2026-04-06T09:{minute:02}:02.000+09:00",
        "requester": "insurer-06480016",
        "provider": "residency-480037",
        "procedure": "019-01",
        "items": ["resident_record"],
        "outcome": "ANSWERED",
    }


def seen(base: int) -> Seen:
    """What one login gave: two entries, with ids from `base` on."""
    entries = [entry(base, 30 + base % 7), entry(base + 1, 10 + base % 5)]
    missing = {
        "/history/{}": [(404, "not found")] * 2,
        "/api/v1/history/{}": [(404, '{"error":{"status":404}}')] * 2,
        "/history/{}/proof": [(404, "not found")] * 2,
        "/api/v1/proofs?request_id={}": [(200, '{"entries":{}}')] * 2,
    }
    path = ",".join(f'"{"A" * 43}="' for _ in range(1 + base % 6))
    proofs = {"all": f'{{"{entries[0]["request_id"]}":{{"index":{base},"path":[{path}]}}}}'}
    pages = {
        "/history ja": "".join(f"<li id={one['request_id']}>2026年4月{1 + base % 9}日（月）</li>" for one in entries)
    }
    records = [{"act": act, "side": "proxy", "at": entries[0]["requested_at"]} for act in ("READ_LIST", "REGISTERED")]
    return Seen(pages, {"/history": json.dumps({"entries": entries, "next": None})}, entries, records, proofs, missing)


def failed(mine: Seen, others: Seen) -> set[str]:
    """The checks that did not pass."""
    stage = Stage(None, Path(), None)  # type: ignore[arg-type] - only the notebook is used
    compare(stage, mine, others, [one["request_id"] for one in seen(1000).entries], [HIDDEN])
    return {check.name.removeprefix("as-proxy:") for check in stage.checks if not check.passed}


def test_values_alone_make_no_difference() -> None:
    """Other ids and other times are not noticed."""
    assert failed(seen(1000), seen(2003)) == set()


def _shown(one: Seen) -> None:
    one.documents["/history"] += HIDDEN


def _lost(one: Seen) -> None:
    del one.entries[0]


def _worded(one: Seen) -> None:
    one.pages["/history ja"] += "<p>ほかにもあります</p>"


def _null(one: Seen) -> None:
    one.documents["/history"] = one.documents["/history"].replace("null", "false")


def _longer(one: Seen) -> None:
    one.documents["/history"] = one.documents["/history"].replace("06T09", "006T09")


def _swapped(one: Seen) -> None:
    one.entries.reverse()


def _coarse(one: Seen) -> None:
    one.entries[0]["answered_at"] = "2026-04-06T09:30+09:00"


def _forbidden(one: Seen) -> None:
    one.missing["/history/{}"][0] = (403, "not found")


def _proved(one: Seen) -> None:
    one.missing["/api/v1/proofs?request_id={}"][0] = (200, '{"entries":{"x":{"state":"not-yet-witnessed"}}}')


def _unproved(one: Seen) -> None:
    one.proofs["all"] = one.proofs["all"].replace('"path":[', '"state":"not-yet-witnessed","path":[')


def _traced(one: Seen) -> None:
    one.records.insert(0, one.records[0] | {"act": "READ_ENTRY"})


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (_shown, {"no-hidden-entry", "same-documents", "same-sizes"}),
        (_lost, {"same-counts", "same-order", "same-form-of-times", "sees-what-is-shown"}),
        (_worded, {"same-pages"}),
        (_null, {"same-documents", "same-sizes"}),
        (_longer, {"same-sizes"}),
        (_swapped, {"same-order"}),
        (_coarse, {"same-form-of-times"}),
        (_forbidden, {"hidden-is-missing-like-any"}),
        (_proved, {"hidden-is-missing-like-any"}),
        (_unproved, {"same-proofs"}),
        (_traced, {"same-traces", "same-form-of-times"}),
    ],
)
def test_each_difference_is_noticed(change: Callable[[Seen], None], names: set[str]) -> None:
    """One thing that differs fails the checks that are about it, and no others."""
    mine = deepcopy(seen(1000))
    change(mine)
    assert failed(mine, seen(2003)) == names


@given(st.text(max_size=80))
def test_the_form_of_a_form_is_itself(text: str) -> None:
    """What has no values left is not changed any more."""
    assert form(form(text)) == form(text)


@given(st.uuids(), st.uuids(), st.integers(0, 10**6), st.integers(0, 10**6))
def test_ids_and_numbers_are_values(one: uuid.UUID, other: uuid.UUID, small: int, large: int) -> None:
    """Texts that differ in ids, numbers and week days only have one form."""
    assert form(f"<a href='/history/{one}'>{small}日（月）") == form(f"<a href='/history/{other}'>{large}日（金）")
