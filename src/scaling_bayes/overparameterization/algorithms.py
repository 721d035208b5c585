"""The estimators: least squares on few features, on all, below and above interpolation, and the lasso."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_BLOCK = 128
#: Duality gap at which coordinate descent stops, relative to the sum of squares of y.
LASSO_TOLERANCE = 1e-6
LASSO_MAX_SWEEPS = 20_000
FOLDS = 5
#: Penalties tried by `cross_validation` and `best`: this many, from the one that leaves nothing down to it
#: over 1.5 √n, which is less than half of what theory asks for.
PATH_LENGTH = 20


def least_squares(x: Floats, y: Floats) -> Floats:
    """Least squares; the solution of minimum norm where it is not unique.

    Parameters
    ----------
    x : ndarray, shape (n, q)
    y : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (q,)
    """
    return np.asarray(np.linalg.lstsq(x, y, rcond=None)[0])


class Gram:
    """``X'X`` and ``X'y`` of a sample that grows, in folds where cross-validation needs them.

    Rows are added once; only the lower triangle is kept until the whole is asked for.
    """

    def __init__(self, n_parameters: int, folds: int = 1) -> None:
        self._parts = [np.zeros((n_parameters, n_parameters), order="F") for _ in range(folds)]
        self._cross = [np.zeros(n_parameters) for _ in range(folds)]
        self._squares = [0.0] * folds
        self._counts = [0] * folds

    def add(self, x: Floats, y: Floats) -> None:
        """Add rows; row i of all that were ever added belongs to fold ``i mod folds``."""
        from scipy.linalg.blas import dsyrk

        folds, before = len(self._parts), sum(self._counts)
        for fold in range(folds):
            rows = slice((fold - before) % folds, None, folds)
            part, of_y = np.ascontiguousarray(x[rows]), y[rows]
            if len(part) == 0:
                continue
            self._parts[fold] = dsyrk(1.0, part.T, beta=1.0, c=self._parts[fold], lower=1, overwrite_c=1)
            self._cross[fold] += part.T @ of_y
            self._squares[fold] += float(of_y @ of_y)
            self._counts[fold] += len(part)

    def lower(self) -> Floats:
        """``X'X``, valid in its lower triangle; a new array."""
        return np.asfortranarray(sum(self._parts[1:], start=self._parts[0].copy(order="F")))

    def whole(self, without: int | None = None) -> Moments:
        """Moments of all rows, or of all but one fold's."""
        kept = [fold for fold in range(len(self._parts)) if fold != without]
        matrix = self._parts[kept[0]].copy(order="F")
        for fold in kept[1:]:
            matrix += self._parts[fold]
        _mirror(matrix)
        return Moments(
            matrix,
            np.sum([self._cross[fold] for fold in kept], axis=0),
            sum(self._squares[fold] for fold in kept),
            sum(self._counts[fold] for fold in kept),
        )

    def fold(self, fold: int) -> Moments:
        """Moments of one fold's rows."""
        matrix = self._parts[fold].copy(order="F")
        _mirror(matrix)
        return Moments(matrix, self._cross[fold], self._squares[fold], self._counts[fold])

    def solve(self) -> Floats:
        """Least squares on all features, by Cholesky; needs at least as many rows as features."""
        return _solve_factored(_factor(self.lower()), np.sum(self._cross, axis=0))


@dataclass(frozen=True)
class Moments:
    """``X'X``, ``X'y``, ``y'y`` and the number of rows."""

    matrix: Floats
    cross: Floats
    squares: float
    rows: int

    def mean_squared_error(self, coefficients: Floats) -> Floats:
        """Mean squared residual of each column of `coefficients`."""
        quadratic = np.einsum("pk,pk->k", coefficients, self.matrix @ coefficients)
        return np.asarray((self.squares - 2 * self.cross @ coefficients + quadratic) / self.rows)


def _mirror(matrix: Floats) -> None:
    """Copy the lower triangle onto the upper, block by block, in place."""
    size = len(matrix)
    for start in range(0, size, _BLOCK):
        stop = min(start + _BLOCK, size)
        corner = matrix[start:stop, start:stop]
        corner[:] = np.tril(corner) + np.tril(corner, -1).T
        matrix[start:stop, stop:] = matrix[stop:, start:stop].T


