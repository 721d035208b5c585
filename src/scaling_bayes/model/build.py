"""The model itself, in PyMC: from observations, options and priors to a `pymc.Model`.

Every distribution is drawn from the named priors; equations come from `scaling_bayes.core.equations`. All
that comes from the table enters as data, so that a compiled model can be given another table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from scaling_bayes.core import equations
from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.systems.counts import OFFSETS


def model_data(observations: Observations) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays the model is conditioned on, by the name of its `pymc.Data`."""
    lowest = np.full(len(observations.tasks), 1.0)
    np.minimum.at(lowest, observations.task_index, observations.error)
    data = {
        "task_index": observations.task_index,
        "observed_compute": observations.compute,
        "year": observations.years,
        "observed_error": observations.error,
        "flagged": observations.flagged.astype(float),
        "paper_index": observations.paper_index,
        "paper_size": observations.paper_sizes.astype(float),
        "reference_error": observations.reference_error,
        "lowest_error": lowest,
        "chance_error": observations.chance_error,
        "floor_log_median": np.nan_to_num(observations.floor_log_median),  # 0, unused, where not known
        "floor_log_sd": np.nan_to_num(observations.floor_log_sd),
        "drift_weights": observations.drift_weights,
        "count_index": observations.count_index,
        "rows_of_paper": _rows_of_paper(observations),
    }
    if observations.has_compute_sd:
        data["compute_sd"] = np.nan_to_num(observations.compute_sd)  # 0 where none is given
    return data


def _rows_of_paper(observations: Observations) -> np.ndarray[Any, Any]:
    """Rows of each paper, shape (paper, largest size); -1 where a paper has fewer."""
    paper, sizes = observations.paper_index, observations.paper_sizes
    order = np.argsort(paper, kind="stable")
    rows = np.full((sizes.size, sizes.max()), -1)
    rows[paper[order], np.arange(paper.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)] = order
    return rows


def build_model(observations: Observations, options: ModelOptions, priors: Mapping[str, Prior]) -> pm.Model:
    """Build the model; its unobserved variables include those of `parameter_names`.

    Latent compute is integrated out analytically (`equations.latent_compute`), and so is what the systems
    of a paper have in common (`equations.joint_log_density`; along a curve, `_decorrelated`). Compute and
    year are relative to the task's reference.
    """
    law = get_law(options.law)
    n_tasks = len(observations.tasks)
    coords = {"task": list(observations.tasks), "drift_year": observations.drift_years}
    with pm.Model(coords=coords) as model:
        data = {name: pm.Data(name, values) for name, values in model_data(observations).items()}
        task, year, error = data["task_index"], data["year"], data["observed_error"]

        reference, floor = data["reference_error"], pt.zeros(n_tasks)
        if options.floor == "task":
            floor = _task_floor(priors["floor_offset"], data)
        elif options.has_floor:
            floor = _floor(options.pooling, priors, data, n_tasks)
        bend = _draw("bend", priors, dims="task") if law.is_bent else pt.zeros(n_tasks)
        of_task = {"chance": data["chance_error"], "bend": bend}
        of_row = {name: values[task] for name, values in of_task.items()}
        gain = law.odds_gain(reference, floor, **of_task)
        drift: Any = 0.0
        if options.drift:
            scale = _draw("drift_scale", priors)
            standard = pm.Normal("drift_standard", 0.0, 1.0, dims=("task", "drift_year"))
            step = pm.Deterministic(
                "drift_step",
                gain[:, None] * scale * equations.drift_step(standard, xp=pt),
                dims=("task", "drift_year"),
            )
            drift = (data["drift_weights"] * step[task]).sum(axis=1)
        intercept = pm.Deterministic(
            "intercept",
            law.performance(reference, floor, xp=pt, **of_task)
            + gain * distribution("intercept_stated", priors["intercept"], dims="task"),
            dims="task",
        )
        slope = _task_level("slope", options, priors, n_tasks, scale=gain)
        noise = _task_level("noise", options, priors, n_tasks, scale=gain)
        progress: Any = 0.0
        if options.algorithmic_progress:
            progress = _task_level("progress", options, priors, n_tasks)[task]

        compute, compute_variance = data["observed_compute"], 0.0
        if options.count_offsets:
            away = [_draw(f"offset_{count}", priors) - median for count, (median, _) in OFFSETS.items()]
            compute = compute - pt.stack([0.0, *away])[data["count_index"]]
        if options.measurement_error:
            compute, compute_variance = _latent_compute(options, priors, data, compute)
        expected = equations.expected_performance(
            compute, year, intercept=intercept[task], slope=slope[task], progress=progress
        )
        variance = equations.performance_variance(
            slope=slope[task], noise=noise[task], compute_variance=compute_variance
        )
        correlation = _draw("paper_correlation", priors) if options.paper_effect else 0.0
        residual = law.performance(error, floor[task], xp=pt, **of_row) - expected - drift
        variance, shared = variance + pt.zeros_like(error), correlation * noise[task] ** 2

        def by_paper(values: Any) -> Any:
            return pt.inc_subtensor(pt.zeros_like(data["paper_size"])[data["paper_index"]], values)

        if options.curves:
            length = _draw("correlation_length", priors)
            residual, variance = _decorrelated(residual, variance - shared, shared, length, data)
            shared, by_paper = pt.zeros_like(variance), lambda values: values.sum(axis=1)
        density = equations.joint_log_density(
            residual,
            variance,
            shared,
            count=data["paper_size"],
            by_paper=by_paper,
            degrees_of_freedom=_draw("degrees_of_freedom", priors) if options.robust else None,
            xp=pt,
            gammaln=pt.gammaln,
        )
        pm.Potential(
            "error", density.sum() + law.log_abs_derivative(error, floor[task], xp=pt, **of_row).sum()
        )
    return model


