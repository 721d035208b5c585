"""The answer: what each target needs, in a picture and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes import figures
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.report.blocks import Details, Section, Table, TextPart
from scaling_bayes.report.cost_facts import MOST_TASKS
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.priced import (
    assumptions_table,
    compute_in_words,
    halves_table,
    needs_table,
    unreachable_column,
    words_table,
)
from scaling_bayes.report.tables import (
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
    QUANTITIES,
    error_text,
    format_error,
    format_interval,
    legible,
    records,
    task_label,
    when,
)

if TYPE_CHECKING:
    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.report.blocks import FailurePart, FigurePart
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts

_YARDSTICK_SOURCES = {
    COST: "World GDP: World Bank.",
    CARBON: "World emissions, of energy, in a year: IEA.",
}


def lead(facts: Facts) -> str:
    """For what the answer holds: data, kind, year, scenario."""
    whose = {
        "predictive": "For one new system of each task",
        "mean": "For the typical system of each task",
    }[facts.kind]
    if not facts.fit.options.algorithmic_progress:
        time = "Calendar time plays no part in this fit."
    elif facts.progress_continues:
        time = f"Algorithmic progress goes on until {when(facts.years)}."
    elif facts.costs and facts.costs.scenario.algorithmic_progress == "frozen":
        time = "Algorithms are those of the end of the data."
    else:
        time = f"Algorithms are those of {when(facts.years)}, the end of the data."
    money = "Compute is counted in FLOP; no price, energy or hardware trend enters."
    if facts.costs:
        money = (
            f"Cost and carbon are those of {when(facts.years)} in scenario "
            f"{legible(facts.costs.scenario.name, 60)}. {burden(facts.costs.scenario)}"
        )
    laws = "" if facts.laws is None else f", by a mixture of {_plural(len(facts.laws), 'law')}"
    return (
        f"{whose}, estimated from {len(facts.systems)} published systems on "
        f"{_plural(len(facts.fit.tasks), 'task')}{laws}. {time} {money}"
    )


def burden(scenario: Scenario) -> str:
    """What a FLOP counts as, and on what it is paid for."""
    devices = DEVICE_CLASSES[scenario.device_class]
    peak = devices.peak
    if scenario.device is not None:
        on = f"{legible(scenario.device, 60)} at its {peak} peak"
    elif "peak_flop_per_s" in scenario.replacements:
        on = "the scenario's own chip at its peak"
    else:
        on = f"{devices.label} at {peak} peak"
    return f"A requirement counts the hours of devices at peak rate, used or not, and is paid for on {on}."


def answer_section(facts: Facts) -> Section:
    """Pictures and tables of what each target needs: compute and, with a scenario, cost and carbon."""
    rows = facts.projection[facts.projection["quantity"] == COMPUTE]

    figure = draw(
        "projections",
        "Training compute needed",
        caption=(
            "Training compute each target error needs. Dot: median; thick bar: 50 % interval; thin "
            "bar: 90 % interval "
            "(equal tails). Each step of the axis multiplies compute. Largest training runs: Epoch "
            "AI, Data on AI Models."
        ),
        alt="Interval bars of required training compute. "
        + "; ".join(
            f"{task_label(row['task'])} {format_error(row['error'])}: "
            + format_interval(row["median"], row["lower_90"], row["upper_90"])
            for row in records(rows.head(60))
        ),
        function=lambda width: figures.plot_projections(
            facts.projection, yardsticks=facts.yardsticks, width=width
        ),
    )
    if facts.costs is None:
        parts = (figure, _table(facts), *_extrapolated(facts), _yardstick_note())
        return Section("answer", "The answer", "Answer", parts)
    few = len(facts.fit.tasks) <= MOST_TASKS
    halves = [Details("Half of the draws, and energy", (halves_table(facts),))] if few else []
    return Section(
        "answer",
        "The answer",
        "Answer",
        (
            figure,
            *(_bars(facts, facts.costs, quantity) for quantity in _YARDSTICK_SOURCES),
            needs_table(facts),
            words_table(facts, facts.costs),
            *_extrapolated(facts),
            _yardstick_note(),
            Details(
                f"What scenario {legible(facts.costs.scenario.name, 60)} assumes",
                (assumptions_table(facts.costs.scenario),),
            ),
            *halves,
        ),
    )


def _bars(facts: Facts, costs: Costs, quantity: str) -> FigurePart | FailurePart:
    name, unit = QUANTITIES[quantity].name, QUANTITIES[quantity].unit
    title = name.capitalize()
    rows = facts.projection[facts.projection["quantity"] == quantity]
    return draw(
        name,
        f"{title} of each target",
        caption=(
            f"{title} of each target error in {unit}, scenario {legible(costs.scenario.name, 60)}, "
            f"{when(facts.years)}. Dot: median; thick bar: 50 % interval; thin bar: 90 % interval (equal "
            f"tails). {_YARDSTICK_SOURCES[quantity]}"
        ),
        alt=f"Interval bars of {name} in {unit}. "
        + "; ".join(
            f"{task_label(row['task'])} {error_text(row['error'])}: "
            + format_interval(row["median"], row["lower_90"], row["upper_90"])
            for row in records(rows.head(60))
        ),
        function=lambda width: figures.plot_projections(
            facts.projection, quantity=quantity, yardsticks=costs.yardsticks[quantity], width=width
        ),
    )


def _table(facts: Facts) -> Table:
    rows = records(facts.projection[facts.projection["quantity"] == COMPUTE])
    columns = [
        *target_columns(with_year=len(facts.years) > 1),
        numeric("Training compute, FLOP", median_and_90, "median [90 % interval]"),
        numeric("", half_of_draws, "50 % interval"),
        column("Median, in words", compute_in_words, "time on a machine doing 1 exaFLOP/s", grows=True),
    ]
    if any(row["unreachable"] > 0 for row in rows):
        columns.append(unreachable_column())
    caption = (
        f"Training compute to reach a target error, {facts.kind} distribution, {when(facts.years)}. "
        "Intervals are equal-tailed: the 90 % interval leaves 5 % of the draws on either side."
    )
    return table_of(caption, rows, *columns)


def _extrapolated(facts: Facts) -> list[TextPart]:
    """How far the answers go beyond the data; of many tasks those of the first."""
    said = facts.extrapolated[: 2 * MOST_TASKS]
    return [TextPart(f"Extrapolated: {legible(sentence, 300)}") for sentence in said]


def _yardstick_note() -> TextPart:
    """What the words of the last column mean."""
    return TextPart(
        "1 exaFLOP/s is 10^18 operations a second, the speed of the record machine of 2022; in a "
        "year it does 10^25.5."
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
