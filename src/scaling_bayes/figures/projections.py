"""`plot_projections`: how much compute, money, energy or carbon each target needs, as interval bars."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scaling_bayes.figures.style import COLORS, FigureError, axes_of, bare, numeric_ticks, styled
from scaling_bayes.text import (
    COMPUTE,
    QUANTITIES,
    decades,
    error_text,
    format_year,
    legible,
    power_of_ten,
    quantity_of,
    records,
    share_text,
    task_label,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

#: The axis is at least as long as its medians need, within these numbers of exponents.
_USUAL_SPAN, _LONGEST_SPAN = 60.0, 120.0
#: With more tasks than this the axis is written above the bars too.
_TALL = 7
_ROW, _HEADING = 0.245, 0.31


@styled
def plot_projections(
    summary: pd.DataFrame,
    *,
    quantity: str = "log10_training_compute_flop",
    yardsticks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
    width: float = 8.9,
) -> Axes:
    """Interval bars of what each target needs: thin 90 %, thick 50 % (equal tails), dot at the median.

    Parameters
    ----------
    summary : DataFrame
        From `summary` of a projection; rows of other quantities are left out.
    quantity : str
        What to draw: training compute, ``log10_cost_usd``, ``log10_energy_kwh`` or ``log10_carbon_kg``.
    yardsticks : mapping, optional
        Vertical lines to compare with, ``{label: log10 of the quantity's unit}``.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width : float
        Width of a new figure, inches.

    Returns
    -------
    Axes
        Log10 of the quantity on the horizontal axis. A bar that leaves it ends in an arrow with its end
        written beside; a share of draws in which no compute reaches the target is written at the bar.

    Raises
    ------
    FigureError
        If the table holds no projection of the quantity.
    """
    rows = records(summary[summary["quantity"] == quantity])
    if quantity not in QUANTITIES:
        raise FigureError(f"quantity={quantity!r} is not projected; expected one of {', '.join(QUANTITIES)}.")
    if not rows:
        needed = "" if quantity == COMPUTE else ", of a projection with a scenario"
        raise FigureError(
            f"the summary holds no projection of {QUANTITIES[quantity].name}; expected one from "
            f"summary(projection){needed}."
        )
    tasks = list(dict.fromkeys(str(row["task"]) for row in rows))
    shown = {label: x for label, x in (yardsticks or {}).items() if math.isfinite(x)}
    low, high = _limits(rows, shown.values())
    shown = {label: x for label, x in shown.items() if low <= x <= high}
    top = 0.1 + 0.19 * len(shown)
    height = _ROW * len(rows) + _HEADING * len(tasks) + top + 0.5
    ax = axes_of(ax, width, height)
    several_years = summary["year"].nunique() > 1
    position = 0.0
    for task in tasks:
        position -= _HEADING
        heading: dict[str, Any] = {
            "transform": ax.get_yaxis_transform(),
            "fontweight": "bold",
            "va": "center",
            "ha": "left",
        }
        ax.text(0.0, position, task_label(task, 40), **heading)
        for row in (row for row in rows if str(row["task"]) == task):
            position -= _ROW
            _bar(ax, row, position, low, high)
            _label(ax, row, position, with_year=several_years, with_note=width > 6)
    _yardsticks(ax, shown, position - 0.75 * _ROW)
    beyond = 0.1 if width > 6 else 0.15
    leaving = any(high < row["upper_90"] < math.inf for row in rows)
    ax.set_xlim(low - _label_room(low, high, width), high + (beyond * (high - low) if leaving else 0.0))
    ax.set_ylim(position - 0.75 * _ROW, 0.1 + 0.19 * len(shown))
    bare(ax)
    exponents = decades(low, high, most=8 if width > 6 else 5)
    numeric_ticks(ax, "x", exponents, [power_of_ten(e) for e in exponents])
    if len(tasks) > _TALL:
        ax.tick_params(axis="x", labeltop=True)
    about = quantity_of(rows[0])
    ax.set_xlabel(f"{about.axis}, {about.unit}")
    return ax


def _label(ax: Axes, row: Mapping[str, Any], y: float, *, with_year: bool, with_note: bool) -> None:
    place: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "ha": "left"}
    year = f" in {format_year(row['year'])}" if with_year else ""
    ax.text(0.012, y, error_text(row["error"]) + year, **place)
    if with_note and row["note"]:
        ax.text(
            0.19 if with_year else 0.1,
            y,
            legible(row["note"], 24),
            color=COLORS["muted"],
            fontsize=8,
            **place,
        )


def _label_room(low: float, high: float, width: float) -> float:
    """Exponents left free at the left for the row labels."""
    share = 0.24 if width > 6 else 0.2
    return share / (1 - share) * (high - low)


def _limits(rows: Iterable[Mapping[str, Any]], yardsticks: Iterable[float]) -> tuple[float, float]:
    rows = list(rows)
    finite = [
        row[end] for row in rows for end in ("lower_90", "median", "upper_90") if math.isfinite(row[end])
    ]
    if not finite:
        return 10.0, 40.0
    low = min([*finite, *(x for x in yardsticks if x > min(finite) - 3)])
    start = math.floor(low - 0.5)
    medians = max((row["median"] for row in rows if math.isfinite(row["median"])), default=low)
    readable = min(max(start + _USUAL_SPAN, medians + 4.0), start + _LONGEST_SPAN)
    end = min(max(finite) + 1.0, readable)
    return float(start), float(max(math.ceil(end), start + 8))


def _bar(ax: Axes, row: Mapping[str, Any], y: float, low: float, high: float) -> None:
    if row["lower_90"] >= high:
        _note(
            ax,
            high,
            y,
            "right",
            f"{_interval(row)} →",
        )
        return
    span = high - low
    leaves = row["upper_90"] > high
    blue: dict[str, Any] = {"color": COLORS["blue"], "solid_capstyle": "butt", "zorder": 3}
    ax.plot([row["lower_90"], min(row["upper_90"], high)], [y, y], lw=1.5, **blue)
    if row["lower_50"] < high:
        ax.plot([row["lower_50"], min(row["upper_50"], high - 0.012 * span)], [y, y], lw=5, **blue)
    if row["median"] <= high:
        ax.plot(row["median"], y, "o", ms=5.2, mfc=COLORS["paper"], mec=COLORS["blue"], mew=1.5, zorder=4)
    if leaves:
        ax.plot(high, y, marker=">", ms=5.5, mfc=COLORS["blue"], mec="none", zorder=4, clip_on=False)
        if math.isfinite(row["upper_90"]):
            _note(ax, high + 0.015 * span, y, "left", _written(row["upper_90"]))
    parts = []
    if high < row["median"] < math.inf:
        parts.append(f"median {_written(row['median'])}")
    if row["unreachable"] > 0:
        parts.append(f"unreachable in {share_text(row['unreachable'])} of draws")
    if parts:
        outside = not leaves and row["upper_90"] < low + 0.55 * span
        x, above = (row["upper_90"] + 0.015 * span, 0.0) if outside else (high, 0.5 * _ROW)
        _note(ax, x, y + above, "left" if outside else "right", ", ".join(parts))


def _note(ax: Axes, x: float, y: float, side: str, text: str) -> None:
    ax.text(x, y, text, ha=side, va="center", fontsize=7.5, color=COLORS["muted"], zorder=5)


def _interval(row: Mapping[str, Any]) -> str:
    median, lower, upper = (row[end] for end in ("median", "lower_90", "upper_90"))
    if math.inf == median == lower == upper:
        return _written(median)
    return f"{_written(median)} [{_written(lower)}, {_written(upper)}]"


def _written(exponent: float) -> str:
    return power_of_ten(round(exponent)) if math.isfinite(exponent) else "unreachable"


def _yardsticks(ax: Axes, yardsticks: Mapping[str, float], bottom: float) -> None:
    """Dashed lines with their labels one above the other, so that close ones stay legible."""
    for level, (label, x) in enumerate(sorted(yardsticks.items(), key=lambda item: -item[1])):
        y = 0.02 + 0.19 * level
        ax.plot([x, x], [bottom, y + 0.02], color=COLORS["orange"], lw=0.9, ls=(0, (3, 2)), zorder=2)
        ax.text(
            x, y + 0.03, f" {legible(label)}", ha="left", va="bottom", fontsize=7.8, color=COLORS["orange"]
        )
