"""Small pictures of points as SVG text, drawn by hand so that a report needs no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

Point = Sequence[float]
SIDE, GAP, TITLE = 170, 12, 20  # of a panel, in pixels


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: pale points under strong ones, in the units of the axes."""

    title: str
    under: Sequence[Point]
    over: Sequence[Point]


def _dots(points: Sequence[Point], x: tuple[float, float], y: tuple[float, float]) -> str:
    """One path of zero-length strokes, which round caps turn into dots; points outside the window are left out."""
    placed = (
        ((a - x[0]) / (x[1] - x[0]) * SIDE, (y[1] - b) / (y[1] - y[0]) * SIDE)
        for a, b in points
        if x[0] <= a <= x[1] and y[0] <= b <= y[1]
    )
    return "".join(f"M{a:.1f} {b:.1f}h0" for a, b in placed)


def scatter(panels: Sequence[Panel], x: tuple[float, float], y: tuple[float, float], *, columns: int) -> str:
    """An SVG of panels in rows of `columns`, all over the window x, y."""
    rows = -(-len(panels) // columns)
    width, height = columns * (SIDE + GAP) + GAP, rows * (SIDE + TITLE + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" stroke-linecap="round" fill="none">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for at, panel in enumerate(panels):
        left, top = GAP + at % columns * (SIDE + GAP), GAP + at // columns * (SIDE + TITLE + GAP)
        parts += [
            f'<g transform="translate({left} {top})">',
            f'<text y="12" fill="#222">{escape(panel.title)}</text><g transform="translate(0 {TITLE})">',
            f'<rect width="{SIDE}" height="{SIDE}" stroke="#bbb"/>',
            f'<path d="{_dots(panel.under, x, y)}" stroke="#c3c9d0" stroke-width="2"/>',
            f'<path d="{_dots(panel.over, x, y)}" stroke="#b3261e" stroke-width="2.2"/>',
            "</g></g>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"
