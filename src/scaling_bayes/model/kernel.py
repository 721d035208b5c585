"""The log density of the model and its gradient, compiled: one function for all laws, poolings and switches.

The model is `scaling_bayes.model.build`; here is the same density of the same unconstrained coordinates, with
its derivative by hand, and `tests/test_kernel.py` holds one to the other. It knows no names: what a
coordinate is and where it stands, `scaling_bayes.model.fast` lays out as numbers in a `Problem`.

Each step has a function forward and, where it is not linear, one backward, that takes the derivatives of the
log density by what the step gives and adds those by what it takes (reverse accumulation, e.g. Griewank &
Walther 2008, *Evaluating Derivatives*, chapter 3).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

__all__ = ["Problem", "log_density", "variables"]

type Array = NDArray[np.float64]

LN10 = math.log(10.0)
LOG_2PI = math.log(2.0 * math.pi)

#: Densities of one coordinate, up to a constant.
NORMAL, STUDENT_T, FLAT, LOG_NORMAL, GAMMA, INVERSE_GAMMA, BETA = range(7)
#: How a coordinate becomes the value it stands for: as it is, by `exp`, or between two ends.
AS_IS, LOG, BETWEEN = range(3)
#: How a task-level parameter follows from its coordinates.
ABSENT, OWN, COMMON, AROUND_AVERAGE, AROUND_MEAN = range(5)
#: Task-level parameters: rows of `Problem.hyper`, and of what `_levels` gives.
SLOPE, NOISE, PROGRESS, FLOOR = range(4)
#: Where in `Problem.at` the first coordinate of each variable stands; -1 where the model lacks it.
(
    INTERCEPT,
    PAPER_CORRELATION,
    DEGREES_OF_FREEDOM,
    COMPUTE_ERROR,
    FLAGGED_ERROR_FACTOR,
    COMPUTE_MEAN,
    COMPUTE_GROWTH,
    COMPUTE_SPREAD,
) = range(4, 12)
#: Columns of `Problem.rows` and of `Problem.tasks`.
PERFORMANCE, ERROR, COMPUTE, YEAR, FLAGGED = range(5)
REFERENCE, REFERENCE_PERFORMANCE, GAIN = range(3)


class Problem(NamedTuple):
    """All that the density depends on but the coordinates.

    Attributes
    ----------
    density, transform : ndarray of int, shape (coordinate,)
        Codes of this module.
    prior : ndarray, shape (coordinate, 4)
        Parameters of the density (location or first shape, scale or second shape, degrees of freedom) and
        its constant.
    ends : ndarray, shape (coordinate, 2)
        Between which a coordinate's value lies.
    pooling : ndarray of int, shape (4,)
        How slope, noise, progress and floor are pooled.
    at : ndarray of int, shape (12,)
        First coordinate of each variable.
    hyper : ndarray, shape (4, 5)
        Of a parameter around its average, location and scale of the prior on the mean; of a floor that is
        not pooled, its prior as in `prior`, with the code first.
    rows : ndarray, shape (system, 5)
        Performance (of a law without floor), error, compute (dex), year, and whether compute is in doubt;
        a paper's systems together.
    papers : ndarray of int, shape (paper + 1,)
        First row of each paper, and the number of rows.
    task_of_paper : ndarray of int, shape (paper,)
    tasks : ndarray, shape (task, 3)
        Reference error, and performance and gain there (of a law without floor).
    constant : float
        Log density that depends on no coordinate.
    """

    density: NDArray[np.int64]
    transform: NDArray[np.int64]
    prior: NDArray[np.float64]
    ends: NDArray[np.float64]
    pooling: NDArray[np.int64]
    at: NDArray[np.int64]
    hyper: NDArray[np.float64]
    rows: NDArray[np.float64]
    papers: NDArray[np.int64]
    task_of_paper: NDArray[np.int64]
    tasks: NDArray[np.float64]
    constant: float


# Only the two functions that are called from outside are kept on disk, with what they call inside them: the
# machine code is then the same however much of it was found there, and so are the draws.
def _inner[F: Callable[..., Any]](function: F) -> F:
    compiled: F = njit(error_model="numpy")(function)
    return compiled


def _outer[F: Callable[..., Any]](function: F) -> F:
    compiled: F = njit(error_model="numpy", nogil=True, cache=True)(function)
    return compiled


@_inner
def _value(transform: int, lower: float, upper: float, x: float) -> tuple[float, float, float, float]:
    """Value of a coordinate, its derivative, the log of that, and the derivative of the log."""
    if transform == AS_IS:
        return x, 1.0, 0.0, 0.0
    if transform == LOG:
        value = math.exp(x)
        return value, value, x, 1.0
    small = math.exp(-abs(x))
    less, more = small / (1.0 + small), 1.0 / (1.0 + small)
    share, rest = (more, less) if x > 0.0 else (less, more)
    width = upper - lower
    log_slope = math.log(width) - abs(x) - 2.0 * math.log1p(small)
    return share * upper + rest * lower, width * share * rest, log_slope, rest - share


@_inner
def _density(density: int, a: float, b: float, degrees: float, value: float) -> tuple[float, float]:
    """Log density of a value, up to a constant, and its derivative."""
    if density == NORMAL:
        z = (value - a) / b
        return -0.5 * z * z, -z / b
    if density == STUDENT_T:
        z = (value - a) / b
        square = z * z / degrees
        half = 0.5 * (degrees + 1.0)
        return -half * math.log1p(square), -2.0 * half * z / (degrees * b * (1.0 + square))
    if density == LOG_NORMAL:
        log = math.log(value)
        z = (log - a) / b
        return -0.5 * z * z - log, -(z / b + 1.0) / value
    if density == GAMMA:
        return (a - 1.0) * math.log(value) - b * value, (a - 1.0) / value - b
    if density == INVERSE_GAMMA:
        return -(a + 1.0) * math.log(value) - b / value, (b / value - (a + 1.0)) / value
    if density == BETA:
        return (
            (a - 1.0) * math.log(value) + (b - 1.0) * math.log1p(-value),
            (a - 1.0) / value - (b - 1.0) / (1.0 - value),
        )
    return 0.0, 0.0


@_inner
def _digamma(x: float) -> float:
    """Derivative of the log of the gamma function, for x > 0.

    By ``digamma(x) = digamma(x + 1) - 1 / x`` up to 10 and the asymptotic series from there (Abramowitz &
    Stegun 1964, *Handbook of Mathematical Functions*, 6.3.5 and 6.3.18).
    """
    below = 0.0
    while x < 10.0:
        below += 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y * (1 / 132 - y * 691 / 32760)))))
    return math.log(x) - 0.5 / x - series - below


@_inner
def _constrain(x: Array, p: Problem, values: Array, slopes: Array, bends: Array, adjoint: Array) -> float:
    """Fill in each coordinate's value, and the derivatives; return the log density of the priors."""
    total = 0.0
    for i in range(x.size):
        values[i], slopes[i], log_slope, bends[i] = _value(p.transform[i], p.ends[i, 0], p.ends[i, 1], x[i])
        a, b, degrees, constant = p.prior[i]
        density, adjoint[i] = _density(p.density[i], a, b, degrees, values[i])
        total += density + constant + log_slope
    return total


