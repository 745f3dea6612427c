"""Packed values come back as they went in, each of its own kind."""

from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.packing import pack, unpack

VALUES = st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(), st.binary())


@given(st.lists(VALUES, max_size=8))
def test_values_come_back_with_their_kinds(values):
    """Truth is no number, text no bytes, nothing no zero; empty ones and none at all included."""
    found = unpack(pack(values))
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]
