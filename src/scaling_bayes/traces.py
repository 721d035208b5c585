"""Fits as files: one netCDF with everything needed to project and to cite, refused when altered.

Reading needs xarray and h5netcdf alone. Nothing is unpickled and no model is rebuilt.
"""

from __future__ import annotations

import datetime
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.digest import tree_digest
from scaling_bayes.errors import TraceError
from scaling_bayes.files import write_bytes
from scaling_bayes.schema import (
    FIT_GROUPS,
    FIT_KIND,
    HARDWARE_GROUPS,
    HARDWARE_KIND,
    HARDWARE_SCHEMA_VERSION,
    SCHEMA_VERSION,
    dataset_of,
    manifest,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["open_trace", "save_trace", "verify_trace"]

_ENGINE: Final = "h5netcdf"
#: Schema version and groups of each kind of posterior.
_LAYOUTS: Final = {
    FIT_KIND: (SCHEMA_VERSION, FIT_GROUPS),
    HARDWARE_KIND: (HARDWARE_SCHEMA_VERSION, HARDWARE_GROUPS),
}
#: A file that declares more than this many bytes is refused before any is read.
MAX_TRACE_BYTES = 4 * 2**30


def save_trace(idata: xr.DataTree, path: str | os.PathLike[str]) -> Path:
    """Write a fit to one netCDF file, atomically.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `fit_hardware` or `open_trace`. It is not changed.
    path : path
        File to write, usually ``*.nc``; replaced if it exists.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    TraceError
        If `idata` is not a fit, or the file cannot be written.
    """
    target = Path(path)
    _check_layout(idata, manifest(idata).get("kind", FIT_KIND))
    check_writable(target)
    tree = idata.copy()
    tree.attrs["created"] = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tree.attrs["digest"] = tree_digest(tree)
    # In memory first: HDF5 does not survive a disk that fills up while it writes.
    content = bytes(tree.to_netcdf(engine=_ENGINE, encoding=_encoding(tree)))
    try:
        write_bytes(target, content)
    except OSError as error:
        raise TraceError(f"cannot write {target}: {error.strerror or error}.") from error
    return target


def open_trace(path: str | os.PathLike[str], *, kind: str = FIT_KIND) -> xr.DataTree:
    """Read a fit from a file written by `save_trace`, after verifying it.

    Parameters
    ----------
    path : path
        The file.
    kind : {"fit", "hardware"}
        What the file must hold.

    Returns
    -------
    DataTree
        In memory; the file is closed.

    Raises
    ------
    TraceError
        If the file is missing, unreadable, of another schema, incomplete, or its content does not match
        its digest.
    """
    source = Path(path)
    tree = _read(source)
    stored = tree.attrs.get("digest")
    try:
        _check_layout(tree, kind)
    except TraceError as error:
        raise TraceError(f"{source}: {error}") from None
    found = tree_digest(tree)
    if stored != found:
        raise TraceError(
            f"{source}: content does not match its digest (expected {stored}, found {found}); "
            "the file was changed after it was written. Get an intact copy."
        )
    return tree


def verify_trace(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Verify a file without keeping its draws.

    Returns
    -------
    dict
        ``path``, ``digest``, ``created``, and the fit's manifest under ``manifest``.

    Raises
    ------
    TraceError
        As `open_trace`, on the first thing that does not hold.
    """
    return verified_summary(open_trace(path), path)


def verified_summary(tree: xr.DataTree, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Path, digest, creation time and manifest of a tree read by `open_trace`."""
    return {
        "path": str(path),
        "digest": str(tree.attrs["digest"]),
        "created": str(tree.attrs.get("created", "")),
        "manifest": manifest(tree),
    }


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse, before long work, a path that cannot be written.

    Raises
    ------
    TraceError
        If the path is a folder, or its folder is missing or read-only.
    """
    target = Path(path)
    try:
        if target.is_dir():
            raise TraceError(f"cannot write {target}: it is a folder; expected a file name.")
        if not target.parent.is_dir():
            raise TraceError(f"cannot write {target}: there is no folder {target.parent}; create it first.")
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise TraceError(f"cannot write {target}: {error.strerror or error}.") from error


def _check_layout(tree: xr.DataTree, kind: str) -> None:
    content = manifest(tree)
    found = content.get("kind", FIT_KIND)
    if found != kind or kind not in _LAYOUTS:
        raise TraceError(f"it holds a posterior of kind {found!r}; expected {kind!r}.")
    expected, groups = _LAYOUTS[kind]
    version = content.get("schema_version")
    if version != expected:
        raise TraceError(
            f"schema version {version!r} is not one this release reads (expected {expected}); "
            "use the release of scaling_bayes that wrote it."
        )
    missing = [name for name in groups if name not in tree.children]
    if missing:
        raise TraceError(f"groups missing: {', '.join(missing)}; expected a complete {kind}.")


def _read(source: Path) -> xr.DataTree:
    import h5py
    import xarray as xr

    if source.is_dir():
        raise TraceError(f"{source} is a folder; expected a netCDF file written by save_trace.")
    try:
        with source.open("rb") as handle:
            handle.read(1)
    except OSError as error:
        raise TraceError(f"cannot read {source}: {error.strerror or error}.") from error
    try:
        with h5py.File(source, "r") as handle:
            _refuse_unsafe(handle)
        with xr.open_datatree(source, engine=_ENGINE, decode_timedelta=False) as tree:
            return tree.load()
    except TraceError as error:
        raise TraceError(f"{source}: {error}") from None
    except Exception as error:  # h5py and xarray raise many kinds on a damaged file
        raise TraceError(
            f"{source} is not a readable netCDF-4 file ({type(error).__name__}: {error}); "
            "it is damaged, cut short or of another kind. Get an intact copy."
        ) from error


def _refuse_unsafe(handle: Any) -> None:
    """Refuse links that leave the file and sizes no fit has, before any value is read."""
    import h5py

    total = 0
    pending = [handle]
    while pending:
        node = pending.pop()
        for name in node:
            link = node.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise TraceError(
                    f"{node.name}/{name} is a {type(link).__name__}; expected all data inside the file."
                )
            item = node[name]
            if isinstance(item, h5py.Group):
                pending.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise TraceError(f"{item.name} is stored outside the file; expected all data inside it.")
                total += item.size * max(item.dtype.itemsize, 1)
                if total > MAX_TRACE_BYTES:
                    raise TraceError(
                        f"it declares over {MAX_TRACE_BYTES / 2**30:.0f} GiB; no fit of this package does."
                    )


def _encoding(tree: xr.DataTree) -> dict[str, Any]:
    """Compress every numeric variable, losslessly."""
    return {
        node.path: {
            str(name): {"zlib": True, "complevel": 4, "shuffle": True}
            for name, variable in dataset_of(node).variables.items()
            if variable.dtype.kind in "fiu" and variable.ndim
        }
        for node in tree.subtree
        if node.path != "/"
    }
