"""Run command lines in forks of one process that has imported everything, so that each costs little.

Standard input is a JSON list of ``{"arguments": [...], "stdout": "pipe" | "closed" | "full" | "left",
"encoding": ...}``; standard output is a JSON list of ``{"code", "stdout", "stderr"}``.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import tempfile
import traceback
from typing import Any

from scaling_bayes import cli


def run(case: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if child == 0:
            _become(case, out.fileno(), err.fileno())
        _, status = os.waitpid(child, 0)
        for stream in (out, err):
            stream.seek(0)
        return {
            "code": os.waitstatus_to_exitcode(status),
            "stdout": out.read().decode("utf-8", "backslashreplace"),
            "stderr": err.read().decode("utf-8", "backslashreplace"),
        }


def _become(case: dict[str, Any], out: int, err: int) -> None:
    """Be a process that was started with that standard output, and end as Python does."""
    encoding, kind = case.get("encoding", "utf-8"), case.get("stdout", "pipe")
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


if __name__ == "__main__":
    import scaling_bayes.projection.project
    import scaling_bayes.report  # noqa: F401

    gc.freeze()
    json.dump([run(case) for case in json.load(sys.stdin)], sys.stdout)
