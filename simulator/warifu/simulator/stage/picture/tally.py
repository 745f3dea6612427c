"""The sign of a code: a strip of a tally stick whose notches, texture and colour follow from the code's bytes.

Equal codes have equal signs, so that they are seen to fit together; different codes differ in shape, and colour is never alone. The
first digits stand beside the sign. The form of a code is the gateway's secret, so nothing here looks inside: the bytes are hashed.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

COLOURS: Final = 12
"""Colours that picture.css gives to `c0` … `c11`."""
_TEETH: Final = 10
_WIDTH, _EDGE, _DEEP = 120, 24, 16
"""Of the drawing: its width, where the notches begin, and how deep they go."""
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Tally:
    """A sign, drawn in a box of 120 × 44."""

    digits: str
    """The first digits of the code, hexadecimal, in groups of four."""
    colour: int
    body: str
    """Path of the strip."""
    texture: str
    """Path drawn over it."""


def tally(code: bytes) -> Tally:
    """The sign of a code."""
    digest = sha256(code).digest()
    digits = code.hex()[:_DIGITS]
    groups = " ".join(digits[at : at + 4] for at in range(0, len(digits), 4))
    return Tally(groups, digest[0] % COLOURS, _body(digest[2 : 2 + _TEETH]), _TEXTURES[digest[1] % len(_TEXTURES)])


def _body(depths: bytes) -> str:
    """A strip with a straight upper edge; each tooth of the lower one is as long as its byte says."""
    width = _WIDTH / _TEETH
    path = f"M0 4q0-4 4-4H{_WIDTH - 4}q4 0 4 4"
    for tooth in range(_TEETH, 0, -1):
        path += f"V{_EDGE + depths[tooth - 1] * _DEEP // 255}H{round((tooth - 1) * width)}"
    return path + "Z"


def _lines(step: int, slant: int) -> str:
    """Lines across the strip; `slant` is how far each leans."""
    return "".join(f"M{x} 3l{slant} 18" for x in range(6 - min(slant, 0), _WIDTH - 2 - max(slant, 0), step))


_TEXTURES: Final = (
    _lines(12, 0),
    _lines(6, 0),
    _lines(9, 9),
    _lines(9, -9),
    _lines(12, 9) + _lines(12, -9),
    "M4 7H116M4 12H116M4 17H116",
    "M4 12H116" + _lines(12, 0),
    "".join(f"M{x} 8h.1M{x + 6} 16h.1" for x in range(8, 110, 12)),
    "".join(f"M{x} 18l6-12 6 12" for x in range(6, 106, 12)),
    "".join(f"M{x} 12h6" for x in range(6, 112, 12)) + "M4 5H116M4 19H116",
)
"""Textures: far and near lines, both slants, lattice, along, ladder, dots, peaks, dashes."""
