"""The kernel beside the PyMC model: seconds of refits and of a gradient, and effective draws a second.

``python benchmarks/kernel.py --output benchmarks/results/kernel.json`` takes some five minutes on two cores.
Both sample in turns, in one process, the shipped data with the options of a fit. Seconds of processor time
are those to compare on a shared machine.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import xarray as xr

from scaling_bayes.convergence import ess_bulk, ess_tail
from scaling_bayes.model.fit import library_versions
from scaling_bayes.model.refit import Refitter
from scaling_bayes.observations import observe
from scaling_bayes.options import ModelOptions, SamplerOptions
from scaling_bayes.systems.load import reference_systems

SETTINGS = {
    "refit": SamplerOptions(draws=500, tune=500, chains=2, target_accept=0.95, random_seed=1),
    "fit": SamplerOptions(draws=1000, tune=1000, chains=4, target_accept=0.99, random_seed=1),
}


def fewest_effective_draws(posterior: xr.Dataset) -> float:
    found = []
    for values in posterior.data_vars.values():
        flat = values.values.reshape(*values.shape[:2], -1)
        found += [min(ess_bulk(flat[..., i]), ess_tail(flat[..., i])) for i in range(flat.shape[-1])]
    return min(found)


def compare(sampler: SamplerOptions, repeats: int) -> dict[str, dict[str, float]]:
    observations = observe(reference_systems(), needs_year=True)
    options = observations.applicable(ModelOptions())
    ways = {way: Refitter(options, sampler, by_pymc=way == "pymc") for way in ("kernel", "pymc")}
    first, wall, processor, effective, steps = ({way: [] for way in ways} for _ in range(5))
    for way, refitter in ways.items():
        begun = time.process_time()
        refitter(observations, 0)
        first[way].append(time.process_time() - begun)
    for number in range(1, repeats + 1):
        for way, refitter in ways.items():
            begun, worked = time.perf_counter(), time.process_time()
            posterior, stats = refitter(observations, number)
            wall[way].append(time.perf_counter() - begun)
            processor[way].append(time.process_time() - worked)
            effective[way].append(fewest_effective_draws(posterior) / processor[way][-1])
            # Warm-up is not counted in the statistics; it takes about as many steps.
            steps[way].append(float(stats["n_steps"].sum()) * (1 + sampler.tune / sampler.draws))
    return {
        way: {
            "processor_seconds_first": first[way][0],
            "wall_seconds": statistics.median(wall[way]),
            "processor_seconds": statistics.median(processor[way]),
            "per_minute_wall": 60 / statistics.median(wall[way]),
            "per_minute_processor": 60 / statistics.median(processor[way]),
            "microseconds_per_step": 1e6 * sum(processor[way]) / sum(steps[way]),
            "fewest_effective_draws_per_processor_second": statistics.median(effective[way]),
        }
        for way in ways
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    results = {
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "versions": {"python": platform.python_version(), **library_versions()},
        **{name: compare(sampler, options.repeats) for name, sampler in SETTINGS.items()},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")
    print(json.dumps({name: results[name] for name in SETTINGS}, indent=1))


if __name__ == "__main__":
    main()
