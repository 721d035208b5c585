"""Checks of the model against the data: whether it would make systems like those it was fitted to.

They are computed from draws and data wherever a fit is read, so that a trace of any release has them. A fit
may pass the checks of its sample and fail these: the draws are then right, and the model is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.predictive import cumulative_probability_of_error, draw_error, in_pieces
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.checks import sentences
from scaling_bayes.diagnostics.convergence import doubled_ranks
from scaling_bayes.diagnostics.psis import GOOD_PARETO_K, smoothed_weights
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from scaling_bayes.core.observations import Observations

    Floats = NDArray[np.float64]

#: Probability, at most, that a p-value fails its check where the model is right.
FALSE_ALARM = 0.01
#: Posterior standard deviations by which a slope may move when one system is left out.
LARGEST_SHIFT = 2.0
#: Systems of a task below which its trend, and its shape, are not judged.
_LEAST_FOR_TREND, _LEAST_FOR_SHAPE = 3, 5

_MEANINGS = {
    "wrong_sign": "error grows with compute in this task, which the model rules out; its slope and its "
    "projections do not describe these systems",
    "lack_of_fit": "trend or curvature of the errors in this task is not what the law gives; try another law "
    "(compare) or pooling='none'",
    "outlier": "this system lies far from what the others predict; check its row, or fit with robust=True",
    "influence": "the slope rests on this system; fit without it and compare the projections",
}


def data_checks(idata: xr.DataTree | PosteriorView) -> pd.DataFrame:
    """Check the model against the data it was fitted to: as stored with the fit, or else made here.

    ``wrong_sign`` and ``lack_of_fit`` are posterior predictive p-values (Gelman, Meng & Stern 1996): in each
    task, of the rank correlation of error with compute, and of trend, curvature and drift over the years of
    log error. Replications for the first have no drift, which could follow any trend. ``outlier`` is the two-
    sided tail probability of a system given the others, by Pareto-smoothed importance sampling. These three
    are multiplied by the number of things tested. ``influence`` is of the systems whose Pareto k exceeds 0.7
    (Vehtari et al. 2024): the largest shift of the log of their task's slope when one is left out, in
    posterior standard deviations.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `stack` or `open_trace`.

    Returns
    -------
    DataFrame
        One row per check, with the columns of `scaling_bayes.checks`; ``worst`` is the task or system.

    Raises
    ------
    TraceError
        If the tree is not a fit.
    """
    view = PosteriorView.of(idata)
    if "data_checks" not in view:
        return computed_data_checks(view)
    frame = view.group("data_checks").to_dataframe().reset_index()
    return frame.assign(passed=frame["passed"].astype(bool))


def computed_data_checks(view: PosteriorView, *, drifting: bool = False) -> pd.DataFrame:
    """`data_checks`, made whether they are stored or not.

    Parameters
    ----------
    drifting : bool
        Whether replications for ``wrong_sign`` drift, as in the first fits with drift.
    """
    import pandas as pd

    observations, replicated = view.observations, view.predictive_draws("posterior")
    likelihood = view.group("log_likelihood")["error"].transpose("chain", "draw", "system").values
    smoothed = [smoothed_weights(-row) for row in likelihood.reshape(replicated.shape).T.astype(float)]
    weights = np.array([each for each, _ in smoothed])
    pareto_k = np.array([k for _, k in smoothed])
    trends = {
        "wrong_sign": _wrong_signs(view, drifting=drifting),
        "lack_of_fit": _misfits(observations, replicated),
    }
    rows = [(name, *_least(list(tested))) for name, tested in trends.items()]
    tails = _tails(view, weights)
    shifts = np.where(pareto_k > GOOD_PARETO_K, _shifts(view, weights), 0.0)
    rows.append(("outlier", *_least(list(zip(tails, observations.systems, strict=True)))))
    frame = pd.DataFrame(
        [
            *((name, value, ">=", FALSE_ALARM, worst) for name, value, worst in rows),
            ("influence", float(shifts.max()), "<=", LARGEST_SHIFT, observations.systems[shifts.argmax()]),
        ],
        columns=["check", "value", "comparison", "threshold", "worst"],
    )
    at_least = frame["comparison"] == ">="
    frame.insert(
        4,
        "passed",
        np.where(at_least, frame["value"] >= frame["threshold"], frame["value"] <= frame["threshold"]),
    )
    frame["meaning"] = [_MEANINGS[check] for check in frame["check"]]
    return frame


def doubts(idata: xr.DataTree | PosteriorView) -> list[str]:
    """One sentence for each check of `data_checks` that fails, or why they could not be made."""
    try:
        return sentences(data_checks(idata))
    except Exception as error:  # noqa: BLE001  no check is worth the answer it is made for
        return [f"the model could not be checked against the data ({type(error).__name__}: {error})"]


def _least(tested: list[tuple[float, str]]) -> tuple[float, str]:
    """Smallest p-value times the number of tests (Bonferroni), and what it is of; 1 where none was made."""
    if not tested:
        return 1.0, "too few systems"
    p, worst = min(tested)
    return min(1.0, p * len(tested)), worst


def _wrong_signs(view: PosteriorView, *, drifting: bool) -> Iterator[tuple[float, str]]:
    """Per task, the probability that error replicated without drift grows as much with compute."""
    observations = view.observations
    for rows, task in _tasks(observations, _LEAST_FOR_TREND):
        ranks = _standard(_ranks(observations.log10_compute[rows]))
        if not ranks.any():
            continue
        observed = _standard(_ranks(observations.error[rows])) @ ranks
        if observed > 0:
            of_task = view.predictive_draws("posterior", task) if drifting else _without_drift(view, task)
            yield _tail(observed, _standard(_ranks(of_task)) @ ranks), task
        else:
            yield 1.0, task


def _without_drift(view: PosteriorView, task: str) -> Floats:
    """Predicted errors of a task's systems, had its line not drifted, shape (draw, system)."""
    posterior, observations = view.posterior, view.observations
    if "drift_step" not in posterior:
        return view.predictive_draws("posterior", task)
    number = observations.tasks.index(task)
    observations = observations.subset(observations.task_index == number)
    posterior = posterior.assign(drift_step=xr.zeros_like(posterior["drift_step"]))
    rng = generator(view.seed, Stream.WITHOUT_DRIFT, number)
    errors = [
        draw_error(performance, rng, observations.paper_index).values
        for _, performance in in_pieces(view.law, posterior, observations)
    ]
    return np.concatenate(errors, axis=1).reshape(-1, observations.error.size)


