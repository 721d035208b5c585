"""Pictures of the errors a fit expects: before the data, and beside the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    axes_of,
    bare,
    finish,
    interval_bars,
    new_figure,
    numeric_ticks,
    panels,
    percent_ticks,
    round_ticks,
    share_ticks,
    steps,
    styled,
)
from scaling_bayes.intervals import reported
from scaling_bayes.text import task_label
from scaling_bayes.trace.view import PosteriorView, coverage

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW = 0.4
_TICK: dict[str, Any] = {"marker": "|", "ls": "none", "ms": 7, "mew": 1.0, "color": COLORS["blue"]}
#: Fewest systems whose ranks are drawn.
LEAST_SYSTEMS = 5


@styled
def plot_prior_predictive(
    idata: xr.DataTree | PosteriorView, *, ax: Axes | None = None, width: float = 8.9
) -> Axes:
    """Errors the model expects before seeing any (bars: 50 % and 90 %), and those observed (ticks), per task.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
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
    ax = axes_of(ax, width, _ROW * len(tasks) + 0.75)
    lowest = 1.0
    for row, task in enumerate(tasks):
        y = -float(row)
        drawn = reported(view.predictive_draws("prior", task))
        q = {name: max(value, 1e-12) for name, value in drawn.items()}
        observed = view.points(task).error
        lowest = min(lowest, q["lower_90"], observed.min())
        interval_bars(ax, q, y, color="prior", dot="muted", thin=1.5, thick=5, edge=1.2)
        ax.plot(observed, np.full(observed.shape, y - 0.24), **_TICK)
        place = ax.get_yaxis_transform()
        ax.text(0.0, y + 0.02, task_label(task), transform=place, fontweight="bold", va="center")
    ax.set_xscale("log")
    lowest = max(lowest * 0.8, 1e-10)
    share = 0.2 if width > 6 else 0.3
    ax.set_xlim(lowest ** (1.0 / (1.0 - share)), 1.02)
    ax.set_ylim(-len(tasks) + 0.45, 0.45)
    bare(ax)
    percent_ticks(ax, "x", lowest, 1.0, most=8 if width > 6 else 5)
    ax.set_xlabel("error (bars: expected before the data; ticks: observed)")
    return ax


@styled
def plot_posterior_predictive(idata: xr.DataTree | PosteriorView, *, width: float = 8.9) -> Figure:
    """Calibration of the fit on its own data: ranks of observed errors, and coverage of intervals.

    Left, histogram of the share of posterior predictive draws at or below each observed error, uniform for a
    calibrated fit; the band holds 90 % of such histograms, bin by bin. Right, share of observed errors inside
    the equal-tailed interval of each probability.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
    width : float
        Width in inches; below 6 the panels stand one above the other.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        With too few systems for a histogram.
    """
    ranks = PosteriorView.of(idata).pit()
    if ranks.size < LEAST_SYSTEMS:
        raise FigureError(
            f"calibration of {ranks.size} systems is not shown; expected at least {LEAST_SYSTEMS}."
        )
    beside = width >= 6
    figure = new_figure(width, 2.6 if beside else 4.8)
    left, right = panels(figure, 2, beside=beside)
    rank_histogram(left, ranks)
    _coverage_curve(right, ranks)
    return figure


def rank_histogram(ax: Axes, ranks: np.ndarray) -> None:
    """Histogram of the ranks of observed errors, and the band of a calibrated forecast."""
    bins = int(np.clip(ranks.size // 6, 4, 10))
    counts, edges = np.histogram(ranks, bins=bins, range=(0.0, 1.0))
    chance = _binomial(ranks.size, 1.0 / bins)
    low, high = (float(end) for end in np.searchsorted(chance, (0.05, 0.95)))
    ax.fill_between([0, 1], [low] * 2, [high] * 2, color=COLORS["band_90"], lw=0, zorder=0.5)
    ax.plot([0, 1], [ranks.size / bins] * 2, color=COLORS["blue"], lw=1.0, zorder=0.6)
    steps(ax, edges.tolist(), counts.tolist(), walls=True, color=COLORS["ink"], lw=1.0)
    ax.set_xlim(0.0, 1.0)
    top = float(max(counts.max(), high)) * 1.12
    ax.set_ylim(0.0, top)
    ticks = round_ticks(0.0, top, least=1.0)
    numeric_ticks(ax, "y", ticks, [f"{tick:.0f}" for tick in ticks])
    share_ticks(ax)
    ax.set_title("Rank of observed errors")
    ax.set_xlabel("share of predictive draws at or below")
    ax.set_ylabel("systems")
    finish(ax, grid="")


def _binomial(n: int, share: float) -> np.ndarray:
    """Probability of at most 0, 1, ... n of `n`, without SciPy, which takes a quarter of a second to load."""
    k = np.arange(1, n + 1)
    ratios = np.log((n + 1 - k) / k) + np.log(share / (1.0 - share))
    return np.cumsum(np.exp(n * np.log1p(-share) + np.concatenate([[0.0], np.cumsum(ratios)])))


def _coverage_curve(ax: Axes, ranks: np.ndarray) -> None:
    coverage_axes(ax)
    nominal = np.linspace(0.05, 0.95, 19)
    found = [coverage(ranks, float(p)) for p in nominal]
    ax.plot(nominal, found, color=COLORS["blue"], marker="o", ms=3.2, mew=0)


def coverage_axes(ax: Axes) -> None:
    """Axes of coverage against stated probability, with the line on which they agree."""
    ax.plot([0, 1], [0, 1], color=COLORS["rule"], lw=1.0, ls=(0, (4, 2)))
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 1)
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    for axis in ("x", "y"):
        numeric_ticks(ax, axis, ticks, [f"{100 * t:.0f} %" for t in ticks])
    ax.set_title("Coverage of intervals")
    ax.set_xlabel("probability the interval states")
    ax.set_ylabel("observed errors inside")
    finish(ax)
