"""The section on cost: budgets by year, gains needed, spread; and the one on what it assumes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scaling_bayes import figures
from scaling_bayes.projection.decompose import DRIFT
from scaling_bayes.report.answer import first_year_text, pricing
from scaling_bayes.report.blocks import Cell, Part, Section, Table, TextPart
from scaling_bayes.report.cost_facts import MOST_TASKS
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.finding import largest_budget, source_of
from scaling_bayes.report.routes import gains_table, routes_parts
from scaling_bayes.report.tables import (
    CONVENTION,
    Row,
    column,
    median_and_90,
    numeric,
    table_of,
    target_columns,
)
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
        f"{pricing(scenario, facts.fit)} Dollars, kilowatt-hours and kilograms of CO2e follow draw by draw, "
        "so the intervals hold the uncertainty of fit, hardware, prices and electricity together."
    )
    parts: tuple[Part, ...] = (
        TextPart(text),
        TextPart("When a budget is enough", "heading"),
        _curves(facts, costs),
        TextPart("What would have to improve", "heading"),
        gains_table(costs),
        *routes_parts(costs),
        TextPart("Where the spread of cost comes from", "heading"),
        *_spread(costs),
        TextPart("On the record machine", "heading"),
        _record_machine(facts, costs),
    )
    return Section("costs", "Budgets, routes and spread", "Costs", parts)


def _left_out(costs: Costs) -> str:
    """What is said where some tasks are not shown."""
    tasks = {str(task) for task in costs.record_machine["task"]}
    return f"; of {len(tasks)} tasks the first {MOST_TASKS}" if len(tasks) > MOST_TASKS else ""


def _shown_rows(costs: Costs, frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["task"].isin([task for task, _ in costs.shown])]


def _curves(facts: Facts, costs: Costs) -> FigurePart | FailurePart:
    """Of the largest budget; of the others the JSON has the numbers."""
    budget = largest_budget(facts) or costs.budgets[0]
    position = costs.budgets.index(budget)
    shown = _shown_rows(costs, costs.affordability[position])
    return draw(
        "affordability",
        f"Probability to fit {budget.label}",
        caption=(
            f"Probability, year by year, that a target fits a budget of {budget.label}{_left_out(costs)}. "
            f"Never: the share of draws in which it does not, in any year until {format_year(costs.horizon)}."
        ),
        alt=f"Probability by year of fitting a budget of {budget.label}. "
        + "; ".join(
            f"{task_label(row['task'])} {error_text(row['error'])}: first {first_year_text(row)}, "
            f"never {share_text(row['never'])}"
            for row in records(_shown_rows(costs, costs.first_years[position]))
        ),
        function=lambda width: figures.plot_affordability(
            shown, title=f"Probability to fit a budget of {budget.label}, by year", width=width
        ),
        table=shown.drop(columns="note"),
        source=source_of(facts, priced=True),
    )


def _spread(costs: Costs) -> tuple[Part, ...]:
    frame = costs.decomposition
    parts: list[Part] = []
    if len(frame):
        sources = list(dict.fromkeys(frame["source"]))
        summed = list(dict.fromkeys(frame.loc[frame["share"].notna(), "source"]))
        rows = []
        for (task, error), one in frame.groupby(["task", "error"], sort=False):
            by_source = {row["source"]: row for row in records(one)}
            rows.append({"task": task, "error": error, "by_source": by_source})

        def share(source: str, name: str) -> Callable[[Row], Cell]:
            return lambda row: (
                share_text(max(row["by_source"][source][name], 0.0)) if source in row["by_source"] else "none"
            )

        parts.append(
            table_of(
                f"Shares of the variance of log10 cost in {when(sorted(set(frame['year'])))}, for "
                f"{_which(costs)}{_or_easier(costs)}. Shares (Shapley) sum to 100 %; what one parameter of "
                "the fit would explain alone stands beside them and does not."
                + (
                    " Drift is how the lines of tasks wander and break after the data."
                    if DRIFT in summed
                    else ""
                ),
                rows,
                *target_columns(),
                numeric(
                    "Spread",
                    lambda row: f"{next(iter(row['by_source'].values()))['sd']:.1f}",
                    "standard deviation, powers of ten",
                ),
                *(numeric(source.capitalize(), share(source, "share"), "share") for source in summed),
                *(
                    numeric(source.capitalize(), share(source, "share_alone"), "of the fit")
                    for source in sources
                    if source not in summed
                ),
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
    return table_of(
        f"Days that the record machine of the TOP500 list, {when(facts.years)}, would take at its Linpack "
        f"rate: {CONVENTION}. A length to compare with; that rate is FP64 and sustained, a requirement is "
        "counted at peak.",
        records(costs.record_machine),
        *target_columns(with_year=len(facts.years) > 1),
        numeric("Days", median_and_90, "median [90 % interval]"),
        column("Median, in words", lambda row: days_in_words(row["median"]), grows=True),
    )
