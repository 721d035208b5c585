"""What more rows and tasks cost: a gradient, by the kernel and by PyMC, and a fit and its report.

``python benchmarks/growth.py`` measures all, ``python benchmarks/growth.py gradient`` or ``fits`` a part;
``--most-rows`` leaves out larger tables. Tables are simulated from the default model, with three systems a
paper, and are the same each time. Kernel and PyMC take turns at the same points. Fits and reports are
started as a user starts them, once each. Results go to ``benchmarks/results/growth.json``.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from side_by_side import Ran, machine, run, say, versions

from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import DEFAULT_MODEL, ModelOptions
from scaling_bayes.core.parameters import draw_prior, parameter_names
from scaling_bayes.core.priors import default_priors
from scaling_bayes.core.simulation import simulate_observations
from scaling_bayes.diagnostics.checks import checks
from scaling_bayes.model.build import build_model
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.layout import lay_out
from scaling_bayes.systems.rules import LARGEST_COMPUTE, SMALLEST_COMPUTE
from scaling_bayes.trace.io import open_trace

RESULTS = Path(__file__).parent / "results" / "growth.json"
OPTIONS = ModelOptions(**DEFAULT_MODEL)
#: Rows and tasks.
GRADIENTS = ((100, 5), (1_000, 5), (10_000, 5), (100_000, 5), (1_000, 50), (10_000, 500))
FITS = ((100, 5), (1_000, 5), (6_000, 5), (2_000, 100))
#: What differs between tasks; the rest of the model is simulated near the medians of its priors.
OF_TASKS = ("intercept", "bend", "floor_offset", "compute_mean", "compute_growth", "compute_spread")
#: Exit code of a fit whose checks did not all pass.
UNCHECKED = 3


def simulated(n_rows: int, n_tasks: int) -> pd.DataFrame:
    """Systems of 2012 to 2025, simulated from the model of a default fit.

    Tasks differ nearly as the model believes they do (compute within what a table may state), and no
    hyperparameter is far from the middle of its prior.
    """
    rng = np.random.default_rng(1)
    task = np.arange(n_rows) % n_tasks
    paper = np.arange(n_rows) // (3 * n_tasks) * n_tasks + task
    table = pd.DataFrame(
        {
            "task": [f"Task {number + 1}" for number in task],
            "system": [f"System {number + 1}" for number in range(n_rows)],
            "paper": [f"Paper {number + 1}" for number in paper],
            "year": rng.uniform(2012, 2026, paper.max() + 1)[paper].round(2),
            "error": rng.uniform(0.05, 0.4, n_tasks)[task],
            "training_compute_flop": 1e19,
            "compute_in_doubt": rng.uniform(size=n_rows) < 0.1,
        }
    )
    design = observe(table, needs_year=True)
    options = design.applicable(OPTIONS)
    priors = {
        name: prior.widened(0.7 if name in OF_TASKS else 0.1)
        for name, prior in default_priors(options).items()
    }
    drawn = draw_prior(options, priors, design, draws=100, random_seed=1).isel(chain=0)
    for number in range(drawn.sizes["draw"]):
        found = simulate_observations(options, drawn.isel(draw=number), design, rng)
        if found is None:
            continue
        compute = 10.0**found.log10_compute
        if compute.min() > SMALLEST_COMPUTE and compute.max() < LARGEST_COMPUTE:
            return table.assign(error=found.error, training_compute_flop=compute)
    raise RuntimeError("no draw gave errors and compute that a paper could report")


def by_kernel(rows: Observations, options: ModelOptions) -> tuple[Callable[[np.ndarray], Any], np.ndarray]:
    """Density and gradient at a point, through the C function that nutpie calls, and a point."""
    priors = default_priors(options)
    layout, problem = lay_out(rows, options, priors, parameter_names(options, priors))
    packed, x = kernel.pack(problem), layout.start + 0.1
    gradient, density = np.empty(x.size), np.empty(1)
    call = kernel.compiled()[0].ctypes
    numbers = ctypes.POINTER(ctypes.c_double)

    def evaluate(x: np.ndarray) -> Any:
        arrays = [array.ctypes.data_as(numbers) for array in (x, gradient, density)]
        return call(x.size, *arrays, ctypes.c_void_p(packed.ctypes.data))

    return evaluate, x


def by_pymc(rows: Observations, options: ModelOptions) -> Callable[[np.ndarray], Any]:
    model = build_model(rows, options, default_priors(options))
    function = model.logp_dlogp_function(ravel_inputs=True)
    function.set_extra_values({})
    return function


def gradients(table: pd.DataFrame, repeats: int) -> dict[str, Any]:
    """Microseconds of a gradient, ways in turns."""
    rows = observe(table, needs_year=True)
    options = rows.applicable(OPTIONS)
    kernel_at, x = by_kernel(rows, options)
    ways = {"kernel": kernel_at, "pymc": by_pymc(rows, options)}
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
    return {"microseconds": {name: [1e6 * each for each in found] for name, found in seconds.items()}}


def _taken(ran: Ran) -> dict[str, float]:
    return {"seconds": ran.seconds, "cpu_seconds": ran.cpu_seconds, "mib": ran.mib}


def whole_fit(table: pd.DataFrame, _: int) -> dict[str, Any]:
    """What a fit by the command line takes, its trace, its checks and the report on it."""
    with tempfile.TemporaryDirectory() as folder:
        rows, trace, page = (Path(folder) / name for name in ("rows.csv", "trace.nc", "report.html"))
        table.to_csv(rows, index=False)
        command = [sys.executable, "-m", "scaling_bayes"]
        fitted = run(
            [*command, "fit", str(rows), "-o", str(trace), "--quiet", "--random-seed", "1"],
            watched=True,
            accepted=(0, UNCHECKED),
        )
        tree = open_trace(trace)
        sampled = json.loads(tree.attrs["manifest"])
        checked = checks(tree)
        reported = run([*command, "report", str(trace), "-o", str(page)], watched=True)
        return {
            "fit": _taken(fitted),
            "report": _taken(reported),
            "trace_mb": trace.stat().st_size / 1e6,
            "steps_a_draw": float(tree["sample_stats"]["n_steps"].mean()),
            "attempts": len(sampled.get("attempts", [None])),
            "checks": len(checked),
            "failed_checks": list(checked["check"][~checked["passed"]]),
        }


PARTS: dict[str, Any] = {"gradient": (GRADIENTS, gradients), "fits": (FITS, whole_fit)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; all by default")
    parser.add_argument("--repeats", type=int, default=7, help="of the gradients")
    parser.add_argument("--most-rows", type=int, default=100_000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    results |= {"machine": machine(), "versions": versions()}
    for part in options.parts or PARTS:
        sizes, measure = PARTS[part]
        results[part] = []
        for n_rows, n_tasks in (size for size in sizes if size[0] <= options.most_rows):
            found = measure(simulated(n_rows, n_tasks), options.repeats)
            results[part].append({"rows": n_rows, "tasks": n_tasks, **found})
            say(f"{n_rows} rows, {n_tasks} tasks: {found}")
            options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
