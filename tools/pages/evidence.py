"""The tables of docs/laws.md and of sampling in docs/model.md, from the stored results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scaling_bayes.core.laws import LAWS
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.text import format_interval, task_label
from tools.evidence.ingredients import HEADLINES
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["pages"]

#: Forecasters of ``five_task_cutoffs.csv`` as readers know them.
_NAMES = {
    "bounded": "default",
    "unpooled": "unpooled",
    "power": "straight lines of 2026.11",
    "naive": "trend of the record",
    "least_squares_power": "least squares of 2020",
}


def pages(root: Path) -> dict[Path, str]:
    """Text of each page with its tables as the stored results have them."""
    read = {
        name: pd.read_csv(root / "data" / f"{name}.csv")
        for name in ("five_task_cutoffs", "scorecard", "ingredients", "law_recovery", "sampling")
    }
    later = read["five_task_cutoffs"]
    laws = {
        "later": f"Cut-offs: {', '.join(map(str, sorted(later['cutoff'].unique())))}.\n\n"
        + _scores(later, {"forecaster": _NAMES}),
        "later_by": _side_by_side(later),
        "scores": _scores(read["scorecard"], {"forecaster": {}}),
        "weights": _weights(read["scorecard"]),
        "ingredients": _ingredients(read["ingredients"]),
        "headlines": _headlines(read["ingredients"]),
        "law_recovery": _recovery(read["law_recovery"]),
    }
    return filled(root, Path("docs", "laws.md"), laws) | filled(
        root, Path("docs", "model.md"), {"sampling": _sampling(read["sampling"])}
    )


def _records(frame: pd.DataFrame) -> Iterable[Mapping[Any, Any]]:
    return frame.to_dict(orient="records")


def _scores(scores: pd.DataFrame, by: Mapping[str, Mapping[str, str]]) -> str:
    """Scores by some columns, with the names of their values."""
    header = [*by, "systems", "not predicted", "log score", "over least squares", "CRPS"]
    return markdown_table(
        [*header, "in 50 %", "in 80 %", "in 90 %"],
        [
            [
                *(names.get(row[column], str(row[column])) for column, names in by.items()),
                str(row["systems"]),
                str(row["not_predicted"]),
                f"{row['log_score']:.1f}",
                "" if pd.isna(row["gain"]) else f"{row['gain']:+z.1f}",
                f"{row['crps']:.4f}",
                *(f"{row[f'coverage_{probability}']:.3f}" for probability in (50, 80, 90)),
            ]
            for row in _records(score_table(scores, list(by)))
        ],
    )


def _side_by_side(scores: pd.DataFrame) -> str:
    """Log score and coverage of each forecaster, by cut-off and by task."""
    parts = {"all": scores}
    parts |= {f"up to {cutoff}": part for cutoff, part in scores.groupby("cutoff")}
    parts |= {task_label(str(task)): part for task, part in scores.groupby("task", sort=False)}
    rows = []
    for name, part in parts.items():
        found = {row["forecaster"]: row for row in _records(score_table(part, "forecaster"))}
        rows.append(
            [
                name,
                str(found["bounded"]["systems"]),
                *(f"{found[each]['log_score']:.1f}" if each in found else "" for each in _NAMES),
                *(f"{found[each]['coverage_90']:.2f}" if each in found else "" for each in _NAMES),
            ]
        )
    header = ["", "systems", *(f"log score, {name}" for name in _NAMES.values())]
    return markdown_table([*header, *(f"in 90 %, {name}" for name in _NAMES.values())], rows)


def _weights(scores: pd.DataFrame) -> str:
    weighted = scores[scores["weight"].notna()]
    table = weighted.groupby(["cutoff", "forecaster"], sort=False)["weight"].first().unstack()
    return markdown_table(
        ["up to", *map(str, table.columns)],
        [[str(cutoff), *(f"{value:.2f}" for value in row)] for cutoff, row in table.iterrows()],
    )


def _ingredients(table: pd.DataFrame) -> str:
    header = ["variant", "elpd, nats", "difference", "its standard error", "Pareto k > 0.7"]
    return markdown_table(
        [*header, "log score of later systems", "CRPS", "in 90 %"],
        [
            [
                row["variant"],
                f"{row['elpd']:.1f}",
                f"{row['difference']:+z.1f}",
                f"{row['difference_se']:.1f}",
                str(row["poor"]),
                f"{row['log_score']:.1f}",
                f"{row['crps']:.4f}",
                f"{row['coverage_90']:.2f}",
            ]
            for row in _records(table.drop_duplicates("variant"))
        ],
    )


def _sampling(table: pd.DataFrame) -> str:
    header = ["fitted to", "variant", "seed", "largest R-hat", "least ESS, bulk", "tails", "divergences"]
    return markdown_table(
        [*header, "attempts", "seconds of processor", "failed"],
        [
            [
                row["table"],
                row["variant"],
                str(row["seed"]),
                f"{row['rhat']:.4f}",
                f"{row['ess_bulk']:.0f}",
                f"{row['ess_tail']:.0f}",
                f"{row['divergences']:.0f}",
                str(row["attempts"]),
                f"{row['cpu_seconds']:.0f}",
                "" if pd.isna(row["failed"]) else str(row["failed"]),
            ]
            for row in _records(table)
        ],
    )


def _headlines(table: pd.DataFrame) -> str:
    rows = []
    for variant, group in table.groupby("variant", sort=False):
        by_task = {row["task"]: row for row in _records(group)}
        rows.append(
            [str(variant)]
            + [
                format_interval(row["median"], row["lower_90"], row["upper_90"])
                for row in (by_task[task] for task in HEADLINES)
            ]
        )
    header = [f"{TASK_LABELS[task]} {100 * error:g} %" for task, error in HEADLINES.items()]
    return markdown_table(["variant", *header], rows)


def _recovery(table: pd.DataFrame) -> str:
    header = ["data of", "simulations", "law or its equivalent has the largest weight"]
    return markdown_table(
        [*header, *(f"mean weight of {law}" for law in LAWS)],
        [
            [
                str(law),
                str(len(group)),
                f"{int(group['recovered'].sum())} of {len(group)}",
                *(f"{group[f'weight_{name}'].mean():.2f}" for name in LAWS),
            ]
            for law, group in table.groupby("law", sort=False)
        ],
    )
