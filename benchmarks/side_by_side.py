"""The package beside what people would use instead, in turns, on the same rows.

``python benchmarks/side_by_side.py`` takes about three quarters of an hour on two quiet cores, most of it for
Bambi, brms and Stan. NumPyro and Bambi are of the extra ``benchmarks``, installed here or, so that what they
bring does not slow the others, elsewhere: ``--peers`` is a Python that has them and PyMC. What R has of rstan
and brms is measured too, and what is missing is left out and named. Results go to
``benchmarks/results/side_by_side.json``, from where ``python benchmarks/side_by_side_page.py`` takes the
tables and the figure of ``docs/side_by_side.md``.

Everything is started as a user starts it, as a process of its own, and the contenders take turns.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.core.observations import observe
from scaling_bayes.diagnostics.convergence import ess_bulk, ess_tail
from scaling_bayes.model.fit import library_versions
from scaling_bayes.systems.load import reference_systems

PEERS = Path(__file__).parent / "peers"
RESULTS = Path(__file__).parent / "results" / "side_by_side.json"
#: Compared between samplers: what every one of them keeps.
VARIABLES = (
    "slope",
    "noise",
    "progress",
    "intercept",
    "compute_mean",
    "compute_growth",
    "compute_spread",
    "paper_correlation",
    "compute_error",
    "flagged_error_factor",
)


@dataclass(frozen=True)
class Contender:
    """How a fit is started: ``command`` once, ``again`` several times in one process (given their number)."""

    name: str
    command: Callable[[Path, Path], list[str]]
    again: Callable[[Path, Path, int], list[str]] | None = None
    needs: str | None = None
    caches: bool = False


def _peer(*script: str) -> dict[str, Any]:
    """How a script of `PEERS` is started that takes table, folder and number of fits."""
    return {
        "command": lambda table, folder: [*script, str(table), str(folder)],
        "again": lambda table, folder, fits: [*script, str(table), str(folder), str(fits)],
    }


def contenders(peers: str) -> tuple[Contender, ...]:
    """All of them; `peers` is the Python that has NumPyro and Bambi."""
    plain = str(PEERS / "plain.py")
    return (
        Contender(
            "scaling-bayes fit",
            lambda table, folder: [
                *(sys.executable, "-m", "scaling_bayes", "fit", "--quiet", "--random-seed", "1"),
                *("-o", str(folder / "1.nc")),
            ],
            lambda table, folder, fits: [sys.executable, str(PEERS / "package.py"), str(folder), str(fits)],
            caches=True,
        ),
        Contender("nutpie", **_peer(sys.executable, plain, "nutpie"), caches=True),
        Contender("pm.sample", **_peer(sys.executable, plain, "pymc"), caches=True),
        Contender("NumPyro", **_peer(peers, plain, "numpyro"), needs="numpyro"),
        Contender(
            "rstan", **_peer("Rscript", str(PEERS / "plain.R"), str(PEERS / "plain.stan")), needs="R:rstan"
        ),
        Contender(
            "Bambi",
            lambda table, folder: [peers, str(PEERS / "mixed.py"), str(table), str(folder)],
            needs="bambi",
            caches=True,
        ),
        Contender(
            "brms",
            lambda table, folder: ["Rscript", str(PEERS / "mixed.R"), str(table), str(folder)],
            needs="R:brms",
        ),
    )


def write_table(path: Path) -> None:
    """The rows of a default fit, as every contender reads them."""
    rows = observe(reference_systems(), needs_year=True)
    pd.DataFrame(
        {
            "task": rows.task_index,
            "paper": rows.paper_index,
            "compute": rows.compute,
            "year": rows.years,
            "error": rows.error,
            "flagged": rows.flagged.astype(int),
            "reference_error": rows.reference_error[rows.task_index],
        }
    ).to_csv(path, index=False)


class _Memory(threading.Thread):
    """Largest memory of a process and those it started, shared pages counted once, a look every 0.2 s."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.largest, self.done = pid, 0.0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.2):
            self.largest = max(self.largest, sum(_mib(pid) for pid in _family(self.pid)))


