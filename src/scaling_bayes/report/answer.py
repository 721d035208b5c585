"""The answer: one table with a row per target, one chart, and when a budget is enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from scaling_bayes import figures
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.projection.counted import counted
from scaling_bayes.projection.targets import LABELS
from scaling_bayes.report.blocks import Section, Words
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.finding import (
    ERRORS,
    below_floor,
    chance,
    largest_budget,
    reached_text,
    rows_of,
    source_of,
    target_text,
    told_quantity,
    verdict,
)
from scaling_bayes.report.routes import by_budget
from scaling_bayes.report.tables import Row, column, numeric, table_of
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import (
    COMPUTE,
    COST,
    QUANTITIES,
    answer_in_words,
    error_text,
    format_year,
    legible,
    month_of,
    quantity_of,
    records,
    task_label,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.report.blocks import Cell, FailurePart, FigurePart
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts
    from scaling_bayes.report.tables import Shown
    from scaling_bayes.trace.view import PosteriorView

#: With more tasks than this a task has one row, its next target, before the annex.
MOST_TASKS_WITH_ALL = 8
#: What a laptop does in a day at 1 teraFLOP/s, log10 FLOP.
_LAPTOP_DAY = 12.0 + math.log10(86400.0)


def pricing(scenario: Scenario, fit: PosteriorView) -> str:
    """What a FLOP counts as, and on what it is paid for."""
    devices = DEVICE_CLASSES[scenario.device_class]
    peak = devices.peak
    if counted(fit) == ARITHMETIC:
        on = legible(scenario.device, 60) if scenario.device is not None else devices.label
        return f"Compute is operations done, priced on {on} at part of their peak rate."
    if scenario.device is not None:
        on = f"{legible(scenario.device, 60)} at its {peak} peak"
    elif "peak_flop_per_s" in scenario.replacements:
        on = "the scenario's own chip at its peak"
    else:
        on = f"{devices.label} at {peak} peak"
    return f"Compute is device-hours at peak rate, busy or idle, priced for {on}."


def answer_section(facts: Facts) -> Section:
    """What each target needs, who reached it, and how near it is."""
    rows = told_rows(facts)
    title = "What each target would cost" if facts.costs else "How much compute each target would take"
    several = len(facts.years_shown) > 1
    others = [year for year in facts.years_shown if year != facts.year]
    name, limit = QUANTITIES[told_quantity(facts)].name.capitalize(), largest_budget(facts)
    in_time = facts.costs is None and facts.fit.unit == "FLOP"
    columns: list[Shown] = [
        _target(facts),
        column(
            f"{name} in {month_of(facts.year)}" if several else name,
            lambda row: in_two(
                answer_in_words(row).replace(quantity_of(row).beyond, quantity_of(row).beyond_end)
            ),
            "median (90 % interval)",
            grows=True,
        ),
        column(
            "Verdict",
            lambda row: Words(verdict(facts, row), chance(facts, row)),
            f"chance within {limit.label} in {month_of(facts.year)}" if limit else "",
        ),
        *(column(month_of(year), _median_in(facts, year), "median") for year in others),
    ]
    if any(reached_text(facts, row)[0] for row in rows):
        note = f"compute as time{QUANTITIES[COMPUTE].at}" if facts.fit.unit == "FLOP" else "compute"
        columns.append(column("Reached by", lambda row: Words(*reached_text(facts, row)), note))
    grey = any(below_floor(facts, row) for row in rows)
    said = ["Grey: at or below the likely share of wrong labels."] if grey else []
    said += ["Compute is the time that it takes at 1 exaFLOP/s."] if in_time else []
    caption = " ".join(said) or "Each row is a target error of one task."
    table = table_of(caption, rows, *columns, muted=lambda row: below_floor(facts, row))
    return Section("answer", title, "Answer", (table, _chart(facts, rows)))


def told_rows(facts: Facts) -> list[dict[str, Any]]:
    """Rows of the finding: every target, or with many tasks the next one of each."""
    rows = rows_of(facts, facts.year)
    if len(facts.next_targets) <= MOST_TASKS_WITH_ALL:
        return rows
    return [row for row in rows if (row["task"], row["error"]) in facts.next_targets]


def in_two(words: str) -> Words:
    """A median, and below it the interval in brackets."""
    median, bracket, ends = words.partition(" (")
    return Words(median, f"{bracket.strip()}{ends}")


def _target(facts: Facts) -> Shown:
    previous: object = None

    def cell(row: Row) -> Cell:
        nonlocal previous
        first, previous = row["task"] != previous, row["task"]
        metric = facts.bounds["metric"].get(row["task"], "") if first else ""
        noise = "noise of the labels" if row["note"] == LABELS else ""
        note = ERRORS.get(metric, "") or noise
        return Words(target_text(row), note)

    return column("Target error", cell)


def _median_in(facts: Facts, year: float) -> Callable[[Row], Cell]:
    found = {(row["task"], row["error"]): row for row in rows_of(facts, year)}

    def cell(row: Row) -> Cell:
        same = found[row["task"], row["error"]]
        return quantity_of(same).short(same["median"])

    return cell


def _chart(facts: Facts, rows: list[dict[str, Any]]) -> FigurePart | FailurePart:
    quantity = told_quantity(facts)
    shift = {} if facts.costs is None else facts.costs.scales
    to_compute = shift.get(COMPUTE, 0.0)
    reach = dict(zip(facts.by_task["task"], facts.by_task["highest_log10_compute"], strict=True))
    frame = pd.DataFrame(rows)
    frame["reach"] = [reach[task] - to_compute for task in frame["task"]]
    frame["grey"] = [below_floor(facts, row) for row in rows]
    runs = [(label, value) for label, value in facts.yardsticks.items() if label.startswith("largest")]
    marks = {"a laptop for a day": _LAPTOP_DAY, **dict(runs[-1:])} if facts.fit.unit == "FLOP" else {}
    yardsticks = {label: exponent - to_compute for label, exponent in marks.items()}
    scenario = ""
    if facts.costs:
        yardsticks |= facts.costs.yardsticks[COST]
        scenario = f" in {month_of(facts.year)}, scenario {legible(facts.costs.scenario.name, 30)}"
    name = QUANTITIES[quantity].name.capitalize()
    caption = (
        "Dot: median; thick bar: 50\N{NO-BREAK SPACE}% interval; thin bar: 90\N{NO-BREAK SPACE}% interval. "
        "Shaded: more compute than any system of the task used."
    )
    if facts.costs:
        caption += " Lower axes: at the median price and carbon of a FLOP."
    warning = "" if facts.checks["passed"].all() else "Checks failed: do not quote.\n"
    return draw(
        "answer",
        f"{name} of each target",
        caption=caption,
        alt=f"Interval bars of {name.lower()}. "
        + "; ".join(
            f"{task_label(row['task'])} {error_text(row['error'])}: {answer_in_words(row)}" for row in rows
        ),
        function=lambda width: figures.plot_answer(
            frame,
            scales=shift,
            yardsticks=yardsticks,
            title=f"{warning}{name} of each target error{scenario}",
            source=f"{source_of(facts)}\nLargest training run: Epoch AI. World GDP: World Bank.",
            width=width,
        ),
        table=frame.drop(columns=["reach", "grey"]),
        source="",
    )


def affordable_section(facts: Facts, costs: Costs) -> Section:
    """One grid: the first year within each budget."""
    told = {
        (row["task"], row["error"])
        for row in told_rows(facts)
        if not reached_text(facts, row)[0] and not below_floor(facts, row)
    } or set(facts.next_targets)
    rows = [row for row in by_budget(map(records, costs.first_years)) if (row["task"], row["error"]) in told]

    def first(position: int) -> Callable[[Row], Cell]:
        return lambda row: in_two(first_year_text(row["budgets"][position]).replace(" to ", "–"))

    last = format_year(costs.horizon)
    left_out = " Left out: targets reached or grey." if len(told) < len(told_rows(facts)) else ""
    table = table_of(
        f"First year that begins within each budget: median (90 % interval).{left_out} "
        f"{format_year(costs.start)} means then or earlier; never, not by {last}.",
        rows,
        column("Target error", target_text),
        *(numeric(budget.label, first(i)) for i, budget in enumerate(costs.budgets)),
    )
    return Section("affordable", "When could we afford it?", "Budgets", (table,))


def first_year_text(row: Row) -> str:
    """First year within budget of a row of `summary`: ``2031 (2024 to never)``."""
    median, lower, upper = (
        "never" if math.isinf(row[end]) else format_year(math.floor(row[end] + 0.5))
        for end in ("median", "lower_90", "upper_90")
    )
    return median if median == lower == upper else f"{median} ({lower} to {upper})"
