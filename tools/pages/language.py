"""Fill the tables of docs/language_data.md from the language tables, so that they cannot go stale."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from scaling_bayes.diagnostics.scores import inside
from scaling_bayes.intervals import CI_PROB
from tools.pages.data import targets_of_today
from tools.pages.refill import filled, markdown_table
from tools.tables.cells import read_cells
from tools.tables.language import DOUBTFUL, FLAGS

__all__ = ["LOW", "OTHER_SHOTS", "pages"]

Row = Mapping[str, str]

#: Share of a benchmark's later systems in their 90 % intervals below which its misses are looked into.
LOW = 0.75
#: Flag of a score with another number of examples in the prompt than is usual for the benchmark.
OTHER_SHOTS = "other_shots"


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
        "misses": _misses(pd.read_csv(root / "data" / "language_cutoffs.csv"), rows, tasks),
        "expected": _expected(pd.read_csv(root / "data" / "language_misses.csv"), tasks),
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


#: What was found where fewer than `LOW` lay in their intervals.
_FOUND = {
    "gsm8k": "The first models known stood within 3 points of chance: nothing in them said that the ability "
    "would come, or when. It came with larger models and with training data of mathematics and code. Misses "
    "are of nearly every laboratory. At later cut-offs most are of tuned models, of models made for code, "
    "or of scores with other prompts.",
    "math_level_5": "Six tuned models of half a year were known, most near chance. The misses are of models "
    "of 2024 by several laboratories, whose makers worked on mathematics.",
    "openbookqa": "Two ways of asking stand in one column. Without examples the answers are ranked by their "
    "likelihood; the Phi-3 report gives ten examples, for its own models and for rivals. All misses below "
    "are of that report, those above of the other way. It is a fault of the table.",
    "anli": "Two models were known, both near chance. All later scores are of the Phi-3 report, with other "
    "prompts, and all are better.",
    "triviaqa": "The misses are of two reports that compare rivals. Llama 3.1 does worse there than Llama 2 "
    "in its own report, with a fiftieth of the compute: reports differ in questions and accepted answers.",
}


def _misses(scores: pd.DataFrame, rows: Sequence[Row], tasks: Sequence[Row]) -> str:
    """Where the intervals of earlier fits held too few later models: on which side, and of what kind."""
    known, label = pd.DataFrame(rows), {task["task"]: task["label"] for task in tasks}
    about = known[["task", "system", "variant", "flags"]]
    scores = scores.merge(about, on=["task", "system"], how="left", validate="many_to_one")
    scores["other"] = scores["flags"].fillna("").str.contains(OTHER_SHOTS)
    table, said = [], []
    for (task, cutoff), part in scores.groupby(["task", "cutoff"]):
        held = inside(part["pit"], CI_PROB)
        if held.mean() >= LOW:
            continue
        before = known[
            (known["task"] == task) & (known["publication_date"].str[:4].astype(int) <= int(str(cutoff)))
        ]
        errors = 100 * before["error"].astype(float)
        table.append(
            [
                label[str(task)],
                str(cutoff),
                f"{len(before)} ({errors.min():.3g} to {errors.max():.3g} %)",
                f"{held.sum()} of {len(part)}",
                str(int((~held & (part["pit"] < 0.5)).sum())),
                str(int((~held & (part["pit"] > 0.5)).sum())),
                *(
                    f"{(held & kind).sum()} of {kind.sum()}" if kind.any() else ""
                    for kind in (
                        part["variant"] == "base",
                        part["variant"] != "base",
                        part["other"],
                    )
                ),
                f"{part['crps'][~held].median():.2f}",
            ]
        )
        said.append(str(task))
    header = ["benchmark", "known to", "models known (errors)", "in 90 %", "below", "above", "in 90 %, base"]
    header += ["in 90 %, tuned", "in 90 %, other prompts", "CRPS of the misses, median"]
    words = [f"- **{label[task]}.** {_FOUND[task]}" for task in dict.fromkeys(said)]
    return markdown_table(header, table) + "\n" + "\n".join(words) + "\n"


#: Later systems from which a benchmark's coverage is looked at.
_MANY = 10


def _expected(misses: pd.DataFrame, tasks: Sequence[Row]) -> str:
    """How many benchmarks a model that is right would miss; what is left where all are asked in one way."""
    label = {task["task"]: task["label"] for task in tasks}
    said = []
    by_task = misses.groupby(["asked", "task"])[["inside", "systems"]].sum()
    for asked, of in (("any", "all rows"), ("usual", "the usual number of examples alone")):
        many = misses[(misses["asked"] == asked) & (misses["systems"] >= _MANY)]
        found = int((many["inside"] < LOW * many["systems"]).sum())
        whole = by_task.loc[asked].query(f"systems >= {_MANY}")
        low = whole[whole["inside"] < LOW * whole["systems"]]
        named = ", ".join(
            f"{label[str(task)]} {row['inside']} of {row['systems']}" for task, row in low.iterrows()
        )
        total = misses[misses["asked"] == asked][["inside", "systems"]].sum()
        said.append(
            f"- **With {of}**, {100 * total['inside'] / total['systems']:.0f} % of {total['systems']} "
            f"predictions lay in the 90 % interval. Of {len(many)} benchmarks and cut-offs with {_MANY} or "
            f"more later systems, {found} had fewer than three quarters there; if the model is right, "
            f"{many['probability_low'].sum():.1f} are expected to. Over all cut-offs, fewer than three "
            f"quarters: {named or 'none'}."
        )
    return "\n".join(said) + "\n"
