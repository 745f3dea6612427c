"""Where filled networks are kept between two runs: in the user's cache, or, where that cannot be written, among temporary files.

Each is for this user alone (0700). Nothing is lost when the folder is removed; what was half removed or changed is noticed, and filled anew.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from warifu.simulator.state import StateError

KEPT: Final = 8
"""Networks kept, some 10 MB each; the one that was used longest ago goes first."""
LISTING: Final = ".files"
"""In a kept network: its files with their sizes in bytes, as it was put here."""
_UNFINISHED: Final = "making-"
_GIVEN_UP: Final = 24 * 3600.0
"""Seconds after which what is unfinished belongs to a process that is no more."""


def home() -> Path:
    """The folder for them, made when it is missing.

    Raises:
        StateError: there is no place that this user can write and others cannot.
    """
    wanted = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "warifu" / "templates"  # noqa: PTH111 - a user may have no home
    for place in (wanted, Path(tempfile.gettempdir()) / f"warifu-{os.getuid()}" / "templates"):
        if _is_ours(place):
            return place
    raise StateError(
        f"{wanted} に書き込めません。書き込めるフォルダーを環境変数 XDG_CACHE_HOME に指定してください。",
        f"{wanted} cannot be written. Name a folder that can in the environment variable XDG_CACHE_HOME.",
    )


def find(place: Path) -> bool:
    """Whether a network is kept there, whole. One that is not goes."""
    if not place.exists():
        return False
    try:
        listed = json.loads((place / LISTING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        listed = None
    if listed != _files(place):
        _drop(place)
        return False
    os.utime(place)
    return True


def keep(network: Path, place: Path) -> None:
    """Keep a copy of `network` there; of two processes that do it at once either's is as good."""
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=place.parent) as made:
        copy = Path(made) / "network"
        lay(network, copy)
        (copy / LISTING).write_text(json.dumps(_files(copy)), encoding="utf-8")
        try:
            copy.rename(place)
        except OSError:  # another process was quicker
            if not place.exists():
                raise
    _tidy(place.parent)


def lay(network: Path, state: Path) -> None:
    """Lay a network that does not run into a new folder, without what only a running one has."""
    left_out = shutil.ignore_patterns(".lock", "control.sock", "party.log", "party.err", LISTING)
    shutil.copytree(network, state, ignore=left_out)
    state.chmod(0o700)


def _is_ours(place: Path) -> bool:
    if not place.is_absolute():
        return False
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = place.parent.stat()
    except OSError:
        return False
    return os.access(place, os.W_OK | os.X_OK) and status.st_uid == os.getuid()


def _files(place: Path) -> Mapping[str, int]:
    return {name: size for name, size in sorted(_sizes(place)) if name != LISTING}


def _sizes(place: Path) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(place):
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118 - hundreds of them at each start
            yield os.path.relpath(path, place), os.lstat(path).st_size


def _drop(place: Path) -> None:
    """Remove it, out of sight first: nobody shall find half of it."""
    aside = tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=place.parent, ignore_cleanup_errors=True)
    with aside as gone, suppress(FileNotFoundError):  # another process was quicker
        place.rename(Path(gone) / "network")


def _tidy(folder: Path) -> None:
    there = sorted(folder.iterdir(), key=lambda one: one.stat().st_mtime)
    for old in [one for one in there if not one.name.startswith(_UNFINISHED)][:-KEPT]:
        _drop(old)
    for one in there:
        if one.name.startswith(_UNFINISHED) and one.exists() and one.stat().st_mtime < time.time() - _GIVEN_UP:
            shutil.rmtree(one, ignore_errors=True)
