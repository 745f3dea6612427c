"""Random bytes handed out in slices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from warifu.kernel import randomness as under_test
from warifu.kernel.ids import Ids

FORKED = """
import os
from warifu.kernel.randomness import draw
draw(12), draw(32)
end, child = os.pipe(), os.fork()
if child == 0:
    os.write(end[1], b"".join(draw(size) for size in (12, 32) for _ in range(200)).hex().encode())
    os._exit(0)
own = b"".join(draw(size) for size in (12, 32) for _ in range(200)).hex()
os.waitpid(child, 0)
print(own, os.read(end[0], 100_000).decode())
"""
"""Prints 200 draws of 12 bytes and 200 of 32, in hexadecimal: the parent's and its forked child's."""


def _cut(text: str) -> list[str]:
    twelve, rest = text[: 200 * 24], text[200 * 24 :]
    return [twelve[at : at + 24] for at in range(0, len(twelve), 24)] + [
        rest[at : at + 64] for at in range(0, len(rest), 64)
    ]


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every piece that is drawn from the operating system, from an empty stock on."""
    drawn: list[bytes] = []
    real: Callable[[int], bytes] = os.urandom
    monkeypatch.setattr(under_test, "_stocks", type(under_test._stocks)(list))
    monkeypatch.setattr(under_test.os, "urandom", lambda size: drawn.append(real(size)) or drawn[-1])  # type: ignore[func-returns-value]
    return drawn


def test_what_is_drawn_comes_from_the_system_and_each_byte_once(pieces: list[bytes]) -> None:
    """All slices of one size laid together are the system's own bytes, none left out, none twice, in far fewer calls."""
    slices = [under_test.draw(12) for _ in range(1280)]
    assert sorted(slices) == sorted(piece[at : at + 12] for piece in pieces for at in range(0, len(piece), 12))
    assert len(pieces) == 10


def test_threads_never_get_the_same(pieces: list[bytes]) -> None:
    """Eight threads that draw at once are given no slice twice."""

    def many(_: int) -> list[bytes]:
        return [under_test.draw(16) for _ in range(5_000)]

    switched = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            drawn = [one for some in pool.map(many, range(8)) for one in some]
    finally:
        sys.setswitchinterval(switched)
    assert len(set(drawn)) == len(drawn) == 40_000
    assert set(drawn) <= {piece[at : at + 16] for piece in pieces for at in range(0, len(piece), 16)}


def test_a_forked_child_draws_anew() -> None:
    """After a fork, parent and child have no draw in common, of whatever size was in stock."""
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, check=True)
    own, childs = (_cut(text) for text in done.stdout.split())
    assert len(own) == len(childs) == 400
    assert len({*own, *childs}) == 800


def test_what_follows_from_a_seed_draws_nothing(pieces: list[bytes]) -> None:
    """Identifiers of a simulation are derived; only those without a root are drawn."""
    Ids(b"root").token("a")
    assert not pieces
    Ids().token("a")
    assert len(pieces) == 1
