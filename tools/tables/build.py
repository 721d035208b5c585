"""Rebuild what derives from the hand-kept tables: systems.csv, language_systems.csv, digests in sidecars.

Run ``python -m tools.tables.build`` after editing a table of `TABLES` or `LANGUAGE_TABLES`; ``--check``
writes nothing and fails when a committed file differs. Frozen editions are held against their digests and
never written.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.editions import FROZEN_EDITIONS, edition_table
from tools.command import checkout_root, exit_code, refuse_stale, write_files
from tools.tables.cells import read_cells, write_cells
from tools.tables.derive import COLUMNS, derive, devices_from
from tools.tables.language import COLUMNS as LANGUAGE_COLUMNS
from tools.tables.language import language_rows

#: Tables with a digest in their sidecar, the derived one last.
TABLES = (
    "systems_reported.csv",
    "systems_added.csv",
    "devices.csv",
    "tasks.csv",
    "task_floors.csv",
    "systems.csv",
)
THOMPSON2020_TABLES = ("thompson2020_targets.csv", "wmt14_en_de.csv")
LANGUAGE_TABLES = ("language_scores.csv", "language_models.csv", "language_tasks.csv", "language_systems.csv")
_DIGEST = re.compile(r'^sha256 = "[0-9a-f]*"$', re.MULTILINE)


def derived_files(root: Path) -> dict[Path, str]:
    """Text that every derived file should have, by path from the root of the checkout.

    Raises
    ------
    DataError
        If a hand-kept table or a sidecar cannot be built from, or a frozen edition was changed.
    """
    check_frozen(root / "data")
    data = Path("data")
    reported, devices, added = (
        read_cells(root / data / name)
        for name in ("systems_reported.csv", "devices.csv", "systems_added.csv")
    )
    files = {
        data / "systems.csv": write_cells(COLUMNS, derive(reported, devices_from(devices), added)),
        data / "language_systems.csv": write_cells(LANGUAGE_COLUMNS, language_rows(root / data)),
    }
    for name in (*TABLES, *LANGUAGE_TABLES, *THOMPSON2020_TABLES):
        table = data / name
        content = files[table].encode("utf-8") if table in files else (root / table).read_bytes()
        files[sidecar(table)] = _with_digest(root / sidecar(table), sha256(content).hexdigest())
    return files


def check_frozen(data: Path) -> None:
    """Hold every frozen edition in the folder of the data against the SHA-256 its sidecar states.

    Raises
    ------
    DataError
        If a frozen table is not what was released.
    """
    for edition in FROZEN_EDITIONS:
        table = data / f"{edition_table(edition)}.csv"
        stated = tomllib.loads(sidecar(table).read_text(encoding="utf-8"))["sha256"]
        found = sha256(table.read_bytes()).hexdigest()
        if found != stated:
            problem = Problem(None, None, f"{table.name} with SHA-256 {found}", f"{stated}, as released")
            raise DataError("a frozen edition was changed; take it back from the repository", [problem])


def sidecar(table: Path) -> Path:
    """The description that stands next to a table."""
    return table.with_name(f"{table.stem}.meta.toml")


def _with_digest(path: Path, digest: str) -> str:
    text, times = _DIGEST.subn(f'sha256 = "{digest}"', path.read_text(encoding="utf-8"))
    if times != 1:
        raise DataError(f"{path.name} has {times} lines 'sha256 = \"...\"'; expected one")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, or check with ``--check``; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.tables.build", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a committed file differs"
    )
    options = parser.parse_args(arguments)

    def work() -> None:
        root = checkout_root()
        if options.check:
            refuse_stale(root, derived_files(root), mend="make data")
        else:
            write_files(root, derived_files(root))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
