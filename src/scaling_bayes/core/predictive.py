"""The distribution of performance, and of error, for given systems and parameter draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core import equations
from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.laws import Law
from scaling_bayes.core.mixed_law import MixedLaw, law_of
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.streams import Stream, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Performance:
    """How performance is distributed, per draw and system."""

    #: The scale; its functions take `floor`.
    law: Law | MixedLaw
    #: Location and scale, for a system of a paper not seen. Shape (..., system).
    mean: xr.DataArray
    sd: xr.DataArray
    #: The part of `sd` that systems of one paper have in common. Shape (..., system).
    shared_sd: xr.DataArray
    #: Of the Student t, shape (...); normal when None.
    degrees_of_freedom: xr.DataArray | None
    #: Irreducible error, error of chance and bend of the law, shape (..., system).
    floor: Any
    chance: Any = 1.0
    bend: Any = 0.0

    @property
    def _ends(self) -> dict[str, Any]:
        return {"chance": self.chance, "bend": self.bend}

    def error(self, performance: xr.DataArray) -> xr.DataArray:
        """Error of a performance, same shape."""
        found: xr.DataArray = self.law.error(performance, self.floor, **self._ends)
        return found

    def residual(self, error: Floats) -> xr.DataArray:
        """Performance of observed errors, shape (system,), minus its mean; ``inf`` below the floor."""
        observed = xr.DataArray(error, dims="system")
        residual: xr.DataArray = self.law.performance(observed, self.floor, **self._ends) - self.mean
        return residual

    def log_jacobian(self, error: Floats) -> xr.DataArray:
        """Log of the derivative of performance at observed errors."""
        observed = xr.DataArray(error, dims="system")
        jacobian: xr.DataArray = self.law.log_abs_derivative(observed, self.floor, **self._ends)
        return jacobian


def performance_distribution(
    law: str,
    parameters: xr.Dataset,
    task: xr.DataArray,
    compute: xr.DataArray,
    year: xr.DataArray,
    *,
    flagged: xr.DataArray | None = None,
    compute_sd: xr.DataArray | None = None,
    compute_is_exact: bool = False,
    chance: xr.DataArray | float = 1.0,
    drift: xr.DataArray | float = 0.0,
) -> Performance:
    """Distribution of performance, per draw and system.

    Parameters
    ----------
    law : str
        The model's ``law``.
    parameters : Dataset
        Draws of the model's parameters; the task-level ones along ``task``.
    task : DataArray of str, shape (system,)
        Task label of each system.
    compute, year : DataArray, shape (system,)
        Log10 FLOP and years, relative to the task's reference.
    flagged : DataArray of bool, shape (system,), optional
        Whether a row's compute is in doubt; False by default.
    compute_sd : DataArray, shape (system,), optional
        Measurement error of a row's log10 compute, dex, in place of the model's; NaN where none is stated.
    compute_is_exact : bool
        Whether `compute` is the true compute rather than a reported figure with measurement error.
    chance : DataArray or float
        Error of chance of each system's task.
    drift : DataArray or float
        How far each system's line has drifted, in performance (`drift_at`).
    """
    by_system = {
        str(name): values.sel(task=task).drop_vars("task", errors="ignore")
        if "task" in values.dims
        else values
        for name, values in parameters.data_vars.items()
    }
    compute_mean, compute_variance = compute, xr.zeros_like(compute)
    if "compute_error" in by_system and not compute_is_exact:
        error = _measurement_error(by_system, flagged, compute_sd)
        compute_mean, compute_variance = equations.latent_compute(
            compute,
            year,
            mean=by_system["compute_mean"],
            growth=by_system["compute_growth"],
            spread=by_system["compute_spread"],
            error=error,
        )
    mean = equations.expected_performance(
        compute_mean,
        year,
        intercept=by_system["intercept"],
        slope=by_system["slope"],
        progress=by_system.get("progress", 0.0),
    )
    mean = mean + drift
    variance = equations.performance_variance(
        slope=by_system["slope"], noise=by_system["noise"], compute_variance=compute_variance
    )
    order = [dim for dim in mean.dims if dim != "system"] + ["system"]
    shared_sd = by_system["noise"] * np.sqrt(by_system.get("paper_correlation", xr.DataArray(0.0)))
    return Performance(
        law_of(law, parameters),
        mean.transpose(*order),
        np.sqrt(variance).transpose(*order),
        shared_sd.broadcast_like(mean).transpose(*order),
        by_system.get("degrees_of_freedom"),
        by_system.get("floor", 0.0),
        chance,
        by_system.get("bend", 0.0),
    )


def _measurement_error(
    parameters: Mapping[str, xr.DataArray] | xr.Dataset,
    flagged: xr.DataArray | None,
    compute_sd: xr.DataArray | None,
) -> xr.DataArray:
    """Standard deviation of reported log10 compute, dex: that of all, wider in doubt, or stated."""
    error: xr.DataArray = parameters["compute_error"]
    if flagged is not None and "flagged_error_factor" in parameters:
        error = error * xr.where(flagged, parameters["flagged_error_factor"], 1.0)  # type: ignore[no-untyped-call]
    if compute_sd is not None and bool(compute_sd.notnull().any()):
        error = xr.where(compute_sd.notnull(), compute_sd, error)  # type: ignore[no-untyped-call]
    return error


def observed_performance(
    law: str,
    parameters: xr.Dataset,
    observations: Observations,
    *,
    compute_is_exact: bool = False,
    rng: np.random.Generator | None = None,
) -> Performance:
    """`performance_distribution` of given systems, at the references of their tasks.

    Systems may be later than those fitted where `rng` is given, for the drift until then.
    """
    drift: xr.DataArray | float = 0.0
    if "drift_step" in parameters:
        if rng is not None:
            references = xr.Dataset(
                {name: ("task", getattr(observations, name)) for name in ("reference_error", "chance_error")},
                coords={"task": list(observations.tasks)},
            )
            until = float(observations.year.max())
            parameters = extend_drift(law, parameters, references, until, rng)
        at = observations.task_index
        drifted = drift_at(
            parameters,
            np.array(observations.tasks, dtype=object)[at],
            observations.year,
            observations.reference_year[at],
        )
        drift = xr.DataArray(
            drifted, dims=("chain", "draw", "system"), coords={"system": list(observations.systems)}
        )
    labels = {"system": list(observations.systems)}

    def by_system(values: Any) -> xr.DataArray:
        return xr.DataArray(values, dims="system", coords=labels)

    return performance_distribution(
        law,
        parameters,
        by_system(np.array(observations.tasks, dtype=object)[observations.task_index]),
        by_system(observations.compute),
        by_system(observations.years),
        flagged=by_system(observations.flagged),
        compute_sd=by_system(observations.compute_sd),
        compute_is_exact=compute_is_exact,
        chance=by_system(observations.chance_error[observations.task_index]),
        drift=drift,
    )


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
    paper = observations.paper_index
    groups = {}
    for name, stream, parameters in (
        ("prior_predictive", Stream.PRIOR_PREDICTIVE, prior),
        ("posterior_predictive", Stream.POSTERIOR_PREDICTIVE, posterior),
    ):
        performance = observed_performance(law, parameters, observations)
        drawn = draw_error(performance, generator(seed, stream), paper)
        groups[name] = xr.Dataset({"error": drawn.astype(np.float32)})
    density = log_density_given_paper(performance, observations.error, paper)
    groups["log_likelihood"] = xr.Dataset({"error": density.astype(np.float32)})
    return groups


def error_scale(law: str, parameters: xr.Dataset, references: xr.Dataset) -> xr.Dataset:
    """Slope and noise of any law in orders of magnitude of error, where laws compare.

    ``slope / gain`` with the law's gain at the reference error: the drop of log10 error per tenfold compute
    there; ``noise`` likewise. For the power law they are slope and noise themselves.

    Parameters
    ----------
    law : str
        The model's ``law``.
    parameters : Dataset
        Draws with ``slope``, ``noise`` and, where the law has one, ``floor``.
    references : Dataset
        ``reference_error`` and, of a bounded law, ``chance_error`` (task).

    Returns
    -------
    Dataset
        ``slope`` and ``noise``.
    """
    gain = law_of(law, parameters).gain(
        references["reference_error"],
        parameters.get("floor", 0.0),
        chance=references.get("chance_error", 1.0),
        bend=parameters.get("bend", 0.0),
    )
    scaled: xr.Dataset = parameters[["slope", "noise"]] / gain
    return scaled


def log_likelihood_total(law: str, parameters: xr.Dataset, observations: Observations) -> xr.DataArray:
    """Log density of all that is observed, errors and reported compute, per draw."""
    performance = observed_performance(law, parameters, observations)
    total: xr.DataArray = joint_log_density_of_error(
        performance, observations.error, observations.paper_index
    ).sum("paper")
    if "compute_error" not in parameters:
        return total
    task = xr.DataArray(np.array(observations.tasks, dtype=object)[observations.task_index], dims="system")
    year, compute, flagged, compute_sd = (
        xr.DataArray(each, dims="system")
        for each in (observations.years, observations.compute, observations.flagged, observations.compute_sd)
    )
    of = parameters[["compute_mean", "compute_growth", "compute_spread"]].sel(task=task).drop_vars("task")
    error = _measurement_error(parameters, flagged, compute_sd)
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
    mean, sd, shared_sd = performance.mean, performance.sd, performance.shared_sd
    deviates = rng.standard_normal(mean.shape)
    if paper is None:
        departure = sd * deviates
        paper = np.arange(mean.sizes["system"])
    else:
        common = rng.standard_normal((*mean.shape[:-1], int(paper.max()) + 1))[..., paper]
        departure = shared_sd * common + np.sqrt(sd**2 - shared_sd**2) * deviates
    if performance.degrees_of_freedom is not None:
        nu = performance.degrees_of_freedom.values
        departure = departure * departure_scale(nu, int(paper.max()) + 1, rng)[..., paper]
    error: xr.DataArray = performance.error(mean + departure)
    return error


def departure_scale(degrees_of_freedom: Floats, papers: int, rng: np.random.Generator) -> Floats:
    """Factors that turn normal departures into Student t ones, shape (..., paper).

    ``sqrt(nu / chi2(nu))``, one for each paper; infinite degrees of freedom leave the normal as it is.
    """
    nu = np.broadcast_to(degrees_of_freedom[..., np.newaxis], (*degrees_of_freedom.shape, papers))
    finite = np.isfinite(nu)
    drawn: Floats = np.sqrt(np.where(finite, nu, 1.0) / rng.chisquare(np.where(finite, nu, 1.0)))
    return np.where(finite, drawn, 1.0)


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
        return xr.DataArray(total(values)[..., paper], dims=own.dims, coords=own.coords)

    inflation = 1.0 + shared * spread_out((1.0 / own).values)
    weighted = spread_out((residual / own).values)
    precision = 1.0 / own - shared / own**2 / inflation
    departure = (residual / own - shared * weighted / own / inflation) / precision
    sd, nu = 1.0 / np.sqrt(precision), performance.degrees_of_freedom
    if nu is not None:
        square = spread_out((residual**2 / own).values) - shared * weighted**2 / inflation
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
    density = equations.joint_log_density(
        np.where(possible, residual.values, 0.0),
        (performance.sd**2).values,
        (performance.shared_sd**2).values,
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
    from scipy import stats

    z = performance.residual(error).transpose(*performance.mean.dims) / performance.sd
    nu = performance.degrees_of_freedom
    above: Any = stats.norm.sf(z) if nu is None else stats.t.sf(z, nu.broadcast_like(z))
    return xr.DataArray(above, dims=z.dims, coords=z.coords)


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

    def total(values: Floats) -> Floats:
        summed: Floats = np.add.reduceat(values[..., order], starts, axis=-1)
        return summed

    return total
