"""The model's equations against quadrature and against their own inverse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad
from scipy.special import gammaln

from scaling_bayes.core import equations

dex = st.floats(-3, 3)
positive = st.floats(0.05, 3)


@given(observed=dex, year=dex, mean=dex, growth=dex, spread=positive, error=positive)
def test_latent_compute_is_the_normalised_product(observed, year, mean, growth, spread, error) -> None:
    got_mean, got_variance = equations.latent_compute(
        observed, year, mean=mean, growth=growth, spread=spread, error=error
    )
    grid = np.linspace(-40, 40, 80_001)
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


# The systems of a paper together

sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)
freedoms = st.one_of(st.none(), st.floats(0.5, 50))


def papers_of(sizes: list[int], seed: int) -> tuple[np.ndarray, ...]:
    """Residuals, variances and shared variances of papers of these sizes, and each system's paper."""
    rng = np.random.default_rng(seed)
    paper = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    shared = rng.uniform(0.0, 2.0, len(sizes))[paper]
    return rng.normal(0.0, 2.0, paper.size), shared + rng.uniform(0.05, 2.0, paper.size), shared, paper


@given(sizes=sizes, seed=st.integers(0, 2**32), nu=freedoms)
def test_joint_density_is_scipys_multivariate_density(sizes, seed, nu) -> None:
    residual, variance, shared, paper = papers_of(sizes, seed)
    found = equations.joint_log_density(
        residual,
        variance,
        shared,
        count=np.array(sizes),
        by_paper=lambda values: np.bincount(paper, weights=values),
        degrees_of_freedom=nu,
        gammaln=gammaln,
    )
    for number, density in enumerate(found):
        rows = paper == number
        scale = np.diag((variance - shared)[rows]) + shared[rows][0]
        normal, heavy = stats.multivariate_normal, stats.multivariate_t
        expected = (
            normal(cov=scale).logpdf(residual[rows])
            if nu is None
            else heavy(shape=scale, df=nu).logpdf(residual[rows])
        )
        assert density == pytest.approx(float(expected), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("robust", [False, True])
def test_the_sampler_computes_the_joint_density_that_numpy_does(robust: bool) -> None:
    import pytensor
    import pytensor.tensor as pt

    paper = np.array([0, 1, 1, 2, 2, 2, 1, 3])
    count = np.bincount(paper).astype(float)

    def by_paper(values):
        return pt.inc_subtensor(pt.zeros(count.size)[paper], values)

    residual, variance, shared, nu = pt.dvector(), pt.dvector(), pt.dvector(), pt.dscalar()
    density = equations.joint_log_density(
        residual,
        variance,
        shared,
        count=count,
        by_paper=by_paper,
        degrees_of_freedom=nu if robust else None,
        xp=pt,
        gammaln=pt.gammaln,
    )
    evaluate = pytensor.function(
        [residual, variance, shared, nu], density, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    for seed in range(5):
        rng = np.random.default_rng(seed)
        effect = rng.uniform(0.0, 2.0, count.size)[paper]
        values = rng.normal(0.0, 2.0, paper.size), effect + rng.uniform(0.05, 2.0, paper.size), effect
        expected = equations.joint_log_density(
            *values,
            count=count,
            by_paper=lambda each: np.bincount(paper, weights=each),
            degrees_of_freedom=3.0 if robust else None,
            gammaln=gammaln,
        )
        np.testing.assert_allclose(evaluate(*values, 3.0), expected, rtol=1e-12)