@_inner
def _average(values: Array, start: int, location: float, scale: float, n_tasks: int) -> tuple[float, float]:
    """Average over tasks of a log parameter, and its standard deviation before any data are seen."""
    spread = math.sqrt(scale**2 + values[start] ** 2 / n_tasks)
    return location + spread * values[start + 1], spread


@_inner
def _mean(values: Array, start: int, location: float, scale: float, n_tasks: int) -> float:
    """Mean of the distribution that the tasks' log parameters are from, given their average."""
    average, _ = _average(values, start, location, scale, n_tasks)
    own, others = 1.0 / scale**2, n_tasks / values[start] ** 2
    standard = values[start + 1 + n_tasks]
    return (location * own + average * others) / (own + others) + standard / math.sqrt(own + others)


@_inner
def _deviations(values: Array, start: int, deviations: Array) -> None:
    """Deviations that sum to zero, from one coordinate less: the transform of PyMC's `ZeroSumNormal`."""
    n = deviations.size
    total = values[start : start + n - 1].sum()
    deviations[: n - 1] = values[start : start + n - 1] - total / (math.sqrt(n) + n)
    deviations[n - 1] = -total / math.sqrt(n)


@_inner
def _level(pooling: int, start: int, values: Array, hyper: Array, level: Array, deviations: Array) -> None:
    """Fill in a pooled parameter of each task and, where partially pooled, its deviations on the log scale."""
    n = level.size
    if pooling == OWN:
        level[:] = values[start : start + n]
    elif pooling == COMMON:
        level[:] = values[start]
    elif pooling == AROUND_AVERAGE:
        average, _ = _average(values, start, hyper[0], hyper[1], n)
        _deviations(values, start + 2, deviations)
        level[:] = np.exp(average + values[start] * deviations)
    elif pooling == AROUND_MEAN:
        deviations[:] = values[start + 2 : start + 2 + n]
        level[:] = np.exp(values[start + 1] + values[start] * deviations)


