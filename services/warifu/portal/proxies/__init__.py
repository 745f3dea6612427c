"""Proxies (代理人): who may read somebody else's history for them, and the traces that this leaves.

How one becomes a proxy: the principal logs in with their own card and PIN and has a pairing word made; the proxy logs in with theirs and
types it. So nobody becomes a proxy without the principal's card, which proves consent or, for a small child, who holds the child's card,
and nobody reads without a login of their own, by which the traces are kept. A second login "for whom" within the proxy's session would
prove the same, but the principal would have to be there with the card, on the proxy's machine, and would type the PIN into a session
that is another's.

The word has 60 random bits, lives ten minutes by the machine clock, serves once, is kept as a hash only, and may be guessed five times a
quarter of an hour.

A mandate reaches no further than one history: what its proxy may read as a proxy themselves, its principal's own mandates, and everything
that changes something stay out of reach. Either side ends it, and the next request already finds it ended.
"""
