"""`plot_projections`: how much training compute each target needs, as interval bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    axes_of,
    bare,
    decades,
    legible,
    numeric_ticks,
    power_of_ten,
    styled,
    task_label,
)
from scaling_bayes.formatting import format_error, format_year

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_projections"]

#: Exponents beyond the lowest interval end by more than this leave the axis.
_READABLE_SPAN = 70.0
_ROW, _HEADING = 0.235, 0.3


@styled
def plot_projections(
    summary: pd.DataFrame,
    *,
    yardsticks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    width: float = 8.9,
) -> Axes:
    """Interval bars of required training compute: thin 90 %, thick 50 % (equal tails), dot at the median.

    Parameters
    ----------
    summary : DataFrame
        From `summarize_projection`; rows of other quantities than training compute are left out.
    yardsticks : mapping, optional
        Vertical lines to compare with, ``{label: log10 FLOP}``.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float
        Width of a new figure, inches.

    Returns
    -------
    Axes
        Log10 FLOP on the horizontal axis. A bar that leaves it ends in an arrow with the end written beside;
        a share of draws in which no compute reaches the target is written at the right.

    Raises
    ------
    FigureError
        If the table holds no projection of training compute.
    """
    rows = summary[summary["quantity"] == "log10_training_compute_flop"].to_dict(orient="records")
    if not rows:
        raise FigureError("the summary holds no projection of training compute; expected one from summarize_projection().")
    tasks = list(dict.fromkeys(str(row["task"]) for row in rows))
    shown = {label: x for label, x in (yardsticks or {}).items() if math.isfinite(x)}
    low, high = _limits(rows, shown.values())
    shown = {label: x for label, x in shown.items() if low <= x <= high}
    top = 0.42 + 0.19 * len(shown)
    height = _ROW * len(rows) + _HEADING * len(tasks) + top + 0.5
    ax = axes_of(ax, width, height)
    several_years = summary["year"].nunique() > 1
    position = 0.0
    for task in tasks:
        position -= _HEADING
        ax.text(0.0, position, task_label(task, 40), transform=_row_transform(ax), fontweight="bold", va="center", ha="left")
        for row in (row for row in rows if str(row["task"]) == task):
            position -= _ROW
            label = format_error(float(row["error"])) + (f" in {format_year(row['year'])}" if several_years else "")
            _bar(ax, row, position, low, high)
            ax.text(0.012, position, label, transform=_row_transform(ax), va="center", ha="left")
            if width > 6 and row["note"]:
                ax.text(0.1 + 0.09 * several_years, position, legible(row["note"], 24), transform=_row_transform(ax),
                        va="center", ha="left", color=COLORS["muted"], fontsize=8)
    _yardsticks(ax, shown, low, position - 0.75 * _ROW)
    ax.set_xlim(low - _label_room(low, high, width), high)
    ax.set_ylim(position - 0.75 * _ROW, 0.1 + 0.19 * len(shown))
    bare(ax)
    exponents = decades(low, high, most=8 if width > 6 else 5)
    numeric_ticks(ax, "x", exponents, [power_of_ten(e) for e in exponents])
    ax.set_xlabel("training compute needed, FLOP")
    return ax


def _row_transform(ax: Axes) -> Any:
    """Horizontal positions as a share of the axes, vertical ones in rows."""
    return ax.get_yaxis_transform()


def _label_room(low: float, high: float, width: float) -> float:
    """Exponents left free at the left for the row labels."""
    share = 0.24 if width > 6 else 0.2
    return share / (1 - share) * (high - low)


def _limits(rows: Iterable[Mapping[str, Any]], yardsticks: Iterable[float]) -> tuple[float, float]:
    rows = list(rows)
    finite = [row[end] for row in rows for end in ("lower_90", "median", "upper_90") if math.isfinite(row[end])]
    if not finite:
        return 10.0, 40.0
    low = min(*finite, *[x for x in yardsticks if x > min(finite) - 3], math.inf)
    start = math.floor(low - 0.5)
    end = min(math.ceil(max(finite) + 1.0), start + _READABLE_SPAN)
    return float(start), float(max(end, start + 8.0))


def _bar(ax: Axes, row: Mapping[str, Any], y: float, low: float, high: float) -> None:
    span = high - low
    if row["lower_90"] >= high:
        _beyond(ax, y, high, f"{_written(row['median'])} [{_written(row['lower_90'])}, {_written(row['upper_90'])}] →")
        return
    leaves = row["upper_90"] > high
    note = " " if leaves else ""
    ends = {name: min(row[name], high) for name in ("lower_90", "lower_50", "upper_50", "upper_90")}
    ax.plot([ends["lower_90"], ends["upper_90"]], [y, y], color=COLORS["blue"], lw=1.5, solid_capstyle="butt", zorder=3)
    if row["lower_50"] < high:
        ax.plot([ends["lower_50"], ends["upper_50"]], [y, y], color=COLORS["blue"], lw=5, solid_capstyle="butt", zorder=3)
    if row["median"] < high:
        ax.plot(row["median"], y, "o", ms=5.2, mfc=COLORS["paper"], mec=COLORS["blue"], mew=1.5, zorder=4)
    if leaves:
        ax.plot(high - 0.004 * span, y, marker=">", ms=5, mfc=COLORS["blue"], mec="none", zorder=4, clip_on=False)
        note = f"to {_written(row['upper_90'])}" if math.isfinite(row["upper_90"]) else ""
    if row["unreachable"] > 0:
        note = ", ".join(part for part in (note.strip(), f"{_share(row['unreachable'])} unreachable") if part)
    if note.strip():
        x = high - 0.02 * span if leaves else min(row["upper_90"] + 0.015 * span, high)
        side = "right" if leaves or x > low + 0.8 * span else "left"
        ax.text(x, y + 0.34 * _ROW, note, ha=side, va="bottom" if side == "right" else "center", fontsize=7.5,
                color=COLORS["muted"], zorder=5) if side == "right" else ax.text(
                    x, y, note, ha="left", va="center", fontsize=7.5, color=COLORS["muted"], zorder=5)


def _beyond(ax: Axes, y: float, high: float, note: str) -> None:
    ax.text(high, y, note, ha="right", va="center", fontsize=7.5, color=COLORS["muted"])


def _written(exponent: float) -> str:
    return power_of_ten(round(exponent)) if math.isfinite(exponent) else "unreachable"


def _share(share: float) -> str:
    return "<1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _yardsticks(ax: Axes, yardsticks: Mapping[str, float], low: float, bottom: float) -> None:
    """Dashed lines with their labels one above the other, so that close ones stay legible."""
    for level, (label, x) in enumerate(sorted(yardsticks.items(), key=lambda item: -item[1])):
        y = 0.02 + 0.19 * level
        ax.plot([x, x], [bottom, y + 0.02], color=COLORS["orange"], lw=0.9, ls=(0, (3, 2)), zorder=2)
        ax.text(x, y + 0.03, f" {legible(label)}", ha="left", va="bottom", fontsize=7.8, color=COLORS["orange"])
