"""Read a table someone else wrote, CSV or Parquet, and say clearly why it cannot be read."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    import pandas as pd

#: Name of the index of a table read from a CSV file; the header is line 1.
LINE = "line"

_CSV = frozenset({".csv"})
_PARQUET = frozenset({".parquet", ".pq"})


def read_table(source: str | PathLike[str]) -> pd.DataFrame:
    """A CSV or Parquet file as a data frame.

    Parameters
    ----------
    source : path
        ``.csv`` (UTF-8, comma-separated, a header) or ``.parquet``.

    Returns
    -------
    pandas.DataFrame
        From CSV: text cells, None where empty, indexed by the line a row starts on. From Parquet: as stored.

    Raises
    ------
    DataError
        If the file is missing, a folder, empty, of another type, not UTF-8, or not a regular table.
    """
    path = Path(source)
    extension = path.suffix.lower()
    if not path.exists():
        raise DataError(f"{path}: no such file; expected the path of a CSV or Parquet file")
    if path.is_dir():
        raise DataError(f"{path}: found a folder; expected a CSV or Parquet file")
    if extension not in _CSV | _PARQUET:
        raise DataError(f"{path}: found a file of type {extension or '(none)'!r}; expected .csv or .parquet")
    try:
        empty = path.stat().st_size == 0
        if empty:
            raise DataError(f"{path}: the file is empty; expected a header and one row per system")
        table = _read_csv(path) if extension in _CSV else _read_parquet(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    if table.empty:
        raise DataError(f"{path}: found a header and no rows; expected one row per system")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{error.object[error.start]:02x}"
        raise DataError(f"{path}: not UTF-8 text ({byte}); save it as UTF-8") from error
    if "\0" in text:
        raise DataError(f"{path}: found a null character; expected plain UTF-8 text")
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    lines: list[int] = []
    rows: list[list[str | None]] = []
    problems: list[Problem] = []
    try:
        header = next(reader, [])
        check_names(header, str(path))
        start = reader.line_num + 1
        for cells in reader:
            if cells and len(cells) != len(header):
                expected = f"{len(header)}, one per column (quote a cell that contains a comma)"
                problems.append(Problem(start, None, f"{len(cells)} cells", expected))
            elif any(cell.strip() for cell in cells):
                lines.append(start)
                rows.append([cell.strip() or None for cell in cells])
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num} is not valid CSV ({error})") from error
    if problems:
        raise DataError(f"{path}: not a regular table", problems)
    return pd.DataFrame(rows, columns=header, index=pd.Index(lines, name=LINE, dtype="int64"), dtype=object)


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (NotImplementedError, ValueError) as error:
        raise DataError(f"{path}: not a readable Parquet file ({str(error).splitlines()[0]})") from error
    check_names(table.columns, str(path))
    return table


def check_names(names: Iterable[object], source: str) -> None:
    """Refuse a header in which a name is repeated.

    Raises
    ------
    DataError
        Naming each repeated column.
    """
    listed = [str(name) for name in names]
    repeated = sorted({name for name in listed if listed.count(name) > 1})
    if repeated:
        raise DataError(
            f"{source}: column names are repeated",
            [
                Problem(None, name, f"{listed.count(name)} columns", "one column of that name")
                for name in repeated
            ],
        )
