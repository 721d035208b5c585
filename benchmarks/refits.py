"""Refits a minute by the kernel, by one PyMC model given other data, and by one built anew; and memory.

``python benchmarks/refits.py`` takes about half an hour on two cores; results go to
``benchmarks/results/refits.json``. The ways take turns, each in its own process, on the same simulated data
and with the same sampler settings, those of ``calibrate prior_sbc``. The model is the default, and for the
kernel straight lines too (`LINES`). Then one worker process and two make the same simulations. Last, 2,000
refits in one process, and the memory it holds after each.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from side_by_side import machine, versions

from scaling_bayes.batch.execute import execute
from scaling_bayes.batch.store import open_store
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import DEFAULT_MODEL, ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.priors import default_priors
from scaling_bayes.core.simulation import simulate_observations
from scaling_bayes.model.evaluate.calibration_jobs import Model, PriorSBC
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.systems.counts import ARITHMETIC, in_arithmetic
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.digest import data_digest

context = multiprocessing.get_context("spawn")
RESULTS = Path(__file__).parent / "results" / "refits.json"
DEFAULT = ModelOptions(**DEFAULT_MODEL)
#: The model of the releases of 2026.11.
LINES = ModelOptions()
#: Of ``calibrate prior_sbc``.
SAMPLER = {"draws": 500, "tune": 500, "chains": 2, "target_accept": 0.95}
#: Ways to refit, and how many fits are one turn: of those that compile once several, as a refit seldom comes
#: alone.
WAYS = {"kernel": 10, "compiled_once": 2, "rebuilt": 1, "rebuilt_without_cache": 1, "kernel_lines": 20}


def resident_mib() -> float:
    """Memory this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def model(asked: ModelOptions = DEFAULT, **sampler: Any) -> Model:
    table = in_arithmetic(reference_systems()) if asked.count == ARITHMETIC else reference_systems()
    observations = observe(table, needs_year=True)
    options = observations.applicable(asked)
    settings = SAMPLER | sampler
    return Model(
        options,
        default_priors(options),
        SamplerOptions(random_seed=1, **settings),
        observations,
        data_digest(table),
    )


def of_way(way: str) -> Model:
    return model(LINES if way == "kernel_lines" else DEFAULT)


def simulations(of: Model, count: int) -> list:
    rng, found = np.random.default_rng(1), []
    drawn = draw_prior(
        of.options,
        of.priors,
        of.observations,
        draws=20 * count,
        random_seed=1,
    )
    for position in range(drawn.sizes["draw"]):
        simulated = simulate_observations(
            of.options, drawn.isel(chain=0, draw=position), of.observations, rng
        )
        if simulated is not None:
            found.append(simulated)
        if len(found) == count:
            return found
    raise RuntimeError("too few simulations")


def serve(pipe: Connection, way: str) -> None:
    """Fit what comes through the pipe in one way, and send back seconds of a fit and steps of a draw."""
    os.environ["SCALING_BAYES_COMPILE_CACHE"] = "1" if way == "rebuilt" else "0"
    of = of_way(way)

    def new() -> Refitter:
        return Refitter(of.options, of.sampler, of.priors, by_pymc=not way.startswith("kernel"))

    kept = None if way.startswith("rebuilt") else new()
    while (asked := pipe.recv()) is not None:
        data, seed, fits = asked
        begun = time.perf_counter()
        stats = [(kept or new())(data, seed + number)[1] for number in range(fits)]
        seconds = (time.perf_counter() - begun) / fits
        pipe.send((seconds, float(np.mean([each["n_steps"].mean() for each in stats]))))


def against_rebuilding(repeats: int) -> dict[str, object]:
    """Seconds of a fit in each way, in turns, each way in a process of its own as who refits has it.

    By the kernel; by PyMC's model compiled once; by PyMC's built anew, with compiled code reused as PyTensor
    does if left alone; and without, as the package does where it samples PyMC's model. Last by the kernel,
    straight lines to data that they made.
    """
    data = {way: simulations(of_way(way), repeats) for way in WAYS}
    pipes, processes = {}, []
    for way in WAYS:
        pipes[way], end = context.Pipe()
        processes.append(context.Process(target=serve, args=(end, way), daemon=True))
        processes[-1].start()

    def ask(way: str, number: int, fits: int) -> tuple[float, float]:
        pipes[way].send((data[way][number], 100 * number, fits))
        return pipes[way].recv()

    for way in WAYS:
        ask(way, 0, 1)
    taken = {way: [] for way in WAYS}
    for number in range(repeats):
        for way, fits in WAYS.items():
            taken[way].append(ask(way, number, fits))
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.send(None)
        process.join()
    return {
        "fits_a_turn": WAYS,
        "draws_a_fit": SAMPLER["chains"] * (SAMPLER["tune"] + SAMPLER["draws"]),
        "seconds": {way: [seconds for seconds, _ in found] for way, found in taken.items()},
        "steps_a_draw": {way: [steps for _, steps in found] for way, found in taken.items()},
    }


def workers(count: int) -> dict[str, object]:
    """Fits a minute of one worker process and of two, without the time until each has compiled."""
    return {name: _workers(model(asked), count) for name, asked in (("default", DEFAULT), ("lines", LINES))}


def _workers(of: Model, count: int) -> dict[str, float]:
    found = {}
    for number in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            job = PriorSBC(of, count)
            store = open_store(Path(folder) / "job.zarr", job)
            execute(job, store, workers=number, progressbar=False)
            seconds = np.sort(store.dataset()["seconds"].values)
            # Its compilation is in the first fit of each worker.
            found[number] = 60 * number / float(seconds[:-number].mean())
    return {"per_minute_one": found[1], "per_minute_two": found[2], "ratio": found[2] / found[1]}


def memory(count: int) -> dict[str, object]:
    """Resident memory after every refit, short ones."""
    of = model(draws=50, tune=100, max_tree_depth=5)
    data = simulations(of, 20)
    kept = Refitter(of.options, of.sampler, of.priors)
    held = []
    for number in range(count):
        kept(data[number % len(data)], number)
        held.append(round(resident_mib(), 1))
    late = np.array(held[count // 4 :])
    slope = float(np.polyfit(np.arange(late.size), late, 1)[0])
    return {"refits": count, "mib": held, "mib_per_1000_refits_after_the_first_quarter": 1000 * slope}


PARTS = {"against_rebuilding": against_rebuilding, "workers": workers, "memory": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; all by default")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--fits", type=int, default=30)
    parser.add_argument("--refits", type=int, default=2000)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    counts = dict(zip(PARTS, (options.repeats, options.fits, options.refits), strict=True))
    results = json.loads(options.output.read_text()) if options.output.exists() else {}
    results |= {"machine": machine(), "versions": versions()}
    for part in options.parts or PARTS:
        results[part] = PARTS[part](counts[part])
        options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
