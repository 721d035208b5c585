"""The section on cost: budgets by year, gains needed, spread; and the one on what it assumes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes import figures
from scaling_bayes.report.answer import burden
from scaling_bayes.report.blocks import Cell, Column, Part, PowerInterval, Section, Table, TextPart
from scaling_bayes.report.cost_facts import MOST_TASKS
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.priced import CONVENTION, assumptions_table, target_rows
from scaling_bayes.report.routes import gains_table, routes_parts
from scaling_bayes.text import (
    days_in_words,
    error_text,
    format_year,
    legible,
    records,
    share_text,
    task_label,
    when,
)

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.report.blocks import FailurePart, FigurePart
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts


def costs_section(facts: Facts, costs: Costs) -> Section:
    """When cost and carbon fit a budget, what would have to improve, and where the spread comes from."""
    scenario = costs.scenario
    text = (
        f"Scenario {legible(scenario.name, 60)}, {facts.kind} distribution, {when(facts.years)}. "
        f"{burden(scenario)} Dollars, kilowatt-hours and kilograms of CO2e follow draw by draw, so the "
        "intervals hold the uncertainty of the fit, of hardware, of prices and of electricity together."
    )
    parts: tuple[Part, ...] = (
        TextPart(text),
        TextPart("When a budget is enough", "heading"),
        _first_years(costs),
        *(_curves(costs, position) for position in _drawn(costs)),
        TextPart("What would have to improve", "heading"),
        gains_table(costs),
        *routes_parts(costs),
        TextPart("Where the spread of cost comes from", "heading"),
        *_spread(costs),
        TextPart("On the record machine", "heading"),
        _record_machine(facts, costs),
    )
    return Section("costs", "When it is affordable", "Affordability", parts)


def assumptions_section(costs: Costs) -> Section:
    """Hardware, price and grid that turn compute into cost and carbon."""
    caption = (
        f"What scenario {legible(costs.scenario.name, 60)} assumes of hardware, prices and electricity; "
        f"where uncertain, {CONVENTION}."
    )
    return Section(
        "assumptions",
        "Assumptions on hardware, price and grid",
        "Assumptions",
        (assumptions_table(costs, caption),),
    )


def _drawn(costs: Costs) -> range:
    """Budgets with a picture: all, or with many tasks the first."""
    return range(len(costs.budgets) if not _left_out(costs) else 1)


def _left_out(costs: Costs) -> str:
    """What is said where some tasks are not shown."""
    tasks = {str(task) for task in costs.record_machine["task"]}
    return f"; of {len(tasks)} tasks the first {MOST_TASKS}" if len(tasks) > MOST_TASKS else ""


def _shown_rows(costs: Costs, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["task"].isin([task for task, _ in costs.shown])]


def _curves(costs: Costs, position: int) -> FigurePart | FailurePart:
    budget, first = costs.budgets[position], costs.first_years[position]
    return draw(
        f"affordability-{position + 1}",
        f"Probability to fit {budget.label}",
        caption=(
            f"Probability, year by year, that a target fits a budget of {budget.label}{_left_out(costs)}. "
            f"Never: the share of draws in which it does not, in any year until {format_year(costs.horizon)}."
        ),
        alt=f"Probability by year of fitting a budget of {budget.label}. "
        + "; ".join(
            f"{task_label(row['task'])} {error_text(row['error'])}: first {first_year_text(row)}, "
            f"never {share_text(row['never'])}"
            for row in records(_shown_rows(costs, first))
        ),
        function=lambda width: figures.plot_affordability(
            _shown_rows(costs, costs.affordability[position]),
            title=f"Probability to fit a budget of {budget.label}",
            width=width,
        ),
    )


def _first_years(costs: Costs) -> Table:
    by_budget = [records(frame) for frame in costs.first_years]
    columns = [Column("Task"), Column("Target error", numeric=True)]
    for budget in costs.budgets:
        columns += [
            Column(budget.label, "first year", numeric=True),
            Column("Never", f"by {format_year(costs.horizon)}", numeric=True),
        ]

    def cells(row: dict[str, Any]) -> Iterator[Cell]:
        for each in row["budgets"]:
            yield first_year_text(each)
            yield share_text(each["never"])

    merged = [{**rows[0], "budgets": rows} for rows in (list(each) for each in zip(*by_budget, strict=True))]
    return Table(
        "First year in which a target fits a budget, each budget alone: "
        f"{CONVENTION}. The years asked are {format_year(costs.start)} to {format_year(costs.horizon)}; "
        f"{format_year(costs.start)} means then or earlier, never means not within these years.",
        tuple(columns),
        target_rows(merged, cells),
    )


def first_year_text(row: dict[str, Any]) -> str:
    """First year within budget of a row of `summary`: ``2031 [2024, never]``."""
    median, lower, upper = (
        "never" if math.isinf(row[end]) else format_year(math.floor(row[end] + 0.5))
        for end in ("median", "lower_90", "upper_90")
    )
    return f"{median} [{lower}, {upper}]"


def _spread(costs: Costs) -> tuple[Part, ...]:
    frame = costs.decomposition
    parts: list[Part] = []
    if len(frame):
        sources = list(dict.fromkeys(frame["source"]))
        summed = list(dict.fromkeys(frame.loc[frame["share"].notna(), "source"]))
        alone = [source for source in sources if source not in summed]
        rows = []
        for (task, error), one in frame.groupby(["task", "error"], sort=False):
            by_source = {row["source"]: row for row in records(one)}
            rows.append({"task": task, "error": error, "by_source": by_source})

        def cells(row: dict[str, Any]) -> Iterator[Cell]:
            found = row["by_source"]
            yield f"{next(iter(found.values()))['sd']:.1f}"
            for source in summed:
                yield share_text(max(found[source]["share"], 0.0)) if source in found else "none"
            for source in alone:
                yield share_text(max(found[source]["share_alone"], 0.0)) if source in found else "none"

        columns = [
            Column("Task"),
            Column("Target error", numeric=True),
            Column("Spread", "standard deviation, powers of ten", numeric=True),
            *(Column(source.capitalize(), "share", numeric=True) for source in summed),
            *(Column(source.capitalize(), "of the fit", numeric=True) for source in alone),
        ]
        parts.append(
            Table(
                f"Shares of the variance of log10 cost in {when(sorted(set(frame['year'])))}, for "
                f"{_which(costs)}{_or_easier(costs)}. Shares (Shapley) sum to 100 %; what one parameter of "
                "the fit would explain alone stands beside them and does not.",
                tuple(columns),
                target_rows(rows, cells),
            )
        )
    for task, reason in costs.not_decomposed.items():
        parts.append(TextPart(f"No decomposition for {task_label(task)}: {legible(reason, 300)}"))
    return tuple(parts)


def _or_easier(costs: Costs) -> str:
    decomposed = set(zip(costs.decomposition["task"], costs.decomposition["error"], strict=True))
    return "" if decomposed <= set(costs.shown) else ", or an easier one that every draw reaches"


def _which(costs: Costs) -> str:
    return f"the middle target of each task{_left_out(costs)}"


def _record_machine(facts: Facts, costs: Costs) -> Table:
    several_years = len(facts.years) > 1

    def cells(row: dict[str, Any]) -> Iterator[Cell]:
        yield PowerInterval(row["median"], row["lower_90"], row["upper_90"])
        yield days_in_words(row["median"])

    columns = [Column("Task"), Column("Target error", numeric=True)]
    if several_years:
        columns.append(Column("Year", numeric=True))
    columns += [
        Column("Days", "median [90 % interval]", numeric=True),
        Column("Median, in words", grows=True),
    ]
    return Table(
        f"Days that the record machine of the TOP500 list, {when(facts.years)}, would take at its Linpack "
        f"rate: {CONVENTION}. A length to compare with; that rate is FP64 and sustained, a requirement is "
        "counted at peak.",
        tuple(columns),
        target_rows(records(costs.record_machine), cells, with_year=several_years),
    )
