"""The model itself, in PyMC: from observations, options and priors to a `pymc.Model`.

Every distribution is drawn from the named priors; equations come from `scaling_bayes.equations`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pymc as pm
import pytensor.tensor as pt

from scaling_bayes import equations
from scaling_bayes.laws import get_law
from scaling_bayes.observations import Observations
from scaling_bayes.options import ModelOptions
from scaling_bayes.priors import Prior

__all__ = ["build_model", "distribution", "parameter_names"]

POOLED = ("slope", "noise", "progress")


def parameter_names(options: ModelOptions, priors: Mapping[str, Prior]) -> list[str]:
    """Names of the posterior variables, task-level parameters first."""
    task_level = [name for name in POOLED if name != "progress" or options.algorithmic_progress]
    return ["intercept", *task_level, *(name for name in priors if name not in {"intercept", *task_level})]


def build_model(observations: Observations, options: ModelOptions, priors: Mapping[str, Prior]) -> pm.Model:
    """Build the model; its unobserved variables include `parameter_names`.

    Observed variables are ``performance`` and, with measurement error, ``compute``, both relative to the
    task's reference. Latent compute is integrated out analytically (`equations.latent_compute`).
    """
    law = get_law(options.law)
    coords = {"task": list(observations.tasks), "system": list(observations.systems)}
    with pm.Model(coords=coords) as model:
        task = pm.Data("task_index", observations.task_index, dims="system")
        observed_compute = pm.Data("observed_compute", observations.compute, dims="system")
        year = pm.Data("year", observations.years, dims="system")
        observed_performance = pm.Data(
            "observed_performance", law.performance(observations.error), dims="system"
        )

        intercept = _draw("intercept", priors, dims="task")
        slope = _task_level("slope", options.pooling, priors, len(observations.tasks))
        noise = _task_level("noise", options.pooling, priors, len(observations.tasks))
        progress: Any = 0.0
        if options.algorithmic_progress:
            progress = _task_level("progress", options.pooling, priors, len(observations.tasks))[task]

        compute, compute_variance = observed_compute, 0.0
        if options.measurement_error:
            population = {
                name: _draw(f"compute_{name}", priors, dims="task")[task]
                for name in ("mean", "growth", "spread")
            }
            error = _draw("compute_error", priors)
            compute, compute_variance = equations.latent_compute(
                observed_compute, year, error=error, **population
            )
            pm.Normal(
                "compute",
                population["mean"] + population["growth"] * year,
                pt.sqrt(population["spread"] ** 2 + error**2),
                observed=observed_compute,
                dims="system",
            )
        pm.Normal(
            "performance",
            equations.expected_performance(
                compute, year, intercept=intercept[task], slope=slope[task], progress=progress
            ),
            pt.sqrt(
                equations.performance_variance(
                    slope=slope[task], noise=noise[task], compute_variance=compute_variance
                )
            ),
            observed=observed_performance,
            dims="system",
        )
    return model


def distribution(name: str, prior: Prior, **kwargs: Any) -> Any:
    """Return the PyMC variable that a prior describes."""
    return getattr(pm, prior.family)(name, **prior.parameters, **kwargs)


def _draw(name: str, priors: Mapping[str, Prior], **kwargs: Any) -> Any:
    return distribution(name, priors[name], **kwargs)


def _task_level(name: str, pooling: str, priors: Mapping[str, Prior], n_tasks: int) -> Any:
    if pooling == "none":
        return _draw(name, priors, dims="task")
    if pooling == "complete":
        shared = distribution(f"shared_{name}", priors[name])
        return pm.Deterministic(name, shared * pt.ones(n_tasks), dims="task")
    sd = _draw(f"{name}_log_sd", priors)
    if priors[f"{name}_log_mean"].family == "Normal":
        log_value = _partially_pooled(name, priors[f"{name}_log_mean"], sd, n_tasks)
    else:
        offset = pm.Normal(f"{name}_offset", 0.0, 1.0, dims="task")
        log_value = _draw(f"{name}_log_mean", priors) + sd * offset
    return pm.Deterministic(name, pt.exp(log_value), dims="task")


def _partially_pooled(name: str, mean_prior: Prior, sd: Any, n_tasks: int) -> Any:
    """Log-scale task values, ``Normal(log_mean, sd)`` with ``log_mean ~ Normal(mu, sigma)``, reparametrised.

    The average over tasks, ``Normal(mu, sqrt(sigma^2 + sd^2 / n))``, is what the data inform, so it is
    sampled in place of the hyper-mean; the deviations from it are independent of it and sum to zero; the
    hyper-mean follows from both by conjugacy, through a standard normal the data do not touch.
    Same joint distribution as the textbook non-centred form; about twice its effective sample size here.
    """
    mu, sigma = mean_prior.parameters["mu"], mean_prior.parameters["sigma"]
    average = mu + pm.Normal(f"{name}_average_offset", 0.0, 1.0) * pt.sqrt(sigma**2 + sd**2 / n_tasks)
    deviation = pm.ZeroSumNormal(f"{name}_deviation", 1.0, dims="task")
    precision = 1.0 / sigma**2 + n_tasks / sd**2
    conditional_mean = (mu / sigma**2 + average * n_tasks / sd**2) / precision
    pm.Deterministic(
        f"{name}_log_mean",
        conditional_mean + pm.Normal(f"{name}_log_mean_offset", 0.0, 1.0) / pt.sqrt(precision),
    )
    return average + sd * deviation
