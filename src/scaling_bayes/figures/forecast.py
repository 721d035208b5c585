"""`plot_forecast`: the error that a compute or budget reaches, over the years or over the amount."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    new_figure,
    numeric_ticks,
    percent_ticks,
    styled,
)
from scaling_bayes.projection.forecast import GIVEN, amount_label
from scaling_bayes.text import decades, format_year, legible, power_of_ten, records, task_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_UNITS = {"flop": "FLOP", "budget_usd": "USD", "carbon_kg": "kg CO2e"}
#: Smallest error that is drawn.
_LEAST = 1e-4


@styled
def plot_forecast(frame: pd.DataFrame, *, title: str = "", width: float = 8.9) -> Figure:
    """Error by year, a panel for each task and amount; of one year, by amount: median, 50 % and 90 % bands.

    Parameters
    ----------
    frame : DataFrame
        From `summary` of a forecast, with several years or several amounts.
    title : str
        Above the panels.
    width : float
        Width in inches.

    Returns
    -------
    Figure
        Error on a vertical log axis, the same in all panels of a task.

    Raises
    ------
    FigureError
        If it is not such a table.
    """
    given = [name for name in GIVEN if name in frame.columns]
    if not given or not {"task", "year", "median"} <= set(frame.columns) or len(frame) < 2:
        raise FigureError(
            f"found {len(frame)} rows of {', '.join(map(str, frame.columns))}; expected "
            "summary(forecast(...)) of several years or amounts."
        )
    yearly = frame["year"].nunique() > 1
    along, apart = ("year", ["task", *given]) if yearly else (given[0], ["task", "year", *given[1:]])
    panels = list(frame.groupby(apart, sort=False))
    beside = min(len(panels), 2 if width >= 6 else 1)
    rows = -(-len(panels) // beside)
    figure = new_figure(width, 2.2 * rows + (0.6 if title else 0.3))
    if title:
        figure.suptitle(legible(title, 110), x=0.01, ha="left", fontsize=9, color=COLORS["muted"])
    grid = figure.subplots(rows, beside, squeeze=False).ravel()
    for ax, (_, part) in zip(grid, panels, strict=False):
        of_task = frame.loc[frame["task"] == part["task"].iloc[0], ["lower_90", "upper_90"]].to_numpy(float)
        _panel(ax, part, along, max(of_task.min(), _LEAST) * 0.93, min(of_task.max() * 1.07, 1.0))
        row = records(part)[0]
        about = amount_label(row) if yearly else format_year(row["year"])
        ax.set_title(f"{task_label(row['task'])}, {about}", loc="left", fontsize=9)
        ax.set_ylabel("error")
        ax.set_xlabel("year" if yearly else _UNITS[along])
    for ax in grid[len(panels) :]:
        ax.set_axis_off()
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, along: str, low: float, high: float) -> None:
    ordered = rows.sort_values(along)
    at = ordered[along].to_numpy(float)
    at = at if along == "year" else np.log10(at)
    ends = {name: np.maximum(ordered[name].to_numpy(float), _LEAST) for name in _QUANTILES}
    for level in ("90", "50"):
        lower, upper = ends[f"lower_{level}"], ends[f"upper_{level}"]
        ax.fill_between(at, lower, upper, color=COLORS[f"band_{level}"], lw=0)
    ax.plot(at, ends["median"], color=COLORS["blue"], lw=1.7)
    ax.set_yscale("log")
    ax.set_ylim(low, high)
    ax.set_xlim(at[0], at[-1])
    percent_ticks(ax, "y", low, high)
    if along == "year":
        every = next((n for n in (1, 2, 5, 10, 20) if (at[-1] - at[0]) / n <= 6), 50)
        ticks = [float(y) for y in range(math.ceil(at[0] / every) * every, math.floor(at[-1]) + 1, every)]
        numeric_ticks(ax, "x", ticks, [f"{tick:.0f}" for tick in ticks])
    else:
        ticks = decades(float(at[0]), float(at[-1]))
        numeric_ticks(ax, "x", ticks, list(map(power_of_ten, ticks)))
    finish(ax)


_QUANTILES = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
