"""Writing secrets and what others read while it is replaced."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

SECRET = 0o600
PUBLIC = 0o644
PRIVATE_FOLDER = 0o700
_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Put `content` at `path` whole or not at all, with `mode` from the first byte on.

    Raises:
        OSError: it cannot be written, such as on a full disk; names `path`, and nothing of the content is left.
    """
    folder, name = os.path.split(path)  # as words: a Path costs more than the file, and a party has a dozen of them
    fresh = f"{folder}{os.sep}.{name}.{os.getpid()}"
    descriptor = _opened(folder, fresh, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
        os.replace(fresh, path)  # noqa: PTH105
    except OSError as error:
        Path(fresh).unlink(missing_ok=True)
        error.filename = error.filename or str(path)
        raise


def _opened(folder: str, fresh: str, mode: int) -> int:
    """A new file, in the place of what one that was interrupted left behind, in a folder that is made when it is missing."""
    try:
        return os.open(fresh, _NEW, mode)
    except FileExistsError:
        Path(fresh).unlink(missing_ok=True)
    except FileNotFoundError:
        Path(folder).mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    return os.open(fresh, _NEW, mode)
