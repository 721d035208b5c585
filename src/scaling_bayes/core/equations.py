"""The model's equations in plain arithmetic, shared by the sampler and by every projection.

Arguments may be floats, numpy arrays, xarray objects or PyTensor variables; only operators are used, and
what a caller passes in. Compute is log10 FLOP minus the task's reference; year is the calendar year minus
the task's reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from scaling_bayes.core.priors import DRIFT_SHAPE


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


def drift_step(standard: Any, xp: Any = np) -> Any:
    """Yearly step of a task's line, in units of its scale, from a standard normal deviate.

    Tukey's g-and-h distribution, ``(exp(g z) - 1) / g exp(h z^2 / 2)``: skewed to the side of g, with tails
    that fall as a power, of index 1 / h (Hoaglin 1985, *Summarizing shape numerically: the g-and-h
    distributions*).
    """
    skewness, tail = DRIFT_SHAPE
    return xp.expm1(skewness * standard) / skewness * xp.exp(0.5 * tail * standard**2)


def performance_variance(*, slope: Any, noise: Any, compute_variance: Any = 0.0) -> Any:
    """Variance of performance around its expectation: ``noise^2 + slope^2 * compute_variance``."""
    return noise**2 + slope**2 * compute_variance


def required_compute(performance: Any, year: Any, *, intercept: Any, slope: Any, progress: Any = 0.0) -> Any:
    """Compute at which `expected_performance` reaches `performance`: its inverse in compute."""
    return (performance - intercept) / slope - progress * year


def joint_log_density(
    residual: Any,
    variance: Any,
    shared_variance: Any,
    *,
    count: Any,
    by_paper: Callable[[Any], Any],
    degrees_of_freedom: Any = None,
    xp: Any = np,
    gammaln: Callable[[Any], Any] | None = None,
) -> Any:
    """Log density of the residuals of each paper's systems, which share an effect.

    Within a paper the covariance is ``diag(variance - shared_variance) + shared_variance 1 1'``; its inverse
    and determinant follow from the Sherman-Morrison formula and the matrix determinant lemma (Hager 1989,
    *Updating the inverse of a matrix*). With degrees of freedom the paper's residuals are multivariate
    Student t with that scale matrix: all systems of a paper stray together.

    Parameters
    ----------
    residual, variance, shared_variance : array_like, shape (..., system)
        Observed minus expected performance, total variance, and the part common to a paper's systems,
        which is the same for all systems of a paper.
    count : array_like, shape (paper,)
        Systems of each paper.
    by_paper : callable
        Sums over each paper's systems, (..., system) to (..., paper).
    degrees_of_freedom : array_like, optional
        Of the Student t, broadcast against (..., paper); normal when None.
    xp : module
        Array namespace.
    gammaln : callable, optional
        Log of the gamma function for `xp`; needed with degrees of freedom.

    Returns
    -------
    array_like, shape (..., paper)
    """
    own = variance - shared_variance
    shared = by_paper(shared_variance) / count
    precision, weighted = by_paper(1.0 / own), by_paper(residual / own)
    inflation = 1.0 + shared * precision
    square = by_paper(residual**2 / own) - shared * weighted**2 / inflation
    log_determinant = by_paper(xp.log(own)) + xp.log(inflation)
    if degrees_of_freedom is None:
        return -0.5 * (square + log_determinant + count * float(np.log(2.0 * np.pi)))
    nu = degrees_of_freedom
    assert gammaln is not None
    return (
        gammaln((nu + count) / 2.0)
        - gammaln(nu / 2.0)
        - 0.5 * (count * xp.log(nu * np.pi) + log_determinant + (nu + count) * xp.log1p(square / nu))
    )
