"""xarray without Dask, which takes a second of CPU time to import, where no array is of Dask.

xarray asks of every array whether it is one of `dask.array`, and imports that to ask. No array can be before
something else has imported it, and none is a collection of Dask without the method that makes it one.
"""

from __future__ import annotations

import sys
from typing import Any


class _Record:
    """What xarray keeps about Dask, made when `dask.array` is there or more than its type is asked for."""

    def __init__(self, records: dict[Any, Any], make: Any) -> None:
        self._records, self._make = records, make

    def __getattr__(self, name: str) -> Any:
        if name == "type" and "dask.array" not in sys.modules:
            return ()
        self._records["dask"] = self._make("dask")
        return getattr(self._records["dask"], name)


def without_dask() -> None:
    """Let xarray import Dask no sooner than anything else does; another xarray is left as it is."""
    try:
        from xarray.namedarray import pycompat, utils

        is_collection, records = utils.is_dask_collection, pycompat._cached_duck_array_modules  # noqa: SLF001
        records.setdefault("dask", _Record(records, pycompat.DuckArrayModule))  # type: ignore[arg-type]
    except (ImportError, AttributeError):
        return

    def is_dask_collection(x: object) -> bool:
        return hasattr(x, "__dask_graph__") and is_collection(x)

    utils.is_dask_collection = is_dask_collection  # type: ignore[assignment]
