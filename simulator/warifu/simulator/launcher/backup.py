"""Backup and restore of a whole network: every party's state together, since one party's alone would contradict the others'."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from warifu.authority import replace_log_keys
from warifu.exchange.logkeys import LOG_SECRET, WITNESS_SECRET
from warifu.simulator.launcher import keycopies
from warifu.simulator.launcher.setup import clock_of, log_of
from warifu.simulator.state import NetworkFile, StateError, locked

_LEFT_OUT = {".lock", "control.sock", "tmp"}
_NEVER_COPIED = {f"./gateway/{LOG_SECRET}", f"./watchdog/{WITNESS_SECRET}"}
"""What the log and its witness sign with: two networks must never sign with the same keys."""


def backup(state: Path, archive: Path) -> int:
    """Write `state` into a new archive, and its month keys into a file beside it; returns the archive's size in bytes.

    Both are readable by the owner alone. The archive holds every key of the network but those of log and witness, and of the months:
    what exchanges were about can only be read with both, and no longer than the network itself can read it.

    Raises:
        StateError: the network runs, there is none, its data lies on a server, or a file exists or cannot be written.
    """
    if NetworkFile.load(state).database_url is not None:
        raise StateError(
            "このネットワークのデータは PostgreSQL サーバーにあり、warifu backup では写せません。ネットワークを止めて、サーバーの道具（pg_dump など）で写してください。",
            "the data of this network lies on a PostgreSQL server, which `warifu backup` does not copy. Stop the network and copy its databases with the server's own tools, such as pg_dump.",
        )
    with locked(state):
        file = NetworkFile.load(state)
        keycopies.follow(state, file)
        keycopies.make(state, file, keys_of(archive))
        try:
            handle = os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            keys_of(archive).unlink()
            keycopies.forget(state, file, keys_of(archive))
            raise StateError(
                f"{archive} に書き込めません: {error.strerror}", f"cannot write {archive}: {error.strerror}"
            ) from error
        with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w:gz", compresslevel=3) as tar:
            tar.add(state, arcname=".", filter=_kept)
        return archive.stat().st_size


def keys_of(archive: Path) -> Path:
    """Where the copy of the month keys lies that was made with an archive, unless it was put elsewhere."""
    return archive.with_name(archive.name + keycopies.SUFFIX)


def forget(state: Path, keys: Path) -> None:
    """Strike a copy of the month keys that was destroyed from the list of a network that does not run.

    Raises:
        StateError: the network runs, there is none, or it knows of no such copy.
    """
    with locked(state):
        keycopies.forget(state, NetworkFile.load(state), keys)


def restore(archive: Path, state: Path, keys: Path | None = None) -> NetworkFile:
    """Lay the network of `archive` and its month keys into the new or empty folder `state`, where it begins a new log with new keys.

    The network that was backed up may live on, and a log that went back would be a shortened one. When the copy of the keys has followed
    an erasure since, the restored network's clock goes on at a time when that erasure was due.

    Raises:
        StateError: the folder is not empty, the archive is not a backup of this or an older program, or the keys are missing or another
            network's.
    """
    keys = keys_of(archive) if keys is None else keys
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
        file = NetworkFile.load(state)
        keycopies.fingerprint(state)
    except (OSError, tarfile.TarError, StateError) as error:
        shutil.rmtree(state, ignore_errors=True)
        raise StateError(
            f"{archive} は `warifu backup` で作った完全なバックアップではありません（{error}）。何も戻していません。",
            f"{archive} is not a whole backup made by `warifu backup` ({error}); nothing was restored",
        ) from error
    try:
        keycopies.lay(keys, state)
    except StateError:
        shutil.rmtree(state, ignore_errors=True)
        raise
    file.key_copies[str(keys.absolute())] = 0
    due = keycopies.due(state)
    if due is not None and due > clock_of(state, file):
        file.clock = due.isoformat()
    replace_log_keys(state, file.trusting)
    file.log = log_of(state, file.log.get("url", ""))
    file.save(state)
    keycopies.follow(state, file)
    return file


def _kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    name = Path(entry.name).name
    return None if name in _LEFT_OUT or entry.name in _NEVER_COPIED or keycopies.is_left_out(name) else entry


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
