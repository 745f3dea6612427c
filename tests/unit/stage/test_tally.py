"""The signs of codes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from warifu.simulator.stage.picture.tally import COLOURS, tally

CODES = st.binary(min_size=1, max_size=64)


@given(CODES, CODES)
def test_equal_codes_have_equal_signs_and_others_differ(one: bytes, other: bytes) -> None:
    """Two signs are the same exactly when the codes are: in shape, not in colour alone."""
    assert tally(one) == tally(one)
    if one != other:
        assert (tally(one).body, tally(one).texture) != (tally(other).body, tally(other).texture)


@given(CODES)
def test_a_sign_is_a_drawing_inside_its_box(code: bytes) -> None:
    """The digits are the code's first ones, the colour is one that the style sheet has, and the notches stay inside."""
    sign = tally(code)
    assert code.hex().startswith(sign.digits.replace(" ", ""))
    assert 0 <= sign.colour < COLOURS
    edges = [int(part.split("H")[0]) for part in sign.body.split("V")[1:]]
    assert len(edges) == 10
    assert all(24 <= edge <= 40 for edge in edges)
