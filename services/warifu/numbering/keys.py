"""The numbering body's own keys, one file each in `secrets/` (0600).

Lost: the database's sealed columns cannot be read any more. Read: with the database, numbers and codes of everyone. Two of the keys say which
number or code comes next; in a simulation they derive from its seed, as token keys do, so that a run can be repeated and checked. The key of
the sealed columns never does.
"""

from __future__ import annotations

import hmac
import os
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from warifu.exchange.keys import write_secret
from warifu.kernel.config import Config

SIZE = 32


@dataclass(frozen=True, slots=True)
class Keys:
    """What the numbering body derives and seals with; 32 bytes each."""

    numbers: bytes
    """Individual numbers from resident codes."""
    codes: bytes
    """The next resident code."""
    sealing: bytes
    """The sealed columns."""

    @classmethod
    def load_or_create(cls, config: Config) -> Keys:
        """The keys in the party's folder, made when there are none.

        Raises:
            ValueError: a kept key is damaged; it is never replaced silently.
        """
        secrets = config.folder / "secrets"
        sealing = _kept(secrets / "sealing.key")
        if config.simulation is not None:
            seed = config.simulation.seed
            return cls(simulated(seed, "numbers"), simulated(seed, "codes"), sealing)
        return cls(_kept(secrets / "numbers.key"), _kept(secrets / "codes.key"), sealing)


def simulated(seed: int, name: str) -> bytes:
    """The key "numbers" or "codes" of a simulation with this seed.

    The simulator makes the same, to know the truth that it compares with: a person's number is
    `individual_number.derive(simulated(seed, "numbers"), first_resident_code, changes)`.
    """
    return hmac.digest(f"warifu numbering v1/{seed}".encode(), name.encode(), sha256)


def _kept(path: Path) -> bytes:
    if not path.exists():
        write_secret(path, os.urandom(SIZE))
    key = path.read_bytes()
    if len(key) != SIZE:
        raise ValueError(f"{path} is damaged: {len(key)} bytes instead of {SIZE}")
    return key
