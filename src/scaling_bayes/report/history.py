"""What is known of a released fit from outside: how its forecasts turned out, and what changed.

From ``data/traces/history.json``, which ``python -m tools.pages history`` computes from the releases.
"""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.options import STACK, ModelOptions
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.report.blocks import ListPart, Section
from scaling_bayes.report.finding import row_of, rows_of, target_text
from scaling_bayes.report.tables import Row, column, table_of
from scaling_bayes.resources import data_path
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import month_of, quantity_of, records, task_label
from scaling_bayes.trace.releases import release_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from scaling_bayes.report.blocks import Cell, Part
    from scaling_bayes.report.facts import Facts

HISTORY = "traces/history.json"
#: Factor from which a change is told.
_MUCH = 1.5
_LAWS = {
    "power": "a power law",
    "exponential": "an exponential law",
    "logistic": "a logistic law",
    "saturating": "a power law with a floor",
    "bounded": "a fall from chance to a floor",
    STACK: "a mixture of laws",
}
#: What a switch of the model does.
_SWITCHES = {
    "measurement_error": "compute is inexact",
    "algorithmic_progress": "algorithms improve",
    "paper_effect": "systems of a paper go together",
    "robust": "papers may lie far off",
    "drift": "lines may drift",
    "curves": "points of a learning curve go together",
}


def history_of(facts: Facts) -> dict[str, Any]:
    """What is known of the fit; nothing of one that was not released."""
    release = release_of(facts.fit.digest)
    known: dict[str, dict[str, Any]] = json.loads(data_path(HISTORY).read_text(encoding="utf-8"))
    return {} if release is None else {"release": release.name, **known.get(release.name, {})}


def forecasts_text(facts: Facts) -> str:
    """How earlier forecasts turned out, in sentences."""
    if facts.scorecard is not None:
        found = next(row for row in records(score_table(facts.scorecard)) if row["forecaster"] == STACK)
        years = ", ".join(str(int(year)) for year in sorted(facts.scorecard["cutoff"].unique()))
        inside, half = (f"{100 * found[name]:.0f} %" for name in ("coverage_90", "coverage_50"))
        return (
            f"**Earlier forecasts.** Forecasts were made from the data up to {years}. Of {found['systems']} "
            f"later systems, {inside} fell inside the 90 % intervals of the mixture of laws, and {half} "
            "inside the 50 % intervals."
        )
    scored = history_of(facts).get("scored")
    if scored is None:
        return (
            "**Earlier forecasts.** No forecast from these data was scored. The command scorecard does that."
        )
    ends = f"{100 * scored['lower']:.0f} to {100 * scored['upper']:.0f}"
    return (
        f"**Earlier forecasts.** The same model knew systems until {scored['until']}. Of {scored['systems']} "
        f"later ones, {100 * scored['coverage_90']:.0f} % ({ends}) fell inside its 90 % intervals."
    )


def changes_section(facts: Facts) -> Section | None:
    """What changed since the last release: model, data and answers; None where there is no such."""
    known = history_of(facts)
    before = known.get("previous")
    if before is None:
        return None
    last = f", to {month_of(facts.last_year)}" if facts.last_year else ""
    was = f"{before['systems']}, to {month_of(before['last_year'])}"
    counted = before["compute_factor"]
    recounted = f", whose compute was put {counted:.2g} times as high" if counted >= _MUCH else ""
    data = f"**Data.** {len(facts.systems)} systems{last}; before, {was}{recounted}."
    model = _model(ModelOptions(**before["model"]), facts.fit.options)
    rows = _told(facts, before["answers"])
    parts: list[Part] = [ListPart((*model, data, *_why(rows)))]
    if rows:
        then, now = (each.rpartition("-")[2] for each in (before["release"], known["release"]))
        answers = (
            column("Last release", _median("before"), then),
            column("Its model", _median("refitted"), "today's data"),
            column("This release", _median("median"), now),
        )
        said = f"Median {quantity_of(rows[0]).name} in {month_of(facts.year)}."
        parts.append(table_of(said, rows, column("Target error", target_text), *answers))
    return Section("changes", "What changed since the last release", "Changes", tuple(parts))


def _median(name: str) -> Callable[[Row], Cell]:
    return lambda row: quantity_of(row).short(row[name])


def _why(rows: list[Row]) -> list[str]:
    """Which of the two steps between the releases, data or model, moved each answer more."""
    causes: dict[str, list[str]] = {"model": [], "data": []}
    for row in rows:
        if abs(row["median"] - row["before"]) > math.log10(_MUCH):
            by_data, by_model = row["refitted"] - row["before"], row["median"] - row["refitted"]
            cause = "model" if abs(by_model) > abs(by_data) else "data"
            causes[cause].append(task_label(row["task"], 30))
    said = [f"Mainly the new {cause}: {', '.join(tasks)}." for cause, tasks in causes.items() if tasks]
    return [f"**Why answers moved.** {' '.join(said)}"] if said else []


def _model(before: ModelOptions, now: ModelOptions) -> list[str]:
    said = []
    if before.law != now.law:
        floor = " Close to a floor, each step costs more." if now.has_floor and not before.has_floor else ""
        said.append(f"The law is {_LAWS[now.law]}; before, {_LAWS[before.law]}.{floor}")
    switched = [(words, getattr(before, name), getattr(now, name)) for name, words in _SWITCHES.items()]
    switched.append(("compute counts operations done", before.count == ARITHMETIC, now.count == ARITHMETIC))
    for heading, state in (("New", True), ("No longer", False)):
        found = [words for words, was, is_now in switched if was != is_now and is_now == state]
        if found:
            said.append(f"{heading}: {'; '.join(found)}.")
    return [f"**Model.** {' '.join(said)}"] if said else []


def _told(facts: Facts, before: list[dict[str, Any]]) -> list[Row]:
    """The next targets of which the last release is known to have said something, under the same scenario."""
    scenario = None if facts.costs is None else facts.costs.scenario
    if scenario is None or scenario != type(scenario).named("trend") or facts.kind != "predictive":
        return []
    told, rows = rows_of(facts, facts.year), list[Row]()
    for row in before:
        target = row["task"], row["error"]
        if row["year"] == facts.year and target in facts.next_targets:
            steps = {"before": row["median"], "refitted": row["its_model_on_new_data"]}
            rows.append({**row_of(told, target), **steps})
    return rows
