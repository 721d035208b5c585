"""Worker of `parquet`: reads one Parquet file under limits, writes it to standard output as an Arrow stream.

Run as ``python -P parquet_worker.py FILE LIMITS``. It imports nothing of this package. What it refuses is
said on standard error as ``refused: ...``, with exit code 1.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from typing import Any, NoReturn

_FOOTER_ITEMS = 200_000
_FOOTER_TEXT = 2**24


def main(path: str, limits: dict[str, int]) -> None:
    """Read `path` and write it to standard output, or refuse it."""
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"
    os.environ["OMP_NUM_THREADS"] = "1"
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    _limit(limits)
    try:
        table = _read(pa, pq, path, limits)
        with pa.ipc.new_stream(sys.stdout.buffer, table.schema) as stream:
            stream.write_table(table)
    except MemoryError:
        _refuse(f"it unpacks to over {limits['memory'] / 2**20:.0f} MiB. Write the table again, or as CSV")
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        lines = str(error).splitlines() or [type(error).__name__]
        _refuse(f"not a readable Parquet file ({lines[0]:.200})")


def _limit(limits: dict[str, int]) -> None:
    """Limit memory and CPU time of this process, where the system can."""
    try:
        import resource
    except ImportError:
        return
    wanted = [(resource.RLIMIT_CPU, limits["cpu"]), (resource.RLIMIT_CORE, 0)]
    try:
        with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
            used = int(file.read().split()[0]) * resource.getpagesize()
        wanted.append((resource.RLIMIT_AS, used + limits["memory"]))
    except OSError:
        pass
    for kind, most in wanted:
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(pa: Any, pq: Any, path: str, limits: dict[str, int]) -> Any:
    file = _open(pq, path)
    rows, columns = file.metadata.num_rows, file.metadata.num_columns
    if columns > limits["columns"]:
        _refuse(f"found {columns:,} columns; a table of systems has at most {limits['columns']:,}")
    if rows > limits["rows"] or rows * columns > limits["cells"]:
        _refuse(
            f"found {rows:,} rows of {columns:,} columns; a table of systems has at most "
            f"{limits['rows']:,} rows and {limits['cells']:,} cells"
        )
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    size = sum(max(group.total_byte_size, 0) for group in groups)
    if size > limits["memory"]:
        _refuse(
            f"it unpacks to {size / 2**20:,.0f} MiB; a table of systems has at most {limits['memory'] >> 20}"
        )
    schema = file.schema_arrow
    repeated = [name for name, times in Counter(schema.names).items() if times > 1]
    if repeated:
        _refuse(f"column names are repeated: {', '.join(repr(name)[:60] for name in repeated[:20])}")
    flat = [field for field in schema if is_flat(pa, field.type)]
    left = {field.name[:200]: str(field.type)[:60] for field in schema if not is_flat(pa, field.type)}
    text = [field.name for field in flat if _is_text(pa, field.type)]
    # Text stays in dictionaries: a long text that is repeated is held once.
    encoded = _open(pq, path, read_dictionary=text)
    arrays = {field.name: _column(pa, (encoded, file), field.name, rows, limits) for field in flat}
    table = pa.table(arrays) if arrays else pa.table({"": pa.nulls(rows)})
    if table.nbytes > limits["answer"]:
        _refuse(f"its cells have {table.nbytes / 2**20:,.0f} MiB; a table of systems has less")
    return table.replace_schema_metadata({"left_out": json.dumps(left)})


def _open(pq: Any, path: str, **options: Any) -> Any:
    return pq.ParquetFile(
        path,
        memory_map=False,
        thrift_string_size_limit=_FOOTER_TEXT,
        thrift_container_size_limit=_FOOTER_ITEMS,
        **options,
    )


def _column(pa: Any, files: tuple[Any, Any], name: str, rows: int, limits: dict[str, int]) -> Any:
    """One column, as text or numbers; text as a dictionary where its encoding allows."""
    import pyarrow.compute as pc

    encoded, plain = files
    try:
        column = encoded.read([name], use_threads=False, use_pandas_metadata=False).column(0)
    except pa.ArrowNotImplementedError:
        column = plain.read([name], use_threads=False, use_pandas_metadata=False).column(0)
    if len(column) != rows:
        _refuse(f"column {name[:60]!r} has {len(column):,} values; expected {rows:,}, one for each row")
    texts = [chunk.dictionary for chunk in column.chunks] if pa.types.is_dictionary(column.type) else [column]
    for words in texts:
        if _is_text(pa, words.type) and (pc.max(pc.binary_length(words)).as_py() or 0) > limits["cell"]:
            _refuse(f"column {name[:60]!r} has a cell of over {limits['cell']:,} bytes")
    if pa.types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    elif pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    return column


def _is_text(pa: Any, kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def is_flat(pa: Any, kind: Any) -> bool:
    """Whether a type of Arrow holds one value a row that a table of systems can have."""
    if pa.types.is_dictionary(kind):
        return _is_text(pa, kind.value_type)
    return bool(
        _is_text(pa, kind)
        or pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_date(kind)
        or pa.types.is_timestamp(kind)
        or pa.types.is_null(kind)
    )


def _refuse(reason: str) -> NoReturn:
    sys.stderr.write(f"refused: {reason}\n")
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
