"""The page as HTML: the controls once, and the results for each answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from scaling_bayes.diagnostics.checks import failed_checks
from scaling_bayes.diagnostics.criticism import doubts
from scaling_bayes.explore.bars import Band, Bar, band_of, curve_of, interval_bar
from scaling_bayes.explore.calls import command_lines, number_text, python_call
from scaling_bayes.explore.choices import BUDGET_STEPS, read_choices
from scaling_bayes.explore.settings import COMPUTE_ONLY, OWN
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.intervals import QUANTILES
from scaling_bayes.projection.requirement import KINDS
from scaling_bayes.projection.scenario import PROGRESS, SCENARIOS
from scaling_bayes.report.answer import first_year_text, pricing
from scaling_bayes.report.blocks import Table
from scaling_bayes.report.cost_facts import Budget, cost_yardsticks
from scaling_bayes.report.finding import LAWS_HOLD, target_sentence
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
from scaling_bayes.steering import without_steering
from scaling_bayes.text import (
    COST,
    QUANTITIES,
    answer_in_words,
    error_text,
    format_year,
    legible,
    month_of,
    records,
    share_text,
    task_label,
)
from scaling_bayes.trace.digest import cited_digest
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import read_index, release_of
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.explore.answers import Answer

_FOLDER = Path(__file__).resolve().parent
_MIXTURE = "By a mixture of laws"
#: Share of draws out of reach up to which the median is told.
_MOST = 0.5


@dataclass(frozen=True)
class ShownBar:
    """An interval bar with what stands beside it and what it says to those who do not see it."""

    heading: str
    text: str
    alt: str
    bar: Bar


@dataclass(frozen=True)
class ShownBand:
    """Quantiles by year, with what stands above them and what they say to those who do not see them."""

    name: str
    heading: str
    alt: str
    #: What a dashed level is.
    level: str
    band: Band


def other_laws(idata: xr.DataTree) -> tuple[str, dict[str, tuple[str, Callable[[], xr.DataTree]]]]:
    """Law of a trace in words; and of a released one, those released beside it: label and opener by name."""
    served = release_of(cited_digest(idata))
    if served is None or served.kind != "fit":
        return "", {}
    edition = served.name.rpartition("-")[2]
    beside = [each for each in read_index() if each.kind == "fit" and each.at_hand and each != served]
    named: dict[str, tuple[str, Callable[[], xr.DataTree]]] = {
        each.name: (_law_label(each.title), partial(open_trace, each.name))
        for each in beside
        if each.name.rpartition("-")[2] == edition and _law_label(each.title) != _law_label(served.title)
    }
    return _law_label(served.title), named


def _law_label(title: str) -> str:
    """The law in the title of a released fit: ``power law``, ``mixture of the four laws``."""
    law = (title.partition(": ")[2] or title).partition(",")[0]
    return law[:1].lower() + law[1:]


def style_sheet() -> str:
    """Style sheet of the page: the report's, and what the controls and bars need."""
    return f"{page_style()}\n{(_FOLDER / 'explore.css').read_text(encoding='utf-8')}"


