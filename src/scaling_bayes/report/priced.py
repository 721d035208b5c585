"""Tables of compute, cost and carbon per target, and of what a scenario assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Table
from scaling_bayes.report.tables import (
    CONVENTION,
    Row,
    Shown,
    column,
    half_of_draws,
    median_and_90,
    numeric,
    table_of,
    target_columns,
)
from scaling_bayes.text import (
    CARBON,
    COMPUTE,
    COST,
    ENERGY,
    QUANTITIES,
    in_words,
    kilograms_in_words,
    legible,
    records,
    share_in_words,
    usd_in_words,
    when,
)

if TYPE_CHECKING:
    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts


def _by_target(facts: Facts) -> Iterator[dict[str, Any]]:
    """One row per target and year, each quantity under its name."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in records(facts.projection):
        key = (row["task"], row["error"], row["year"])
        about = {name: row[name] for name in ("task", "error", "year", "note")}
        found.setdefault(key, about)[row["quantity"]] = row
    yield from found.values()


def _header(quantity: str) -> str:
    return f"{QUANTITIES[quantity].name.capitalize()}, {QUANTITIES[quantity].unit}"


def _interval_of(quantity: str, write: Callable[[Row], Cell] = median_and_90) -> Callable[[Row], Cell]:
    return lambda row: write(row[quantity])


def needs_table(facts: Facts) -> Table:
    """Compute, cost and carbon: medians and 90 % intervals."""
    rows = list(_by_target(facts))
    columns = target_columns(with_year=len(facts.years) > 1)
    columns += [
        numeric(_header(name), _interval_of(name), "median [90 % interval]")
        for name in (COMPUTE, COST, CARBON)
    ]
    if any(row[COMPUTE]["unreachable"] > 0 for row in rows):
        columns.append(unreachable_column(COMPUTE))
    caption = (
        f"Training compute, cost and carbon to reach a target error, {facts.kind} distribution, "
        f"{when(facts.years)}, scenario {_scenario(facts)}. Intervals are equal-tailed: the 90 % interval "
        "leaves 5 % of the draws on either side."
    )
    return table_of(caption, rows, *columns)


def words_table(facts: Facts, costs: Costs) -> Table:
    """The medians in words."""
    (gdp, gdp_value), (world, world_value) = (
        next(iter(costs.yardsticks[name].items())) for name in (COST, CARBON)
    )

    def told(name: str, write: Callable[[float], str], all_of_it: float, whole: str) -> Callable[[Row], Cell]:
        def cell(row: Row) -> str:
            median = row[name]["median"]
            share = share_in_words(median - all_of_it, whole)
            return f"{write(median)}: {share}" if share else write(median)

        return cell

    return table_of(
        f"The medians in words, {when(facts.years)}, scenario {_scenario(facts)}, beside {gdp} and {world}.",
        _by_target(facts),
        *target_columns(with_year=len(facts.years) > 1),
        column("Compute", lambda row: compute_in_words(row[COMPUTE]), "time at 1 exaFLOP/s"),
        column("Cost", told(COST, usd_in_words, gdp_value, "world GDP"), grows=True),
        column("Carbon", told(CARBON, kilograms_in_words, world_value, "world emissions"), grows=True),
    )


def halves_table(facts: Facts) -> Table:
    """The 50 % intervals, and energy."""
    return table_of(
        "The 50 % intervals, equal-tailed, which hold the middle half of the draws; and the energy of the "
        "facility, cooling included, with its 90 % interval.",
        _by_target(facts),
        *target_columns(with_year=len(facts.years) > 1),
        *(
            numeric(_header(name), _interval_of(name, half_of_draws), "50 % interval")
            for name in (COMPUTE, COST, CARBON)
        ),
        numeric(_header(ENERGY), _interval_of(ENERGY), "median [90 % interval]"),
    )


def compute_in_words(row: Row) -> str:
    """The median of compute as a length of time, with the note on its target."""
    return in_words(row["median"]) + (f" ({row['note']})" if row["note"] else "")


def unreachable_column(quantity: str | None = None) -> Shown:
    """Share of draws in which no compute reaches the target."""

    def cell(row: Row) -> str:
        return f"{100 * (row if quantity is None else row[quantity])['unreachable']:.3g} %"

    return numeric("Unreachable", cell, "share of draws")


def assumptions_table(scenario: Scenario, caption: str | None = None) -> Table:
    """What a scenario assumes, with sources."""
    return table_of(
        caption or f"Assumptions of scenario {legible(scenario.name, 60)}; where uncertain, {CONVENTION}.",
        records(scenario.describe()),
        column("Assumption", lambda row: str(row["assumption"])),
        column("Assumed", lambda row: str(row["assumed"]), grows=True),
        column("Source", lambda row: str(row["source"]), grows=True),
    )


def _scenario(facts: Facts) -> str:
    return legible(facts.costs.scenario.name, 60) if facts.costs else ""
