"""`plot_fits`: the systems, and what the fit says of error over training compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.options import STACK
from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    key,
    new_figure,
    numeric_ticks,
    percent_ticks,
    styled,
)
from scaling_bayes.intervals import quantiles
from scaling_bayes.text import decades, power_of_ten, task_label
from scaling_bayes.trace.view import Points, PosteriorView, draws_of

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CURVE_POINTS = 20
_PANEL_HEIGHT = 2.05


@styled
def plot_fits(
    idata: xr.DataTree | PosteriorView,
    *,
    tasks: Sequence[str] | None = None,
    columns: int = 3,
    width: float = 8.9,
    least_squares: Mapping[str, tuple[float, float]] | None = None,
) -> Figure:
    """Error against training compute, one panel per task, both axes logarithmic.

    The line is the posterior median of the task's law, of all laws in a stack, at its reference year; the
    bands hold 50 % and 90 % (equal tails) of new systems of that year. Points are the systems as reported,
    hollow where a flag casts doubt on their figures.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
    tasks : sequence of str, optional
        Tasks to draw, all by default.
    columns : int
        Panels side by side.
    width : float
        Width in inches.
    least_squares : mapping, optional
        ``{task: (slope, intercept)}`` of log10(1 / error) on log10 FLOP, drawn as a dashed line.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        If a task is not in the fit.
    """
    view = PosteriorView.of(idata)
    known = view.tasks
    chosen = list(known) if tasks is None else list(tasks)
    missing = [task for task in chosen if task not in known]
    if missing or not chosen:
        raise FigureError(f"tasks: {missing or 'none'} not in the fit; its tasks are {', '.join(known)}.")
    columns = max(1, min(columns, len(chosen)))
    rows = -(-len(chosen) // columns)
    with_key = rows * columns == len(chosen)
    figure = new_figure(width, rows * _PANEL_HEIGHT + 0.3 + 0.35 * with_key)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    observed = {task: view.points(task) for task in chosen}
    low, high = _compute_limits(list(observed.values()))
    for position, (ax, task) in enumerate(zip(grid, chosen, strict=False)):
        _panel(ax, view, task, observed[task], (low, high), (least_squares or {}).get(task))
        if position % columns == 0:
            ax.set_ylabel("error")
        if position + columns >= len(chosen):
            ax.set_xlabel(f"training compute, {view.unit}")
    for ax in grid[len(chosen) :]:
        ax.set_axis_off()
    entries = _entries(view, observed, with_lines=least_squares is not None)
    if with_key:
        key(figure, entries, "outside lower left", columns=2 if width < 6 else 4)
    else:
        key(grid[-1], entries, "center left")
    return figure


def _compute_limits(observed: Sequence[Points]) -> tuple[float, float]:
    values = np.concatenate([one.log10_compute for one in observed])
    margin = max(0.06 * float(np.ptp(values)), 0.3)
    return float(values.min()) - margin, float(values.max()) + margin


def _panel(
    ax: Axes,
    view: PosteriorView,
    task: str,
    observed: Points,
    limits: tuple[float, float],
    least_squares: tuple[float, float] | None,
) -> None:
    margin = 0.6
    low = max(limits[0], float(observed.log10_compute.min()) - margin)
    high = min(limits[1], float(observed.log10_compute.max()) + margin)
    fitted = view.curve(task, np.linspace(low, high, _CURVE_POINTS))
    flop = 10.0**fitted.log10_compute
    ax.set_xscale("log")
    ax.set_yscale("log")
    for outer, color in (("90", COLORS["band_90"]), ("50", COLORS["band_50"])):
        ax.fill_between(
            flop,
            fitted.bands[f"lower_{outer}"],
            fitted.bands[f"upper_{outer}"],
            color=color,
            lw=0,
            zorder=1,
        )
    ax.plot(flop, fitted.line, color=COLORS["blue"], zorder=2)
    if least_squares is not None:
        slope, intercept = least_squares
        ax.plot(
            flop,
            10.0 ** -(intercept + slope * fitted.log10_compute),
            color=COLORS["ink"],
            ls=(0, (4, 2)),
            lw=1.1,
        )
    for later, flagged, style in _classes(view, task, observed):
        rows = later & flagged
        ax.plot(10.0 ** observed.log10_compute[rows], observed.error[rows], zorder=3, **style)
    ax.set_title(task_label(task))
    ax.set_xlim(10.0 ** limits[0], 10.0 ** limits[1])
    bottom = min(observed.error.min(), float(np.percentile(fitted.bands["lower_90"], 10))) * 0.93
    top = min(max(observed.error.max(), float(np.percentile(fitted.bands["upper_90"], 90))) * 1.08, 1.0)
    ax.set_ylim(bottom, top)
    _compute_error(ax, view, limits[0])
    exponents = decades(*limits, most=5)
    numeric_ticks(ax, "x", [10.0**e for e in exponents], [power_of_ten(e) for e in exponents])
    percent_ticks(ax, "y", bottom, top)
    finish(ax)


_WHISKER: dict[str, Any] = {"color": COLORS["muted"], "lw": 0.9, "marker": "|", "ms": 4.5, "mew": 0.9}


def _compute_error(ax: Axes, view: PosteriorView, low: float) -> None:
    """Draw one standard deviation to either side, in the lower left corner."""
    if "compute_error" in view.posterior:
        sd = float(quantiles(draws_of(view.posterior, "compute_error"), [0.5])[0])
        ends = [10.0 ** (low + 0.15), 10.0 ** (low + 0.15 + 2 * sd)]
        ax.plot(ends, [0.05, 0.05], transform=ax.get_xaxis_transform(), zorder=3, **_WHISKER)


_MARK: dict[str, Any] = {"marker": "o", "ls": "none", "ms": 4.0, "mew": 0.9}


def _style(color: str, *, hollow: bool) -> dict[str, Any]:
    return {**_MARK, "mec": color, "mfc": COLORS["paper"] if hollow else color, "alpha": 0.9}


def _classes(
    view: PosteriorView, task: str, observed: Points
) -> list[tuple[np.ndarray, np.ndarray, dict[str, Any]]]:
    """Masks and marks: earlier and later than the reference year, sound and flagged."""
    later = np.ones(observed.error.shape, dtype=bool)
    if view.options.needs_year:
        later = observed.year >= float(view.constant["reference_year"].sel(task=task))
    return [
        (when, how, _style(color, hollow=hollow))
        for when, color in ((~later, COLORS["orange"]), (later, COLORS["ink"]))
        for how, hollow in ((observed.flagged, True), (~observed.flagged, False))
    ]


def _entries(
    view: PosteriorView, observed: Mapping[str, Points], *, with_lines: bool
) -> list[tuple[str, dict[str, Any]]]:
    """Names of what is drawn, and how it looks."""
    entries: list[tuple[str, dict[str, Any]]] = [
        (f"median of the law{'s' * (view.law == STACK)}", {"color": COLORS["blue"]}),
        ("50 % of new systems", {"fill": COLORS["band_50"]}),
        ("90 % of new systems", {"fill": COLORS["band_90"]}),
    ]
    later = _style(COLORS["ink"], hollow=False)
    if view.options.needs_year:
        entries += [
            ("earlier system", _style(COLORS["orange"], hollow=False)),
            ("later system", later),
        ]
    else:
        entries.append(("system", later))
    if any(one.flagged.any() for one in observed.values()):
        entries.append(("system with figures in doubt", _style(COLORS["muted"], hollow=True)))
    if with_lines:
        entries.append(("least squares, 2020", {"color": COLORS["ink"], "ls": (0, (4, 2)), "lw": 1.1}))
    if view.options.measurement_error:
        entries.append(("error of reported compute", _WHISKER))
    return entries
