"""Pieces of an SVG: how wide a text is; how colours, texts, lines and marks are written."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import Any

#: Okabe & Ito's colour-blind safe palette (2008, *Color Universal Design*), and greys for what is not data.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "blue": "#0072b2",
        "orange": "#d55e00",
        "green": "#009e73",
        "purple": "#cc79a7",
        "ink": "#1d2127",
        "muted": "#5b626d",
        "rule": "#8b929c",
        "grid": "#e3e5e8",
        "paper": "#fefefe",
        "band_90": "#d3e5f1",
        "band_50": "#9ec8e2",
        "prior": "#a8adb5",
    }
)
_PAINTS = {value: f"var(--fig-{name}, {value})" for name, value in COLORS.items()}
#: Hundredths of the size that the letters from the space to ``~`` take in DejaVu Sans, a wide font.
_ADVANCES = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63,
    61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97,
    63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
_BOLD = 1.11
#: Corners of marks, for a size of 2; a circle has none.
_SHAPES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "s": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "^": ((0, -1), (-1, 1), (1, 1)),
    "<": ((-1, 0), (1, -1), (1, 1)),
    ">": ((1, 0), (-1, -1), (-1, 1)),
    "D": ((0, -1.41), (1.41, 0), (0, 1.41), (-1.41, 0)),
    "|": ((0, -1), (0, 1)),
}
#: What is named in a key, and how each looks.
Entries = Sequence[tuple[str, Mapping[str, Any]]]
#: How a line looks where nothing else is said; ``fill`` is the colour inside it.
LOOK: Mapping[str, Any] = MappingProxyType(
    {"color": COLORS["ink"], "lw": 1.6, "ls": "-", "marker": "", "ms": 6.0, "mew": 1.0, "alpha": 1.0}
    | dict.fromkeys(("mfc", "mec", "fill"), "")
)


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Points that the longest line of a text takes at `size`."""
    return max(sum(map(_advance, line)) for line in text.split("\n")) * size / 100 * (_BOLD if bold else 1.0)


def _advance(letter: str) -> int:
    code = ord(letter)
    if code < 127:
        return _ADVANCES[max(code - 32, 0)]
    if unicodedata.combining(letter):
        return 0
    return 100 if unicodedata.east_asian_width(letter) in "WF" or letter == "…" else 70


def number(value: float) -> str:
    """Tenths of a point: finer than a screen shows."""
    return f"{value:z.1f}".removesuffix(".0")


def path(x: Iterable[float], y: Iterable[float]) -> str:
    """Write a line through points, with gaps where they are not finite."""
    commands, pen = [], "M"
    for one, other in zip(x, y, strict=True):
        if math.isfinite(one) and math.isfinite(other):
            commands.append(f"{pen}{number(one)} {number(other)}")
            pen = " "
        else:
            pen = "M"
    return "".join(commands)


def line(x: list[float], y: list[float], look: Mapping[str, Any], *, clip: str = "") -> str:
    """Write points as `look` says: joined by a line, filled, or marked."""
    look = {**LOOK, **look}
    written = ""
    if look["fill"]:
        written = _path(f"{path(x, y)}z", clip, look["alpha"], fill=look["fill"])
    elif look["ls"] != "none":
        dash = "" if look["ls"] == "-" else " ".join(f"{part * look['lw']:.3g}" for part in look["ls"][1])
        written = _path(path(x, y), clip, look["alpha"], stroke=look["color"], width=look["lw"], dash=dash)
    if look["marker"]:
        places = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
        inside, edge = (look[name] or look["color"] for name in ("mfc", "mec"))
        written += _path(
            "".join(_shape(look["marker"], *place, look["ms"] / 2) for place in places),
            clip,
            look["alpha"],
            fill="" if look["marker"] == "|" else inside,
            stroke="" if edge == "none" or not look["mew"] else edge,
            width=look["mew"],
        )
    return written


def _shape(marker: str, x: float, y: float, radius: float) -> str:
    if marker == "o":
        size, across = f"{radius:.3g} {radius:.3g}", number(2 * radius)
        return f"M{number(x - radius)} {number(y)}a{size} 0 1 0 {across} 0a{size} 0 1 0 -{across} 0z"
    corners = _SHAPES[marker]
    return f"{path([x + radius * dx for dx, _ in corners], [y + radius * dy for _, dy in corners])}z"


def _path(
    d: str, clip: str, alpha: float, *, fill: str = "", stroke: str = "", width: float = 0, dash: str = ""
) -> str:
    if not d or d == "z":
        return ""
    style = f"fill:{paint(fill)}" if fill else "fill:none"
    if stroke:
        style += f";stroke:{paint(stroke)};stroke-width:{width:.3g}"
    if dash:
        style += f";stroke-dasharray:{dash}"
    if alpha < 1:
        style += f";opacity:{alpha:g}"
    return f'<path d="{d}" style="{style}"{clip and f' clip-path="url(#{clip})"'}/>'


def paint(color: str) -> str:
    """Write a colour of the palette as the page's variable, and in print the colour itself."""
    return _PAINTS.get(color, color)


def words(
    x: float,
    y: float,
    text: str,
    size: float,
    color: str,
    *,
    anchor: str = "start",
    bold: bool = False,
    turned: bool = False,
    halo: bool = False,
) -> str:
    """Write lines of text, the first on the base line `y`; with a halo they stand out from lines behind."""
    style = f"font-size:{size:.3g}px;fill:{paint(color)}"
    style += ";font-weight:bold" if bold else ""
    style += f";paint-order:stroke;stroke:{paint(COLORS['paper'])};stroke-width:5" if halo else ""
    rest = "" if anchor == "start" else f' text-anchor="{anchor}"'
    rest += f' transform="rotate(-90 {number(x)} {number(y)})"' if turned else ""
    return "".join(
        f'<text x="{number(x)}" y="{number(y + 1.2 * size * row)}" style="{style}"{rest}>'
        f"{escape(part, quote=False)}</text>"
        for row, part in enumerate(text.split("\n"))
        if part
    )


def key_of(entries: Entries, columns: int) -> tuple[str, float, float]:
    """Samples of looks with their names, down the columns; with the width and height of all."""
    rows = -(-len(entries) // max(columns, 1))
    written, left = "", 0.0
    for first in range(0, len(entries), rows):
        column = entries[first : first + rows]
        for row, (label, look) in enumerate(column):
            y = 12.0 * row + 6.0
            box = [left, left + 11.2, left + 11.2, left], [y - 2.8, y - 2.8, y + 2.8, y + 2.8]
            lone = look.get("ls") == "none"
            ends = ([left + 5.6], [y]) if lone else ([left, left + 11.2], [y, y])
            if look.get("fill"):
                written += line(*box, look)
            elif look.get("marker") and not lone:
                written += line(*ends, {**look, "marker": ""})
                written += line([left + 5.6], [y], {**look, "ls": "none"})
            else:
                written += line(*ends, look)
            written += words(left + 17.0, y + 2.9, label, 8.0, COLORS["muted"])
        left += 17.0 + max(text_width(label, 8.0) for label, _ in column) + 14.0
    return written, left - 14.0, 12.0 * rows
