"""A pen that writes SVG: text as text, and colours as variables of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from scaling_bayes.figures.typeset import COLORS, LOOK, SHAPES, Box

_PAINTS = {value: f"var(--fig-{name}, {value})" for name, value in COLORS.items()}


class SvgPen:
    """Collects elements; `name` prefixes their ids."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.elements: list[str] = []
        self._clips: dict[Box, str] = {}

    def line(
        self, x: Sequence[float], y: Sequence[float], look: Mapping[str, Any], *, clip: Box | None = None
    ) -> None:
        """See `Pen`."""
        look = {**LOOK, **look}
        if look["fill"]:
            self._path(f"{_path(x, y)}z", clip, look["alpha"], fill=look["fill"])
        elif look["ls"] != "none":
            parts = () if look["ls"] == "-" else look["ls"][1]
            dash = " ".join(f"{part * look['lw']:.3g}" for part in parts)
            self._path(_path(x, y), clip, look["alpha"], stroke=look["color"], width=look["lw"], dash=dash)
        if look["marker"]:
            places = [(a, b) for a, b in zip(x, y, strict=True) if math.isfinite(a) and math.isfinite(b)]
            inside, edge = (look[name] or look["color"] for name in ("mfc", "mec"))
            self._path(
                "".join(_shape(look["marker"], *place, look["ms"] / 2) for place in places),
                clip,
                look["alpha"],
                fill="" if look["marker"] == "|" else inside,
                stroke="" if edge == "none" or not look["mew"] else edge,
                width=look["mew"],
            )

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
        """See `Pen`."""
        style = f"font-size:{size:.3g}px;fill:{_paint(color)}"
        style += ";font-weight:bold" if bold else ""
        style += f";paint-order:stroke;stroke:{_paint(COLORS['paper'])};stroke-width:5" if halo else ""
        rest = "" if anchor == "start" else f' text-anchor="{anchor}"'
        rest += f' transform="rotate(-90 {_number(x)} {_number(y)})"' if turned else ""
        self.elements += [
            f'<text x="{_number(x)}" y="{_number(y + 1.2 * size * row)}" style="{style}"{rest}>'
            f"{escape(part, quote=False)}</text>"
            for row, part in enumerate(text.split("\n"))
            if part
        ]

    def _path(
        self,
        d: str,
        clip: Box | None,
        alpha: float,
        *,
        fill: str = "",
        stroke: str = "",
        width: float = 0.0,
        dash: str = "",
    ) -> None:
        if len(d) < 2:
            return
        style = f"fill:{_paint(fill)}" if fill else "fill:none"
        style += f";stroke:{_paint(stroke)};stroke-width:{width:.3g}" if stroke else ""
        style += f";stroke-dasharray:{dash}" if dash else ""
        style += f";opacity:{alpha:g}" if alpha < 1 else ""
        rest = f' clip-path="url(#{self._clip(clip)})"' if clip else ""
        self.elements.append(f'<path d="{d}" style="{style}"{rest}/>')

    def _clip(self, box: Box) -> str:
        if box not in self._clips:
            self._clips[box] = f"{self.name}-{len(self._clips):04d}"
            names = zip(("x", "y", "width", "height"), map(_number, box), strict=True)
            rect = " ".join(f'{name}="{value}"' for name, value in names)
            self.elements.append(f'<clipPath id="{self._clips[box]}"><rect {rect}/></clipPath>')
        return self._clips[box]


def _paint(color: str) -> str:
    return _PAINTS.get(color, color)


def _number(value: float) -> str:
    """Tenths of a point: finer than a screen shows."""
    return f"{value:z.1f}".removesuffix(".0")


def _path(x: Iterable[float], y: Iterable[float]) -> str:
    commands, pen = [], "M"
    for one, other in zip(x, y, strict=True):
        finite = math.isfinite(one) and math.isfinite(other)
        if finite:
            commands.append(f"{pen}{_number(one)} {_number(other)}")
        pen = " " if finite else "M"
    return "".join(commands)


def _shape(marker: str, x: float, y: float, radius: float) -> str:
    if marker == "o":
        size, across = f"{radius:.3g} {radius:.3g}", _number(2 * radius)
        return f"M{_number(x - radius)} {_number(y)}a{size} 0 1 0 {across} 0a{size} 0 1 0 -{across} 0z"
    corners = SHAPES[marker]
    return f"{_path([x + radius * dx for dx, _ in corners], [y + radius * dy for _, dy in corners])}z"
