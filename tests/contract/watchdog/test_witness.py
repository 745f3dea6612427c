"""The witness over the wire: what it cosigns, what it refuses and keeps, and that nothing makes it forget (PROTO §14)."""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import timedelta

import pytest
from contract.watchdog_world import TAX, World, error_of, log_seed, reason_of, witness_seed
from naive_log import NaiveLog, cosigned

from warifu.authority import provision, replace_log_keys
from warifu.control.v1.control_pb2 import Holding
from warifu.kernel.errors import LinkageError, Reason
from warifu.kernel.limits import CHECKPOINT_BYTES, PROOF, WITNESS_REFRESH
from warifu.tlog.notes import Note
from warifu.watchdog.evidence import Contradiction
from warifu.watchdog.look import LEAVES_A_LOOK


async def test_a_first_head_is_cosigned(world: World) -> None:
    """The first tree that the log shows is cosigned, at the present time, with the key that everyone pins."""
    assert await world.cosign(0) == world.clock.machine()
    assert world.findings() == []


async def test_growth_is_cosigned(world: World) -> None:
    """A tree that grew, with the proof from the size cosigned last, is cosigned; also over the edge of a full tile."""
    await world.cosign(0)
    world.log.grow(300)

    assert await world.cosign(7) == world.clock.machine()


async def test_an_empty_log_is_cosigned_and_may_grow(world: World) -> None:
    """A log that has no entries yet is cosigned as such, and from there as it grows."""
    leaves, world.log.leaves = world.log.leaves, []
    await world.cosign(0)
    world.log.leaves = leaves

    assert await world.cosign(0) == world.clock.machine()


async def test_the_same_head_is_cosigned_again_with_a_fresh_time(world: World) -> None:
    """An unchanged log gets a new cosignature whenever it asks, with the time of then, whatever size it says to come from."""
    first = await world.cosign(0)
    world.clock.move(timedelta(seconds=61))

    assert await world.cosign(7) == first + timedelta(seconds=61)
    assert await world.cosign(0) == first + timedelta(seconds=61)


async def test_a_smaller_tree_is_refused_and_kept(world: World) -> None:
    """A log that went back is refused; the finding names both sizes and holds both signed heads."""
    known = world.log.note()
    await world.cosign(0)
    world.log.leaves = world.log.leaves[:5]

    assert await reason_of(world.add(7, proof=[])) == Reason.CLIENT_CHECKPOINT_SMALLER
    (finding,) = world.findings()
    assert (finding.kind, finding.party) == ("smaller-tree", "gateway")
    assert "7" in finding.detail_en
    assert "5" in finding.detail_en
    assert "7 件" in finding.detail_ja
    assert Contradiction.from_bytes(finding.evidence) == Contradiction(known, world.log.note())


async def test_a_fork_is_refused_and_proved_by_its_evidence(world: World) -> None:
    """Two trees of one size are refused as a fork; the two notes in the evidence are both signed by the log and differ in their roots."""
    await world.cosign(0)
    fork = NaiveLog(log_seed(world.state)).grow(7, "another branch")

    assert await reason_of(world.add(0, fork.note(), [])) == Reason.CLIENT_CHECKPOINT_FORKED
    (finding,) = world.findings()
    assert finding.kind == "fork"
    notes = [Note.parse(json.loads(finding.evidence)[name]) for name in ("known", "shown")]
    for note in notes:
        world.keys.log.check(note)
    sizes, roots = zip(*(note.text.split("\n")[1:3] for note in notes), strict=True)
    assert set(sizes) == {"7"}
    assert len(set(roots)) == 2


async def test_an_altered_past_is_refused_and_kept(world: World) -> None:
    """A log whose old leaf was changed before it grew is refused, honest as its proof may be; the finding holds the proof too."""
    await world.cosign(0)
    world.log.leaves[3] = bytes(32)
    world.log.grow(4)

    assert await reason_of(world.add(7)) == Reason.CLIENT_CHECKPOINT_INCONSISTENT
    (finding,) = world.findings()
    assert finding.kind == "altered-past"
    assert Contradiction.from_bytes(finding.evidence).proof == tuple(world.log.proof(7))


