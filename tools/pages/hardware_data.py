"""Refill the tables of docs/hardware_data.md from the hardware tables, so that they cannot go stale.

Run ``python -m tools.pages.hardware_data`` after a change of ``data/hardware``; ``--check`` writes nothing
and fails when the page differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from scaling_bayes.errors import DataError, ScalingBayesError
from scaling_bayes.files import write_text
from scaling_bayes.hardware.editions import EDITIONS, holds
from scaling_bayes.hardware.tables import FLAGS, TABLE_NAMES, load_sidecar, load_table
from scaling_bayes.resources import checkout_root
from tools.pages.refill import fill_blocks, markdown_table

__all__ = ["fill_hardware_page"]


def fill_hardware_page(text: str) -> str:
    """The page with its tables of tables and flags refilled.

    Raises
    ------
    DataError
        If the page lacks a block.
    """
    return fill_blocks(text, {"tables": _tables(), "flags": _flags()})


def _tables() -> str:
    corrections = load_table("corrections")["table"].value_counts()

    def line(name: str) -> list[str]:
        table = load_table(name, edition=EDITIONS[-1])
        counts = [str(len(table))] * len(EDITIONS)
        if name != "corrections" and "edition" in table:
            counts = [str(sum(holds(since, edition) for since in table["edition"])) for edition in EDITIONS]
        silent = int(table["verified"].str.startswith("unverified").sum()) if "verified" in table else 0
        title = load_sidecar(name)["title"]
        return [f"`{name}`", *counts, str(corrections.get(name, "")), str(silent or ""), title]

    header = ["table", *(f"rows {edition}" for edition in EDITIONS), "cells corrected", "rows unverified", ""]
    return markdown_table(header, map(line, TABLE_NAMES))


def _flags() -> str:
    lines = []
    for name, flags in FLAGS.items():
        counts = load_table(name, edition=EDITIONS[-1])["flags"].str.split().explode().value_counts()
        for word, flag in flags.items():
            if word in counts and (flag.drops or flag.blanks):
                effect = "row" if flag.drops else "cell"
                effect += "" if flag.since == EDITIONS[0] else f", from {flag.since}"
                lines.append([name, f"`{word}`", flag.meaning, effect, str(counts[word])])
    return markdown_table(["table", "flag", "meaning", "left out", "rows"], lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Refill the page, or check it with ``--check``; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.pages.hardware_data", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page differs")
    options = parser.parse_args(arguments)
    try:
        page = checkout_root() / "docs" / "hardware_data.md"
        text = page.read_text(encoding="utf-8")
        filled = fill_hardware_page(text)
        if filled != text and options.check:
            raise DataError(f"{page.name} is out of date; run python -m tools.pages.hardware_data")
        if filled != text:
            write_text(page, filled)
            sys.stdout.write(f"wrote docs/{page.name}\n")
    except ScalingBayesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
