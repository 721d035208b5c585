"""Results of a job, kept on disk as they come: a Zarr group with one chunk per fit and variable.

One process writes. A fit is marked as done after its results and their digest are written, so whatever stops
the writer, a fit is either whole or not there; one that no longer has its digest is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.batch.job import DIAGNOSTICS, FIT, Job, Result
from scaling_bayes.errors import OptionError, TraceError

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

PENDING, DONE, FAILED = 0, 1, 2
_IDENTITY: Final = "scaling_bayes_job"
#: Attribute of a store whose every record has a digest; stores of earlier versions lack it.
_DIGESTED: Final = "scaling_bayes_digests"
_MESSAGE_BYTES: Final = 400
_DIGEST_BYTES: Final = 32
#: Fits that a message lists by name.
_LISTED: Final = 5


class StoreWarning(UserWarning):
    """Something was found in a store that does not stop its job."""


class Store:
    """The results of one job so far; from `open_store`.

    Attributes
    ----------
    status : ndarray of int8, shape (fit,)
        `PENDING`, `DONE` or `FAILED`. A record that is damaged is pending.
    """

    def __init__(self, path: Path, group: Any, job: Job) -> None:
        self._path = path
        self._group = group
        self._job = job
        self._digested = _DIGESTED in group.attrs
        self.status: NDArray[np.int8] = np.zeros(len(job.labels), dtype=np.int8)
        damaged = self._look()
        if damaged:
            warnings.warn(
                f"{path}: {self._names(damaged)} cannot be read as written, and will be made again.",
                StoreWarning,
                stacklevel=3,
            )

    @property
    def pending(self) -> list[int]:
        """Numbers of the fits still to make."""
        return [int(number) for number in np.flatnonzero(self.status == PENDING)]

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the store for this process alone.

        Raises
        ------
        TraceError
            If another process holds it.
        """
        with _held(self._path):
            self._look()
            if not self._digested and self.pending:
                self._add_digests()
            yield

    def record(self, number: int, result: Result) -> None:
        """Keep the results of a fit. One that is there already stays.

        Raises
        ------
        TraceError
            If they cannot be written.
        """
        record = {
            name: np.broadcast_to(np.asarray(result[name], dtype=np.float64), self._group[name].shape[1:])
            for name in self._numbers
        }
        self._keep(number, DONE, record)

    def record_failure(self, number: int, message: str) -> None:
        """Keep why a fit could not be made.

        Raises
        ------
        TraceError
            If it cannot be written.
        """
        text = message.encode("utf-8", "replace")[:_MESSAGE_BYTES]
        self._keep(
            number, FAILED, {"failure": np.frombuffer(text.ljust(_MESSAGE_BYTES, b"\0"), dtype=np.uint8)}
        )

    def dataset(self) -> xr.Dataset:
        """All results, dims (fit, ...); NaN where a fit is pending or failed, whose ``failure`` says why.

        Raises
        ------
        TraceError
            If a record was damaged since the store was opened.
        """
        import xarray as xr

        job = self._job
        records, damaged = self._read()
        lost = [number for number in damaged if self.status[number] != PENDING]
        if lost:
            raise TraceError(
                f"{self._path}: {self._names(lost)} cannot be read as written; give the same command again "
                "to make them anew."
            )
        for number in damaged:
            for values in records.values():
                values[number] = np.nan if values.dtype == np.float64 else 0
        data: dict[str, Any] = {name: ((FIT, *dims), records[name]) for name, dims in job.fields.items()}
        data |= {name: (FIT, records[name]) for name in DIAGNOSTICS}
        messages = [bytes(row).rstrip(b"\0").decode("utf-8", "ignore") for row in records["failure"]]
        data["failure"] = (FIT, np.array(messages, dtype=object))
        coordinates = {FIT: job.labels, **job.coordinates}
        return xr.Dataset(
            data, {name: np.array(list(labels), dtype=object) for name, labels in coordinates.items()}
        )

    @property
    def _numbers(self) -> tuple[str, ...]:
        return (*self._job.fields, *DIAGNOSTICS)

    def _look(self) -> list[int]:
        """Take the status of every fit from the disk, damaged ones as pending; their numbers."""
        records, damaged = self._read()
        self.status = records["status"].astype(np.int8)
        self.status[damaged] = PENDING
        return damaged

    def _names(self, numbers: list[int]) -> str:
        """Fits by their labels, the first few of them."""
        listed = ", ".join(repr(self._job.labels[number]) for number in numbers[:_LISTED])
        more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
        return f"{'fit' if len(numbers) == 1 else 'fits'} {listed}{more}"

    def _read(self) -> tuple[dict[str, NDArray[Any]], list[int]]:
        """Every record, and the numbers of those that are not as they were written."""
        names = (*self._numbers, "failure", "status", *(("digest",) if self._digested else ()))
        unreadable: set[int] = set()
        records = {name: _values(self._group[name], unreadable) for name in names}
        damaged = [
            number
            for number, status in enumerate(records["status"])
            if number in unreadable or (status != PENDING and not self._is_whole(number, records))
        ]
        return records, damaged

    def _is_whole(self, number: int, records: Mapping[str, NDArray[Any]]) -> bool:
        status = int(records["status"][number])
        if status not in (DONE, FAILED):
            return False
        record = {name: records[name][number] for name in self._kept(status)}
        if self._digested:
            return bytes(records["digest"][number]) == _digest(number, status, record)
        # Without digests, what is gone altogether still shows: a chunk that is not there reads as NaN.
        return status == FAILED or not any(np.isnan(values).all() for values in record.values())

    def _kept(self, status: int) -> tuple[str, ...]:
        return self._numbers if status == DONE else ("failure",)

    def _keep(self, number: int, status: int, record: Mapping[str, NDArray[Any]]) -> None:
        if self.status[number] != PENDING:
            return
        digest = np.frombuffer(_digest(number, status, record), dtype=np.uint8)
        try:
            # A damaged record may stand there as done.
            self._group["status"][number] = PENDING
            for name, values in {**record, "digest": digest}.items():
                self._group[name][number] = values
            self._group["status"][number] = status
        except OSError as error:
            raise TraceError(
                f"cannot write fit {self._job.labels[number]!r} to {self._path}: {error.strerror or error}. "
                "What was finished before is kept; give the same command again to go on."
            ) from error
        self.status[number] = status

    def _add_digests(self) -> None:
        """Give the records of a store without digests theirs, as they are found."""
        records, _ = self._read()
        _add_array(self._group, "digest", *_layout(self._job)["digest"])
        kept = np.flatnonzero(self.status != PENDING)
        for number in map(int, kept):
            status = int(self.status[number])
            record = {name: records[name][number] for name in self._kept(status)}
            digest = _digest(number, status, record)
            self._group["digest"][number] = np.frombuffer(digest, dtype=np.uint8)
        self._group.attrs[_DIGESTED] = "sha256"
        self._digested = True
        if len(kept):
            warnings.warn(
                f"{self._path} is of an earlier version: its {len(kept)} finished fits have no digest, and "
                "are taken as they are.",
                StoreWarning,
                stacklevel=3,
            )


