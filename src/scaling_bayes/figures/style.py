"""Colours, type and small marks shared by all pictures."""

from __future__ import annotations

import functools
import itertools
import math
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import matplotlib as mpl
from matplotlib.figure import Figure

from scaling_bayes.errors import ScalingBayesError
from scaling_bayes.text import format_error, legible

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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

_STYLE = mpl.rc_params_from_file(Path(__file__).with_name("house.mplstyle"), use_default_template=False)

#: What matplotlib says of letters that its font lacks, and of scripts that it does not join.
_UNKNOWN_LETTERS = (r"Glyph \d+ .* missing from", r"Matplotlib currently does not support .* natively")
_AXES: tuple[Literal["x", "y"], ...] = ("x", "y")
_SUPERSCRIPTS = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")


class FigureError(ScalingBayesError):
    """A picture cannot be drawn from what was given; the message says why."""


def styled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Draw in the house style, starting from matplotlib's defaults and leaving the caller's as they are.

    Letters that the font lacks are not warned of: text stays text in the SVG, and the page's font has them.
    """

    @functools.wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(), warnings.catch_warnings():
            for message in _UNKNOWN_LETTERS:
                warnings.filterwarnings("ignore", message=message, category=UserWarning)
            mpl.rcdefaults()
            mpl.rcParams.update(_STYLE)
            return function(*args, **kwargs)

    return drawn


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of `width` by `height` inches that no global registry holds."""
    return Figure(figsize=(width, height), layout="constrained")


def framed(drawn: Figure | Axes, title: str, source: str) -> None:
    """Write a title and the source above a figure with a layout, so that it can stand alone."""
    figure: Any = drawn.get_figure(root=True)
    if figure.get_layout_engine() is None:  # has its own
        return
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(source, int(15 * width))
    figure.set_size_inches(width, height + 0.15 * (1 + len(lines)))
    text = "\n".join((legible(figure.get_suptitle() or title, 80), *lines))
    figure.suptitle(text, x=0.01, ha="left", fontsize=9, color=COLORS["muted"])


def axes_of(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    return new_figure(width, height).add_subplot() if ax is None else ax


def panels(figure: Figure, count: int, *, beside: bool) -> list[Axes]:
    """Panels in a row, or one above the other."""
    grid = figure.subplots(1, count, squeeze=False) if beside else figure.subplots(count, 1, squeeze=False)
    return list(grid.ravel())


def interval_bars(
    ax: Axes,
    q: Mapping[str, float],
    y: float,
    *,
    color: str,
    dot: str,
    thin: float,
    thick: float,
    edge: float,
) -> None:
    """Thin bar of the 90 % interval, thick one of the 50 %, and a dot at the median."""
    for level, width in (("90", thin), ("50", thick)):
        ends = [q[f"lower_{level}"], q[f"upper_{level}"]]
        ax.plot(ends, [y, y], color=COLORS[color], lw=width, solid_capstyle="butt")
    ax.plot(q["median"], y, "o", ms=5, mfc=COLORS["paper"], mec=COLORS[dot], mew=edge)


def finish(ax: Axes) -> None:
    """Fix the look of ticks and grid, which matplotlib otherwise takes from whoever saves the figure."""
    for axis in _AXES:
        ax.tick_params(axis=axis, color=COLORS["rule"], labelcolor=COLORS["muted"], labelsize=8)
        ax.tick_params(axis=axis, length=3, width=0.7, which="major")
        ax.tick_params(axis=axis, length=0, which="minor", labelleft=False, labelbottom=False)
    ax.grid(visible=True, which="major", color=COLORS["grid"], linewidth=0.6)
    ax.grid(visible=False, which="minor")


def bare(ax: Axes) -> None:
    """Finish axes that hold rows of bars: no left spine, no row ticks, no grid across the rows."""
    finish(ax)
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])
    ax.grid(visible=False, axis="y")


def percent_ticks(ax: Axes, axis: str, low: float, high: float, most: int = 6) -> None:
    """Ticks at round errors on a log axis from `low` to `high`, written in percent."""
    closest = math.log(high / low) / (1.6 * most)
    for mantissas in ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 3, 4, 6), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        ticks = [
            m * 10.0**k for k in range(-12, 1) for m in mantissas if low <= m * 10.0**k <= min(high, 1.0)
        ]
        gaps = [math.log(b / a) for a, b in itertools.pairwise(ticks)]
        if len(ticks) <= most and min(gaps, default=closest) >= closest:
            break
    ticks = ticks[:: -(-len(ticks) // most) or 1]
    numeric_ticks(ax, axis, ticks, [format_error(tick) for tick in ticks])


def numeric_ticks(ax: Axes, axis: str, ticks: Sequence[float], labels: Sequence[str]) -> None:
    """Set exactly these ticks, with no minor ones."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    one = ax.xaxis if axis == "x" else ax.yaxis
    one.set_major_locator(FixedLocator(list(ticks)))
    one.set_major_formatter(FixedFormatter(list(labels)))
    one.set_minor_locator(NullLocator())
