"""Read a table someone else wrote, within limits, and say clearly why it cannot be read."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.excel import read_sheet
from scaling_bayes.systems.limits import MAX_BYTES, MAX_CELL, MAX_CELLS, MAX_COLUMNS, MAX_LINES, MAX_ROWS
from scaling_bayes.systems.parquet import read_parquet

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from os import PathLike

    import pandas as pd

#: Name of the index of a table read from a CSV file; the header is line 1.
LINE: Final = "line"

_CSV: Final = frozenset({".csv", ".tsv", ".tab"})
_PARQUET: Final = frozenset({".parquet", ".pq"})
_COMPRESSED: Final = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".tar", ".tgz"})
_EXCEL: Final = frozenset({".xlsx", ".xlsm"})
_WORKBOOKS: Final = frozenset({".xls", ".xlsb", ".ods", ".numbers"})
_READABLE: Final = (*sorted(_CSV), *sorted(_EXCEL), *sorted(_PARQUET))
_EXPECTED: Final = "a CSV, TSV, Excel or Parquet file"
#: First bytes of files that are no text, and what they are.
_SIGNATURES: Final = (
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "a zip archive, such as an Excel workbook"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"PAR1", "Parquet data"),
    (b"\x89HDF", "an HDF5 file"),
)
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
#: Rows after the header whose cells are counted, to tell their separator.
_LOOKED_AT: Final = 5
#: Names by which a header is told from its separator.
_KNOWN: Final = re.compile(
    r"task|benchmark|dataset|system|model|error|metric|value|score|year|date|paper|compute|flops?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ReadTable:
    """A table as a file holds it."""

    #: From CSV: text cells, None where empty, indexed by the line a row starts on. From a workbook: cells as
    #: stored, indexed by row. From Parquet: as stored.
    cells: pd.DataFrame
    #: What was guessed, and what was passed over, as sentences.
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    #: Number of the comment line right before the header, if it has as many cells as that; else None.
    maybe_header: int | None = None


def read_table(source: str | PathLike[str]) -> ReadTable:
    """Read a CSV, TSV, Excel or Parquet file of at most 32 MiB, 50,000 rows and 1,000 columns.

    Parameters
    ----------
    source : path
        ``.csv`` or ``.tsv`` with a header: UTF-8, UTF-16 or Windows-1252; commas, semicolons, tabs or bars;
        lines that start with ``#``, blank lines and blank columns at the end are passed over. Or ``.xlsx``
        (its first sheet; needs the extra ``excel``), or ``.parquet`` without nested columns.

    Raises
    ------
    DataError
        If the file is missing, no regular file, empty, too large, of another type, or not a regular table.
    """
    path = Path(source)
    extension = path.suffix.lower()
    name = shown(str(path))
    try:
        found = path.stat()
    except FileNotFoundError:
        raise DataError(f"{name}: no such file; expected the path of {_EXPECTED}") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{name}: cannot be read ({_reason(error)})") from error
    if stat.S_ISDIR(found.st_mode):
        raise DataError(f"{name}: found a folder, a directory; expected {_EXPECTED}")
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{name}: found a device or a pipe; expected {_EXPECTED}")
    if extension not in _READABLE:
        raise DataError(
            f"{name}: found a file of type {extension or '(none)'!r}; expected .csv, .tsv, .xlsx or .parquet"
            + _instead(extension)
        )
    if found.st_size == 0:
        raise DataError(f"{name}: the file is empty; expected a header and one row per system")
    if found.st_size > MAX_BYTES:
        raise DataError(
            f"{name}: found {found.st_size / 2**20:,.0f} MiB; a table of systems has at most "
            f"{MAX_BYTES / 2**20:.0f} MiB. Keep the columns and rows of systems only"
        )
    try:
        if extension in _CSV:
            table = _read_csv(path, name)
        elif extension in _EXCEL:
            table = _read_excel(path, name)
        else:
            table = ReadTable(*read_parquet(path, name))
    except OSError as error:
        raise DataError(f"{name}: cannot be read ({_reason(error)})") from error
    check_names(table.cells.columns, name)
    _refuse_empty(table.cells, name)
    return table


def shown(text: str, limit: int = 200) -> str:
    """A text as a message can hold it: short, and what no terminal should be sent as escapes."""
    text = text if len(text) <= limit else text[:limit] + "..."
    return "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def check_names(names: Iterable[object], source: str) -> None:
    """Refuse a header in which a name is repeated."""
    counts = Counter(str(name) for name in names)
    repeated = sorted(name for name, times in counts.items() if times > 1)
    if repeated:
        raise DataError(
            f"{source}: column names are repeated",
            [
                Problem(None, shown(name), f"{counts[name]} columns", "one column of that name")
                for name in repeated
            ],
        )


def _refuse_empty(cells: pd.DataFrame, name: str) -> None:
    if cells.columns.empty:
        raise DataError(f"{name}: found no header, only blank lines or comments; expected a header and rows")
    if cells.empty:
        raise DataError(f"{name}: found a header and no rows; expected one row per system")


def _instead(extension: str) -> str:
    if extension in _COMPRESSED:
        return "; decompress it first"
    if extension in _WORKBOOKS:
        return "; export the sheet as CSV (UTF-8), or save it as .xlsx"
    return ""


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error)


class _Lines:
    """Lines of a text, less comments between records, counted as an editor counts them."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.number = 0
        self.comments = 0
        #: Number and text of the last comment.
        self.comment = (0, "")
        self.between = True

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        for line in self._lines:
            self.number += 1
            if self.between and line.startswith("#"):
                self.comments += 1
                self.comment = (self.number, line[:MAX_CELL])
                continue
            self.between = False
            return line
        raise StopIteration


