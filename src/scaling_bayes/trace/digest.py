"""Content digests: the same values give the same digest, however they are stored and on every machine.

What is hashed was stored, or follows from what was stored by arithmetic that IEEE 754 rounds alike
everywhere. A logarithm is neither: processors differ in its last bit.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.trace.schema import dataset_of, derived_groups

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

#: Attribute of a tree that was read from a file of an older layout: the digest that file was written with.
WRITTEN_AS = "written_as"

_TEXTS_AT_A_TIME = 2**16

_DIGESTED_COLUMNS = (
    "task",
    "system",
    "paper",
    "error",
    "training_compute_flop",
    "compute_in_doubt",
    "compute_sd_dex",
    "year",
    "publication_date",
    "compute_count",
    "precision",
    "arithmetic_flop",
)


def data_digest(table: pd.DataFrame) -> str:
    """SHA-256 of what a fit takes from a systems table: the columns the model reads, row by row in order.

    Missing values, empty text and False are one, a date is its day, and a column without values is left out,
    so that a table and what a trace keeps of it give the same digest.
    """
    digest = hashlib.sha256()
    for column in _DIGESTED_COLUMNS:
        values = [_canonical(value) for value in table[column]] if column in table else []
        if any(value is not None for value in values):
            digest.update(json.dumps([column, values]).encode())
    return digest.hexdigest()


def _canonical(value: Any) -> Any:
    import pandas as pd

    if isinstance(value, pd.Timestamp) and not pd.isna(value):
        return value.strftime("%Y-%m-%d")
    scalar = _scalar(value)
    return None if scalar in ("", False) else scalar


def frame_digest(*tables: pd.DataFrame) -> str:
    """SHA-256 of every column of some tables, row by row in order."""
    digest = hashlib.sha256()
    for table in tables:
        for column in table:
            digest.update(json.dumps([str(column), [_scalar(value) for value in table[column]]]).encode())
    return digest.hexdigest()


def measured_digest(*tables: pd.DataFrame) -> str:
    """SHA-256 of tables of measured points: of every column but the logarithm of one that is there.

    A table without ``value`` is one that a trace of an earlier release keeps: its logarithms were stored,
    and are all there is to hash.
    """
    return frame_digest(
        *(table.drop(columns="log10_value") if "value" in table else table for table in tables)
    )


def _scalar(value: Any) -> Any:
    import pandas as pd

    if pd.isna(value):
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        return float(value).hex()
    return str(value)


def tree_digest(tree: xr.DataTree) -> str:
    """SHA-256 of a tree's content in canonical form.

    Covers, for the root and each group in order of name: the attributes, and for each variable in order of
    name its dimensions, kind, shape, values (little-endian; text as UTF-8 JSON) and attributes. The root's
    own ``digest`` and ``created`` attributes are left out, and groups that follow from the others by the
    manifest, which states their means. Compression, chunking and byte order of the file do not matter.
    """
    digest = hashlib.sha256()
    left_out = {f"/{name}" for name in derived_groups(tree)}
    nodes = {node.path: node for node in tree.subtree if node.path not in left_out}
    for path in sorted(nodes):
        dataset = dataset_of(nodes[path])
        attrs = {k: v for k, v in dataset.attrs.items() if path != "/" or k not in ("digest", "created")}
        _update(digest, "group", path, _canonical_attrs(attrs))
        for name in sorted(map(str, dataset.variables)):
            variable = dataset.variables[name]
            values = np.asarray(variable.values)
            _update(digest, "variable", name, list(map(str, variable.dims)), list(values.shape))
            if values.dtype.kind in "OUST":
                _update_texts(digest, values)
            else:
                _update(digest, values.dtype.kind, values.dtype.itemsize)
                stored = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
                digest.update(memoryview(stored.reshape(-1).view(np.uint8)))
            _update(digest, _canonical_attrs(variable.attrs))
    return digest.hexdigest()


def cited_digest(tree: xr.DataTree) -> str:
    """Digest by which a tree is cited: of its content, or of the file of an older layout it was read from."""
    return str(tree.attrs.get(WRITTEN_AS) or tree_digest(tree))


def _update(digest: Any, *parts: Any) -> None:
    digest.update(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode())
    digest.update(b"\x00")


def _update_texts(digest: Any, values: NDArray[Any]) -> None:
    """As ``_update(digest, "text", [...])``, some texts at a time: there may be very many."""
    digest.update(b'["text",[')
    for start in range(0, values.size, _TEXTS_AT_A_TIME):
        some = [str(value) for value in values.flat[start : start + _TEXTS_AT_A_TIME]]
        joined = json.dumps(some, ensure_ascii=False, separators=(",", ":"))[1:-1]
        digest.update(f"{',' if start else ''}{joined}".encode())
    digest.update(b"]]\x00")


def _canonical_attrs(attrs: Any) -> dict[str, Any]:
    return {str(key): _plain(attrs[key]) for key in sorted(attrs, key=str)}


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(item) for item in value.tolist()]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value