def _decorrelated(
    residual: Any, own: Any, shared: Any, length: Any, data: Mapping[str, Any]
) -> tuple[Any, Any]:
    """Independent residuals with the joint density of those of a curve, and their variances, (paper, place).

    By the Cholesky factor of the covariance ``diag(own) + shared exp(-d / length)`` of the points of each
    curve, which are ``d`` dex of compute apart. Empty places have residual 0 and variance 1.
    """
    rows = data["rows_of_paper"]
    there = pt.ge(rows, 0)
    at = data["observed_compute"][rows]
    apart = pt.abs(at[:, :, None] - at[:, None, :])
    both = there[:, :, None] & there[:, None, :]
    covariance = pt.switch(both, shared[rows][:, :, None] * pt.exp(-apart / length), 0.0)
    alone = pt.switch(there, own[rows], 1.0)
    covariance = covariance + alone[:, :, None] * pt.eye(rows.shape[1])[None]
    factor = pt.linalg.cholesky(covariance)
    standard = pt.linalg.solve_triangular(
        factor, pt.switch(there, residual[rows], 0.0)[:, :, None], lower=True, b_ndim=2
    )[:, :, 0]
    root = pt.diagonal(factor, axis1=1, axis2=2)
    return standard * root, root**2


def distribution(name: str, prior: Prior, **kwargs: Any) -> Any:
    """Return the PyMC variable that a prior describes."""
    return getattr(pm, prior.family)(name, **prior.parameters, **kwargs)


def _draw(name: str, priors: Mapping[str, Prior], **kwargs: Any) -> Any:
    return distribution(name, priors[name], **kwargs)


def _latent_compute(
    options: ModelOptions, priors: Mapping[str, Prior], data: Mapping[str, Any], compute: Any
) -> tuple[Any, Any]:
    """Mean and variance of true compute given what is reported, whose own likelihood is added.

    The measurement error is one for all rows, wider where compute is in doubt; where a row states its own,
    that is it.
    """
    task, year = data["task_index"], data["year"]
    population = {
        name: _draw(f"compute_{name}", priors, dims="task")[task] for name in ("mean", "growth", "spread")
    }
    error = _draw("compute_error", priors) * pt.ones_like(year)
    if options.flagged_error:
        error = pt.switch(data["flagged"] > 0, error * _draw("flagged_error_factor", priors), error)
    if "compute_sd" in data:
        error = pt.switch(data["compute_sd"] > 0, data["compute_sd"], error)
    reported = pm.Normal.dist(
        population["mean"] + population["growth"] * year, pt.sqrt(population["spread"] ** 2 + error**2)
    )
    pm.Potential("compute", pm.logp(reported, compute).sum())
    return equations.latent_compute(compute, year, error=error, **population)


