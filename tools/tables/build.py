"""Rebuild what derives from the hand-kept tables: systems.csv, digests in sidecars, tables of the data page.

Run ``python -m tools.tables.build`` after editing a table of `TABLES` or `LANGUAGE_TABLES`; ``--check``
writes nothing and fails when a committed file differs. Frozen editions are held against their digests and
never written.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, Problem, ScalingBayesError
from scaling_bayes.files import write_bytes
from scaling_bayes.resources import checkout_root
from scaling_bayes.systems.editions import check_frozen
from scaling_bayes.systems.tables import read_cells, write_cells
from tools.pages.data import fill_page
from tools.pages.language import fill_language_page
from tools.tables.derive import COLUMNS, derive, devices_from
from tools.tables.language import COLUMNS as LANGUAGE_COLUMNS
from tools.tables.language import language_rows

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

#: Tables with a digest in their sidecar, the derived one last.
TABLES = (
    "systems_reported.csv",
    "systems_added.csv",
    "devices.csv",
    "tasks.csv",
    "task_floors.csv",
    "systems.csv",
)
LANGUAGE_TABLES = ("language_scores.csv", "language_models.csv", "language_tasks.csv", "language_systems.csv")
_DIGEST = re.compile(r'^sha256 = "[0-9a-f]*"$', re.MULTILINE)


def derived_files(root: Path) -> dict[Path, bytes]:
    """Content every derived file should have.

    Parameters
    ----------
    root : Path
        Root of the checkout.

    Returns
    -------
    dict of Path to bytes

    Raises
    ------
    DataError
        If a hand-kept table, sidecar or page cannot be built from, or a frozen edition was changed.
    """
    data = root / "data"
    check_frozen(data)
    reported = read_cells(data / "systems_reported.csv")
    added = read_cells(data / "systems_added.csv")
    rows = derive(reported, devices_from(read_cells(data / "devices.csv")), added)
    files = {data / "systems.csv": write_cells(COLUMNS, rows).encode("utf-8")}
    language = language_rows(data)
    files[data / "language_systems.csv"] = write_cells(LANGUAGE_COLUMNS, language).encode("utf-8")
    for name in (*TABLES, *LANGUAGE_TABLES):
        table = data / name
        digest = hashlib.sha256(files[table] if table in files else table.read_bytes()).hexdigest()
        files[sidecar(table)] = _with_digest(sidecar(table), digest)
    page = root / "docs" / "data.md"
    text = fill_page(page.read_text(encoding="utf-8"), rows, read_cells(data / "tasks.csv"))
    files[page] = text.encode("utf-8")
    page = root / "docs" / "language_data.md"
    tasks = read_cells(data / "language_tasks.csv")
    files[page] = fill_language_page(page.read_text(encoding="utf-8"), language, tasks).encode("utf-8")
    return files


def sidecar(table: Path) -> Path:
    """The description that stands next to a table."""
    return table.with_name(f"{table.stem}.meta.toml")


def _with_digest(path: Path, digest: str) -> bytes:
    text, times = _DIGEST.subn(f'sha256 = "{digest}"', path.read_text(encoding="utf-8"))
    if times != 1:
        raise DataError(f"{path.name} has {times} lines 'sha256 = \"...\"'; expected one")
    return text.encode("utf-8")


def stale_files(root: Path) -> list[Path]:
    """Derived files whose committed content is not what the hand-kept tables give."""
    return [
        path
        for path, content in derived_files(root).items()
        if not path.is_file() or path.read_bytes() != content
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, or check with ``--check``; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.tables.build", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a committed file differs"
    )
    options = parser.parse_args(arguments)
    try:
        root = checkout_root()
        stale = stale_files(root)
        if options.check and stale:
            raise DataError(
                "derived files are out of date; run python -m tools.tables.build",
                [
                    Problem(None, None, str(path.relative_to(root)), "the content the hand-kept tables give")
                    for path in stale
                ],
            )
        content = derived_files(root)
        for path in stale:
            write_bytes(path, content[path])
            sys.stdout.write(f"wrote {path.relative_to(root)}\n")
    except ScalingBayesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
