"""Charts as inline SVG: horizontal bars, and marks with their spread on a logarithmic scale. Colours are the page's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 760
LABEL: Final = 190
ROOM: Final = 130
"""Right of the scale, for what is said of it."""
STEP: Final = 26
_SPAN: Final = WIDTH - LABEL - ROOM


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar; `reach` is a thin line beyond it."""

    label: str
    value: float
    reach: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One value with its spread, and where it should be."""

    label: str
    value: float
    low: float
    high: float
    required: float | None
    aim: float | None


def bars(items: Sequence[Bar], form: str, title: str) -> str:
    """Bars from 0; `form` writes a value, `title` says what it is to whom cannot see it."""
    top = max((max(one.value, one.reach or 0.0) for one in items), default=0.0) or 1.0
    rows = []
    for place, one in enumerate(items):
        y = STEP * place + 4
        width = _SPAN * one.value / top
        rows.append(f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(one.label)}</text>')
        rows.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="18" fill="var(--bar)"/>')
        end, told = width, form.format(one.value)
        if one.reach is not None:
            end, told = max(width, _SPAN * one.reach / top), f"{told} · {form.format(one.reach)}"
            rows.append(
                f'<path d="M{LABEL + width:.1f} {y + 9}H{LABEL + end:.1f}" stroke="var(--soft)" stroke-width="2"/>'
            )
        rows.append(f'<text x="{LABEL + end + 6:.1f}" y="{y + 14}">{told}</text>')
    return _svg(STEP * len(items) + 8, rows, title)


def marks(items: Sequence[Mark], title: str) -> str:
    """A dot and its spread each; a hollow line where it is required, a solid one where the aim is."""
    values = [value for one in items for value in (one.low, one.high, one.required, one.aim) if value]
    low, high = min(values, default=0.5) / 1.3, max(values, default=2.0) * 1.3

    def at(value: float) -> float:
        return LABEL + _SPAN * (math.log(max(value, low)) - math.log(low)) / (math.log(high) - math.log(low))

    rows = []
    for place, one in enumerate(items):
        y = STEP * place + 13
        rows.append(f'<text x="{LABEL - 8}" y="{y + 5}" text-anchor="end">{escape(one.label)}</text>')
        rows.append(f'<path d="M{LABEL} {y}H{LABEL + _SPAN}" stroke="var(--line)"/>')
        for goal, dash in ((one.required, ' stroke-dasharray="3 2"'), (one.aim, "")):
            if goal is not None:
                rows.append(
                    f'<path d="M{at(goal):.1f} {y - 10}V{y + 10}" stroke="var(--good)" stroke-width="2"{dash}/>'
                )
        rows.append(f'<path d="M{at(one.low):.1f} {y}H{at(one.high):.1f}" stroke="var(--bar)" stroke-width="4"/>')
        rows.append(f'<circle cx="{at(one.value):.1f}" cy="{y}" r="6" fill="var(--bar)"/>')
        rows.append(f'<text x="{WIDTH}" y="{y + 5}" text-anchor="end">{one.value:.2f}</text>')
    foot = STEP * len(items) + 16
    rows.append(
        f'<text class="soft" x="{LABEL}" y="{foot}">┆ 必要 / required   │ 目標 / aim   （対数 / logarithmic）</text>'
    )
    return _svg(foot + 8, rows, title)


def _svg(height: float, rows: Sequence[str], title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}" width="{WIDTH}" height="{height:.0f}">{"".join(rows)}</svg>'
