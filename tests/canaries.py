"""Searches bytes for secrets in every form in which a careless program might leave them."""

from __future__ import annotations

import base64
import re
import shutil
import sqlite3
import sys
import tempfile
import zlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

Secret = str | bytes
SHORTEST = 6
"""Bytes of the shortest form looked for: fewer occur by chance in the sizes searched here."""
_GRAM = 4
"""Bytes of the machine word by which candidates are found."""
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")
_ZEROS = re.compile(rb"\0{16,}")
_SQLITE = b"SQLite format 3\0"
_FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


def varint(number: int) -> bytes:
    """`number` as protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def forms(secret: Secret) -> dict[str, bytes]:
    """Every form of a secret by name; those under `SHORTEST` bytes, which occur by chance, are left out.

    Text and bytes: plain, hexadecimal, base64 at each alignment. Text also: UTF-16, JSON and URL escapes. Digits also: full width, in
    groups of four, and as integers: protobuf varint, and as SQLite (big-endian) and struct (little-endian) lay them out.
    """
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    for shift in range(3):
        # The first and last characters depend on the neighbours; what lies between depends on the secret alone.
        start, end = (0, 2, 3)[shift], (len(raw) + shift) * 8 // 6
        found[f"base64/{shift}"] = base64.b64encode(b"\0" * shift + raw)[start:end]
        found[f"base64url/{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + raw)[start:end]
    if isinstance(secret, str):
        found |= _text_forms(secret)
    return {name: form for name, form in found.items() if len(form) >= SHORTEST}


def _text_forms(secret: str) -> dict[str, bytes]:
    found = {"utf-16-le": secret.encode("utf-16-le"), "utf-16-be": secret.encode("utf-16-be")}
    if not secret.isascii():
        found["json"] = secret.encode("ascii", "backslashreplace")
        found["url"] = quote(secret).encode()
    if secret.isdecimal():
        number, fours = int(secret), re.findall("....|.+", secret)
        found["full width"] = secret.translate(_FULL_WIDTH).encode()
        found["spaced"], found["hyphened"] = " ".join(fours).encode(), "-".join(fours).encode()
        found["varint"] = varint(number)
        size = 6 if number < 1 << 48 else 8  # as SQLite does; the zeros of a wider integer go before or after
        found["big-endian"], found["little-endian"] = number.to_bytes(size, "big"), number.to_bytes(size, "little")
    return found


def inflated(data: bytes, limit: int = 1 << 22) -> Iterator[bytes]:
    """Everything in `data` that is a zlib or gzip stream, unpacked; of a stream that is cut, what there is."""
    view = memoryview(data)
    for match in _ZLIB.finditer(data):
        unpack, out = zlib.decompressobj(wbits=47), bytearray()
        for at in range(match.start(), len(data), 512):
            try:
                out += unpack.decompress(view[at : at + 512])
            except zlib.error:
                break
            if unpack.eof or len(out) > limit:
                break
        if len(out) >= SHORTEST:
            yield bytes(out)


class Finder:
    """Finds any of many secrets, in all their forms, in one pass over the data."""

    def __init__(self, secrets: Iterable[Secret]) -> None:
        self._by_gram: dict[int, list[tuple[bytes, Secret, str]]] = defaultdict(list)
        for secret in secrets:
            patterns = forms(secret)
            if "plain" not in patterns:
                raise ValueError(f"too short to be looked for: {secret!r}")
            for form, pattern in patterns.items():
                # The end tells more apart than the beginning: codes and numbers of one network begin alike.
                self._by_gram[int.from_bytes(pattern[-_GRAM:], sys.byteorder)].append((pattern, secret, form))
        self._grams = frozenset(self._by_gram)

    def find(self, data: bytes) -> set[tuple[Secret, str]]:
        """(secret, form) of every secret that `data` holds, also inside compressed streams."""
        found = self._plainly(data)
        for unpacked in inflated(data):
            found |= {(secret, f"{form} in zlib") for secret, form in self._plainly(unpacked)}
        return found

    def _plainly(self, data: bytes) -> set[tuple[Secret, str]]:
        seen: set[int] = set()
        for run in _ZEROS.split(data):
            for start in range(min(_GRAM, len(run))):
                end = start + (len(run) - start) // _GRAM * _GRAM
                seen |= self._grams.intersection(array("I", run[start:end]))
        candidates = (candidate for gram in seen for candidate in self._by_gram[gram])
        return {(secret, form) for pattern, secret, form in candidates if pattern in data}

    def in_folder(self, folder: Path) -> list[tuple[Path, Secret, str]]:
        """(file, secret, form) of everything under a folder: in files as they lie there, and in the rows of databases."""
        return [
            (path, *hit)
            for path in files(folder)
            for hit in sorted(self.find(path.read_bytes()) | self.find(rows(path)), key=repr)
        ]


def search(data: bytes, secrets: Iterable[Secret]) -> list[tuple[Secret, str]]:
    """(secret, form) of every secret that `data` holds in some form, also inside compressed streams."""
    return sorted(Finder(secrets).find(data), key=repr)


def files(folder: Path) -> Iterator[Path]:
    """Every regular file under a folder: databases, write-ahead logs, logs, keys."""
    yield from (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def rows(path: Path) -> bytes:
    """Every value of every row of a SQLite database, so that what spans two pages is seen whole; nothing for other files."""
    with path.open("rb") as file:
        if file.read(len(_SQLITE)) != _SQLITE:
            return b""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            if (beside := Path(f"{path}{suffix}")).exists():
                shutil.copyfile(beside, Path(folder) / f"copy{suffix}")
        with closing(sqlite3.connect(Path(folder) / "copy")) as database:
            tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            values = (
                value for table in tables for row in database.execute(f'SELECT * FROM "{table}"') for value in row
            )
            return b"\0".join(v if isinstance(v, bytes) else str(v).encode() for v in values if v is not None)
