"""Expected log predictive density of a fit: by importance sampling, and by fits without what is predicted."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from arviz_stats import loo
from scipy.special import logsumexp

from scaling_bayes.model.refit import Refitter
from scaling_bayes.observations import Observations, observations_of
from scaling_bayes.options import ModelOptions, SamplerOptions
from scaling_bayes.predictive import (
    joint_log_density_of_error,
    log_density_given_paper,
    observed_performance,
)
from scaling_bayes.priors import Prior
from scaling_bayes.schema import group, manifest

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAVE_OUT", "Predicted", "cross_validate"]

#: What is predicted from the rest: a system given its paper's others, a paper, or a task but for its first
#: systems.
LEAVE_OUT = ("system", "paper", "task")
#: Importance sampling is trusted up to this Pareto k (Vehtari et al. 2024, for 4,000 draws).
GOOD_PARETO_K = 0.7
#: Earliest systems of a task that stay in when the rest of it is left out: its level has to be seen.
ANCHORS = 3

Step = Callable[[], None]


@dataclass(frozen=True)
class Predicted:
    """Log predictive density of each part of the data, given the rest.

    Attributes
    ----------
    elpd : ndarray, shape (part,)
        Natural log of the density of the part's errors.
    pareto_k : ndarray, shape (part,)
        Shape of the tail of the importance weights; NaN where no importance sampling was used.
    refitted : ndarray of bool, shape (part,)
        Whether the density comes from a fit without the part.
    parts : tuple of str
        What each part is.
    """

    elpd: NDArray[np.float64]
    pareto_k: NDArray[np.float64]
    refitted: NDArray[np.bool_]
    parts: tuple[str, ...]


def cross_validate(
    idata: xr.DataTree,
    leave_out: str,
    *,
    folds: int,
    random_seed: int,
    step: Step = lambda: None,
) -> Predicted:
    """Predict each part of a fit's data from the rest.

    Parameters
    ----------
    idata : DataTree
        From `fit`.
    leave_out : {"system", "paper", "task"}
        See `scaling_bayes.compare`.
    folds : int
        Number of groups of papers left out together.
    random_seed : int
        Of the folds and refits.
    step : callable
        Called after every refit.
    """
    constant = group(idata, "constant_data")
    observations = observations_of(constant, group(idata, "observed_data"))
    content = manifest(idata)
    refitter = Refitter(
        ModelOptions(**content["model"]),
        SamplerOptions(**{k: v for k, v in content["sampler"].items() if k != "name"}),
        {name: Prior(**stored) for name, stored in content["priors"].items()},
    )
    if leave_out == "system":
        return _by_system(idata, observations, refitter, random_seed, step)
    if leave_out == "paper":
        held_out = paper_folds(constant, observations, folds, random_seed)
    else:
        held_out = list(task_folds(observations))
    return _by_fold(constant, observations, refitter, held_out, random_seed, step)


def _by_system(
    idata: xr.DataTree, observations: Observations, refitter: Refitter, random_seed: int, step: Step
) -> Predicted:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of the Pareto k that are dealt with here
        estimated = loo(idata, pointwise=True, var_name="error")
    elpd = estimated.elpd_i.values.copy()
    pareto_k = estimated.pareto_k.values
    poor = ~(pareto_k <= GOOD_PARETO_K)
    law, constant = refitter.options.law, group(idata, "constant_data")
    for row in np.flatnonzero(poor):
        rest = np.arange(elpd.size) != row
        posterior, _ = refitter(observations.subset(rest), random_seed + int(row))
        performance = observed_performance(law, posterior, constant)
        density = log_density_given_paper(performance, observations.error, observations.paper_index)
        elpd[row] = _log_mean(density.values[..., row])
        step()
    return Predicted(elpd, pareto_k, poor, observations.systems)


def _by_fold(
    constant: xr.Dataset,
    observations: Observations,
    refitter: Refitter,
    held_out: list[NDArray[np.bool_]],
    random_seed: int,
    step: Step,
) -> Predicted:
    """Density of the left-out systems of each paper together."""
    elpd, parts = [], []
    for number, rows in enumerate(held_out):
        posterior, _ = refitter(observations.subset(~rows), random_seed + number)
        left_out = observations.subset(rows)
        performance = observed_performance(
            refitter.options.law, posterior, constant.isel(system=np.flatnonzero(rows))
        )
        density = joint_log_density_of_error(performance, left_out.error, left_out.paper_index)
        for paper in range(density.sizes["paper"]):
            elpd.append(_log_mean(density.values[..., paper]))
            first = int(np.flatnonzero(left_out.paper_index == paper)[0])
            parts.append(left_out.systems[first])
        step()
    values = np.array(elpd)
    return Predicted(values, np.full(values.size, np.nan), np.ones(values.size, dtype=bool), tuple(parts))


def paper_folds(
    constant: xr.Dataset, observations: Observations, folds: int, random_seed: int
) -> list[NDArray[np.bool_]]:
    """Split the systems into folds by paper, in random order; a paper on several tasks goes as one."""
    if "paper" in constant:
        names = [str(name) or label for name, label in zip(constant["paper"].values, observations.systems, strict=True)]
    else:
        names = [str(number) for number in observations.paper_index]
    _, paper = np.unique(names, return_inverse=True)
    n_papers = int(paper.max()) + 1
    order = np.random.default_rng([random_seed, 6]).permutation(n_papers)
    fold_of_paper = np.empty(n_papers, dtype=int)
    fold_of_paper[order] = np.arange(n_papers) % min(folds, n_papers)
    return [fold_of_paper[paper] == fold for fold in range(min(folds, n_papers))]


def task_folds(observations: Observations) -> Iterator[NDArray[np.bool_]]:
    """For each task, all its systems but the `ANCHORS` earliest."""
    for task in range(len(observations.tasks)):
        rows = np.flatnonzero(observations.task_index == task)
        later = rows[np.argsort(observations.year[rows], kind="stable")][ANCHORS:]
        if later.size:
            held_out = np.zeros(observations.error.size, dtype=bool)
            held_out[later] = True
            yield held_out


def _log_mean(log_density: NDArray[np.float64]) -> float:
    return float(logsumexp(log_density) - np.log(log_density.size))