class Page:
    """The page of one trace."""

    def __init__(self, idata: xr.DataTree, trace: str) -> None:
        self._trace = trace
        self._fit = PosteriorView.of(idata)
        self._choices = read_choices(idata)
        self._named = {without_steering(task.name): task.name for task in self._choices.tasks}
        self._digest = cited_digest(idata)
        self._failed = [*failed_checks(idata), *doubts(idata)]
        self._yardsticks = cost_yardsticks()
        self._law, self.others = other_laws(idata)
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
        budgets = [(amount, Budget("budget_usd", amount).label) for amount in BUDGET_STEPS]
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
            law=self._law,
            laws={name: label for name, (label, _) in self.others.items()},
        )

    def results(self, answer: Answer) -> str:
        """What one answer says: sentences, bars, curves, the budget, the assumptions, the calls."""
        scenario, rows = answer.scenario, [] if answer.summary is None else records(answer.summary)
        assumptions = None
        if scenario is not None:
            assumptions = assumptions_table(
                scenario,
                f"Assumptions of scenario {scenario.name}, as changed here; where uncertain, {CONVENTION}.",
            )
        sentence, more = self._told(answer)
        trace = legible(answer.settings.trace or self._trace, 120)
        return self._templates.get_template("results.html.j2").render(
            sentence=sentence,
            more=more,
            citation=f"{sentence} {' '.join(more)} (scaling_bayes, trace {trace}"
            + (f", digest {self._digest[:16]})" if not answer.settings.trace else ")"),
            bars=[self._bar(row, answer) for row in rows],
            bands=list(_bands(answer)),
            table=_table(rows, answer) if rows else None,
            pricing="" if scenario is None else pricing(scenario, self._fit),
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

    def sentence(self, answer: Answer) -> str:
        """The answer in words, which is read out after each move."""
        sentence, more = self._told(answer)
        return " ".join((sentence, *more))

    def _told(self, answer: Answer) -> tuple[str, list[str]]:
        """The finding, and what else there is to say in sentences."""
        settings, law = answer.settings, LAWS_HOLD.get(answer.law, _MIXTURE)
        sentences, year = [], month_of(settings.year)
        if answer.summary is not None:
            rows = {row["quantity"]: row for row in records(answer.summary)}
            row = rows.get(COST) or next(iter(rows.values()))
            sentences.append(f"{target_sentence(row, law, settings.year)}.")
            if 0 < row["unreachable"] <= _MOST:
                share = share_text(row["unreachable"])
                sentences.append(f"With {share} probability no amount of compute is enough.")
        if answer.affordability is not None:
            enough = share_text(answer.affordability.within)
            sentences.append(f"The chance that {_label(answer)} would be enough then is {enough}.")
        if answer.reached is not None:
            words, task = answer.reached["in_words"], task_label(settings.task, 60)
            alone = f"a system trained within {_label(answer)} in {year} has an error of {words} on {task}"
            more = f"Within that budget the error is {words}."
            sentences.append(more if sentences else f"{law}, {alone}.")
        return sentences[0], sentences[1:]

    def _bar(self, row: dict[str, Any], answer: Answer) -> ShownBar:
        about = QUANTITIES[row["quantity"]]
        heading, words = about.name.capitalize(), answer_in_words(row)
        marks = dict(self._yardsticks.get(row["quantity"], {}))
        amount = answer.settings.budgets.get(about.limit)
        if amount is not None:
            marks["budget"] = math.log10(amount)
        half = f"50 % interval {about.short(row['lower_50'])} to {about.short(row['upper_50'])}"
        return ShownBar(
            f"{heading}{about.at}",
            words,
            f"{heading}: {words}, median and 90 % interval; {half}.",
            interval_bar({name: row[name] for name in QUANTILES}, about, marks),
        )


def _label(answer: Answer) -> str:
    """The budgets in words."""
    budgets = answer.settings.budgets.items()
    return " and ".join(Budget(limits, amount).label for limits, amount in budgets)


def _bands(answer: Answer) -> Iterator[ShownBand]:
    """Cost by year for the error, and error by year for the budget."""
    settings, task = answer.settings, task_label(answer.settings.task, 60)
    if answer.need_by_year is not None and answer.error is not None:
        frame = answer.need_by_year
        about = QUANTITIES[frame["quantity"].iloc[0]]
        ends = [about.short(frame["median"].iloc[at]) for at in (0, -1)]
        years = [f"{frame['year'].iloc[at]:.0f}" for at in (0, -1)]
        heading = f"{about.name.capitalize()} of {task} error {error_text(answer.error)}, by year"
        budget = settings.budgets.get(about.limit)
        yield ShownBand(
            "need",
            heading,
            f"{heading}. Median {ends[0]} in {years[0]}, {ends[1]} in {years[1]}.",
            "" if budget is None else "the budget",
            band_of(
                frame,
                settings.year,
                quantity=str(frame["quantity"].iloc[0]),
                level=None if budget is None else math.log10(budget),
            ),
        )
    if answer.error_by_year is not None:
        rows = records(answer.error_by_year)
        heading = f"{task} error for {_label(answer)}, by year"
        first, last = (f"{row['in_words']} in {row['year']:.0f}" for row in (rows[0], rows[-1]))
        yield ShownBand(
            "reached",
            heading,
            f"{heading}. Median and 90 % interval {first}, {last}.",
            "" if settings.error is None else "the target error",
            band_of(answer.error_by_year, settings.year, level=settings.error),
        )


def _table(rows: list[dict[str, Any]], answer: Answer) -> Table:
    settings = answer.settings

    def quantity(row: Row) -> str:
        about = QUANTITIES[row["quantity"]]
        return f"{about.name.capitalize()}, {about.unit}"

    columns = [
        column("Quantity", quantity),
        numeric("Median", median_and_90, "[90 % interval]"),
        numeric("50 % interval", half_of_draws),
    ]
    if any(row["unreachable"] > 0 for row in rows):
        columns.append(numeric("Unreachable", lambda row: share_text(row["unreachable"]), "probability"))
    scenario = "without a scenario" if answer.scenario is None else f"scenario {answer.scenario.name}"
    caption = (
        f"{task_label(settings.task, 60)} at {error_text(settings.error or 0.0)}, {settings.kind}, "
        f"{month_of(settings.year)}, {scenario}. Intervals are equal-tailed: the 90 % interval leaves 5 % of "
        "the probability on either side."
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
    label = _label(answer)
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
