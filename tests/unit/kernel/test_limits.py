"""The table of limits and the checks that use it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel import limits
from warifu.kernel.errors import LinkageError, Reason


@given(value=st.text(max_size=30), limit=st.integers(0, 30))
def test_a_text_passes_or_is_refused_by_name(value: str, limit: int) -> None:
    """A text passes exactly when it is there, within its limit and printable; a refusal names the field."""
    printable = not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u2028\u2029" for c in value)
    if value and len(value) <= limit and printable:
        assert limits.check_text(value, "氏名", limit) == value
        return
    with pytest.raises(LinkageError) as refused:
        limits.check_text(value, "氏名", limit)
    assert refused.value.metadata["field"] == "氏名"
    assert len(value) < 3 or value not in refused.value.metadata.values()


def test_an_absent_text_may_be_allowed() -> None:
    """What is not required may be empty."""
    assert limits.check_text("", "reading", 5, required=False) == ""


def test_too_many_items_are_refused() -> None:
    """The item over the limit is one too many."""
    limits.check_items([0] * 3, "deposits", 3)
    with pytest.raises(LinkageError) as refused:
        limits.check_items(range(100_000), "deposits", limits.BULK)
    assert refused.value.reason == Reason.CLIENT_TOO_MANY_ITEMS
    assert refused.value.metadata == {"field": "deposits", "limit": "1000"}


def test_bytes_of_another_length_are_refused() -> None:
    """A field of fixed length takes no other."""
    assert limits.check_bytes(bytes(16), "acquisition_number", exactly=limits.ACQUISITION_BYTES)
    for wrong in (b"", bytes(15), bytes(17)):
        with pytest.raises(LinkageError):
            limits.check_bytes(wrong, "acquisition_number", exactly=limits.ACQUISITION_BYTES)


def test_unknown_enum_values_are_refused() -> None:
    """Neither UNSPECIFIED nor a value from the future passes."""
    from warifu.common.v1 import common_pb2

    assert limits.check_enum(common_pb2.SEX_MALE, "sex", common_pb2.Sex) == common_pb2.SEX_MALE
    for wrong in (0, 99, -1):
        with pytest.raises(LinkageError):
            limits.check_enum(wrong, "sex", common_pb2.Sex)


@given(size=st.integers(0, 2**32 - 1))
def test_a_page_is_never_larger_than_the_limit(size: int) -> None:
    """Whatever a caller wishes, a page has at least one and at most PAGE items."""
    assert 1 <= limits.check_page(size) <= limits.PAGE
