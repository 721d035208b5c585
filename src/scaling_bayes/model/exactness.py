"""Refuse data too exact for the model: computed from a formula rather than measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.core.observations import Observations

    Floats = NDArray[np.float64]

#: Scatter around a line, in orders of magnitude of error, too small for the sampler where tasks are pooled.
_SMALLEST_SCATTER = 1e-3
#: A small scatter of published results, likewise; that in the shipped data is 0.01 to 0.1.
_SMALL_SCATTER = 0.01
#: Probability below which a scatter is not put down to chance.
_CHANCE = 1e-6


class _Line(NamedTuple):
    """Least-squares line of a task."""

    task: str
    #: Orders of magnitude of error per tenfold compute, by compute alone.
    slope: float
    #: Sum of squared residuals around a line in compute and, with algorithmic progress, the year.
    square: float
    #: Rows less coefficients.
    freedom: int

    @property
    def scatter(self) -> float:
        return float(np.sqrt(self.square / self.freedom))


def refuse_too_exact(observations: Observations, options: ModelOptions, priors: Mapping[str, Prior]) -> None:
    """Refuse systems that lie on a line more exactly than published results do.

    Where tasks are pooled, slopes known to many digits and their unknown spread make a posterior that cannot
    be sampled. Where compute has measurement error, systems whose errors follow compute exactly and whose
    compute follows the year exactly contradict it, and the posterior escapes to slopes near zero with
    algorithmic progress of hundreds of orders of magnitude a year.

    Parameters
    ----------
    priors : mapping
        As `default_priors` names them.
    """
    lines = list(_lines(observations, options))
    if options.pooling != "none":
        exact = [
            line
            for line in lines
            if line.scatter < _SMALLEST_SCATTER
            and _probability(line.square / _SMALL_SCATTER**2, line.freedom) < _CHANCE
        ]
        if exact:
            raise DataError(
                f"the systems of {_named(exact)} lie on a line too exactly for pooling={options.pooling!r}: "
                f"{_described(exact)} Published results scatter by 0.01 to 0.1; such errors come from a "
                "formula. Give measured errors, or fit each task alone with exact compute: "
                "pooling='none', measurement_error=False (--pooling none --no-measurement-error)."
            )
    if options.measurement_error and _contradicts_measurement_error(observations, lines, priors):
        raise DataError(
            f"the systems of {_named(lines)} contradict measurement error of compute: their errors follow "
            "compute, and compute follows the year, more closely than such error allows. "
            f"{_described(lines)} Take compute as exact: measurement_error=False (--no-measurement-error)."
        )


def _lines(observations: Observations, options: ModelOptions) -> Iterator[_Line]:
    """Lines of the tasks that have at least two systems more than a line has coefficients."""
    law = get_law(options.law)
    performance = law.performance(observations.error) / law.gain(
        observations.reference_error[observations.task_index]
    )
    for number, task in enumerate(observations.tasks):
        rows = observations.task_index == number
        compute, year = observations.compute[rows], observations.years[rows]
        design = np.column_stack([np.ones(compute.size), compute])
        (_, slope), *_ = _least_squares(design, performance[rows])
        if options.algorithmic_progress:
            design = np.column_stack([design, year])
        _, square, freedom = _least_squares(design, performance[rows])
        if freedom >= 2 and np.ptp(compute) > 0:
            yield _Line(task, float(slope), square, freedom)


def _contradicts_measurement_error(
    observations: Observations, lines: list[_Line], priors: Mapping[str, Prior]
) -> bool:
    """Whether both scatters are too small for the least measurement error that the prior holds likely."""
    if not lines:
        return False
    least = float(np.quantile(priors["compute_error"].draw(np.random.default_rng(0), 4000), 0.05))
    square = freedom = 0.0
    for line in lines:
        rows = observations.task_index == observations.tasks.index(line.task)
        stated = observations.compute_sd[rows]
        error = np.where(np.isnan(stated), least, stated)
        design = np.column_stack([np.ones(rows.sum()), observations.years[rows]])
        _, left, free = _least_squares(design, observations.compute[rows])
        square += left / float(np.mean(error**2))
        freedom += free
    if _probability(square, freedom) >= _CHANCE:
        return False
    by_error = sum(line.square / max(line.slope * least, 1e-12) ** 2 for line in lines)
    return _probability(by_error, sum(line.freedom for line in lines)) < _CHANCE


def _least_squares(design: Floats, values: Floats) -> tuple[Floats, float, int]:
    """Coefficients, sum of squared residuals, and rows less the rank of the design."""
    coefficients, _, rank, _ = np.linalg.lstsq(design, values, rcond=1e-9)
    residual = values - design @ coefficients
    return coefficients, float(residual @ residual), len(values) - int(rank)


def _probability(square: float, freedom: float) -> float:
    from scipy.special import chdtr

    return float(chdtr(freedom, square)) if freedom > 0 else 1.0


def _named(lines: list[_Line]) -> str:
    return ", ".join(repr(line.task) for line in lines)


def _described(lines: list[_Line]) -> str:
    parts = [
        f"{line.task!r} scatters by {line.scatter:.1g} orders of magnitude around a least-squares slope of "
        f"{line.slope:.3g}"
        for line in lines
    ]
    return "; ".join(parts) + "."
