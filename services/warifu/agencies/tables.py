"""Every table of a business system's database: its own and those of its features, which register theirs on the one `metadata`."""

from __future__ import annotations

from warifu.agencies.cases import schema as _cases
from warifu.agencies.post import schema as _post
from warifu.agencies.schema import metadata

__all__ = ["metadata"]

_FEATURES = (_cases, _post)
"""Named, since importing them is what puts their tables there."""
