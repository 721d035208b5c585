"""The model's equations against quadrature and against their own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from scaling_bayes import equations

dex = st.floats(-3, 3)
positive = st.floats(0.05, 3)


@given(observed=dex, year=dex, mean=dex, growth=dex, spread=positive, error=positive)
def test_latent_compute_is_the_normalised_product(observed, year, mean, growth, spread, error) -> None:
    got_mean, got_variance = equations.latent_compute(
        observed, year, mean=mean, growth=growth, spread=spread, error=error
    )
    grid = np.linspace(-15, 15, 30_001)
    log_weight = stats.norm.logpdf(grid, mean + growth * year, spread) + stats.norm.logpdf(
        observed, grid, error
    )
    weight = np.exp(log_weight - log_weight.max())
    expected_mean = np.average(grid, weights=weight)
    assert got_mean == pytest.approx(expected_mean, abs=1e-6)
    assert got_variance == pytest.approx(np.average((grid - expected_mean) ** 2, weights=weight), rel=1e-5)


@given(x=dex, year=dex, intercept=dex, slope=positive, progress=positive)
def test_required_compute_inverts_expected_performance(x, year, intercept, slope, progress) -> None:
    performance = equations.expected_performance(x, year, intercept=intercept, slope=slope, progress=progress)
    back = equations.required_compute(performance, year, intercept=intercept, slope=slope, progress=progress)
    assert back == pytest.approx(x, abs=1e-9)


@given(y=dex, observed=dex, slope=st.floats(0.01, 1), noise=positive, spread=positive, error=positive)
def test_marginal_density_of_performance_is_the_integral_over_compute(
    y, observed, slope, noise, spread, error
) -> None:
    mean, variance = equations.latent_compute(observed, 0.0, mean=0.2, growth=0.0, spread=spread, error=error)
    sd = np.sqrt(equations.performance_variance(slope=slope, noise=noise, compute_variance=variance))
    marginal = stats.norm.pdf(y, 0.1 + slope * mean, sd) * stats.norm.pdf(
        observed, 0.2, np.hypot(spread, error)
    )

    def joint(x: float) -> float:
        return (
            stats.norm.pdf(y, 0.1 + slope * x, noise)
            * stats.norm.pdf(observed, x, error)
            * stats.norm.pdf(x, 0.2, spread)
        )

    precision = 1 / variance + slope**2 / noise**2
    center = (mean / variance + slope * (y - 0.1) / noise**2) / precision
    half = 12 / np.sqrt(precision)
    integral, _ = quad(joint, center - half, center + half, epsabs=0, epsrel=1e-10, limit=200)
    assert marginal == pytest.approx(integral, rel=1e-6)
