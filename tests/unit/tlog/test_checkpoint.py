"""Checkpoints, what a reader demands of them, and everything that is none."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.tlog.reference import flipped

from warifu.tlog.checkpoint import (
    Checkpoint,
    MalformedCheckpointError,
    StaleCheckpointError,
    Trust,
    UnwitnessedError,
    read_checkpoint,
)
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import EMPTY_ROOT, leaf_hash
from warifu.tlog.notes import (
    ForgedNoteError,
    LogKey,
    LogSigner,
    Note,
    NoteError,
    UnsignedNoteError,
    WitnessKey,
    WitnessSigner,
)

ORIGIN = "log.example/a"
LOG = LogSigner(ORIGIN, b"a" * 32)
WITNESSES = [WitnessSigner(f"witness.example/{n}", bytes([n]) * 32) for n in range(3)]
NOW = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
TEN_MINUTES = timedelta(minutes=10)
HEAD = Checkpoint(ORIGIN, 5, b"r" * 32)
LINES = st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"]), min_size=1, max_size=20)
HEADS = st.builds(
    Checkpoint,
    LINES,
    st.integers(1, (1 << 63) - 1),
    st.binary(min_size=32, max_size=32),
    st.lists(LINES, max_size=3).map(tuple),
)
# transparency-dev/tessera, testdata: a log of these entries, its key and three of its checkpoints.
TESSERA_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
TESSERA_ENTRIES = (
    "one two three four five six seven eit nain ten ileven twelf threeten fourten fivten".split()  # noqa: SIM905 - as published
)
TESSERA = {
    1: (
        "0Nc2CrefWKseHj/mStd+LqC8B+NrX0btIiPt2SmN+ek=",
        "M9e0lhr9kuLxGdAtaUrhm84TQffVsLdcy808sN0a3WyniNlfcr9+bywoiIke1YYciCNjJGkCgIlQ8b16jhsmg/SChAM=",
    ),
    8: (
        "bC+VwvrJbalNVjfkdI8kUgs7mJoXrqiXCE7bgnD28pY=",
        "M9e0lq1EK37dHtgv9O3UzPxisw5vwIPcJsX9ab0xt4mvVfbdUR1fbMjN6sBFYpBoBEmD4+cWhj/AVgI5MitCO5+mews=",
    ),
    15: (
        "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=",
        "M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=",
    ),
}


def trust(quorum=1, witnesses=1):
    """Whom the reader believes."""
    return Trust(ORIGIN, LOG.key, tuple(witness.key for witness in WITNESSES[:witnesses]), quorum)


def cosigned(*ages, head=HEAD):
    """The head, cosigned by the first witnesses that long ago."""
    note = head.signed(LOG)
    for witness, age in zip(WITNESSES, ages, strict=False):
        note = note.with_signature(witness.sign(note.text, NOW - age))
    return note


@pytest.mark.parametrize("size", TESSERA)
def test_another_log_s_checkpoints_are_read(size):
    """Checkpoints that another implementation published are read, and our tree over their entries has their roots."""
    root, signature = TESSERA[size]
    origin = TESSERA_KEY.split("+", maxsplit=1)[0]
    raw = f"{origin}\n{size}\n{root}\n\n— {origin} {signature}\n"
    head = read_checkpoint(raw, Trust(origin, LogKey.parse(TESSERA_KEY))).checkpoint
    leaves = [leaf_hash(entry.encode()) for entry in TESSERA_ENTRIES[:size]]
    assert head == Checkpoint(origin, size, Frontier().append(leaves).root)
    assert head.text + "\n" == raw.split("— ", maxsplit=1)[0]


@given(HEADS)
def test_heads_round_trip(head):
    """Any head is read back as it was, extension lines with it, and signed as written."""
    assert Checkpoint.parse(head.text) == head
    assert read_checkpoint(head.signed(LOG).raw, Trust(head.origin, LOG.key)).checkpoint == head


def test_the_head_of_an_empty_log():
    """A log without entries has a head: size 0 and the hash of nothing; another root of size 0 is refused."""
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert Checkpoint.parse(head.text) == head
    with pytest.raises(MalformedCheckpointError):
        Checkpoint(ORIGIN, 0, b"r" * 32)


ROOT = b64encode(b"r" * 32).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "o\n1\n",
        f"o\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"o\n\n{ROOT}\n",
        f"o\n01\n{ROOT}\n",
        f"o\n00\n{ROOT}\n",
        f"o\n-1\n{ROOT}\n",
        f"o\n+1\n{ROOT}\n",
        f"o\n 1\n{ROOT}\n",
        f"o\n1.0\n{ROOT}\n",
        f"o\n1_0\n{ROOT}\n",
        f"o\n0x1\n{ROOT}\n",
        f"o\n\u0661\n{ROOT}\n",
        f"o\n{1 << 63}\n{ROOT}\n",
        f"o\n{'9' * 5000}\n{ROOT}\n",
        "o\n1\n\n",
        f"o\n1\n{ROOT[:-1]}\n",
        f"o\n1\n {ROOT}\n",
        "o\n1\n" + ROOT.replace("I=", "J=") + "\n",
        "o\n1\n" + b64encode(b"r" * 31).decode() + "\n",
        "o\n1\n" + b64encode(b"r" * 33).decode() + "\n",
        f"o\n1\n{ROOT}\n\n",
        f"o\n1\n{ROOT}\n\nx\n",
        f"o\r\n1\r\n{ROOT}\r\n",
    ],
    ids=ascii,
)
def test_what_is_no_checkpoint_is_refused(text):
    """Missing lines, empty ones, sizes with leading zeros or beyond 63 bits and roots that are not 32 bytes raise."""
    with pytest.raises(MalformedCheckpointError):
        Checkpoint.parse(text)


def test_a_signed_note_that_is_no_checkpoint_is_refused():
    """The log's signature does not make a checkpoint of any text."""
    note = Note("hello\n", (LOG.sign("hello\n"),))
    with pytest.raises(MalformedCheckpointError):
        read_checkpoint(note.raw, trust(0))


