"""Which arrays does an HDF5 file hold? Read within bounds, and strangers' files in a process of their own.

The HDF5 library is written for files that can be trusted: on others it may take any memory or time, or crash.
`read_apart` therefore lets it work in a child process with little memory and few seconds, and takes plain
arrays from there. Chunks are inflated here, with a bound, as the library has none.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np

from scaling_bayes.errors import TraceError
from scaling_bayes.trace.safety import (
    DIMENSIONS,
    MAX_DECLARED_BYTES,
    chunks_of,
    is_bare_dimension,
    is_characters,
    refuse_unsafe,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What the child may use beyond what it has when it starts: address space, and CPU time.
_CHILD_BYTES: Final = 768 * 2**20
_CHILD_SECONDS: Final = 8
#: Longest line the child may send: the texts of a variable and some.
_LONGEST_LINE: Final = 2**29
#: What the child sends before it looks at the file: until then no file can be to blame for its end.
_READY: Final = b"ready\n"
_CHILD: Final = "import sys; sys.path[:] = sys.argv[1:]; from scaling_bayes.trace.hdf5 import serve; serve()"


class UnreadableError(Exception):
    """The file is damaged, or no HDF5 file."""


@dataclass(frozen=True)
class Stored:
    """One variable of a file: names of its dimensions, values and attributes."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: dict[str, str]


@dataclass
class Contents:
    """All of a file: attributes of its root, and variables by group and name."""

    attrs: dict[str, str] = field(default_factory=dict)
    groups: dict[str, dict[str, Stored]] = field(default_factory=dict)


def read_here(file: BinaryIO) -> Contents:
    """Read a file that is known, in this process.

    Raises
    ------
    TraceError
        If it declares what no trace has.
    UnreadableError
        If it is damaged, or no HDF5 file.
    """
    contents = Contents()
    for group, name, stored in _variables(file, contents.attrs):
        of_group = contents.groups.setdefault(group, {})
        if stored is not None:
            of_group[name] = stored
    return contents


def read_apart(file: BinaryIO) -> Contents:
    """Read a file of unknown origin, in a process of limited memory and time.

    Where no such process can be had, as in a browser or a frozen program, the file is read in this one.

    Raises
    ------
    TraceError
        If it declares what no trace has, or takes more memory or time than a trace does.
    UnreadableError
        If it is damaged, or no HDF5 file.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return read_here(file)
    file.seek(0)
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-c", _CHILD, *sys.path],
            stdin=file,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
    except OSError:
        return read_here(file)
    try:
        assert child.stdout is not None
        ready = child.stdout.readline(len(_READY)) == _READY
        contents = _received(child.stdout) if ready else None
    finally:
        child.kill()
        code = child.wait()
        if child.stdout is not None:
            child.stdout.close()
    if not ready:
        return read_here(file)
    if contents is None:
        if hasattr(signal, "SIGXCPU") and code == -signal.SIGXCPU:
            raise TraceError(f"it takes over {_CHILD_SECONDS} s to read; no trace does.")
        raise UnreadableError(f"the HDF5 library ended with code {code}")
    return contents


def serve() -> None:
    """Read the file on standard input and write its arrays to standard output: what the child does."""
    out = sys.stdout.buffer
    try:
        import h5py  # noqa: F401  # before limits are set

        _limit()
        out.write(_READY)
        out.flush()
        attrs: dict[str, str] = {}
        with os.fdopen(0, "rb", closefd=False) as file:
            for group, name, stored in _variables(file, attrs):
                _send(out, group, name, stored)
        _line(out, {"end": attrs})
    except TraceError as error:
        _line(out, {"refused": str(error)})
    except UnreadableError as error:
        _line(out, {"unreadable": str(error)})
    except MemoryError:
        _line(out, {"refused": "it takes more memory to read than any trace does."})
    out.flush()


def _limit() -> None:
    """Bound the memory and time of this process, where the system can."""
    try:
        import resource
    except ImportError:  # Windows
        return

    def limit(what: int, soft: int, hard: int) -> None:
        present = resource.getrlimit(what)[1]
        ceiling = hard if present == resource.RLIM_INFINITY else min(hard, present)
        resource.setrlimit(what, (min(soft, ceiling), ceiling))

    limit(resource.RLIMIT_CPU, _CHILD_SECONDS, _CHILD_SECONDS + 1)
    limit(resource.RLIMIT_CORE, 0, 0)
    try:
        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except OSError:
        return
    limit(resource.RLIMIT_AS, taken + _CHILD_BYTES, taken + _CHILD_BYTES)


def _line(out: BinaryIO, record: dict[str, Any]) -> None:
    out.write(json.dumps(record).encode() + b"\n")


def _send(out: BinaryIO, group: str, name: str, stored: Stored | None) -> None:
    record: dict[str, Any] = {"group": group, "name": name}
    if stored is None:
        _line(out, record)
        return
    record |= {"dims": stored.dims, "attrs": stored.attrs, "shape": stored.values.shape}
    if stored.values.dtype.kind == "U":
        _line(out, {**record, "texts": stored.values.tolist()})
        return
    _line(out, {**record, "dtype": stored.values.dtype.str})
    out.write(memoryview(stored.values.reshape(-1).view(np.uint8)))


def _received(pipe: IO[bytes]) -> Contents | None:
    """What the child sent; None if it ended before it was done."""
    contents, left = Contents(), MAX_DECLARED_BYTES
    while line := pipe.readline(_LONGEST_LINE):
        record = json.loads(line)
        if "refused" in record:
            raise TraceError(record["refused"])
        if "unreadable" in record:
            raise UnreadableError(record["unreadable"])
        if "end" in record:
            contents.attrs = record["end"]
            return contents
        of_group = contents.groups.setdefault(record["group"], {})
        if "dims" not in record:
            continue
        if "texts" in record:
            values = np.array(record["texts"], dtype=str)
        else:
            values = np.empty(record["shape"], record["dtype"])
            left -= values.nbytes
            if left < 0 or pipe.readinto(memoryview(values.reshape(-1).view(np.uint8))) != values.nbytes:  # type: ignore[attr-defined]
                return None
        of_group[record["name"]] = Stored(tuple(record["dims"]), values, record["attrs"])
    return None


def _variables(file: BinaryIO, attrs: dict[str, str]) -> Iterator[tuple[str, str, Stored | None]]:
    """Every group, then each of its variables, after judging the whole file; fill `attrs` with the root's."""
    import h5py

    try:
        file_bytes = file.seek(0, os.SEEK_END)
        with h5py.File(file, "r") as handle:
            items = refuse_unsafe(handle, file, file_bytes)
            members: dict[str, dict[str, Any]] = {group: {} for group in handle}
            for item in items:
                group, _, name = item.name[1:].partition("/")
                if name:
                    members[group][name] = item
                elif isinstance(item, h5py.Dataset):
                    raise TraceError(f"/{group} is a variable outside a group; expected groups.")
            attrs |= _attributes(handle)
            for group, variables in members.items():
                yield group, "", None
                scales = {
                    h5py.h5o.get_info(item.id).addr: (name, item.shape)
                    for name, item in variables.items()
                    if item.is_scale
                }
                for name, item in variables.items():
                    if is_bare_dimension(item):
                        continue
                    dims = (name,) if item.is_scale and item.ndim == 1 else _dimensions(item, scales)
                    values = _values(item, file, file_bytes)
                    if is_characters(item):
                        dims, values = dims[:1], _texts(values)
                    yield group, name, Stored(dims, values, _attributes(item))
    except (TraceError, UnreadableError, MemoryError, GeneratorExit):
        raise
    except Exception as error:  # noqa: BLE001  # h5py raises many kinds on a damaged file
        raise UnreadableError(f"{type(error).__name__}: {str(error)[:200]}") from None


