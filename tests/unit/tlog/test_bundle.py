"""Offline proofs in one file (c2sp.org/tlog-proof)."""

from base64 import b64encode
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import ENTRIES, flipped, mth, path

from warifu.tlog.bundle import MalformedBundleError, ProofBundle
from warifu.tlog.checkpoint import Checkpoint, MalformedCheckpointError, StaleCheckpointError, Trust, UnwitnessedError
from warifu.tlog.notes import ForgedNoteError, LogSigner, MalformedNoteError, NoteError, WitnessSigner
from warifu.tlog.proofs import ProofError

ORIGIN = "log.example/a"
LOG = LogSigner(ORIGIN, b"a" * 32)
WITNESS = WitnessSigner("witness.example/w", b"w" * 32)
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TRUST = Trust(ORIGIN, LOG.key, (WITNESS.key,), 1)
HASH = b64encode(b"h" * 32).decode()


def bundle_of(index, size, extra=None):
    """A proof that an entry is in a log of this size."""
    note = Checkpoint(ORIGIN, size, mth(0, size)).signed(LOG)
    return ProofBundle(index, tuple(path(index, 0, size)), note.with_signature(WITNESS.sign(note.text, AT)).raw, extra)


@given(st.integers(1, 2000), st.data(), st.none() | st.binary(max_size=100))
def test_a_proof_is_carried_in_a_file(size, draw, extra):
    """A proof of any entry is written, read back as it was, and proves that entry without anything else."""
    index = draw.draw(st.integers(0, size - 1))
    bundle = bundle_of(index, size, extra)
    read = ProofBundle.parse(bundle.raw.encode())
    assert read == bundle
    assert read.raw == bundle.raw
    head = read.verify(ENTRIES[index], TRUST)
    assert (head.checkpoint.size, head.checkpoint.root) == (size, mth(0, size))
    assert head.cosigned == {WITNESS.key.name: AT}


def test_the_file_has_the_specified_form():
    """Header, extra, index, one hash a line lowest first, a blank line and the checkpoint word for word."""
    bundle = bundle_of(2, 5, b"salt and record")
    lines = bundle.raw.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra c2FsdCBhbmQgcmVjb3Jk", "index 2"]
    assert lines[3:6] == [b64encode(item).decode() for item in path(2, 0, 5)]
    assert bundle.raw.endswith("=\n\n" + bundle.checkpoint)


@given(st.integers(1, 300), st.data())
def test_any_flipped_bit_is_refused(size, draw):
    """Whatever bit of the file is changed, it proves nothing, but for the extra data, which the entry alone can vouch for."""
    index = draw.draw(st.integers(0, size - 1))
    raw = bundle_of(index, size).raw.encode()
    bad = flipped(raw, draw.draw(st.integers(0, len(raw) - 1)), draw.draw(st.integers(0, 7)))
    with pytest.raises((ProofError, NoteError)):
        ProofBundle.parse(bad).verify(ENTRIES[index], TRUST)


@given(st.integers(2, 300), st.data())
def test_another_entry_index_or_path_is_refused(size, draw):
    """The proof of one entry proves no other, at no other place, by no shorter, longer or reordered path."""
    index, other = draw.draw(st.lists(st.integers(0, size - 1), min_size=2, max_size=2, unique=True))
    good = bundle_of(index, size)
    with pytest.raises(ProofError):
        good.verify(ENTRIES[other], TRUST)
    wrong = [ProofBundle(other, good.path, good.checkpoint), ProofBundle(size, good.path, good.checkpoint)]
    wrong += [ProofBundle(index, steps, good.checkpoint) for steps in (good.path[:-1], (*good.path, good.path[-1]))]
    if len(good.path) > 1:
        wrong.append(ProofBundle(index, good.path[::-1], good.checkpoint))
    for bundle in wrong:
        with pytest.raises(ProofError):
            bundle.verify(ENTRIES[index], TRUST)


