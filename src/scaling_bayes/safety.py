"""May this file be read at all? What an HDF5 file declares, judged before any value of it is read.

A trace holds numbers and text in one level of groups. Whatever else HDF5 can hold is refused: links, storage
outside the file, types that stand for other objects, filters that load code, sizes out of proportion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import TraceError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MAX_TRACE_BYTES", "refuse_unsafe"]

#: No file may declare more than this, nor more than so many times its own size beyond an allowance.
MAX_TRACE_BYTES: Final = 4 * 2**30
_ALLOWANCE: Final = 64 * 2**20
_MOST_EXPANSION: Final = 32
_MOST_CHILDREN: Final = 1024
_MOST_ATTRIBUTES: Final = 64
_MOST_VALUES_OF_ATTRIBUTE: Final = 1024
_MOST_BYTES_OF_ATTRIBUTE: Final = 2**20
#: Attributes in which netCDF-4 keeps references between a variable and its dimensions.
_REFERENCES: Final = frozenset({"DIMENSION_LIST", "REFERENCE_LIST"})
#: Shuffle, deflate, Fletcher-32: the filters inside the HDF5 library. Any other is a plug-in.
_FILTERS: Final = frozenset({1, 2, 3})


def refuse_unsafe(handle: Any, file_bytes: int) -> None:
    """Refuse a file that declares what no trace has.

    Parameters
    ----------
    handle : h5py.File
        The open file.
    file_bytes : int
        Its size, bytes.

    Raises
    ------
    TraceError
        On the first thing that is out of place.
    """
    budget = min(MAX_TRACE_BYTES, _ALLOWANCE + _MOST_EXPANSION * file_bytes)
    total = 0
    for item in _contents(handle):
        _check_attributes(item)
        if not hasattr(item, "shape"):
            continue
        total += _declared_bytes(item)
        if total > budget:
            raise TraceError(
                f"it declares over {budget / 2**20:,.0f} MiB ({item.name} and before), out of proportion to "
                f"its {file_bytes / 2**20:,.1f} MiB; no trace of this package does."
            )
        if item.id.get_type().get_class() == _types().STRING:
            total += _text_bytes(item, budget - total, file_bytes)


def _contents(handle: Any) -> Iterator[Any]:
    """Root, groups and variables, after checking that there is nothing else."""
    import h5py

    pending = [(handle, 0)]
    while pending:
        node, depth = pending.pop()
        yield node
        if len(node) > _MOST_CHILDREN:
            raise TraceError(f"{node.name} holds {len(node)} objects; expected at most {_MOST_CHILDREN}.")
        for name in node:
            place = f"{node.name.rstrip('/')}/{name}"
            link = node.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise TraceError(
                    f"{place[:200]} is a {type(link).__name__}; expected all data inside the file."
                )
            item = node[name]
            if isinstance(item, h5py.Group):
                if depth:
                    raise TraceError(
                        f"{place[:200]} is a group inside a group; expected one level of groups."
                    )
                pending.append((item, depth + 1))
            elif isinstance(item, h5py.Dataset):
                yield item
            else:
                raise TraceError(f"{place[:200]} is a {type(item).__name__}; expected groups and variables.")


def _declared_bytes(item: Any) -> int:
    """Bytes of a variable in memory, after checking its type and how it is stored."""
    kind = item.id.get_type()
    allowed = (_types().INTEGER, _types().FLOAT, _types().STRING)
    if kind.get_class() not in allowed:
        raise TraceError(f"{item.name} has the HDF5 type {_type_name(kind)}; expected numbers or text.")
    if item.external or item.is_virtual:
        raise TraceError(f"{item.name} is stored outside the file; expected all data inside it.")
    if item.shape is None:
        raise TraceError(f"{item.name} has no values; expected numbers or text.")
    creation = item.id.get_create_plist()
    filters = {creation.get_filter(position)[0] for position in range(creation.get_nfilters())}
    if not filters <= _FILTERS:
        raise TraceError(
            f"{item.name} is packed with HDF5 filter {min(filters - _FILTERS)}; expected shuffle and deflate."
        )
    chunk = 1
    for length in item.chunks or ():
        chunk *= length
    declared: int = max(item.size, chunk) * kind.get_size()
    return declared


def _text_bytes(item: Any, budget: int, file_bytes: int) -> int:
    """Length of a variable's texts, by reading: many may lie in one place of the file."""
    if item.ndim != 1 or not item.id.get_type().is_variable_str():
        return 0
    block = max(1, budget // max(file_bytes, 1))
    total = 0
    for start in range(0, item.shape[0], block):
        total += sum(map(len, item[start : start + block]))
        if total > budget:
            raise TraceError(f"{item.name} holds text out of proportion to the file's size.")
    return total


def _check_attributes(item: Any) -> None:
    import h5py

    count = h5py.h5a.get_num_attrs(item.id)
    if count > _MOST_ATTRIBUTES:
        raise TraceError(f"{item.name} has {count} attributes; expected at most {_MOST_ATTRIBUTES}.")
    for position in range(count):
        attribute = h5py.h5a.open(item.id, index=position)
        name = attribute.name.decode("utf-8", errors="replace")[:100]
        kind, values = attribute.get_type(), attribute.get_space().get_simple_extent_npoints()
        if values > _MOST_VALUES_OF_ATTRIBUTE or values * kind.get_size() > _MOST_BYTES_OF_ATTRIBUTE:
            raise TraceError(
                f"attribute {name!r} of {item.name}: found {values} values of {kind.get_size()} bytes; "
                f"expected at most {_MOST_VALUES_OF_ATTRIBUTE} and {_MOST_BYTES_OF_ATTRIBUTE >> 20} MiB."
            )
        if name in _REFERENCES:
            continue
        if kind.get_class() not in (_types().INTEGER, _types().FLOAT, _types().STRING):
            raise TraceError(
                f"attribute {name!r} of {item.name} has the HDF5 type {_type_name(kind)}; "
                "expected numbers or text."
            )
        if values > 1 and kind.get_class() == _types().STRING:
            raise TraceError(f"attribute {name!r} of {item.name} is a list of texts; expected one text.")


def _types() -> Any:
    import h5py

    return h5py.h5t


def _type_name(kind: Any) -> str:
    return type(kind).__name__.removeprefix("Type").removesuffix("ID").lower()
