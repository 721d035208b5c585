"""Expected log predictive density of a fit: by importance sampling, and by fits without what is predicted."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from arviz_stats import loo
from scipy.special import logsumexp

from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import SamplerOptions
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import joint_log_density_of_error, log_density_given_paper
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.psis import GOOD_PARETO_K
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Folds = list[NDArray[np.bool_]]

#: Earliest systems of a task that stay in when the rest of it is left out: its level has to be seen.
ANCHORS = 3

#: Draws and warm-up draws of each refit and chain; with 4 chains the error of a log density is about 0.03.
REFIT_DRAWS = 500

Step = Callable[[], None]


@dataclass(frozen=True)
class Predicted:
    """Log predictive density of each part of the data, given the rest."""

    #: Natural log of the density of the part's errors. Shape (part,).
    elpd: NDArray[np.float64]
    #: Shape of the tail of the importance weights; NaN where no importance sampling was used. Shape (part,).
    pareto_k: NDArray[np.float64]
    #: Whether the density comes from a fit without the part. Shape (part,).
    refitted: NDArray[np.bool_]
    #: What each part is.
    parts: tuple[str, ...]


def refitter_of(fit: PosteriorView) -> Refitter:
    """Give what fits the model of a fit to other rows, with the same priors and fewer draws."""
    settings = {name: value for name, value in fit.manifest["sampler"].items() if name != "name"}
    settings |= {name: min(settings[name], REFIT_DRAWS) for name in ("draws", "tune")}
    return Refitter(fit.options, SamplerOptions(**settings), fit.priors)


def leave_systems_out(fit: PosteriorView, random_seed: int, step: Step) -> Predicted:
    """PSIS leave-one-out of a fit, each system given its paper's others; refitted where it fails."""
    observations = fit.observations
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the Pareto k that are dealt with here
        estimated = loo(fit.tree, pointwise=True, var_name="error")
    elpd = estimated.elpd_i.values.copy()
    pareto_k = estimated.pareto_k.values
    poor = ~(pareto_k <= GOOD_PARETO_K)
    refitter = refitter_of(fit)
    for row in np.flatnonzero(poor):
        posterior, _ = refitter(observations.subset(np.arange(elpd.size) != row), random_seed + int(row))
        rng = generator(random_seed, Stream.DRIFT, int(row))
        performance = observed_performance(refitter.options.law, posterior, observations, rng=rng)
        density = log_density_given_paper(performance, observations.error, observations.paper_index)
        elpd[row] = _log_mean(density.values[..., row])
        step()
    return Predicted(elpd, pareto_k, poor, observations.systems)


def leave_folds_out(
    observations: Observations, refitter: Refitter, held_out: Folds, random_seed: int, step: Step
) -> Predicted:
    """Predict the systems of each fold from the rest; those of one paper and task together."""
    elpd, parts = [], []
    for number, rows in enumerate(held_out):
        posterior, _ = refitter(observations.subset(~rows), random_seed + number)
        left_out = observations.subset(rows)
        rng = generator(random_seed, Stream.DRIFT, number)
        performance = observed_performance(refitter.options.law, posterior, left_out, rng=rng)
        density = joint_log_density_of_error(performance, left_out.error, left_out.paper_index)
        for paper in range(density.sizes["paper"]):
            elpd.append(_log_mean(density.values[..., paper]))
            parts.append(left_out.systems[int(np.flatnonzero(left_out.paper_index == paper)[0])])
        step()
    values = np.array(elpd)
    return Predicted(values, np.full(values.size, np.nan), np.ones(values.size, dtype=bool), tuple(parts))


def paper_folds(observations: Observations, folds: int, random_seed: int) -> Folds:
    """Split the systems into folds by paper, in random order; a paper on several tasks goes as one."""
    names = [paper or label for paper, label in zip(observations.paper, observations.systems, strict=True)]
    _, paper = np.unique(names, return_inverse=True)
    n_papers = int(paper.max()) + 1
    n_folds = min(folds, n_papers)
    fold_of_paper = np.empty(n_papers, dtype=int)
    fold_of_paper[generator(random_seed, Stream.PERMUTATION).permutation(n_papers)] = (
        np.arange(n_papers) % n_folds
    )
    return [fold_of_paper[paper] == fold for fold in range(n_folds)]


def task_folds(observations: Observations) -> Folds:
    """For each task, all its systems but the `ANCHORS` earliest."""
    held_out = []
    for task in range(len(observations.tasks)):
        rows = np.flatnonzero(observations.task_index == task)
        later = rows[np.argsort(observations.year[rows], kind="stable")][ANCHORS:]
        if later.size:
            held_out.append(np.isin(np.arange(observations.error.size), later))
    return held_out


def _log_mean(log_density: NDArray[np.float64]) -> float:
    return float(logsumexp(log_density) - np.log(log_density.size))
