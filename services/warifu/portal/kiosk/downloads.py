"""What would stay on a shared terminal is not handed out there."""

from __future__ import annotations

from typing import Final

_FILES: Final = (".csv", ".json", "/export", "/proof", "/download")


class NoDownloadsError(Exception):
    """A file was asked for at a shared terminal."""


def refuse(path: str) -> None:
    """Refuse an address that hands out a file.

    Raises:
        NoDownloadsError: it does.
    """
    if path.endswith(_FILES):
        raise NoDownloadsError
