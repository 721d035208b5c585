"""Read the first sheet of an Excel workbook, cell by cell, within the limits of a table of systems."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import DataError
from scaling_bayes.systems.limits import MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_LINES, MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Bytes that a workbook may unpack to, some seconds of parsing; what it states is all that is unpacked.
_MAX_UNPACKED: Final = 16 * 2**20


def read_sheet(path: Path, name: str) -> tuple[list[str], list[int], list[list[Any]], tuple[str, ...]]:
    """Header, row numbers and cells of the first visible sheet, and notes.

    Raises
    ------
    DataError
        If openpyxl is missing, or it is no workbook, or one that is out of proportion.
    """
    try:
        import openpyxl  # type: ignore[import-untyped]
    except ImportError:
        raise DataError(
            f"{name}: found an Excel workbook, which needs openpyxl (pip install 'scaling_bayes[excel]'); "
            "without it, expected .csv or .parquet; export the sheet as CSV (UTF-8)"
        ) from None
    try:
        with zipfile.ZipFile(path) as packed:
            size = sum(each.file_size for each in packed.infolist())
        if size > _MAX_UNPACKED:
            raise DataError(
                f"{name}: it unpacks to {size / 2**20:,.0f} MiB; expected at most "
                f"{_MAX_UNPACKED / 2**20:.0f} MiB. Keep the columns and rows of systems only, or export the "
                "sheet as CSV (UTF-8)"
            )
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        try:
            sheets = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
            if not sheets:
                raise DataError(f"{name}: found no sheet; expected one with a header and a row per system")
            others = [sheet.title for sheet in book.worksheets if sheet is not sheets[0]]
            note = f"sheet {sheets[0].title!r} is read; {', '.join(map(repr, others[:5]))} "
            note += "is not." if len(others) == 1 else "are not."
            return *_cells(sheets[0], name), (note,) if others else ()
        finally:
            book.close()
    except DataError:
        raise
    except Exception as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise DataError(
            f"{name}: not a readable Excel workbook ({lines[0]:.200}); save it again, or export the sheet as "
            "CSV (UTF-8)"
        ) from error


def _cells(sheet: Any, name: str) -> tuple[list[str], list[int], list[list[Any]]]:
    """The header is the first row with a cell; rows without one are passed over."""
    header: list[str] = []
    top = 0
    for number, row in enumerate(_rows(sheet, 1, MAX_COLUMNS + 1), 1):
        if any(cell is not None for cell in row):
            header, top = ["" if cell is None else str(cell).strip() for cell in row], number
            break
    while header and not header[-1]:
        del header[-1]
    if len(header) > MAX_COLUMNS:
        raise DataError(f"{name}: found over {MAX_COLUMNS:,} columns; a table of systems has fewer")
    if not header:
        raise DataError(f"{name}: the sheet is empty; expected a header and one row per system")
    numbers: list[int] = []
    rows: list[list[Any]] = []
    for number, row in enumerate(_rows(sheet, top + 1, len(header)), top + 1):
        if all(cell is None for cell in row):
            continue
        if len(rows) >= min(MAX_ROWS, MAX_CELLS // len(header)):
            raise DataError(
                f"{name}: found more than {len(rows):,} rows of {len(header):,} columns; a table of systems "
                f"has at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells"
            )
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in row):
            raise DataError(f"{name}: row {number} has a cell of over {MAX_CELL:,} characters")
        numbers.append(number)
        rows.append([*row, *[None] * (len(header) - len(row))])
    return header, numbers, rows


def _rows(sheet: Any, first: int, width: int) -> Iterator[list[Any]]:
    for row in sheet.iter_rows(min_row=first, max_row=MAX_LINES, max_col=width, values_only=True):
        yield [(cell.strip() or None) if isinstance(cell, str) else cell for cell in row]