def _attributes(item: Any) -> dict[str, str]:
    found = {
        name: item.attrs[name]
        for name in ("manifest", "digest", "created", "units", "long_name")
        if name in item.attrs
    }
    return {name: value.decode() if isinstance(value, bytes) else str(value) for name, value in found.items()}


def _dimensions(item: Any, scales: dict[int, tuple[str, tuple[int, ...]]]) -> tuple[str, ...]:
    import h5py

    if DIMENSIONS not in item.attrs:
        raise UnreadableError(f"{item.name} has no dimensions by name")
    dims = []
    for references, length in zip(item.attrs[DIMENSIONS], item.shape, strict=True):
        if len(references) != 1:
            raise TraceError(f"{item.name}: found {len(references)} names of one dimension; expected one.")
        target = h5py.h5r.dereference(references[0], item.file.id)
        name, shape = ("", ()) if target is None else scales.get(h5py.h5o.get_info(target).addr, ("", ()))
        if shape != (length,):
            raise TraceError(
                f"{item.name}: no dimension of length {length} in its group is the one it names."
            )
        dims.append(name)
    if len(set(dims)) != item.ndim:
        raise TraceError(f"{item.name}: found dimensions {', '.join(dims)}; expected different ones.")
    return tuple(dims)


def _values(item: Any, file: BinaryIO, file_bytes: int) -> NDArray[Any]:
    if item.dtype.kind == "O":
        return np.array(item.asstr()[...].tolist(), dtype=str)
    if not item.chunks:
        plain: NDArray[Any] = item[...]
        return plain.astype(plain.dtype.newbyteorder("="), copy=False)
    shuffled = item.shuffle
    packed = item.compression is not None
    values = np.empty(item.shape, item.dtype.newbyteorder("="))
    piece = int(np.prod(item.chunks)) * item.dtype.itemsize
    for offset, place, size in chunks_of(item, file_bytes):
        file.seek(place)
        content = _inflated(file.read(size), piece, item.name) if packed else file.read(piece)
        if len(content) != piece:
            raise TraceError(f"{item.name}: found a chunk of {len(content)} bytes; expected {piece}.")
        if shuffled:
            content = np.frombuffer(content, np.uint8).reshape(item.dtype.itemsize, -1).T.tobytes()
        block = np.frombuffer(content, item.dtype).reshape(item.chunks)
        inside = tuple(
            slice(0, min(chunk, length - start))
            for start, chunk, length in zip(offset, item.chunks, item.shape, strict=True)
        )
        to = tuple(slice(start, start + part.stop) for start, part in zip(offset, inside, strict=True))
        values[to] = block[inside]
    return values


def _texts(characters: NDArray[Any]) -> NDArray[Any]:
    """Texts that are stored as rows of bytes, in UTF-8."""
    rows = np.ascontiguousarray(characters).view(f"S{characters.shape[1]}")[:, 0]
    return np.array([row.decode() for row in rows.tolist()], dtype=str)


def _inflated(packed: bytes, size: int, name: str) -> bytes:
    """Inflate to no more than was declared."""
    stream = zlib.decompressobj()
    content = stream.decompress(packed, size + 1)
    if len(content) > size or not stream.eof:
        raise TraceError(f"{name}: a chunk inflates to other than the {size} bytes it declares.")
    return content
