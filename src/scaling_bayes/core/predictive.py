"""The distribution of performance, and of error, for given systems and parameter draws."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.curves import Smoothed, draw_along, smooth
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.performance import Performance, departure, measurement_error, observed_performance
from scaling_bayes.core.streams import Stream, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_SAMPLE = ("chain", "draw")
#: Errors predicted together, so that memory is used again.
_AT_ONCE = 2**18


def predict_observed(
    law: str, prior: xr.Dataset, posterior: xr.Dataset, observations: Observations, seed: int
) -> dict[str, xr.Dataset]:
    """Prior and posterior predictive errors of a fit's own systems, and the log likelihood of each.

    Returns
    -------
    dict
        Groups ``prior_predictive``, ``posterior_predictive`` and ``log_likelihood``, each with ``error``
        (chain, draw, system). The likelihood is of each system given the others of its paper.
    """
    return _predictive(law, prior, posterior, observations, seed, with_density=True)


def draw_predictive(
    law: str, prior: xr.Dataset, posterior: xr.Dataset, observations: Observations, seed: int
) -> dict[str, xr.Dataset]:
    """`predict_observed` without the log likelihood, which takes as long as all else."""
    return _predictive(law, prior, posterior, observations, seed, with_density=False)


def _predictive(
    law: str,
    prior: xr.Dataset,
    posterior: xr.Dataset,
    observations: Observations,
    seed: int,
    *,
    with_density: bool,
) -> dict[str, xr.Dataset]:
    found: dict[str, xr.Dataset] = {}
    paper = observations.paper_index
    for name, stream, parameters in (
        ("prior_predictive", Stream.PRIOR_PREDICTIVE, prior),
        ("posterior_predictive", Stream.POSTERIOR_PREDICTIVE, posterior),
    ):
        shape = (parameters.sizes["chain"], parameters.sizes["draw"], len(observations.systems))
        nu, length = (parameters.get(each) for each in ("degrees_of_freedom", "correlation_length"))
        rng = generator(seed, stream)
        departures = _draw_departures(shape, rng, paper, nu, length, observations.compute)
        with_likelihood = with_density and parameters is posterior
        values = {
            each: np.empty(shape, np.float32) for each in (name, "log_likelihood")[: 1 + with_likelihood]
        }
        for part, performance in in_pieces(law, parameters, observations):
            values[name][:, part] = departures.of_draws(part).errors(performance)
            if with_likelihood:
                density = log_density_given_paper(performance, observations.error, paper)
                values["log_likelihood"][:, part] = density
        coords = {dim: parameters[dim] for dim in _SAMPLE} | {"system": list(observations.systems)}
        found |= {
            each: xr.Dataset({"error": ((*_SAMPLE, "system"), drawn)}, coords=coords)
            for each, drawn in values.items()
        }
    return found


def in_pieces(
    law: str, parameters: xr.Dataset, observations: Observations
) -> Iterator[tuple[slice, Performance]]:
    """Distribution of the performance of systems, a few draws at a time, so that memory is used again.

    Yields
    ------
    tuple
        Which draws of each chain, and `observed_performance` of these, (chain, draw, system), without labels.
    """
    bare = parameters.drop_vars(_SAMPLE, errors="ignore").transpose(*_SAMPLE, ...)
    draws = bare.sizes["draw"]
    pieces = math.ceil(bare.sizes["chain"] * draws * len(observations.systems) / _AT_ONCE)
    for rows in np.array_split(np.arange(draws), max(min(pieces, draws), 1)):
        part = slice(rows[0], rows[-1] + 1)
        yield part, observed_performance(law, bare.isel(draw=part), observations, labelled=False)


def log_likelihood_total(law: str, parameters: xr.Dataset, observations: Observations) -> xr.DataArray:
    """Log density of all that is observed, errors and reported compute, per draw."""
    joint = np.empty([parameters.sizes[dim] for dim in _SAMPLE])
    for part, performance in in_pieces(law, parameters, observations):
        of_papers = joint_log_density_of_error(performance, observations.error, observations.paper_index)
        joint[:, part] = of_papers.sum("paper")
    total = xr.DataArray(joint, dims=_SAMPLE, coords={dim: parameters[dim] for dim in _SAMPLE})
    if "compute_error" not in parameters:
        return total
    task = xr.DataArray(np.array(observations.tasks, dtype=object)[observations.task_index], dims="system")
    year, compute, flagged, compute_sd = (
        xr.DataArray(each, dims="system")
        for each in (observations.years, observations.compute, observations.flagged, observations.compute_sd)
    )
    of = parameters[["compute_mean", "compute_growth", "compute_spread"]].sel(task=task).drop_vars("task")
    error = measurement_error(parameters, flagged, compute_sd)
    compute = compute - departure(parameters, observations.count_index)
    residual = compute - of["compute_mean"] - of["compute_growth"] * year
    reported = _log_density(residual, np.sqrt(of["compute_spread"] ** 2 + error**2), None)
    return total + reported.sum("system")


def draw_error(
    performance: Performance, rng: np.random.Generator, paper: NDArray[np.intp] | None = None
) -> xr.DataArray:
    """One draw of the error per draw and system; errors above 1 count as 1, the worst there is.

    Parameters
    ----------
    paper : ndarray of int, shape (system,), optional
        Which systems are of one paper; by default each is of its own.
    """
    shape, length = performance.mean.shape, performance.correlation_length
    nu = performance.degrees_of_freedom
    if nu is not None and "system" in nu.dims:
        nu = nu.transpose(*performance.mean.dims)
    departures = _draw_departures(shape, rng, paper, nu, length, performance.compute)
    return departures.errors(performance)


@dataclass(frozen=True)
class _Departures:
    """How far systems depart from what is expected of them, in standard deviates. Shape (..., system)."""

    own: Floats
    #: What systems of a paper share; None where each is of its own.
    common: Floats | None
    #: Factor of both; None where they are normal.
    scale: Floats | None

    def of_draws(self, draws: slice) -> _Departures:
        """Those of some draws, of shape (chain, draw, system)."""
        parts = (None if each is None else each[:, draws] for each in (self.common, self.scale))
        return _Departures(self.own[:, draws], *parts)

    def errors(self, performance: Performance) -> xr.DataArray:
        """Errors of the systems."""
        mean, sd, shared_sd = performance.mean, performance.sd, performance.shared_sd
        if self.common is None:
            departure = sd * self.own
        else:
            departure = shared_sd * self.common + np.sqrt(sd**2 - shared_sd**2) * self.own
        if self.scale is not None:
            departure = departure * self.scale
        error: xr.DataArray = performance.error(mean + departure).transpose(*mean.dims)
        return error


def _draw_departures(
    shape: tuple[int, ...],
    rng: np.random.Generator,
    paper: NDArray[np.intp] | None,
    degrees_of_freedom: xr.DataArray | None,
    length: xr.DataArray | None,
    compute: Any,
) -> _Departures:
    own, common, scale = rng.standard_normal(shape), None, None
    if paper is not None and length is None:
        common = rng.standard_normal((*shape[:-1], int(paper.max()) + 1)).take(paper, axis=-1)
    elif paper is not None:
        common = draw_along(rng.standard_normal(shape), paper, compute, length)
    if degrees_of_freedom is not None:
        paper = np.arange(shape[-1]) if paper is None else paper
        if "system" in degrees_of_freedom.dims:
            scale = departure_scale(degrees_of_freedom.values, 1, rng)[..., 0]
        else:
            scale = departure_scale(degrees_of_freedom.values, int(paper.max()) + 1, rng).take(paper, axis=-1)
    return _Departures(own, common, scale)


def departure_scale(degrees_of_freedom: Floats, papers: int, rng: np.random.Generator) -> Floats:
    """Factors that turn normal departures into Student t ones, shape (..., paper).

    ``sqrt(nu / chi2(nu))``, one for each paper; infinite degrees of freedom leave the normal as it is.
    """
    nu = np.broadcast_to(degrees_of_freedom[..., np.newaxis], (*degrees_of_freedom.shape, papers))
    finite = np.isfinite(nu)
    drawn: Floats = np.sqrt(np.where(finite, nu, 1.0) / rng.chisquare(np.where(finite, nu, 1.0)))
    return np.where(finite, drawn, 1.0)


def given_curves(
    law: str,
    parameters: xr.Dataset,
    known: Observations,
    performance: Performance,
    task: Sequence[str],
    paper: Sequence[str],
) -> Performance:
    """Distribution of systems, each given the known points of its curve; as it is where none is known.

    Of a Student t, the conditional distribution has as many more degrees of freedom as points are known, and
    a scale that goes with how far these stray (e.g. Ding 2016, *On the conditional distribution of the
    multivariate t distribution*).

    Parameters
    ----------
    law : str
        The model's ``law``.
    parameters : Dataset
        As those of `performance`.
    known : Observations
        Systems of the fit, at the same references.
    performance : Performance
        Of the systems asked for.
    task, paper : sequence of str, shape (system,)
        Theirs; a system without a paper is of a curve not seen.
    """
    if performance.correlation_length is None:
        return performance
    asked = list(zip(map(str, task), map(str, paper), strict=True))
    curves = [(known.tasks[at], name) for at, name in zip(known.task_index, known.paper, strict=True)]
    rows = np.array([curve[1] != "" and curve in asked for curve in curves])
    if not rows.any():
        return performance
    points = known.subset(rows)
    before = observed_performance(law, parameters, points)
    curves = [curve for curve, used in zip(curves, rows, strict=True) if used]
    number = {curve: number for number, curve in enumerate(dict.fromkeys([*curves, *asked]))}
    curve = np.array([number[each] for each in (*curves, *asked)])
    residual = xr.DataArray(before.residual(points.error)).transpose(*before.mean.dims)
    mean = performance.mean
    own = before.sd.values**2 - before.shared_sd.values**2
    smoothed = smooth(
        np.concatenate([residual.values, np.zeros(mean.shape)], axis=-1),
        np.concatenate([own, np.full(mean.shape, np.inf)], axis=-1),
        np.concatenate([before.shared_sd.values, performance.shared_sd.values], axis=-1) ** 2,
        curve,
        np.concatenate([points.compute, performance.compute]),
        performance.correlation_length,
    )
    new = curve[len(curves) :]
    variance: xr.DataArray = performance.sd**2 - performance.shared_sd**2
    variance = variance + smoothed.departure_variance[..., len(curves) :]
    nu = performance.degrees_of_freedom
    if nu is not None:
        square = _sum_by_paper(curve)(smoothed.innovation**2 / smoothed.variance)[..., new]
        count = xr.DataArray(np.bincount(curve[: len(curves)], minlength=len(number))[new], dims="system")
        nu, variance = nu + count, variance * (nu + mean.copy(data=square)) / (nu + count)
    return replace(
        performance,
        mean=mean + smoothed.departure[..., len(curves) :],
        sd=(variance**0.5).transpose(*mean.dims),
        shared_sd=xr.zeros_like(mean),
        degrees_of_freedom=nu,
        correlation_length=None,
    )


def log_density_of_error(performance: Performance, error: Floats) -> xr.DataArray:
    """Natural log of the density of observed errors, each of a paper not seen, shape (..., system).

    Normal (or Student t) in performance, times the Jacobian: a density of error whatever the law.
    """
    density = _log_density(
        performance.residual(error), performance.sd, performance.degrees_of_freedom
    ) + performance.log_jacobian(error)
    return density.transpose(*performance.mean.dims)


def log_density_given_paper(performance: Performance, error: Floats, paper: NDArray[np.intp]) -> xr.DataArray:
    """Natural log of the density of each observed error given the others of its paper, shape (..., system).

    The pointwise likelihood that leave-one-out needs where systems of a paper are not independent: Bürkner,
    Gabry & Vehtari 2021, *Efficient leave-one-out cross-validation for Bayesian non-factorized normal and
    Student-t models*, equations for the conditional mean and variance from the inverse covariance.
    """
    residual = performance.residual(error).transpose(*performance.mean.dims)
    possible = abs(residual) < np.inf
    residual = residual.where(possible, 0.0)
    own = performance.sd**2 - performance.shared_sd**2
    shared = performance.shared_sd**2
    total = _sum_by_paper(paper)

    def spread_out(values: Floats) -> xr.DataArray:
        return xr.DataArray(total(values).take(paper, axis=-1), dims=own.dims, coords=own.coords)

    if performance.correlation_length is None:
        inflation = 1.0 + shared * spread_out((1.0 / own).values)
        weighted = spread_out((residual / own).values)
        precision = 1.0 / own - shared / own**2 / inflation
        departure = (residual / own - shared * weighted / own / inflation) / precision
        square = spread_out((residual**2 / own).values) - shared * weighted**2 / inflation
    else:
        curves = _smoothed(performance, residual.values, paper)
        precision = own.copy(data=curves.precision)
        departure = own.copy(data=curves.weighted / curves.precision)
        square = spread_out(curves.innovation**2 / curves.variance)
    sd, nu = 1.0 / np.sqrt(precision), performance.degrees_of_freedom
    if nu is not None:
        others = xr.DataArray(np.bincount(paper)[paper] - 1, dims="system")
        sd = sd * np.sqrt((nu + square - departure**2 * precision) / (nu + others))
        nu = nu + others
    density = _log_density(departure, sd, nu) + performance.log_jacobian(error)
    return density.where(spread_out((~possible).values) == 0, -np.inf).transpose(*performance.mean.dims)


def joint_log_density_of_error(
    performance: Performance, error: Floats, paper: NDArray[np.intp]
) -> xr.DataArray:
    """Natural log of the density of all observed errors of each paper together, shape (..., paper)."""
    from scipy.special import gammaln

    residual: xr.DataArray = performance.residual(error).transpose(*performance.mean.dims)
    possible = np.isfinite(residual.values)
    nu = performance.degrees_of_freedom
    total = _sum_by_paper(paper)
    observed = np.where(possible, residual.values, 0.0)
    variance, shared = (performance.sd**2).values, (performance.shared_sd**2).values
    if performance.correlation_length is not None:
        curves = _smoothed(performance, observed, paper)
        observed, variance, shared = curves.innovation, curves.variance, np.zeros_like(shared)
    density = equations.joint_log_density(
        observed,
        variance,
        shared,
        count=np.bincount(paper),
        by_paper=total,
        degrees_of_freedom=None if nu is None else nu.values[..., np.newaxis],
        gammaln=gammaln,
    )
    jacobian = performance.log_jacobian(error).broadcast_like(residual).transpose(*residual.dims)
    return xr.DataArray(
        np.where(total((~possible).astype(float)) == 0, density + total(jacobian.values), -np.inf),
        dims=(*residual.dims[:-1], "paper"),
        coords={dim: residual[dim] for dim in residual.dims[:-1]},
    )


def cumulative_probability_of_error(performance: Performance, error: Floats) -> xr.DataArray:
    """Probability that the error of a system of a paper not seen is at most the observed, (..., system)."""
    from scipy.special import ndtr, stdtr

    z = performance.residual(error).transpose(*performance.mean.dims) / performance.sd
    nu = performance.degrees_of_freedom
    above: xr.DataArray = z.copy(data=ndtr(-z.values)) if nu is None else xr.apply_ufunc(stdtr, nu, -z)
    return above.transpose(*z.dims)


def _smoothed(performance: Performance, residual: Floats, paper: NDArray[np.intp]) -> Smoothed:
    """Residuals of curves, shape (..., system), one given the others."""
    shared = performance.shared_sd.values**2
    return smooth(
        residual,
        performance.sd.values**2 - shared,
        shared,
        paper,
        performance.compute,
        performance.correlation_length,
    )


def _log_density(residual: xr.DataArray, sd: Any, nu: xr.DataArray | None) -> xr.DataArray:
    z = residual / sd
    if nu is None:
        density: xr.DataArray = -0.5 * z**2 - np.log(sd) - 0.5 * float(np.log(2 * np.pi))
        return density
    from scipy.special import gammaln

    constant: Any = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * np.log(nu * np.pi)
    heavy: xr.DataArray = constant - np.log(sd) - (nu + 1) / 2 * np.log1p(z**2 / nu)
    return heavy


def _sum_by_paper(paper: NDArray[np.intp]) -> Any:
    """Sum an array over each paper's systems, (..., system) to (..., paper)."""
    order = np.argsort(paper, kind="stable")
    starts = np.flatnonzero(np.diff(paper[order], prepend=-1))
    in_order = bool((np.diff(order) == 1).all())

    def total(values: Floats) -> Floats:
        ordered = values if in_order else values.take(order, axis=-1)
        summed: Floats = np.add.reduceat(ordered, starts, axis=-1)
        return summed

    return total
