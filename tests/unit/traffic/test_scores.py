"""Precision and recall, by examples that were counted by hand."""

from __future__ import annotations

import pytest
from unit.traffic import lab

from warifu.simulator.traffic.drive import REFUSED
from warifu.simulator.traffic.scores import GATE, SAMPLE, Share, score, scores

KINDS = {"a": "browsing", "b": "browsing", "c": "repeated", "d": "", "e": "", "f": ""}


def test_shares_are_counted() -> None:
    """Of three that were pointed at two are misuse; of three misuses two were pointed at; by kind one of two, and the one."""
    found = score("rule", 2, {"a", "c", "d"}, KINDS)
    assert (found.precision.part, found.precision.whole) == (2, 3)
    assert (found.recall.part, found.recall.whole) == (2, 3)
    assert {kind: (one.part, one.whole) for kind, one in found.by_kind.items()} == {
        "browsing": (1, 2),
        "repeated": (1, 1),
    }


def test_what_others_asked_does_not_count() -> None:
    """An inquiry that is not of this run is neither right nor wrong."""
    assert score("rule", 1, {"a", "somebody-else"}, KINDS).flagged == 1


def test_a_share_of_nothing_is_none() -> None:
    """A detector that pointed at nothing has no precision, and a recall of 0."""
    found = score("rule", 0, set(), KINDS)
    assert found.precision.value is None
    assert found.precision.interval is None
    assert found.recall.value == 0


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 20, 0.0089, 0.2361),
        (81, 263, 0.2553, 0.3662),
    ],
)
def test_intervals_are_wilsons(part: int, whole: int, low: float, high: float) -> None:
    """Intervals are those that published tables of Wilson's interval give, to four places."""
    interval = Share(part, whole).interval
    assert interval is not None
    assert interval == pytest.approx((low, high), abs=5e-5)


def test_a_run_is_scored_by_rule_gate_and_sample() -> None:
    """Each rule by the groups that have inquiries of this run; the gate by what was refused; the sample by what waited."""
    made = [
        lab.made(1, "browsing"), lab.made(2, "pretence", REFUSED), lab.made(3, "over-asking", "DENIED"), lab.made(4, "", "DENIED"),
        lab.made(5, "repeated", "PENDING"), lab.made(6, "", "PENDING"), lab.made(7),
    ]  # fmt: skip
    pointed = [("no-case", {"id-1", "id-7"}), ("no-case", {"of-another-run"})]
    found = {one.detector: one for one in scores(made, pointed, ["no-case", "burst"])}
    assert list(found) == ["no-case", "burst", GATE, SAMPLE]
    assert (found["no-case"].groups, found["no-case"].precision.part, found["no-case"].precision.whole) == (1, 1, 2)
    assert (found["burst"].groups, found["burst"].flagged) == (0, 0)
    assert (found[GATE].precision.part, found[GATE].precision.whole, found[GATE].recall.whole) == (2, 3, 4)
    assert (found[SAMPLE].precision.part, found[SAMPLE].precision.whole) == (1, 2)
