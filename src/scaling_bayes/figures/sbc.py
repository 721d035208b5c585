"""`plot_sbc`: ranks of true values among posterior draws, and coverage, in simulation-based calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.diagnostics.calibration import coverage_of_truth, ecdf_band, is_projection, rank_ecdf
from scaling_bayes.figures.predictive import coverage_axes
from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    key,
    new_figure,
    numeric_ticks,
    panels,
    round_ticks,
    share_ticks,
    styled,
)
from scaling_bayes.trace.schema import SBC
from scaling_bayes.trace.view import TraceView

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

#: Every so many ranks are drawn: the eye sees no difference, and the file is half as large.
_STEP = 2


@styled
def plot_sbc(calibration: xr.DataTree | TraceView, *, width: float = 8.9) -> Figure:
    """Empirical distribution of ranks, minus what is expected, and coverage of intervals.

    The first two panels have one line for each parameter and each projection; ranks of a calibrated model
    stay inside the band, which holds 95 % of such lines from end to end. In the third, the share of true
    values inside the equal-tailed interval of each probability, parameters and projections apart.

    Parameters
    ----------
    calibration : DataTree
        A simulation-based calibration, from `calibrate` or `open_trace`.
    width : float
        Width in inches; below 6 the panels stand one above the other.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        If the calibration is of another experiment.
    """
    view = TraceView.of(calibration)
    content = view.manifest
    if content.get("experiment") not in SBC:
        raise FigureError(f"found the experiment {content.get('experiment')!r}; expected one of {SBC}.")
    fits = view.group("fits")
    fits = fits.isel(fit=np.flatnonzero(np.isfinite(fits["rhat"].values)))
    ranked = int(content["ranked"])
    projected = np.array([is_projection(str(name)) for name in fits["quantity"].values])
    beside = width >= 6
    figure = new_figure(width, 2.7 if beside else 7.4)
    first, second, third = panels(figure, 3, beside=beside)
    for ax, chosen, title in (
        (first, ~projected, "Ranks of parameters"),
        (second, projected, "Ranks of projections"),
    ):
        _ecdf(ax, fits["rank"].values[:, chosen], ranked)
        ax.set_title(title)
    _coverage(third, fits["probability"].values, projected)
    return figure


def _ecdf(ax: Axes, ranks: NDArray[np.float64], ranked: int) -> None:
    position = np.arange(1, ranked + 1) / (ranked + 1)
    lower, upper = ecdf_band(len(ranks), ranked)
    ax.fill_between(position, lower, upper, color=COLORS["band_90"], lw=0, zorder=0.5)
    ax.plot([0, 1], [0, 0], color=COLORS["blue"], lw=1.0, zorder=0.6)
    lines = rank_ecdf(ranks, ranked)
    for one in lines.T:
        ax.plot(position[::_STEP], one[::_STEP], color=COLORS["ink"], lw=0.5, alpha=0.6)
    ax.set_xlim(0.0, 1.0)
    low, high = 1.08 * float(min(lower.min(), lines.min())), 1.08 * float(max(upper.max(), lines.max()))
    ax.set_ylim(low, high)
    share_ticks(ax)
    ticks = round_ticks(low, high)
    numeric_ticks(ax, "y", ticks, [f"{tick:.2g}".replace("-", "−") for tick in ticks])
    ax.set_xlabel("rank of the true value")
    ax.set_ylabel("share of ranks below − expected")
    finish(ax)


def _coverage(ax: Axes, probability: NDArray[np.float64], projected: NDArray[np.bool_]) -> None:
    coverage_axes(ax)
    nominal = np.linspace(0.05, 0.95, 19)
    entries: list[tuple[str, dict[str, Any]]] = []
    for chosen, color, mark, label in (
        (~projected, "blue", "o", "parameters"),
        (projected, "orange", "^", "projections"),
    ):
        found = [coverage_of_truth(probability[:, chosen], float(p)) for p in nominal]
        look: dict[str, Any] = {"color": COLORS[color], "marker": mark, "ms": 3.2, "mew": 0, "lw": 0.8}
        ax.plot(nominal, found, **look)
        entries.append((label, look))
    ax.set_ylabel("true values inside")
    key(ax, entries, "upper left")
