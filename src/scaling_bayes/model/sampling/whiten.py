"""The model of a table with many rows for nutpie, in coordinates in which its posterior is nearly round.

With few rows a task, what limits the sampler's steps is the spread over tasks, and no linear map makes them
longer. With many, each task knows its own parameters far better than that, so they are sampled centred, and
what is left are correlations within a task, the narrower the more rows there are. A linear map takes them
away: the inverse of the root of the mean curvature over draws of a short run.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.draw import draw
from scaling_bayes.model.sampling.layout import Layout, as_nutpie_model, is_fast, lay_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.core.observations import Observations

    Floats = NDArray[np.float64]

#: Rows a task from which on this takes less time: at half as many, it takes as much. Points of curves do not
#: count, as each tells little that its neighbours do not.
_MANY_ROWS = 200
#: Coordinates squared a row, up to which the map takes no more time than it saves.
_MOST_COORDINATES = 40
#: Of the sampler then: its steps are longer, and each draw depends more on the one before.
MANY_ROWS_TARGET_ACCEPT, MANY_ROWS_THIN = 0.99, 2
#: Short runs, each but the first in the coordinates that the one before gave. Trees of 63 steps at most do.
_PILOTS = 3
_PILOT = SamplerOptions(draws=16, tune=60, chains=2, target_accept=0.9, random_seed=1, max_tree_depth=6)
#: Least curvature in a direction, in units of what the draws of the short run vary by.
_LEAST = 0.1
#: How far apart gradients are for a difference, in the same units.
_APART = 1e-3


def has_many_rows(observations: Observations, options: ModelOptions, priors: Mapping[str, Prior]) -> bool:
    """Whether a model is sampled in coordinates of its own: the kernel has it, and tasks have many rows."""
    n_rows, n_tasks = observations.error.size, len(observations.tasks)
    n_coordinates = n_tasks * (10 + len(observations.drift_years))  # nearly
    many = n_rows >= _MANY_ROWS * n_tasks and n_rows * _MOST_COORDINATES >= n_coordinates**2
    return many and is_fast(priors) and not options.curves


def compile_whitened(
    observations: Observations, options: ModelOptions, priors: Mapping[str, Prior], names: Sequence[str]
) -> Any:
    """Give the model for nutpie, with the named variables of `parameter_names`."""
    layout, problem = lay_out(observations, options, priors, names, centered=True)
    for _ in range(_PILOTS):
        problem = whitened(problem, _pilot(observations, layout, problem, names))
    return as_nutpie_model(observations, layout, problem, names)


def _pilot(
    observations: Observations, layout: Layout, problem: kernel.Problem, names: Sequence[str]
) -> Floats:
    """Coordinates at draws of a short run. Shape (draw, coordinate)."""
    _, stats = draw(as_nutpie_model(observations, layout, problem, names), _PILOT, coordinates=True)
    kept = [batch.column("unconstrained_draw").slice(batch.column("tuning").true_count) for batch in stats]
    sampled = np.concatenate(
        [column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1) for column in kept]
    )
    return problem.origin + sampled @ problem.directions if problem.origin.size else sampled


def whitened(problem: kernel.Problem, draws: Floats) -> kernel.Problem:
    """The same problem, in coordinates in which the mean curvature over draws is one in every direction.

    Parameters
    ----------
    draws : ndarray, shape (draw, coordinate)
        Of the coordinates that `Layout` gives.
    """
    own = problem._replace(origin=np.empty(0), directions=np.empty((0, 0)))
    sd = draws.std(axis=0)
    packed = kernel.pack(own)
    found = np.array([_curvature(packed, x, sd) for x in draws])
    found = found[np.isfinite(found).all(axis=(1, 2))]
    if not len(found):
        return problem
    values, vectors = np.linalg.eigh(found.mean(axis=0))
    directions = (vectors / np.sqrt(np.maximum(values, _LEAST))).T * sd
    return own._replace(origin=draws.mean(axis=0), directions=directions)


def _curvature(packed: NDArray[np.int64], x: Floats, unit: Floats) -> Floats:
    """Second derivatives of minus the log density, in these units, by differences of the gradient."""
    call, numbers = kernel.compiled()[0].ctypes, ctypes.POINTER(ctypes.c_double)

    def gradient(x: Floats) -> Floats:
        found, density = np.empty(x.size), np.empty(1)
        arrays = [array.ctypes.data_as(numbers) for array in (x, found, density)]
        call(x.size, *arrays, ctypes.c_void_p(packed.ctypes.data))
        return found

    moves = _APART * np.diag(unit)
    found = np.array([gradient(x - move) - gradient(x + move) for move in moves]) * unit / (2.0 * _APART)
    return 0.5 * (found + found.T)
