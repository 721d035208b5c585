"""`plot_ranks`: whether the chains agree, on the parameters where they agree least."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.laws import LAWS
from scaling_bayes.diagnostics.checks import checks
from scaling_bayes.figures.style import (
    COLORS,
    FigureError,
    finish,
    new_figure,
    numeric_ticks,
    panels,
    steps,
    styled,
)
from scaling_bayes.text import legible, records, task_label
from scaling_bayes.trace.view import PosteriorView, split_check

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_AGREEMENT = ("rhat", "ess_bulk", "ess_tail")
_BINS = 20
_LEAST_DRAWS = 20
_CHAIN_COLORS = ("blue", "orange", "green", "purple")


@styled
def plot_ranks(idata: xr.DataTree | PosteriorView, *, width: float = 8.9) -> Figure:
    """Rank histograms by chain of the parameters with the worst R-hat and effective sample sizes.

    Chains that sample the same distribution give flat histograms (Vehtari et al. 2021). In a stack the worst
    of all fits is shown, among the draws of its law.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`.
    width : float
        Width in inches; below 6 the panels stand one above the other.

    Returns
    -------
    Figure

    Raises
    ------
    FigureError
        If there is one chain only, or no parameter is named by the checks.
    """
    view = PosteriorView.of(idata)
    if view.posterior.sizes["chain"] < 2:
        raise FigureError("rank histograms compare chains; this fit has one.")
    found = _worst(view)
    if not found:
        raise FigureError("the checks name no parameter of the posterior.")
    beside = width >= 6
    figure = new_figure(width, 1.9 if beside else 1.7 * len(found))
    axes = panels(figure, len(found), beside=beside)
    for ax, (title, values) in zip(axes, found.items(), strict=True):
        _panel(ax, title, values)
    return figure


def _worst(view: PosteriorView) -> dict[str, NDArray[np.float64]]:
    """Title and draws (chain, draw) of the parameter that sets each check of agreement, once each."""
    laws = view.manifest.get("stack", {}).get("laws", {})
    found: dict[str, tuple[float, str, NDArray[np.float64]]] = {}
    for row in records(checks(view)):
        fit, check = split_check(row["check"])
        badness = row["value"] if check == "rhat" else -row["value"]
        if check not in _AGREEMENT or (check in found and found[check][0] >= badness):
            continue
        values = _draws(view.posterior, str(row["worst"]))
        if values is not None and fit:
            values = _of_law(values, view.posterior["law"], laws[fit])
        if values is not None:
            title = _title(str(row["worst"])) + (f" ({legible(fit, 16)})" if fit else "")
            found[check] = (badness, title, values)
    return {title: values for _, title, values in found.values()}


def _of_law(values: NDArray[np.float64], number: xr.DataArray, law: str) -> NDArray[np.float64] | None:
    """Draws of one law of a stack, of which each chain has as many; None where there are too few."""
    own = number.transpose("chain", "draw").values == list(LAWS).index(law)
    counts = own.sum(axis=1)
    if counts.min() < _LEAST_DRAWS or np.ptp(counts) > 0:
        return None
    chosen: NDArray[np.float64] = values[own].reshape(len(counts), -1)
    return chosen


def _draws(posterior: xr.Dataset, name: str) -> NDArray[np.float64] | None:
    """Draws (chain, draw) of a parameter written as ``name`` or ``name[task]``."""
    match = re.fullmatch(r"(\w+)(?:\[(.*)\])?", name, flags=re.DOTALL)
    if match is None or match[1] not in posterior:
        return None
    values = posterior[match[1]]
    if match[2] is not None:
        if "task" not in values.dims or match[2] not in values["task"].values.astype(str):
            return None
        values = values.sel(task=match[2])
    if set(values.dims) != {"chain", "draw"}:
        return None
    return np.asarray(values.transpose("chain", "draw").values, dtype=float)


def _panel(ax: Axes, title: str, values: NDArray[np.float64]) -> None:
    chains, draws = values.shape
    ranks = values.ravel().argsort(kind="stable").argsort(kind="stable").reshape(values.shape) / values.size
    bins = int(np.clip(draws // 10, 4, _BINS))
    expected = draws / bins
    for chain in range(chains):
        counts, edges = np.histogram(ranks[chain], bins=bins, range=(0.0, 1.0))
        color = COLORS[_CHAIN_COLORS[chain % len(_CHAIN_COLORS)]]
        steps(ax, edges.tolist(), (counts / expected).tolist(), color=color, lw=1.0)
    ax.plot([0, 1], [1, 1], color=COLORS["rule"], lw=0.8)
    ax.set_xlim(0, 1)
    ax.set_ylim(0, 2)
    numeric_ticks(ax, "x", [0.0, 0.5, 1.0], ["lowest", "middle", "highest"])
    numeric_ticks(ax, "y", [0.0, 1.0, 2.0], ["0", "as expected", "2×"])
    ax.set_title(title, fontsize=9)
    finish(ax, grid="y")


def _title(name: str) -> str:
    parameter, bracket, task = name.partition("[")
    return f"{parameter}, {task_label(task.removesuffix(']'), 20)}" if bracket else legible(parameter, 40)
