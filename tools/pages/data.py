"""Fill the tables of the data page, docs/data.md, from the data, so that they cannot go stale."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_bayes.systems.conventions import TASK_LABELS, TASK_METRICS
from scaling_bayes.systems.flags import FLAGS, split_flags
from scaling_bayes.systems.load import EXCLUDED_FLAGS
from tools.pages.refill import filled, markdown_table
from tools.tables.cells import read_cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, str]

__all__ = ["pages"]


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/data.md."""
    rows, reported, devices = (
        read_cells(root / "data" / name) for name in ("systems.csv", "systems_reported.csv", "devices.csv")
    )
    blocks = {
        "counts": _counts(rows),
        "flags": _flags(rows),
        "compute_corrections": _compute_corrections(rows, reported),
        "other_corrections": _other_corrections(rows, reported),
        "excluded": _excluded(rows),
        "remarks": _remarks(rows),
        "devices": _devices(devices, reported),
    }
    return filled(root, Path("docs", "data.md"), blocks)


def _flop(cell: str) -> str:
    return f"{float(cell):.3g}" if cell else ""


def _is_excluded(row: Row) -> bool:
    return not set(split_flags(row["flags"])).isdisjoint(EXCLUDED_FLAGS)


def _counts(rows: Sequence[Row]) -> str:
    def line(label: str, metric: str, of_task: Sequence[Row]) -> list[str]:
        in_paper = [row for row in of_task if row["in_thompson2020"] == "true"]
        numbers = (
            len(of_task),
            sum(bool(row["training_compute_flop"]) for row in of_task),
            len(in_paper),
            sum(bool(row["training_compute_corrected_flop"]) for row in of_task),
            sum(not _is_excluded(row) for row in in_paper),
        )
        return [label, metric, *map(str, numbers)]

    tasks = [
        line(label, f"`{TASK_METRICS[task]}`", [row for row in rows if row["task"] == task])
        for task, label in TASK_LABELS.items()
    ]
    header = [
        "task",
        "metric",
        "systems",
        "with compute",
        "in the 2020 regressions",
        "compute corrected",
        "in the reference fit",
    ]
    return markdown_table(header, [*tasks, line("all", "", rows)])


def _flags(rows: Sequence[Row]) -> str:
    everywhere = Counter(name for row in rows for name in split_flags(row["flags"]))
    in_paper = Counter(
        name for row in rows if row["in_thompson2020"] == "true" for name in split_flags(row["flags"])
    )
    return markdown_table(
        ["flag", "kind", "meaning", "consequence", "rows", "of the 2020 points"],
        [
            [
                f"`{flag.name}`",
                flag.kind,
                flag.meaning,
                flag.consequence,
                str(everywhere[flag.name]),
                str(in_paper[flag.name]),
            ]
            for flag in FLAGS
        ],
    )


def _compute_corrections(rows: Sequence[Row], reported: Sequence[Row]) -> str:
    return markdown_table(
        ["row", "system", "used, FLOP", "corrected, FLOP", "ratio", "in 2020", "reason"],
        [
            [
                row["system_id"],
                row["system"],
                _flop(row["training_compute_flop"]),
                _flop(row["training_compute_corrected_flop"]),
                f"{float(row['training_compute_corrected_flop']) / float(row['training_compute_flop']):.3g}",
                "yes" if row["in_thompson2020"] == "true" else "no",
                entry["correction_reason"],
            ]
            for row, entry in zip(rows, reported, strict=True)
            if row["training_compute_corrected_flop"]
        ],
    )


def _other_corrections(rows: Sequence[Row], reported: Sequence[Row]) -> str:
    return markdown_table(
        ["row", "system", "corrected", "reason"],
        [
            [
                row["system_id"],
                row["system"],
                ", ".join(
                    column.removeprefix("corrected_").replace("_", " ")
                    for column, cell in entry.items()
                    if column.startswith("corrected_") and cell
                ),
                entry["correction_reason"],
            ]
            for row, entry in zip(rows, reported, strict=True)
            if entry["correction_reason"] and not row["training_compute_corrected_flop"]
        ],
    )


def _excluded(rows: Sequence[Row]) -> str:
    return markdown_table(
        ["row", "system", "task", "compute, FLOP", "excluded for", "why"],
        [
            [
                row["system_id"],
                row["system"],
                TASK_LABELS[row["task"]],
                _flop(row["training_compute_flop"]),
                ", ".join(f"`{name}`" for name in split_flags(row["flags"]) if name in EXCLUDED_FLAGS),
                row["remark"],
            ]
            for row in rows
            if row["in_thompson2020"] == "true" and _is_excluded(row)
        ],
    )


def _remarks(rows: Sequence[Row]) -> str:
    """One line per remark, for the rows that share it."""
    holders: dict[str, list[str]] = {}
    for row in rows:
        if row["remark"]:
            holders.setdefault(row["remark"], []).append(row["system_id"])
    return markdown_table(["rows", "remark"], [[", ".join(ids), remark] for remark, ids in holders.items()])


def _devices(devices: Sequence[Row], reported: Sequence[Row]) -> str:
    named = Counter(entry["device"] for entry in reported)
    return markdown_table(
        ["device", "class", "peak, FLOP/s", "precision", "released", "rows", "notes"],
        [
            [
                device["device"],
                device["device_class"],
                _flop(device["peak_flop_per_s"]),
                device["precision"],
                device["release_month"],
                str(named[device["device"]]),
                device["notes"],
            ]
            for device in devices
        ],
    )
