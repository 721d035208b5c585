"""Tables of other libraries, polars, Arrow, DuckDB and whatever hands out Arrow data, as pandas frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError
from scaling_bayes.systems.limits import MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from scaling_bayes.systems.parquet_worker import is_flat

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_HANDS_OUT = ("__arrow_c_stream__", "__arrow_c_array__", "__dataframe__")


def is_table(data: object) -> bool:
    """Whether an object hands out its columns: as Arrow, or by the dataframe interchange protocol."""
    return any(hasattr(data, name) for name in _HANDS_OUT)


def read_frame(data: Any, source: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """A table of another library as a data frame, and notes.

    Raises
    ------
    DataError
        If it cannot be read, or is larger than a table of systems.
    """
    import pyarrow as pa

    try:
        if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
            table = pa.table(data)
        else:
            from pyarrow.interchange import from_dataframe

            table = from_dataframe(data)
        kept = [n for n, field in enumerate(table.schema) if is_flat(pa, _plain(field.type))]
        left = {field.name: str(field.type)[:60] for n, field in enumerate(table.schema) if n not in kept}
        flat = table.select(kept)
        flat = pa.table([_column(column) for column in flat.columns], names=flat.column_names)
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise DataError(
            f"{source}: its columns cannot be read ({lines[0]:.200}); give a pandas data frame"
        ) from error
    rows, columns = table.num_rows, table.num_columns
    if columns > MAX_COLUMNS or rows > MAX_ROWS or rows * columns > MAX_CELLS:
        raise DataError(
            f"{source}: found {rows:,} rows of {columns:,} columns; a table of systems has at most "
            f"{MAX_ROWS:,} rows, {MAX_COLUMNS:,} columns and {MAX_CELLS:,} cells"
        )
    return frame_of(flat), left_out_notes(left)


def frame_of(table: pa.Table) -> pd.DataFrame:
    """A table of flat columns as a data frame; texts in dictionaries become objects."""
    # What pandas wrote about itself may be wrong; the columns say all that is needed.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    for column in frame.select_dtypes("category"):
        frame[column] = frame[column].astype(object)
    return frame


def left_out_notes(left: dict[str, str]) -> tuple[str, ...]:
    """What is said of columns that hold lists or structures."""
    return tuple(
        f"column {column!r} holds {kind}, not one value a row, and is left out."
        for column, kind in left.items()
    )


def _column(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column as `_plain` says; one in a dictionary is written out."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        plain = _plain(column.type)
        chunks = [chunk.dictionary.cast(plain).take(chunk.indices) for chunk in column.chunks]
        return pa.chunked_array(chunks, plain)
    return column.cast(_plain(column.type))


def _plain(kind: Any) -> Any:
    """The type that a column is read as: texts as texts, decimals as numbers."""
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_string_view(kind):
        return pa.large_string()
    return pa.float64() if pa.types.is_decimal(kind) else kind