def _family(pid: int) -> Iterator[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found = children.read_text().split()
        except OSError:
            continue
        for child in found:
            yield from _family(int(child))


def _mib(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return float(next(line for line in text.splitlines() if line.startswith("Pss:")).split()[1]) / 1024


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def run(
    command: Sequence[str], environment: Mapping[str, str] | None = None, *, watched: bool = False
) -> tuple[str, float, float]:
    """Output of a command, its seconds and, where it is watched, which costs time, its memory (MiB)."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | dict(environment or {}),
    )
    memory = _Memory(process.pid)
    if watched:
        memory.start()
    output, complaint = process.communicate()
    seconds = time.perf_counter() - begun
    memory.done.set()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{complaint[-2000:]}")
    return output, seconds, memory.largest


def cold(contenders: Sequence[Contender], repeats: int, table: Path) -> dict[str, Any]:
    """Seconds of one fit, from the start of the process to its end, in turns, and its memory."""
    found: dict[str, Any] = {one.name: {"seconds": []} for one in contenders}
    # The first round fills the caches.
    for number in range(repeats + 1):
        for one in contenders:
            with tempfile.TemporaryDirectory() as folder:
                command = one.command(table, Path(folder))
                _, seconds, mib = run(command, watched=number == 0)
            if number:
                found[one.name]["seconds"].append(seconds)
            else:
                found[one.name]["mib"] = mib
            say(f"{one.name}: {seconds:.1f} s")
    return found


def empty_caches(contenders: Sequence[Contender], repeats: int, table: Path) -> dict[str, Any]:
    """Seconds of a fit that compiles all that is kept on disk from then on, in turns."""
    found: dict[str, Any] = {one.name: {"seconds": []} for one in contenders}
    for _ in range(repeats):
        for one in contenders:
            with tempfile.TemporaryDirectory() as folder:
                apart = {
                    "NUMBA_CACHE_DIR": f"{folder}/numba",
                    "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
                }
                _, seconds, _ = run(one.command(table, Path(folder)), apart)
            found[one.name]["seconds"].append(seconds)
            say(f"{one.name}, empty caches: {seconds:.1f} s")
    return found


def _draws(path: Path) -> dict[str, np.ndarray]:
    """Draws of each parameter, shape (chain, draw)."""
    found = {}
    if path.suffix == ".csv":
        columns = pd.read_csv(path)
        return {name: columns[name].to_numpy().reshape(4, -1) for name in columns}
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        for name in VARIABLES:
            values = tree["posterior"][name].values
            flat = values.reshape(*values.shape[:2], -1)
            suffixes = [f"[{i + 1}]" for i in range(flat.shape[2])] if values.ndim > 2 else [""]
            found |= {name + suffix: flat[..., i] for i, suffix in enumerate(suffixes)}
    return found


def warm(contenders: Sequence[Contender], repeats: int, table: Path) -> dict[str, Any]:
    """Seconds of a fit in a process that has made one, and effective draws a second of the worst parameter.

    The differences are those of posterior means from the first contender's, in standard errors of both.
    """
    found: dict[str, Any] = {}
    means: dict[str, dict[str, tuple[float, float]]] = {}
    for one in contenders:
        if one.again is None:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            output, *_ = run(one.again(table, folder, repeats + 1))
            seconds = json.loads(output.strip().splitlines()[-1])[1:]
            files = [next(folder.glob(f"{seed}.*")) for seed in range(2, repeats + 2)]
            effective = []
            for path in files:
                draws = _draws(path)
                effective.append(min(min(ess_bulk(x), ess_tail(x)) for x in draws.values()))
            means[one.name] = {
                what: (float(x.mean()), float(x.std() / np.sqrt(ess_bulk(x)))) for what, x in draws.items()
            }
        first = next(iter(means.values()))
        found[one.name] = {
            "seconds": seconds,
            "effective_draws": effective,
            "effective_draws_per_second": [e / s for e, s in zip(effective, seconds, strict=True)],
            "parameters": len(first),
            "largest_difference": max(
                abs(mean - first[what][0]) / np.hypot(se, first[what][1])
                for what, (mean, se) in means[one.name].items()
            ),
        }
        say(f"{one.name}, again: {statistics.median(seconds):.2f} s")
    return found


def starts(repeats: int) -> dict[str, list[float]]:
    """Seconds of importing the package and of a report, beside what they are held to."""
    with tempfile.TemporaryDirectory() as folder:
        python = [sys.executable, "-c"]
        commands = {
            "import numpy": [*python, "import numpy"],
            "import scaling_bayes": [*python, "import scaling_bayes"],
            "import nutpie": [*python, "import nutpie"],
            "import xarray, matplotlib.pyplot": [*python, "import xarray, matplotlib.pyplot"],
            "scaling-bayes report": [
                *(sys.executable, "-m", "scaling_bayes", "report", "reference-2026.11"),
                *("-o", f"{folder}/report.html"),
            ],
        }
        found: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(repeats + 1):
            for name, command in commands.items():
                _, seconds, _ = run(command)
                if number:
                    found[name].append(seconds)
    return found


def installed(library: str, peers: str = sys.executable) -> str | None:
    """Version of a library of a Python, or of R's where its name begins with ``R:``; None where absent."""
    if library.startswith("R:"):
        asked = ["Rscript", "-e", f"cat(format(packageVersion('{library.removeprefix('R:')}')))"]
    else:
        asked = [peers, "-c", f"import importlib.metadata as m; print(m.version({library!r}), end='')"]
    if shutil.which(asked[0]) is None:
        return None
    said = subprocess.run(asked, capture_output=True, text=True)
    return None if said.returncode else said.stdout


def versions(peers: str = sys.executable) -> dict[str, str]:
    """Versions of everything measured."""
    libraries = ("numpyro", "jax", "bambi", "R:rstan", "R:brms")
    known = {name.removeprefix("R:"): installed(name, peers) for name in libraries}
    found = {name: version for name, version in known.items() if version}
    return {"python": platform.python_version(), **library_versions(), **found}


def machine() -> dict[str, str]:
    """What it was measured on."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 2**20
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "processor": cpu[0].split(":")[1].strip() if cpu else platform.processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{memory:.0f} GiB",
        "load_before": f"{os.getloadavg()[0]:.1f}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--peers", default=sys.executable, help="a Python with NumPyro, Bambi and PyMC")
    parser.add_argument("--only", nargs="+", help="names of contenders", metavar="NAME")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    every = contenders(options.peers)
    chosen = [one for one in every if options.only is None or one.name in options.only]
    missing = {one.name: one.needs for one in chosen if one.needs and not installed(one.needs, options.peers)}
    chosen = [one for one in chosen if one.name not in missing]
    results: dict[str, Any] = {
        "machine": machine(),
        "versions": versions(options.peers),
        "not_installed": missing,
        "peers_apart": options.peers != sys.executable,
    }
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "systems.csv"
        write_table(table)
        results["starts"] = starts(2 * options.repeats + 1)
        results["cold"] = cold(chosen, options.repeats, table)
        results["warm"] = warm(chosen, options.repeats, table)
        kept = [one for one in chosen if one.caches]
        results["empty_caches"] = empty_caches(kept, options.repeats, table)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
