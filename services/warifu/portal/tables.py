"""Every table of the portal's database: its own and those of its features, which register theirs on the one `metadata`."""

from __future__ import annotations

from warifu.portal.api import schema as _api
from warifu.portal.card import schema as _card
from warifu.portal.history import schema as _history
from warifu.portal.information import schema as _information
from warifu.portal.letters import schema as _letters
from warifu.portal.notices import schema as _notices
from warifu.portal.operations import schema as _operations
from warifu.portal.post import schema as _post
from warifu.portal.schema import metadata

__all__ = ["metadata"]

_FEATURES = (_api, _card, _history, _information, _letters, _notices, _operations, _post)
"""Named, since importing them is what puts their tables there."""
