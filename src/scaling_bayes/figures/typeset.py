"""What pens of light drawings share: the palette, how lines and marks look, how wide a text is, keys."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

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
#: Hundredths of the size that the letters from the space to ``~`` take in DejaVu Sans, a wide font.
_ADVANCES = (
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64,
    34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63,
    61, 73, 68, 99, 69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97,
    63, 61, 63, 63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
)  # fmt: skip
_BOLD = 1.11
#: Corners of marks, for a size of 2; a circle has none.
SHAPES: Mapping[str, tuple[tuple[float, float], ...]] = {
    "s": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "^": ((0, -1), (-1, 1), (1, 1)),
    "<": ((-1, 0), (1, -1), (1, 1)),
    ">": ((1, 0), (-1, -1), (-1, 1)),
    "D": ((0, -1.41), (1.41, 0), (0, 1.41), (-1.41, 0)),
    "|": ((0, -1), (0, 1)),
}
#: Left, top, width and height.
Box = tuple[float, float, float, float]
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


class Pen(Protocol):
    """What a drawing is made with; coordinates are points, from the upper left corner."""

    def line(
        self, x: Sequence[float], y: Sequence[float], look: Mapping[str, Any], *, clip: Box | None = None
    ) -> None:
        """Join points, fill between them, or mark them, as `look` says; gaps where they are not finite."""

    def words(
        self,
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
    ) -> None:
        """Write lines, the first on the base line `y`; with a halo they stand out from what is behind."""


def key_size(entries: Entries, columns: int) -> tuple[float, float]:
    """Width and height of a key."""
    rows = -(-len(entries) // columns)
    widest = [max(text_width(label, 8.0) for label, _ in part) for part in _columns(entries, columns)]
    return sum(widest) + 31.0 * len(widest) - 14.0, 12.0 * rows


def _columns(entries: Entries, columns: int) -> list[Entries]:
    rows = -(-len(entries) // columns)
    return [entries[first : first + rows] for first in range(0, len(entries), rows)]


def draw_key(pen: Pen, entries: Entries, columns: int, x: float, y: float) -> None:
    """Samples of looks with their names, down the columns."""
    for column in _columns(entries, columns):
        for row, (label, look) in enumerate(column):
            middle = y + 12.0 * row + 6.0
            if look.get("fill"):
                edge = [middle - 2.8, middle - 2.8, middle + 2.8, middle + 2.8]
                pen.line([x, x + 11.2, x + 11.2, x], edge, look)
            else:
                pen.line([x, x + 11.2], [middle, middle], {**look, "marker": ""})
                pen.line([x + 5.6], [middle], {**look, "ls": "none"})
            pen.words(x + 17.0, middle + 2.9, label, 8.0, COLORS["muted"])
        x += 31.0 + max(text_width(label, 8.0) for label, _ in column)
