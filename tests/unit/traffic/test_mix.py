"""The mix of traffic: weights from the data file."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import pytest

from warifu.law import packaged as law
from warifu.simulator.traffic import mix
from warifu.simulator.traffic.misuse import KINDS

TEXT = Path(mix.__file__).with_name("mix.toml").read_text(encoding="utf-8")


def test_every_profile_adds_up_to_one() -> None:
    """Hours, weekdays and the months of each row are shares of a whole."""
    found = mix.packaged()
    for shares in (*found.hours.values(), found.weekdays, *(row.months for row in found.rows)):
        assert math.isclose(sum(shares), 1)
    assert math.isclose(sum(found.month(month) for month in range(1, 13)), 1)
    assert math.isclose(sum(found.hour(6, hour) for hour in range(24)), 1)


def test_every_row_that_an_agency_may_use_is_in_it() -> None:
    """The mix names each row in force of the permission table but those of the citizens' own requests, and no other."""
    today = date(2026, 4, 6)
    agencies = {row.id for row in law().rows.values() if row.in_force(today) and "portal" not in row.requester_roles}
    assert {row.row for row in mix.packaged().rows} == agencies


def test_every_kind_of_misuse_has_a_size() -> None:
    """Data file and code know the same ten kinds."""
    assert len(KINDS) == 10
    assert set(mix.packaged().misuse) == {kind.name for kind in KINDS}


def test_the_fullest_hour_is_the_fullest() -> None:
    """No month is fuller than the one that `busiest` names, and no hour in it than its hour."""
    found = mix.packaged()
    month, hour = found.busiest()
    assert all(found.month(one) <= found.month(month) for one in range(1, 13))
    assert all(found.hour(month, one) <= found.hour(month, hour) for one in range(24))


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('id = "P07"\nweight = 20', 'id = "P07"\nweight = -1', "row P07"),
        ("weights = [24, 20, 19, 18, 19, 0, 0.2]", "weights = [24, 20]", "weekdays"),
        ("inquiries = [8, 40]", "inquiries = [40, 8]", "misuse.harvesting"),
        ("[volume]", "[volumes]", "volume"),
        ('hours = "bulk"', 'hours = "night"', "row P10"),
    ],
)
def test_a_wrong_entry_is_named(old: str, new: str, named: str) -> None:
    """A data file with a wrong entry is refused, and the message names the entry."""
    assert old in TEXT
    with pytest.raises(mix.MixError, match=named):
        mix.parse(TEXT.replace(old, new, 1))
