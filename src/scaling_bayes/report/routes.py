"""What would have to improve for a budget to be enough, beside what published routes gave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Column, Details, Link, Part, Table
from scaling_bayes.report.tables import CONVENTION, Row, median_and_90, numeric, table_of, target_columns
from scaling_bayes.text import error_text, legible, month_of, records, share_text, span_text, task_label

if TYPE_CHECKING:
    from scaling_bayes.report.cost_facts import Costs

_LEVERS = ("price", "energy_efficiency")
#: Words of route names that are not written in small letters.
_NAMES = {
    "arm": "ARM",
    "a100": "A100",
    "arria10": "Arria 10",
    "cmos": "CMOS",
    "cnn": "CNN",
    "fpga": "FPGA",
    "gemm": "GEMM",
    "gnmt": "GNMT",
    "gpu": "GPU",
    "imagenet": "ImageNet",
    "mlp": "MLP",
    "resnet50": "ResNet-50",
    "seq2seq": "Seq2Seq",
    "stratix10": "Stratix 10",
    "tpu": "TPU",
    "v100": "V100",
    "wmt14": "WMT14",
}
_IMPROVES = {"compute": "compute", "energy": "energy", "energy_delay": "energy times delay"}


def by_budget(frames: Iterable[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Rows of a target, of one table for each budget, as one row with all of them under ``budgets``."""
    return [{**rows[0], "budgets": rows} for rows in map(list, zip(*frames, strict=True))]


def gains_table(costs: Costs) -> Table:
    """By what factor one lever alone must improve for each budget."""
    merged = by_budget([row for row in records(frame) if row["lever"] in _LEVERS] for frame in costs.gains)

    def needed(position: int) -> Callable[[Row], Cell]:
        return lambda row: median_and_90(row["budgets"][position])

    return table_of(
        f"Improvement needed in one factor, all else fixed, in {month_of(merged[0]['year'])}, beyond what "
        f"the scenario counts on, for a target to fit each budget: {CONVENTION}. Under a budget in USD that "
        "thing is the price of a FLOP or the algorithms; under one of carbon, energy per FLOP or the "
        "algorithms. A factor below 1 is room to spare.",
        merged,
        *target_columns(),
        *(numeric(budget.label, needed(i), "factor") for i, budget in enumerate(costs.budgets)),
    )


def routes_parts(costs: Costs) -> tuple[Part, ...]:
    """A table of routes for the largest budget of each kind, the first open."""
    chosen: dict[str, int] = {}
    for position, budget in enumerate(costs.budgets):
        known = chosen.get(budget.limits)
        if known is None or budget.amount > costs.budgets[known].amount:
            chosen[budget.limits] = position
    first, *others = chosen.values()
    folded = [
        Details(f"The same routes against {costs.budgets[i].label}", (_routes_table(costs, i),))
        for i in others
    ]
    return (_routes_table(costs, first), *folded)


def _routes_table(costs: Costs, position: int) -> Table:
    budget, frame = costs.budgets[position], costs.routes[position]
    if budget.limits == "budget_usd":
        frame = frame[frame["improves"] == "compute"]
    columns = [
        Column("Route"),
        Column("Factor", numeric=True),
        *(Column(task_label(task, 20), error_text(error), numeric=True) for task, error in costs.shown),
        Column("Source"),
        Column("What was measured", grows=True),
    ]
    lines: dict[str, dict[str, Any]] = {}
    without: list[Cell] = []
    for task, error in costs.shown:
        for row in records(frame[(frame["task"] == task) & (frame["error"] == error)]):
            line = lines.setdefault(row["route"], {**row, "enough": []})
            line["enough"].append(share_text(row["probability_enough"]))
            if len(line["enough"]) > len(without):
                without.append(share_text(row["probability_enough_without"]))
    rows: list[tuple[Cell, ...]] = [("No further gain", "1", *without, "", "")]
    for route, row in lines.items():
        rows.append(
            (
                _readable(route),
                _factor(row),
                *row["enough"],
                Link(_author_and_year(row["citation"]), row["url"]),
                legible(row["route_note"]),
            )
        )
    left_out = (
        " Routes that save energy alone are set against carbon budgets only."
        if budget.limits == "budget_usd"
        else ""
    )
    return Table(
        f"Published routes, each alone and in full, against a budget of {budget.label} in "
        f"{month_of(float(frame['year'].iloc[0]))}: probability that the middle target of a task would "
        "fit. Gains at inference, or over other baselines, count as if they applied to training now: the "
        f"most a route can claim.{left_out}",
        tuple(columns),
        tuple(rows),
    )


def _readable(route: str) -> str:
    words = " ".join(_NAMES.get(word, word) for word in route.split("_"))
    return words[:1].upper() + words[1:]


def _author_and_year(citation: str) -> str:
    """``Han et al. (2015)``, ``Hernandez & Brown (2020)``, ``Epoch AI``; a title where no author is named."""
    who, bracket, rest = citation.partition(" (")
    if not bracket:
        return citation.partition(",")[0]
    authors = who.replace(" & ", ", ").split(", ")
    shown = who if len(authors) <= 2 else f"{authors[0]} et al."
    return f"{shown} ({rest.partition(')')[0]})"


def _factor(row: dict[str, Any]) -> str:
    low, high = row["factor_low"], row["factor_high"]
    ends = span_text(f"{low:g}", f"{high:g}")
    return ends if row["improves"] == "compute" else f"{ends} ({_IMPROVES[row['improves']]})"
