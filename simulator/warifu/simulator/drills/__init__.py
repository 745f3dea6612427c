"""Incident drills on a running network: briefing, tasks solved in the real faces, hints, grading, debrief.

`model` says what a drill is and how to add one, `texts` the form of its texts, `ground` what it stands on, `conduct` and `grading` what
the command and the stage call.
"""

from __future__ import annotations

from warifu.simulator.drills.conduct import DrillError, answer, begin, document, find, hint, look, running
from warifu.simulator.drills.grading import grade
from warifu.simulator.drills.keeping import Keeping, Run
from warifu.simulator.drills.registry import DRILLS

__all__ = [
    "DRILLS", "DrillError", "Keeping", "Run", "answer", "begin", "document", "find", "grade", "hint", "look", "running",
]  # fmt: skip