@_inner
def _level_back(pooling: int, start: int, values: Array, hyper: Array, level: Array, deviations: Array, by_level: Array, adjoint: Array) -> None:
    """Reverse of `_level`."""
    n = level.size
    if pooling == OWN:
        adjoint[start : start + n] += by_level
    elif pooling == COMMON:
        adjoint[start] += by_level.sum()
    elif pooling != ABSENT:
        by_log = by_level * level
        together = by_log.sum()
        sd = values[start]
        adjoint[start] += (by_log * deviations).sum()
        if pooling == AROUND_MEAN:
            adjoint[start + 1] += together
            adjoint[start + 2 : start + 2 + n] += sd * by_log
        else:
            _, spread = _average(values, start, hyper[0], hyper[1], n)
            adjoint[start] += together * values[start + 1] * sd / (n * spread)
            adjoint[start + 1] += together * spread
            last = by_log[n - 1]
            common = (together - last) / (math.sqrt(n) + n) + last / math.sqrt(n)
            adjoint[start + 2 : start + 1 + n] += sd * (by_log[: n - 1] - common)


@_inner
def _floor_prior(p: Problem, values: Array, adjoint: Array) -> float:
    """Log density of the floors' share of the reference error, as log odds (`build._floor`)."""
    start = p.at[FLOOR]
    partial = p.pooling[FLOOR] == AROUND_MEAN
    count = 1 if p.pooling[FLOOR] == COMMON else p.tasks.shape[0]
    code, a, b, degrees, constant = p.hyper[FLOOR]
    total = 0.0
    if partial:
        a, b = values[start + count], values[start + count + 1]
        constant = -0.5 * LOG_2PI - math.log(b)
    for i in range(start, start + count):
        share = values[i]
        logit = math.log(share) - math.log1p(-share)
        density, by_logit = _density(int(code), a, b, degrees, logit)
        to_share = 1.0 / (share * (1.0 - share))
        total += density + constant + math.log(to_share)
        adjoint[i] += (by_logit + 2.0 * share - 1.0) * to_share
        if partial:
            adjoint[start + count] -= by_logit
            adjoint[start + count + 1] += (((logit - a) / b) ** 2 - 1.0) / b
    return total


@_inner
def _scale(p: Problem, values: Array, floor: Array, performance: Array, gain: Array) -> None:
    """Fill in each task's floor, and performance and gain at its reference error."""
    for task in range(floor.size):
        reference = p.tasks[task, REFERENCE]
        if p.pooling[FLOOR] == ABSENT:
            floor[task] = 0.0
            performance[task], gain[task] = p.tasks[task, REFERENCE_PERFORMANCE], p.tasks[task, GAIN]
        else:
            own = 0 if p.pooling[FLOOR] == COMMON else task
            floor[task] = values[p.at[FLOOR] + own] * reference
            performance[task] = _performance(reference, floor[task])
            gain[task] = reference * (1.0 - reference) / (reference - floor[task])


