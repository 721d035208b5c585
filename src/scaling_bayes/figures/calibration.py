"""`plot_calibration`: how often what came later fell inside the intervals that forecasters stated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.diagnostics.scores import FORECASTERS_DRAWN, forecaster_label
from scaling_bayes.figures.predictive import coverage_axes
from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    new_figure,
    numeric_ticks,
    panels,
    parts,
    steps,
    styled,
)
from scaling_bayes.trace.view import coverage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_MARKS = (("blue", "o"), ("green", "s"), ("orange", "^"), ("purple", "D"))
_BINS = 10
_LEAST_SYSTEMS = 5
_NOMINAL = np.linspace(0.05, 0.95, 19)


@styled
def plot_calibration(
    scores: pd.DataFrame, *, forecasters: Sequence[str] = FORECASTERS_DRAWN, width: float = 8.9
) -> Figure:
    """Calibration out of time: coverage of each forecaster's intervals, and ranks of the observed errors.

    The first panel has the share of observed errors inside the equal-tailed interval of each probability. In
    the others the histogram of the predictive probabilities of an error at most the observed (PIT), over what
    a uniform distribution gives; flat for a calibrated forecaster.

    Parameters
    ----------
    scores : DataFrame
        Single predictions, from `scorecard` or `load_scorecard`.
    forecasters : sequence of str
        Whose predictions, up to four.
    width : float
        Width in inches; below 6 the histograms stand under the first panel.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        If there are more than four forecasters, one is not in the scores, or has predicted too few systems.
    """
    chosen = list(forecasters)
    if not 0 < len(chosen) <= len(_MARKS):
        raise FigureError(f"forecasters: found {len(chosen)}; expected one to {len(_MARKS)}.")
    ranks = {
        name: scores.loc[scores["forecaster"] == name, "pit"].dropna().to_numpy(dtype=float)
        for name in chosen
    }
    few = [f"{name} ({found.size})" for name, found in ranks.items() if found.size < _LEAST_SYSTEMS]
    if few:
        raise FigureError(
            f"predictions of {', '.join(few)}; expected at least {_LEAST_SYSTEMS} of each forecaster."
        )
    beside = width >= 6
    figure = new_figure(width, 2.75 if beside else 4.6)
    upper, lower = parts(figure, [1.05, 1.0] if beside else [1.5, 1.0], beside=beside)
    coverage_panel(panels(upper, 1)[0], ranks)
    highest = max(float(_relative(found).max()) for found in ranks.values())
    beside_each_other = panels(lower, len(chosen))
    for ax, (name, found), (color, _) in zip(beside_each_other, ranks.items(), _MARKS, strict=False):
        _rank_panel(ax, name, found, color, highest, named=ax is beside_each_other[0])
    beside_each_other[(len(chosen) - 1) // 2].set_xlabel("rank of the observed error")
    return figure


def coverage_panel(ax: Axes, ranks: Mapping[str, NDArray[np.float64]]) -> None:
    """Coverage of the intervals of up to four forecasters, from the ranks of the observed errors."""
    coverage_axes(ax)
    ends = []
    for (name, found), (color, marker) in zip(ranks.items(), _MARKS, strict=False):
        inside = [coverage(found, float(probability)) for probability in _NOMINAL]
        ax.plot(_NOMINAL, inside, color=COLORS[color], marker=marker, ms=3.2, mew=0)
        ends.append((inside[-1], forecaster_label(name), COLORS[color]))
    _labels_beside(ax, ends)


def _labels_beside(ax: Axes, ends: Sequence[tuple[float, str, str]]) -> None:
    """Write each line's name to the right of its last point, names apart from each other."""
    style: dict[str, Any] = {"va": "center", "fontsize": 8.5, "fontweight": "bold"}
    previous = 1.09
    for height, label, color in sorted(ends, reverse=True):
        previous = min(height, previous - 0.085)
        ax.plot([float(_NOMINAL[-1]), 1.02], [height, previous], color=color, lw=1.0, clip_on=False)
        ax.text(1.03, previous, label, **style)


def _relative(ranks: NDArray[np.float64]) -> NDArray[np.float64]:
    """Counts in bins of rank, over those a uniform distribution gives."""
    counts, _ = np.histogram(ranks, bins=_BINS, range=(0.0, 1.0))
    share: NDArray[np.float64] = counts * _BINS / ranks.size
    return share


def _rank_panel(
    ax: Axes, name: str, ranks: NDArray[np.float64], color: str, highest: float, *, named: bool
) -> None:
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    ax.plot([0, 1], [1, 1], color=COLORS["rule"], lw=1.0, ls=(0, (4, 2)))
    heights = _relative(ranks).tolist()
    steps(ax, [0.0, *edges.tolist(), 1.0], [0.0, *heights, 0.0], color=COLORS[color], lw=1.4)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, max(2.0, highest) * 1.08)
    numeric_ticks(ax, "x", [0.0, 0.5, 1.0], ["0", "½", "1"])
    counts = [float(count) for count in range(int(highest * 1.08) + 1)]
    names = ["uniform" if c == 1 else f"{c:.0f}{'×' * (c > 0)}" for c in counts]
    numeric_ticks(ax, "y", counts, [name * named for name in names])
    ax.set_title(forecaster_label(name), fontsize=9)
    finish(ax, grid="y")
