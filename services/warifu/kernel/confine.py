"""Confinement of a process to its own folder, by Landlock (Linux ≥ 5.13, security/landlock.h; no privilege needed).

Afterwards the process can read the system's and Python's own files, read and write its own folder, and nothing else: not a sibling
party's folder, not the root key. It can start no program. Confinement cannot be undone.
"""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntFlag
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger(__name__)

# asm-generic numbers: the same on x86-64 and aarch64.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _RULE_PATH_BENEATH, _PR_SET_NO_NEW_PRIVS = 1, 1, 38
_ABI_TRUNCATE, _ABI_IOCTL, _ABI_SCOPE = 3, 5, 6
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2


class Right(IntFlag):
    """Rights on files, as the kernel numbers them."""

    EXECUTE = 1 << 0
    WRITE_FILE = 1 << 1
    READ_FILE = 1 << 2
    READ_DIR = 1 << 3
    REMOVE_DIR = 1 << 4
    REMOVE_FILE = 1 << 5
    MAKE_CHAR = 1 << 6
    MAKE_DIR = 1 << 7
    MAKE_REG = 1 << 8
    MAKE_SOCK = 1 << 9
    MAKE_FIFO = 1 << 10
    MAKE_BLOCK = 1 << 11
    MAKE_SYM = 1 << 12
    REFER = 1 << 13
    TRUNCATE = 1 << 14
    IOCTL_DEV = 1 << 15


_FILE_RIGHTS: Final = Right.EXECUTE | Right.WRITE_FILE | Right.READ_FILE | Right.TRUNCATE | Right.IOCTL_DEV
_READ: Final = Right.READ_FILE | Right.READ_DIR
_OWN: Final = (
    _READ
    | Right.WRITE_FILE
    | Right.TRUNCATE
    | Right.REFER
    | Right.REMOVE_DIR
    | Right.REMOVE_FILE
    | Right.MAKE_DIR
    | Right.MAKE_REG
    | Right.MAKE_SOCK
)
_SYSTEM: Final = (
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/etc",
    "/proc",
    "/sys",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
)


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def landlock_abi() -> int:
    """The kernel's Landlock version; 0 where it has none or it is switched off."""
    version: int = _libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG))
    return max(0, version)


def confine(folder: Path) -> bool:
    """Confine this process to `folder`, and put temporary files into `folder`/tmp. Call before any thread is started.

    Returns:
        Whether it is confined; where the kernel cannot, a warning is logged and the process goes on.

    Raises:
        RuntimeError: threads run already, which would stay free.
        ValueError: the folder lies inside Python's own, which must stay readable.
        OSError: the kernel refused.
    """
    folder = folder.resolve()
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o700, exist_ok=True)
    os.environ["TMPDIR"] = str(temporary)
    abi = landlock_abi()
    if abi == 0:
        _LOG.warning(
            "not confined: this kernel has no Landlock; the folders of other parties are readable to this process"
        )
        return False
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("confinement must come before the first thread")
    _restrict(abi, folder)
    return True


def readable_roots(folder: Path) -> list[Path]:
    """What a process confined to `folder` may still read: the system's files and where Python's modules lie.

    A module path that contains the state folder, such as the working directory, is left out: it would open every sibling.

    Raises:
        ValueError: see `confine`.
    """
    state = folder.resolve().parent
    python = {Path(path).resolve() for path in (sys.prefix, sys.base_prefix, sysconfig.get_path("stdlib"))}
    system = {Path(path) for path in _SYSTEM}
    if inside := [path for path in python | system if state.is_relative_to(path.resolve())]:
        raise ValueError(f"the state folder {state} must not lie inside {inside[0]}")
    modules = {Path(entry).resolve() for entry in sys.path if entry}
    return sorted(path for path in python | system | modules if path.exists() and not state.is_relative_to(path))


def _restrict(abi: int, folder: Path) -> None:
    handled = _handled(abi)
    scoped = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if abi >= _ABI_SCOPE else 0
    libc = _libc()
    with _ruleset(handled, scoped, abi) as ruleset:
        for path in readable_roots(folder):
            _allow(ruleset, path, _READ & handled)
        for device in ("/dev/null", "/dev/zero"):
            _allow(ruleset, Path(device), (Right.READ_FILE | Right.WRITE_FILE) & handled)
        _allow(ruleset, folder, _OWN & handled)
        _check(libc.prctl(_PR_SET_NO_NEW_PRIVS, *(ctypes.c_ulong(value) for value in (1, 0, 0, 0))))
        _check(libc.syscall(_RESTRICT_SELF, ruleset, ctypes.c_uint32(0)))


def _handled(abi: int) -> Right:
    """Every right that this kernel knows: what is handled and not allowed is refused."""
    rights = Right((1 << 16) - 1)
    if abi < _ABI_IOCTL:
        rights &= ~Right.IOCTL_DEV
    if abi < _ABI_TRUNCATE:
        rights &= ~Right.TRUNCATE
    if abi == 1:
        rights &= ~Right.REFER
    return rights


@contextmanager
def _ruleset(handled: Right, scoped: int, abi: int) -> Iterator[int]:
    attributes = _Ruleset(fs=int(handled), net=0, scoped=scoped)
    size = ctypes.sizeof(_Ruleset) if abi >= _ABI_SCOPE else ctypes.sizeof(ctypes.c_uint64)
    ruleset = _check(
        _libc().syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), ctypes.c_uint32(0))
    )
    try:
        yield ruleset
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: Path, rights: Right) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(allowed=int(rights if path.is_dir() else rights & _FILE_RIGHTS), parent=parent)
        _check(_libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), ctypes.c_uint32(0)))
    finally:
        os.close(parent)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"Landlock: {os.strerror(code)}")
    return result
