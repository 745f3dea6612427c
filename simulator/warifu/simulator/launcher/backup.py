"""Backup and restore of a whole network: every party's state together, since one party's alone would contradict the others'."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from warifu.simulator.state import NetworkFile, StateError, locked

_LEFT_OUT = {".lock", "control.sock", "tmp"}


def backup(state: Path, archive: Path) -> int:
    """Write `state` into a new archive, readable by the owner alone; returns its size in bytes.

    The archive holds every key of the network: keep it as you would the network.

    Raises:
        StateError: the network runs, there is none, or the archive exists or cannot be written.
    """
    NetworkFile.load(state)
    with locked(state):
        try:
            handle = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise StateError(
                f"{archive} に書き込めません: {error.strerror}", f"cannot write {archive}: {error.strerror}"
            ) from error
        with os.fdopen(handle, "wb") as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=3) as tar:
            tar.add(state, arcname=".", filter=lambda entry: None if Path(entry.name).name in _LEFT_OUT else entry)
        return archive.stat().st_size


def restore(archive: Path, state: Path) -> NetworkFile:
    """Lay the network of `archive` into the new or empty folder `state`.

    Raises:
        StateError: the folder is not empty, or the archive is not a backup of this or an older program.
    """
    if state.exists() and any(state.iterdir()):
        raise StateError(
            f"{state} は空ではありません。新しいフォルダーに戻してください。動いているものを上書きすることはありません。",
            f"{state} is not empty. Restore into a new folder; what runs is never overwritten.",
        )
    try:
        with tarfile.open(archive, "r:gz") as tar:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            _only_plain(tar)
            tar.extractall(state)  # noqa: S202 - every member was looked at
        return NetworkFile.load(state)
    except (OSError, tarfile.TarError, StateError) as error:
        shutil.rmtree(state, ignore_errors=True)
        raise StateError(
            f"{archive} は `warifu backup` で作った完全なバックアップではありません（{error}）。何も戻していません。",
            f"{archive} is not a whole backup made by `warifu backup` ({error}); nothing was restored",
        ) from error


def _only_plain(tar: tarfile.TarFile) -> None:
    """Refuse a member that would lie outside the folder or is no file or folder; Python before 3.11.4 has no filter that does.

    Raises:
        tarfile.TarError: there is one.
    """
    if hasattr(tarfile, "data_filter"):
        tar.extraction_filter = tarfile.data_filter
    for member in tar.getmembers():
        inside = not Path(member.name).is_absolute() and ".." not in Path(member.name).parts
        if not (inside and (member.isfile() or member.isdir())):
            msg = f"{member.name} does not belong into a backup"
            raise tarfile.TarError(msg)
