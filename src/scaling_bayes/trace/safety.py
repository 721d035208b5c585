"""May this file be read at all? What an HDF5 file declares, judged before any value of it is read.

A trace holds one level of groups with numbers and texts along one dimension, compressed by shuffle and
deflate or not at all. Whatever else HDF5 can hold is refused: links, aliases, storage outside the file, types
that stand for other objects, filters that load code, sizes out of proportion.
"""

from __future__ import annotations

import math
import re
import struct
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from scaling_bayes.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: No file may be larger, nor declare more, nor more than so many times its own size beyond an allowance.
MAX_TRACE_BYTES: Final = 512 * 2**20
MAX_DECLARED_BYTES: Final = 512 * 2**20
_ALLOWANCE: Final = 64 * 2**20
_MOST_EXPANSION: Final = 8
#: Of one chunk in memory, and of all chunks of a file.
MAX_PIECE_BYTES: Final = 2**26
_MOST_CHUNKS: Final = 2**16
_MOST_TEXTS: Final = 2**20
_MOST_GROUPS: Final = 32
_MOST_VARIABLES: Final = 256
_MOST_DIMENSIONS: Final = 6
_MOST_ATTRIBUTES: Final = 16
_MOST_BYTES_OF_ATTRIBUTES: Final = 2**20
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
#: Attribute that leads from a variable to its dimensions, and the one that leads back, which is never read.
DIMENSIONS: Final = "DIMENSION_LIST"
_BACK: Final = "REFERENCE_LIST"
#: Attributes that netCDF-4 itself keeps, and those of a trace.
_OF_NETCDF: Final = frozenset({"CLASS", "NAME", "_Netcdf4Dimid", "_Netcdf4Coordinates", "_FillValue"})
_OF_VARIABLE: Final = _OF_NETCDF | {DIMENSIONS, _BACK, "units", "long_name", "_Encoding"}
_OF_ROOT: Final = frozenset({"manifest", "digest", "created", "_NCProperties"})
#: Orders of filters that a trace has: none, deflate, shuffle before deflate. Others would load plug-ins.
_SHUFFLE, _DEFLATE = 2, 1
_PIPELINES: Final = ((), (_DEFLATE,), (_SHUFFLE, _DEFLATE))
#: Of a text in a file: its length, then where it is.
_TEXT_REFERENCE: Final = struct.Struct("<IQI")
#: Of a character in memory, in an array of texts, which all take the place of the longest.
_CHARACTER_BYTES: Final = 4
#: How the ``NAME`` begins of a dimension that has a length and no values.
_BARE: Final = b"This is a netCDF dimension but not a netCDF variable"

#: Offset of a chunk in its variable, its place in the file and its bytes there.
Chunk = tuple[tuple[int, ...], int, int]


def refuse_unsafe(handle: Any, file: BinaryIO, file_bytes: int) -> list[Any]:
    """Refuse a file that declares what no trace has, and give its groups and variables.

    Parameters
    ----------
    file : file object
        The same file, to read bytes of it that HDF5 has not interpreted.
    """
    budget = most_declared(file_bytes)
    declared = texts = chunks = 0
    items = []
    for item in _contents(handle):
        items.append(item)
        _check_attributes(item)
        if not hasattr(item, "shape") or is_bare_dimension(item):
            continue
        declared += _declared_bytes(item)
        if _is_text(item):
            texts += len(item)
            if texts > _MOST_TEXTS:
                raise TraceError(
                    f"{item.name} and before: found {texts} texts; expected at most {_MOST_TEXTS}."
                )
            declared += 0 if is_characters(item) else _text_bytes(item, file)
        if declared > budget:
            raise TraceError(
                f"it declares over {budget / 2**20:,.0f} MiB ({item.name} and before), out of proportion to "
                f"its {file_bytes / 2**20:,.1f} MiB; no trace of this package does."
            )
        if item.chunks:
            chunks += len(chunks_of(item, file_bytes, _MOST_CHUNKS - chunks))
    return items


def most_declared(file_bytes: int) -> int:
    """Bytes of values that a file of that size may declare."""
    return min(MAX_DECLARED_BYTES, _ALLOWANCE + _MOST_EXPANSION * file_bytes)


def is_bare_dimension(item: Any) -> bool:
    """Whether a variable only stands for a dimension's length; its values are never read."""
    return item.is_scale and item.ndim == 1 and bytes(item.attrs.get("NAME", b"")).startswith(_BARE)