def _read_csv(path: Path, name: str) -> ReadTable:
    import pandas as pd

    with path.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)[:MAX_BYTES]
    encoding, warnings = _encoding(content, name)
    separator, skip = _separator(content, encoding)
    lines = _Lines(io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=""))
    for _ in range(skip):
        next(lines)
        lines.between = True
    reader = csv.reader(lines, delimiter=separator, strict=True)
    try:
        header = _header(next(reader, []), name)
        number, comment = lines.comment
        starts, rows = _rows(reader, lines, len(header), name)
    except csv.Error as error:
        raise DataError(f"{name}: line {lines.number} is not valid CSV ({error})") from error
    notes = []
    if separator != ",":
        notes.append(f"the cells are separated by {_SEPARATORS[separator]}.")
    if lines.comments:
        notes.append(f"comment lines, which start with #, are passed over: {lines.comments}.")
    index = pd.Index(starts, name=LINE, dtype="int64")
    cells = pd.DataFrame(rows, columns=header, index=index, dtype=object)
    maybe_header = number if number and len(comment.split(separator)) == len(header) > 1 else None
    return ReadTable(cells, tuple(warnings), tuple(notes), maybe_header)


def _read_excel(path: Path, name: str) -> ReadTable:
    import pandas as pd

    header, numbers, rows, notes = read_sheet(path, name)
    index = pd.Index(numbers, name=LINE, dtype="int64")
    cells = pd.DataFrame(rows, columns=_header(header, name), index=index, dtype=object)
    return ReadTable(cells, notes=notes)


