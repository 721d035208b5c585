"""Fill the tables of docs/language_data.md from the language tables, so that they cannot go stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.pages.data import targets_of_today
from tools.pages.refill import filled, markdown_table
from tools.tables.cells import read_cells
from tools.tables.language import DOUBTFUL, FLAGS

__all__ = ["pages"]

Row = Mapping[str, str]


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/language_data.md."""
    rows, tasks = (
        read_cells(root / "data" / name) for name in ("language_systems.csv", "language_tasks.csv")
    )
    blocks = {
        "tasks": _tasks(rows, tasks),
        "floors": _floors(tasks),
        "targets": targets_of_today([task["task"] for task in tasks]),
        "years": _years(rows, tasks),
        "flags": _flags(rows),
    }
    return filled(root, Path("docs", "language_data.md"), blocks)


def _tasks(rows: Sequence[Row], tasks: Sequence[Row]) -> str:
    def line(task: Row) -> list[str]:
        own = [row for row in rows if row["task"] == task["task"]]
        errors = sorted(float(row["error"]) for row in own)
        spread = sorted(float(row["score_spread"]) for row in own if int(row["n_scores"]) > 1)
        return [
            f"[{task['label']}]({task['url']})",
            task["metric"],
            task["shots"] or "not stated",
            str(len(own)),
            str(sum(row["compute_in_doubt"] == "true" for row in own)),
            f"{100 * errors[0]:.3g} to {100 * errors[-1]:.3g}",
            f"{100 * float(task['chance_error']):.3g}",
            f"{spread[len(spread) // 2]:.2g} / {spread[-1]:.3g}" if spread else "",
        ]

    header = [
        "task",
        "measure",
        "shots",
        "systems",
        "compute in doubt",
        "error, %",
        "chance, %",
        "spread, median / most",
    ]
    return markdown_table(header, map(line, tasks))


def _floors(tasks: Sequence[Row]) -> str:
    header = ["task", "human error", "floor (90 %)", "least error", "rests on"]
    return markdown_table(
        header,
        [
            [
                task["label"],
                task["human_error"],
                f"{task['floor']} ({task['floor_lower']} to {task['floor_upper']})",
                f"{float(task['best_error']):.3g}",
                task["floor_basis"],
            ]
            for task in tasks
        ],
    )


def _years(rows: Sequence[Row], tasks: Sequence[Row]) -> str:
    years = sorted({row["publication_date"][:4] for row in rows})
    counts = Counter((row["task"], row["publication_date"][:4]) for row in rows)
    lines = [[task["label"], *(str(counts[task["task"], year] or "") for year in years)] for task in tasks]
    total = Counter(row["publication_date"][:4] for row in rows)
    return markdown_table(["task", *years], [*lines, ["all", *(str(total[year]) for year in years)]])


def _flags(rows: Sequence[Row]) -> str:
    counts = Counter(flag for row in rows for flag in row["flags"].split())
    lines = [
        [f"`{flag}`", meaning, "yes" if flag in DOUBTFUL else "", str(counts[flag])]
        for flag, meaning in FLAGS.items()
    ]
    return markdown_table(["flag", "meaning", "compute in doubt", "rows"], lines)
