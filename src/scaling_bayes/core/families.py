"""The families a prior may be of: parameters, support, how to draw and the log density, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Family(NamedTuple):
    """A family of distributions, named and parametrised as in PyMC."""

    parameters: tuple[str, ...]
    #: Whether it puts no mass at or below zero, whatever its parameters.
    is_positive: bool
    #: From a generator and a shape.
    draw: Callable[..., Any]
    #: From `scipy.stats` and values.
    log_density: Callable[..., Any]


def _folded_t(stats: Any, x: Any, nu: float, sigma: float) -> Any:
    import numpy as np

    return np.where(np.asarray(x) >= 0, math.log(2.0) + stats.t.logpdf(x, nu, 0.0, sigma), -np.inf)


#: Every family a prior may have.
FAMILIES: Mapping[str, Family] = {
    "Normal": Family(
        ("mu", "sigma"),
        False,
        lambda rng, n, mu, sigma: rng.normal(mu, sigma, n),
        lambda stats, x, mu, sigma: stats.norm.logpdf(x, mu, sigma),
    ),
    "StudentT": Family(
        ("nu", "mu", "sigma"),
        False,
        lambda rng, n, nu, mu, sigma: mu + sigma * rng.standard_t(nu, n),
        lambda stats, x, nu, mu, sigma: stats.t.logpdf(x, nu, mu, sigma),
    ),
    "Uniform": Family(
        ("lower", "upper"),
        False,
        lambda rng, n, lower, upper: rng.uniform(lower, upper, n),
        lambda stats, x, lower, upper: stats.uniform.logpdf(x, lower, upper - lower),
    ),
    "HalfNormal": Family(
        ("sigma",),
        True,
        lambda rng, n, sigma: abs(rng.normal(0.0, sigma, n)),
        lambda stats, x, sigma: stats.halfnorm.logpdf(x, scale=sigma),
    ),
    "HalfStudentT": Family(
        ("nu", "sigma"),
        True,
        lambda rng, n, nu, sigma: abs(sigma * rng.standard_t(nu, n)),
        _folded_t,
    ),
    "LogNormal": Family(
        ("mu", "sigma"),
        True,
        lambda rng, n, mu, sigma: rng.lognormal(mu, sigma, n),
        lambda stats, x, mu, sigma: stats.lognorm.logpdf(x, sigma, scale=math.exp(mu)),
    ),
    "Exponential": Family(
        ("lam",),
        True,
        lambda rng, n, lam: rng.exponential(1 / lam, n),
        lambda stats, x, lam: stats.expon.logpdf(x, scale=1 / lam),
    ),
    "Gamma": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: rng.gamma(alpha, 1 / beta, n),
        lambda stats, x, alpha, beta: stats.gamma.logpdf(x, alpha, scale=1 / beta),
    ),
    "InverseGamma": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: 1 / rng.gamma(alpha, 1 / beta, n),
        lambda stats, x, alpha, beta: stats.invgamma.logpdf(x, alpha, scale=beta),
    ),
    "Beta": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: rng.beta(alpha, beta, n),
        lambda stats, x, alpha, beta: stats.beta.logpdf(x, alpha, beta),
    ),
}
