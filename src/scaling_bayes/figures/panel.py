"""Axes of a light drawing: scales, marks and a title, in the few words of matplotlib that our pictures use.

Coordinates are points, from the upper left corner of the sheet.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures.typeset import COLORS, Box, Entries, Pen, draw_key, key_size, text_width

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: Between the edge of a sheet and what is drawn.
EDGE = 3.0
#: A tick, with the space to its label.
_TICK = 6.5
_SHIFT = {"left": 0.0, "center": 0.5, "right": 1.0}
_ANCHOR = {"left": "start", "center": "middle", "right": "end"}


@dataclass
class Scale:
    """One axis: what it spans, its ticks and its name; `place` is a share of the height, or ``top``."""

    limits: tuple[float, float] = (0.0, 1.0)
    log: bool = False
    ticks: list[tuple[float, str]] = field(default_factory=list)
    size: float = 8.0
    label: str = ""
    label_size: float = 8.5
    place: float = 0.0

    def share(self, values: ArrayLike) -> NDArray[np.float64]:
        """Position of values between the limits, from 0 to 1."""
        ends = np.asarray(self.limits, dtype=float)
        found = np.asarray(values, dtype=float)
        if self.log:
            ends, found = np.log10(ends), np.log10(found)
        position: NDArray[np.float64] = np.clip((found - ends[0]) / (ends[1] - ends[0]), -9.0, 9.0)
        return position

    def set_ticks(self, ticks: Sequence[float], labels: Sequence[str], size: float) -> None:
        """Ticks and their labels; those beyond the limits are left out."""
        inside = np.abs(self.share(ticks) - 0.5) <= 0.500001
        pairs = zip(map(float, ticks), labels, inside, strict=True)
        self.ticks = [(tick, label) for tick, label, shown in pairs if shown]
        self.size = size

    @property
    def places(self) -> list[float]:
        """Positions of the ticks."""
        found: list[float] = self.share([tick for tick, _ in self.ticks]).tolist()
        return found

    def set_xlabel(self, text: str, fontsize: float = 8.5, **_: Any) -> None:
        """Name the axis."""
        self.label, self.label_size = text, fontsize

    @property
    def depth(self) -> float:
        """Points that ticks, their labels and the name take across the axis."""
        lines = len(self.label.split("\n")) if self.label else 0
        shown = 1.15 * self.size if any(label for _, label in self.ticks) else 0.0
        return _TICK + shown + 1.2 * self.label_size * lines + (2.0 if lines else 0.0)


@dataclass(frozen=True)
class Mark:
    """Points with a look, or a text at one point."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    look: Mapping[str, Any]
    text: str = ""
    #: Whether x, and y, are shares of the panel in place of data.
    shares: tuple[bool, bool] = (False, False)
    clip: bool = True


