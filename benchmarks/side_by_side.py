"""The package beside what people would use instead, in turns, on the same rows.

``python benchmarks/side_by_side.py`` takes about half an hour on two quiet cores, most of it for brms, Bambi
and PyMC. Bambi is of the extra ``benchmarks``, installed here or, so that what it brings does not slow the
others, elsewhere: ``--peers`` is a Python that has it, h5netcdf and h5py. brms is R's. What is missing is
left out and named. Results go to ``benchmarks/results/side_by_side.json``, from where ``make pages
NAME=benchmarks`` takes the tables and the figure of ``docs/side_by_side.md``.

Everything is started as a user starts it, as a process of its own, and the contenders take turns.
"""

from __future__ import annotations

import argparse
import ctypes
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
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats

from scaling_bayes.core.observations import observe
from scaling_bayes.diagnostics.convergence import ess_bulk, ess_tail
from scaling_bayes.model.fit import library_versions
from scaling_bayes.systems.counts import in_arithmetic
from scaling_bayes.systems.load import reference_systems

PEERS = Path(__file__).parent / "peers"
RESULTS = Path(__file__).parent / "results" / "side_by_side.json"
#: What every fit begins with, and the options of the lines that Bambi and brms can fit: straight, normal.
IMPORTS = "import numpy, pandas, xarray"
STRAIGHT = ("--law", "power", "--no-drift", "--no-robust", "--no-count-offsets")
#: `prctl` by which processes whose parent has ended become those of this one (linux/prctl.h).
_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Contender:
    """How a fit is started: ``command`` once, ``again`` several times in one process (given their number)."""

    name: str
    command: Callable[[Path, Path], list[str]]
    again: Callable[[Path, Path, int], list[str]] | None = None
    needs: str | None = None


def _ours(*options: str) -> Callable[[Path, Path], list[str]]:
    """How the package's command is started."""
    command = [sys.executable, "-m", "scaling_bayes", "fit", "--quiet", "--random-seed", "1", *options]
    return lambda table, folder: [*command, "-o", str(folder / "1.nc")]


def _plain(sampler: str) -> dict[str, Callable[..., list[str]]]:
    """How ``plain.py`` is started."""
    script = [sys.executable, str(PEERS / "plain.py"), sampler]
    return {
        "command": lambda table, folder: [*script, str(table), str(folder)],
        "again": lambda table, folder, fits: [*script, str(table), str(folder), str(fits)],
    }


def contenders(peers: str) -> tuple[Contender, ...]:
    """All of them; `peers` is the Python that has Bambi."""
    return (
        Contender(IMPORTS, lambda table, folder: [sys.executable, "-c", IMPORTS]),
        Contender(
            "scaling-bayes fit",
            _ours(),
            lambda table, folder, fits: [sys.executable, str(PEERS / "package.py"), str(folder), str(fits)],
        ),
        Contender("nutpie", **_plain("nutpie")),
        Contender("pm.sample", **_plain("pymc")),
        Contender("scaling-bayes fit, straight lines", _ours(*STRAIGHT)),
        Contender(
            "Bambi",
            lambda table, folder: [peers, str(PEERS / "mixed.py"), str(table), str(folder)],
            needs="bambi",
        ),
        Contender(
            "brms",
            lambda table, folder: ["Rscript", str(PEERS / "mixed.R"), str(table), str(folder)],
            needs="R:brms",
        ),
    )


def write_table(path: Path) -> None:
    """The rows of a default fit, as every contender reads them."""
    rows = observe(in_arithmetic(reference_systems()), needs_year=True)
    of_task = ("reference_year", "reference_error", "chance_error", "floor_log_median", "floor_log_sd")
    pd.DataFrame(
        {
            "task": rows.task_index,
            "paper": rows.paper_index,
            "compute": rows.compute,
            "year": rows.years,
            "error": rows.error,
            "in_doubt": rows.flagged.astype(int),
            "count": rows.count_index,
        }
        | {name: getattr(rows, name)[rows.task_index] for name in of_task}
    ).to_csv(path, index=False)


@dataclass(frozen=True)
class Ran:
    """What a command printed and took, with all that it started."""

    output: str
    seconds: float
    cpu_seconds: float
    #: Largest memory, MiB, where it was watched.
    mib: float


