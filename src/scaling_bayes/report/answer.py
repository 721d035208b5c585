"""The answer: what each target needs, in a picture and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.figures.projections import plot_projections
from scaling_bayes.figures.reading import records
from scaling_bayes.figures.style import task_label
from scaling_bayes.formatting import format_error, format_interval
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.parts import Cell, Column, PowerInterval, Section, Table, TextPart
from scaling_bayes.report.words import in_words, month_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from scaling_bayes.report.reading import Facts

__all__ = ["answer_section", "lead", "when"]

COMPUTE = "log10_training_compute_flop"


def when(facts: Facts) -> str:
    """Return the year or years the projection is for, in words."""
    return " and ".join(month_of(year) for year in facts.years)


def lead(facts: Facts) -> str:
    """For what the answer holds: data, kind, year, scenario."""
    whose = {
        "predictive": "For one new system of each task",
        "mean": "For the typical system of each task",
    }[facts.kind]
    if not facts.options.algorithmic_progress:
        time = "Calendar time plays no part in this fit."
    elif facts.progress_continues:
        time = f"Algorithmic progress goes on until {when(facts)}."
    else:
        time = f"Algorithms are those of {when(facts)}, the end of the data."
    return (
        f"{whose}, estimated from {len(facts.systems)} published systems on "
        f"{_plural(len(facts.tasks), 'task')}. {time} "
        "Compute is counted in FLOP; no price, energy or hardware trend enters."
    )


def answer_section(facts: Facts) -> Section:
    """Picture and table of the training compute each target needs."""
    rows = facts.projection[facts.projection["quantity"] == COMPUTE]

    def picture(width: float) -> Figure:
        ax = plot_projections(facts.projection, yardsticks=facts.yardsticks, width=width)
        return ax.get_figure(root=True)  # type: ignore[return-value]

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
        function=picture,
    )
    return Section("answer", "The answer", "Answer", (figure, _table(facts), _yardstick_note()))


def _table(facts: Facts) -> Table:
    rows = records(facts.projection[facts.projection["quantity"] == COMPUTE])
    several_years = len(facts.years) > 1
    unreachable = any(row["unreachable"] > 0 for row in rows)
    columns = [Column("Task"), Column("Target error", numeric=True)]
    if several_years:
        columns.append(Column("Year", numeric=True))
    columns += [
        Column("Training compute, FLOP", "median [90 % interval]", numeric=True),
        Column("", "50 % interval", numeric=True),
        Column("Median, in words", "time on a machine doing 1 exaFLOP/s", grows=True),
    ]
    if unreachable:
        columns.append(Column("Unreachable", "share of draws", numeric=True))
    cells: list[tuple[Cell, ...]] = []
    previous = ""
    for row in rows:
        target = format_error(float(f"{row['error']:.4g}"))
        line: list[Cell] = [task_label(row["task"], 60) if row["task"] != previous else "", target]
        if several_years:
            line.append(month_of(row["year"]))
        line += [
            PowerInterval(row["median"], row["lower_90"], row["upper_90"]),
            PowerInterval(None, row["lower_50"], row["upper_50"]),
            in_words(row["median"]) + (f" ({row['note']})" if row["note"] else ""),
        ]
        if unreachable:
            line.append(f"{100 * row['unreachable']:.3g} %")
        cells.append(tuple(line))
        previous = row["task"]
    caption = (
        f"Training compute to reach a target error, {facts.kind} distribution, {when(facts)}. "
        "Intervals are equal-tailed: the 90 % interval leaves 5 % of the draws on either side."
    )
    return Table(caption, tuple(columns), tuple(cells))


def _yardstick_note() -> TextPart:
    """What the words of the last column mean."""
    return TextPart(
        "1 exaFLOP/s is 10^18 operations a second, the speed of the record machine of 2022; in a "
        "year it does 10^25.5."
    )


def _plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
