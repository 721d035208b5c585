"""Tables of compute, cost and carbon per target, and of what a scenario assumes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Part, Section, Table, TextPart
from scaling_bayes.report.cost_facts import MOST_TASKS
from scaling_bayes.report.tables import (
    CONVENTION,
    Row,
    column,
    half_of_draws,
    median_and_90,
    numeric,
    table_of,
    target_columns,
)
from scaling_bayes.text import COMPUTE, ENERGY, QUANTITIES, legible, quantity_of, records, share_text, when

if TYPE_CHECKING:
    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.report.facts import Facts


def _by_target(facts: Facts) -> Iterator[dict[str, Any]]:
    """One row per target and year, each quantity under its name."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in records(facts.projection):
        key = (row["task"], row["error"], row["year"])
        about = {name: row[name] for name in ("task", "error", "year", "note")}
        found.setdefault(key, about)[row["quantity"]] = row
    yield from found.values()


def _header(rows: list[dict[str, Any]], quantity: str) -> str:
    about = quantity_of(rows[0][quantity])
    return f"{about.name.capitalize()}, {about.unit}"


def _interval_of(quantity: str, write: Callable[[Row], Cell] = median_and_90) -> Callable[[Row], Cell]:
    return lambda row: write(row[quantity])


def numbers_section(facts: Facts) -> Section:
    """Every answer as powers of ten, with how far it is beyond the data and what it assumes."""
    names = [name for name in QUANTITIES if name in set(facts.projection["quantity"])]
    rows = list(_by_target(facts))
    columns = target_columns(with_year=len(facts.years) > 1)
    wide = [name for name in names if name != ENERGY]
    columns += [numeric(_header(rows, name), _interval_of(name), "median [90 % interval]") for name in wide]
    if any(row[COMPUTE]["unreachable"] > 0 for row in rows):
        columns.append(
            numeric("Unreachable", lambda row: share_text(row[COMPUTE]["unreachable"]), "share of draws")
        )
    caption = (
        f"What each target error needs, {facts.kind} distribution, {when(facts.years)}{_scenario(facts)}. "
        "Intervals are equal-tailed: the 90 % interval leaves 5 % of the draws on either side."
    )
    parts: list[Part] = [table_of(caption, rows, *columns), _halves(facts, rows, names)]
    parts += [
        TextPart(f"Extrapolated: {legible(sentence, 300)}")
        for sentence in facts.extrapolated[: 2 * MOST_TASKS]
    ]
    if facts.costs:
        parts.append(assumptions_table(facts.costs.scenario))
    return Section("numbers", "All numbers, as powers of ten", "Numbers", tuple(parts))


def _halves(facts: Facts, rows: list[dict[str, Any]], names: list[str]) -> Table:
    energy = (
        [numeric(_header(rows, ENERGY), _interval_of(ENERGY), "median [90 % interval]")]
        if ENERGY in names
        else []
    )
    return table_of(
        "The 50 % intervals, equal-tailed, which hold the middle half of the draws"
        + ("; and the energy of the facility, cooling included, with its 90 % interval." if energy else "."),
        rows,
        *target_columns(with_year=len(facts.years) > 1),
        *(
            numeric(_header(rows, name), _interval_of(name, half_of_draws), "50 % interval")
            for name in names
            if name != ENERGY
        ),
        *energy,
    )


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
    return f", scenario {legible(facts.costs.scenario.name, 60)}" if facts.costs else ""
