"""A light drawing surface: figures in the few words of matplotlib that our pictures use, written as SVG.

`plot_*` functions draw on it inside `light()`, and matplotlib is not loaded. A `Sheet` stands for a figure, a
`Panel` for axes.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures.panel import EDGE, Panel
from scaling_bayes.figures.svg_pen import SvgPen
from scaling_bayes.figures.typeset import COLORS, Box, Entries, Pen, draw_key, key_size
from scaling_bayes.text import legible

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LIGHT = contextvars.ContextVar("light", default=False)
#: Between panels, across and down.
_ACROSS, _DOWN = 12.0, 3.0
#: Rounds in which margins, which may depend on the width of a panel, settle.
_ROUNDS = 4


@contextlib.contextmanager
def light() -> Iterator[None]:
    """Draw on sheets in place of figures of matplotlib."""
    token = _LIGHT.set(True)
    try:
        yield
    finally:
        _LIGHT.reset(token)


def is_light() -> bool:
    """Whether pictures are drawn on sheets."""
    return _LIGHT.get()


class Part:
    """A rectangle that holds a grid of panels, or of parts."""

    sheet: Sheet

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.cells: NDArray[Any] = np.empty((0, 0), dtype=object)
        self.ratios: tuple[Sequence[float], Sequence[float]] = ((), ())

    def subplots(self, rows: int, columns: int, **_: Any) -> NDArray[Any]:
        """A grid of panels."""
        return self._grid(rows, columns, Panel)

    def subfigures(
        self,
        rows: int,
        columns: int,
        *,
        width_ratios: Sequence[float] = (),
        height_ratios: Sequence[float] = (),
        **_: Any,
    ) -> NDArray[Any]:
        """A grid of parts."""
        self.ratios = width_ratios, height_ratios
        return self._grid(rows, columns, Part)

    def _grid(self, rows: int, columns: int, kind: type[Panel | Part]) -> NDArray[Any]:
        self.cells = np.empty((rows, columns), dtype=object)
        for place in np.ndindex(rows, columns):
            self.cells[place] = kind(self.sheet)
        return self.cells

    def lay_out(self, box: Box) -> list[Panel]:
        """Give each panel its box, and return all."""
        rows, columns = self.cells.shape
        if not self.cells.size:
            return []
        left, top, width, height = box
        if isinstance(self.cells[0, 0], Part):
            return self._lay_out_parts(box)
        across = width / columns
        for _ in range(_ROUNDS):
            margins = np.array([[panel.margins(across) for panel in row] for row in self.cells])
            lefts, rights = margins[:, :, 0].max(axis=0), margins[:, :, 1].max(axis=0)
            above, below = margins[:, :, 2].max(axis=1), margins[:, :, 3].max(axis=1)
            free = width - lefts.sum() - rights.sum() - _ACROSS * (columns - 1)
            across = max(float(free) / columns, 20.0)
        free = height - above.sum() - below.sum() - _DOWN * (rows - 1)
        down = max(float(free) / rows, 10.0)
        for row, column in np.ndindex(rows, columns):
            panel: Any = self.cells[row, column]
            x = left + lefts[: column + 1].sum() + rights[:column].sum() + (across + _ACROSS) * column
            y = top + above[: row + 1].sum() + below[:row].sum() + (down + _DOWN) * row
            panel.box = float(x), float(y), across, down
            panel.room = float(across + rights[column] + (lefts[column + 1] if column + 1 < columns else 0.0))
        return list(self.cells.ravel())

    def _lay_out_parts(self, box: Box) -> list[Panel]:
        left, top, width, height = box
        sizes = []
        for count, ratios, room, gap in zip(
            self.cells.shape, self.ratios[::-1], (height, width), (_DOWN, _ACROSS), strict=True
        ):
            shares = np.array(ratios or [1.0] * count)
            sizes.append((room - gap * (count - 1)) * shares / shares.sum())
        panels: list[Panel] = []
        for row, column in np.ndindex(*self.cells.shape):
            x = left + sizes[1][:column].sum() + _ACROSS * column
            y = top + sizes[0][:row].sum() + _DOWN * row
            part: Any = self.cells[row, column]
            panels += part.lay_out((x, y, sizes[1][column], sizes[0][row]))
        return panels


class Sheet(Part):
    """A figure of `width` by `height` inches."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__(self)
        self.set_size_inches(width, height)
        self.heading = ""
        self.free: list[tuple[Panel, Box]] = []
        self.entries: Entries = ()
        self.columns = 1

    def get_figure(self, **_: Any) -> Sheet:
        """The sheet."""
        return self

    def get_size_inches(self) -> tuple[float, float]:
        """Width and height."""
        return self.width / 72, self.height / 72

    def set_size_inches(self, width: float, height: float) -> None:
        """Width and height."""
        self.width, self.height = 72.0 * width, 72.0 * height

    def suptitle(self, text: str, **_: Any) -> None:
        """Write lines above all panels."""
        self.heading = text

    def get_suptitle(self) -> str:
        """What is written above all panels."""
        return self.heading

    def add_axes(self, box: Box) -> Panel:
        """A panel at a fixed place: shares of the sheet, from its lower left corner."""
        panel = Panel(self)
        self.free.append((panel, box))
        return panel

    def legend_of(self, entries: Entries, _loc: str, columns: int) -> None:
        """Explain looks under all panels, in as many columns as there is room for."""
        self.entries, self.columns = entries, columns
        while self.columns > 1 and key_size(entries, self.columns)[0] > self.width - 2 * EDGE:
            self.columns -= 1

    def panels(self) -> list[Panel]:
        """All panels, laid out."""
        lines = len(self.heading.split("\n")) if self.heading else 0
        top = EDGE + 11.0 * lines
        key = key_size(self.entries, self.columns)[1] + 5.0 if self.entries else 0.0
        inside = EDGE, top, self.width - 2 * EDGE, self.height - top - EDGE - key
        for panel, (left, bottom, width, height) in self.free:
            x, y = left * self.width, (1 - bottom - height) * self.height
            panel.box = x, y, width * self.width, height * self.height
            panel.room = self.width - x
        return [panel for panel, _ in self.free] + self.lay_out(inside)

    def draw(self, pen: Pen) -> None:
        """Draw all there is."""
        if self.heading:
            pen.words(EDGE, EDGE + 9.0, self.heading, 9.0, COLORS["muted"])
        for panel in self.panels():
            panel.draw(pen)
        if self.entries:
            down = key_size(self.entries, self.columns)[1]
            draw_key(pen, self.entries, self.columns, EDGE + 4, self.height - EDGE - down)

    def svg(self, *, name: str, alt: str) -> str:
        """Write one ``<svg>`` element; see `scaling_bayes.figures.to_svg`."""
        pen = SvgPen(name)
        edge = [0.0, self.width, self.width, 0.0], [0.0, 0.0, self.height, self.height]
        pen.line(*edge, {"fill": COLORS["paper"]})
        self.draw(pen)
        width, height = (f"{size:.1f}".removesuffix(".0") for size in (self.width, self.height))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            f'viewBox="0 0 {width} {height}" role="img" aria-label="{escape(legible(alt) or name)}" '
            f'style="font-family: var(--fig-font, sans-serif)">{"".join(pen.elements)}</svg>'
        )

    def png(self, dpi: float) -> bytes:
        """Draw pixels, in few colours."""
        from scaling_bayes.figures.raster_pen import RasterPen

        pen = RasterPen(self.width, self.height, dpi)
        self.draw(pen)
        return pen.png()
