"""`plot_counts`: every system with compute, error against compute, by task."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize

from scaling_bayes.figures.style import (
    COLORS,
    finish,
    new_figure,
    numeric_ticks,
    percent_ticks,
    styled,
)
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.editions import LATEST_EDITION
from scaling_bayes.systems.load import load_systems, reference_systems
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import decades, power_of_ten
from tools.tables.counts import COMPUTE_COUNTS

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_counts"]

#: Marker of each count of compute.
_MARKERS: Final[Mapping[str, str]] = MappingProxyType(
    {"burden_fp32": "o", "burden_tensor": "D", "burden_tpu": "s", "arithmetic": "^"}
)
_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "burden_fp32": "burden, FP32 peak",
        "burden_tensor": "burden, tensor-core peak",
        "burden_tpu": "burden, TPU peak",
        "arithmetic": "operations done",
    }
)
#: Opacity of rows that are sound, in doubt, and out of a reference fit.
_SOUND, _DOUBT, _OUT = 0.95, 0.55, 0.25
#: Ends beyond the last system, so that its colour is not too light for the page.
_YEARS: Final = Normalize(2012, 2026)


@styled
def plot_counts(edition: str = LATEST_EDITION, *, width: float = 8.9, height: float = 6.2) -> Figure:
    """Error against training compute of every system that reports it, one panel a task.

    Parameters
    ----------
    edition : str
        An edition that says how compute was counted, as `load_systems` takes it.
    width, height : float
        Size, inches.

    Returns
    -------
    Figure
        Colour is the year, the marker how compute was counted, opacity how far the row can be relied on; the
        band is the 90 % interval of the floor of `load_tasks`.
    """
    fitted = set(reference_systems(edition=edition)["system_id"])
    table, floors = _points(load_systems(edition=edition), fitted), load_tasks()
    figure = new_figure(width, height)
    panels = list(figure.subplots(2, 3).flat)
    for ax, (task, label) in zip(panels, TASK_LABELS.items(), strict=False):
        rows = table[table["task"] == task]
        _scatter(ax, rows)
        low, high = rows["error"].min(), rows["error"].max()
        floor = floors.loc[task]
        ax.axhspan(floor["floor_lower"], floor["floor_upper"], color=COLORS["grid"], lw=0, zorder=1)
        ax.set_yscale("log")
        ax.set_ylim(min(low, floor["floor_upper"]) / 1.35, min(high * 1.1, 1.0))
        percent_ticks(ax, "y", *ax.get_ylim())
        exponents = decades(rows["x"].min() - 0.5, rows["x"].max() + 0.5, most=5)
        ax.set_xlim(rows["x"].min() - 0.5, rows["x"].max() + 0.5)
        numeric_ticks(ax, "x", exponents, [power_of_ten(exponent) for exponent in exponents])
        ax.set_title(f"{label} ({len(rows)})")
        ax.set_xlabel("training compute, FLOP")
        finish(ax)
    for ax in (panels[0], panels[3]):
        ax.set_ylabel("error")
    _key(figure, panels[-1], set(table["compute_count"]))
    return figure


def _points(table: pd.DataFrame, fitted: set[str]) -> pd.DataFrame:
    """Rows with score and compute, with the corrected figures where there are any."""
    compute = table["training_compute_corrected_flop"].fillna(table["training_compute_flop"])
    rows = table.assign(error=table["error_corrected"].fillna(table["error"]), x=np.log10(compute))
    year = rows["publication_date"].dt.year.fillna(rows["year"].astype("float64"))
    out = ~rows["system_id"].isin(fitted)
    opacity = np.where(out, _OUT, np.where(rows["compute_in_doubt"], _DOUBT, _SOUND))
    rows = rows.assign(decimal=year, opacity=opacity)
    return rows[rows["x"].notna() & rows["error"].notna()]


def _scatter(ax: Axes, rows: pd.DataFrame) -> None:
    colors = mpl.colormaps["cividis"]
    for key, some in rows.groupby(["compute_count", "opacity"]):
        count, opacity = str(key[0]), float(str(key[1]))
        ax.scatter(
            some["x"],
            some["error"],
            s=17,
            marker=_MARKERS[count],
            c=[colors(_YEARS(year)) for year in some["decimal"]],
            alpha=opacity,
            linewidths=0.3,
            edgecolors=COLORS["paper"],
            zorder=2 + opacity,
        )


def _key(figure: Figure, ax: Axes, counts: set[str]) -> None:
    """What marker, opacity and colour mean, in place of a sixth panel."""
    ax.set_axis_off()
    ink = COLORS["ink"]
    look: dict[str, Any] = {"ls": "none", "mec": COLORS["paper"], "mew": 0.3, "ms": 5, "color": ink}
    marks = [
        ax.plot([], [], marker=_MARKERS[count], label=_NAMES[count], **look)[0]
        for count in COMPUTE_COUNTS
        if count in counts
    ]
    for words, opacity in (("compute in doubt", _DOUBT), ("not in a reference fit", _OUT)):
        marks += ax.plot([], [], marker="o", alpha=opacity, label=words, **look)
    marks += ax.plot([], [], lw=6, color=COLORS["grid"], label="floor, 90 %")
    ax.legend(handles=marks, loc="upper left", borderaxespad=0, handletextpad=0.5)
    bar = figure.colorbar(
        mpl.cm.ScalarMappable(_YEARS, mpl.colormaps["cividis"]),
        cax=ax.inset_axes((0.05, 0.18, 0.8, 0.06)),
        orientation="horizontal",
        ticks=[2012, 2015, 2018, 2021, 2024],
    )
    assert bar.solids is not None
    bar.solids.set(rasterized=False, edgecolor="face")
    bar.set_label("year, 2012 for what is older")
