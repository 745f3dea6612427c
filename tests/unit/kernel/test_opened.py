"""What is made when it is first asked for."""

from __future__ import annotations

import pytest

from warifu.kernel.opened import Opened


def test_all_are_made_at_once_wherever_a_party_serves() -> None:
    """Without `lazily` each is made once, in order, before anybody asks; so what cannot be made is known at once."""
    made: list[str] = []
    opened = Opened(["b", "a"], lambda name: made.append(name) or name.upper())

    assert made == ["b", "a"]
    assert dict(opened) == {"b": "B", "a": "A"}
    assert made == ["b", "a"]
    with pytest.raises(ZeroDivisionError):
        Opened(["0"], lambda name: 1 // int(name))


def test_what_nobody_asks_for_is_not_made() -> None:
    """With `lazily` one is made when it is first asked for; names, and whether there is one, tell nobody to make it."""
    made: list[str] = []
    opened = Opened(["a", "b", "c"], lambda name: made.append(name) or name.upper(), lazily=True)

    assert (list(opened), len(opened), "b" in opened, "d" in opened, dict(opened.made)) == (
        ["a", "b", "c"],
        3,
        True,
        False,
        {},
    )
    assert made == []
    assert opened["b"] == opened["b"] == opened.get("b") == "B"
    assert opened.get("d") is None
    assert made == ["b"]
    assert dict(opened.made) == {"b": "B"}
    with pytest.raises(KeyError):
        opened["d"]
    assert list(opened.values()) == ["A", "B", "C"]
