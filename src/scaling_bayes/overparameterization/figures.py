"""The published figure: performance against observations, and against computation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Colour (Okabe & Ito, for every kind of colour vision), marker and name of each model.
_LOOK = {
    "oracle": ("#009E73", "o", "oracle: the right features"),
    "expert": ("#E69F00", "s", "expert: one of them wrong"),
    "flexible": ("#0072B2", "^", "flexible: all features"),
    "regularised": ("#D55E00", "D", "regularised: all, lasso"),
}


def plot_experiment(summary: pd.DataFrame, *, lowest: float = -0.5) -> Figure:
    """Both panels of the published figure.

    Parameters
    ----------
    lowest : float
        Lower end of the performance axis; the dip of the flexible model at interpolation goes further down.

    Returns
    -------
    matplotlib.figure.Figure
        Left, mean performance against observations, with its 90 % Monte Carlo interval; right, against
        operations.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.0), layout="constrained")
    against_observations, against_operations = figure.subplots(1, 2, sharey=True)
    _panel(against_observations, summary, "observations", "observations")
    _panel(against_operations, summary, "operations", "operations of one fit")
    against_observations.set_ylabel("performance, −log10 of normalised squared error")
    highest = float(summary["performance"].max())
    against_observations.set_ylim(lowest, highest + 0.05 * (highest - lowest))
    against_observations.legend(frameon=False, fontsize="small", loc="upper left")
    return figure


def _panel(axes: Axes, summary: pd.DataFrame, column: str, label: str) -> None:
    for model, rows in summary.groupby("model", sort=False):
        colour, marker, name = _LOOK[str(model)]
        x = rows[column].to_numpy(float)
        axes.plot(
            x, rows["performance"].to_numpy(float), color=colour, marker=marker, markersize=3.5, label=name
        )
        axes.fill_between(
            x,
            rows["lower_90"].to_numpy(float),
            rows["upper_90"].to_numpy(float),
            color=colour,
            alpha=0.3,
            lw=0,
        )
    axes.axhline(0, color="0.6", lw=0.8, zorder=0)
    axes.set_xscale("log")
    axes.set_xlabel(label)
    axes.spines[["top", "right"]].set_visible(False)
