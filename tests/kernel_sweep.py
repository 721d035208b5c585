"""The kernel held to the PyMC model: ``python -m tests.kernel_sweep`` does so for every set of options.

It takes some minutes; `tests/test_kernel.py` does so for some sets.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pymc as pm
import pytensor
from numpy.ctypeslib import as_ctypes
from pytensor.compile.mode import Mode
from pytensor.scalar.basic import autocast_float_as
from tests.test_model import OBSERVED

from scaling_bayes.core.laws import BOUNDED, LAW_NAMES
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import FLOORS, POOLINGS, ModelOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import Prior, default_priors
from scaling_bayes.model.build import build_model
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.layout import lay_out

BOTH = (True, False)
#: Every law, pooling and switch, with and without offsets of counts in turn.
EVERY = [
    ModelOptions(law, pooling, *switches, drift=law == BOUNDED.name, count_offsets=number % 5 < 2)
    for number, (law, pooling, *switches) in enumerate(itertools.product(LAW_NAMES, POOLINGS, *5 * [BOTH]))
    if switches[0] or not switches[4]  # no flagged error without measurement error
]
#: Every law with every floor, with and without drift and heavy tails, under one pooling after the other.
ENDS = [
    ModelOptions(
        law, POOLINGS[number % 3], robust=robust, floor=floor, drift=drift, count_offsets=number % 5 < 3
    )
    for number, (law, floor, drift, robust) in enumerate(itertools.product(LAW_NAMES, FLOORS, BOTH, BOTH))
]
#: Every law of learning curves, with and without drift, heavy tails and measurement error.
CURVED = [
    ModelOptions(law, "none", measured, robust=robust, flagged_error=measured, drift=drift, curves=True)
    for law, measured, robust, drift in itertools.product(LAW_NAMES, BOTH, BOTH, BOTH)
]
#: Curves of three and four points, two of them at the same compute, in no order.
OF_CURVES = np.array([2, 0, 1, 0, 3, 1, 2, 0, 1, 3, 2, 3, 1, 0])
CURVES = replace(
    OBSERVED,
    task_index=OF_CURVES % 2,
    paper_index=OF_CURVES,
    paper=tuple(f"curve {number}" for number in OF_CURVES),
    log10_compute=np.array([20, 19, 18, 19, 18.5, 21, 21.5, 20, 18.2, 19.5, 21, 20.1, 19, 19.1]),
)
#: In Python, operation by operation: nothing is compiled or rewritten.
PLAIN = Mode(linker="py", optimizer=None)


def by_pymc(model: pm.Model, outputs: list[Any]) -> Callable[[np.ndarray], list[np.ndarray]]:
    """`evaluate(x)`: outputs of a PyMC model at unconstrained coordinates."""
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    start = model.initial_point()
    shapes = [start[value.name].shape for value in values]
    evaluate = pytensor.function(values, outputs, mode=PLAIN, on_unused_input="ignore")
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def at(x: np.ndarray) -> list[np.ndarray]:
        assert x.size == ends[-1]
        parts = np.split(x, ends[:-1])
        return evaluate(*(part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)))

    return at


def log_density(x: np.ndarray, gradient: np.ndarray, problem: kernel.Problem) -> float:
    """The density and, in `gradient`, its derivative, by the function that nutpie calls."""
    density, packed = np.empty(1), kernel.pack(problem)
    arrays = map(as_ctypes, (x, gradient, density))
    kernel.compiled()[0].ctypes(x.size, *arrays, packed.ctypes.data)
    return float(density[0])


def stored_variables(x: np.ndarray, problem: kernel.Problem) -> np.ndarray:
    """The variables kept of a draw, one after the other, by the function that nutpie calls."""
    found, packed = np.empty(problem.stored.size), kernel.pack(problem)
    kernel.compiled()[1].ctypes(x.size, found.size, as_ctypes(x), as_ctypes(found), packed.ctypes.data)
    return found


def points(start: np.ndarray, count: int) -> np.ndarray:
    return start + np.random.default_rng(1).uniform(-2.0, 2.0, (count, start.size))


def disagreement(
    options: ModelOptions,
    priors: Mapping[str, Prior] | None = None,
    observations: Observations = OBSERVED,
    count: int = 3,
) -> float:
    """Largest difference from PyMC's log density, relative to it, and from its gradient.

    That is relative to each element, or to a hundredth of the largest where it is smaller than that.
    """
    priors = default_priors(options) if priors is None else priors
    layout, problem = lay_out(observations, options, priors, parameter_names(options, priors))
    # Some of PyMC's constants have single precision otherwise; traces of operations take half of the time.
    with autocast_float_as("float64"), pytensor.config.change_flags(traceback__limit=0):
        model = build_model(observations, options, priors)
        density = model.logp()
        gradient = pytensor.grad(density, [model.rvs_to_values[variable] for variable in model.free_RVs])
        evaluate = by_pymc(model, [density, *gradient])
    assert list(layout.first) == [variable.name for variable in model.free_RVs]
    worst = 0.0
    for x in points(layout.start, count):
        expected, *parts = evaluate(x)
        by_coordinate = np.concatenate([np.ravel(part) for part in parts])
        found = np.empty(x.size)
        value = log_density(x, found, problem)
        size = np.maximum(np.abs(by_coordinate), 0.01 * np.abs(by_coordinate).max())
        worst = max(
            worst, abs(value - expected) / abs(expected), (np.abs(found - by_coordinate) / size).max()
        )
    return float(worst)


def variables_disagreement(options: ModelOptions, priors: Mapping[str, Prior] | None = None) -> float:
    """Largest relative difference of a variable's value from PyMC's."""
    priors = default_priors(options) if priors is None else priors
    names = parameter_names(options, priors)
    layout, problem = lay_out(OBSERVED, options, priors, names)
    model = build_model(OBSERVED, options, priors)
    evaluate = by_pymc(model, model.replace_rvs_by_values([model[name] for name in names]))
    worst = 0.0
    for x in points(layout.start, 2):
        expected = evaluate(x)
        shapes = [place.shape for place in layout.places(names).values()]
        assert shapes == [value.shape for value in expected]
        flat = np.concatenate([np.ravel(value) for value in expected])
        worst = max(worst, float(np.max(np.abs(stored_variables(x, problem) / flat - 1.0))))
    return worst


def main() -> None:
    worst = 0.0
    models = [*ENDS, *EVERY, *CURVED]
    for options in models:
        found = disagreement(options, observations=CURVES if options.curves else OBSERVED)
        worst = max(worst, found)
        print(f"{found:.1e} {options}", flush=True)
    print(f"{len(models)} models: density and gradient within {worst:.1e}")


if __name__ == "__main__":
    main()
