"""A log of 100,000 entries, checked by an implementation that is not ours: golang.org/x/mod/sumdb, the Go checksum database's."""

import asyncio
import json
import random
import subprocess
from base64 import b64encode
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from oracles import golang

from warifu.tlog.checkpoint import Checkpoint
from warifu.tlog.frontier import Frontier
from warifu.tlog.merkle import leaf_hash
from warifu.tlog.notes import LogKey, LogSigner, Note, WitnessKey, WitnessSigner
from warifu.tlog.proofs import TiledTree
from warifu.tlog.tiles import CHECKPOINT_PATH, bundles_of, encode_entries, encode_tile, tiles_of

ENTRIES = 100_000
ORIGIN = "warifu.example/access-log"
WITNESS = "warifu.example/watchdog"
AT = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)
# Commits of a log: single entries, whole tiles, just beside their edges, and whatever comes between.
SIZES = [1, 2, 3, 255, 256, 257, 1_000, 4_096, 65_535, 65_536, 65_537, 77_777, 99_999, ENTRIES]
PROVED = 300


class Published(NamedTuple):
    """A log as its writer leaves it, and what else the oracle needs."""

    folder: Path
    """Checkpoint and tiles, at their paths."""
    log: LogKey
    witness: WitnessKey
    proofs: Path
    """What our side claims: inclusion of some hundred entries, consistency with every earlier checkpoint."""


def put(folder: Path, path: str, content: bytes) -> None:
    """Serve bytes at a path."""
    place = folder / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)


def write_log(folder: Path, log: LogSigner) -> list[tuple[Checkpoint, Note]]:
    """Write a log commit by commit, as its gateway does; returns its heads."""
    entries = [sha256(n.to_bytes(8, "big")).digest() for n in range(ENTRIES)]
    rows: list[list[bytes]] = [[leaf_hash(entry) for entry in entries], [], []]
    edge, heads = Frontier(), []
    for size in SIZES:
        since = edge.size
        edge, finished = edge.grow(rows[0][since:size])
        for item in finished:
            assert item.index == len(rows[item.level])
            rows[item.level].append(item.hash)
        for tile in tiles_of(size, since):
            put(folder, tile.path, encode_tile(rows[tile.level][tile.start : tile.start + tile.width]))
        for bundle in bundles_of(size, since):
            put(folder, bundle.path, encode_entries(entries[bundle.start : bundle.start + bundle.width]))
        head = Checkpoint(ORIGIN, size, edge.root)
        heads.append((head, head.signed(log)))
    return heads


async def claims(folder: Path, heads: list[tuple[Checkpoint, Note]]) -> dict[str, object]:
    """Our proofs, made from the folder alone."""

    async def read(path: str) -> bytes:
        return (folder / path).read_bytes()

    newest, _ = heads[-1]
    tree = TiledTree(read, newest.size, newest.root)
    chosen = {0, 255, 256, 65_535, 65_536, ENTRIES - 1} | set(random.Random(3).sample(range(ENTRIES), PROVED - 6))
    return {
        "Inclusion": [{"Index": at, "Path": encoded(await tree.inclusion(at))} for at in sorted(chosen)],
        "Consistency": [
            {"Checkpoint": note.raw, "Path": encoded(await tree.consistency(head.size))} for head, note in heads[:-1]
        ],
    }


def encoded(path: list[bytes]) -> list[str]:
    """Hashes as the oracle reads them."""
    return [b64encode(item).decode() for item in path]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory):
    """The other implementation, compiled."""
    return golang.build(tmp_path_factory.mktemp("oracle"))


@pytest.fixture(scope="module")
def published(oracle, tmp_path_factory):
    """A log of 100,000 entries."""
    folder = tmp_path_factory.mktemp("log")
    log, witness = LogSigner(ORIGIN, b"l" * 32), WitnessSigner(WITNESS, b"w" * 32)
    heads = write_log(folder, log)
    newest = heads[-1][1]
    put(folder, CHECKPOINT_PATH, newest.with_signature(witness.sign(newest.text, AT)).raw.encode())
    proofs = tmp_path_factory.mktemp("claims") / "proofs.json"
    proofs.write_text(json.dumps(asyncio.run(claims(folder, heads))))
    return Published(folder, log.key, witness.key, proofs)


def ask(oracle, published, **other):
    """What the oracle says of the log."""
    asked = published._replace(**other)
    command = [oracle, asked.folder, asked.log.vkey, asked.witness.vkey, asked.proofs]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_go_s_checksum_database_verifies_a_log_of_100_000_entries(oracle, published):
    """Go's own code accepts both signatures, builds the signed root from the entries, and finds tiles and proofs equal to its own."""
    done = ask(oracle, published)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "entries": ENTRIES,
        "tiles": 391 + 2 + 1,
        "inclusion": PROVED,
        "consistency": len(SIZES) - 1,
        "cosigned_at": int(AT.timestamp()),
    }


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tile/0/123", "tile/0/123 holds other hashes"),
        ("tile/0/390.p/160", "tile/0/390.p/160 holds other hashes"),
        ("tile/1/000", "tile/1/000 holds other hashes"),
        ("tile/1/001.p/134", "tile/1/001.p/134 holds other hashes"),
        ("tile/2/000.p/1", "tile/2/000.p/1 holds other hashes"),
        ("tile/entries/200", "the entries have another root"),
        ("checkpoint", "checkpoint: invalid signature"),
    ],
)
def test_the_oracle_sees_one_changed_byte(oracle, published, path, said):
    """With one byte of a tile, a bundle or the checkpoint changed, the same program refuses the log: it does look."""
    place = published.folder / path
    good = place.read_bytes()
    try:
        place.write_bytes(good[:20] + bytes([good[20] ^ 1]) + good[21:])
        done = ask(oracle, published)
    finally:
        place.write_bytes(good)
    assert done.returncode == 1
    assert done.stderr.startswith(said)


@pytest.mark.parametrize("kind", ["Inclusion", "Consistency"])
def test_the_oracle_sees_one_changed_proof(oracle, published, tmp_path, kind):
    """With two hashes of one of our proofs swapped, the same program refuses the proof."""
    proofs = json.loads(published.proofs.read_text())
    path = proofs[kind][-1]["Path"]
    path[0], path[1] = path[1], path[0]
    changed = tmp_path / "proofs.json"
    changed.write_text(json.dumps(proofs))
    done = ask(oracle, published, proofs=changed)
    assert done.returncode == 1
    assert done.stderr.startswith(kind.lower())


def test_the_oracle_wants_these_keys(oracle, published):
    """With another log's or another witness' key of the same name, the same program refuses the checkpoint."""
    for other in ({"log": LogSigner(ORIGIN, b"x" * 32).key}, {"witness": WitnessSigner(WITNESS, b"x" * 32).key}):
        done = ask(oracle, published, **other)
        assert done.returncode == 1
        assert done.stderr.startswith("checkpoint: ")