def _factor(matrix: Floats) -> Floats:
    """Cholesky factor in the lower triangle, in place; the upper is left as it is."""
    from scipy.linalg.lapack import dpotrf

    factored, failed = dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    if failed:
        raise np.linalg.LinAlgError(f"the leading {failed} rows are not linearly independent")
    return np.asarray(factored)


def _solve_factored(factored: Floats, right: Floats) -> Floats:
    from scipy.linalg.lapack import dpotrs

    solution, _ = dpotrs(factored, right, lower=1)
    return np.asarray(solution)


class MinimumNorm:
    """Interpolating solutions of minimum norm for every leading part of one sample, from one factor.

    The Cholesky factor of a leading block of ``X X'`` is the leading block of its factor, so one
    factorisation serves every n.

    Parameters
    ----------
    x : ndarray, shape (m, p)
        The largest sample, m <= p.
    y : ndarray, shape (m,)
    """

    def __init__(self, x: Floats, y: Floats) -> None:
        from scipy.linalg.blas import dsyrk

        self._x, self._y = x, y
        self._factored = _factor(dsyrk(1.0, x.T, trans=1, lower=1))

    def solve(self, n: int) -> Floats:
        """Solution for the first `n` rows: ``X' (X X')⁻¹ y``."""
        leading = np.asfortranarray(self._factored[:n, :n])
        return np.asarray(self._x[:n].T @ _solve_factored(leading, self._y[:n]))


@dataclass(frozen=True)
class Lasso:
    """A lasso fit."""

    #: Shape (p,).
    coefficients: Floats
    penalty: float
    #: Cycles of coordinate descent over all features, over the whole path and all folds where there are any.
    sweeps: int

    @classmethod
    def at(cls, moments: Moments, penalty: float) -> Lasso:
        """Fit at one penalty."""
        coefficients, sweeps = _descend(moments, [penalty])
        return cls(coefficients[:, 0], penalty, sweeps)

    @classmethod
    def nearest(cls, moments: Moments, truth: Floats) -> Lasso:
        """Fit on the path that is nearest to the true coefficients."""
        path = _path(moments)
        coefficients, sweeps = _descend(moments, path)
        best = int(((coefficients - truth[:, None]) ** 2).sum(axis=0).argmin())
        return cls(coefficients[:, best], path[best], sweeps)

    @classmethod
    def cross_validated(cls, gram: Gram) -> Lasso:
        """Fit at the penalty whose prediction error over the left-out folds is least."""
        whole = gram.whole()
        path = _path(whole)
        errors, sweeps = np.zeros(len(path)), 0
        for fold in range(FOLDS):
            left_out = gram.fold(fold)
            if left_out.rows == 0:
                continue
            coefficients, cycles = _descend(gram.whole(without=fold), path)
            errors += left_out.rows * left_out.mean_squared_error(coefficients)
            sweeps += cycles
        best = int(errors.argmin())
        coefficients, cycles = _descend(whole, path[: best + 1])
        return cls(coefficients[:, -1], path[best], sweeps + cycles)


def _path(moments: Moments) -> list[float]:
    largest = float(np.abs(moments.cross).max()) / moments.rows
    smallest = largest / (1.5 * np.sqrt(moments.rows) + 1)
    return [float(value) for value in np.geomspace(largest, smallest, PATH_LENGTH)]


def _descend(moments: Moments, penalties: Sequence[float]) -> tuple[Floats, int]:
    """Coordinate descent along decreasing penalties, each started where the last ended.

    Works on the moments alone (Friedman, Hastie & Tibshirani 2010, section 2.2, covariance updates):
    scikit-learn takes the number of rows from the shape of X and the scale of its stopping rule from y, and
    reads no entry of X.
    """
    try:
        from sklearn.linear_model import enet_path
    except ImportError:
        raise OptionError(
            "the regularised model needs scikit-learn; install scaling-bayes[experiments] or leave it out."
        ) from None

    placeholder: Any = np.broadcast_to(np.zeros(()), (moments.rows, len(moments.cross)))
    scale = np.zeros(moments.rows)
    scale[0] = np.sqrt(moments.squares)
    _, coefficients, _, sweeps = enet_path(
        placeholder,
        scale,
        l1_ratio=1.0,
        alphas=np.array(penalties),
        precompute=moments.matrix.T,
        Xy=moments.cross,
        check_input=False,
        return_n_iter=True,
        tol=LASSO_TOLERANCE,
        max_iter=LASSO_MAX_SWEEPS,
    )
    return np.asarray(coefficients), int(sum(sweeps))
