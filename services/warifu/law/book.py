"""The law book: permission table and register as one signed whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec

from warifu.law.model import Institution, Item, LeftOut, Row
from warifu.law.reading import LawDataError
from warifu.law.register import REGISTER_FILE, Register, read_register
from warifu.law.signature import LawSignatureError, digest_of, verify
from warifu.law.table import (
    ITEMS_FILE,
    LEFT_OUT_FILE,
    PERMISSIONS_FILE,
    PermissionTable,
    read_items,
    read_left_out,
    read_table,
)

LAW_FILES = (PERMISSIONS_FILE, LEFT_OUT_FILE, ITEMS_FILE, REGISTER_FILE)
SIGNATURE_FILE = "law.sig"
PACKAGED = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class LawBook:
    """What is allowed to whom. Equal versions mean equal files: the version ends in the first 4 bytes of the digest, hex."""

    version: str
    digest: bytes
    """SHA-256 over all files, 32 bytes."""
    table: PermissionTable
    register: Register

    @property
    def dated(self) -> date:
        """Day on which this version was reviewed."""
        return self.table.dated

    @property
    def rows(self) -> Mapping[str, Row]:
        """Permission rows by id."""
        return self.table.rows

    @property
    def items(self) -> Mapping[str, Item]:
        """Linkable items by code."""
        return self.table.items

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """What is not simulated, and why."""
        return self.table.left_out

    @property
    def institutions(self) -> Mapping[str, Institution]:
        """Institutions by code."""
        return self.register.institutions


def packaged_files() -> dict[str, bytes]:
    """The data files as shipped, by name: what the root of trust signs."""
    return {name: (PACKAGED / name).read_bytes() for name in LAW_FILES}


def packaged() -> LawBook:
    """The law book as shipped, unsigned: for the signer and for tests, never for a party.

    Raises:
        LawDataError: a data file is wrong.
    """
    return read_book(packaged_files())


def load(folder: Path, root_key: ec.EllipticCurvePublicKey) -> LawBook:
    """The signed law book in `folder`. Nothing is parsed before the signature holds.

    Raises:
        LawSignatureError: a file or the signature is missing, or the root of trust did not sign exactly these files.
        LawDataError: a data file is wrong although it was signed.
    """
    try:
        files = {name: (folder / name).read_bytes() for name in LAW_FILES}
        signature = (folder / SIGNATURE_FILE).read_bytes()
    except OSError as error:
        raise LawSignatureError(
            f"the law book in {folder} is not whole: {error.strerror} ({error.filename})"
        ) from error
    return _signed(tuple(files[name] for name in LAW_FILES), signature, root_key.public_numbers())


def write(folder: Path, files: Mapping[str, bytes], signature: bytes) -> None:
    """Put a signed law book where `load` finds it; the signature goes last, so a torn write never passes."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SIGNATURE_FILE).unlink(missing_ok=True)
    for name in LAW_FILES:
        (folder / name).write_bytes(files[name])
    (folder / SIGNATURE_FILE).write_bytes(signature)


def read_book(files: Mapping[str, bytes]) -> LawBook:
    """Read the files of a law book, by name.

    Raises:
        LawDataError: a file is missing or wrong; the message names the file, the entry and the field.
    """
    for name in LAW_FILES:
        if name not in files:
            raise LawDataError(name, "file", "content", "missing")
    return _read(tuple(files[name] for name in LAW_FILES))


@lru_cache(maxsize=4)  # parties of one process read the same; whether a signature holds depends on nothing else
def _signed(contents: tuple[bytes, ...], signature: bytes, root_key: ec.EllipticCurvePublicNumbers) -> LawBook:
    verify(dict(zip(LAW_FILES, contents, strict=True)), signature, root_key.public_key())
    return _read(contents)


@lru_cache(maxsize=4)  # the same files are the same book, and nothing of it can be changed
def _read(contents: tuple[bytes, ...]) -> LawBook:
    files = dict(zip(LAW_FILES, contents, strict=True))
    register = read_register(files[REGISTER_FILE])
    items, left_out = read_items(files[ITEMS_FILE]), read_left_out(files[LEFT_OUT_FILE])
    table = read_table(files[PERMISSIONS_FILE], items, left_out, register.roles)
    digest = digest_of(files)
    return LawBook(f"{table.version}+{digest[:4].hex()}", digest, table, register)
