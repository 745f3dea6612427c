"""Codes of scheme `siv` (docs/PROTOCOL.md §2), with the keys between the secret and the code."""

from __future__ import annotations

import hmac
from typing import Any, Final

from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from warifu.dev.vectors.made import PROVIDER, REQUESTER, drawn
from warifu.gateway.codes import Epochs, SivScheme
from warifu.gateway.codes.siv import TAG

_SECRET: Final = drawn("token secret")
_PEOPLE: Final = ("88800000011", "88800000022")
_EPOCHS: Final = (1, 2)


def make() -> dict[str, Any]:
    """The file codes.json."""
    master_key = _derive(b"master", 32)
    cases = [
        _case(master_key, who, where, epoch) for who in _PEOPLE for where in (REQUESTER, PROVIDER) for epoch in _EPOCHS
    ]
    code = bytes.fromhex(cases[0]["code"])
    refused = {
        "another institution's": code.hex(),
        "altered": (code[:-1] + bytes((code[-1] ^ 1,))).hex(),
        "another epoch": (b"\x02" + code[1:]).hex(),
        "an epoch that is not accepted": (b"\x03" + code[1:]).hex(),
        "cut short": code[:-1].hex(),
        "empty": "",
    }
    holders = {name: PROVIDER if name == "another institution's" else REQUESTER for name in refused}
    return {
        "tag": TAG.hex(),
        "secret": _SECRET.hex(),
        "master_key": master_key.hex(),
        "cases": cases,
        "refused": [
            {
                "name": name,
                "holder": holders[name],
                "code": code,
                "accepted_epochs": list(_EPOCHS),
                "reason": "CLIENT_CODE_UNKNOWN",
            }
            for name, code in refused.items()
        ],
    }


def _case(master_key: bytes, resident_code: str, institution: str, epoch: int) -> dict[str, Any]:
    name = institution.encode()
    scheme = SivScheme(_SECRET, Epochs(_EPOCHS, {institution: epoch}))
    return {
        "resident_code": resident_code,
        "institution": institution,
        "epoch": epoch,
        "master": hmac.digest(master_key, TAG + resident_code.encode(), "sha256")[:16].hex(),
        "institution_key": _derive(b"institution\0" + len(name).to_bytes(2, "big") + name + bytes((epoch,)), 64).hex(),
        "associated_data": [TAG.hex(), name.hex(), bytes((epoch,)).hex()],
        "code": scheme.derive(resident_code, institution).code.hex(),
    }


def _derive(use: bytes, size: int) -> bytes:
    return HKDF(SHA512(), size, salt=None, info=TAG + use).derive(_SECRET)
