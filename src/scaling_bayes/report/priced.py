"""Tables of compute, cost and carbon per target, and of what a scenario assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Column, PowerInterval, Table
from scaling_bayes.text import (
    error_text,
    in_words,
    kilograms_in_words,
    legible,
    month_of,
    records,
    share_in_words,
    task_label,
    usd_in_words,
    when,
)

if TYPE_CHECKING:
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts

CONVENTION = "median [90 % equal-tailed interval]"
_COMPUTE, _COST, _ENERGY, _CARBON = (
    "log10_training_compute_flop",
    "log10_cost_usd",
    "log10_energy_kwh",
    "log10_carbon_kg",
)
_HEADERS = {
    _COMPUTE: "Training compute, FLOP",
    _COST: "Cost, USD",
    _ENERGY: "Energy, kWh",
    _CARBON: "Carbon, kg CO2e",
}


def target_rows(
    rows: Iterable[dict[str, Any]],
    cells: Callable[[dict[str, Any]], Iterable[Cell]],
    *,
    with_year: bool = False,
) -> tuple[tuple[Cell, ...], ...]:
    """Rows that begin with the task, where it is not that of the row above, and the target error."""
    found: list[tuple[Cell, ...]] = []
    previous = None
    for row in rows:
        task = task_label(str(row["task"]), 60) if row["task"] != previous else ""
        year = (month_of(row["year"]),) if with_year else ()
        found.append((task, error_text(row["error"]), *year, *cells(row)))
        previous = row["task"]
    return tuple(found)


def _leading(facts: Facts) -> list[Column]:
    columns = [Column("Task"), Column("Target error", numeric=True)]
    return [*columns, Column("Year", numeric=True)] if len(facts.years) > 1 else columns


def _by_target(facts: Facts) -> Iterator[dict[str, Any]]:
    """One row per target and year, each quantity under its name."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in records(facts.projection):
        key = (row["task"], row["error"], row["year"])
        about = {name: row[name] for name in ("task", "error", "year", "note")}
        found.setdefault(key, about)[row["quantity"]] = row
    yield from found.values()


def needs_table(facts: Facts) -> Table:
    """Compute, cost and carbon: medians and 90 % intervals."""
    rows = list(_by_target(facts))
    quantities = (_COMPUTE, _COST, _CARBON)
    unreachable = any(row[_COMPUTE]["unreachable"] > 0 for row in rows)

    def cells(row: dict[str, Any]) -> Iterator[Cell]:
        for name in quantities:
            yield PowerInterval(row[name]["median"], row[name]["lower_90"], row[name]["upper_90"])
        if unreachable:
            yield f"{100 * row[_COMPUTE]['unreachable']:.3g} %"

    columns = _leading(facts) + [
        Column(_HEADERS[name], "median [90 % interval]", numeric=True) for name in quantities
    ]
    if unreachable:
        columns.append(Column("Unreachable", "share of draws", numeric=True))
    caption = (
        f"Training compute, cost and carbon to reach a target error, {facts.kind} distribution, "
        f"{when(facts.years)}, scenario {_scenario(facts)}. Intervals are equal-tailed: the 90 % interval "
        "leaves 5 % of the draws on either side."
    )
    return Table(caption, tuple(columns), target_rows(rows, cells, with_year=len(facts.years) > 1))


def words_table(facts: Facts, costs: Costs) -> Table:
    """The medians in words."""
    (gdp, gdp_value), (world, world_value) = (
        next(iter(costs.yardsticks[name].items())) for name in (_COST, _CARBON)
    )

    def with_share(text: str, log10_share: float, whole: str) -> str:
        share = share_in_words(log10_share, whole)
        return f"{text}: {share}" if share else text

    def cells(row: dict[str, Any]) -> Iterator[Cell]:
        compute, cost, carbon = (row[name]["median"] for name in (_COMPUTE, _COST, _CARBON))
        yield in_words(compute) + (f" ({row['note']})" if row["note"] else "")
        yield with_share(usd_in_words(cost), cost - gdp_value, "world GDP")
        yield with_share(kilograms_in_words(carbon), carbon - world_value, "world emissions")

    columns = [
        *_leading(facts),
        Column("Compute", "time at 1 exaFLOP/s"),
        Column("Cost", grows=True),
        Column("Carbon", grows=True),
    ]
    caption = (
        f"The medians in words, {when(facts.years)}, scenario {_scenario(facts)}, beside {gdp} and {world}."
    )
    return Table(
        caption, tuple(columns), target_rows(_by_target(facts), cells, with_year=len(facts.years) > 1)
    )


def halves_table(facts: Facts) -> Table:
    """The 50 % intervals, and energy."""
    quantities = (_COMPUTE, _COST, _CARBON)

    def cells(row: dict[str, Any]) -> Iterator[Cell]:
        for name in quantities:
            yield PowerInterval(None, row[name]["lower_50"], row[name]["upper_50"])
        energy = row[_ENERGY]
        yield PowerInterval(energy["median"], energy["lower_90"], energy["upper_90"])

    columns = [
        *_leading(facts),
        *(Column(_HEADERS[name], "50 % interval", numeric=True) for name in quantities),
        Column(_HEADERS[_ENERGY], "median [90 % interval]", numeric=True),
    ]
    caption = (
        "The 50 % intervals, equal-tailed, which hold the middle half of the draws; and the energy of the "
        "facility, cooling included, with its 90 % interval."
    )
    return Table(
        caption, tuple(columns), target_rows(_by_target(facts), cells, with_year=len(facts.years) > 1)
    )


def assumptions_table(costs: Costs, caption: str | None = None) -> Table:
    """What the scenario assumes, with sources."""
    rows = tuple(
        (str(row["assumption"]), str(row["assumed"]), str(row["source"]))
        for row in records(costs.assumptions)
    )
    return Table(
        caption
        or f"Assumptions of scenario {legible(costs.scenario.name, 60)}; where uncertain, {CONVENTION}.",
        (Column("Assumption"), Column("Assumed", grows=True), Column("Source", grows=True)),
        rows,
    )


def _scenario(facts: Facts) -> str:
    return legible(facts.costs.scenario.name, 60) if facts.costs else ""
