"""Law-change rehearsal: the same scripted day under two permission tables, or by two versions of the program, and what differs (docs/REHEARSAL.md)."""

from warifu.simulator.rehearsal.compare import Aspect, Comparison, Difference, compare
from warifu.simulator.rehearsal.record import Day, Recording, RecordingError, Result, Step
from warifu.simulator.rehearsal.script import table, write_day

__all__ = [
    "Aspect",
    "Comparison",
    "Day",
    "Difference",
    "Recording",
    "RecordingError",
    "Result",
    "Step",
    "compare",
    "table",
    "write_day",
]
