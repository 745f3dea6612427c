"""Signed notes, against published notes and everything that is none."""

from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey
from unit.tlog.reference import flipped

from warifu.tlog.notes import (
    ForgedNoteError,
    LogKey,
    LogSigner,
    MalformedNoteError,
    Note,
    NoteError,
    NoteKeyError,
    Signature,
    UnsignedNoteError,
    WitnessKey,
    WitnessSigner,
    parse_signatures,
)

AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
LOG = LogSigner("log.example/a", b"a" * 32)
OTHER = LogSigner("log.example/a", b"b" * 32)
WITNESS = WitnessSigner("witness.example/w", b"w" * 32)
TEXT = "some text\n"
SIGNED = Note(TEXT, (LOG.sign(TEXT),))
COSIGNED = SIGNED.with_signature(WITNESS.sign(TEXT, AT))
TEXTS = st.lists(
    st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), max_size=12), min_size=1, max_size=5
).map(lambda lines: "".join(line + "\n" for line in lines))
# c2sp.org/signed-note, the example of its last section
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE = (
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# golang.org/x/mod, sumdb/note/example_test.go: a seed, its verifier key, and what it signs
PETER_SEED = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173"
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
PETER_LINE = (
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
# FiloSottile/sunlight, cmd/skylight/testdata/witness/mirror: a cosignature/v1 of 2025-12-31T00:00:00Z
MIRROR = "mirror.example.org+3fb148ef+BAAjjch9GyYz0sJsJx7ALhbdAtz2ov0unbzSl1vMp94O"
MIRRORED = (
    "rome2026h1.example.org\n300\ngw31yQrqZZCcEOPrzX+bpy3nJ6QgngTKn8G1m0i62uU=\n\n— mirror.example.org "
    "P7FI7wAAAABpVGeAjA1S4pJm6MbcXjX7UUImu4azZtrfcVW2uyr/LXIYlwEJzXC0N0EiZkbqfLdXt/4gVEEuGmxJjAfXKMCISpsJAg==\n"
)
P = 2**255 - 19
# The points of order 1, 2, 4 and 8, canonical and not: for some of them one signature fits every message.
SMALL_ORDER = [
    (1).to_bytes(32, "little"),
    (P - 1).to_bytes(32, "little"),
    (P + 1).to_bytes(32, "little"),
    bytes(32),
    P.to_bytes(32, "little"),
    bytes(31) + b"\x80",
    (1).to_bytes(31, "little") + b"\x80",
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"),
]


def checked(raw):
    """Read a note that both log and witness have to have signed."""
    note = Note.parse(raw)
    LOG.key.check(note)
    WITNESS.key.check(note)


def test_the_specification_s_example_is_signed():
    """The note that the specification prints is signed by the key that it prints, which is written again as it was."""
    key = LogKey.parse(EXAMPLE_KEY)
    key.check(Note.parse(EXAMPLE))
    assert key.vkey == EXAMPLE_KEY
    assert Note.parse(EXAMPLE.encode()).raw == EXAMPLE


def test_another_implementation_signs_alike():
    """With the published seed, key, key id and signature line are those that Go's note package prints."""
    signer = LogSigner("PeterNeumann", bytes.fromhex(PETER_SEED))
    assert signer.key == LogKey.parse(PETER)
    assert signer.sign(PETER_TEXT).line == PETER_LINE


def test_a_published_cosignature_is_read():
    """A cosignature that another implementation published is checked, and its time read."""
    key = WitnessKey.parse(MIRROR)
    assert key.check(Note.parse(MIRRORED)) == datetime(2025, 12, 31, tzinfo=UTC)
    with pytest.raises(ForgedNoteError):
        key.check(Note.parse(MIRRORED.replace("300", "301")))


@given(TEXTS, st.binary(min_size=32, max_size=32))
def test_what_is_signed_can_be_checked_by_others(text, seed):
    """A signed text is read back as it was, and its signatures are plain Ed25519 over the bytes that the specifications name."""
    log, witness = LogSigner("l", seed), WitnessSigner("w", seed)
    note = Note.parse(Note(text, (log.sign(text), witness.sign(text, AT))).raw)
    assert note.text == text
    log.key.check(note)
    assert witness.key.check(note) == AT
    plain = SigningKey(seed).verify_key
    plain.verify(text.encode(), note.signatures[0].content)
    seconds = int(AT.timestamp())
    assert note.signatures[1].content[:8] == seconds.to_bytes(8, "big")
    plain.verify(f"cosignature/v1\ntime {seconds}\n{text}".encode(), note.signatures[1].content[8:])
    for signature, kind in zip(note.signatures, (b"\1", b"\4"), strict=True):
        expected = sha256(signature.name.encode() + b"\n" + kind + bytes(plain)).digest()[:4]
        assert signature.key_id == expected


@given(st.data())
def test_a_note_with_any_bit_changed_is_refused(draw):
    """Whatever bit of a signed and cosigned note is changed, one of both keys refuses it."""
    raw = COSIGNED.raw.encode()
    bad = flipped(raw, draw.draw(st.integers(0, len(raw) - 1)), draw.draw(st.integers(0, 7)))
    with pytest.raises(NoteError):
        checked(bad)


@given(st.integers(0, len(COSIGNED.raw.encode()) - 1))
def test_a_truncated_note_is_refused(length):
    """A note that is cut short is refused, wherever it is cut, for its form or for the signature that is gone."""
    with pytest.raises(NoteError):
        checked(COSIGNED.raw.encode()[:length])


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        "text\n— a AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAAA=".encode(),
        "text\n\n— a AAAAAAA=\n\n".encode(),
        b"text\n\n- a AAAAAAA=\n",
        "text\n\n—a AAAAAAA=\n".encode(),
        "text\n\n—  AAAAAAA=\n".encode(),
        "text\n\n— a\n".encode(),
        "text\n\n— a \n".encode(),
        "text\n\n— a+b AAAAAAA=\n".encode(),
        "text\n\n— a\u3000b AAAAAAA=\n".encode(),
        "text\n\n— a\u0085b AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAAA= \n".encode(),
        "text\n\n— a  AAAAAAA=\n".encode(),
        "text\n\n— a AAAAAAA\n".encode(),
        "text\n\n— a AAAAAAB=\n".encode(),
        "text\n\n— a AAAAAAA_\n".encode(),
        "text\n\n— a AAAA\n".encode(),
        "text\n\n— a AAAAAA==\n".encode(),
        "text\n\n— a AAAAAAA=\nmore\n".encode(),
        "text\r\n\r\n— a AAAAAAA=\r\n".encode(),
        "te\txt\n\n— a AAAAAAA=\n".encode(),
        "te\x00xt\n\n— a AAAAAAA=\n".encode(),
        "te\x1fxt\n\n— a AAAAAAA=\n".encode(),
        "text\n\n— a\x01b AAAAAAA=\n".encode(),
        b"te\xffxt\n\n\xe2\x80\x94 a AAAAAAA=\n",
        b"te\xed\xa0\x80xt\n\n\xe2\x80\x94 a AAAAAAA=\n",
        "te\ud800xt\n\n— a AAAAAAA=\n",
        "text\n\n" + "— a AAAAAAA=\n" * 65,
        "t" * (512 * 1024) + "\n\n— a AAAAAAA=\n",
    ],
    ids=lambda raw: sha256(repr(raw).encode()).hexdigest()[:8],
)
def test_what_is_no_note_is_refused(raw):
    """A note without text, blank line or signatures, with lines that are no signatures, or that is not clean UTF-8 raises."""
    with pytest.raises(MalformedNoteError):
        Note.parse(raw)


