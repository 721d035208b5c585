"""Run command lines in forks of one process that has imported everything, so that each costs little.

Each line of standard input is a JSON mapping: ``arguments``; and if need be ``stdout``, one of "pipe",
"closed", "full" and "left"; ``encoding``; ``cwd``; ``environment``, variables to set; ``without``, modules
that cannot be imported. Each line of standard output holds ``code``, ``stdout``, ``stderr``, CPU ``seconds``
and peak memory in ``mib`` of the command and its children, and ``cpu``, the seconds that this process and its
children have used so far.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.patience import PATIENCE

from scaling_bayes import cli


def run(case: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(case, out.fileno(), err.fileno())
        _, status, used = os.wait4(child, 0)
        for stream in (out, err):
            stream.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "stdout": out.read().decode("utf-8", "backslashreplace"),
            "stderr": err.read().decode("utf-8", "backslashreplace"),
            "seconds": used.ru_utime + used.ru_stime,
            "mib": used.ru_maxrss / 1024,
            "cpu": sum(os.times()[:4]),
        }


def _become(case: dict[str, Any], out: int, err: int) -> None:
    """Be a process that was started with that standard output, and end as Python does."""
    encoding, kind = case.get("encoding", "utf-8"), case.get("stdout", "pipe")
    signal.alarm(int(PATIENCE))
    os.dup2(err, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), encoding, "backslashreplace")  # type: ignore[arg-type]
    if kind == "closed":
        os.close(1)
        sys.stdout = None  # type: ignore[assignment]
    else:
        reader, writer = os.pipe()
        os.close(reader)
        taken = {"pipe": out, "left": writer, "full": os.open("/dev/full", os.O_WRONLY)}
        os.dup2(taken[kind], 1)
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), encoding)
    sys.argv = ["scaling-bayes", *case["arguments"]]
    os.environ.update(case.get("environment", {}))
    os.chdir(case.get("cwd") or ".")
    if without := case.get("without"):
        for name in [*sys.modules]:
            if f"{name}.".startswith((*(f"{library}." for library in without), "scaling_bayes.model.")):
                del sys.modules[name]
        sys.modules.update(dict.fromkeys(without))
    code: Any = 70
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - what a process says of itself at its end
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


def load_everything() -> None:
    """Import what commands on a trace need, some of which libraries import when they are first used.

    Traces are read here: a process of their own, as `test_tampering` asks for, takes more than most commands.
    """
    import rich.table  # noqa: F401
    import scipy.stats  # noqa: F401

    import scaling_bayes.diagnostics.verification
    import scaling_bayes.model.fit
    import scaling_bayes.projection.predict
    import scaling_bayes.projection.runs.estimate
    import scaling_bayes.systems.schema
    from scaling_bayes import figures, report  # noqa: F401
    from scaling_bayes.trace import io as io_of_traces
    from scaling_bayes.trace.hdf5 import read_here

    for name in figures.__all__:
        getattr(figures, name)
    io_of_traces.read_apart = read_here
    trace = scaling_bayes.open_trace(Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc")
    scaling_bayes.summary(scaling_bayes.project(trace, {"imagenet": 0.1}, 2030, scenario="trend"))


if __name__ == "__main__":
    load_everything()
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(run(json.loads(line))), flush=True)
