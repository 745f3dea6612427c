"""What `warifu demo` says while it starts."""

from __future__ import annotations

import pytest

from warifu.cli import demo
from warifu.cli.demo import worded
from warifu.cli.lines import LINES_EVERY, shown


class Watch:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_progress_says_the_share_the_pace_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """People are counted with their share; from the second word on also how many a second, and how long the rest will take."""
    monkeypatch.setattr(demo, "t", lambda ja, en: en)
    said: list[str] = []
    clock = Watch()
    progress = worded(said.append, clock)
    progress("parties", 3, 12)
    progress("people", 2_000, 1_000_000)
    clock.now += 10
    progress("people", 12_000, 1_000_000)
    clock.now += 900
    progress("people", 960_000, 1_000_000)
    assert said == [
        "parties up 3/12",
        "filling people 2,000/1,000,000 (0.2%)",
        "filling people 12,000/1,000,000 (1.2%), 1,000 people/s, about 16 min left",
        "filling people 960,000/1,000,000 (96.0%), 1,053 people/s, less than a minute left",
    ]


def test_without_a_terminal_there_is_a_line_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no terminal shows it, progress is a line of its own on standard error, not oftener than every half minute."""
    clock = Watch()
    monkeypatch.setattr(demo.time, "monotonic", clock)
    line = shown(lambda _: pytest.fail("in place"))
    for second in range(int(3 * LINES_EVERY)):
        clock.now = 100.0 + second
        line(f"word {second}")
    assert capsys.readouterr().err.split("\n") == ["word 30", "word 60", ""]