def test_a_note_may_hold_empty_lines_and_many_signatures():
    """The last blank line ends the text; 64 signatures are read."""
    note = Note.parse("a\n\nb\n\n\n" + "— a AAAAAAA=\n" * 64)
    assert note.text == "a\n\nb\n\n"
    assert len(note.signatures) == 64
    assert Note.parse("\n\n— a AAAAAAA=\n").text == "\n"


def test_signatures_of_others_are_passed_over():
    """Lines by unknown keys do not matter, also when they share a name or an id with the known one and are no signatures at all."""
    known = LOG.key
    junk = Signature(known.name, b"zzzz", bytes(64)).line + Signature("other", known.key_id, bytes(9)).line
    note = Note.parse(SIGNED.raw + junk + OTHER.sign(TEXT).line)
    known.check(note)
    with pytest.raises(UnsignedNoteError):
        WITNESS.key.check(note)


def test_a_wrong_signature_in_the_key_s_name_refuses_the_note():
    """One line in the name of the key that does not fit refuses the note, though another line fits; a copy of a good line does not."""
    LOG.key.check(SIGNED.with_signature(SIGNED.signatures[0]))
    good = SIGNED.signatures[0]
    for content in (flipped(good.content, 9), good.content[:-1], good.content + b"\0"):
        bad = Note(TEXT, (good, Signature(good.name, good.key_id, content)))
        with pytest.raises(ForgedNoteError):
            LOG.key.check(Note.parse(bad.raw))
    cosigned = COSIGNED.signatures[1]
    for content in (flipped(cosigned.content, 7), flipped(cosigned.content, 8), cosigned.content[:8], b"123"):
        bad = COSIGNED.with_signature(Signature(cosigned.name, cosigned.key_id, content))
        with pytest.raises(ForgedNoteError):
            WITNESS.key.check(Note.parse(bad.raw))


