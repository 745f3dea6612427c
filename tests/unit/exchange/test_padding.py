"""Padding to size classes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.exchange.padding import KIB, LARGEST, PaddingError, pad, size_class, unpad


@given(st.binary(max_size=3 * KIB), st.integers(0, 300 * KIB))
def test_unpad_undoes_pad(content, floor):
    """What was padded comes back whole, and the padded length is a class not below the floor."""
    padded = pad(content, floor=floor)
    assert unpad(padded) == content
    assert size_class(len(padded)) == len(padded) >= floor


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, 1),
        (1020, 1),
        (1021, 4),
        (4 * KIB - 4, 4),
        (4 * KIB, 16),
        (200 * KIB, 256),
        (256 * KIB, 512),
        (600 * KIB, 768),
    ],
)
def test_classes_are_the_stated_ones(size, expected):
    """Content of a size falls into the class of 1, 4, 16, 64, 256 KiB or the next multiple of 256 KiB, prefix included."""
    assert len(pad(b"x" * size)) == expected * KIB


@given(st.binary(max_size=100), st.integers(0, KIB * 8 - 1))
def test_every_changed_padding_bit_is_noticed(content, bit):
    """A flipped bit either is refused or lies in the content itself."""
    padded = bytearray(pad(content))
    padded[bit // 8] ^= 1 << bit % 8
    try:
        changed = unpad(bytes(padded))
    except PaddingError:
        return
    assert changed != content


@pytest.mark.parametrize("padded", [b"", b"\0\0\0\1", b"\0" * 100, b"\xff" * KIB, b"\0" * (LARGEST + 1)])
def test_what_is_no_padded_block_is_refused(padded):
    """Bytes of no class, with a length beyond their end or above the limit raise."""
    with pytest.raises(PaddingError):
        unpad(padded)


def test_content_above_the_limit_is_not_padded():
    """Content over 16 MiB raises instead of growing without end."""
    with pytest.raises(PaddingError):
        pad(b"x" * LARGEST)
