"""Files made to do harm, written from a good trace: what HDF5 can hold and a trace never does."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import h5py
import numpy as np

__all__ = ["BY_BYTES", "BY_HDF5", "write"]

Edit = Callable[[h5py.File], object]


def _text_in_two_dimensions(file: h5py.File) -> None:
    file.create_dataset("prior/x", (1000, 1000), dtype=h5py.string_dtype())[0, 0] = "x" * 2**20


def _many_elements(file: h5py.File) -> None:
    file.create_dataset("prior/x", (30_000_000,), dtype="S1", chunks=(2**22,), compression="gzip")


def _scaled(file: h5py.File) -> None:
    values = file.create_dataset("prior/x", data=np.zeros(2**22, "i1"), chunks=(2**20,), compression="gzip")
    values.attrs["scale_factor"] = 1.5


def _filled(file: h5py.File) -> None:
    file.create_dataset("prior/x", (2**22,), dtype="i1", chunks=(2**20,), fillvalue=7)


def _shared_text(file: h5py.File) -> None:
    for position in range(420):
        file["posterior"].attrs[f"a{position}"] = "x" * 3000


def _aliases(file: h5py.File) -> None:
    for position in range(1000):
        file[f"g{position}"] = file["posterior"]


def _alias_of_variable(file: h5py.File) -> None:
    file["prior/slope_again"] = file["posterior/slope"]


def _chunk(packed: bytes | int, size: int = 2**20, filters: tuple[int, ...] = (1,)) -> Edit:
    def edit(file: h5py.File) -> None:
        creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        creation.set_chunk((size,))
        for name in filters:
            creation.set_filter(name, 0, (4,))
        space = h5py.h5s.create_simple((size,))
        made = h5py.h5d.create(file["prior"].id, b"x", h5py.h5t.STD_I8LE, space, creation)
        if packed:
            made.write_direct_chunk((0,), _bomb(packed) if isinstance(packed, int) else packed)
        h5py.Dataset(made).make_scale("x")

    return edit


@cache
def _bomb(times: int) -> bytes:
    """128 MiB of zeros, deflated so many times."""
    return zlib.compress(_bomb(times - 1) if times > 1 else bytes(2**27), 9)


def _filter(**options: object) -> Edit:
    return lambda file: file.create_dataset("prior/x", data=np.arange(4096), chunks=(512,), **options)


def _named(name: bytes) -> Edit:
    return lambda file: h5py.h5g.create(file["prior"].id, name)


def _deep(file: h5py.File) -> None:
    node = file["prior"]
    for _ in range(3000):
        node = node.create_group("g")


def _shape(*shape: int, **options: object) -> Edit:
    return lambda file: file.create_dataset("prior/x", shape, dtype="f8", **options)


def _dense_attributes(file: h5py.File) -> None:
    for position in range(3000):
        file.attrs[f"a{position}"] = "x" * 300


#: By name: what is done to an open copy of a good trace.
BY_HDF5: dict[str, Edit] = {
    "text in two dimensions": _text_in_two_dimensions,
    "text of fixed length": lambda file: file.create_dataset("prior/x", data=np.array([b"x" * 2000] * 9)),
    "30 million elements": _many_elements,
    "whole numbers with a scale": _scaled,
    "only a fill value": _filled,
    "420 attributes": _shared_text,
    "3000 attributes of the root": _dense_attributes,
    "1000 names of a group": _aliases,
    "two names of a variable": _alias_of_variable,
    "a chunk that inflates to more": _chunk(1),
    "deflated twice": _chunk(2, filters=(1, 1)),
    "deflated three times": _chunk(3, filters=(1, 1, 1)),
    "shuffled after deflate": _chunk(1, filters=(1, 2)),
    "a chunk of nothing": _chunk(b"\x78"),
    "Fletcher": _filter(fletcher32=True),
    "scale and offset": _filter(scaleoffset=0),
    "LZF": _filter(compression="lzf"),
    "n-bit": _chunk(b"", filters=(5,)),
    "szip": _chunk(b"", filters=(4,)),
    "unlimited": _shape(4, maxshape=(None,)),
    "2**62 values": _shape(2**31, 2**31, chunks=(1, 1)),
    "a chunk for each value": _shape(2**16, 2**6, chunks=(1, 1)),
    "no values": _shape(0),
    "one value": lambda file: file.create_dataset("prior/x", data=1.0),
    "null": lambda file: file.create_dataset("prior/x", data=h5py.Empty("f8")),
    "unallocated": _shape(2**22),
    "ten dimensions": lambda file: file.create_dataset("prior/x", data=np.zeros((1,) * 10)),
    "complex": lambda file: file.create_dataset("prior/x", data=np.zeros(3, complex)),
    "extended precision": lambda file: file.create_dataset("prior/x", data=np.zeros(3, np.longdouble)),
    "region references": lambda file: file.create_dataset("prior/x", (3,), h5py.regionref_dtype),
    "attribute of two texts": lambda file: file.attrs.__setitem__("manifest", ["a", "b"]),
    "3000 groups deep": _deep,
    "a name with dots": _named(b"a..b"),
    "a name with an escape": _named(b"\x1b]0;title\x07"),
    "a name that is not UTF-8": _named(b"\xff\xfe"),
    "a long name": _named(b"x" * 5000),
    "an unknown group": lambda file: file.create_group("payload"),
    "a variable outside a group": lambda file: file.create_dataset("x", data=np.zeros(3)),
}


def _patched(content: bytes, pattern: bytes, new: bytes) -> bytes:
    place = content.index(pattern)
    return content[:place] + new + content[place + len(new) :]


def _long_attribute(content: bytes) -> bytes:
    """Let the manifest, a text of some length, claim 3 GiB: the HDF5 library takes them before it looks."""
    with h5py.File.in_memory(content) as file:
        length = len(file.attrs["manifest"].encode())
    return content.replace(struct.pack("<I", length), struct.pack("<I", 3 * 2**30))


#: By name: what is done to the bytes of a good trace.
BY_BYTES: dict[str, Callable[[bytes], bytes]] = {
    "text of 3 GiB in an attribute": _long_attribute,
    "512 bytes before": lambda content: bytes(512) + content,
    "512 MiB of nothing after": lambda content: content,
    "the root at the end": lambda content: _patched(content, content[64:72], struct.pack("<Q", 2**40)),
}


def write(name: str, good: Path, path: Path) -> None:
    """Write the hostile file of that name."""
    path.write_bytes(BY_BYTES[name](good.read_bytes()) if name in BY_BYTES else good.read_bytes())
    if name == "512 MiB of nothing after":
        with path.open("r+b") as file:
            file.truncate(600 * 2**20)
    if name in BY_HDF5:
        with h5py.File(path, "r+") as file:
            BY_HDF5[name](file)
