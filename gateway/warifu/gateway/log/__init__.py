"""The gateway's public log: who commits, who integrates, who witnesses, who is shown it.

`entries` are what waits and what stands in it; `sequencer` integrates; `heads` is the signed head; `witness` has it cosigned, with `growth`'s
proof that it continues the one before; `gate` stops exchanges while the log cannot move; `events` enters what changes the rules; `tiles`
reads, `services` and `face` show it.
"""