@pytest.mark.parametrize("how", ["smaller", "fork", "altered"])
async def test_after_a_refusal_the_true_log_is_still_cosigned(world: World, how: str) -> None:
    """A refusal changes nothing of what is remembered: the log that does continue is cosigned afterwards."""
    await world.cosign(0)
    honest = world.log.copy().grow(6)
    world.log.leaves = {
        "smaller": world.log.leaves[:3],
        "fork": NaiveLog(b"").grow(7, "fork").leaves,
        "altered": NaiveLog(b"").grow(9, "altered").leaves,
    }[how]
    await reason_of(world.add(7))

    world.shown.log = honest
    await world.cosign(7)
    assert len(world.findings()) == 1


async def test_a_wrong_old_size_is_answered_with_the_right_one(world: World) -> None:
    """Whoever proves from another size is told the size cosigned last, and nothing is held against it; then it succeeds."""
    assert (await world.add(5)).known_size == 0
    await world.cosign(0)
    world.log.grow(9)

    for wrong in (0, 3, 12):
        assert (await world.add(wrong)).known_size == 7
    await world.cosign(7)
    assert world.findings() == []


async def test_a_call_that_was_overtaken_is_no_misconduct(world: World) -> None:
    """An older head that arrives after a newer one, with its own proof, is told the newer size; nothing is found."""
    old, proof = world.log.note(5), world.log.proof(3, 5)
    await world.cosign(0)

    assert (await world.add(3, old, proof)).known_size == 7
    assert world.findings() == []


async def test_another_logs_checkpoint_is_refused(world: World) -> None:
    """A checkpoint signed with another key, or under another name, is refused and is no finding: anyone can make one."""
    foreign = NaiveLog(bytes(32)).grow(7)
    renamed = NaiveLog(log_seed(world.state), origin="other.example/log").grow(7)
    borrowed = world.log.note().replace("\n7\n", "\n8\n")

    for note in (foreign.note(), renamed.note(), borrowed):
        assert await reason_of(world.add(0, note, [])) == Reason.CLIENT_CHECKPOINT_INVALID
    assert world.findings() == []


async def test_an_unsigned_or_malformed_checkpoint_is_refused_by_field(world: World) -> None:
    """What is no signed note is refused as a malformed checkpoint, each form of it, and is no finding."""
    note = world.log.note()
    text = note[: note.index("\n\n") + 1]
    cases = ["", text, text + "\n", note[:-1], note.replace("7", "07", 1), note + "no signature\n", note + "\x07"]

    for case in cases:
        error = await error_of(world.add(0, case, []))
        assert error.reason in {Reason.CLIENT_MALFORMED, Reason.CLIENT_CHECKPOINT_INVALID}, case
        assert error.metadata.get("field", "checkpoint") == "checkpoint"
    assert world.findings() == []


async def test_a_proof_out_of_form_is_refused_by_field(world: World) -> None:
    """Hashes of another length, too many of them, one where none can be, an endless note: each is refused by its field's name."""
    await world.cosign(0)
    world.log.grow(9)

    cases = {
        (7, (bytes(31),)): Reason.CLIENT_MALFORMED,
        (7, (bytes(32),) * (PROOF + 1)): Reason.CLIENT_TOO_MANY_ITEMS,
        (0, (bytes(32),)): Reason.CLIENT_MALFORMED,
    }
    for (old_size, proof), reason in cases.items():
        error = await error_of(world.add(old_size, proof=proof))
        assert (error.reason, error.metadata["field"]) == (reason, "proof")
    error = await error_of(world.add(7, "x" * (CHECKPOINT_BYTES + 1)))
    assert (error.reason, error.metadata["field"]) == (Reason.CLIENT_TOO_LARGE, "checkpoint")
    error = await error_of(world.add(2**63))
    assert (error.reason, error.metadata["field"]) == (Reason.CLIENT_MALFORMED, "old_size")
    assert world.findings() == []


async def test_nobody_but_the_gateway_has_a_log_cosigned(world: World) -> None:
    """Institutions, the simulator, counters, the watchdog itself and its inspector are refused, whatever they bring."""
    shutil.copytree(world.state / "inspector", world.state / "watchdog" / "identities" / "inspector")
    callers = [("tax", TAX), ("simulator", "main"), ("counter", TAX), ("watchdog", "main"), ("watchdog", "inspector")]

    for party, code in callers:
        assert await reason_of(world.add(0, party=party, code=code)) == Reason.CLIENT_CALLER_NOT_ALLOWED
    assert (await world.add(5)).known_size == 0