def _values(array: Any, unreadable: set[int]) -> NDArray[Any]:
    """All values of an array; one record at a time if some cannot be read, whose numbers are added."""
    try:
        return np.array(array[:])
    except Exception:  # noqa: BLE001 - a damaged chunk raises what its codec does
        found = np.zeros(array.shape, dtype=array.dtype)
        for number in range(array.shape[0]):
            try:
                found[number] = array[number]
            except Exception:  # noqa: BLE001
                unreadable.add(number)
        return found


def _digest(number: int, status: int, record: Mapping[str, NDArray[Any]]) -> bytes:
    """SHA-256 of a record; every NaN counts as the same."""
    found = hashlib.sha256(f"{number} {status}".encode())
    for name, values in sorted(record.items()):
        found.update(f" {name} {values.shape} ".encode())
        if values.dtype != np.uint8:
            values = np.where(np.isnan(values), np.nan, values).astype("<f8")
        found.update(values.tobytes())
    return found.digest()


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Lock a folder as long as this process is at it; where folders cannot be locked, go on without."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    folder = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise TraceError(
            f"another process is at work on {path}; wait until it ends, or name another --store."
        ) from error
    except OSError:
        pass
    try:
        yield
    finally:
        os.close(folder)


def open_store(path: Path, job: Job) -> Store:
    """Open the store of a job to go on with it, or make one.

    Records that are not as they were written, which their digests show, are pending again.

    Warns
    -----
    StoreWarning
        If there are such, by name.

    Raises
    ------
    OptionError
        If Zarr is not installed.
    TraceError
        If the folder holds something else, or results of another job; the message says what differs. If the
        description of its arrays is damaged.
    """
    try:
        import zarr
    except ImportError as error:
        raise OptionError(
            "results of many fits are kept with zarr, which is not installed; "
            "pip install 'scaling_bayes[cluster]'."
        ) from error
    if not path.exists():
        _make_store(path, job)
    identity = json.dumps(job.identity, sort_keys=True)
    try:
        group = zarr.open_group(path, mode="r+")
        found = json.loads(str(group.attrs[_IDENTITY]))
        if not isinstance(found, dict):
            raise TypeError(f"found {type(found).__name__}")
    except Exception as error:
        raise TraceError(
            f"{path} exists and is not a finished or interrupted job of this package "
            f"({type(error).__name__}); name another --store, or remove it."
        ) from error
    _refuse_other(path, found, json.loads(identity))
    _refuse_damaged(path, group, job)
    return Store(path, group, job)


