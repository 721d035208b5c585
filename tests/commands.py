"""The command line in processes that are forked, not started, as a start costs two CPU seconds."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

#: What a reader of traces need not have installed.
SAMPLER = ("pymc", "pytensor", "nutpie", "numba", "arviz", "arviz_base", "arviz_stats", "arviz_plots")
REPOSITORY = Path(__file__).resolve().parent.parent
_used = [0.0]


def cpu_seconds() -> float:
    """CPU seconds of all commands so far, as their process is waited for only at the end."""
    return _used[-1]


@cache
def _process() -> subprocess.Popen[str]:
    """Warnings are errors in it. It lives until this process ends."""
    # `make test-lowest` says which warnings of old libraries are none.
    strict = [] if os.environ.get("PYTHONWARNINGS") else ["-W", "error"]
    process = subprocess.Popen(
        [sys.executable, *strict, "-m", "tests.each_command"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=REPOSITORY,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    atexit.register(process.communicate)
    return process


def ask(case: dict[str, Any]) -> dict[str, Any]:
    """What a case that `tests.each_command` describes gave and used."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(case), file=process.stdin, flush=True)
    answer = process.stdout.readline()
    assert answer, f"tests.each_command ended with {process.wait()}"
    found: dict[str, Any] = json.loads(answer)
    _used.append(found.pop("cpu"))
    return found


def run(
    *arguments: object, cwd: Path | None = None, without: Iterable[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run `scaling-bayes` with these arguments, 80 columns wide and without the modules named."""
    words = list(map(str, arguments))
    folder = str(cwd or Path.cwd())
    found = ask({"arguments": words, "cwd": folder, "environment": {"COLUMNS": "80"}, "without": [*without]})
    return subprocess.CompletedProcess(words, found["code"], found["stdout"], found["stderr"])
