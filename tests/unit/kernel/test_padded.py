"""Look-ups by many keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warifu.kernel.bulk import padded


@given(st.lists(st.integers(), max_size=300))
def test_padding_asks_for_nothing_else_in_few_forms(keys: list[int]) -> None:
    """Padded keys are the same keys in their order, then the last one again, up to the next power of two."""
    found = padded(keys)
    assert found[: len(keys)] == keys
    assert set(found) == set(keys)
    assert len(found) < max(1, 2 * len(keys))
    assert len(found) & (len(found) - 1) == 0