def _task_level(
    name: str, options: ModelOptions, priors: Mapping[str, Prior], n_tasks: int, *, scale: Any = 1.0
) -> Any:
    """Pooled, positive task-level parameter; `scale` brings it from the unit of its prior to its own."""
    pooling = options.pooling_of(name)
    if pooling == "none":
        value = distribution(f"{name}_stated", priors[name], dims="task")
    elif pooling == "complete":
        value = distribution(f"{name}_stated", priors[name]) * pt.ones(n_tasks)
    else:
        value = pt.exp(_partially_pooled(f"{name}_log", priors, n_tasks))
    return pm.Deterministic(name, value * scale, dims="task")


def _task_floor(offset: Prior, data: Mapping[str, Any]) -> Any:
    """Irreducible error of each task, with its own prior on its log, and below the lowest error."""
    highest = pt.minimum(data["lowest_error"] / data["reference_error"], 1.0)
    share = pm.Uniform("floor_share", 0.0, highest, dims="task")
    floor = share * data["reference_error"]
    z = (pt.log(floor) - data["floor_log_median"]) / data["floor_log_sd"]
    density = pm.logp(getattr(pm, offset.family).dist(**offset.parameters), z)
    pm.Potential("floor_prior", (density - pt.log(share * data["floor_log_sd"]) + pt.log(highest)).sum())
    return pm.Deterministic("floor", floor, dims="task")


def _floor(pooling: str, priors: Mapping[str, Prior], data: Mapping[str, Any], n_tasks: int) -> Any:
    """Irreducible error of each task; pooled is its share of the reference error, as log odds.

    The likelihood is zero where the share leads above the lowest error of a task's systems, so the sampler
    is kept below by a uniform variable, and the prior is put on it as a density. It is not truncated, as
    the bound is no belief.
    """
    highest = pt.minimum(data["lowest_error"] / data["reference_error"], 1.0)
    if pooling == "complete":
        highest = highest.min()
        share = pm.Uniform("floor_share", 0.0, highest)
    else:
        share = pm.Uniform("floor_share", 0.0, highest, dims="task")
    logit = pt.log(share) - pt.log1p(-share)
    if pooling == "partial":
        mean, sd = _draw("floor_logit_mean", priors), _draw("floor_logit_sd", priors)
        density = pm.logp(pm.Normal.dist(mean, sd), logit)
    else:
        prior = priors["floor_logit"]
        density = pm.logp(getattr(pm, prior.family).dist(**prior.parameters), logit)
    to_share = -pt.log(share) - pt.log1p(-share)
    pm.Potential("floor_prior", (density + to_share + pt.log(highest)).sum())
    return pm.Deterministic("floor", share * pt.ones(n_tasks) * data["reference_error"], dims="task")


def _partially_pooled(name: str, priors: Mapping[str, Prior], n_tasks: int) -> Any:
    """Task values ``Normal(mean, sd)`` with priors on ``<name>_mean`` and ``<name>_sd``, reparametrised.

    With ``mean ~ Normal(mu, sigma)`` the average over tasks, ``Normal(mu, sqrt(sigma^2 + sd^2 / n))``, is
    what the data inform, so it is sampled in place of the hyper-mean; the deviations from it are independent
    of it and sum to zero; the hyper-mean follows from both by conjugacy, through a standard normal the data
    do not touch. Same joint distribution as the textbook non-centred form, which any other prior on the
    mean gets; about twice its effective sample size here.
    """
    sd = _draw(f"{name}_sd", priors)
    mean_prior = priors[f"{name}_mean"]
    if mean_prior.family != "Normal":
        return _draw(f"{name}_mean", priors) + sd * pm.Normal(f"{name}_offset", 0.0, 1.0, dims="task")
    mu, sigma = mean_prior.parameters["mu"], mean_prior.parameters["sigma"]
    average = mu + pm.Normal(f"{name}_average_offset", 0.0, 1.0) * pt.sqrt(sigma**2 + sd**2 / n_tasks)
    deviation = pm.ZeroSumNormal(f"{name}_deviation", 1.0, dims="task")
    precision = 1.0 / sigma**2 + n_tasks / sd**2
    conditional_mean = (mu / sigma**2 + average * n_tasks / sd**2) / precision
    pm.Deterministic(
        f"{name}_mean",
        conditional_mean + pm.Normal(f"{name}_mean_offset", 0.0, 1.0) / pt.sqrt(precision),
    )
    return average + sd * deviation
