"""Plays on a running network, each with a purpose for the trainer, checks of what every party holds afterwards, and a sabotage twin."""

from __future__ import annotations

from warifu.simulator.scenarios.changed_resident_code import CHANGED_RESIDENT_CODE
from warifu.simulator.scenarios.dependant_check import DEPENDANT_CHECK
from warifu.simulator.scenarios.leaked_number import LEAKED_NUMBER
from warifu.simulator.scenarios.moved_household import MOVED_HOUSEHOLD, MOVED_HOUSEHOLD_IN_MAY
from warifu.simulator.scenarios.protected_person import PROTECTED_PERSON
from warifu.simulator.scenarios.refused import REFUSED
from warifu.simulator.scenarios.same_city import SAME_CITY
from warifu.simulator.scenarios.stage import Check, NotPlayableError, Scenario, Stage

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        MOVED_HOUSEHOLD,
        DEPENDANT_CHECK,
        SAME_CITY,
        REFUSED,
        PROTECTED_PERSON,
        LEAKED_NUMBER,
        CHANGED_RESIDENT_CODE,
        MOVED_HOUSEHOLD_IN_MAY,
    )
}
"""Every scenario by name. The last one moves the clock into June; the others can be played in any order before it."""

__all__ = ["SCENARIOS", "Check", "NotPlayableError", "Scenario", "Stage"]
