"""Read and write the committed tables as plain text cells, so that a rebuild is exact to the byte."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path


def read_cells(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file as text cells.

    Raises
    ------
    DataError
        If a line has too many or too few cells.
    """
    with path.open(encoding="utf-8", newline="") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        rows: list[dict[str, str]] = []
        problems: list[Problem] = []
        for cells in reader:
            if len(cells) != len(header):
                problems.append(
                    Problem(
                        reader.line_num,
                        None,
                        f"{len(cells)} cells",
                        f"{len(header)}, one per column of the header",
                    )
                )
            else:
                rows.append(dict(zip(header, cells, strict=True)))
    if problems:
        raise DataError(f"{path.name} cannot be read as a table", problems)
    return rows


def write_cells(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    """CSV text of rows of text cells, in the order of `columns`, lines ended by a line feed."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def number(cell: str) -> float | None:
    """The number in a cell, None when the cell is empty."""
    return float(cell) if cell else None