@_inner
def _performance(error: float, floor: float) -> float:
    """Performance by the law with a floor."""
    return math.log10((1.0 - floor) / (error - floor))


@_inner
def _performance_by_floor(error: float, floor: float) -> float:
    return (1.0 / (error - floor) - 1.0 / (1.0 - floor)) / LN10


@_inner
def _paper(residual: Array, own: Array, shared: float, degrees: float) -> tuple[float, float, float]:
    """Log density of a paper's residuals (`equations.joint_log_density`), and its derivatives.

    With ``S`` the quadratic form, ``D`` the log determinant and ``h`` the mean of the paper's effect given the
    residuals, ``dS / d residual = 2 (residual - h) / own`` and ``dS / d own = -((residual - h) / own)^2``.
    `residual` and `own` are overwritten with the derivatives by them; those by `shared` and `degrees` are
    returned.
    """
    count = residual.size
    precision, weighted, square, log_determinant = 0.0, 0.0, 0.0, 0.0
    for i in range(count):
        precision += 1.0 / own[i]
        weighted += residual[i] / own[i]
        square += residual[i] ** 2 / own[i]
        log_determinant += math.log(own[i])
    inflation = 1.0 + shared * precision
    square -= shared * weighted**2 / inflation
    log_determinant += math.log(inflation)
    if degrees > 0.0:
        together, tail = degrees + count, math.log1p(square / degrees)
        weight = together / (degrees + square)
        density = (
            math.lgamma(0.5 * together)
            - math.lgamma(0.5 * degrees)
            - 0.5 * (count * math.log(degrees * math.pi) + log_determinant + together * tail)
        )
        by_degrees = 0.5 * (
            _digamma(0.5 * together)
            - _digamma(0.5 * degrees)
            - count / degrees
            - tail
            + weight * square / degrees
        )
    else:
        weight, by_degrees = 1.0, 0.0
        density = -0.5 * (square + log_determinant + count * LOG_2PI)
    effect = shared * weighted / inflation
    for i in range(count):
        apart = (residual[i] - effect) / own[i]
        residual[i] = -weight * apart
        own[i] = 0.5 * (weight * apart**2 - (1.0 - shared / (inflation * own[i])) / own[i])
    by_shared = 0.5 * (weight * (weighted / inflation) ** 2 - precision / inflation)
    return density, by_shared, by_degrees


@_inner
def _latent(p: Problem, row: int, task: int, values: Array) -> tuple[float, float, float]:
    """Reported compute minus what its task's growth expects, variance of true compute, and of its error."""
    center = values[p.at[COMPUTE_MEAN] + task] + values[p.at[COMPUTE_GROWTH] + task] * p.rows[row, YEAR]
    error = values[p.at[COMPUTE_ERROR]]
    if p.at[FLAGGED_ERROR_FACTOR] >= 0 and p.rows[row, FLAGGED] > 0.0:
        error *= values[p.at[FLAGGED_ERROR_FACTOR]]
    return p.rows[row, COMPUTE] - center, values[p.at[COMPUTE_SPREAD] + task] ** 2, error**2


