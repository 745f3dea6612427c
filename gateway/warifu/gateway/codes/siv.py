"""Scheme `siv`: code = epoch ‖ AES-SIV(key of institution and epoch, master), master = keyed one-way function of the resident code.

Deterministic authenticated encryption (RFC 5297): equal persons give equal codes, codes of two institutions share nothing but the
epoch byte, and bytes that were never issued to an institution fail to open (a forgery succeeds with 2⁻¹²⁸ a try). Stateless: there
is no table of codes to steal, and none by which to look a person up. A single code cannot be revoked.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from warifu.exchange.v1.exchange_pb2 import SubjectReference
from warifu.gateway.codes.epochs import Epochs
from warifu.gateway.codes.scheme import CodeUnknownError

TAG = b"warifu/code/siv/v1\0"
MASTER_SIZE = 16
CODE_SIZE = 1 + 16 + MASTER_SIZE
_SIV_KEY_SIZE = 64


@dataclass(slots=True)
class _Key:
    """A cached AES-SIV object with the associated data that binds a code to institution and epoch."""

    siv: AESSIV
    bound_to: list[bytes | bytearray | memoryview]

    def seal(self, master: bytes) -> bytes:
        return self.siv.encrypt(master, self.bound_to)

    def open(self, sealed: bytes) -> bytes:
        return self.siv.decrypt(sealed, self.bound_to)


class SivScheme:
    """See the module. One object a process; keys are derived once and kept.

    The cache grows with the institutions that are asked for: callers pass only codes of the register or of a certificate.
    """

    def __init__(self, secret: bytes, epochs: Epochs | None = None) -> None:
        self._secret = secret
        self._epochs = epochs or Epochs()
        self._master_key = self._derive(b"master", 32)
        self._marks = _Key(AESSIV(self._derive(b"mark", _SIV_KEY_SIZE)), [TAG, b"mark"])
        self._keys: dict[tuple[str, int], _Key] = {}

    def derive(self, resident_code: str, institution: str) -> SubjectReference:
        """See `CodeScheme.derive`."""
        return self.reference(self._master(resident_code), institution, self._epochs.of(institution))

    def open(self, subject: SubjectReference, holder: str) -> SivSubject:
        """See `CodeScheme.open`."""
        code = subject.code
        if len(code) != CODE_SIZE or code[0] not in self._epochs.accepted:
            raise CodeUnknownError
        try:
            return SivSubject(self, self._key(holder, code[0]).open(code[1:]))
        except InvalidTag:
            raise CodeUnknownError from None

    def mark(self, resident_code: str) -> bytes:
        """See `CodeScheme.mark`."""
        return self._marks.seal(self._master(resident_code))

    def behind(self, mark: bytes, institution: str) -> tuple[SubjectReference, ...]:
        """See `CodeScheme.behind`."""
        master = self._marks.open(mark)
        return tuple(self.reference(master, institution, epoch) for epoch in self._epochs.accepted)

    def reference(self, master: bytes, institution: str, epoch: int) -> SubjectReference:
        """The code of the person behind `master` at `institution`."""
        return SubjectReference(code=bytes((epoch,)) + self._key(institution, epoch).seal(master))

    def epoch_of(self, institution: str) -> int:
        """The epoch of codes given to `institution` now."""
        return self._epochs.of(institution)

    def mark_of_master(self, master: bytes) -> bytes:
        """The mark of the person behind `master`."""
        return self._marks.seal(master)

    def _master(self, resident_code: str) -> bytes:
        return hmac.digest(self._master_key, TAG + resident_code.encode(), "sha256")[:MASTER_SIZE]

    def _key(self, institution: str, epoch: int) -> _Key:
        key = self._keys.get((institution, epoch))
        if key is None:
            name = institution.encode()
            use = b"institution\0" + len(name).to_bytes(2) + name + bytes((epoch,))
            key = _Key(AESSIV(self._derive(use, _SIV_KEY_SIZE)), [TAG, name, bytes((epoch,))])
            self._keys[institution, epoch] = key
        return key

    def _derive(self, use: bytes, size: int) -> bytes:
        return HKDF(SHA512(), size, salt=None, info=TAG + use).derive(self._secret)


@dataclass(frozen=True, slots=True)
class SivSubject:
    """A person during one call; see `Subject`."""

    _scheme: SivScheme
    _master: bytes

    def seen_by(self, institution: str) -> SubjectReference:
        """See `Subject.seen_by`."""
        return self._scheme.reference(self._master, institution, self._scheme.epoch_of(institution))

    def mark(self) -> bytes:
        """See `Subject.mark`."""
        return self._scheme.mark_of_master(self._master)

    def __repr__(self) -> str:
        return "SivSubject()"  # the master must reach no log
