"""Fits as files: one netCDF with everything needed to project and to cite, refused when altered.

Reading needs xarray and h5py alone. Nothing is unpickled and no model is rebuilt.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import stat
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from scaling_bayes import files
from scaling_bayes.errors import OptionError, TraceError, WriteError
from scaling_bayes.trace.derived import with_derived, without_derived
from scaling_bayes.trace.digest import WRITTEN_AS, tree_digest
from scaling_bayes.trace.hdf5 import Contents, UnreadableError, read_apart, read_here
from scaling_bayes.trace.netcdf import netcdf_bytes
from scaling_bayes.trace.releases import Release, find_trace
from scaling_bayes.trace.safety import MAX_DECLARED_BYTES, MAX_TRACE_BYTES, most_declared
from scaling_bayes.trace.schema import FIT_KIND, dataset_of, manifest
from scaling_bayes.trace.schema_versions import check_layout, check_values, read_layout

if TYPE_CHECKING:
    import xarray as xr

#: Endings of files that `validate_systems` reads.
_TABLES: Final = (".csv", ".tsv", ".xlsx", ".parquet")


def save_trace(idata: xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write a fit to one netCDF file, atomically.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `fit_hardware` or `open_trace`. It is not changed. Groups that follow from its draws and
        data are left out of the file, and come back when it is opened.
    path : path
        File to write, usually ``*.nc``; replaced if it exists.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TraceError
        If `idata` is not a fit, is larger than `open_trace` reads, or the file cannot be written.
    """
    target = Path(path)
    check_layout(idata)
    check_values(idata)
    check_writable(target)
    tree = without_derived(idata)
    tree.attrs.pop(WRITTEN_AS, None)
    tree.attrs["created"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tree.attrs["digest"] = tree_digest(tree)
    content = netcdf_bytes(tree)
    _refuse_too_large(tree, len(content))
    try:
        files.write_bytes(target, content)
    except WriteError as error:
        raise TraceError(str(error)) from error
    return target


def open_trace(source: str | os.PathLike[str], *, kind: str | None = None) -> xr.DataTree:
    """Read a released trace by its name, or a file written by `save_trace`, after verifying it.

    Parameters
    ----------
    source : str or path
        A name of `list_traces`, such as ``"reference-2026.12"``, or the path of a file.
    kind : {"fit", "hardware", "calibration", "any"}, optional
        What it must hold; by default a fit in a file, and under a name what was released.

    Returns
    -------
    DataTree
        In today's layout, with all groups; the file is closed. Groups that follow from the draws and data are
        not in it: predictive draws and log likelihood are computed when their values are first asked for.
        ``attrs["digest"]`` is the one the file was written with.

    Raises
    ------
    TraceError
        If there is no such trace, or the file is unreadable, of another schema, incomplete, or its content
        does not match its digest or the one released under its name.
    """
    path, release = find_trace(source)
    tree = _tree(_contents_of(path, release))
    stored = str(tree.attrs.get("digest"))
    try:
        today = read_layout(tree, kind or (release.kind if release else FIT_KIND))
        found = tree_digest(tree)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None
    except UnicodeError as error:
        raise TraceError(f"{path}: it holds text that is not UTF-8 ({error}).") from error
    expect_digest(f"{path}: content", stored, found)
    if release is not None:
        expect_digest(f"{path}: content", release.digest, found)
    if today is not tree:
        today.attrs[WRITTEN_AS] = stored
    try:
        whole = with_derived(today)
        if release is None:
            check_values(whole)
        if whole is not today:
            check_layout(whole)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None
    return whole


def released_manifest(release: Release) -> dict[str, Any]:
    """Manifest of a released trace at hand, of a file with the bytes that were released, and no more of it.

    Raises
    ------
    TraceError
        If the file cannot be read, or is not the one that was released.
    """
    import h5py

    path, _ = find_trace(release.name)
    try:
        content = path.read_bytes()
        expect_digest(f"{path}: the file", release.sha256, sha256(content).hexdigest())
        with h5py.File(io.BytesIO(content), "r") as file:
            found: dict[str, Any] = json.loads(file.attrs["manifest"])
    except (OSError, KeyError, ValueError) as error:
        raise TraceError(f"cannot read {path}: {error}.") from error
    return found


def most_draws(numbers: int, draws: int, chains: int) -> int:
    """Draws per chain, of so many numbers each, that a trace has room for.

    Raises
    ------
    OptionError
        If `draws` are more, as `save_trace` would refuse them once they are sampled.
    """
    one = 8 * numbers * chains
    most = MAX_DECLARED_BYTES // one
    if draws > most:
        raise OptionError(
            f"draws={draws} in {chains} chains need {draws * one / 2**20:,.0f} MiB; a trace holds at most "
            f"{MAX_DECLARED_BYTES >> 20} MiB. Keep at most {most} draws per chain, or fit fewer systems."
        )
    return most


def _refuse_too_large(tree: xr.DataTree, file_bytes: int) -> None:
    """Refuse what `open_trace` would: texts count as they do there, as the longest of their variable."""
    declared = sum(
        np.asarray(variable.values, dtype=str if variable.dtype.kind == "O" else None).nbytes
        for node in tree.subtree
        for variable in dataset_of(node).variables.values()
    )
    most = most_declared(file_bytes)
    if declared > most:
        raise TraceError(
            f"found {declared / 2**20:,.0f} MiB of values, {file_bytes / 2**20:,.1f} MiB when packed; such a "
            f"trace holds at most {most / 2**20:,.0f} MiB. Keep fewer draws."
        )


def expect_digest(what: str, expected: str, found: str) -> None:
    """Refuse content that is not the expected one."""
    if expected != found:
        raise TraceError(
            f"{what} does not match its digest (expected {expected}, found {found}); "
            "the file was changed after it was written. Get an intact copy."
        )


def verified_summary(tree: xr.DataTree, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Path, digest, creation time and manifest of a tree read by `open_trace`."""
    return {
        "path": str(path),
        "digest": str(tree.attrs["digest"]),
        "created": str(tree.attrs.get("created", "")),
        "manifest": manifest(tree),
    }


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, a path that a trace cannot be written to."""
    try:
        files.check_writable(path)
    except WriteError as error:
        raise TraceError(str(error)) from error


def _contents_of(path: Path, release: Release | None) -> Contents:
    """What a file holds: a released one's when its bytes are known, any other's from a process of its own."""
    try:
        with _opened(path) as file:
            if release is None:
                return read_apart(file)
            content = file.read()
        expect_digest(f"{path}: the file", release.sha256, sha256(content).hexdigest())
        return read_here(io.BytesIO(content))
    except TraceError as error:
        raise TraceError(f"{path}: {str(error).removeprefix(f'{path}: ')}") from None
    except UnreadableError as error:
        if path.suffix.lower() in _TABLES:
            raise TraceError(
                f"{path} is a table; expected a trace. `scaling-bayes fit {path}` makes one of it."
            ) from None
        raise TraceError(
            f"{path} is not a readable netCDF-4 file ({error}); "
            "it is damaged, cut short or of another kind. Get an intact copy."
        ) from None
    except OSError as error:
        raise TraceError(f"cannot read {path}: {error.strerror or error}.") from error


def _opened(path: Path) -> BinaryIO:
    """Open a plain file of a trace's size, without waiting for whatever else has its name."""
    if path.is_dir():
        raise TraceError("it is a folder; expected a netCDF file written by save_trace.")
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0))
    file = os.fdopen(descriptor, "rb")
    found = os.fstat(descriptor)
    problem = ""
    if not stat.S_ISREG(found.st_mode):
        problem = "it is a device or pipe; expected a netCDF file written by save_trace."
    elif found.st_size > MAX_TRACE_BYTES:
        problem = f"it is larger than {MAX_TRACE_BYTES >> 20} MiB; no trace is."
    if problem:
        file.close()
        raise TraceError(problem)
    return file


def _tree(contents: Contents) -> xr.DataTree:
    import xarray as xr

    datasets = {}
    for name, variables in contents.groups.items():
        made = {key: xr.Variable(one.dims, one.values, one.attrs) for key, one in variables.items()}
        coords = {key: made.pop(key) for key in list(made) if made[key].dims == (key,)}
        datasets[f"/{name}"] = xr.Dataset(made, coords)
    tree = xr.DataTree.from_dict(datasets)
    tree.attrs = dict(contents.attrs)
    return tree
