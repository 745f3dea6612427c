"""Cutting an item down to what may be released: the fields of the permission row, and of these the fields that the query wants.

Built up from nothing, so that a field nobody thought of stays out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.protobuf.message import Message

from warifu.items.v1 import items_pb2


def released(row_fields: Iterable[str], query_fields: Iterable[str]) -> frozenset[str]:
    """Field paths that are both allowed and wanted; an empty query wants all that is allowed."""
    allowed = frozenset(row_fields)
    wanted = frozenset(query_fields)
    return allowed & wanted if wanted else allowed


def project(content: items_pb2.ItemContent, paths: frozenset[str]) -> items_pb2.ItemContent:
    """The item with the fields of `paths` alone, and with the reasons of empty fields alone that are among them.

    A path names a field of the item's message, such as "tax_class"; a repeated or nested field is released whole.
    """
    cut = items_pb2.ItemContent()
    which = content.WhichOneof("content")
    if which is not None:
        target = getattr(cut, which)
        target.SetInParent()
        _copy(getattr(content, which), target, paths)
    cut.empty_fields.extend(_known(empty) for empty in content.empty_fields if empty.path in paths)
    return cut


def _copy(source: Message, target: Message, paths: frozenset[str]) -> None:
    for field, value in source.ListFields():
        if field.name not in paths:
            continue
        if field.is_repeated:
            getattr(target, field.name).MergeFrom(value)
        elif field.message_type is not None:
            getattr(target, field.name).CopyFrom(value)
        else:
            setattr(target, field.name, value)
    target.DiscardUnknownFields()


def _known(empty: Any) -> items_pb2.EmptyField:
    return items_pb2.EmptyField(path=empty.path, reason=empty.reason)
