"""`plot_compute_trend`: training compute and hardware since 1950 on one log axis."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from scaling_bayes.figures.style import COLORS, FigureError, axes_of, finish, numeric_ticks, styled
from scaling_bayes.hardware.points import decimal_year
from scaling_bayes.text import decades, power_of_ten
from tools.compute_trend.series import SERIES, series_points
from tools.compute_trend.tables import load_landmark_systems, load_trend_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_compute_trend"]

#: Series drawn, from back to front: colour, marker, size, opacity of the points.
_DRAWN: Mapping[str, tuple[str, str, float, float]] = MappingProxyType(
    {
        "systems": ("prior", "o", 2.2, 0.55),
        "accelerators": ("green", "o", 2.2, 0.35),
        "record_systems": ("blue", "o", 3.6, 1.0),
        "record_machines": ("orange", "s", 3.2, 1.0),
        "landmark_machines": ("purple", "D", 4.0, 1.0),
    }
)
_LINE_COLORS = {"systems": "muted"}
#: Landmark systems that are drawn, and where the name stands, in points from the mark.
_PLACES = {
    "AlexNet": (-6, 8, "right"),
    "ResNeXt-101": (7, -9, "left"),
    "Evolved Transformer": (-6, 12, "right"),
    "NoisyStudent": (9, -12, "left"),
}


@styled
def plot_compute_trend(
    lines: pd.DataFrame | None = None, *, ax: Axes | None = None, width: float = 8.9, height: float = 5.6
) -> Axes:
    """Training compute (FLOP) and hardware rates (FLOP/s) over time, with trends and landmark systems.

    Parameters
    ----------
    lines : DataFrame, optional
        Trends as `load_trend_table` gives them; the stored ones by default.
    ax : Axes, optional
        Where to draw; a new figure by default.
    width, height : float
        Size of a new figure, inches.

    Returns
    -------
    Axes
        Decimal years; log10 of FLOP for systems and of FLOP/s for machines. Lines are posterior medians,
        bands 90 % intervals of the trend, crosses the burdens of the landmark systems.

    Raises
    ------
    FigureError
        If the table lacks the trend of a series that is drawn.
    """
    lines = load_trend_table("lines") if lines is None else lines
    missing = sorted(set(_DRAWN) - set(lines["series"]))
    if missing:
        raise FigureError(f"the table of trends lacks {', '.join(missing)}.")
    ax = axes_of(ax, width, height)
    for layer, (name, (color, marker, size, alpha)) in enumerate(_DRAWN.items()):
        points = series_points(name)
        look: dict[str, Any] = {"mec": COLORS["paper"], "mew": 0.3} if alpha == 1.0 else {"mec": "none"}
        ax.plot(
            points["year"],
            points["log10_value"],
            marker,
            ms=size,
            mfc=COLORS[color],
            alpha=alpha,
            zorder=2 + 0.1 * layer,
            label=f"{SERIES[name].label} ({SERIES[name].unit})",
            **look,
        )
        line = lines[lines["series"] == name]
        shade = COLORS[_LINE_COLORS.get(name, color)]
        ax.fill_between(
            line["year"],
            line["lower_90"],
            line["upper_90"],
            color=shade,
            alpha=0.22,
            lw=0,
            zorder=3 + 0.1 * layer,
        )
        ax.plot(line["year"], line["median"], color=shade, lw=1.5, zorder=3.05 + 0.1 * layer)
    _landmarks(ax)
    low, high = -1.0, 28.0
    ax.set_ylim(low, high)
    ax.set_xlim(1948.5, 2030.5)
    exponents = decades(low, high, most=8)
    numeric_ticks(ax, "y", exponents, [power_of_ten(exponent) for exponent in exponents])
    ax.set_ylabel("FLOP of a training run, FLOP/s of a machine")
    ax.set_xlabel("year")
    key = ax.legend(loc="upper left", handletextpad=0.4)
    for handle in key.legend_handles:
        if isinstance(handle, Line2D):
            handle.set_alpha(1.0)
            handle.set_markersize(max(handle.get_markersize(), 4.5))
    finish(ax)
    return ax


def _landmarks(ax: Axes) -> None:
    import numpy as np

    systems = load_landmark_systems()
    systems = systems[systems["system"].isin(_PLACES)]
    year = decimal_year(systems["publication_date"])
    value = np.log10(systems["training_compute_flop"])
    ax.plot(
        year,
        value,
        "X",
        ms=7.5,
        mfc=COLORS["ink"],
        mec=COLORS["paper"],
        mew=0.7,
        zorder=6,
        label="landmark systems, burden at peak (FLOP)",
    )
    for name, x, y in zip(systems["system"], year, value, strict=True):
        right, up, side = _PLACES[name]
        ax.annotate(
            name,
            (x, y),
            xytext=(right, up),
            textcoords="offset points",
            ha=side,
            va="center",
            color=COLORS["ink"],
            fontsize=8,
            zorder=7,
            bbox={"boxstyle": "square,pad=0.15", "fc": COLORS["paper"], "ec": "none", "alpha": 0.85},
        )