class Panel:
    """Axes with scales, marks, a title and a key."""

    transAxes = (True, True)  # noqa: N815 - matplotlib's name

    def __init__(self, sheet: Any) -> None:
        self.sheet, self.x, self.y = sheet, Scale(), Scale()
        self.marks: list[tuple[float, Mark]] = []
        self.others: list[Scale] = []
        self.title, self.title_size = "", 10.0
        self.entries: Entries = ()
        self.where, self.columns = "", 1
        self.grid, self.left, self.axison = "xy", True, True
        self.box: Box = (0.0, 0.0, 0.0, 0.0)
        self.room = 0.0

    # What is drawn

    def plot(
        self,
        x: ArrayLike,
        y: ArrayLike,
        *,
        zorder: float = 2.0,
        clip_on: bool = True,
        transform: tuple[bool, bool] = (False, False),
        **look: Any,
    ) -> None:
        """Points, joined by a line or marked."""
        across, upwards = np.broadcast_arrays(np.atleast_1d(x).astype(float), np.atleast_1d(y).astype(float))
        self.marks.append((zorder, Mark(across, upwards, look, shares=transform, clip=clip_on)))

    def fill_between(
        self, x: ArrayLike, low: ArrayLike, high: ArrayLike, *, color: str, zorder: float = 1.0, **look: Any
    ) -> None:
        """Fill between two lines."""
        along, lower, upper = np.broadcast_arrays(np.asarray(x, dtype=float), low, high)
        edge = np.concatenate([along, along[::-1]]), np.concatenate([lower, upper[::-1]]).astype(float)
        self.marks.append((zorder, Mark(*edge, {**look, "fill": color})))

    def text(self, x: float, y: float, text: str, **look: Any) -> None:
        """Write at a point."""
        shares = look.pop("transform", (False, False))
        place = np.array([float(x)]), np.array([float(y)])
        self.marks.append((look.pop("zorder", 3.0), Mark(*place, look, text, shares, clip=False)))

    def legend_of(self, entries: Entries, loc: str, columns: int) -> None:
        """Explain looks inside the panel."""
        self.entries, self.where, self.columns = entries, loc, columns

    def secondary_xaxis(self, location: float | str) -> Scale:
        """Another scale of the same values, at the top or below."""
        other = Scale(self.x.limits, self.x.log, place=1.0 if location == "top" else float(location))
        self.others.append(other)
        return other

    # How it looks

    def get_figure(self, **_: Any) -> Any:
        """The sheet."""
        return self.sheet

    def get_xaxis_transform(self) -> tuple[bool, bool]:
        """Data across, shares of the panel upwards."""
        return False, True

    def get_yaxis_transform(self) -> tuple[bool, bool]:
        """Shares of the panel across, data upwards."""
        return True, False

    def set_axis_off(self) -> None:
        """Leave out scales and grid."""
        self.axison = False

    def set_xlim(self, low: float, high: float) -> None:
        """Ends of the scale across."""
        self.x.limits = float(low), float(high)

    def set_ylim(self, low: float, high: float) -> None:
        """Ends of the scale upwards."""
        self.y.limits = float(low), float(high)

    def set_xscale(self, kind: str) -> None:
        """Linear or log."""
        self.x.log = kind == "log"

    def set_yscale(self, kind: str) -> None:
        """Linear or log."""
        self.y.log = kind == "log"

    def set_title(self, text: str, fontsize: float = 10.0) -> None:
        """Write bold above the panel."""
        self.title, self.title_size = text, fontsize

    def set_xlabel(self, text: str, fontsize: float = 8.5, **_: Any) -> None:
        """Name the scale across."""
        self.x.set_xlabel(text, fontsize)

    def set_ylabel(self, text: str) -> None:
        """Name the scale upwards."""
        self.y.label = text

    # Layout and writing

    def positions(self, mark: Mark) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shares of the panel, from its lower left corner."""
        return (
            mark.x if mark.shares[0] else self.x.share(mark.x),
            mark.y if mark.shares[1] else self.y.share(mark.y),
        )

    def margins(self, width: float) -> Box:
        """Points beside a panel of `width` points: left, right, above and below."""
        if not self.axison:
            return 0.0, 0.0, 0.0, 0.0
        names = max((text_width(label, self.y.size) for _, label in self.y.ticks), default=0.0)
        left = (_TICK + names if self.left else 0.0) + (1.4 * self.y.label_size if self.y.label else 0.0)
        right = 0.0
        ends = [
            (place, 0.5, text_width(label, self.x.size))
            for place, (_, label) in zip(self.x.places, self.x.ticks, strict=True)
        ]
        for _, mark in self.marks:
            if mark.text:
                size = text_width(mark.text, _size(mark), bold=_bold(mark))
                ends.append((float(self.positions(mark)[0][0]), _SHIFT[mark.look.get("ha", "left")], size))
        for share, shift, size in ends:
            left = max(left, shift * size - share * width)
            right = max(right, share * width + (1 - shift) * size - width)
        above = 4.0 + self._over()
        if self.title:
            above += 1.2 * self.title_size * len(self.title.split("\n"))
        return left, right, above, self.x.depth

    def draw(self, pen: Pen) -> None:
        """Draw frame, marks, title and key."""
        left, top, width, height = self.box
        if self.axison:
            self._frame(pen)
        for _, mark in sorted(self.marks, key=lambda pair: pair[0]):
            x, y = self.positions(mark)
            across, down = (left + x * width).tolist(), (top + (1 - y) * height).tolist()
            if mark.text:
                _write(pen, across[0], down[0], mark)
                continue
            outside = mark.clip and bool(((x < 0) | (x > 1) | (y < 0) | (y > 1)).any())
            pen.line(across, down, mark.look, clip=self.box if outside else None)
        if self.title:
            size = _fitting(self.title, self.title_size, self.room, bold=True)
            base = top - 4 - 1.2 * size * self.title.count("\n") - self._over()
            pen.words(left, base, self.title, size, COLORS["ink"], bold=True)
        if self.entries:
            wide, high = key_size(self.entries, self.columns)
            start = left + (width - wide if "right" in self.where else 0.0)
            places = {"upper": 2.0, "center": (height - high) / 2, "lower": height - high}
            draw_key(pen, self.entries, self.columns, start, top + places[self.where.split()[0]])

    def _over(self) -> float:
        return sum(other.depth for other in self.others if other.place == 1.0)

    def _frame(self, pen: Pen) -> None:
        """Grid, spines, ticks, their labels and names."""
        left, top, width, height = self.box
        across = [left + place * width for place in self.x.places]
        down = [top + (1 - place) * height for place in self.y.places]
        rules = [([x, x], [top, top + height]) for x in across if "x" in self.grid]
        rules += [([left, left + width], [y, y]) for y in down if "y" in self.grid]
        _segments(pen, rules, {"color": COLORS["grid"], "lw": 0.6})
        for scale in (self.x, *self.others):
            self._across(pen, scale)
        if self.left:
            _segments(pen, [([left, left], [top, top + height]), *(([left - 3, left], [y, y]) for y in down)])
            for y, (_, label) in zip(down, self.y.ticks, strict=True):
                base = y + 0.36 * self.y.size
                pen.words(left - _TICK, base, label, self.y.size, COLORS["muted"], anchor="end")
        if self.y.label:
            x = left - self.margins(width)[0] + 0.9 * self.y.label_size
            size = _fitting(self.y.label, self.y.label_size, height + 16)
            look: dict[str, Any] = {"anchor": "middle", "turned": True}
            pen.words(x, top + height / 2, self.y.label, size, COLORS["muted"], **look)

    def _across(self, pen: Pen, scale: Scale) -> None:
        """A scale across, with its line, ticks, labels and name."""
        left, top, width, height = self.box
        y, out = top + (1 - scale.place) * height, -1 if scale.place == 1.0 else 1
        at = [left + place * width for place in scale.places]
        _segments(pen, [([left, left + width], [y, y]), *(([x, x], [y, y + 3 * out]) for x in at)])
        base = y + (_TICK + 0.85 * scale.size if out > 0 else -_TICK)
        for x, (_, label) in zip(at, scale.ticks, strict=True):
            pen.words(x, base, label, scale.size, COLORS["muted"], anchor="middle")
        if scale.label:
            size = _fitting(scale.label, scale.label_size, self.sheet.width - 2 * EDGE)
            half = text_width(scale.label, size) / 2
            middle = min(max(left + width / 2, half + EDGE), self.sheet.width - half - EDGE)
            base += out * (2.0 + (0.3 * scale.size + 0.85 * size if out > 0 else scale.size))
            pen.words(middle, base, scale.label, size, COLORS["muted"], anchor="middle")


def _segments(
    pen: Pen,
    segments: Sequence[tuple[list[float], list[float]]],
    look: Mapping[str, Any] = MappingProxyType({"color": COLORS["rule"], "lw": 0.7}),
) -> None:
    """Draw lines of one look that do not meet."""
    x, y = ([each for segment in segments for each in (*segment[axis], math.nan)] for axis in (0, 1))
    pen.line(x, y, look)


def _size(mark: Mark) -> float:
    return float(mark.look.get("fontsize", 8.5))


def _bold(mark: Mark) -> bool:
    return bool(mark.look.get("fontweight") == "bold")


def _write(pen: Pen, x: float, y: float, mark: Mark) -> None:
    look, size = mark.look, _size(mark)
    down = {"center": 0.36, "top": 0.85}.get(look.get("va", "baseline"), 0.0) * size
    anchor = _ANCHOR[look.get("ha", "left")]
    color, halo = look.get("color", COLORS["ink"]), "bbox" in look
    pen.words(x, y + down, mark.text, size, color, anchor=anchor, bold=_bold(mark), halo=halo)


def _fitting(text: str, size: float, room: float, *, bold: bool = False) -> float:
    """The size, or a smaller one at which the text has room."""
    return min(size, max(size * room / max(text_width(text, size, bold=bold), 1.0), 5.0))