@_inner
def _latent_back(p: Problem, row: int, task: int, values: Array, by_compute: float, by_variance: float, adjoint: Array) -> float:
    """Log density of reported compute; reverse of it and of true compute given it."""
    surprise, true, error = _latent(p, row, task, values)
    variance = true + error
    reliability = true / variance
    by_total = 0.5 * ((surprise / variance) ** 2 - 1.0 / variance)
    by_center = by_compute * (1.0 - reliability) + surprise / variance
    by_true = by_compute * surprise * error / variance**2 + by_variance * (1.0 - reliability) ** 2 + by_total
    by_error = by_total - by_compute * surprise * true / variance**2 + by_variance * reliability**2
    adjoint[p.at[COMPUTE_MEAN] + task] += by_center
    adjoint[p.at[COMPUTE_GROWTH] + task] += by_center * p.rows[row, YEAR]
    adjoint[p.at[COMPUTE_SPREAD] + task] += 2.0 * values[p.at[COMPUTE_SPREAD] + task] * by_true
    adjoint[p.at[COMPUTE_ERROR]] += 2.0 * error / values[p.at[COMPUTE_ERROR]] * by_error
    if p.at[FLAGGED_ERROR_FACTOR] >= 0 and p.rows[row, FLAGGED] > 0.0:
        factor = p.at[FLAGGED_ERROR_FACTOR]
        adjoint[factor] += 2.0 * error / values[factor] * by_error
    return -0.5 * (surprise**2 / variance + math.log(variance) + LOG_2PI)


@_inner
def _likelihood(p: Problem, values: Array, floor: Array, intercept: Array, levels: Array, adjoint: Array, by_floor: Array, by_intercept: Array, by_levels: Array) -> float:
    """Log density of errors and of reported compute; the derivatives are added to the last four arguments."""
    n_rows = p.rows.shape[0]
    residual, own = np.empty(n_rows), np.empty(n_rows)
    compute, variance = np.empty(n_rows), np.zeros(n_rows)
    correlation = values[p.at[PAPER_CORRELATION]] if p.at[PAPER_CORRELATION] >= 0 else 0.0
    degrees = values[p.at[DEGREES_OF_FREEDOM]] if p.at[DEGREES_OF_FREEDOM] >= 0 else 0.0
    measured = p.at[COMPUTE_ERROR] >= 0
    has_floor = p.pooling[FLOOR] != ABSENT
    total = 0.0
    for paper in range(p.task_of_paper.size):
        task = p.task_of_paper[paper]
        first, last = p.papers[paper], p.papers[paper + 1]
        slope, noise, progress = levels[SLOPE, task], levels[NOISE, task], levels[PROGRESS, task]
        for i in range(first, last):
            compute[i] = p.rows[i, COMPUTE]
            if measured:
                surprise, true, error = _latent(p, i, task, values)
                compute[i] -= surprise * error / (true + error)
                variance[i] = true * error / (true + error)
            performance = p.rows[i, PERFORMANCE]
            if has_floor:
                above = p.rows[i, ERROR] - floor[task]
                performance = _performance(p.rows[i, ERROR], floor[task])
                total -= math.log(above * LN10)
                by_floor[task] += 1.0 / above
            compute[i] += progress * p.rows[i, YEAR]
            residual[i] = performance - intercept[task] - slope * compute[i]
            own[i] = (1.0 - correlation) * noise**2 + slope**2 * variance[i]

        density, by_shared, by_degrees = _paper(
            residual[first:last], own[first:last], correlation * noise**2, degrees
        )
        total += density
        by_residual, by_own = residual, own

        by_square = correlation * by_shared
        by_correlation = by_shared
        for i in range(first, last):
            by_square += (1.0 - correlation) * by_own[i]
            by_correlation -= by_own[i]
            if has_floor:
                by_floor[task] += by_residual[i] * _performance_by_floor(p.rows[i, ERROR], floor[task])
            by_intercept[task] -= by_residual[i]
            by_levels[SLOPE, task] += 2.0 * slope * variance[i] * by_own[i] - compute[i] * by_residual[i]
            by_levels[PROGRESS, task] -= slope * p.rows[i, YEAR] * by_residual[i]
            if measured:
                total += _latent_back(
                    p, i, task, values, -slope * by_residual[i], slope**2 * by_own[i], adjoint
                )
        by_levels[NOISE, task] += 2.0 * noise * by_square
        if p.at[PAPER_CORRELATION] >= 0:
            adjoint[p.at[PAPER_CORRELATION]] += noise**2 * by_correlation
        if p.at[DEGREES_OF_FREEDOM] >= 0:
            adjoint[p.at[DEGREES_OF_FREEDOM]] += by_degrees
    return total


