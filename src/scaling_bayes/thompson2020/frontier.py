"""The paper's check on the frontier: quantile regression instead of the mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.intervals import CI_PROB, quantiles
from scaling_bayes.thompson2020.lines import FORMS, get_form
from scaling_bayes.thompson2020.points import TASKS, regression_points, task_points

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SIDES = ("error", "burden")
_ON_THE_LINE = 1e-9


def quantile_frontier(
    quantile: float = 0.10,
    *,
    resamples: int = 2000,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Quantile regression of the best systems.

    "The best 10 %" can be read from two sides, and with few points the answers differ:

    - ``error``: the error that only a tenth of the systems undercut at a given burden. Performance falls as
      error rises, so this is the 90 % quantile of performance given log10 burden.
    - ``burden``: the burden that only a tenth of the systems undercut at a given performance, the 10 %
      quantile of log10 burden given performance. Its line is turned round, so that slopes compare.

    Parameters
    ----------
    quantile : float
        Share of systems beyond the frontier, in (0, 1).
    resamples : int
        Bootstrap samples of points for the interval of the slope.

    Returns
    -------
    pandas.DataFrame
        One row per task, form and side: ``task``, ``form``, ``side``, ``quantile``, ``n``, ``n_beyond``
        (points beyond the line), ``slope`` and ``intercept`` of performance on log10 burden in GFLOP,
        ``lower_90`` and ``upper_90`` of the slope (equal-tailed, points resampled), ``exponent`` (1 /
        slope).

    Raises
    ------
    OptionError
        If `quantile` is not in (0, 1) or `resamples` is below 1.
    """
    import pandas as pd

    if not 0 < quantile < 1:
        raise OptionError(f"quantile={quantile!r} must lie between 0 and 1, both excluded.")
    if resamples < 1:
        raise OptionError(f"resamples={resamples!r} must be at least 1.")
    points = regression_points()
    rows = []
    for task in TASKS:
        of_task = task_points(task, points)
        burden = of_task["log10_burden_gflop"].to_numpy(float)
        counts = _resampled_counts(len(of_task), resamples, random_seed)
        for form in FORMS:
            performance = np.asarray(get_form(form).performance(of_task["error"].to_numpy(float)))
            for side in SIDES:
                found = _frontier(burden, performance, side, quantile, counts)
                rows.append({"task": task, "form": form, "side": side, "quantile": quantile, **found})
    return pd.DataFrame(rows)


def _resampled_counts(n: int, resamples: int, random_seed: int) -> Floats:
    """How often each of `n` points stands in the sample itself (first row) and in each bootstrap sample."""
    drawn = np.random.default_rng(random_seed).multinomial(n, np.full(n, 1 / n), size=resamples)
    return np.vstack([np.ones(n), drawn])


def _frontier(
    burden: Floats, performance: Floats, side: str, quantile: float, counts: Floats
) -> dict[str, float]:
    if side == "error":
        intercepts, slopes = quantile_lines(burden, performance, 1 - quantile, counts)
        outside = performance - intercepts[0] - slopes[0] * burden
    else:
        at_zero, exponents = quantile_lines(performance, burden, quantile, counts)
        outside = at_zero[0] + exponents[0] * performance - burden
        with np.errstate(divide="ignore", invalid="ignore"):
            slopes, intercepts = 1 / exponents, -at_zero / exponents
    lower, upper = quantiles(slopes[1:], [(1 - CI_PROB) / 2, (1 + CI_PROB) / 2])
    return {
        "n": len(burden),
        "n_beyond": int((outside > _ON_THE_LINE).sum()),
        "slope": float(slopes[0]),
        "lower_90": float(lower),
        "upper_90": float(upper),
        "intercept": float(intercepts[0]),
        "exponent": float(1 / slopes[0]),
    }


def check_loss(residual: Floats, quantile: float) -> Floats:
    """Loss whose expected minimum is the quantile: ``residual * (quantile - [residual < 0])``."""
    return np.asarray(residual * (quantile - (residual < 0)))


def quantile_lines(x: Floats, y: Floats, quantile: float, counts: Floats) -> tuple[Floats, Floats]:
    """Exact quantile regressions of `y` on `x`, one for each row of weights.

    Some line through two points minimises the loss (Koenker & Bassett 1978, Econometrica 46, theorem 3.1),
    so all of them are tried: exact, and fast enough to resample. QuantReg of statsmodels, which iterates,
    agrees to about four digits (tested) and has no standard error to offer for samples this small.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
    counts : ndarray, shape (k, n)
        Weights of the points in each regression.

    Returns
    -------
    tuple of ndarray, each shape (k,)
        Intercepts and slopes.
    """
    first, second = np.triu_indices(len(x), k=1)
    different = x[first] != x[second]
    first, second = first[different], second[different]
    slope = (y[second] - y[first]) / (x[second] - x[first])
    intercept = y[first] - slope * x[first]
    loss = check_loss(y - intercept[:, None] - slope[:, None] * x, quantile)
    best = (counts @ loss.T).argmin(axis=1)
    return intercept[best], slope[best]