async def test_of_calls_at_once_all_that_are_cosigned_are_one_history(world: World) -> None:
    """Of many heads of two branches shown at once, those that are cosigned lie on one branch; the other branch is found."""
    await world.cosign(0)
    other = world.log.copy().grow(20, "other")
    world.log.grow(20)
    heads = [(log, size) for size in range(8, 28) for log in (world.log, other)]

    async def show(log: NaiveLog, size: int) -> str | None:
        try:
            answer = await world.add(7, log.note(size), log.proof(7, size))
        except Exception:  # noqa: BLE001 - refused
            return None
        return answer.cosignature if answer.HasField("cosignature") else None

    lines = await asyncio.gather(*(show(*head) for head in heads))
    signed = [(log, size) for (log, size), line in zip(heads, lines, strict=True) if line]
    assert len(signed) == 1
    for (log, size), line in zip(heads, lines, strict=True):
        if line:
            world.keys.witness.check(Note.parse(log.note(size) + line))


async def test_a_restart_forgets_nothing(world: World) -> None:
    """After a restart growth from the old head is cosigned, and a smaller tree or a fork is refused as before."""
    await world.cosign(0)
    await world.restart()

    fork = NaiveLog(log_seed(world.state)).grow(7, "fork")
    assert await reason_of(world.add(7, fork.note(), [])) == Reason.CLIENT_CHECKPOINT_FORKED
    assert await reason_of(world.add(7, world.log.note(4), [])) == Reason.CLIENT_CHECKPOINT_SMALLER
    world.log.grow(1)
    await world.cosign(7)


async def test_the_same_contradiction_is_found_once(world: World) -> None:
    """Showing the same bad head again is refused again and adds no second finding."""
    await world.cosign(0)
    fork = NaiveLog(log_seed(world.state)).grow(7, "fork").note()

    for _ in range(3):
        assert await reason_of(world.add(7, fork, [])) == Reason.CLIENT_CHECKPOINT_FORKED
    assert world.found() == ["fork"]


async def test_a_new_log_begins_anew_and_the_old_head_stays(world: World) -> None:
    """When a restored network pins new keys, the new log is cosigned from nothing, and what was known of the old one is kept."""
    await world.cosign(0)
    await world.down("watchdog")
    keys = replace_log_keys(world.state, ["gateway", "watchdog"])
    world.keys = keys
    old, world.shown.log = world.shown.log, NaiveLog(log_seed(world.state)).grow(2)
    await world.up("watchdog")

    assert await world.cosign(0) == world.clock.machine()
    assert await reason_of(world.add(0, old.note())) == Reason.CLIENT_CHECKPOINT_INVALID
    assert world.findings() == []


async def test_a_watchdog_with_another_key_than_the_network_pins_does_not_start(world: World) -> None:
    """A witness whose secret is not the pinned one would sign in vain: it refuses to start and says so."""
    await world.down("watchdog")
    (world.state / "watchdog/secrets/witness.key").unlink()
    (world.state / "elsewhere").mkdir()
    provision(world.state / "elsewhere", {"gateway": ["main"], "watchdog": ["main"]})
    shutil.copy(world.state / "elsewhere/watchdog/secrets/witness.key", world.state / "watchdog/secrets/witness.key")

    with pytest.raises(ValueError, match="not the key that this witness signs with"):
        await world.up("watchdog")


async def test_a_log_that_is_no_longer_shown_to_the_witness_is_looked_at(world: World) -> None:
    """A shorter log, a fork and an altered past are found by looking, though the gateway shows its head to the witness no more."""
    await world.cosign(0)
    await world.settle()
    honest = world.log.copy()
    cases = {
        "smaller-tree": honest.leaves[:6],
        "fork": NaiveLog(b"").grow(7, "fork").leaves,
        "altered-past": [bytes(32), *honest.leaves[1:], bytes(32)],
    }
    found = []
    for kind, leaves in cases.items():
        world.log.leaves = leaves
        await world.pass_time(seconds=WITNESS_REFRESH)
        found.append(kind)
        assert world.found() == found
    world.shown.log = honest.grow(400)
    await world.pass_time(seconds=WITNESS_REFRESH)
    assert world.found() == found


async def test_tiles_of_another_tree_than_the_signed_one_are_found(world: World) -> None:
    """A log that grew and serves leaves which do not give the root that it signed is found out by its tiles."""
    await world.cosign(0)
    await world.settle()
    world.log.grow(2)
    signed = world.log.note()
    world.log.leaves[8] = bytes(32)
    world.log.note = lambda: signed  # type: ignore[method-assign]

    await world.pass_time(seconds=WITNESS_REFRESH)

    (finding,) = world.findings()
    assert finding.kind == "wrong-tiles"
    assert "9" in finding.detail_en
    assert "末尾のタイルが別の木のものです" in finding.detail_ja


