"""How many operations each model takes, counted: a multiplication and an addition are one each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaling_bayes.overparameterization.settings import Settings


def least_squares_operations(n: Any, q: Any) -> Any:
    """Operations of least squares of n observations on q features, by Cholesky.

    ``(n + q/3) q²`` for n >= q, normal equations; ``(q + n/3) n²`` for n < q, minimum norm through ``X X'``:
    the leading terms of Golub & Van Loan, Matrix Computations, 4th ed., section 5.3.2, and of the same
    algorithm on the transpose.
    """
    small, large = (q, n) if n >= q else (n, q)
    return (large + small / 3) * small**2


def lasso_operations(n: Any, p: Any, sweeps: Any, nonzero: Any) -> Any:
    """Operations of coordinate descent: ``2 n (p + nonzero)`` a sweep.

    Naive updates of Friedman, Hastie & Tibshirani (2010, Journal of Statistical Software 33(1), section
    2.1): an inner product of length n for each feature, and an update of the residual for each whose
    coefficient moves, counted as those not zero at the end. The experiment itself works from ``X'X``, which
    reaches the same solution through the same sweeps.
    """
    return 2.0 * n * (p + nonzero) * sweeps


def model_operations(settings: Settings, model: str, n: int, sweeps: Any, nonzero: Any) -> Any:
    """Operations of one fit of `model` to n observations."""
    if model == "regularised":
        return lasso_operations(n, settings.n_parameters, sweeps, nonzero)
    features = settings.n_parameters if model == "flexible" else settings.n_nonzero
    return least_squares_operations(n, features)
