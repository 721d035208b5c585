"""`plot_systems`: every system of a family of tasks, error against compute, one panel per task."""

from __future__ import annotations

import math
from collections.abc import Mapping
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
from scaling_bayes.text import decades, power_of_ten, task_label

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.figure import Figure

__all__ = ["plot_systems"]

_COLUMNS, _PANEL_WIDTH, _PANEL_HEIGHT = 4, 2.3, 1.9
_SURE, _DOUBTED = 0.85, 0.3
#: Part of matplotlib's viridis that is legible on white.
_DARKEST, _LIGHTEST = 0.0, 0.88


@styled
def plot_systems(systems: pd.DataFrame, labels: Mapping[str, str] | None = None) -> Figure:
    """Draw error against training compute, year as colour, doubt about compute as opacity.

    Parameters
    ----------
    systems : DataFrame
        ``task``, ``error``, ``training_compute_flop`` (FLOP), ``publication_date`` and, where known,
        ``compute_in_doubt`` and ``chance_error`` (a dashed line). Rows without compute or date are left out.
    labels : mapping, optional
        Names of tasks for readers.

    Raises
    ------
    FigureError
        If no row has compute and a date.
    """
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable as Mappable
    from matplotlib.colors import ListedColormap, Normalize

    known = systems[systems["training_compute_flop"].notna() & systems["publication_date"].notna()]
    if known.empty:
        raise FigureError("no system has training compute and a date; expected at least one.")
    tasks = list(dict.fromkeys(known["task"]))
    year = known["publication_date"].dt.year
    scale = Normalize(year.min(), max(year.max(), year.min() + 1))
    across = min(_COLUMNS, len(tasks))
    down = math.ceil(len(tasks) / across)
    figure = new_figure(_PANEL_WIDTH * across + 0.6, _PANEL_HEIGHT * down + 0.3)
    axes = figure.subplots(down, across, squeeze=False)
    shades = colormaps["viridis"](np.linspace(_DARKEST, _LIGHTEST, 256))
    colors = Mappable(scale, ListedColormap(shades))
    for position, ax in enumerate(axes.flat):
        if position >= len(tasks):
            ax.set_visible(False)
            continue
        task = tasks[position]
        _panel(ax, known[known["task"] == task], colors)
        ax.set_title((labels or {}).get(task) or task_label(task))
    bar = figure.colorbar(colors, ax=axes, shrink=0.5, aspect=30, pad=0.01)
    assert bar.solids is not None
    bar.solids.set(rasterized=False, edgecolor="face")
    bar.set_ticks([float(value) for value in sorted(set(year))][:: 1 + len(set(year)) // 12])
    bar.ax.yaxis.set_major_formatter("{x:.0f}")
    bar.ax.tick_params(labelsize=8, length=2, labelcolor=COLORS["muted"])
    figure.supxlabel("training compute (FLOP)", color=COLORS["muted"], fontsize=8.5)
    figure.supylabel("error", color=COLORS["muted"], fontsize=8.5)
    return figure


def _panel(ax: Axes, rows: pd.DataFrame, colors: ScalarMappable) -> None:
    log_compute = np.log10(rows["training_compute_flop"].to_numpy(float))
    error = rows["error"].to_numpy(float)
    doubted = (
        rows["compute_in_doubt"].to_numpy(bool) if "compute_in_doubt" in rows else np.zeros(len(rows), bool)
    )
    shades = colors.to_rgba(rows["publication_date"].dt.year.to_numpy(float))
    shades[:, 3] = np.where(doubted, _DOUBTED, _SURE)
    ax.scatter(log_compute, error, s=11, c=shades, linewidths=0)
    if "chance_error" in rows and rows["chance_error"].iloc[0] < 1:
        ax.axhline(rows["chance_error"].iloc[0], color=COLORS["rule"], lw=0.8, ls=(0, (4, 3)), zorder=1)
    ax.set_yscale("log")
    low, high = error.min() / 1.15, min(1.0, error.max() * 1.15)
    ax.set_ylim(low, high)
    percent_ticks(ax, "y", low, high, most=4)
    ticks = decades(log_compute.min(), log_compute.max(), most=4)
    numeric_ticks(ax, "x", ticks, [power_of_ten(tick) for tick in ticks])
    finish(ax)
