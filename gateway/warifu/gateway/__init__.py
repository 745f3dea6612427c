"""The linkage gateway: decides, converts codes, records, lets provide, relays what it cannot read (docs/PROTOCOL.md §4)."""
