"""`compare`: how well fits predict what they have not seen, and the weights that predict best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from arviz_stats import ELPDData
from arviz_stats import compare as arviz_compare

from scaling_bayes.core.options import STACK, check_choice, check_seed
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.psis import GOOD_PARETO_K
from scaling_bayes.errors import OptionError
from scaling_bayes.model.evaluate.crossvalidate import (
    Predicted,
    leave_folds_out,
    leave_systems_out,
    paper_folds,
    refitter_of,
    task_folds,
)
from scaling_bayes.model.evaluate.progressbar import steps
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

LEAVE_OUT = ("paper", "system", "task")
DEFAULT_FOLDS = 10
_SIMPLEX_DRAWS = 50_000


@dataclass(frozen=True)
class Comparison:
    """How well each fit predicts what it has not seen.

    Attributes
    ----------
    table : DataFrame
        One row per fit, best first: ``fit``, ``elpd`` (nats), ``elpd_se``, ``difference`` to the best,
        ``difference_se``, ``weight`` (`mean_stacking_weights`), ``optimal_weight`` (`stacking_weights`),
        ``worst_pareto_k`` and ``refits``.
    pointwise : Dataset
        ``elpd``, ``pareto_k`` and ``refitted`` (fit, part).
    leave_out : str
        What was predicted from the rest.
    """

    table: pd.DataFrame
    pointwise: xr.Dataset
    leave_out: str

    @property
    def weights(self) -> dict[str, float]:
        """Stacking weight of each fit, by name."""
        return dict(zip(self.table["fit"], map(float, self.table["weight"]), strict=True))


def compare(
    fits: Mapping[str, xr.DataTree | PosteriorView],
    *,
    leave_out: str = "paper",
    folds: int = DEFAULT_FOLDS,
    random_seed: int | None = None,
    progressbar: bool = True,
) -> Comparison:
    """Compare fits of the same systems by what they predict of systems left out, and weigh them by stacking.

    Densities are of the error, whatever the law, so fits of different laws stand on one scale.

    Parameters
    ----------
    fits : mapping of str to DataTree
        At least two, by name, from `fit` or `open_trace`, of the same systems.
    leave_out : {"paper", "system", "task"}
        ``paper``: K-fold cross-validation in which a paper's systems are left out together; each paper's
        are predicted jointly. ``system``: PSIS leave-one-out (Vehtari et al. 2017, 2024), each system given
        the others of its paper; systems whose Pareto k exceeds 0.7 are left out of a fit of their own.
        ``task``: all systems of a task but its three earliest are left out, task by task.
    folds : int
        Folds of ``leave_out="paper"``, at least 2; as many as there are papers leaves each out alone.
    random_seed : int, optional
        Of folds and refits; by default the seed of the first fit.
    progressbar : bool
        Whether to show progress on standard error.

    Returns
    -------
    Comparison

    Raises
    ------
    OptionError
        If there are fewer than two fits, they are not of the same systems, or an option is invalid.
    """
    check_choice("leave_out", leave_out, LEAVE_OUT)
    check_folds(folds)
    views, seed = open_comparable(fits, random_seed)
    observations = next(iter(views.values())).observations
    held_out = paper_folds(observations, folds, seed) if leave_out == "paper" else task_folds(observations)
    total = None if leave_out == "system" else len(views) * len(held_out)
    predicted = {}
    with steps("refitting", shown=progressbar, total=total) as step:
        for name, view in views.items():
            done = partial(step, name)
            predicted[name] = (
                leave_systems_out(view, seed, done)
                if leave_out == "system"
                else leave_folds_out(observations, refitter_of(view), held_out, seed, done)
            )
    return _comparison(predicted, leave_out)


def check_folds(folds: object) -> None:
    """Refuse a number of folds that is not a whole number of at least 2."""
    if isinstance(folds, bool) or not isinstance(folds, int) or folds < 2:
        raise OptionError(f"folds must be a whole number of at least 2; found {folds!r}.")


def open_comparable(
    fits: Mapping[str, xr.DataTree | PosteriorView], random_seed: int | None
) -> tuple[dict[str, PosteriorView], int]:
    """Open fits that can be compared, and give the seed to use."""
    if not isinstance(fits, Mapping) or len(fits) < 2:
        found = f"{len(fits)} fit(s)" if isinstance(fits, Mapping) else type(fits).__name__
        raise OptionError(f"fits: found {found}; expected a mapping of at least two names to fits.")
    views = {name: PosteriorView.of(idata) for name, idata in fits.items()}
    first = next(iter(views))
    digests = {name: str(view.manifest["data"]["sha256"]) for name, view in views.items()}
    for name, view in views.items():
        if view.law == STACK:
            raise OptionError(f"fits[{name!r}] is a stack; expected fits of single laws.")
        if digests[name] != digests[first]:
            raise OptionError(
                f"fits[{name!r}] is of other systems than fits[{first!r}] (data digests "
                f"{digests[name][:12]} and {digests[first][:12]}); "
                "fit the same table."
            )
    if random_seed is None:
        return views, views[first].seed
    check_seed(random_seed)
    return views, int(random_seed)


def _comparison(predicted: Mapping[str, Predicted], leave_out: str) -> Comparison:
    import pandas as pd

    names = list(predicted)
    elpd = np.array([one.elpd for one in predicted.values()])
    best = int(elpd.sum(axis=1).argmax())
    weights, optima = mean_stacking_weights(elpd), stacking_weights(elpd)
    rows = []
    for number, one in enumerate(predicted.values()):
        difference = elpd[number] - elpd[best]
        k = one.pareto_k
        rows.append(
            {
                "fit": names[number],
                "elpd": float(elpd[number].sum()),
                "elpd_se": _standard_error(elpd[number]),
                "difference": float(difference.sum()),
                "difference_se": _standard_error(difference),
                "weight": float(weights[number]),
                "optimal_weight": float(optima[number]),
                "worst_pareto_k": float(np.nanmax(k)) if np.isfinite(k).any() else float("nan"),
                "refits": int(one.refitted.sum()),
            }
        )
    table = pd.DataFrame(rows).sort_values("elpd", ascending=False, kind="stable").reset_index(drop=True)
    pointwise = xr.Dataset(
        {
            "elpd": (("fit", "part"), elpd),
            "pareto_k": (("fit", "part"), np.array([one.pareto_k for one in predicted.values()])),
            "refitted": (("fit", "part"), np.array([one.refitted for one in predicted.values()])),
        },
        coords={"fit": names, "part": list(next(iter(predicted.values())).parts)},
    )
    return Comparison(table, pointwise, leave_out)


def _standard_error(pointwise: NDArray[np.float64]) -> float:
    """Of the sum; infinite where a fit holds something impossible that happened."""
    if not np.isfinite(pointwise).all():
        return float("inf")
    return float(np.sqrt(pointwise.size * pointwise.var()))


def stacking_weights(elpd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the mixture with the largest log score, by ArviZ.

    Yao et al. 2018, *Using stacking to average Bayesian predictive distributions*.

    Parameters
    ----------
    elpd : ndarray, shape (fit, part)
        Log predictive density of each part by each fit.

    Returns
    -------
    ndarray, shape (fit,)
        Not negative, summing to 1.
    """
    relative = np.maximum(elpd - elpd.max(axis=0), -700.0)  # the same weights, and no overflow
    n = relative.shape[1]
    entries = {
        str(number): ELPDData(
            elpd=float(row.sum()),
            se=float(np.sqrt(n * row.var())),
            p=0.0,
            n_samples=1,
            n_data_points=n,
            scale="log",
            warning=False,
            good_k=GOOD_PARETO_K,
            elpd_i=xr.DataArray(row, dims="part"),
        )
        for number, row in enumerate(relative)
    }
    found = arviz_compare(entries, method="stacking", round_to="none")["weight"]
    weights: NDArray[np.float64] = np.clip([float(found[name]) for name in entries], 0.0, 1.0)
    return weights / weights.sum()


def mean_stacking_weights(elpd: NDArray[np.float64], *, random_seed: int = 0) -> NDArray[np.float64]:
    """Posterior mean of the stacking weights, all weights being equally probable beforehand.

    The log score of a mixture is taken as a log likelihood of its weights (Yao, Pirs, Vehtari & Gelman 2022,
    *Bayesian hierarchical stacking*, without the hierarchy). Where laws predict alike the data leave the
    weights open, and so does the mean; the optimum of `stacking_weights` goes to a corner all the same.
    Integrated over uniform draws from the simplex.

    Parameters
    ----------
    elpd : ndarray, shape (fit, part)
        Log predictive density of each part by each fit.
    random_seed : int
        Of the draws.

    Returns
    -------
    ndarray, shape (fit,)
        Positive, summing to 1.
    """
    relative = np.exp(elpd - elpd.max(axis=0))
    drawn = generator(random_seed, Stream.STACKING_WEIGHT).dirichlet(
        np.ones(elpd.shape[0]), size=_SIMPLEX_DRAWS
    )
    with np.errstate(divide="ignore"):
        score = np.log(drawn @ relative).sum(axis=1)
    probability = np.exp(score - score.max())
    weights: NDArray[np.float64] = probability @ drawn / probability.sum()
    return weights
