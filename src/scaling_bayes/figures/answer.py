"""`plot_answer`: what each target needs, on an axis in words, with other quantities aligned to it."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    bare,
    new_figure,
    numeric_ticks,
    other_scale,
    styled,
)
from scaling_bayes.text import (
    QUANTITIES,
    Quantity,
    error_text,
    legible,
    quantity_of,
    records,
    share_text,
    task_label,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROW, _HEADING, _SCALE = 0.225, 0.27, 0.47
#: Powers of ten beyond what the world has in a year, where the axis ends.
_BEYOND = 2.0
_WORDS = {0: "1", 3: "1 thousand", 6: "1 million", 9: "1 billion", 12: "1 trillion", 15: "1,000 trillion"}
#: The longest axis, powers of ten.
_SPAN = 20.0
_BEHIND = {"facecolor": COLORS["paper"], "edgecolor": "none", "pad": 1.0}
#: What an axis counts, and log10 of it in the quantity's unit.
_COUNTED = {"log10_training_compute_flop": ("exaFLOP", 18.0), "log10_carbon_kg": ("tonnes CO2e", 3.0)}


@styled
def plot_answer(
    rows: pd.DataFrame,
    *,
    scales: Mapping[str, float] | None = None,
    yardsticks: Mapping[str, float] | None = None,
    title: str = "",
    source: str = "",
    width: float = 8.9,
) -> Figure:
    """Interval bars of what each target needs, with an axis in words and others aligned to it.

    Parameters
    ----------
    rows : DataFrame
        Rows of one quantity and one year, from `summary` of a projection. Optional columns: ``reach``, log10
        of the most that a system of the task used, beyond which is shaded; ``grey``, whether the target is
        below the noise of the labels.
    scales : mapping, optional
        Other quantities, and log10 of their units for one unit of that of the rows.
    yardsticks : mapping, optional
        Vertical lines to compare with, ``{label: log10 of the unit of the rows}``.
    title, source : str
        Above the bars, and below the axes.
    width : float
        Width of the figure, inches.

    Returns
    -------
    Figure
        Log10 of the quantity on the horizontal axis, which ends shortly beyond what the world has of it in a
        year. A target that most draws do not reach has words in place of a bar.

    Raises
    ------
    FigureError
        If there are no rows, or rows of several quantities.
    """
    quantities = list(dict.fromkeys(rows["quantity"])) if len(rows) else []
    if len(quantities) != 1:
        raise FigureError(
            f"found rows of {len(quantities)} quantities; expected those of one, from summary()."
        )
    size = 8.0 if width > 6 else 9.6
    quantity, scales = str(quantities[0]), dict(scales or {})
    about = quantity_of(records(rows)[0])
    low, high = _limits(rows, about.most)
    shown = {label: x for label, x in (yardsticks or {}).items() if low <= x <= high}
    by_task = {str(task): records(one) for task, one in rows.groupby("task", sort=False)}
    bottom = -(_ROW * len(rows) + _HEADING * len(by_task) + 0.4 * _ROW)
    top = 0.12 + 0.17 * len(shown)
    lines = [part for line in source.splitlines() for part in textwrap.wrap(line, int(13 * width))]
    below = _SCALE * (1 + len(scales)) + (0.04 + 0.14 * len(lines) if source else 0.0)
    above = 0.08 + 0.22 * len(title.splitlines())
    inches = top - bottom + below + above
    figure = new_figure(width, inches, layout=None)
    ax = figure.add_axes((0.003, below / inches, 0.997 - 0.35 / width, (top - bottom) / inches))
    room = (0.2 if width > 6 else 0.22) * (high - low)
    ax.set_xlim(low - room, high)
    ax.set_ylim(bottom, top)
    position = 0.0
    for task, targets in by_task.items():
        position -= _HEADING
        _text(ax, 0.0, position, task_label(task, 40), fontsize=size, fontweight="bold")
        reach = float(targets[0].get("reach", math.inf))
        if reach < high:
            ends, above = [max(reach, low), high], position + 0.4 * _ROW
            below_them = above - (len(targets) + 0.8) * _ROW
            look: dict[str, Any] = {"color": COLORS["grid"], "lw": 0, "alpha": 0.55, "zorder": 0}
            ax.fill_between(ends, [above] * 2, [below_them] * 2, **look)
        for row in targets:
            position -= _ROW
            _text(ax, 0.012, position, error_text(row["error"]), fontsize=size)
            _bar(ax, row, position, (low, high), size)
    for level, (label, x) in enumerate(sorted(shown.items(), key=lambda item: -item[1])):
        y = 0.06 + 0.17 * level
        ax.plot([x, x], [bottom, y + 0.08], color=COLORS["orange"], lw=0.9, ls=(0, (3, 2)), zorder=2)
        right = (high - x) / (high - low) * 0.8 * width < 0.065 * len(label) + 0.35
        side, gap = ("right", -0.006) if right else ("left", 0.006)
        beside = x + gap * (high - low), y + 0.05
        named: dict[str, Any] = {"color": COLORS["orange"], "fontsize": size, "bbox": _BEHIND}
        ax.text(*beside, legible(label), ha=side, va="center", **named)
    bare(ax)
    if title:
        ax.set_title("\n".join(legible(line, 110) for line in title.splitlines()), fontsize=9.6)
    _axes(
        ax,
        about,
        quantity,
        scales,
        (low, high),
        inches=top - bottom,
        size=size,
        source="\n".join(lines),
    )
    return figure


def _limits(rows: pd.DataFrame, most: float) -> tuple[float, float]:
    ends = rows[["lower_90", "median", "upper_90"]].to_numpy().ravel()
    finite = [float(end) for end in ends if math.isfinite(end) and end <= most]
    low = max(math.floor(min(finite, default=most - 8) - 0.5), math.floor(most - _SPAN))
    high = min(float(rows["upper_90"].max()) + 0.5, most + _BEYOND)
    return float(low), max(high, low + 8.0)


def _axes(
    ax: Axes,
    about: Quantity,
    quantity: str,
    scales: Mapping[str, float],
    ends: tuple[float, float],
    *,
    inches: float,
    size: float,
    source: str,
) -> None:
    """Write the axis of the bars, and under it those of other quantities."""
    for place, (name, shift) in enumerate({quantity: 0.0, **scales}.items()):
        known = about if name == quantity else QUANTITIES[name]
        counted, one = _COUNTED.get(name, ("", 0.0)) if known == QUANTITIES[name] else ("", 0.0)
        exponents = [e for e in _WORDS if ends[0] <= e + one - shift <= ends[1]]
        if size > 8 and len(exponents) > 3:
            exponents = exponents[len(exponents) % 2 :: 2]
        axis = other_scale(ax, -_SCALE * place / inches) if place else ax
        numeric_ticks(
            axis, "x", [e + one - shift for e in exponents], [_WORDS[e] for e in exponents], size=size
        )
        below = f"\n{source}" if source and place == len(scales) else ""
        axis.set_xlabel(f"{known.name}, {counted or known.unit}{below}", labelpad=1, fontsize=size)


def _text(ax: Axes, x: float, y: float, text: str, **style: Any) -> None:
    ax.text(x, y, text, transform=ax.get_yaxis_transform(), va="center", ha="left", **style)


def _bar(ax: Axes, row: Mapping[str, Any], y: float, ends: tuple[float, float], size: float) -> None:
    low, high = ends
    about = quantity_of(row)
    if row["median"] == math.inf:
        return _note(ax, (high, y), size, f"unattainable: probability {share_text(row['unreachable'])}")
    if row["median"] > high:
        return _note(ax, (high, y), size, f"{about.beyond_end} →")
    color = COLORS["rule" if row.get("grey") else "blue"]
    line: dict[str, Any] = {"color": color, "solid_capstyle": "butt", "zorder": 3}
    for level, lw in (("90", 1.5), ("50", 5)):
        start, end = (min(max(row[f"{side}_{level}"], low), high) for side in ("lower", "upper"))
        ax.plot([start, end], [y, y], lw=lw, **line)
    ax.plot(max(row["median"], low), y, marker="o", ms=5.2, mfc=COLORS["paper"], mec=color, mew=1.5, zorder=4)
    if row["lower_90"] < low:
        ax.plot(low, y, marker="<", ms=5.5, mfc=color, mec="none", zorder=4, clip_on=False)
    if row["upper_90"] > high:
        ax.plot(high, y, marker=">", ms=5.5, mfc=color, mec="none", zorder=4, clip_on=False)
    return None


def _note(ax: Axes, place: tuple[float, float], size: float, text: str) -> None:
    look: dict[str, Any] = {"color": COLORS["muted"], "fontsize": size, "bbox": _BEHIND}
    ax.text(*place, text, ha="right", va="center", zorder=5, **look)
