"""Colours, type and small marks shared by all pictures."""

from __future__ import annotations

import functools
import itertools
import math
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from scaling_bayes.errors import ScalingBayesError
from scaling_bayes.figures import typeset
from scaling_bayes.figures.panel import Panel, Scale
from scaling_bayes.figures.sheet import Part, Sheet, is_light
from scaling_bayes.text import format_error, legible

if TYPE_CHECKING:
    from matplotlib import RcParams
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axes._secondary_axes import SecondaryAxis
    from matplotlib.figure import Figure, SubFigure

    from scaling_bayes.figures.typeset import Entries

COLORS = typeset.COLORS

#: What matplotlib says of letters that its font lacks, and of scripts that it does not join.
_UNKNOWN_LETTERS = (r"Glyph \d+ .* missing from", r"Matplotlib currently does not support .* natively")
_AXES: tuple[Literal["x", "y"], ...] = ("x", "y")
_SUPERSCRIPTS = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")


class FigureError(ScalingBayesError):
    """A picture cannot be drawn from what was given; the message says why."""


def styled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Draw in the house style, starting from matplotlib's defaults and leaving the caller's as they are.

    Letters that the font lacks are not warned of: text stays text in the SVG, and the page's font has them.
    On sheets, which know no other style, matplotlib is left unloaded.
    """

    @functools.wraps(function)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> R:
        if is_light():
            return function(*args, **kwargs)
        import matplotlib as mpl

        with mpl.rc_context(), warnings.catch_warnings():
            for message in _UNKNOWN_LETTERS:
                warnings.filterwarnings("ignore", message=message, category=UserWarning)
            mpl.rcdefaults()
            mpl.rcParams.update(_house())
            return function(*args, **kwargs)

    return drawn


@functools.cache
def _house() -> RcParams:
    import matplotlib as mpl

    return mpl.rc_params_from_file(Path(__file__).with_name("house.mplstyle"), use_default_template=False)


def new_figure(
    width: float, height: float, *, layout: Literal["constrained"] | None = "constrained"
) -> Figure:
    """Make an empty figure of `width` by `height` inches that no global registry holds; or a sheet."""
    if is_light():
        return cast("Figure", Sheet(width, height))
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout=layout)


def framed(drawn: Figure | Axes, title: str, source: str) -> None:
    """Write a title and the source above a figure with a layout, so that it can stand alone."""
    figure: Any = drawn.get_figure(root=True)
    width, height = figure.get_size_inches()
    lines = textwrap.wrap(source, int(15 * width))
    figure.set_size_inches(width, height + 0.15 * (1 + len(lines)))
    headed(figure, "\n".join((legible(figure.get_suptitle() or title, 80), *lines)))


def headed(figure: Figure, text: str) -> None:
    """Write above all panels."""
    figure.suptitle(text, x=0.01, ha="left", fontsize=9, color=COLORS["muted"])


def axes_of(ax: Axes | None, width: float, height: float) -> Axes:
    """Return `ax`, or the axes of a new figure."""
    return panels(new_figure(width, height), 1)[0] if ax is None else ax


def panels(figure: Figure | SubFigure, count: int, *, beside: bool = True) -> list[Axes]:
    """Panels in a row, or one above the other."""
    grid = figure.subplots(1, count, squeeze=False) if beside else figure.subplots(count, 1, squeeze=False)
    return list(grid.ravel())


def parts(figure: Figure | SubFigure, sizes: Sequence[float], *, beside: bool) -> list[SubFigure]:
    """Parts of a figure, each with a layout of its own: in a row, or one above the other."""
    if beside:
        grid = figure.subfigures(1, len(sizes), squeeze=False, width_ratios=sizes)
    else:
        grid = figure.subfigures(len(sizes), 1, squeeze=False, height_ratios=sizes)
    found: list[SubFigure] = list(grid.ravel())
    for each in found:
        if not isinstance(each, Part):
            each.set_facecolor("none")
    return found


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
    ax.plot(q["median"], y, marker="o", ms=5, mfc=COLORS["paper"], mec=COLORS[dot], mew=edge)


def finish(ax: Axes, *, grid: str = "xy") -> None:
    """Fix the look of ticks and grid, which matplotlib otherwise takes from whoever saves the figure."""
    if isinstance(ax, Panel):
        ax.grid = grid
        return
    for axis in _AXES:
        _ticks_of_house(ax, axis)
        ax.tick_params(axis=axis, length=0, which="minor", labelleft=False, labelbottom=False)
        if axis not in grid:
            ax.grid(visible=False, axis=axis)
        else:
            ax.grid(visible=True, which="major", axis=axis, color=COLORS["grid"], linewidth=0.6)
    ax.grid(visible=False, which="minor")


def _ticks_of_house(ax: Axes | SecondaryAxis, axis: Literal["x", "y"]) -> None:
    ax.tick_params(axis=axis, color=COLORS["rule"], labelcolor=COLORS["muted"], labelsize=8)
    ax.tick_params(axis=axis, length=3, width=0.7, which="major")


def bare(ax: Axes) -> None:
    """Finish axes that hold rows of bars: no left spine, no row ticks, no grid across the rows."""
    finish(ax, grid="x")
    if isinstance(ax, Panel):
        ax.left = False
        return
    ax.spines["left"].set_visible(False)
    ax.set_yticks([])


def other_scale(ax: Axes, place: float | Literal["top"]) -> Axes:
    """Another scale of what goes across: at the top, or below by a share of the height."""
    other: Any = ax.secondary_xaxis(place)
    if not isinstance(other, Scale):
        _ticks_of_house(other, "x")
    return cast("Axes", other)


def steps(
    ax: Axes, edges: Sequence[float], heights: Sequence[float], *, walls: bool = False, **look: Any
) -> None:
    """Draw a histogram: a line over its bins, with walls from zero around each."""
    bins = zip(edges, edges[1:], heights, strict=False)
    rest = [0.0] if walls else []
    x = [each for left, right, _ in bins for each in (*[left] * len(rest), left, right, *[right] * len(rest))]
    y = [each for height in heights for each in (*rest, height, height, *rest)]
    ax.plot(x, y, **look)


def key(where: Any, entries: Entries, loc: str, columns: int = 1) -> None:
    """Name looks, those of `Axes.plot` or the colour of a ``fill``, in a panel or under all."""
    if isinstance(where, Panel | Sheet):
        where.legend_of(entries, loc, columns)
        return
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Artist] = [
        Patch(color=look["fill"], lw=0) if "fill" in look else Line2D([], [], **look) for _, look in entries
    ]
    where.legend(handles, [label for label, _ in entries], loc=loc, ncols=columns, borderaxespad=0.1)


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


def round_ticks(low: float, high: float, most: int = 5, least: float = 0.0) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten from `low` to `high`, at least `least` apart."""
    step = max((high - low) / most, least)
    scale = 10.0 ** math.floor(math.log10(step))
    step = scale * next(m for m in (1, 2, 5, 10) if m * scale >= step * (1 - 1e-9))
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def share_ticks(ax: Axes) -> None:
    """Ticks across at fifths of the way from 0 to 1."""
    ticks = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    numeric_ticks(ax, "x", ticks, [f"{tick:.1f}" for tick in ticks])


def numeric_ticks(
    ax: Axes, axis: str, ticks: Sequence[float], labels: Sequence[str], *, size: float = 8.0
) -> None:
    """Set exactly these ticks, with no minor ones."""
    if isinstance(ax, Panel | Scale):
        scale = ax if isinstance(ax, Scale) else ax.x if axis == "x" else ax.y
        scale.set_ticks(ticks, labels, size)
        return
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    one = ax.xaxis if axis == "x" else ax.yaxis
    one.set_major_locator(FixedLocator(list(ticks)))
    one.set_major_formatter(FixedFormatter(list(labels)))
    one.set_minor_locator(NullLocator())
    one.set_tick_params(labelsize=size)