def _make_store(path: Path, job: Job) -> None:
    """Make an empty store, whole or not at all; one that another process makes meanwhile stays."""
    import zarr

    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = zarr.open_group(unfinished, mode="w")
            for name, (shape, dtype, dimensions) in _layout(job).items():
                _add_array(group, name, shape, dtype, dimensions)
            group.attrs.update({_IDENTITY: json.dumps(job.identity, sort_keys=True), _DIGESTED: "sha256"})
        unfinished.rename(path)
    except OSError as error:
        if not path.is_dir():
            raise TraceError(f"cannot write {path}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _layout(job: Job) -> dict[str, tuple[tuple[int, ...], str, tuple[str, ...]]]:
    """Shape, type and dimensions of each array of a store."""
    count = len(job.labels)
    sizes = {name: len(labels) for name, labels in job.coordinates.items()}
    found = {
        name: ((count, *(sizes[dim] for dim in dims)), "float64", (FIT, *dims))
        for name, dims in {**job.fields, **dict.fromkeys(DIAGNOSTICS, ())}.items()
    }
    return found | {
        "failure": ((count, _MESSAGE_BYTES), "uint8", (FIT, "byte")),
        "digest": ((count, _DIGEST_BYTES), "uint8", (FIT, "digest_byte")),
        "status": ((count,), "int8", (FIT,)),
    }


def _add_array(
    group: Any, name: str, shape: tuple[int, ...], dtype: str, dimensions: tuple[str, ...]
) -> None:
    group.create_array(
        name,
        shape=shape,
        chunks=(1, *shape[1:]),
        dtype=dtype,
        fill_value=float("nan") if dtype == "float64" else 0,
        dimension_names=dimensions,
        overwrite=True,
    )


def _refuse_damaged(path: Path, group: Any, job: Job) -> None:
    """Refuse a store whose arrays are not described as they were made."""
    for name, (shape, dtype, _) in _layout(job).items():
        if name == "digest" and _DIGESTED not in group.attrs:
            continue
        try:
            array = group[name]
            found = (tuple(array.shape), str(array.dtype), tuple(array.chunks))
        except Exception as error:  # noqa: BLE001 - its metadata may be any JSON, or none
            reason = type(error).__name__
        else:
            if found == (shape, dtype, (1, *shape[1:])):
                continue
            reason = f"found {found[1]} of shape {found[0]}, expected {dtype} of shape {shape}"
        raise TraceError(
            f"{path} is damaged: the description of {name!r}, in {path / name / 'zarr.json'}, cannot be used "
            f"({reason}), so no fit ({job.labels[0]!r} to {job.labels[-1]!r}) can be read. Restore the file, "
            "or remove the store to make its fits anew."
        )


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
