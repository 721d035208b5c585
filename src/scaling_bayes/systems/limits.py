"""How large a table of systems may be: beyond any real one, and little enough to read in seconds."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 32 * 2**20
MAX_ROWS: Final = 50_000
MAX_COLUMNS: Final = 1_000
MAX_CELLS: Final = 2_000_000
#: Lines of a file, blank ones included: a spreadsheet has 1,048,576 rows.
MAX_LINES: Final = 2_000_000
#: Characters of a cell, as in Excel (Microsoft, "Excel specifications and limits").
MAX_CELL: Final = 32_767
#: Characters of a name: of a task, a system or a paper.
MAX_NAME: Final = 1_000
