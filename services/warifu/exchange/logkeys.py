"""The keys of the network's log and of its witness: what each party pins, and how the two who sign keep their secret.

Public, in every party's `trust/`: `log.vkey` and `witness.vkey`, one C2SP verifier key a file. Secret, in the signer's own `secrets/`:
base64 of 32 random bytes. The set-up makes them; each network state has its own, and a restored one gets new ones.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Self, TypeVar

from warifu.tlog.notes import SEED_SIZE, LogKey, LogSigner, NoteKeyError, WitnessKey, WitnessSigner

S = TypeVar("S", LogSigner, WitnessSigner)

ORIGIN: Final = "warifu.example/access-log"
"""Name of the log and of its key."""
WITNESS: Final = "warifu.example/watchdog"
"""Name of the witness' key."""
LOG_SECRET: Final = "secrets/log.key"  # noqa: S105 - a place, not the secret
"""In the gateway's folder."""
WITNESS_SECRET: Final = "secrets/witness.key"  # noqa: S105 - a place, not the secret
"""In the watchdog's folder."""
LOG_KEY: Final = "trust/log.vkey"
"""In each party's folder."""
WITNESS_KEY: Final = "trust/witness.vkey"
"""In each party's folder."""


class LogKeyError(ValueError):
    """A key of the log or the witness is missing or damaged; the message names the file."""


@dataclass(frozen=True, slots=True)
class LogKeys:
    """What a party pins."""

    log: LogKey
    witness: WitnessKey

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The keys pinned in a party's folder.

        Raises:
            LogKeyError: one is missing, damaged, or another name's.
        """
        try:
            log, witness = _parsed(
                (folder / LOG_KEY).read_text(encoding="ascii"), (folder / WITNESS_KEY).read_text(encoding="ascii")
            )
        except (OSError, ValueError) as error:
            raise LogKeyError(f"{folder / 'trust'}: the keys of log and witness cannot be read: {error}") from error
        if (log.name, witness.name) != (ORIGIN, WITNESS):
            raise LogKeyError(f"{folder / 'trust'}: keys of another log or witness: {log.name}, {witness.name}")
        return cls(log, witness)


@lru_cache(maxsize=4)  # every party of a process pins the same
def _parsed(log: str, witness: str) -> tuple[LogKey, WitnessKey]:
    return LogKey.parse(log.strip()), WitnessKey.parse(witness.strip())


def make_secret(path: Path) -> None:
    """Write a new secret into a file that only its owner may read.

    Raises:
        FileExistsError: there is one; a signer's key is never replaced in a living network.
    """
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(base64.b64encode(os.urandom(SEED_SIZE)) + b"\n")


def log_signer(folder: Path) -> LogSigner:
    """The log's signer, from the gateway's folder.

    Raises:
        LogKeyError: its secret is missing or damaged.
    """
    return _signer(LogSigner, ORIGIN, folder / LOG_SECRET)


def witness_signer(folder: Path) -> WitnessSigner:
    """The witness' signer, from the watchdog's folder.

    Raises:
        LogKeyError: its secret is missing or damaged.
    """
    return _signer(WitnessSigner, WITNESS, folder / WITNESS_SECRET)


def _signer(make: Callable[[str, bytes], S], name: str, path: Path) -> S:
    try:
        return make(name, base64.b64decode(path.read_bytes().strip(), validate=True))
    except (OSError, binascii.Error, NoteKeyError) as error:
        raise LogKeyError(f"{path}: the secret key cannot be read: {error}") from error
