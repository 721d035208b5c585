"""Results of a job, kept on disk as they come: a Zarr group with one chunk per fit and variable.

One process writes. A fit is marked as done after its results are written, so whatever stops the writer, a
fit is either whole or not there.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.batch.job import DIAGNOSTICS, FIT, Job, Result
from scaling_bayes.errors import OptionError, TraceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["DONE", "FAILED", "PENDING", "Store", "open_store"]

PENDING, DONE, FAILED = 0, 1, 2
_IDENTITY: Final = "scaling_bayes_job"
_MESSAGE_BYTES: Final = 400


class Store:
    """The results of one job so far; from `open_store`."""

    def __init__(self, group: Any, job: Job) -> None:
        self._group = group
        self._job = job
        self.status: NDArray[np.int8] = group["status"][:]

    @property
    def pending(self) -> list[int]:
        """Numbers of the fits still to make."""
        return [int(number) for number in np.flatnonzero(self.status == PENDING)]

    def record(self, number: int, result: Result) -> None:
        """Keep the results of a fit. One that is there already stays."""
        if self.status[number] != PENDING:
            return
        for name in (*self._job.fields, *DIAGNOSTICS):
            self._group[name][number] = result[name]
        self._mark(number, DONE)

    def record_failure(self, number: int, message: str) -> None:
        """Keep why a fit could not be made."""
        if self.status[number] != PENDING:
            return
        text = message.encode("utf-8", "replace")[:_MESSAGE_BYTES]
        self._group["failure"][number] = np.frombuffer(text.ljust(_MESSAGE_BYTES, b"\0"), dtype=np.uint8)
        self._mark(number, FAILED)

    def _mark(self, number: int, status: int) -> None:
        self._group["status"][number] = status
        self.status[number] = status

    def dataset(self) -> xr.Dataset:
        """All results, dims (fit, ...); NaN where a fit is pending or failed, whose ``failure`` says why."""
        import xarray as xr

        job = self._job
        data: dict[str, Any] = {
            name: ((FIT, *dims), self._group[name][:]) for name, dims in job.fields.items()
        }
        data |= {name: (FIT, self._group[name][:]) for name in DIAGNOSTICS}
        messages = [bytes(row).rstrip(b"\0").decode("utf-8", "ignore") for row in self._group["failure"][:]]
        data["failure"] = (FIT, np.array(messages, dtype=object))
        coordinates = {FIT: job.labels, **job.coordinates}
        return xr.Dataset(
            data, {name: np.array(list(labels), dtype=object) for name, labels in coordinates.items()}
        )


def open_store(path: Path, job: Job) -> Store:
    """Open the store of a job to go on with it, or make one.

    Raises
    ------
    OptionError
        If Zarr is not installed.
    TraceError
        If the folder holds something else, or results of another job; the message says what differs.
    """
    try:
        import zarr
    except ImportError as error:
        raise OptionError(
            "results of many fits are kept with zarr, which is not installed; "
            "pip install 'scaling_bayes[cluster]'."
        ) from error
    identity = json.dumps(job.identity, sort_keys=True)
    if path.exists():
        try:
            group = zarr.open_group(path, mode="r+")
            found = json.loads(str(group.attrs[_IDENTITY]))
        except (OSError, KeyError, ValueError) as error:
            raise TraceError(
                f"{path} exists and is not a finished or interrupted job of this package "
                f"({type(error).__name__}); name another --store, or remove it."
            ) from error
        _refuse_other(path, found, json.loads(identity))
        return Store(group, job)
    unfinished = path.with_name(f".{path.name}.new")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(unfinished, mode="w")
            _lay_out(group, job)
            group.attrs[_IDENTITY] = identity
        unfinished.rename(path)
    except OSError as error:
        raise TraceError(f"cannot write {path}: {error.strerror or error}.") from error
    return Store(zarr.open_group(path, mode="r+"), job)


def _lay_out(group: Any, job: Job) -> None:
    count = len(job.labels)
    sizes = {name: len(labels) for name, labels in job.coordinates.items()}
    dimensions = {**job.fields, **dict.fromkeys(DIAGNOSTICS, ())}
    for name, dims in dimensions.items():
        rest = tuple(sizes[dim] for dim in dims)
        group.create_array(
            name,
            shape=(count, *rest),
            chunks=(1, *rest),
            dtype="float64",
            fill_value=float("nan"),
            dimension_names=(FIT, *dims),
        )
    group.create_array(
        "failure",
        shape=(count, _MESSAGE_BYTES),
        chunks=(1, _MESSAGE_BYTES),
        dtype="uint8",
        dimension_names=(FIT, "byte"),
    )
    group.create_array("status", shape=(count,), chunks=(1,), dtype="int8", dimension_names=(FIT,))


def _refuse_other(path: Path, found: dict[str, Any], expected: dict[str, Any]) -> None:
    differing = [
        f"{name}: found {found.get(name)!r:.60}, expected {expected.get(name)!r:.60}"
        for name in {**found, **expected}
        if found.get(name) != expected.get(name)
    ]
    if differing:
        raise TraceError(
            f"{path} holds another job ({'; '.join(differing)}); name another --store, or ask for the same."
        )