def _misfits(observations: Observations, replicated: Floats) -> Iterator[tuple[float, str]]:
    """Per task, two-sided p-values of trend with compute, of curvature, and of drift over the years."""
    for rows, task in _tasks(observations, _LEAST_FOR_SHAPE):
        compute, year = observations.compute[rows], observations.years[rows]
        design = np.ones((rows.size, 1))
        for direction in (compute, compute**2, year):
            part = _residual(direction, design)
            if np.linalg.norm(part) <= 1e-6 * np.linalg.norm(direction):
                continue
            observed, drawn = (
                _standard(_residual(np.log(error[..., rows]), design)) @ (part / np.linalg.norm(part))
                for error in (observations.error, replicated)
            )
            yield min(1.0, 2.0 * min(_tail(observed, drawn), _tail(-observed, -drawn))), task
            if direction is compute:
                design = np.column_stack([design, compute])


def _tasks(observations: Observations, least: int) -> Iterator[tuple[NDArray[np.intp], str]]:
    for number, task in enumerate(observations.tasks):
        rows = np.flatnonzero(observations.task_index == number)
        if rows.size >= least:
            yield rows, task


def _tail(observed: Any, drawn: Floats) -> float:
    """Probability of at least the observed: the share of draws, below it by the normal distribution."""
    from scipy.special import ndtr

    reached = int((drawn >= observed).sum())
    if reached:
        return (1 + reached) / (1 + drawn.size)
    spread = float(drawn.std())
    z = (observed - float(drawn.mean())) / spread if spread else np.inf
    return min(float(ndtr(-z)), 1.0 / (1 + drawn.size))


def _ranks(values: Floats) -> Floats:
    ranks: Floats = doubled_ranks(np.atleast_2d(values)).reshape(values.shape) / 2.0
    return ranks


def _standard(values: Floats) -> Floats:
    """Values less their mean, at unit length along the last axis; zeros where they do not vary."""
    centered = values - values.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(centered, axis=-1, keepdims=True)
    unit: Floats = np.divide(centered, length, out=np.zeros_like(centered), where=length > 0)
    return unit


def _residual(values: Floats, design: Floats) -> Floats:
    """Part of values, shape (..., system), that a design of shape (system, column) leaves over."""
    orthonormal, _ = np.linalg.qr(design)
    left: Floats = values - (values @ orthonormal) @ orthonormal.T
    return left


def _tails(view: PosteriorView, weights: Floats) -> Floats:
    """Two-sided tail probability of each system given the others; weights of shape (system, draw)."""
    observations, posterior = view.observations, view.posterior
    shape = (len(weights), posterior.sizes["chain"], posterior.sizes["draw"])
    of_chains, probability = weights.reshape(shape), np.zeros(len(weights))
    for part, performance in in_pieces(view.law, posterior, observations):
        below = cumulative_probability_of_error(performance, observations.error)
        probability += np.einsum("cds,scd->s", below.values, of_chains[:, :, part])
    tails: Floats = 2.0 * np.minimum(probability, 1.0 - probability).clip(0.0)
    return tails


def _shifts(view: PosteriorView, weights: Floats) -> Floats:
    """Shift of the log slope of each system's task without it, in posterior standard deviations."""
    slope = view.posterior["slope"].transpose("chain", "draw", "task").values
    log_slope = np.log(slope.reshape(-1, slope.shape[-1]).astype(float))
    log_slope = (log_slope - log_slope.mean(axis=0)) / log_slope.std(axis=0)
    moved: Floats = np.abs(np.einsum("sd,ds->s", weights, log_slope[:, view.observations.task_index]))
    return moved