def test_log_and_witness_are_both_needed():
    """A checkpoint is relied on with the log's signature and enough cosignatures, and tells when each witness gave its own."""
    read = read_checkpoint(cosigned(timedelta(minutes=1)).raw, trust(), now=NOW, max_age=TEN_MINUTES)
    assert read.checkpoint == HEAD
    assert read.cosigned == {WITNESSES[0].key.name: NOW - timedelta(minutes=1)}
    with pytest.raises(UnwitnessedError):
        read_checkpoint(HEAD.signed(LOG).raw, trust())
    by_witness_alone = Note(HEAD.text, (WITNESSES[0].sign(HEAD.text, NOW),))
    with pytest.raises(UnsignedNoteError):
        read_checkpoint(by_witness_alone.raw, trust())


def test_another_log_is_refused():
    """A checkpoint with another origin is refused though the log's own key signed it, and one by another key though the origin fits."""
    with pytest.raises(MalformedCheckpointError, match=r"log\.example/b"):
        read_checkpoint(Checkpoint("log.example/b", 5, b"r" * 32).signed(LOG).raw, trust(0))
    with pytest.raises(UnsignedNoteError):
        read_checkpoint(HEAD.signed(LogSigner(ORIGIN, b"b" * 32)).raw, trust(0))


@pytest.mark.parametrize(("quorum", "witnesses"), [(0, 0), (0, 3), (1, 3), (2, 3), (3, 3)])
@pytest.mark.parametrize("signed", [0, 1, 2, 3])
def test_as_many_witnesses_as_demanded_are_enough(quorum, witnesses, signed):
    """The quorum counts witnesses that are trusted and fresh: one fewer is refused, more are told."""
    note = cosigned(*[timedelta(0)] * signed)
    known = min(signed, witnesses)
    if known < quorum:
        with pytest.raises(UnwitnessedError):
            read_checkpoint(note.raw, trust(quorum, witnesses), now=NOW, max_age=TEN_MINUTES)
    else:
        read = read_checkpoint(note.raw, trust(quorum, witnesses), now=NOW, max_age=TEN_MINUTES)
        assert len(read.cosigned) == known


