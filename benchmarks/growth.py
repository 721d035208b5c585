"""Time of a gradient as rows and tasks become more, by the kernel and by PyMC; and of a fit.

``python benchmarks/growth.py`` takes some five minutes on two cores. Rows are simulated, with three systems a
paper; both take turns at the same points. Results go to ``benchmarks/results/growth.json``.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from side_by_side import machine, versions

from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import default_priors
from scaling_bayes.model.build import build_model
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.layout import lay_out
from scaling_bayes.model.sampling.refitter import Refitter

RESULTS = Path(__file__).parent / "results" / "growth.json"
OPTIONS = ModelOptions()
ROWS = (100, 1_000, 10_000, 100_000)
TASKS = (5, 50, 500)
#: Rows of the larger numbers of tasks, and of fits.
PER_TASK = 20
#: Of the short fits that are timed.
SHORT = SamplerOptions(draws=250, tune=500, chains=2, target_accept=0.95, random_seed=1)


def simulated(n_rows: int, n_tasks: int) -> Observations:
    rng = np.random.default_rng(1)
    task = np.arange(n_rows) % n_tasks
    paper = np.arange(n_rows) // (3 * n_tasks) * n_tasks + task
    year = rng.uniform(2012, 2020, n_rows)
    compute = 17 + 0.5 * (year - 2016) + rng.normal(0, 1, n_rows)
    performance = 0.8 + 0.06 * (compute - 17 + 0.4 * (year - 2016)) + rng.normal(0, 0.07, n_rows)
    return observe(
        pd.DataFrame(
            {
                "task": task.astype(str),
                "system": np.arange(n_rows).astype(str),
                "paper": paper.astype(str),
                "year": year - 0.5,
                "error": 10.0 ** -np.clip(performance, 0.01, 4.0),
                "training_compute_flop": 10.0**compute,
                "compute_in_doubt": rng.uniform(size=n_rows) < 0.1,
            }
        ),
        needs_year=True,
    )


def by_kernel(rows: Observations) -> tuple[Callable[[np.ndarray], Any], np.ndarray]:
    """Density and gradient at a point, through the C function that nutpie calls, and a point."""
    priors = default_priors(OPTIONS)
    layout, problem = lay_out(rows, OPTIONS, priors, parameter_names(OPTIONS, priors))
    packed, x = kernel.pack(problem), layout.start + 0.1
    gradient, density = np.empty(x.size), np.empty(1)
    call = kernel.compiled()[0].ctypes
    numbers = ctypes.POINTER(ctypes.c_double)

    def evaluate(x: np.ndarray) -> Any:
        arrays = [array.ctypes.data_as(numbers) for array in (x, gradient, density)]
        return call(x.size, *arrays, ctypes.c_void_p(packed.ctypes.data))

    return evaluate, x


def by_pymc(rows: Observations) -> Callable[[np.ndarray], Any]:
    model = build_model(rows, OPTIONS, default_priors(OPTIONS))
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    return function


def gradients(rows: Observations, repeats: int) -> dict[str, Any]:
    """Microseconds of a gradient, ways in turns."""
    kernel_at, x = by_kernel(rows)
    ways = {"kernel": kernel_at, "pymc": by_pymc(rows)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for way in ways.values():
        way(x)
    for _ in range(repeats):
        for name, way in ways.items():
            calls = max(5, round(20_000 / rows.error.size))
            begun = time.perf_counter()
            for _ in range(calls):
                way(x)
            seconds[name].append((time.perf_counter() - begun) / calls)
    return {name: [1e6 * each for each in found] for name, found in seconds.items()}


def short_fit(rows: Observations) -> dict[str, float]:
    """Seconds of two chains of 500 + 250, and their steps."""
    refit = Refitter(OPTIONS, SHORT)
    begun = time.perf_counter()
    _, stats = refit(rows, 1)
    return {
        "seconds": time.perf_counter() - begun,
        "steps_a_draw": float(stats["n_steps"].mean()),
        "diverging": int(stats["diverging"].sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": machine(), "versions": versions(), "gradient": [], "fit": []}
    sizes = [(n_rows, TASKS[0]) for n_rows in ROWS]
    sizes += [(n_tasks * PER_TASK, n_tasks) for n_tasks in TASKS[1:]]
    for n_rows, n_tasks in sizes:
        found = gradients(simulated(n_rows, n_tasks), options.repeats)
        results["gradient"].append({"rows": n_rows, "tasks": n_tasks, "microseconds": found})
        print(n_rows, n_tasks, {name: round(statistics.median(each), 1) for name, each in found.items()})
    for n_rows, n_tasks in ((100, 5), (1_000, 5), (1_000, 50), (10_000, 5), (10_000, 500)):
        found = short_fit(simulated(n_rows, n_tasks))
        results["fit"].append({"rows": n_rows, "tasks": n_tasks, **found})
        print(n_rows, n_tasks, found)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
