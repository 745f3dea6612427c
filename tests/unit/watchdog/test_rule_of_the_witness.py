"""What a witness cosigns and what it refuses (c2sp.org/tlog-witness), for any log that may do anything."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from naive_log import NaiveLog

from warifu.tlog.checkpoint import Checkpoint
from warifu.watchdog.findings import Kind
from warifu.watchdog.witness import Behind, Cosign, Decision, Head, Refuse, decide

SEED = bytes(32)
SIZES = st.integers(1, 40)


def shown(log: NaiveLog, size: int | None = None) -> Checkpoint:
    """A checkpoint of the log's first leaves."""
    size = log.size if size is None else size
    return Checkpoint(log.origin, size, log.root(size))


def head(log: NaiveLog, size: int | None = None) -> Head:
    """What a witness remembers of it."""
    checkpoint = shown(log, size)
    return Head(checkpoint.size, checkpoint.root, "")


@given(st.integers(0, 40), st.integers(0, 40))
def test_growth_that_is_proved_is_cosigned(before: int, more: int) -> None:
    """A tree that continues the known one, with the RFC's proof of it, is cosigned; so is the same tree again."""
    log = NaiveLog(SEED).grow(before + more)

    assert decide(head(log, before), before, shown(log), log.proof(before)) == Cosign()


@given(SIZES)
def test_a_first_head_is_cosigned_as_it_is(size: int) -> None:
    """A witness that knows nothing takes any first tree from size 0, and tells everyone else to begin there."""
    log = NaiveLog(SEED).grow(size)

    assert decide(None, 0, shown(log), []) == Cosign()
    assert decide(None, size, shown(log), []) == Behind(0)


@given(SIZES, SIZES, st.data())
def test_no_proof_fits_a_past_that_was_altered(before: int, more: int, data: st.DataObject) -> None:
    """When any leaf of the known tree was changed, the honest proof of the changed log convinces nobody."""
    log = NaiveLog(SEED).grow(before + more)
    known = head(log, before)
    changed = log.copy()
    changed.leaves[data.draw(st.integers(0, before - 1))] = b"\xff" * 32

    assert decide(known, before, shown(changed), changed.proof(before)) == Refuse(Kind.ALTERED_PAST)


@given(SIZES, SIZES, st.data())
def test_a_spoilt_proof_convinces_nobody(before: int, more: int, data: st.DataObject) -> None:
    """A proof with a hash altered, left out or added does not lead from the known tree to the shown one."""
    log = NaiveLog(SEED).grow(before + more)
    proof = log.proof(before)
    at = data.draw(st.integers(0, len(proof) - 1))
    spoilt = data.draw(
        st.sampled_from(
            [[*proof[:at], bytes(32), *proof[at + 1 :]], [*proof[:at], *proof[at + 1 :]], [*proof, bytes(32)]]
        )
    )

    assert decide(head(log, before), before, shown(log), spoilt) == Refuse(Kind.ALTERED_PAST)


@given(SIZES, st.integers(0, 50))
def test_two_trees_of_one_size_are_a_fork_whatever_the_caller_believes(size: int, old_size: int) -> None:
    """Another root for the known size is refused as a fork, from whatever size the caller says to come."""
    log = NaiveLog(SEED).grow(size)
    other = NaiveLog(SEED).grow(size, "another branch")

    assert decide(head(log), old_size, shown(other), []) == Refuse(Kind.FORK)


@given(SIZES, SIZES)
def test_a_smaller_tree_is_refused_from_whoever_knows_better(size: int, more: int) -> None:
    """A tree smaller than the known one is refused when the caller knows that one; a call that was overtaken is told the size instead."""
    log = NaiveLog(SEED).grow(size + more)

    assert decide(head(log), log.size, shown(log, size), []) == Refuse(Kind.SMALLER_TREE)
    assert decide(head(log), size, shown(log, size), []) == Behind(log.size)


@given(SIZES, SIZES, st.integers(0, 80))
def test_a_caller_with_another_size_in_mind_is_told_ours(before: int, more: int, old_size: int) -> None:
    """A proof from any other size than the known one is not looked at: the answer is the known size."""
    log = NaiveLog(SEED).grow(before + more)
    if old_size == before:
        return

    assert decide(head(log, before), old_size, shown(log), []) == Behind(before)


@given(st.data())
def test_whatever_a_log_does_what_was_cosigned_is_one_history(data: st.DataObject) -> None:
    """After any sequence of growing, forking, rewriting and shrinking, every cosigned tree begins with each that was cosigned before."""
    log, known = NaiveLog(SEED), None
    cosigned: list[list[bytes]] = []
    for _ in range(data.draw(st.integers(1, 12))):
        log = _misbehaved(log, data)
        old_size = data.draw(st.sampled_from([known.size if known else 0, log.size, 0]))
        decision: Decision = decide(known, old_size, shown(log), log.proof(old_size))
        if decision == Cosign():
            known = head(log)
            cosigned.append(list(log.leaves))
    for before, after in pairwise(cosigned):
        assert after[: len(before)] == before


def _misbehaved(log: NaiveLog, data: st.DataObject) -> NaiveLog:
    """The log after one more deed."""
    made = log.copy()
    match data.draw(st.sampled_from(["grow", "grow", "fork", "shrink", "rewrite"])):
        case "fork":
            made.leaves = made.leaves[: made.size // 2]
            return made.grow(log.size - made.size, f"branch {data.draw(st.integers(0, 9))}")
        case "shrink":
            made.leaves = made.leaves[: data.draw(st.integers(0, made.size))]
            return made
        case "rewrite" if made.leaves:
            made.leaves[data.draw(st.integers(0, made.size - 1))] = data.draw(st.binary(min_size=32, max_size=32))
            return made
        case _:
            return made.grow(data.draw(st.integers(1, 9)), "grown")
