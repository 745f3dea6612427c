"""Keys of the network's log and of its witness: made once for a network state, pinned in every party's `trust/`.

They hang on no certificate and never come from the seed. A restored state gets new ones: its log begins anew, so that no two networks ever
sign different trees with one key.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final

from warifu.authority.files import PRIVATE_FOLDER, PUBLIC, replace_file
from warifu.exchange.logkeys import (
    LOG_KEY,
    LOG_SECRET,
    WITNESS_KEY,
    WITNESS_SECRET,
    LogKeys,
    log_signer,
    make_secret,
    witness_signer,
)

LOG_PARTY: Final = "gateway"
WITNESS_PARTY: Final = "watchdog"


def provision_log_keys(state: Path, parties: Iterable[str]) -> LogKeys:
    """Have `parties` pin the keys of log and witness in `state`, which are made when there are none. Safe to repeat.

    Raises:
        LogKeyError: a secret is damaged; it is never replaced silently.
    """
    for path in _secrets(state):
        if not path.exists():
            path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
            make_secret(path)
    keys = LogKeys(log_signer(state / LOG_PARTY).key, witness_signer(state / WITNESS_PARTY).key)
    log, witness = (f"{key.vkey}\n".encode() for key in (keys.log, keys.witness))
    for log_pin, witness_pin in _pins(state, tuple(parties)):
        replace_file(log_pin, log, PUBLIC)
        replace_file(witness_pin, witness, PUBLIC)
    return keys


def replace_log_keys(state: Path, parties: Iterable[str]) -> LogKeys:
    """New keys in the place of those of a network that does not run: its log begins anew with the next start."""
    for path in _secrets(state):
        path.unlink(missing_ok=True)
    return provision_log_keys(state, parties)


@lru_cache(maxsize=8)  # a test kit replaces the same ones between any two tests
def _pins(state: Path, parties: tuple[str, ...]) -> tuple[tuple[Path, Path], ...]:
    return tuple((state / party / LOG_KEY, state / party / WITNESS_KEY) for party in parties)


@lru_cache(maxsize=8)
def _secrets(state: Path) -> tuple[Path, Path]:
    return state / LOG_PARTY / LOG_SECRET, state / WITNESS_PARTY / WITNESS_SECRET
