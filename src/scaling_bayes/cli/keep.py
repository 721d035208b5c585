"""Keep a finished fit, whatever becomes of the file it was to be written to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scaling_bayes.errors import ScalingBayesError, TraceError

if TYPE_CHECKING:
    import xarray as xr


overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace the file to write if it exists; refused otherwise."
)


def refuse_replacing(output: Path, *, overwrite: bool, inputs: Iterable[object] = ()) -> None:
    """Refuse, before long work, to replace a file that is there, unless that was asked for.

    What the command reads, the paths among `inputs`, is never replaced.
    """
    if not output.is_file():
        return
    if any(_is_file(output, given) for given in inputs):
        raise click.UsageError(
            f"{output} is what this command reads, and would be replaced by what it writes. "
            "Name another file to write."
        )
    if not overwrite:
        raise click.UsageError(
            f"{output} exists and would be replaced. Name another file, or add --overwrite."
        )


def _is_file(output: Path, given: object) -> bool:
    """Whether an argument is a path that leads to the same file."""
    with suppress(OSError, ValueError):
        return isinstance(given, (str, os.PathLike)) and output.samefile(given)
    return False


def save_or_keep(idata: xr.DataTree, output: Path) -> Path:
    """Write a trace; where that fails, write it to the folder for temporary files.

    Raises
    ------
    TraceError
        If the trace is not where it was to be; the message says where it is, or that it is lost.
    """
    from scaling_bayes.trace.io import save_trace

    try:
        return save_trace(idata, output)
    except (ScalingBayesError, OSError, MemoryError) as error:
        said = str(error) or type(error).__name__
    try:
        kept = save_trace(idata, Path(tempfile.mkdtemp(prefix="scaling-bayes-")) / output.name)
    except (ScalingBayesError, OSError, MemoryError) as error:
        raise TraceError(f"{said} It could not be kept elsewhere either: {error}") from None
    raise TraceError(f"{said} The fit is not lost: it is in {kept}.") from None
