"""The tables of docs/hardware_data.md, from the hardware tables."""

from __future__ import annotations

from pathlib import Path

from scaling_bayes.hardware.editions import EDITIONS, holds
from scaling_bayes.hardware.flags import FLAGS
from scaling_bayes.hardware.tables import TABLE_NAMES, load_sidecar, load_table
from tools.pages.refill import filled, markdown_table

__all__ = ["pages"]


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/hardware_data.md."""
    return filled(root, Path("docs", "hardware_data.md"), {"tables": _tables(), "flags": _flags()})


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
