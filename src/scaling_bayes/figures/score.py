"""`plot_score`: a frozen forecast beside what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.diagnostics.scores import BASELINE
from scaling_bayes.figures.calibration import coverage_panel
from scaling_bayes.figures.predictive import LEAST_SYSTEMS, rank_histogram
from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    new_figure,
    panels,
    parts,
    percent_ticks,
    styled,
)
from scaling_bayes.text import task_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLORS = ("blue", "orange", "green", "purple", "ink", "muted")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
#: Forecasters whose coverage is drawn beside that of the forecast.
_BESIDE = (BASELINE, "naive")


@styled
def plot_score(
    scores: pd.DataFrame,
    *,
    forecaster: str | None = None,
    beside: Sequence[str] = _BESIDE,
    width: float = 8.9,
) -> Figure:
    """Forecast against outcome, coverage of intervals, and ranks of the observed errors.

    The first panel has for each system the median and 90 % interval of its predicted error over the observed;
    filled marks lie outside the interval. Then the share of observed errors inside the interval of each
    probability, of the forecast and of baselines, and the histogram of the predictive probabilities of an
    error at most the observed (PIT), whose band holds 90 % of the histograms of a calibrated forecast, bin by
    bin, if systems are independent.

    Parameters
    ----------
    scores : DataFrame
        From `score`.
    forecaster : str, optional
        Whose predictions; by default the first, that of the trace.
    beside : sequence of str
        Forecasters whose coverage is drawn too, up to three; those not in the scores are passed over.
    width : float
        Width in inches; below 6 the panels stand one above the other.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        If the scores lack the forecaster, or it has predicted too few systems.
    """
    known = list(dict.fromkeys(scores["forecaster"]))
    chosen = str(known[0]) if forecaster is None and known else str(forecaster)
    if chosen not in known:
        raise FigureError(f"forecaster={chosen!r}; expected one of {', '.join(map(str, known))}.")
    by_forecaster = {
        name: scores[(scores["forecaster"] == name) & scores["pit"].notna()]
        for name in dict.fromkeys([chosen, *beside])
        if name in known
    }
    shown = by_forecaster[chosen]
    if len(shown) < LEAST_SYSTEMS:
        raise FigureError(f"scores of {len(shown)} systems are not drawn; expected at least {LEAST_SYSTEMS}.")
    figure = new_figure(width, 4.9 if width >= 6 else 8.4)
    if width >= 6:
        left, right = parts(figure, [1.0, 1.05], beside=True)
        upper, lower = parts(right, [1.0, 1.0], beside=False)
    else:
        left, upper, lower = parts(figure, [1.3, 1.0, 1.0], beside=False)
    _outcomes(panels(left, 1)[0], shown, most=6 if width >= 6 else 4)
    coverage_panel(
        panels(upper, 1)[0],
        {name: rows["pit"].to_numpy(dtype=float) for name, rows in by_forecaster.items()},
    )
    rank_histogram(panels(lower, 1)[0], shown["pit"].to_numpy(dtype=float))
    return figure


def _outcomes(ax: Axes, rows: pd.DataFrame, *, most: int) -> None:
    tasks = list(dict.fromkeys(rows["task"]))
    floor = np.finfo(float).tiny
    for number, task in enumerate(tasks):
        of_task = rows[rows["task"] == task]
        color, marker = COLORS[_COLORS[number % len(_COLORS)]], _MARKERS[number % len(_MARKERS)]
        observed = of_task["error"].to_numpy(dtype=float)
        lower, median, upper = (
            np.maximum(of_task[name].to_numpy(dtype=float), floor)
            for name in ("lower_90", "median", "upper_90")
        )
        ax.vlines(observed, lower, upper, color=color, lw=0.9, alpha=0.45)
        outside = ((of_task["pit"] - 0.5).abs() > 0.45).to_numpy(dtype=bool)
        for where, fill in ((~outside, COLORS["paper"]), (outside, color)):
            ax.plot(observed[where], median[where], marker, ms=4.2, mfc=fill, mec=color, mew=1.0, zorder=3)
        ax.plot([], [], marker, ms=4.2, mfc=COLORS["paper"], mec=color, label=task_label(task))
    ax.set_xscale("log")
    ax.set_yscale("log")
    ends = {}
    for axis, columns in (("x", ["error"]), ("y", ["error", "lower_90", "upper_90"])):
        values = rows[columns].to_numpy(dtype=float)
        low, high = max(values.min() * 0.85, 1e-6), min(values.max() * 1.15, 1.05)
        ends[axis] = (low, high)
    ax.set_xlim(*ends["x"])
    ax.set_ylim(*ends["y"])
    ax.plot([1e-6, 1], [1e-6, 1], color=COLORS["rule"], lw=1.0, ls=(0, (4, 2)), zorder=0.5)
    for axis, (low, high) in ends.items():
        percent_ticks(ax, axis, low, high, most)
    ax.set_title("Forecast against outcome")
    ax.set_xlabel("observed error")
    ax.set_ylabel("predicted error: median, 90 % interval")
    ax.legend(loc="upper left")
    finish(ax)
