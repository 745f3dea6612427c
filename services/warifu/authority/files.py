"""Writing secrets and what others read while it is replaced."""

from __future__ import annotations

import os
from pathlib import Path

SECRET = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put `content` at `path` whole or not at all, with `mode` from the first byte on.

    Raises:
        OSError: it cannot be written, such as on a full disk; names `path`, and nothing of the content is left.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise
