"""A process that is killed leaves the old file or the new one, and no process of its own."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.kill_nine import kill_writers
from tests.some import some

pytestmark = pytest.mark.long


@pytest.mark.parametrize("count", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_writing_processes_that_are_killed_leave_whole_files(count: int) -> None:
    """The recorded run of ``tests/kill_nine.py`` kills more, and whole fits and reports."""
    assert kill_writers(count, random.Random(2)) == []


@pytest.mark.parametrize("number", some([signal.SIGKILL, signal.SIGTERM], 2))
def test_a_killed_release_leaves_neither_its_sampler_nor_a_file(
    number: int, tmp_path: Path, repository: Path
) -> None:
    script = (
        "from dataclasses import replace\nfrom pathlib import Path\n"
        "from tools.releases.release import make\nfrom scaling_bayes.trace.releases import read_index\n"
        "make(replace(read_index()[0], command='scaling-bayes fit --random-seed 1'), Path())\n"
    )
    command = [sys.executable, "-c", f"import sys\nsys.path.insert(0, {str(repository)!r})\n{script}"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert process.stderr.readline() == b"reading the systems, compiling the model\n"
    process.send_signal(number)
    # The sampler has the same standard error: this ends when both have ended.
    process.communicate(timeout=120)
    assert process.returncode == -number
    assert list(tmp_path.iterdir()) == []


def test_workers_of_a_killed_experiment_end_too(tmp_path: Path) -> None:
    command = ["overparameterization", "--workers", "2", "--simulations", "100000", "-q", "--store", "store"]
    process = subprocess.Popen(
        [sys.executable, "-m", "scaling_bayes", *command], cwd=tmp_path, stderr=subprocess.PIPE
    )
    while not list(tmp_path.glob("store/*.json")) and process.poll() is None:
        pass
    process.kill()
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
