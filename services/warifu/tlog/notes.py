"""Signed notes: a text and lines of signatures, as logs and witnesses write them (c2sp.org/signed-note, c2sp.org/tlog-cosignature).

Two kinds of signature are known here: a log's Ed25519 (type 0x01) over the text, and a witness' cosignature/v1 (type 0x04), Ed25519 over
the time and the text. Lines by keys that nobody asks for are passed over, as the specification wants it. Nothing here answers yes or no:
a check that fails raises.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import ClassVar, Final, Self

from nacl.bindings import crypto_core_ed25519_is_valid_point
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from warifu.tlog.strict import from_base64, to_base64, utf8

LARGEST_NOTE: Final = 512 * 1024
"""Bytes of the longest note that is read."""
MOST_SIGNATURES: Final = 64
"""Signature lines of a note that is read; the specification asks for at least 16."""
SEED_SIZE: Final = 32
"""Bytes of a secret Ed25519 seed."""
_PUBLIC_SIZE: Final = 32
_SIGNATURE_SIZE: Final = 64
_KEY_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_NAME: Final = re.compile(r"[^\s+\x00-\x1f]+")
_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")


class NoteError(ValueError):
    """A note that proves nothing."""


class MalformedNoteError(NoteError):
    """Not a signed note: its form is broken."""


class UnsignedNoteError(NoteError):
    """A note without a signature by the key that is asked for."""


class ForgedNoteError(NoteError):
    """A note with a signature in the name of the key that is asked for, which that key did not make."""


class NoteKeyError(ValueError):
    """A key that must not be used: malformed, of another kind, with a wrong id, of small order."""


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line."""

    name: str
    """Name of the key."""
    key_id: bytes
    """4 bytes."""
    content: bytes
    """What the key's kind of signature consists of."""

    @property
    def line(self) -> str:
        """As it stands in a note, with its newline."""
        return f"— {self.name} {to_base64(self.key_id + self.content)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text and its signatures, none of them checked yet."""

    text: str
    """Ends in a newline. Means nothing until a key's `check` returned."""
    signatures: tuple[Signature, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be signed.

        Raises:
            MalformedNoteError: the text does not end in a newline, or has other control characters.
        """
        if not self.text.endswith("\n") or _CONTROL.search(self.text):
            raise MalformedNoteError("the text of a note ends in a newline and has no other control characters")

    @classmethod
    def parse(cls, raw: str | bytes) -> Self:
        """Read a note.

        Raises:
            MalformedNoteError: too long, not UTF-8, control characters, no text, no blank line, or lines that are no signatures.
        """
        note = _decoded(raw)
        text, blank, lines = note.rpartition("\n\n")
        if not blank or not lines:
            raise MalformedNoteError("a signed note has a text, a blank line and signatures")
        return cls(text + "\n", parse_signatures(lines))

    @property
    def raw(self) -> str:
        """The note as it is written."""
        return self.text + "\n" + "".join(signature.line for signature in self.signatures)

    def with_signature(self, signature: Signature) -> Note:
        """The note with one signature more."""
        return Note(self.text, (*self.signatures, signature))


def parse_signatures(lines: str | bytes) -> tuple[Signature, ...]:
    """Read signature lines alone, as a witness answers them.

    Raises:
        MalformedNoteError: none, too many, or one that is not "— name base64" with a newline.
    """
    text = _decoded(lines)
    if not text.endswith("\n"):
        raise MalformedNoteError("the last signature line is cut short")
    rows = text[:-1].split("\n")
    if len(rows) > MOST_SIGNATURES:
        raise MalformedNoteError(f"more than {MOST_SIGNATURES} signatures")
    return tuple(_signature(row) for row in rows)


@dataclass(frozen=True, slots=True)
class _Key:
    """A public Ed25519 key under a name. Two are equal when name, kind and bytes are."""

    kind: ClassVar[int]
    """The signature type's byte."""
    name: str
    public: bytes
    """32 bytes."""

    def __post_init__(self) -> None:
        """Refuse keys that must not be used.

        Raises:
            NoteKeyError: a name that no note can hold, or a key of another length, off the curve or of small order, for which one
                signature fits every message (RFC 8032 §8 leaves its refusal to the application).
        """
        if _NAME.fullmatch(self.name) is None:
            raise NoteKeyError("the name of a key is not empty and has neither spaces nor plus signs")
        if len(self.public) != _PUBLIC_SIZE or not crypto_core_ed25519_is_valid_point(self.public):
            raise NoteKeyError(f"the key of {self.name} is no Ed25519 key that may be used")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read a verifier key, `name+id+base64`.

        Raises:
            NoteKeyError: another form, another kind of key, an id that does not fit, or a key that must not be used.
        """
        name, _, rest = vkey.partition("+")
        key_id, _, encoded = rest.partition("+")
        if _KEY_ID.fullmatch(key_id) is None:
            raise NoteKeyError("a verifier key is name+id+base64, the id 8 lower-case hexadecimal digits")
        try:
            material = from_base64(encoded)
        except ValueError as error:
            raise NoteKeyError("a verifier key ends in base64") from error
        if material[:1] != bytes([cls.kind]):
            raise NoteKeyError(f"the key of {name!r} is of another kind than {cls.kind:#04x}")
        key = cls(name, material[1:])
        if key.key_id.hex() != key_id:
            raise NoteKeyError(f"the id of the key of {name} does not fit the key")
        return key

    @property
    def key_id(self) -> bytes:
        """4 bytes that name the key in a signature line, together with its name."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:_KEY_ID_SIZE]

    @property
    def vkey(self) -> str:
        """The verifier key, as it is given to others."""
        return f"{self.name}+{self.key_id.hex()}+{to_base64(bytes([self.kind]) + self.public)}"

    def _own(self, note: Note) -> list[bytes]:
        key_id = self.key_id
        own = [item.content for item in note.signatures if item.name == self.name and item.key_id == key_id]
        if not own:
            raise UnsignedNoteError(f"no signature by {self.name} with this key")
        return own

    def _verify(self, message: bytes, signature: bytes) -> None:
        if len(signature) != _SIGNATURE_SIZE:
            raise ForgedNoteError(f"a signature in the name of {self.name} has a wrong length")
        try:
            VerifyKey(self.public).verify(message, signature)
        except BadSignatureError as error:
            raise ForgedNoteError(f"a signature in the name of {self.name} does not fit the text") from error


@dataclass(frozen=True, slots=True)
class LogKey(_Key):
    """The public key of a log: Ed25519 over a note's text (type 0x01)."""

    kind: ClassVar[int] = 0x01

    def check(self, note: Note) -> None:
        """See that the log signed the note's text. Each line in its name has to fit.

        Raises:
            UnsignedNoteError: no line is by this key.
            ForgedNoteError: one is in its name and does not fit.
        """
        for content in self._own(note):
            self._verify(note.text.encode(), content)


@dataclass(frozen=True, slots=True)
class WitnessKey(_Key):
    """The public key of a witness: cosignature/v1, Ed25519 over time and text (type 0x04)."""

    kind: ClassVar[int] = 0x04

    def check(self, note: Note) -> datetime:
        """When the witness cosigned the note: the newest time, when it did more than once. Each line in its name has to fit.

        Raises:
            UnsignedNoteError: no line is by this key.
            ForgedNoteError: one is in its name and does not fit.
        """
        return max(self._time(note.text, content) for content in self._own(note))

    def _time(self, text: str, content: bytes) -> datetime:
        seconds = int.from_bytes(content[:_TIME_SIZE], "big")
        self._verify(_cosigned(text, seconds), content[_TIME_SIZE:])
        try:
            return datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError) as error:
            raise ForgedNoteError(f"{self.name} cosigned at a time that is none") from error


