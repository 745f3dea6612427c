"""Searches bytes for secrets in every form in which a careless program might leave them."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08")


def varint(number: int) -> bytes:
    """`number` as protobuf writes it."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def forms(secret: str) -> dict[str, bytes]:
    """The secret as plain bytes, UTF-16, hex, base64 at each alignment and, when it is a number, protobuf varint."""
    raw = secret.encode()
    found = {
        "plain": raw,
        "utf-16-le": secret.encode("utf-16-le"),
        "utf-16-be": secret.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
    }
    for shift in range(3):
        # The first and last characters depend on the neighbours; what lies between depends on the secret alone.
        encoded = base64.b64encode(b"\0" * shift + raw)
        start = (0, 2, 3)[shift]
        end = (len(raw) + shift) // 3 * 4
        found[f"base64/{shift}"] = encoded[start:end]
        found[f"base64url/{shift}"] = base64.urlsafe_b64encode(b"\0" * shift + raw)[start:end]
    if secret.isdecimal() and len(varint(int(secret))) >= 5:  # shorter ones occur by chance
        found["varint"] = varint(int(secret))
    return found


def inflated(data: bytes, limit: int = 1 << 22) -> Iterator[bytes]:
    """Everything in `data` that is a zlib or gzip stream, unpacked."""
    for match in _ZLIB.finditer(data):
        unpack = zlib.decompressobj(wbits=47)
        try:
            out = unpack.decompress(data[match.start() :], limit)
        except zlib.error:
            continue
        if out:
            yield out


def search(data: bytes, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """(secret, form) of every secret that `data` holds in some form, also inside compressed streams."""
    corpus = b"\0".join([data, *inflated(data)])
    return [(secret, form) for secret in secrets for form, pattern in forms(secret).items() if pattern in corpus]


def files(folder: Path) -> Iterator[Path]:
    """Every regular file under a folder: databases, write-ahead logs, logs, keys."""
    yield from (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.is_symlink())


def search_folder(folder: Path, secrets: Iterable[str]) -> list[tuple[Path, str, str]]:
    """(file, secret, form) of everything found under a folder."""
    wanted = list(secrets)
    return [(path, *hit) for path in files(folder) for hit in search(path.read_bytes(), wanted)]
