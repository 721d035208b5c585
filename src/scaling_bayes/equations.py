"""The model's equations in plain arithmetic, shared by the sampler and by every projection.

Arguments may be floats, numpy arrays, xarray objects or PyTensor variables; only operators are used.
Compute is log10 FLOP minus the task's reference; year is the calendar year minus the task's reference.
"""

from __future__ import annotations

from typing import Any

__all__ = ["expected_performance", "latent_compute", "performance_variance", "required_compute"]


def latent_compute(
    observed: Any, year: Any, *, mean: Any, growth: Any, spread: Any, error: Any
) -> tuple[Any, Any]:
    """Mean and variance of true compute given observed compute.

    With true compute ``x ~ Normal(mean + growth * year, spread)`` and ``observed ~ Normal(x, error)``,
    normal-normal conjugacy (e.g. Gelman et al. 2013, *Bayesian Data Analysis*, section 2.5) gives
    ``x | observed ~ Normal(c + r (observed - c), sqrt(r) error)`` with ``c = mean + growth * year`` and
    reliability ``r = spread^2 / (spread^2 + error^2)``.

    Parameters
    ----------
    observed, year : array_like
        Observed log10 compute and year, both relative to the task's reference (dex, years).
    mean, growth, spread, error : array_like
        Population mean (dex), growth (dex per year), spread (dex) and measurement error sd (dex).

    Returns
    -------
    tuple
        Conditional mean (dex) and variance (dex^2).
    """
    reliability = spread**2 / (spread**2 + error**2)
    center = mean + growth * year
    return center + reliability * (observed - center), reliability * error**2


def expected_performance(compute: Any, year: Any, *, intercept: Any, slope: Any, progress: Any = 0.0) -> Any:
    """Performance expected of a system: ``intercept + slope * (compute + progress * year)``."""
    return intercept + slope * (compute + progress * year)


def performance_variance(*, slope: Any, noise: Any, compute_variance: Any = 0.0) -> Any:
    """Variance of performance around its expectation: ``noise^2 + slope^2 * compute_variance``."""
    return noise**2 + slope**2 * compute_variance


def required_compute(performance: Any, year: Any, *, intercept: Any, slope: Any, progress: Any = 0.0) -> Any:
    """Compute at which `expected_performance` reaches `performance`: its inverse in compute."""
    return (performance - intercept) / slope - progress * year
