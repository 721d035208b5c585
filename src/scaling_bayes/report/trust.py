"""How far an answer can be trusted, what it does not say, and what it assumes, in plain words."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from scaling_bayes.projection.counted import counted
from scaling_bayes.projection.scenario import PROGRESS_RATES
from scaling_bayes.report.answer import pricing
from scaling_bayes.report.blocks import ListPart, Section, TextPart
from scaling_bayes.report.finding import headline, plural
from scaling_bayes.report.history import forecasts_text
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.text import (
    error_text,
    legible,
    month_of,
    quantity_of,
    records,
    share_text,
    short,
    task_label,
)

if TYPE_CHECKING:
    from scaling_bayes.report.facts import Facts

#: Floors that are told before the annex.
_MOST = 8
_NOT_SAID = (
    "That anybody will spend this. A vast sum says this route does not lead there.",
    "That the law is right. Intervals hold only under it.",
    "What one system will need. The interval is for any new one.",
    "What else it costs. Inference, staff, data and unsuccessful attempts are left out.",
)
_MIXED = "That the laws are right. Intervals hold only under those mixed."


def trust_section(facts: Facts) -> Section:
    """Earlier forecasts, extrapolation, the cause of the spread, other laws, other progress."""
    row = headline(facts)
    target = f"{task_label(row['task'], 40)} at {error_text(row['error'])}"
    said = [forecasts_text(facts), _beyond(facts, target), _spread(facts)]
    if facts.by_progress is not None:
        said += _by_progress(facts, facts.by_progress, target)
    return Section("trust", "How far can you trust this?", "Trust", (ListPart(tuple(filter(None, said))),))


def _by_progress(facts: Facts, median: Mapping[str, float], target: str) -> list[str]:
    """What the target takes where algorithms gain slowly, or fast; none where the words are the same."""
    takes = {name: quantity_of(headline(facts)).in_words(value) for name, value in median.items()}
    if len(set(takes.values())) == 1:
        return []
    months = {name: f"{12 * math.log10(2) / rate:.0f} months" for name, rate in PROGRESS_RATES.items()}
    sentence = (
        f"**Progress of algorithms.** If slow after {month_of(facts.last_year or 0)} (half in "
        f"{months['slow']}), {target} takes {takes['slow']}; if fast ({months['fast']}), {takes['fast']}."
    )
    return [sentence]


def _beyond(facts: Facts, target: str) -> str:
    row, frame = headline(facts), facts.beyond_data
    here = frame[(frame["task"] == row["task"]) & (frame["error"] == row["error"])].iloc[-1]
    parts = []
    if here["log10_error_beyond"] > 0.02:
        parts.append(f"{10 ** here['log10_error_beyond']:.2g} times below the lowest error in the data")
    if here["years_beyond"] > 0.5:
        parts.append(f"{plural(round(here['years_beyond']), 'year')} after the last system")
    if not parts:
        return f"**Extrapolation.** {target} lies within the data."
    where = " and ".join(parts)
    return f"**Extrapolation.** {target} is {where}. There the law decides more than the data."


def _spread(facts: Facts) -> str:
    """The main cause of the spread; empty where it is not decomposed."""
    if facts.costs is None:
        return ""
    frame, task = facts.costs.decomposition, headline(facts)["task"]
    rows = records(frame[(frame["task"] == task) & frame["share"].notna()])
    if not rows:
        return ""
    first, *others = sorted(rows, key=lambda each: -each["share"])
    second = f", then {others[0]['source']} ({share_text(others[0]['share'])})" if others else ""
    return (
        f"**Main cause of the spread.** For {task_label(task, 40)} at {error_text(first['error'])}: "
        f"{first['source']} ({share_text(first['share'])} of the variance){second}."
    )


def limits_section(facts: Facts) -> Section:
    """What the numbers do not say."""
    said = list(_NOT_SAID)
    if facts.laws is not None:
        said[1] = _MIXED
    if counted(facts.fit) != ARITHMETIC:
        said.append("How busy the devices were. Compute counts devices at peak rate, busy or idle.")
    return Section("limits", "What this does not say", "Limits", (ListPart(tuple(said)),))


def assumptions_section(facts: Facts) -> Section:
    """The assumptions, in sentences."""
    text = [*_law(facts), f"**Algorithms.** {_progress(facts)}"]
    if facts.costs is None:
        text.append("**Money.** Compute only: no price, energy or hardware trend enters.")
    else:
        scenario = facts.costs.scenario
        assumed = {row["assumption"]: legible(row["assumed"], 80) for row in records(facts.costs.assumptions)}
        hardware = f"hardware improves {assumed['improvement of hardware']}"
        price = f"price {assumed['price']}"
        name = legible(scenario.name, 60)
        text.append(
            f"**Hardware and price.** Scenario {name}: {hardware}; {price}. {pricing(scenario, facts.fit)}"
        )
        text.append(f"**Electricity.** {assumed.get('grid', f'Grid of {scenario.region}')}.")
    return Section("assumed", "What is assumed", "Assumptions", (ListPart(tuple(text)),))


def _law(facts: Facts) -> list[str]:
    """The floor of each task, where the law has one."""
    frame = facts.parameters[
        (facts.parameters["stage"] == "posterior") & (facts.parameters["quantity"] == "floor")
    ]
    if facts.laws is not None or frame.empty:
        return []
    floors = "; ".join(
        f"{task_label(row['task'], 30)}, {short(100 * row['median'])} %" for row in records(frame.head(_MOST))
    )
    more = f"; {len(frame) - _MOST} more in the annex" if len(frame) > _MOST else ""
    start = "from chance " if facts.fit.law == "bounded" else ""
    drift = " Each task's line may drift from year to year." if facts.fit.options.drift else ""
    return [f"**Law.** Error falls {start}to a floor (medians): {floors}{more}.{drift}"]


def _progress(facts: Facts) -> str:
    if not facts.fit.options.algorithmic_progress:
        return "This fit does not use publication dates."
    if facts.progress_continues:
        return "They keep improving at past rates, up to the year priced."
    if facts.costs and facts.costs.scenario.algorithmic_progress == "frozen":
        return "They stay as they were at the end of the data."
    return f"They are those of {month_of(facts.year)}, the end of the data."


def cite_section(facts: Facts) -> Section:
    """How to quote the finding, and where the references are."""
    return Section(
        "quote",
        "How to quote this",
        "Quote",
        (
            TextPart(
                f"Quote the median with its interval, year, law and scenario, and this fit by its digest "
                f"{facts.fit.digest[:12]}. References: in the annex."
            ),
        ),
    )
