"""The families a prior may be of: parameters, support, how to draw and the log density, in one table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np


class Family(NamedTuple):
    """A family of distributions, named and parametrised as in PyMC."""

    parameters: tuple[str, ...]
    #: Whether it puts no mass at or below zero, whatever its parameters.
    is_positive: bool
    #: From a generator and a shape.
    draw: Callable[..., Any]
    #: From values; `-inf` outside the support. Without `scipy.stats`, half a second of imports.
    log_density: Callable[..., Any]


def _normal(x: Any, mu: float, sigma: float) -> Any:
    return -0.5 * ((x - mu) / sigma) ** 2 - math.log(sigma) - 0.5 * math.log(2.0 * math.pi)


def _student(x: Any, nu: float, mu: float, sigma: float) -> Any:
    constant = math.lgamma((nu + 1.0) / 2.0) - math.lgamma(nu / 2.0) - 0.5 * math.log(nu * math.pi)
    return constant - math.log(sigma) - (nu + 1.0) / 2.0 * np.log1p(((x - mu) / sigma) ** 2 / nu)


def _log_normal(x: Any, mu: float, sigma: float) -> Any:
    return _normal(np.log(x), mu, sigma) - np.log(x)


def _gamma(x: Any, alpha: float, beta: float) -> Any:
    return alpha * math.log(beta) - math.lgamma(alpha) + _power(x, alpha - 1.0) - beta * x


def _beta(x: Any, alpha: float, beta: float) -> Any:
    constant = math.lgamma(alpha + beta) - math.lgamma(alpha) - math.lgamma(beta)
    return constant + _power(x, alpha - 1.0) + _power(1.0 - x, beta - 1.0)


def _power(x: Any, exponent: float) -> Any:
    """Log of x to a power; that to the power 0 is 1 everywhere."""
    return exponent * np.log(x) if exponent else 0.0


def _within(density: Callable[..., Any], lower: float = 0.0, upper: float = math.inf) -> Callable[..., Any]:
    """A log density that is ``-inf`` outside its support."""

    def log_density(x: Any, **parameters: float) -> Any:
        x = np.asarray(x, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where((x >= lower) & (x <= upper), density(x, **parameters), -np.inf)
        return np.where(np.isnan(x), np.nan, np.where(np.isnan(found), -np.inf, found))[()]

    return log_density


#: Every family a prior may have.
FAMILIES: Mapping[str, Family] = {
    "Normal": Family(
        ("mu", "sigma"),
        False,
        lambda rng, n, mu, sigma: rng.normal(mu, sigma, n),
        _within(_normal, -math.inf),
    ),
    "StudentT": Family(
        ("nu", "mu", "sigma"),
        False,
        lambda rng, n, nu, mu, sigma: mu + sigma * rng.standard_t(nu, n),
        _within(_student, -math.inf),
    ),
    "Uniform": Family(
        ("lower", "upper"),
        False,
        lambda rng, n, lower, upper: rng.uniform(lower, upper, n),
        _within(
            lambda x, lower, upper: np.where((x >= lower) & (x <= upper), -math.log(upper - lower), -np.inf),
            -math.inf,
        ),
    ),
    "HalfNormal": Family(
        ("sigma",),
        True,
        lambda rng, n, sigma: abs(rng.normal(0.0, sigma, n)),
        _within(lambda x, sigma: math.log(2.0) + _normal(x, 0.0, sigma)),
    ),
    "HalfStudentT": Family(
        ("nu", "sigma"),
        True,
        lambda rng, n, nu, sigma: abs(sigma * rng.standard_t(nu, n)),
        _within(lambda x, nu, sigma: math.log(2.0) + _student(x, nu, 0.0, sigma)),
    ),
    "LogNormal": Family(
        ("mu", "sigma"),
        True,
        lambda rng, n, mu, sigma: rng.lognormal(mu, sigma, n),
        _within(_log_normal),
    ),
    "Exponential": Family(
        ("lam",),
        True,
        lambda rng, n, lam: rng.exponential(1 / lam, n),
        _within(lambda x, lam: math.log(lam) - lam * x),
    ),
    "Gamma": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: rng.gamma(alpha, 1 / beta, n),
        _within(_gamma),
    ),
    "InverseGamma": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: 1 / rng.gamma(alpha, 1 / beta, n),
        _within(lambda x, alpha, beta: _gamma(1.0 / x, alpha, beta) - 2.0 * np.log(x)),
    ),
    "Beta": Family(
        ("alpha", "beta"),
        True,
        lambda rng, n, alpha, beta: rng.beta(alpha, beta, n),
        _within(_beta, upper=1.0),
    ),
}