@_outer
def log_density(x: Array, gradient: Array, p: Problem) -> float:
    """Log density of the model at unconstrained coordinates; its gradient is written to `gradient`.

    Parameters
    ----------
    x, gradient : ndarray, shape (coordinate,)
        Contiguous.
    p : Problem

    Returns
    -------
    float
        NaN where the gradient is not finite.
    """
    n_tasks = p.tasks.shape[0]
    values, slopes, bends = np.empty(x.size), np.empty(x.size), np.empty(x.size)
    total = p.constant + _constrain(x, p, values, slopes, bends, gradient)

    floor, intercept, gain = np.empty(n_tasks), np.empty(n_tasks), np.empty(n_tasks)
    levels, deviations = np.zeros((3, n_tasks)), np.zeros((3, n_tasks))
    by_floor, by_intercept, by_levels = np.zeros(n_tasks), np.zeros(n_tasks), np.zeros((3, n_tasks))
    _scale(p, values, floor, intercept, gain)
    stated = values[p.at[INTERCEPT] : p.at[INTERCEPT] + n_tasks]
    intercept += gain * stated
    for k in range(3):
        _level(p.pooling[k], p.at[k], values, p.hyper[k], levels[k], deviations[k])
    levels[SLOPE] *= gain
    levels[NOISE] *= gain

    total += _likelihood(
        p, values, floor, intercept, levels, gradient, by_floor, by_intercept, by_levels
    )

    gradient[p.at[INTERCEPT] : p.at[INTERCEPT] + n_tasks] += gain * by_intercept
    if p.pooling[FLOOR] != ABSENT:
        total += _floor_prior(p, values, gradient)
        for task in range(n_tasks):
            reference = p.tasks[task, REFERENCE]
            by_log_gain = gain[task] * stated[task] * by_intercept[task]
            by_log_gain += (levels[:PROGRESS, task] * by_levels[:PROGRESS, task]).sum()
            by_floor[task] += by_intercept[task] * _performance_by_floor(reference, floor[task])
            by_floor[task] += by_log_gain / (reference - floor[task])
            own = 0 if p.pooling[FLOOR] == COMMON else task
            gradient[p.at[FLOOR] + own] += by_floor[task] * reference
    levels[SLOPE] /= gain
    levels[NOISE] /= gain
    by_levels[SLOPE] *= gain
    by_levels[NOISE] *= gain
    for k in range(3):
        _level_back(
            p.pooling[k], p.at[k], values, p.hyper[k], levels[k], deviations[k], by_levels[k], gradient
        )

    for i in range(x.size):
        gradient[i] = gradient[i] * slopes[i] + bends[i]
        if not math.isfinite(gradient[i]):
            total = math.nan
    return total


@_outer
def variables(x: Array, p: Problem) -> Array:
    """Values that coordinates stand for.

    Returns
    -------
    ndarray, shape (coordinate + 3 + 5 * task,)
        Each coordinate's value; the mean of the tasks' log slopes, noises and rates of progress, where it
        follows from their average; then, by task, slope, noise, progress, floor and intercept.
    """
    n, n_tasks = x.size, p.tasks.shape[0]
    found = np.zeros(n + 3 + 5 * n_tasks)
    values, means = found[:n], found[n : n + 3]
    levels = found[n + 3 :].reshape((5, n_tasks))
    _constrain(x, p, values, np.empty(n), np.empty(n), np.empty(n))
    gain, deviations = np.empty(n_tasks), np.empty(n_tasks)
    floor, intercept = levels[3], levels[4]
    _scale(p, values, floor, intercept, gain)
    intercept += gain * values[p.at[INTERCEPT] : p.at[INTERCEPT] + n_tasks]
    for k in range(3):
        _level(p.pooling[k], p.at[k], values, p.hyper[k], levels[k], deviations)
        if p.pooling[k] == AROUND_AVERAGE:
            means[k] = _mean(values, p.at[k], p.hyper[k, 0], p.hyper[k, 1], n_tasks)
    levels[SLOPE] *= gain
    levels[NOISE] *= gain
    return found
