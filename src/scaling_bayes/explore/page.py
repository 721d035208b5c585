"""The page as HTML: the controls once, and the results for each answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from scaling_bayes.diagnostics.checks import failed_checks
from scaling_bayes.diagnostics.criticism import doubts
from scaling_bayes.explore.bars import Bar, curve_of, interval_bar
from scaling_bayes.explore.calls import command_lines, number_text, python_call
from scaling_bayes.explore.choices import BUDGET_STEPS, CARBON_STEPS, read_choices
from scaling_bayes.explore.settings import COMPUTE_ONLY, OWN
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.intervals import QUANTILES
from scaling_bayes.projection.requirement import KINDS
from scaling_bayes.projection.scenario import PROGRESS, SCENARIOS
from scaling_bayes.report.answer import burden, first_year_text
from scaling_bayes.report.blocks import PowerInterval, Table
from scaling_bayes.report.cost_facts import Budget, cost_yardsticks
from scaling_bayes.report.priced import assumptions_table
from scaling_bayes.report.render import page_style, page_templates
from scaling_bayes.report.tables import (
    CONVENTION,
    Row,
    column,
    half_of_draws,
    median_and_90,
    numeric,
    table_of,
)
from scaling_bayes.text import (
    COMPUTE,
    QUANTITIES,
    format_error,
    format_power_of_ten,
    format_year,
    legible,
    month_of,
    records,
    share_text,
    task_label,
    without_steering,
)
from scaling_bayes.trace.digest import cited_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from scaling_bayes.explore.answers import Answer

_FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class ShownBar:
    """An interval bar with what stands beside it and what it says to those who do not see it."""

    heading: str
    unit: str
    text: PowerInterval
    alt: str
    bar: Bar


def style_sheet() -> str:
    """Style sheet of the page: the report's, and what the controls and bars need."""
    return f"{page_style()}\n{(_FOLDER / 'explore.css').read_text(encoding='utf-8')}"


class Page:
    """The page of one trace."""

    def __init__(self, idata: xr.DataTree, trace: str) -> None:
        self._trace = trace
        self._choices = read_choices(idata)
        self._named = {without_steering(task.name): task.name for task in self._choices.tasks}
        self._digest = cited_digest(idata)
        self._failed = [*failed_checks(idata), *doubts(idata)]
        self._yardsticks = cost_yardsticks()
        self._templates = page_templates(_FOLDER)
        self._templates.filters["amount"] = number_text

    def task(self, shown: str) -> str:
        """Name of the task that the page shows so; other names stay."""
        return self._named.get(shown, shown)

    def whole(self) -> str:
        """The page as the browser loads it, before the first answer."""
        return self._templates.get_template("page.html.j2").render(
            form=Markup(self.form()), style=Markup(style_sheet())
        )

    def form(self) -> str:
        """Headings, controls, and room for the results."""
        choices = self._choices
        budgets = {
            "budget_usd": [(amount, Budget("budget_usd", amount).label) for amount in BUDGET_STEPS],
            "carbon_kg": [(amount, Budget("carbon_kg", amount).label) for amount in CARBON_STEPS],
        }
        return self._templates.get_template("form.html.j2").render(
            choices=choices,
            trace=legible(self._trace, 120),
            digest=self._digest,
            failed=[legible(sentence, 300) for sentence in self._failed],
            scenarios=[*SCENARIOS, COMPUTE_ONLY],
            prices=PRICES,
            progress=PROGRESS,
            kinds=KINDS,
            classes={name: DEVICE_CLASSES[name].label for name in choices.device_classes},
            budgets=budgets,
            own=OWN,
        )

    def results(self, answer: Answer) -> str:
        """What one answer says: a sentence, bars, the table, the budget, the assumptions, the calls."""
        rows = records(answer.summary)
        scenario = answer.scenario
        assumptions = None
        if scenario is not None:
            assumptions = assumptions_table(
                scenario,
                f"Assumptions of scenario {scenario.name}, as changed here; where uncertain, {CONVENTION}.",
            )
        return self._templates.get_template("results.html.j2").render(
            sentence=self.sentence(answer),
            bars=[self._bar(row, answer) for row in rows],
            table=_table(rows, answer),
            burden="" if scenario is None else burden(scenario),
            notes=[legible(note, 300) for note in answer.notes],
            budget=_budget(answer),
            assumptions=assumptions,
            python=python_call(answer.settings, self._trace),
            commands=command_lines(answer.settings, self._trace),
        )

    @staticmethod
    def problem(text: str) -> str:
        """Say why there is no answer."""
        return str(Markup('<p class="problem">{}</p>').format(legible(text, 1000)))

    @staticmethod
    def sentence(answer: Answer) -> str:
        """The medians in one sentence, which is read out after each move."""
        settings = answer.settings
        medians = {row["quantity"]: row["median"] for row in records(answer.summary)}
        target = f"{_target(answer)} in {month_of(settings.year)}"
        if math.isinf(medians[COMPUTE]):
            return f"{target}: out of reach in most of the draws."
        amounts = [
            f"{format_power_of_ten(medians[name])} {about.unit}"
            for name, about in QUANTITIES.items()
            if name in medians
        ]
        return f"{target}: a median of {', '.join(amounts)}."

    def _bar(self, row: dict[str, Any], answer: Answer) -> ShownBar:
        about = QUANTITIES[row["quantity"]]
        heading, unit = about.name.capitalize(), about.unit
        marks = dict(self._yardsticks.get(row["quantity"], {}))
        amount = answer.settings.budgets.get(about.limit)
        if amount is not None:
            marks["budget"] = math.log10(amount)
        return ShownBar(
            heading,
            unit,
            median_and_90(row),
            f"{heading} in {unit}: median {format_power_of_ten(row['median'])}; "
            f"50 % interval {_ends(row, 50)}; 90 % interval {_ends(row, 90)}.",
            interval_bar({name: row[name] for name in QUANTILES}, marks),
        )


