"""`plot_affordability`: how likely each target fits a budget, year by year."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures.style import COLORS, FigureError, finish, headed, new_figure, numeric_ticks, styled
from scaling_bayes.text import error_text, format_year, legible, share_text, task_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = ("task", "error", "year", "within_budget", "never")
_LINES = ("blue", "orange", "green", "purple", "ink")
_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (5, 1.2, 1.2, 1.2)))
_PANEL_HEIGHT = 1.5
#: Rows of the key beside a panel, at most this far apart in shares of its height.
_KEY_STEP = 0.19


@styled
def plot_affordability(
    frame: pd.DataFrame, *, title: str = "", columns: int | None = None, width: float = 8.9
) -> Figure:
    """Probability that each target fits the budget, over the years: a panel per task, a line per target.

    Beside each panel stand its targets, with the share of draws that stay out of budget in every year shown
    ("never"). Lines differ in dashes as well as in colour.

    Parameters
    ----------
    frame : DataFrame
        From `probability_by_year`: ``task``, ``error``, ``year``, ``within_budget`` and ``never``, for one
        budget.
    title : str
        Above the panels; the budget, for one.
    columns : int, optional
        Panels side by side; by default 2, or 1 where `width` is below 6.
    width : float
        Width in inches.

    Returns
    -------
    Figure
        Years on the horizontal axis, probability from 0 to 1 on the vertical one.

    Raises
    ------
    FigureError
        If columns are missing, or there are no rows.
    """
    missing = [name for name in _COLUMNS if name not in frame.columns]
    if missing or frame.empty:
        raise FigureError(
            f"found {'no rows' if not missing else 'no ' + ', '.join(missing)}; expected a table from "
            "probability_by_year()."
        )
    tasks = list(dict.fromkeys(frame["task"].astype(str)))
    beside = min(len(tasks), columns or (2 if width >= 6 else 1))
    rows = -(-len(tasks) // beside)
    most = max(one["error"].nunique() for _, one in frame.groupby("task", sort=False))
    height = max(_PANEL_HEIGHT, 0.55 + 0.15 * (most + 1))
    figure = new_figure(width, rows * height + (0.5 if title else 0.3))
    if title:
        headed(figure, legible(title, 80))
    panels = figure.subplots(rows, beside, squeeze=False).ravel()
    for position, (ax, task) in enumerate(zip(panels, tasks, strict=False)):
        _panel(ax, frame[frame["task"].astype(str) == task])
        ax.set_title(task_label(task))
        if position % beside == 0:
            ax.set_ylabel("probability")
    for ax in panels[len(tasks) :]:
        ax.set_axis_off()
    return figure


def _panel(ax: Axes, rows: pd.DataFrame) -> None:
    first, last = float(_years(rows).min()), float(_years(rows).max())
    targets = list(rows.groupby("error", sort=False))
    step = min(_KEY_STEP, 0.9 / max(len(targets), 1))
    ax.text(1.035, 1.0, f"target, never by {format_year(last)}", **_beside(ax, color=COLORS["muted"]))
    for position, (_, one) in enumerate(targets):
        look: dict[str, Any] = {
            "color": COLORS[_LINES[position % len(_LINES)]],
            "ls": _DASHES[position % len(_DASHES)],
            "lw": 1.7,
            "clip_on": False,
        }
        years, shares = _corners(_years(one), one["within_budget"].to_numpy(float))
        ax.plot(years, shares, zorder=3, **look)
        y = 1.0 - step * (position + 1)
        ax.plot([1.035, 1.115], [y, y], transform=ax.transAxes, **look)
        row = one.iloc[0]
        text = f"{error_text(row['error'])}, never {share_text(float(row['never']))}"
        ax.text(1.14, y, text, **_beside(ax))
    span = max(last - first, 1.0)
    ax.set_xlim(first, first + span)
    ax.set_ylim(0.0, 1.0)
    every = next((n for n in (1, 2, 5, 10, 20, 50, 100) if span / n <= 4.5), 200)
    ticks = [float(year) for year in range(math.ceil(first / every) * every, math.floor(last) + 1, every)]
    numeric_ticks(ax, "x", ticks, [f"{tick:.0f}" for tick in ticks])
    numeric_ticks(ax, "y", [0.0, 0.5, 1.0], ["0 %", "50 %", "100 %"])
    finish(ax)


def _years(rows: pd.DataFrame) -> np.ndarray:
    """Years of the rows, decimal."""
    return rows["year"].to_numpy(float)


def _beside(ax: Axes, color: str = COLORS["ink"]) -> dict[str, Any]:
    return {"transform": ax.transAxes, "color": color, "fontsize": 8, "va": "center", "ha": "left"}


def _corners(years: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out the points that lie within a thousandth of the line between their neighbours."""
    keep = np.ones(len(years), dtype=bool)
    flat = np.abs(np.diff(shares, 2)) < 1e-3
    keep[1:-1] = ~(flat & (np.abs(np.diff(shares)[:-1]) < 1e-3))
    return years[keep], shares[keep]