async def test_an_entry_changed_deep_in_the_store_is_found_in_time(world: World) -> None:
    """Each look reads the next stretch of leaves, so that a change behind full tiles, which no head shows, is found; once."""
    world.log.grow(2 * LEAVES_A_LOOK - 300 - world.log.size)
    await world.cosign(0)
    signed, root = world.log.note(), world.log.tile("tile/1/000.p/14")
    world.log.leaves[LEAVES_A_LOOK + 7] = bytes(32)
    honest = world.log.tile
    world.log.note = lambda: signed  # type: ignore[method-assign]
    world.log.tile = lambda path: root if path.startswith("tile/1/") else honest(path)  # type: ignore[method-assign]
    await world.settle()
    assert world.findings() == []

    for _ in range(3):
        await world.pass_time(seconds=WITNESS_REFRESH)

    (finding,) = world.findings()
    assert finding.kind == "wrong-tiles"
    assert "tile/0/008 is of another tree" in finding.detail_en
    assert "tile/0/008 は別の木のものです" in finding.detail_ja


async def test_a_gateway_that_does_not_answer_is_no_finding(world: World) -> None:
    """While the gateway is down or fails nothing is found; the look is made as soon as it answers again."""
    await world.cosign(0)
    await world.settle()
    world.log.leaves = world.log.leaves[:6]
    world.shown.trouble = LinkageError(Reason.GATEWAY_STORE_UNAVAILABLE)
    await world.pass_time(seconds=WITNESS_REFRESH)
    assert world.findings() == []

    world.shown.trouble = None
    await world.settle()
    assert world.found() == ["smaller-tree"]


async def test_its_own_lost_memory_is_noticed_by_its_cosignature(world: World) -> None:
    """A watchdog whose store was set back finds that its own cosignature is on a larger tree, takes it up, and refuses a fork from before."""
    await world.cosign(0)
    await world.down("watchdog")
    backup = world.state / "yesterday.db"
    shutil.copy(world.state / "watchdog/watchdog.db", backup)
    await world.up("watchdog")
    world.log.grow(5)
    await world.cosign(7)
    await world.down("watchdog")
    shutil.copy(backup, world.state / "watchdog/watchdog.db")
    await world.up("watchdog")
    await world.settle()

    assert world.found() == ["own-memory"]
    fork = world.log.copy()
    fork.leaves = [*fork.leaves[:7], *NaiveLog(b"").grow(9, "fork").leaves]
    assert (await world.add(7, fork.note(), fork.proof(7))).known_size == 12
    world.log.grow(1)
    await world.cosign(12)


async def test_a_caller_that_knows_more_makes_it_remember_at_once(world: World) -> None:
    """When the gateway comes from a larger size than is remembered, the watchdog looks for its own cosignature before it answers."""
    await world.settle()
    seen = world.log.copy().grow(3)
    time = int(world.clock.machine().timestamp())
    world.shown.log = seen
    world.shown.witnessed = cosigned(seen.note(), "warifu.example/watchdog", witness_seed(world.state), time)
    world.log.grow(1)

    note = world.log.note()
    answer = await world.add(10, note, world.log.proof(10))

    world.keys.witness.check(Note.parse(note + answer.cosignature))
    assert world.found() == ["own-memory"]


async def test_a_cosignature_of_others_makes_nobody_remember(world: World) -> None:
    """A head with a cosignature that another key made is not taken up."""
    await world.cosign(0)
    larger = world.log.copy().grow(3)
    world.shown.witnessed = cosigned(larger.note(), "warifu.example/watchdog", bytes(32), 1)

    assert (await world.add(10, larger.note(), [])).known_size == 7
    assert world.findings() == []


async def test_its_view_of_an_exchange_is_one_root(world: World) -> None:
    """What the watchdog holds is the same whatever exchange is asked for: the head it cosigned; before the first, nothing."""
    view = world.running["watchdog"].party.view
    assert list(view("anything")) == []
    await world.cosign(0)

    (one,), (other,) = view("anything"), view("else")
    assert isinstance(one, Holding)
    assert one == other
    assert [value.name for value in one.values] == ["size", "root", "note", "cosigned_at"]
    assert one.values[1].raw == world.log.root()
