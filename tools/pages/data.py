"""Fill the tables of the data page, docs/data.md, from the data, so that they cannot go stale."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_bayes.projection.reached import first_to_reach, known_systems
from scaling_bayes.projection.targets import default_targets
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.editions import FROZEN_EDITIONS
from scaling_bayes.systems.flags import FLAGS, split_flags
from scaling_bayes.systems.load import EXCLUDED_FLAGS
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import error_text, format_year, in_words, records
from tools.pages.refill import filled, markdown_table
from tools.tables.cells import read_cells
from tools.tables.counts import COMPUTE_COUNTS, EVALUATION_MEANINGS, SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = Mapping[str, str]

__all__ = ["pages"]

#: The performance measure of each task; `error` is 1 minus it as a fraction.
_TASK_METRICS = {
    "imagenet": "top_1_accuracy",
    "ms_coco": "box_ap",
    "squad_1_1": "f1",
    "conll_2003": "f1",
    "wmt14_en_fr": "bleu",
}


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/data.md."""
    rows, tasks = (read_cells(root / "data" / name) for name in ("systems.csv", "tasks.csv"))
    blocks = {
        "counts": _counts(rows),
        "years": _years(rows),
        "counted": _words(rows, "compute_count", COMPUTE_COUNTS),
        "scopes": _words(rows, "scope_of_compute", SCOPES),
        "evaluations": _words(rows, "evaluation", EVALUATION_MEANINGS),
        "flags": _flags(rows),
        "corrections": _corrections(rows),
        "excluded": _excluded(rows),
        "tasks": _tasks(tasks),
        "targets": targets_of_today([row["task"] for row in tasks]),
        "one_pass": _one_pass([*tasks, read_cells(root / "data" / "language_tasks.csv")[0]]),
    }
    return filled(root, Path("docs", "data.md"), blocks)


def _flop(cell: str) -> str:
    return f"{float(cell):.3g}" if cell else ""


def _is_excluded(row: Row) -> bool:
    return not set(split_flags(row["flags"])).isdisjoint(EXCLUDED_FLAGS)


def _is_added(row: Row) -> bool:
    return row["since_edition"] != FROZEN_EDITIONS[0]


def _counts(rows: Sequence[Row]) -> str:
    def line(label: str, metric: str, of_task: Sequence[Row]) -> list[str]:
        in_paper = [row for row in of_task if row["in_thompson2020"] == "true"]
        added = [row for row in of_task if _is_added(row)]
        numbers = (
            len(of_task),
            sum(bool(row["training_compute_flop"]) for row in of_task),
            sum(bool(row["arithmetic_flop"]) for row in of_task),
            sum(bool(row["training_compute_corrected_flop"]) for row in of_task),
            len(in_paper),
            sum(not _is_excluded(row) for row in in_paper),
            len(added),
            sum(bool(row["training_compute_flop"]) and not _is_excluded(row) for row in added),
        )
        return [label, metric, *map(str, numbers)]

    tasks = [
        line(label, f"`{_TASK_METRICS[task]}`", [row for row in rows if row["task"] == task])
        for task, label in TASK_LABELS.items()
    ]
    header = [
        "task",
        "metric",
        "systems",
        "with compute",
        "operations counted",
        "compute corrected",
        "in the 2020 regressions",
        "in a reference fit",
        "added since",
        "in a reference fit",
    ]
    return markdown_table(header, [*tasks, line("all", "", rows)])


def _years(rows: Sequence[Row]) -> str:
    """Rows with compute by task, how it was counted, and year."""
    counted = [row for row in rows if row["training_compute_flop"]]
    periods = (
        ("to 2014", 0, 2014),
        *((str(year), year, year) for year in range(2015, 2022)),
        ("2022 on", 2022, 9999),
    )
    lines = []
    for task, label in TASK_LABELS.items():
        for count in COMPUTE_COUNTS:
            years = [
                int(row["publication_date"][:4] or row["year"])
                for row in counted
                if row["task"] == task and row["compute_count"] == count
            ]
            if years:
                numbers = [sum(first <= year <= last for year in years) for _, first, last in periods]
                lines.append(
                    [label, f"`{count}`", *(str(number or "") for number in numbers), str(len(years))]
                )
    return markdown_table(["task", "counted as", *(name for name, _, _ in periods), "all"], lines)


def _words(rows: Sequence[Row], column: str, meanings: Mapping[str, str]) -> str:
    used = Counter(word for row in rows for word in split_flags(row[column]))
    lines = [[f"`{word}`", meaning, str(used[word])] for word, meaning in meanings.items()]
    return markdown_table([f"`{column}`", "meaning", "rows"], lines)


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


def _corrections(rows: Sequence[Row]) -> str:
    return markdown_table(
        ["row", "system", "used, FLOP", "corrected, FLOP", "in 2020"],
        [
            [
                row["system_id"],
                row["system"],
                _flop(row["training_compute_flop"]),
                _flop(row["training_compute_corrected_flop"]),
                "yes" if row["in_thompson2020"] == "true" else "no",
            ]
            for row in rows
            if row["training_compute_corrected_flop"]
        ],
    )


def _excluded(rows: Sequence[Row]) -> str:
    """One line per flag that leaves a row out: which of the 2020 points, and how many added since."""
    lines = []
    for flag in FLAGS:
        if flag.name in EXCLUDED_FLAGS:
            out = [
                row for row in rows if flag.name in split_flags(row["flags"]) and row["training_compute_flop"]
            ]
            in_paper = [
                f"{row['system']} ({row['system_id']})" for row in out if row["in_thompson2020"] == "true"
            ]
            lines.append([f"`{flag.name}`", flag.meaning, ", ".join(in_paper), str(sum(map(_is_added, out)))])
    return markdown_table(["flag", "meaning", "of the 2020 points", "added since"], lines)


def _tasks(tasks: Sequence[Row]) -> str:
    return markdown_table(
        ["task", "error of chance", "floor (90 %)", "least error", "rests on"],
        [
            [
                row["label"],
                row["chance_error"],
                f"{row['floor']} ({row['floor_lower']} to {row['floor_upper']})",
                f"{float(row['best_error']):.3g}",
                row["floor_basis"],
            ]
            for row in tasks
        ],
    )


def _one_pass(tasks: Sequence[Row]) -> str:
    labels = [*(row["label"] for row in tasks[:-1]), "each language benchmark"]
    return markdown_table(
        ["task", "FLOP", "one pass"],
        [
            [label, row["one_pass_flop"], row["one_pass_basis"]]
            for label, row in zip(labels, tasks, strict=True)
        ],
    )


def targets_of_today(tasks: Sequence[str]) -> str:
    """Default targets from all systems of the tables, and who has reached them with least compute."""
    known = known_systems()
    best = {task: float(known.loc[known["task"] == task, "reached_error"].min()) for task in tasks}
    targets = default_targets(tasks, best, last_year=known["publication_year"].max())
    labels = load_tasks()["label"]
    by_target = {(row["task"], row["error"]): row for row in records(first_to_reach(targets, known))}
    lines = []
    for target in targets:
        row = by_target.get((target.task, target.error))
        who = f"{row['system']}, {format_year(math.floor(row['publication_year']))}" if row else ""
        compute = row["log10_training_compute_flop"] if row else math.nan
        spent = in_words(compute) if math.isfinite(compute) else "unknown" if row else ""
        lines.append([labels[target.task], error_text(target.error), target.note, who, spent])
    return markdown_table(["task", "error", "what it is", "reached by", "compute, at 1 exaFLOP/s"], lines)