def test_one_witness_is_no_quorum_of_two():
    """A witness that cosigned twice, or whose line stands twice, counts once."""
    note = cosigned(timedelta(0))
    for extra in (note.signatures[1], WITNESSES[0].sign(HEAD.text, NOW - timedelta(seconds=1))):
        with pytest.raises(UnwitnessedError):
            read_checkpoint(note.with_signature(extra).raw, trust(2, 3))


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(0), True),
        (TEN_MINUTES, True),
        (TEN_MINUTES + timedelta(seconds=1), False),
        (timedelta(seconds=-30), True),
        (timedelta(seconds=-31), False),
        (timedelta(days=-3650), False),
    ],
)
def test_an_old_cosignature_and_one_of_the_future_are_refused(age, fresh):
    """With an age demanded a cosignature counts from ten minutes ago to thirty seconds ahead, both included; without one always."""
    note = cosigned(age)
    if fresh:
        read_checkpoint(note.raw, trust(), now=NOW, max_age=TEN_MINUTES)
    else:
        with pytest.raises(StaleCheckpointError):
            read_checkpoint(note.raw, trust(), now=NOW, max_age=TEN_MINUTES)
    assert read_checkpoint(note.raw, trust()).checkpoint == HEAD


def test_one_fresh_witness_of_two_is_too_few():
    """Where two are demanded, a fresh cosignature does not make up for a stale one."""
    note = cosigned(timedelta(0), timedelta(hours=1))
    with pytest.raises(StaleCheckpointError):
        read_checkpoint(note.raw, trust(2, 3), now=NOW, max_age=TEN_MINUTES)
    read_checkpoint(note.raw, trust(1, 3), now=NOW, max_age=TEN_MINUTES)


def test_an_age_without_a_time_is_a_mistake():
    """Whoever demands an age says at what time."""
    with pytest.raises(ValueError, match="at a time"):
        read_checkpoint(cosigned(timedelta(0)).raw, trust(), max_age=TEN_MINUTES)


def test_a_forged_cosignature_refuses_the_checkpoint():
    """A line in a trusted witness' name that does not fit refuses the checkpoint, though enough others fit; an unknown one does not."""
    note = cosigned(timedelta(0), timedelta(0))
    forged = type(note.signatures[2])(
        note.signatures[2].name, note.signatures[2].key_id, flipped(note.signatures[2].content, 20)
    )
    bad = Note(note.text, (*note.signatures[:2], forged))
    with pytest.raises(ForgedNoteError):
        read_checkpoint(bad.raw, trust(1, 3))
    read_checkpoint(bad.raw, trust(1, 1))


def test_a_cosignature_of_another_head_is_refused():
    """A cosignature does not move from one head to another, larger one."""
    larger = Checkpoint(ORIGIN, 6, b"r" * 32).signed(LOG).with_signature(cosigned(timedelta(0)).signatures[1])
    with pytest.raises(ForgedNoteError):
        read_checkpoint(larger.raw, trust())


@given(st.data())
def test_any_flipped_bit_of_a_checkpoint_is_refused(draw):
    """Whatever bit of a signed and cosigned checkpoint is changed, it is refused."""
    raw = cosigned(timedelta(0)).raw.encode()
    bad = flipped(raw, draw.draw(st.integers(0, len(raw) - 1)), draw.draw(st.integers(0, 7)))
    with pytest.raises(NoteError):
        read_checkpoint(bad, trust(), now=NOW, max_age=TEN_MINUTES)


def test_policies_that_one_witness_could_meet_for_two_are_refused():
    """A quorum beyond the witnesses, a negative one, and two witnesses that share a name or a key raise."""
    key = WITNESSES[0].key
    twins = [(key, key), (key, WitnessKey(key.name, WITNESSES[1].key.public)), (key, WitnessKey("another", key.public))]
    for witnesses, quorum in [((), 1), ((key,), 2), ((key,), -1), *((pair, 1) for pair in twins)]:
        with pytest.raises(ValueError, match="witnesses"):
            Trust(ORIGIN, LOG.key, witnesses, quorum)


@pytest.mark.parametrize(
    "make",
    [("", 1, b"r" * 32), ("a\nb", 1, b"r" * 32), ("a", -1, b"r" * 32), ("a", 1 << 63, b"r" * 32), ("a", 1, b"r" * 31)],
    ids=lambda make: ascii(make)[:30],
)
def test_heads_that_cannot_be_written_are_refused(make):
    """An empty or broken line, a size that no tree has and a root that is not 32 bytes raise before anything is signed."""
    with pytest.raises(MalformedCheckpointError):
        Checkpoint(*make)
    with pytest.raises(MalformedCheckpointError):
        Checkpoint("a", 1, b"r" * 32, ("",))
