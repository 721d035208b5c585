"""How does a trace lie in a file? As netCDF-4, written by the HDF5 library alone.

xarray's own writers take four times the CPU for the hundred small variables of a trace. What any reader of
netCDF-4 looks for is here: dimensions as HDF5's dimension scales, and texts as UTF-8.
"""

from __future__ import annotations

import math
from itertools import count
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.trace.schema import dataset_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

#: Bytes of a variable, 8 a value, up to which it is not compressed; and those stored in one piece.
_SMALL: Final = 2**12
_LARGEST_PIECE: Final = 2**26
#: By what netCDF-4 tells a dimension without values (its length follows), and the order of dimensions.
_BARE: Final = "This is a netCDF dimension but not a netCDF variable.{:10d}"
_NUMBER: Final = "_Netcdf4Dimid"


def netcdf_bytes(tree: xr.DataTree) -> bytes:
    """Bytes of the file of a tree: its attributes, and one level of groups of numbers and texts.

    Small variables stay plain. The others are compressed without loss, in one piece, which packs best.
    """
    import h5py

    # In memory: HDF5 does not survive a disk that fills up while it writes.
    with h5py.File("trace.nc", "w", driver="core", backing_store=False, track_order=True) as file:
        file.attrs["_NCProperties"] = f"version=2,h5py={h5py.__version__},hdf5={h5py.version.hdf5_version}"
        file.attrs.update(tree.attrs)
        numbers = count()
        for name, node in tree.children.items():
            _write(file.create_group(name, track_order=True), dataset_of(node), numbers)
        file.flush()
        content: bytes = file.id.get_file_image()
        return content


def _write(group: Any, dataset: xr.Dataset, numbers: Iterator[int]) -> None:
    scales: dict[str, Any] = {}
    for dim, length in dataset.sizes.items():
        name = str(dim)
        if dim in dataset.variables:
            scales[name] = _created(group, name, dataset.variables[dim], numbers)
            scales[name].make_scale(name)
            scales[name].attrs[_NUMBER] = np.int32(next(numbers))
        else:
            scales[name] = _bare(group, name, length, numbers)
    for own, variable in dataset.variables.items():
        if own in scales:
            continue
        made = _created(group, str(own), variable, numbers)
        for position, dim in enumerate(variable.dims):
            made.dims[position].attach_scale(scales[str(dim)])


def _bare(group: Any, name: str, length: int, numbers: Iterator[int]) -> Any:
    """Dimension that has a length and no values."""
    made = group.create_dataset(name, (length,), ">f4")
    made.make_scale(_BARE.format(length))
    made.attrs[_NUMBER] = np.int32(next(numbers))
    return made


def _created(group: Any, name: str, variable: xr.Variable, numbers: Iterator[int]) -> Any:
    """A variable with its values and attributes, and the dimension of its bytes if it is packed text."""
    import h5py

    values = np.asarray(variable.values)
    packed = 8 * values.size > _SMALL
    if values.dtype.kind in "fiu":
        made = group.create_dataset(name, data=values, **_packing(values, packed=packed))
    elif packed and variable.dims != (name,):
        characters = _characters(values)
        made = group.create_dataset(name, data=characters, **_packing(characters, packed=True))
        made.attrs["_Encoding"] = "utf-8"
        own = f"string{characters.shape[1]}"
        made.dims[1].attach_scale(
            group[own] if own in group else _bare(group, own, characters.shape[1], numbers)
        )
    else:
        made = group.create_dataset(name, data=values.astype(object), dtype=h5py.string_dtype())
    made.attrs.update(variable.attrs)
    return made


def _characters(texts: NDArray[Any]) -> NDArray[Any]:
    """Texts as rows of bytes, as those of any length cannot be packed."""
    rows = np.array([str(text).encode() for text in texts], dtype="S")
    rows = rows.astype(f"S{max(rows.dtype.itemsize, 1)}")
    return rows.view("S1").reshape(len(rows), -1)


def _packing(values: NDArray[Any], *, packed: bool) -> dict[str, Any]:
    if not packed:
        return {}
    one_piece = values.dtype.itemsize * math.prod(values.shape) <= _LARGEST_PIECE
    chunks = values.shape if one_piece else True
    return {"compression": "gzip", "compression_opts": 4, "shuffle": True, "chunks": chunks}
