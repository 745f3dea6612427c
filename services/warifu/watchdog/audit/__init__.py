"""The audit: a whole network checked from outside, through what each party shows of its records (docs/AUDIT.md).

It reads the public log, the gateway's, every institution's and the portal's records into a file of its own, then checks them against
each other. `warifu audit` runs it; so can whoever the access table lets read, as the supervisor.

- `findings`: what can be found, in words.
- `sources`: what is asked of the parties; `network` asks it over gRPC.
- `scratch`: the file; `reading` fills it, in an order that a living network cannot fool.
- `cases`: all that is held of one exchange.
- `checks`: the registry of checks; `tree`, `entries`, `rules`, `sides`, `portal` and `promises` are what is in it.
- `engine`: reads, then checks.
"""
