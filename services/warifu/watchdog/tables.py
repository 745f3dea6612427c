"""Every table of the watchdog's database: its own and those of its features, which register theirs on the one `metadata`."""

from __future__ import annotations

from warifu.watchdog.letters import schema as _letters
from warifu.watchdog.schema import metadata

__all__ = ["metadata"]

_FEATURES = (_letters,)
"""Named, since importing them is what puts their tables there."""
