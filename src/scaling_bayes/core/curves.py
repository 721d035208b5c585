"""What the points of a learning curve share: a departure from the line that wanders along compute.

It is an Ornstein-Uhlenbeck process in log10 compute: its correlation at two points ``d`` dex apart is
``exp(-d / length)``. Without end to `length` it is the constant effect of a paper. The process is Markov, so
the points of a curve, in the order of compute, are filtered and smoothed one after another (Kalman 1960; de
Jong 1988, *A cross-validation filter for time series models*), with no matrix of all points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Smoothed:
    """Residuals of curves, one given the others; all of shape (..., system)."""

    #: What the points before a point do not foresee of it, and the variance of that: independent of each
    #: other, with the joint density of the residuals.
    innovation: Floats
    variance: Floats
    #: Residuals times the inverse of their covariance, and the diagonal of that inverse.
    weighted: Floats
    precision: Floats
    #: Mean and variance of the shared departure at a point of infinite `own` variance, given the others.
    departure: Floats
    departure_variance: Floats


def in_order(paper: NDArray[np.intp], compute: Floats) -> tuple[NDArray[np.intp], Floats]:
    """Order of points by paper and compute, and how far each is above the one before, dex.

    Parameters
    ----------
    paper : ndarray of int, shape (system,)
    compute : ndarray, shape (..., system)
        Log10 compute.

    Returns
    -------
    tuple of ndarray, shape (..., system)
        The distance, in that order, is infinite at the first point of a paper.
    """
    order = np.lexsort((compute, np.broadcast_to(paper, compute.shape)), axis=-1)
    apart = np.diff(np.take_along_axis(compute, order, axis=-1), axis=-1, prepend=-np.inf)
    of_point = paper[order]
    same = np.diff(of_point, axis=-1, prepend=-1) == 0
    return order, np.where(same, apart, np.inf)


def draw_along(deviates: Floats, paper: NDArray[np.intp], compute: Floats, length: Any) -> Floats:
    """Shared departures of unit variance, made of independent standard normal deviates.

    Parameters
    ----------
    deviates : ndarray, shape (..., system)
    paper : ndarray of int, shape (system,)
    compute : ndarray, shape (system,) or (..., system)
        Log10 compute.
    length : array_like, shape (...)
        Dex.
    """
    order, apart = in_order(paper, compute)
    kept = np.broadcast_to(np.exp(-apart / np.asarray(length)[..., np.newaxis]), deviates.shape)
    along = deviates * np.sqrt(1.0 - kept**2)
    for point in range(1, deviates.shape[-1]):
        along[..., point] += kept[..., point] * along[..., point - 1]
    found = np.empty_like(along)
    np.put_along_axis(found, np.broadcast_to(order, found.shape), along, axis=-1)
    return found


def smooth(
    residual: Floats, own: Floats, shared: Floats, paper: NDArray[np.intp], compute: Floats, length: Any
) -> Smoothed:
    """Filter and smooth the residuals of curves.

    Parameters
    ----------
    residual, own, shared : ndarray, shape (..., system)
        Observed less expected performance, variance of a point's own, and of the shared departure. A point of
        infinite own variance is not observed.
    paper : ndarray of int, shape (system,)
        Which points are of one curve.
    compute : ndarray, shape (system,)
        Log10 compute.
    length : array_like, shape (...)
        Dex.
    """
    order, apart = in_order(paper, compute)
    noise, shared = (np.moveaxis(each[..., order], -1, 0) for each in (own, shared))
    kept = np.moveaxis(np.exp(-apart / np.asarray(length)[..., np.newaxis]), -1, 0)
    innovation = np.moveaxis(residual[..., order], -1, 0).copy()
    mean, variance, gain = (np.zeros_like(innovation) for _ in range(3))
    last = innovation.shape[0] - 1
    for point in range(last + 1):
        variance[point] = shared[point]
        if point:
            before = variance[point - 1] * (1.0 - gain[point - 1]) - shared[point]
            variance[point] += kept[point] ** 2 * before
            mean[point] = kept[point] * (mean[point - 1] + gain[point - 1] * innovation[point - 1])
            innovation[point] -= mean[point]
        gain[point] = variance[point] / (variance[point] + noise[point])
    total = variance + noise
    later, later_precision = np.zeros_like(mean), np.zeros_like(mean)
    for point in range(last, 0, -1):
        back = innovation[point] / total[point] + (1.0 - gain[point]) * later[point]
        later[point - 1] = kept[point] * back
        back = 1.0 / total[point] + (1.0 - gain[point]) ** 2 * later_precision[point]
        later_precision[point - 1] = kept[point] ** 2 * back
    found = (
        innovation,
        total,
        innovation / total - gain * later,
        1.0 / total + gain**2 * later_precision,
        mean + variance * later,
        variance - variance**2 * later_precision,
    )
    back_in_place = np.argsort(order)
    return Smoothed(*(np.moveaxis(each, 0, -1)[..., back_in_place] for each in found))
