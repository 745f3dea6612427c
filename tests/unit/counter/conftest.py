"""What the counter's tests share."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

import pytest
from unit.counter.lab import Lab, open_lab


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are hashed in no time: an institution's first login page hashes five. The console's tests use the real hash."""
    monkeypatch.setattr(
        "warifu.staff.accounts.password_hash",
        lambda password, salt: blake2b(password.encode(errors="surrogateescape"), key=salt, digest_size=32).digest(),
    )


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """The counters of all institutions, with nobody logged in."""
    made = open_lab(tmp_path)
    yield made
    made.benches.close()
