"""Whose keys are used, and what is believed of the directory (docs/PROTOCOL.md §6, §11)."""

from __future__ import annotations

from warifu.exchange.keys import InstitutionKeys
from warifu.simulator.conformance.asking import Asked
from warifu.simulator.conformance.bench import Bench
from warifu.simulator.conformance.directory import entry as entry_of
from warifu.simulator.conformance.directory import forged, rotated
from warifu.simulator.conformance.opening import first_block
from warifu.simulator.conformance.outcome import Text, expect

REQUESTERS = "health_insurance"
_INVALID = "PROVIDER_DIRECTORY_ENTRY_INVALID"


async def requester_key(bench: Bench) -> None:
    """The requester changed its keys: permits that name the new one, the one before, and one that nobody has."""
    own = bench.keys[bench.requester]
    await bench.told(bench.ask())
    async with rotated(bench) as (new, _):
        for keys in (new, own, new):
            block = first_block(await bench.provide(_naming(bench, keys))).block
            what = Text("回答を封緘した鍵", "key to which the answer is sealed")
            expect(what, (block.recipient, block.key_id), (bench.requester, keys.hpke_key_id))
    await bench.refused(bench.ask(permit={"requester_key_id": "f" * 16}), "CLIENT_DIRECTORY_ENTRY_UNKNOWN")


async def entry(bench: Bench) -> None:
    """The gateway relays an entry in the requester's name that another institution signed."""
    async with rotated(bench) as (_, version):
        attacker = InstitutionKeys.generate(bench.requester)
        bench.relayed[bench.requester] = forged(bench, attacker, version + 1)
        await bench.refused(_naming(bench, attacker), _INVALID)


async def newest_entry(bench: Bench) -> None:
    """The gateway relays an entry that is genuine, but older than one that the provider has seen, and one that replaces it."""
    signer = REQUESTERS, bench.requester
    async with rotated(bench) as (new, version):
        await bench.provide(_naming(bench, new))
        for one in (version - 1, version):
            former = InstitutionKeys.generate(bench.requester)
            bench.relayed[bench.requester] = entry_of(bench.state, signer, former, one)
            await bench.refused(_naming(bench, former), _INVALID)


async def keys(bench: Bench) -> None:
    """After a kill, a query that was sealed to the key of before is read, and the directory has an entry of the provider's."""
    if bench.restart is None:
        note = Text("強制終了をまたぐ試験は未実施：--command の指定なし", "not tried: --command was not given")
        bench.notes.append(note)
        return
    asked = bench.ask()
    await bench.restart()
    await bench.told(asked)


def _naming(bench: Bench, keys: InstitutionKeys) -> Asked:
    return bench.ask(permit={"requester_key_id": keys.hpke_key_id})