def _encoding(content: bytes, name: str) -> tuple[str, list[str]]:
    """Encoding of a text, and a warning where it is guessed.

    Raises
    ------
    DataError
        If it is no text, or in no encoding that spreadsheets write.
    """
    for signature, what in _SIGNATURES:
        if content.startswith(signature):
            raise DataError(f"{name}: found {what} under the name of a CSV file; expected plain text")
    marked = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), None)
    if marked is None and b"\0" in content:
        raise DataError(
            f"{name}: found a null character at byte {content.index(0)}; expected plain text. "
            "If the file is UTF-16, save it as UTF-8"
        )
    try:
        content.decode(marked or "utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte {error.start} is 0x{content[error.start]:02x}"
        if marked is None:
            try:
                content.decode("cp1252")
            except UnicodeDecodeError:
                pass
            else:
                guessed = f"{name} is not UTF-8 ({byte}) and is read as Windows-1252."
                return "cp1252", [f"{guessed} Save it as UTF-8 if letters in names are wrong."]
        raise DataError(f"{name}: not UTF-8 text ({byte}); save it as UTF-8") from error
    return marked or "utf-8", []


def _separator(content: bytes, encoding: str) -> tuple[str, int]:
    """The separator of the header in which most names are known, and how many lines to skip before it.

    Of several, that by which most of the rows after it are as long, and then that which parts it the most.
    """
    lines = _Lines(io.TextIOWrapper(io.BytesIO(content), encoding=encoding, newline=""))
    first = next(lines, "")
    if match := re.fullmatch(r"sep=(.)\s*", first):
        return (match[1], 1) if match[1] in _SEPARATORS else (",", 1)
    skip = 0
    while first and not first.strip(" \t\r\n,;|") and skip < MAX_COLUMNS:
        lines.between, skip = True, skip + 1
        first = next(lines, "")
    lines.between = True
    after = [line[:MAX_CELL] for line in itertools.islice(lines, _LOOKED_AT) if not line.startswith("#")]

    def fits(mark: str) -> tuple[int, float, int]:
        header, *rows = _parted([first[:MAX_CELL], *after], mark) or [[]]
        as_long = (
            sum(len(row) >= len(header) for row in rows) / len(rows) if rows and len(header) > 1 else 0.0
        )
        return sum(map(bool, map(_KNOWN.search, first[:MAX_CELL].split(mark)))), as_long, len(header)

    return max(_SEPARATORS, key=fits), skip


def _parted(lines: list[str], mark: str) -> list[list[str]]:
    """Rows of a separator that is only tried."""
    try:
        return [row for row in csv.reader(lines, delimiter=mark) if row]
    except csv.Error:
        return []


def _header(cells: list[str], name: str) -> list[str]:
    """Names of the columns, less blank ones at the end; a blank one before is given its number.

    Raises
    ------
    DataError
        If there are too many.
    """
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        del names[-1]
    if len(names) > MAX_COLUMNS:
        raise DataError(
            f"{name}: found {len(names):,} columns; a table of systems has at most {MAX_COLUMNS:,}"
        )
    long = next((position for position, label in enumerate(names, 1) if len(label) > MAX_CELL), None)
    if long is not None:
        raise DataError(f"{name}: the name of column {long} has more than {MAX_CELL:,} characters")
    return [label or f"(column {position} without a name)" for position, label in enumerate(names, 1)]


def _rows(
    reader: Iterator[list[str]], lines: _Lines, width: int, name: str
) -> tuple[list[int], list[list[str | None]]]:
    """The line each row starts on, and its cells; blank rows are passed over.

    Raises
    ------
    DataError
        If there are too many, or some have too many or too few cells.
    """
    starts: list[int] = []
    rows: list[list[str | None]] = []
    problems: list[Problem] = []
    while True:
        lines.between = True
        before, comments = lines.number, lines.comments
        cells = next(reader, None)
        if cells is None:
            break
        start = before + (lines.comments - comments) + 1
        if lines.number > MAX_LINES:
            raise DataError(f"{name}: found more than {MAX_LINES:,} lines; expected one row per system")
        if not any(map(str.strip, cells)):
            continue
        if len(starts) + len(problems) >= min(MAX_ROWS, MAX_CELLS // max(width, 1)):
            raise DataError(
                f"{name}: found more than {len(starts) + len(problems):,} rows of {width:,} columns; a table "
                f"of systems has at most {MAX_ROWS:,} rows and {MAX_CELLS:,} cells"
            )
        if len(cells) < width or any(map(str.strip, cells[width:])):
            expected = f"{width}, one per column (quote a cell that contains the separator)"
            problems.append(Problem(start, None, f"{len(cells)} cells", expected))
        elif any("\0" in cell for cell in cells):
            problems.append(Problem(start, None, "a null character", "plain text"))
        elif any(len(cell) > MAX_CELL for cell in cells):
            problems.append(Problem(start, None, f"a cell of over {MAX_CELL:,} characters", "a short text"))
        else:
            starts.append(start)
            rows.append([cell.strip() or None for cell in cells[:width]])
    if problems:
        raise DataError(f"{name}: not a regular table", problems)
    return starts, rows
