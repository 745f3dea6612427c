"""The one secret from which every code key derives."""

from __future__ import annotations

import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from warifu.exchange.keys import write_secret
from warifu.kernel.vault import alone

SECRET_SIZE = 32
SECRET_NAME = "token.key"  # noqa: S105 - a file name
_SEED_TAG = b"warifu/token-secret/simulation/v1\0"


def token_secret(folder: Path, seed: int | None) -> bytes:
    """The secret, 32 bytes: derived from the simulation's seed, or else random and kept in `folder` (0600).

    Whoever reads it can link all codes of all institutions; whoever loses it has lost every code ever issued.

    Raises:
        ValueError: the kept secret is damaged; it is never replaced silently.
        OSError: it can be neither read nor made.
    """
    if seed is not None:
        return HKDF(SHA512(), SECRET_SIZE, salt=None, info=_SEED_TAG).derive(str(seed).encode())
    path = folder / SECRET_NAME
    with alone(folder):  # several processes of one gateway may begin at once
        if not path.exists():
            write_secret(path, secrets.token_bytes(SECRET_SIZE))
    secret = path.read_bytes()
    if len(secret) != SECRET_SIZE:
        raise ValueError(f"{path} is damaged: {len(secret)} bytes instead of {SECRET_SIZE}")
    return secret
