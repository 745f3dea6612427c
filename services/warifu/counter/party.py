"""The party `counter`: the web face of every institution's counter. It serves no RPC."""

from __future__ import annotations

from warifu.counter.app import assemble
from warifu.counter.bench import Benches
from warifu.counter.stubs import Calls
from warifu.exchange.lawbook import CurrentLaw
from warifu.kernel.errors import Reason
from warifu.kernel.party import Context, Party
from warifu.web.face import Face

FACE = "counter"


async def build(context: Context) -> Party:
    """The counters of the institutions that the configuration names.

    Raises:
        ValueError: the configuration has no web face, or the key for one-time passwords is damaged.
        LinkageError: PROVIDER_TRUST_UNAVAILABLE: no law book that verifies.
    """
    config, clock = context.config, context.clock
    if config.web is None:
        raise ValueError("the counter needs a web face (web)")
    law = CurrentLaw(context.trust, Reason.PROVIDER_TRUST_UNAVAILABLE)
    law.book()
    face = Face.of(config.web, FACE)
    benches = Benches(config, clock, law.book, secure=face.secure)
    counter = assemble(face, benches, Calls(context.peers, law.book), clock, law.book)

    async def close() -> None:
        benches.close()

    return Party(
        services=(),
        jobs=counter.jobs,
        checks={"counters": benches.check, "law": law.check},
        close=close,
        web=counter.web,
    )
