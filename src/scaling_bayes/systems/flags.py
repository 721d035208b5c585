"""The fixed vocabulary of flags: what is known to be wrong with, or particular about, a row."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple


class Flag(NamedTuple):
    """One word of the vocabulary, a row of ``flags.csv``."""

    #: As it stands in the ``flags`` column.
    name: str
    #: Computed from the tables, or judged by reading and kept by hand. One of ``rule``, ``judged``.
    kind: str
    #: What the flag says of the row.
    meaning: str
    #: What follows for whoever uses the row.
    consequence: str


with Path(__file__).with_name("flags.csv").open(encoding="utf-8", newline="") as _file:
    #: In order of name.
    FLAGS = tuple(Flag(**row) for row in csv.DictReader(_file))
RULE_FLAGS = frozenset(flag.name for flag in FLAGS if flag.kind == "rule")


def split_flags(text: str) -> list[str]:
    """The flags in a cell, in the order they stand."""
    return [name for name in text.split(";") if name]
