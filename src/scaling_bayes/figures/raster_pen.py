"""A pen that draws pixels with Pillow, for a PNG beside the SVG."""

from __future__ import annotations

import functools
import importlib.util
import io
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageFont

from scaling_bayes.figures.typeset import COLORS, LOOK, SHAPES, Box

#: Lines are drawn this many times as large, then reduced: that smooths their edges.
_FINER = 3
_COLORS = 48
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}

Points = list[tuple[float, float]]


class RasterPen:
    """Draws on an image of `width` by `height` points at `dpi`; texts stand above all lines."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        self._scale = dpi / 72
        self._size = round(width * self._scale), round(height * self._scale)
        self._image = Image.new("RGB", (self._size[0] * _FINER, self._size[1] * _FINER), COLORS["paper"])
        self._texts: list[tuple[float, float, str, float, str, str, bool, bool, bool]] = []

    def line(
        self, x: Sequence[float], y: Sequence[float], look: Mapping[str, Any], *, clip: Box | None = None
    ) -> None:
        """See `Pen`."""
        look, scale = {**LOOK, **look}, self._scale * _FINER
        image, (left, top) = self._image, (0, 0)
        if clip and _inside(x, y, clip, look):
            clip = None
        if clip:
            left, top = int(clip[0] * scale), int(clip[1] * scale)
            right, bottom = math.ceil((clip[0] + clip[2]) * scale), math.ceil((clip[1] + clip[3]) * scale)
            image = self._image.crop((left, top, right, bottom))
        solid = look["alpha"] == 1.0
        draw = ImageDraw.Draw(image, "RGB" if solid else "RGBA")
        points = [(a * scale - left, b * scale - top) for a, b in zip(x, y, strict=True)]

        def ink(color: str) -> tuple[int, ...]:
            return (*ImageColor.getrgb(color)[:3], *([] if solid else [round(255 * look["alpha"])]))

        width = max(round(look["lw"] * scale), 1)
        if look["fill"]:
            draw.polygon(points, fill=ink(look["fill"]))
        elif look["ls"] != "none":
            dashes = () if look["ls"] == "-" else [part * look["lw"] * scale for part in look["ls"][1]]
            for run in _runs(points):
                for part in _dashed(run, dashes) if dashes else (run,):
                    joint = "curve" if len(part) > 2 and width > _FINER else None
                    draw.line(part, fill=ink(look["color"]), width=width, joint=joint)
        for place in itertools.chain.from_iterable(_runs(points)) if look["marker"] else ():
            inside, edge = (look[name] or look["color"] for name in ("mfc", "mec"))
            border = 0 if edge == "none" else round(look["mew"] * scale)
            self._mark(draw, place, look, (ink(inside), ink(edge) if border else None, border))
        if clip:
            self._image.paste(image, (left, top))

    def _mark(
        self,
        draw: ImageDraw.ImageDraw,
        place: tuple[float, float],
        look: Mapping[str, Any],
        inks: tuple[tuple[int, ...], tuple[int, ...] | None, int],
    ) -> None:
        (x, y), (inside, edge, border), radius = place, inks, look["ms"] / 2 * self._scale * _FINER
        if look["marker"] == "o":
            radius += border / 2
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), inside, edge, border)
            return
        corners = [(x + dx * radius, y + dy * radius) for dx, dy in SHAPES[look["marker"]]]
        if len(corners) == 2:
            draw.line(corners, fill=edge, width=border)
        else:
            draw.polygon(corners, inside, edge, max(border, 1))

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
        for row, part in enumerate(text.split("\n")):
            place = x * self._scale, (y + 1.2 * size * row) * self._scale
            self._texts.append((*place, part, size * self._scale, color, anchor, bold, turned, halo))

    def png(self) -> bytes:
        """The image in few colours, which drawings have: a third of the bytes."""
        image = self._image.reduce(_FINER)
        draw = ImageDraw.Draw(image)
        for x, y, text, size, color, anchor, bold, turned, halo in self._texts:
            font = _font(size, bold)
            if turned:
                width, height = math.ceil(font.getlength(text)), math.ceil(1.4 * size)
                mask = Image.new("L", (width, height))
                ImageDraw.Draw(mask).text((width / 2, size), text, fill=255, font=font, anchor="ms")
                corner = round(x - size), round(y - width / 2)
                image.paste(
                    Image.new("RGB", (height, width), color),
                    corner,
                    mask.transpose(Image.Transpose.ROTATE_90),
                )
                continue
            if halo:
                look: dict[str, Any] = {"stroke_width": 3, "stroke_fill": COLORS["paper"]}
                draw.text((x, y), text, COLORS["paper"], font, _ANCHORS[anchor], **look)
            draw.text((x, y), text, color, font, _ANCHORS[anchor])
        written = io.BytesIO()
        image.quantize(_COLORS, Image.Quantize.FASTOCTREE).save(written, format="png")
        return written.getvalue()


def _inside(x: Sequence[float], y: Sequence[float], clip: Box, look: Mapping[str, Any]) -> bool:
    """Whether a line with its width and marks is within a box, so that nothing is to be cut off."""
    room = look["lw"] + look["ms"] + look["mew"] + 1.0
    return all(
        first + room <= value <= first + size - room
        for values, first, size in ((x, clip[0], clip[2]), (y, clip[1], clip[3]))
        for value in values
    )


def _runs(points: Points) -> Iterator[Points]:
    """Stretches of points that are finite."""
    for finite, run in itertools.groupby(points, lambda point: math.isfinite(point[0] + point[1])):
        if finite:
            yield list(run)


def _dashed(points: Points, dashes: Sequence[float]) -> Iterator[Points]:
    """Pieces of a line that are drawn: the first, third and so on of lengths that repeat."""
    lengths = itertools.cycle(dashes)
    drawn, left, piece = True, next(lengths), points[:1]
    for (x, y), (right, bottom) in itertools.pairwise(points):
        length = math.hypot(right - x, bottom - y)
        done = 0.0
        while length - done > left:
            done += left
            at = x + (right - x) * done / length, y + (bottom - y) * done / length
            if drawn:
                yield [*piece, at]
            drawn, left, piece = not drawn, next(lengths), [at]
        left -= length - done
        piece.append((right, bottom))
    if drawn:
        yield piece


@functools.cache
def _font(size: float, bold: bool) -> ImageFont.FreeTypeFont:
    """The font that comes with matplotlib, which need not be loaded for it."""
    found = importlib.util.find_spec("matplotlib")
    home = Path(found.origin if found and found.origin else "").parent / "mpl-data" / "fonts" / "ttf"
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(str(home / name), size, layout_engine=ImageFont.Layout.BASIC)
