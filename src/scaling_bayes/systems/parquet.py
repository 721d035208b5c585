"""Read a Parquet file in a process of its own, so that no file can take this one's memory, time or life.

A Parquet file states sizes that need not be true, and may unpack to thousands of times its own size. The
other process, `parquet_worker`, refuses what is out of proportion. It runs under limits of memory and CPU.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import DataError
from scaling_bayes.systems.frames import frame_of, left_out_notes
from scaling_bayes.systems.limits import MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_ROWS

if TYPE_CHECKING:
    import pandas as pd

#: Bytes of memory beyond those of the libraries, seconds of CPU, and seconds on a busy machine.
_MEMORY: Final = 400 * 2**20
_CPU_SECONDS: Final = 8
_PATIENCE: Final = 120
_MAX_ANSWER: Final = 256 * 2**20
_WORKER: Final = Path(__file__).with_name("parquet_worker.py")


def read_parquet(path: Path, name: str) -> tuple[pd.DataFrame, tuple[str, ...], tuple[str, ...]]:
    """A Parquet file as a data frame, with warnings and notes.

    Raises
    ------
    DataError
        If it is no Parquet file, damaged, out of proportion, or nested where a number is expected.
    """
    import pyarrow as pa

    limits = {
        "rows": MAX_ROWS,
        "columns": MAX_COLUMNS,
        "cells": MAX_CELLS,
        "cell": MAX_CELL,
        "memory": _MEMORY,
        "cpu": _CPU_SECONDS,
        "answer": _MAX_ANSWER,
    }
    try:
        # -P: no module of this folder may stand in for one of the same name.
        done = subprocess.run(
            [sys.executable, "-P", str(_WORKER), str(path.absolute()), json.dumps(limits)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DataError(f"{name}: reading took over {_PATIENCE} s; {_ADVICE}") from error
    if done.returncode:
        reason = done.stderr.decode("utf-8", "replace") if done.returncode == 1 else ""
        if reason.startswith("refused: "):
            raise DataError(f"{name}: {reason.removeprefix('refused: ').strip()}")
        raise DataError(
            f"{name}: not a readable Parquet file; reading it took over {_MEMORY / 2**20:.0f} MiB of memory "
            f"or {_CPU_SECONDS} s, or failed. {_ADVICE}"
        )
    try:
        table = pa.ipc.open_stream(done.stdout).read_all()
        frame = frame_of(table)
    except (pa.ArrowException, ValueError, OverflowError) as error:
        raise DataError(f"{name}: not a readable Parquet file ({str(error).splitlines()[0]:.200})") from error
    left = json.loads((table.schema.metadata or {}).get(b"left_out", b"{}"))
    return frame, (), left_out_notes(left)


_ADVICE: Final = "Write the table again, or as CSV"