def test_the_checkpoint_has_to_be_relied_on():
    """Without the witness, with another log, with a forged line or, where an age is asked for, when it is old, nothing is proved."""
    good = bundle_of(1, 5)
    unwitnessed = ProofBundle(1, good.path, good.checkpoint.rsplit("— ", maxsplit=1)[0])
    with pytest.raises(UnwitnessedError):
        unwitnessed.verify(ENTRIES[1], TRUST)
    with pytest.raises(MalformedCheckpointError):
        good.verify(ENTRIES[1], Trust("log.example/b", LOG.key, (WITNESS.key,), 1))
    with pytest.raises(ForgedNoteError):
        ProofBundle(1, good.path, good.checkpoint.replace("\n5\n", "\n6\n")).verify(ENTRIES[1], TRUST)
    with pytest.raises(StaleCheckpointError):
        good.verify(ENTRIES[1], TRUST, now=AT + timedelta(hours=1), max_age=timedelta(minutes=10))
    good.verify(ENTRIES[1], TRUST, now=AT + timedelta(minutes=1), max_age=timedelta(minutes=10))


HEADER = "c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "\n\n",
        HEADER,
        HEADER + "index 0\n",
        HEADER + "index 0",
        HEADER + "\n\nx",
        "c2sp.org/tlog-proof@v2\nindex 0\n\nx",
        HEADER + "index 00\n\nx",
        HEADER + "index 01\n\nx",
        HEADER + "index -1\n\nx",
        HEADER + "index \u0661\n\nx",
        HEADER + "index\n\nx",
        HEADER + "index 0 \n\nx",
        HEADER + f"index {(1 << 63) - 1}\n\nx",
        HEADER + f"index {'9' * 5000}\n\nx",
        HEADER + "extra AA==\n\nx",
        HEADER + "extra AB==\nindex 0\n\nx",
        HEADER + "extra AA\nindex 0\n\nx",
        HEADER + "extra\nindex 0\n\nx",
        HEADER + "index 0\nextra AA==\n\nx",
        HEADER + "extra AA==\nextra AA==\nindex 0\n\nx",
        HEADER + f"index 0\n{HASH[:-1]}\n\nx",
        HEADER + f"index 0\n{HASH} \n\nx",
        HEADER + "index 0\nAA==\n\nx",
        HEADER + f"index 0\n{HASH}\n" * 64 + "\nx",
        HEADER + "index 0\n" + f"{HASH}\n" * 64 + "\nx",
        HEADER.replace("\n", "\r\n") + "index 0\r\n\r\nx",
        b"\xff" + HEADER.encode() + b"index 0\n\nx",
        HEADER + "index 0\n\n" + "x" * (1 << 20),
    ],
    ids=lambda raw: ascii(raw)[:60] + str(len(raw)),
)
def test_what_is_no_proof_file_is_refused(raw):
    """Another header, an index with leading zeros or beyond 63 bits, broken base64 and hashes of another length or number raise."""
    with pytest.raises(MalformedBundleError):
        ProofBundle.parse(raw)


def test_the_longest_path_is_read():
    """A path of 63 hashes has the right form; whether it leads anywhere is for the check."""
    bundle = ProofBundle.parse(HEADER + "index 0\n" + f"{HASH}\n" * 63 + "\nno note")
    assert len(bundle.path) == 63
    with pytest.raises(MalformedNoteError):
        bundle.verify(ENTRIES[0], TRUST)


@given(st.data())
def test_a_file_that_is_cut_short_is_refused(draw):
    """A file cut short anywhere proves nothing."""
    raw = bundle_of(3, 100, b"extra").raw.encode()
    with pytest.raises((ProofError, NoteError)):
        ProofBundle.parse(raw[: draw.draw(st.integers(0, len(raw) - 1))]).verify(ENTRIES[3], TRUST)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: HEADER + text))
def test_whatever_comes_is_read_or_refused(raw):
    """Any bytes are a proof file that is written again as it was, or are refused with one kind of error."""
    with suppress(MalformedBundleError):
        read = ProofBundle.parse(raw)
        assert read.raw == (raw if isinstance(raw, str) else raw.decode())