def _ends(row: dict[str, Any], percent: int) -> str:
    lower, upper = (format_power_of_ten(row[f"{end}_{percent}"]) for end in ("lower", "upper"))
    return f"{lower} to {upper}"


def _target(answer: Answer) -> str:
    return f"{task_label(answer.settings.task, 60)} at {format_error(answer.settings.error)}"


def _in_words(median: float, words: Callable[[float], str] | None) -> str:
    if words is None:
        return ""
    return "none" if median == -math.inf else words(median)


def _table(rows: list[dict[str, Any]], answer: Answer) -> Table:
    settings = answer.settings

    def quantity(row: Row) -> str:
        about = QUANTITIES[row["quantity"]]
        return f"{about.name.capitalize()}, {about.unit}"

    columns = [
        column("Quantity", quantity),
        numeric("Median", median_and_90, "[90 % interval]"),
        numeric("50 % interval", half_of_draws),
        column(
            "Median, in words",
            lambda row: _in_words(row["median"], QUANTITIES[row["quantity"]].in_words),
            "compute: time at 1 exaFLOP/s",
            grows=True,
        ),
    ]
    if any(row["unreachable"] > 0 for row in rows):
        columns.append(numeric("Unreachable", lambda row: share_text(row["unreachable"]), "share of draws"))
    scenario = "without a scenario" if answer.scenario is None else f"scenario {answer.scenario.name}"
    caption = (
        f"{_target(answer)}, {settings.kind} distribution, "
        f"{month_of(settings.year)}, {scenario}. Intervals are equal-tailed: the 90 % interval leaves 5 % of "
        "the draws on either side."
    )
    return table_of(caption, rows, *columns)


def _budget(answer: Answer) -> dict[str, Any] | None:
    """Whether the budget is enough, or None without one."""
    found = answer.affordability
    if found is None:
        return None
    settings = answer.settings
    row = records(found.first_year)[0]
    start, horizon = int(row["start"]), int(row["horizon"])
    label = " and ".join(Budget(limits, amount).label for limits, amount in settings.budgets.items())
    return {
        "label": label,
        "year": month_of(settings.year),
        "within": share_text(found.within),
        "first": first_year_text(row),
        "never": share_text(row["never"]),
        "start": format_year(start),
        "horizon": format_year(horizon),
        "curve": curve_of(found.by_year, settings.year, range(start, horizon + 1, 20)),
    }