class LogSigner:
    """A log's secret key."""

    __slots__ = ("_secret", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        """From 32 secret bytes.

        Raises:
            NoteKeyError: another length, or a name that no note can hold.
        """
        self._secret = _secret(seed)
        self.key = LogKey(name, bytes(self._secret.verify_key))
        """The public half."""

    def sign(self, text: str) -> Signature:
        """Sign a note's text, newline included."""
        return Signature(self.key.name, self.key.key_id, self._secret.sign(text.encode()).signature)


class WitnessSigner:
    """A witness' secret key."""

    __slots__ = ("_secret", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        """From 32 secret bytes.

        Raises:
            NoteKeyError: another length, or a name that no note can hold.
        """
        self._secret = _secret(seed)
        self.key = WitnessKey(name, bytes(self._secret.verify_key))
        """The public half."""

    def sign(self, text: str, at: datetime) -> Signature:
        """Cosign a checkpoint's text at a time (aware; seconds count). The caller has checked consistency: that is what it states."""
        seconds = int(at.timestamp())
        content = seconds.to_bytes(_TIME_SIZE, "big") + self._secret.sign(_cosigned(text, seconds)).signature
        return Signature(self.key.name, self.key.key_id, content)


def _cosigned(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _secret(seed: bytes) -> SigningKey:
    if len(seed) != SEED_SIZE:
        raise NoteKeyError(f"a secret key has {SEED_SIZE} bytes")
    return SigningKey(seed)


def _decoded(raw: str | bytes) -> str:
    try:
        text = utf8(raw, LARGEST_NOTE)
    except ValueError as error:
        raise MalformedNoteError(f"a note is {error}") from error
    if _CONTROL.search(text):
        raise MalformedNoteError("a note has no control characters but newlines")
    return text


def _signature(line: str) -> Signature:
    match = _LINE.fullmatch(line)
    if match is None:
        raise MalformedNoteError("a line that is no signature: — name base64")
    try:
        content = from_base64(match[2])
    except ValueError as error:
        raise MalformedNoteError(f"the signature of {match[1]} is not base64") from error
    if len(content) <= _KEY_ID_SIZE:
        raise MalformedNoteError(f"the signature of {match[1]} is too short")
    return Signature(match[1], content[:_KEY_ID_SIZE], content[_KEY_ID_SIZE:])