def is_characters(item: Any) -> bool:
    """Whether a variable holds texts as rows of bytes, as netCDF stores them where they are to be packed."""
    found: bool = item.ndim == 2 and item.id.get_type().equal(_types().py_create("S1"))
    return found


def chunks_of(item: Any, file_bytes: int, most: int = _MOST_CHUNKS) -> list[Chunk]:
    """Where the chunks of a variable lie, each once and all of them.

    Raises
    ------
    TraceError
        If chunks are missing, repeated, of an odd kind, or not inside the file.
    """
    expected = math.prod(-(-length // chunk) for length, chunk in zip(item.shape, item.chunks, strict=True))
    if expected > most:
        raise TraceError(f"{item.name} has {expected} chunks; expected at most {most}.")
    found: list[Chunk] = []

    def note(info: Any) -> bool | None:
        found.append((tuple(info.chunk_offset), info.byte_offset, info.size))
        masked.append(info.filter_mask)
        return True if len(found) > expected else None

    masked: list[int] = []
    item.id.chunk_iter(note)
    inside = all(
        place is not None and place + size <= file_bytes and size > 0 for _, place, size in found
    ) and all(
        0 <= start < length and start % chunk == 0
        for offset, _, _ in found
        for start, length, chunk in zip(offset, item.shape, item.chunks, strict=True)
    )
    apart = len({offset for offset, _, _ in found}) == len({place for _, place, _ in found}) == expected
    if not inside or not apart or len(found) != expected or any(masked):
        raise TraceError(
            f"{item.name} has {len(found)} chunks of {expected}, or some that are repeated, unpacked or "
            "outside the file; expected each chunk once."
        )
    return found


def _contents(handle: Any) -> Iterator[Any]:
    """Root, groups and variables, after checking that there is nothing else and nothing twice."""
    import h5py

    if handle.userblock_size:
        raise TraceError(f"it begins with {handle.userblock_size} bytes of another kind; expected none.")
    yield handle
    places: dict[int, str] = {}
    pending = [(handle, _MOST_GROUPS)]
    while pending:
        node, most = pending.pop()
        if len(node) > most:
            raise TraceError(f"{node.name} holds {len(node)} objects; expected at most {most}.")
        for name in node:
            place = f"{node.name.rstrip('/')}/{_shown(name)}"
            link = node.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise TraceError(f"{place} is a {type(link).__name__}; expected all data inside the file.")
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise TraceError(f"{place}: expected a name of letters, digits and underscores.")
            item = node[name]
            if not isinstance(item, (h5py.Group, h5py.Dataset)):
                raise TraceError(f"{place} is a {type(item).__name__}; expected groups and variables.")
            is_group = isinstance(item, h5py.Group)
            if is_group and node is not handle:
                raise TraceError(f"{place} is a group inside a group; expected one level of groups.")
            address = h5py.h5o.get_info(item.id).addr
            if address in places:
                raise TraceError(f"{place} is {places[address]} under another name; expected one name.")
            places[address] = place
            if is_group:
                pending.append((item, _MOST_VARIABLES))
            yield item


def _shown(name: object) -> str:
    return ascii(name)[1:-1][:100]


def _declared_bytes(item: Any) -> int:
    """Bytes of a variable in memory, after checking its type and how it is stored."""
    kind = item.id.get_type()
    allowed = (_types().INTEGER, _types().FLOAT, _types().STRING)
    if kind.get_class() not in allowed:
        raise TraceError(f"{item.name} has the HDF5 type {_type_name(kind)}; expected numbers or text.")
    if item.external or item.is_virtual:
        raise TraceError(f"{item.name} is stored outside the file; expected all data inside it.")
    if not item.shape:
        raise TraceError(f"{item.name} has {'no' if item.shape is None else 'one'} value; expected an array.")
    if item.ndim > _MOST_DIMENSIONS:
        raise TraceError(f"{item.name} has {item.ndim} dimensions; expected at most {_MOST_DIMENSIONS}.")
    _check_filters(item)
    declared: int = math.prod(item.shape) * kind.get_size()
    characters = is_characters(item)
    if kind.get_class() == _types().STRING and not characters:
        if not kind.is_variable_str() or item.ndim != 1 or item.chunks:
            raise TraceError(
                f"{item.name} holds text of {item.ndim} dimensions, of fixed length or in chunks; expected "
                "texts of any length along one dimension, in one piece, or rows of bytes."
            )
    elif not characters and (
        item.dtype.kind not in "iuf"
        or item.dtype.itemsize > 8
        or not kind.equal(_types().py_create(item.dtype))
    ):
        raise TraceError(f"{item.name} holds numbers of an odd type; expected whole numbers or floats.")
    if item.chunks:
        piece = math.prod(item.chunks) * kind.get_size()
        if piece > MAX_PIECE_BYTES:
            raise TraceError(
                f"{item.name}: it declares over {MAX_PIECE_BYTES >> 20} MiB in one chunk ({piece} bytes)."
            )
    if item.maxshape != item.shape:
        raise TraceError(f"{item.name} can grow; expected a fixed number of values.")
    is_plain = not item.chunks and (characters or kind.get_class() != _types().STRING)
    if is_plain and declared and item.id.get_storage_size() != declared:
        raise TraceError(
            f"{item.name}: it declares over the {item.id.get_storage_size()} bytes it holds ({declared})."
        )
    return declared * _CHARACTER_BYTES if characters else declared


def _check_filters(item: Any) -> None:
    creation = item.id.get_create_plist()
    filters = tuple(creation.get_filter(position)[0] for position in range(creation.get_nfilters()))
    if filters not in _PIPELINES:
        raise TraceError(
            f"{item.name} is packed with HDF5 filter {', then '.join(map(str, filters))}; "
            "expected shuffle and deflate."
        )


def _is_text(item: Any) -> bool:
    found: bool = item.id.get_type().get_class() == _types().STRING
    return found


def _text_bytes(item: Any, file: BinaryIO) -> int:
    """What a variable's texts take, from the references to them: many may lie in one place of the file."""
    place = item.id.get_offset()
    if place is None:
        if item.size:
            raise TraceError(f"{item.name} has no values; expected text.")
        return 0
    expected = _TEXT_REFERENCE.size * item.size
    file.seek(place)
    stored = file.read(expected) if item.id.get_storage_size() == expected else b""
    if len(stored) != expected:
        raise TraceError(f"{item.name} ends before its last text.")
    longest = max((length for length, _, _ in _TEXT_REFERENCE.iter_unpack(stored)), default=0)
    found: int = _CHARACTER_BYTES * longest * item.size
    return found


def _check_attributes(item: Any) -> None:
    import h5py

    count = h5py.h5a.get_num_attrs(item.id)
    if count > _MOST_ATTRIBUTES:
        raise TraceError(f"{item.name} has {count} attributes; expected at most {_MOST_ATTRIBUTES}.")
    is_variable = isinstance(item, h5py.Dataset)
    known = _OF_VARIABLE if is_variable else _OF_ROOT if item.name == "/" else frozenset()
    for position in range(count):
        attribute = h5py.h5a.open(item.id, index=position)
        name = attribute.name.decode("utf-8", errors="replace")
        if name == _BACK and is_variable:
            continue
        kind, values = attribute.get_type(), attribute.get_space().get_simple_extent_npoints()
        place = f"attribute {_shown(name)!r} of {item.name}"
        if name not in known:
            raise TraceError(f"{place}: no trace has it; expected {', '.join(sorted(known)) or 'none'}.")
        if values * kind.get_size() > _MOST_BYTES_OF_ATTRIBUTES:
            raise TraceError(f"{place}: found {values} values of {kind.get_size()} bytes; expected few.")
        if name == DIMENSIONS:
            expected = kind.get_class() == _types().VLEN and values == item.ndim
        elif name == "_Netcdf4Coordinates":
            expected = kind.get_class() == _types().INTEGER and values == item.ndim
        elif name == "_FillValue":
            expected = kind.get_class() == _types().FLOAT and item.dtype.kind == "f" and values == 1
        elif name == "_Netcdf4Dimid":
            expected = kind.get_class() == _types().INTEGER and values == 1
        else:
            expected = kind.get_class() == _types().STRING and values == 1
        if not expected:
            raise TraceError(
                f"{place}: found {values} of the HDF5 type {_type_name(kind)}; expected one text."
            )


def _types() -> Any:
    import h5py

    return h5py.h5t


def _type_name(kind: Any) -> str:
    return type(kind).__name__.removeprefix("Type").removesuffix("ID").lower()
