"""Charts as inline SVG, narrow enough for a telephone: lines over time, bars, and shares with their intervals. Colours are the page's.

A chart is a picture with a name; the page puts the same figures into a table beneath it. Lines differ by their dashes, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 400
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 22, 26
HEIGHT: Final = 220
BAR: Final = 36
_DASHES: Final = ("", "6 3", "2 3")
_STEPS: Final = (1, 2, 4, 6, 8, 10)
_TICKS: Final = 4
_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """One line; None leaves a gap."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, with what is written at its end."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Spread:
    """A share of 0 to 1 with its interval; without a value there is nothing to show but the text."""

    label: str
    value: float | None
    low: float
    high: float
    text: str


def lines(title: str, begins: Sequence[float], items: Sequence[Line], foot: str) -> str:
    """Lines over the same beginnings of slices, from 0 up; `foot` says what lies to the right."""
    top = nice(max((value for line in items for value in line.values if value is not None), default=1.0))
    across = max(1, len(begins) - 1)
    rows = [_grid(top)]

    def at(place: int, value: float) -> str:
        return f"{_x(place / across):.1f} {_y(value / top):.1f}"

    for number, line in enumerate(items):
        points = [(place, value) for place, value in enumerate(line.values) if value is not None]
        dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
        path = " ".join(f"{'M' if n == 0 else 'L'}{at(place, value)}" for n, (place, value) in enumerate(points))
        rows.append(f'<path d="{path}" fill="none" stroke="var(--line{number})" stroke-width="2"{dash}/>')
        if len(items) > 1:
            rows.append(_legend(number, line.name, dash))
    end = begins[-1] if begins else 0
    rows.append(f'<text class="soft" x="{LEFT}" y="{HEIGHT - 6}">0</text>')
    rows.append(
        f'<text class="soft" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{end:.0f} {escape(foot)}</text>'
    )
    return _svg(title, HEIGHT, rows)


def columns(title: str, items: Sequence[Bar]) -> str:
    """Upright bars side by side, such as the hours of a day; every label that has room is written."""
    top = nice(max((one.value for one in items), default=1.0))
    each = (WIDTH - LEFT - RIGHT) / max(1, len(items))
    every = max(1, -(-len(items) // 8))
    rows = [_grid(top)]
    for place, one in enumerate(items):
        x, y = LEFT + each * place, _y(one.value / top)
        rows.append(
            f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{max(1.0, each - 2):.1f}" height="{HEIGHT - BOTTOM - y:.1f}" fill="var(--bar)"/>'
        )
        if place % every == 0:
            rows.append(
                f'<text class="soft" x="{x + each / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(one.label)}</text>'
            )
    return _svg(title, HEIGHT, rows)


def bars(title: str, items: Sequence[Bar]) -> str:
    """Bars one below the other, each under its label."""
    top = max((one.value for one in items), default=0.0) or 1.0
    room = WIDTH - 110
    rows = []
    for place, one in enumerate(items):
        y, width = BAR * place, room * one.value / top
        rows.append(f'<text x="0" y="{y + 12}">{escape(one.label)}</text>')
        rows.append(f'<rect x="0" y="{y + 17}" width="{width:.1f}" height="12" fill="var(--bar)"/>')
        rows.append(f'<text class="soft" x="{width + 6:.1f}" y="{y + 28}">{escape(one.text)}</text>')
    return _svg(title, BAR * len(items), rows)


def spreads(title: str, items: Sequence[Spread]) -> str:
    """A dot on a scale from 0 to 100 %, and its interval as a line."""
    room = WIDTH - 110
    rows = []
    for place, one in enumerate(items):
        y = BAR * place
        rows.append(f'<text x="0" y="{y + 12}">{escape(one.label)}</text>')
        rows.append(f'<path d="M0 {y + 23}H{room}" stroke="var(--line)"/>')
        if one.value is not None:
            rows.append(
                f'<path d="M{room * one.low:.1f} {y + 23}H{room * one.high:.1f}" stroke="var(--bar)" stroke-width="3" opacity=".55"/>'
            )
            rows.append(f'<circle cx="{room * one.value:.1f}" cy="{y + 23}" r="5" fill="var(--bar)"/>')
        rows.append(f'<text class="soft" x="{room + 10}" y="{y + 27}">{escape(one.text)}</text>')
    return _svg(title, BAR * len(items), rows)


def nice(value: float) -> float:
    """A round number, not below `value`, that a scale may end at."""
    if value <= 0:
        return 1.0
    power = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 0.001
    while power * 10 < value:
        power *= 10
    return next(power * step for step in _STEPS if power * step >= value)


def _grid(top: float) -> str:
    rows = []
    for tick in range(_TICKS + 1):
        y = _y(tick / _TICKS)
        rows.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="var(--grid)"/>')
        rows.append(
            f'<text class="soft" x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{_brief(top * tick / _TICKS)}</text>'
        )
    return "".join(rows)


def _legend(number: int, name: str, dash: str) -> str:
    x = LEFT + 70 * number
    return f'<path d="M{x} 8h24" stroke="var(--line{number})" stroke-width="2"{dash}/><text x="{x + 29}" y="12">{escape(name)}</text>'


def _brief(value: float) -> str:
    """A tick in few characters."""
    return f"{value / _THOUSAND:g}k" if value >= 10 * _THOUSAND else f"{value:g}"


def _x(share: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def _y(share: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share)


def _svg(title: str, height: float, rows: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title, quote=True)}">{"".join(rows)}</svg>'