def test_a_witness_that_cosigned_twice_counts_from_the_later_time():
    """Of several cosignatures by one witness the newest time counts, in whatever order they stand."""
    later = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)
    twice = SIGNED.with_signature(WITNESS.sign(TEXT, later)).with_signature(WITNESS.sign(TEXT, AT))
    assert WITNESS.key.check(twice) == later


def test_a_time_that_no_clock_shows_is_refused():
    """A witness that signs a time beyond the calendar is not believed."""
    secret = SigningKey(b"w" * 32)
    for seconds in (1 << 62, (1 << 64) - 1):
        content = seconds.to_bytes(8, "big") + secret.sign(f"cosignature/v1\ntime {seconds}\n{TEXT}".encode()).signature
        note = SIGNED.with_signature(Signature(WITNESS.key.name, WITNESS.key.key_id, content))
        with pytest.raises(ForgedNoteError, match="time"):
            WITNESS.key.check(note)


def test_a_log_s_key_is_no_witness_s():
    """The same secret under the same name makes different keys for the two kinds, and neither's signature passes for the other's."""
    log, witness = LogSigner("same", b"s" * 32), WitnessSigner("same", b"s" * 32)
    assert log.key.public == witness.key.public
    assert log.key.key_id != witness.key.key_id
    with pytest.raises(UnsignedNoteError):
        witness.key.check(Note(TEXT, (log.sign(TEXT),)))
    with pytest.raises(NoteKeyError, match="another kind"):
        WitnessKey.parse(log.key.vkey)
    with pytest.raises(NoteKeyError, match="another kind"):
        LogKey.parse(witness.key.vkey)
    name, key_id, _ = log.key.vkey.split("+", maxsplit=2)
    with pytest.raises(NoteKeyError, match="another kind"):
        LogKey.parse(f"{name}+{key_id}+{witness.key.vkey.split('+', maxsplit=2)[2]}")


@pytest.mark.parametrize("public", SMALL_ORDER, ids=bytes.hex)
def test_small_order_keys_are_refused(public):
    """A key for which one signature fits every message is refused when it is read, with an id that fits."""
    with pytest.raises(NoteKeyError, match="Ed25519"):
        LogKey("n", public)
    material = b"\4" + public
    key_id = sha256(b"n\n" + material).hexdigest()[:8]
    with pytest.raises(NoteKeyError, match="Ed25519"):
        WitnessKey.parse(f"n+{key_id}+{b64encode(material).decode()}")


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        "example.com/foo+530d903a+",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+0530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
        "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example .com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        # sumdb/note/note_test.go: another length, and an unknown algorithm, each with an id that fits
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
    ],
)
def test_what_is_no_verifier_key_is_refused(vkey):
    """A verifier key of another form, with an id or a name that does not fit, of another length or kind raises."""
    with pytest.raises(NoteKeyError):
        LogKey.parse(vkey)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u3000b", "a\x00b"])
def test_names_that_no_note_can_hold_are_refused(name):
    """A signer's name is not empty and has no spaces, plus signs or control characters."""
    with pytest.raises(NoteKeyError):
        LogSigner(name, bytes(32))


@pytest.mark.parametrize("seed", [b"", b"x" * 31, b"x" * 33])
def test_secrets_of_another_length_are_refused(seed):
    """A seed that is not 32 bytes raises."""
    with pytest.raises(NoteKeyError):
        LogSigner("n", seed)
    with pytest.raises(NoteKeyError):
        WitnessSigner("n", seed)


@pytest.mark.parametrize("text", ["", "no newline", "tab\t\n", "\r\n"])
def test_texts_that_cannot_be_signed_are_refused(text):
    """A text without a final newline, or with control characters, makes no note."""
    with pytest.raises(MalformedNoteError):
        Note(text, ())


def test_a_witness_answers_with_signature_lines():
    """Signature lines alone, as a witness answers, are read; a cut one is not."""
    line = WITNESS.sign(TEXT, AT).line
    assert parse_signatures(line * 2) == (WITNESS.sign(TEXT, AT),) * 2
    for wrong in (line[:-1], "", "\n", line + "\n"):
        with pytest.raises(MalformedNoteError):
            parse_signatures(wrong)
