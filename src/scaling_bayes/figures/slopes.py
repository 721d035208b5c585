"""`plot_slopes`: what was believed of each slope before the data, and after."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures.style import (
    COLORS,
    axes_of,
    bare,
    interval_bars,
    key,
    numeric_ticks,
    other_scale,
    styled,
)
from scaling_bayes.intervals import QUANTILES, quantiles, reported
from scaling_bayes.text import records, task_label
from scaling_bayes.trace.view import PosteriorView, draws_of

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    #: Median, lower and upper end.
    Triple = tuple[float, float, float]

_ROW = 0.52
#: Bins that draws are put into before they are smoothed.
_BINS = 400
_EXPONENTS = (1, 2, 4, 10, 20, 40, 100, 200, 400, 1000, 2000, 4000, 10000)


@styled
def plot_slopes(
    idata: xr.DataTree | PosteriorView,
    *,
    unpooled: xr.DataTree | PosteriorView | pd.DataFrame | None = None,
    ax: Axes | None = None,
    width: float = 8.9,
) -> Axes:
    """Prior and posterior of each task's slope, with the exponent 1/slope on the upper axis.

    Slopes of all laws are in orders of magnitude of error per tenfold compute, at the task's reference error.
    Curves are densities of the draws of log10 slope (Gaussian kernel, Scott's rule), scaled to one height;
    bars are the posterior median, 50 % and 90 % equal-tailed intervals.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
    unpooled : DataTree or DataFrame, optional
        Slopes of each task alone, drawn below those of `idata`: a fit with ``pooling="none"``, or a table
        with columns ``task``, ``median``, ``lower_90``, ``upper_90``. Ends at or below 0 reach the edge.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float
        Width of a new figure, inches.

    Returns
    -------
    Axes
    """
    view = PosteriorView.of(idata)
    tasks = view.tasks
    alone = _alone(unpooled, tasks)
    ax = axes_of(ax, width, _ROW * len(tasks) + 1.25)
    before, after = view.parameters("prior"), view.parameters("posterior")
    draws = {
        task: (np.log10(draws_of(before, "slope", task)), np.log10(draws_of(after, "slope", task)))
        for task in tasks
    }
    ends = np.array([quantiles(posterior, [0.002, 0.998]) for _, posterior in draws.values()])
    prior_ends = np.array([quantiles(prior, [0.05, 0.95]) for prior, _ in draws.values()])
    middles = [np.log10(each[0]) for each in alone.values() if each[0] > 0]
    low = min(ends[:, 0].min(), prior_ends[:, 0].min(), *middles) - 0.05
    high = max(ends[:, 1].max(), prior_ends[:, 1].max(), *middles) + 0.05
    grid = np.linspace(low, high, 120)
    for row, (task, (prior, posterior)) in enumerate(draws.items()):
        base = -float(row)
        _density(ax, grid, prior, base, fill=None, line=COLORS["prior"])
        _density(ax, grid, posterior, base, fill=COLORS["band_50"], line=COLORS["blue"])
        interval_bars(ax, reported(posterior), base, color="blue", dot="blue", thin=1.4, thick=4.2, edge=1.4)
        if task in alone:
            _bar_alone(ax, alone[task], base - 0.17, (low, high))
        name: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "fontweight": "bold", "va": "center"}
        ax.text(0.0, base + 0.1, task_label(task, 24 if width > 6 else 16), **name)
    left = low - (0.17 if width > 6 else 0.31) * (high - low)
    ax.set_xlim(left, high)
    ax.set_ylim(-len(tasks) + 0.35, 0.95)
    bare(ax)
    ticks = [m * 10.0**k for k in range(-6, 3) for m in (1, 2, 5) if low <= np.log10(m * 10.0**k) <= high]
    numeric_ticks(ax, "x", [float(np.log10(t)) for t in ticks], [f"{t:g}" for t in ticks])
    ax.set_xlabel("slope: powers of ten of error per tenfold compute")
    _exponent_axis(ax, low, high)
    _key(ax, with_alone=bool(alone))
    return ax


def _alone(
    unpooled: xr.DataTree | PosteriorView | pd.DataFrame | None, tasks: Sequence[str]
) -> dict[str, Triple]:
    """Median and ends of the 90 % interval of each task's slope, where there are any."""
    import pandas as pd

    if unpooled is None:
        return {}
    if isinstance(unpooled, pd.DataFrame):
        rows = {str(row["task"]): row for row in records(unpooled)}
        return {
            task: (float(row["median"]), float(row["lower_90"]), float(row["upper_90"]))
            for task, row in rows.items()
            if task in tasks
        }
    view = PosteriorView.of(unpooled)
    after = view.parameters("posterior")
    probabilities = [QUANTILES[name] for name in ("median", "lower_90", "upper_90")]
    found: dict[str, Triple] = {}
    for task in view.tasks:
        if task in tasks:
            median, lower, upper = map(float, quantiles(draws_of(after, "slope", task), probabilities))
            found[task] = (median, lower, upper)
    return found


def _bar_alone(ax: Axes, slope: Triple, y: float, ends: tuple[float, float]) -> None:
    low, high = ends
    shown = [min(max(float(np.log10(each)), low), high) if each > 0 else low for each in slope]
    ax.plot(shown[1:], [y, y], color=COLORS["orange"], lw=1.4, solid_capstyle="butt", zorder=2.5)
    if slope[0] > 0:
        ax.plot(shown[0], y, marker="s", ms=4, mfc=COLORS["paper"], mec=COLORS["orange"], mew=1.2, zorder=2.6)


def _density(
    ax: Axes,
    grid: NDArray[np.float64],
    draws: NDArray[np.float64],
    base: float,
    *,
    fill: str | None,
    line: str,
) -> None:
    if np.ptp(draws) == 0:
        return
    counts, edges = np.histogram(draws, bins=_BINS)
    bandwidth = draws.std(ddof=1) * draws.size**-0.2
    away = (grid[:, None] - (edges[1:] + edges[:-1]) / 2) / bandwidth
    height = np.exp(-0.5 * away**2) @ counts
    height = base + 0.78 * height / height.max()
    shown = height > base + 0.004
    if fill is not None:
        ax.fill_between(grid[shown], base, height[shown], color=fill, alpha=0.75, lw=0, zorder=1)
    ax.plot(grid[shown], height[shown], color=line, lw=1.1, zorder=1.5)


def _exponent_axis(ax: Axes, low: float, high: float) -> None:
    upper = other_scale(ax, "top")
    exponents = [e for e in _EXPONENTS if low <= -np.log10(e) <= high]
    numeric_ticks(upper, "x", [-float(np.log10(e)) for e in exponents], [f"{e:,}" for e in exponents])
    upper.set_xlabel("exponent k = 1 / slope: compute grows as (1 / error)ᵏ")


def _key(ax: Axes, *, with_alone: bool) -> None:
    entries: list[tuple[str, dict[str, Any]]] = [
        ("prior", {"color": COLORS["prior"], "lw": 1.1}),
        ("posterior", {"fill": COLORS["band_50"]}),
    ]
    if with_alone:
        mark = {"marker": "s", "ms": 4, "mfc": COLORS["paper"], "mec": COLORS["orange"], "mew": 1.2}
        entries.append(("unpooled", {"color": COLORS["orange"], "lw": 1.4, **mark}))
    key(ax, entries, "lower right", columns=len(entries))
