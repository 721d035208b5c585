"""What is known of a released fit from outside: how its forecasts turned out, and what changed.

From ``data/traces/history.json``, which ``python -m tools.pages history`` computes from the releases.
"""

from __future__ import annotations

import json
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.options import STACK, ModelOptions
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.report.blocks import ListPart, Section
from scaling_bayes.report.finding import row_of, rows_of, target_text
from scaling_bayes.report.tables import Row, column, table_of
from scaling_bayes.resources import data_path
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import month_of, quantity_of, records
from scaling_bayes.trace.releases import release_of

if TYPE_CHECKING:
    from scaling_bayes.report.blocks import Part
    from scaling_bayes.report.facts import Facts

HISTORY = "traces/history.json"
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
    "robust": "a paper may lie far off",
    "drift": "each line may drift from year to year",
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
    data = f"**Data.** {len(facts.systems)} systems{last}; before, {was}."
    parts: list[Part] = [ListPart((*_model(ModelOptions(**before["model"]), facts.fit.options), data))]
    rows = _told(facts, before["answers"])
    if rows:
        said = f"Median {rows[0]['name']} in {month_of(facts.year)}."
        then, now = (each.rpartition("-")[2] for each in (before["release"], known["release"]))
        answers = (
            column("Last release", itemgetter("before"), then),
            column("This release", itemgetter("now"), now),
        )
        parts.append(table_of(said, rows, column("Target error", target_text), *answers))
    return Section("changes", "What changed since the last release", "Changes", tuple(parts))


def _model(before: ModelOptions, now: ModelOptions) -> list[str]:
    said = []
    if before.law != now.law:
        said.append(f"The law is {_LAWS[now.law]}; before, {_LAWS[before.law]}.")
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
            now = row_of(told, target)
            about = quantity_of(now)
            words = {"before": about.short(row["median"]), "now": about.short(now["median"])}
            rows.append({**now, **words, "name": about.name})
    return rows
