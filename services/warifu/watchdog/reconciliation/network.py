"""The audit of the network that this watchdog stands in, under its own certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from warifu.exchange.logkeys import ORIGIN, LogKeys
from warifu.kernel.access import TABLE_PATH
from warifu.kernel.clock import Clock
from warifu.kernel.config import Config
from warifu.kernel.peers import Peers
from warifu.kernel.trust import Trust
from warifu.law import LawBook
from warifu.tlog.checkpoint import Trust as LogTrust
from warifu.watchdog.audit.engine import Audit, Report
from warifu.watchdog.audit.ground import Rules
from warifu.watchdog.audit.network import NetworkSources
from warifu.watchdog.audit.scratch import Scratch

SCRATCH: Final = "audit.scratch"


async def audit(config: Config, clock: Clock, trust: Trust, book: Callable[[], LawBook]) -> Report:
    """Read the whole network and check it, from the beginning.

    Raises:
        UnreachableError: a party is away.
    """
    keys, law = LogKeys.load(config.folder), book()
    rules = Rules(
        LogTrust(ORIGIN, keys.log, (keys.witness,), quorum=1),
        [law],
        TABLE_PATH.read_bytes(),
        clock.machine(),
        trust.root,
    )
    parties = {code: config.server_of(one.kind, code) for code, one in law.institutions.items()}
    path = config.folder / SCRATCH
    path.unlink(missing_ok=True)  # always the whole: what was read before says nothing of what is there now
    scratch, peers = Scratch(path, rules.trust.log.vkey), Peers(config)
    try:
        return await Audit(NetworkSources(peers.channel, parties), scratch, rules, trust).run()
    finally:
        scratch.close()
        path.unlink(missing_ok=True)
        await peers.close()
