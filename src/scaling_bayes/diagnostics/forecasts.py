"""Forecasts of the errors of given systems: by the draws of a fit, and by baselines beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import (
    cumulative_probability_of_error,
    draw_error,
    given_curves,
    log_density_of_error,
)
from scaling_bayes.diagnostics.scores import crps

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: The 2020 paper's method, by the law whose scale is that of its line.
LEAST_SQUARES = {"least_squares_power": "power", "least_squares_exponential": "exponential"}
#: Probabilities of the quantiles that stand for a distribution known in closed form.
_GRID = (np.arange(1000) + 0.5) / 1000
#: Fewest points of a line, and of past departures, that leave a spread to be estimated.
_FEWEST = 3


@dataclass(frozen=True)
class Forecast:
    """What was predicted of systems, and of their observed errors."""

    #: Natural log of the predictive density of the observed error, a density of error. Shape (system,).
    log_score: Floats
    #: Predictive probability of an error at most the observed (probability integral transform). Shape
    #: (system,).
    pit: Floats
    #: Predicted errors. All three are NaN where nothing is predicted. Shape (draw, system).
    draws: Floats


def at_references_of(before: Observations, systems: pd.DataFrame, *, needs_year: bool) -> Observations:
    """Observations of other systems of the same tasks, at the references that a fit to `before` has.

    Parameters
    ----------
    before : Observations
        What was fitted.
    systems : DataFrame
        As `observe` takes it; every task is one of `before`.
    needs_year : bool
        Whether the model uses time.
    """
    return observe(systems, needs_year=needs_year).at_references_of(before)


def forecast(
    law: str,
    posterior: xr.Dataset,
    after: Observations,
    rng: np.random.Generator,
    before: Observations | None = None,
) -> Forecast:
    """Forecast by the draws of a fit, each system as one of a paper not seen.

    Density and probability are the means over draws of each draw's own, which are known in closed form
    (Rao-Blackwell), so that they have less Monte Carlo error than a histogram of drawn errors.

    Parameters
    ----------
    law : str
        The model's ``law``, or ``stack``.
    posterior : Dataset
        Draws of the parameters.
    after : Observations
        Systems to predict, at the references of the fit: see `at_references_of`.
    rng : Generator
        For the drawn errors.
    before : Observations, optional
        What was fitted: in a fit of learning curves, systems of its curves are forecast given their points.
    """
    performance = observed_performance(law, posterior, after, rng=rng)
    if before is not None:
        tasks = [after.tasks[at] for at in after.task_index]
        performance = given_curves(law, posterior, before, performance, tasks, after.paper)

    def flat(values: xr.DataArray) -> Floats:
        return np.asarray(values.values, dtype=float).reshape(-1, after.error.size)

    density = flat(log_density_of_error(performance, after.error))
    return Forecast(
        logsumexp(density, axis=0) - np.log(density.shape[0]),
        flat(cumulative_probability_of_error(performance, after.error)).mean(axis=0),
        flat(draw_error(performance, rng)),
    )


def mixture(parts: Sequence[Forecast], weights: Sequence[float], rng: np.random.Generator) -> Forecast:
    """Mix forecasts that have as many draws each; weights sum to 1."""
    shares = np.array(weights)[:, np.newaxis]
    n = parts[0].draws.shape[0]
    chosen = rng.choice(len(parts), size=n, p=shares[:, 0] / shares.sum())
    draws = np.array([part.draws for part in parts])[chosen, np.arange(n)]
    with np.errstate(divide="ignore"):
        log_score = logsumexp([part.log_score for part in parts], axis=0, b=shares)
    return Forecast(log_score, (shares * [part.pit for part in parts]).sum(axis=0), draws)


def least_squares(before: Observations, after: Observations, law: str) -> Forecast:
    """Forecast by the 2020 paper's method: each task's least-squares line and its prediction interval.

    Performance on log10 compute, Student t with n - 2 degrees of freedom (Draper & Smith, *Applied Regression
    Analysis*, 3rd ed., sections 3.1-3.2). Nothing is predicted where a task has fewer than three systems, or
    the same compute in all.

    Parameters
    ----------
    before, after : Observations
        Systems fitted and predicted, of the same tasks and at the same references.
    law : str
        The scale of performance.
    """
    performance = get_law(law).performance

    def line(rows: NDArray[np.bool_], new: NDArray[np.bool_]) -> _Student | None:
        x, y = before.compute[rows], performance(before.error[rows])
        n = x.size
        if n < _FEWEST or np.ptp(x) == 0:
            return None
        slope, intercept = np.polyfit(x, y, 1)
        residual_sd = np.sqrt(((y - intercept - slope * x) ** 2).sum() / (n - 2))
        at = after.compute[new]
        sd = residual_sd * np.sqrt(1 + 1 / n + (at - x.mean()) ** 2 / ((x - x.mean()) ** 2).sum())
        return _Student(intercept + slope * at, sd, n - 2)

    return _by_task(before, after, law, line)


def naive(before: Observations, after: Observations, *, gain: bool = True) -> Forecast:
    """Forecast without compute: the best error so far, with or without the yearly gain of the past.

    In each task, on the scale ``y = log10(1 / error)``. The record of a calendar year is the best y published
    by its end. A past change is y of a system minus the record of the year before it; their number is n.

    - Without the gain (persistence): y of a system k years after the last known record is that record, with a
      spread of ``s * sqrt(k)``, where s is the root mean square of the past changes; Student t, n degrees of
      freedom.
    - With it: y is the record, plus the mean of the past changes, plus k - 1 times the mean yearly gain of
      the record. Its spread is ``s * sqrt(k + 1 / n)``, where s is the standard deviation of the past
      changes; Student t, n - 1 degrees of freedom.

    The spread is that of a random walk, with drift where there is a gain (Hyndman & Athanasopoulos,
    *Forecasting: Principles and Practice*, 3rd ed., sections 5.2 and 5.5). The last known record is that of
    the task's last year in `before`, or of the year before the system where that is earlier. Nothing is
    predicted where a task has fewer than three past changes, or a system has no record before it.

    Parameters
    ----------
    before, after : Observations
        Systems known and predicted, of the same tasks; only task, year and error are used.
    gain : bool
        Whether the error is expected to fall as it did.
    """

    def record(rows: NDArray[np.bool_], new: NDArray[np.bool_]) -> _Student | None:
        year, y = np.floor(before.year[rows]), -np.log10(before.error[rows])
        first, last = year.min(), year.max()
        if last - first < 1:
            return None
        best = np.array([y[year <= end].max() for end in np.arange(first, last + 1)])
        later = year > first
        change = y[later] - best[(year[later] - 1 - first).astype(int)]
        n = change.size
        spread = change.std(ddof=1) if gain and n > 1 else np.sqrt((change**2).mean())
        if n < _FEWEST or spread == 0:
            return None
        when = np.floor(after.year[new])
        known = np.minimum(when - 1, last)
        ahead = when - known
        center = np.where(known >= first, best[np.maximum(known - first, 0).astype(int)], np.nan)
        if not gain:
            return _Student(center, spread * np.sqrt(ahead), n)
        yearly = (best[-1] - best[0]) / (last - first)
        return _Student(center + change.mean() + yearly * (ahead - 1), spread * np.sqrt(ahead + 1 / n), n - 1)

    return _by_task(before, after, "power", record)


@dataclass(frozen=True)
class _Student:
    """Student t distribution of performance, location and scale of shape (system,)."""

    center: Floats
    scale: Floats
    degrees_of_freedom: int


def _by_task(
    before: Observations,
    after: Observations,
    law_name: str,
    rule: Callable[[NDArray[np.bool_], NDArray[np.bool_]], _Student | None],
) -> Forecast:
    """Forecast each task by a rule that is told which systems are known and which are new."""
    from scipy import stats

    law = get_law(law_name)
    found = Forecast(
        np.full(after.error.size, np.nan),
        np.full(after.error.size, np.nan),
        np.full((_GRID.size, after.error.size), np.nan),
    )
    for task in range(len(before.tasks)):
        rows, new = before.task_index == task, after.task_index == task
        student = rule(rows, new) if rows.any() and new.any() else None
        if student is None:
            continue
        center, sd, df = student.center, student.scale, student.degrees_of_freedom
        z = (law.performance(after.error[new]) - center) / sd
        found.log_score[new] = stats.t.logpdf(z, df) - np.log(sd) + law.log_abs_derivative(after.error[new])
        found.pit[new] = stats.t.sf(z, df)
        found.draws[:, new] = law.error(center + sd * stats.t.ppf(_GRID, df)[:, np.newaxis])
    return found


def prediction_rows(forecaster: str, after: Observations, predicted: Forecast) -> dict[str, Any]:
    """Columns of a table with one row per system predicted: what it is, and the scores of its prediction."""
    tasks = [after.tasks[index] for index in after.task_index]
    log10_draws = np.log10(np.maximum(predicted.draws, np.finfo(float).tiny))
    return {
        "forecaster": forecaster,
        "task": tasks,
        "system": [label.removeprefix(f"{task}: ") for label, task in zip(after.systems, tasks, strict=True)],
        "paper": list(after.paper),
        "year": after.year,
        "error": after.error,
        "log_score": predicted.log_score,
        "crps": crps(log10_draws, np.log10(after.error)),
        "pit": predicted.pit,
    }
