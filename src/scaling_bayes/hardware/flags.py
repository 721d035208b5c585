"""The words of the ``flags`` columns of the hardware tables, and what a reader should do about each."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

from scaling_bayes.hardware.editions import EDITIONS


class Flag(NamedTuple):
    """One word of a vocabulary."""

    #: What is special about a row that carries the word.
    meaning: str
    #: Columns whose cells are not to be used in such a row.
    blanks: tuple[str, ...]
    #: Whether the whole row is not to be used.
    drops: bool
    #: Edition of the tables from which on the consequence holds.
    since: str


def _read() -> dict[str, dict[str, Flag]]:
    """Flags of each table by word, from ``flags.csv``."""
    found: dict[str, dict[str, Flag]] = {}
    with Path(__file__).with_name("flags.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            flag = Flag(
                row["meaning"],
                tuple(row["blanks"].split()),
                row["drops"] == "true",
                row["since"] or EDITIONS[0],
            )
            for table in row["tables"].split():
                found.setdefault(table, {})[row["word"]] = flag
    return found


#: By table, then by word.
FLAGS = _read()