class _Memory(threading.Thread):
    """Largest memory of all that this process started, shared pages counted once, a look every 0.5 s."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.largest, self.done = 0.0, threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.5):
            started = [pid for pid in _family(os.getpid()) if pid != os.getpid()]
            self.largest = max(self.largest, sum(map(_mib, started)))


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
    command: Sequence[str],
    environment: Mapping[str, str] | None = None,
    *,
    watched: bool = False,
    accepted: Collection[int] = (0,),
) -> Ran:
    """Run a command; its memory is looked at where it is watched, which costs time."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
    memory = _Memory()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as complaint:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=complaint, env=os.environ | dict(environment or {})
        )
        if watched:
            memory.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        memory.done.set()
        cpu = usage.ru_utime + usage.ru_stime + sum(_orphans())
        output.seek(0)
        complaint.seek(0)
        if process.returncode not in accepted:
            said = complaint.read()[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{said}")
        return Ran(output.read(), seconds, cpu, memory.largest)


def _orphans() -> Iterator[float]:
    """CPU seconds of processes that a command left behind, as R leaves its workers, each waited for."""
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return
        yield usage.ru_utime + usage.ru_stime


def cold(contenders: Sequence[Contender], repeats: int, table: Path) -> dict[str, Any]:
    """Seconds of one fit, from the start of the process to its end, in turns, and its memory."""
    found: dict[str, Any] = {one.name: {"seconds": [], "cpu_seconds": []} for one in contenders}
    # The first round fills the caches.
    for number in range(repeats + 1):
        for one in contenders:
            with tempfile.TemporaryDirectory() as folder:
                ran = run(one.command(table, Path(folder)), watched=number == 0)
            if number:
                found[one.name]["seconds"].append(ran.seconds)
                found[one.name]["cpu_seconds"].append(ran.cpu_seconds)
            else:
                found[one.name]["mib"] = ran.mib
            say(f"{one.name}: {ran.seconds:.1f} s, CPU {ran.cpu_seconds:.1f} s")
    return found


def empty_caches(repeats: int, table: Path) -> dict[str, list[float]]:
    """Seconds of a fit that compiles what is kept on disk from then on, and of the next, in turns."""
    found: dict[str, list[float]] = {"empty": [], "full": []}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            apart = {
                "NUMBA_CACHE_DIR": f"{folder}/numba",
                "PYTENSOR_FLAGS": f"base_compiledir={folder}/pytensor",
            }
            for caches, seconds in found.items():
                (Path(folder) / caches).mkdir()
                seconds.append(run(_ours()(table, Path(folder) / caches), apart).seconds)
                say(f"caches {caches}: {seconds[-1]:.1f} s")
    return found


def _draws(path: Path) -> dict[str, np.ndarray]:
    """Draws of each parameter, shape (chain, draw)."""
    found = {}
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        for name, values in tree["posterior"].data_vars.items():
            flat = values.values.reshape(*values.shape[:2], -1)
            found |= {f"{name}[{i}]": flat[..., i] for i in range(flat.shape[2])}
    return found


def _standard_error(draws: np.ndarray) -> float:
    """Of the mean; of steps of drift, whose tails are heavy, more than the bulk of the draws would say."""
    effective = array_stats.ess(draws, chain_axis=0, draw_axis=1, method="mean")
    return float(draws.std() / np.sqrt(effective))


def warm(contenders: Sequence[Contender], repeats: int, table: Path) -> dict[str, Any]:
    """Seconds of a fit in a process that has made one, and effective draws a second of the worst parameter.

    Parameters are those that the first contender keeps. The differences are those of posterior means over
    all fits from the first contender's, in standard errors of both.
    """
    found: dict[str, Any] = {}
    first: dict[str, tuple[float, float]] = {}
    for one in contenders:
        if one.again is None:
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            output = run(one.again(table, folder, repeats + 1)).output
            seconds = json.loads(output.strip().splitlines()[-1])[1:]
            fits = [_draws(next(folder.glob(f"{seed}.*"))) for seed in range(2, repeats + 2)]
        kept = first or fits[0]
        effective = [min(min(ess_bulk(fit[what]), ess_tail(fit[what])) for what in kept) for fit in fits]
        every = {what: np.concatenate([fit[what] for fit in fits]) for what in kept}
        means = {what: (float(x.mean()), _standard_error(x)) for what, x in every.items()}
        first = first or means
        differences = [
            (mean - first[what][0]) / np.hypot(se, first[what][1]) for what, (mean, se) in means.items()
        ]
        found[one.name] = {
            "seconds": seconds,
            "effective_draws": effective,
            "effective_draws_per_second": [e / s for e, s in zip(effective, seconds, strict=True)],
            "parameters": len(first),
            "largest_difference": float(np.abs(differences).max()),
            "root_mean_square_difference": float(np.sqrt(np.mean(np.square(differences)))),
        }
        say(f"{one.name}, again: {statistics.median(seconds):.2f} s")
    return found


def starts(repeats: int) -> dict[str, list[float]]:
    """Seconds of importing the package and of a report, beside what they are held to."""
    with tempfile.TemporaryDirectory() as folder:
        python = [sys.executable, "-c"]
        lines = (
            "import numpy",
            "import scaling_bayes",
            IMPORTS,
            "import nutpie",
            "import xarray, matplotlib.pyplot",
        )
        commands = {line: [*python, line] for line in lines} | {
            "scaling-bayes report": [
                *(sys.executable, "-m", "scaling_bayes", "report", "-o", f"{folder}/report.html"),
            ],
        }
        found: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(repeats + 1):
            for name, command in commands.items():
                ran = run(command)
                if number:
                    found[name].append(ran.seconds)
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
    libraries = ("bambi", "R:brms")
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
    parser.add_argument("--peers", default=sys.executable, help="a Python with Bambi, h5netcdf and h5py")
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
        results["caches"] = empty_caches(options.repeats, table)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
