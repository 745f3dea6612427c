"""Keys of the network's log and of its witness: made once for a network state, pinned in every party's `trust/`.

They hang on no certificate and never come from the seed. A restored state gets new ones: its log begins anew, so that no two networks ever
sign different trees with one key.
"""

from __future__ import annotations

from collections.abc import Iterable
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
    for party in parties:
        replace_file(state / party / LOG_KEY, f"{keys.log.vkey}\n".encode(), PUBLIC)
        replace_file(state / party / WITNESS_KEY, f"{keys.witness.vkey}\n".encode(), PUBLIC)
    return keys


def replace_log_keys(state: Path, parties: Iterable[str]) -> LogKeys:
    """New keys in the place of those of a network that does not run: its log begins anew with the next start."""
    for path in _secrets(state):
        path.unlink(missing_ok=True)
    return provision_log_keys(state, parties)


def _secrets(state: Path) -> tuple[Path, Path]:
    return state / LOG_PARTY / LOG_SECRET, state / WITNESS_PARTY / WITNESS_SECRET
