"""Kill ``fit`` and ``report`` at random moments, and see what they leave under the final names.

``python tests/kill_nine.py 50`` kills 50 runs of the command line, half of each, at moments spread evenly
over the time a whole run takes; then 50 processes that do nothing but write traces and reports, so that most
are hit while they write. After each, every file under a final name must be the old one or a whole new one.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from scaling_bayes.errors import TraceError
from scaling_bayes.trace.io import open_trace

TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
#: Exit code of a fit of few draws, whose checks cannot pass.
CHECK_FAILED = 3
FIT = ("fit", "--draws", "20", "--tune", "20", "--chains", "2", "--random-seed", "1", "-q", "-o", "trace.nc")
REPORT = ("report", TRACE, "--scenario", "none", "-o", "report.html")
WRITE = """
import itertools, sys
from pathlib import Path
from scaling_bayes.files import write_text
from scaling_bayes.trace.io import open_trace, save_trace
tree, page = open_trace(sys.argv[1]), "x" * 2_000_000
for number in itertools.count():
    save_trace(tree, "trace.nc")
    write_text(Path("report.html"), f"<html>{page}{number}</html>\\n")
    write_text(Path("report.json"), '{"a": "' + page + '"}\\n')
    if number == 0:
        print("ready", flush=True)
"""


def faults(folder: Path) -> list[str]:
    """What is wrong with the files under final names."""
    found = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        try:
            if path.suffix == ".nc":
                open_trace(path)
            elif path.suffix == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            elif not path.read_text(encoding="utf-8").endswith(
                "</html>\n" if path.suffix == ".html" else "\n"
            ):
                found.append(f"{path.name} is cut short")
        except (TraceError, ValueError) as error:
            found.append(f"{path.name}: {error}")
    return found


def kill_writers(count: int, rng: random.Random, longest: float = 0.4) -> list[str]:
    """Kill processes that write without pause, each up to `longest` seconds after its first turn."""
    found = []
    for _ in range(count):
        with tempfile.TemporaryDirectory() as folder:
            process = subprocess.Popen(
                [sys.executable, "-c", WRITE, TRACE],
                cwd=folder,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(rng.uniform(0, longest))
            process.kill()
            process.communicate()
            if process.returncode != -signal.SIGKILL:
                raise RuntimeError(f"the writing process ended by itself, with {process.returncode}")
            found += faults(Path(folder))
    return found


def kill_commands(count: int, rng: random.Random) -> tuple[list[str], int]:
    """Kill runs of the command line; faults found, and runs that had ended by themselves."""
    environment = os.environ | {"SCALING_BAYES_COMPILE_CACHE": "1"}
    found, ended = [], 0
    for arguments in (FIT, REPORT):
        command = [sys.executable, "-m", "scaling_bayes", *map(str, arguments)]
        with tempfile.TemporaryDirectory() as folder:
            for _ in range(2):  # the second is timed, with everything compiled
                start = time.perf_counter()
                done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
                whole = time.perf_counter() - start
            if done.returncode not in (0, CHECK_FAILED) or faults(Path(folder)):
                raise RuntimeError(f"{command} does not work: {done.stderr}{faults(Path(folder))}")
            for _ in range(count // 2):
                process = subprocess.Popen(
                    command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
                )
                try:
                    process.wait(rng.uniform(0, whole))
                    ended += 1
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                found += faults(Path(folder))
    return found, ended


if __name__ == "__main__":
    runs, rng = int(sys.argv[1]), random.Random(1)
    found, ended = kill_commands(runs, rng)
    print(
        f"{runs} runs of fit and report killed ({ended} had ended): {len(found)} damaged files",
        *found,
        sep="\n",
    )
    found = kill_writers(runs, rng)
    print(f"{runs} writing processes killed: {len(found)} damaged files", *found, sep="\n")
