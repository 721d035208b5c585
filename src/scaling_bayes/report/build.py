"""`build_report`: from a fit to the parts of a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError
from scaling_bayes.projection.scenario import Scenario, read_scenario
from scaling_bayes.report.answer import affordable_section, answer_section
from scaling_bayes.report.blocks import Details, FailurePart, Part, Report, Section
from scaling_bayes.report.calibration import calibration_section, scorecard_section, simulated_section
from scaling_bayes.report.citing import citation_section
from scaling_bayes.report.comparison import comparison_section
from scaling_bayes.report.cost_facts import read_budgets
from scaling_bayes.report.cost_section import costs_section
from scaling_bayes.report.facts import read_facts
from scaling_bayes.report.finding import lead, status, title, warning
from scaling_bayes.report.history import changes_section
from scaling_bayes.report.json_file import collect
from scaling_bayes.report.laws import laws_section, sensitivity_section
from scaling_bayes.report.modelling import (
    checks_section,
    fits_section,
    settings_section,
    slopes_section,
)
from scaling_bayes.report.priced import numbers_section
from scaling_bayes.report.progress import progress_section
from scaling_bayes.report.provenance import data_section
from scaling_bayes.report.trust import assumptions_section, cite_section, limits_section, trust_section
from scaling_bayes.text import legible
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.report.facts import Facts

#: Sections whose failure costs no more than themselves, in their order; anchor, title, function.
_OPTIONAL: tuple[tuple[str, str, Callable[[Facts], Section | None]], ...] = (
    ("fits", "Fits through the data", fits_section),
    ("slopes", "Slopes: what compute buys", slopes_section),
    ("progress", "Progress: compute and algorithms", progress_section),
    ("thompson2020", "Beside the 2020 paper", comparison_section),
    ("laws", "Laws and weights", laws_section),
    ("calibration", "What the model expects, and what was seen", calibration_section),
    ("simulated", "Calibration where the truth is known", simulated_section),
    ("scorecard", "Out of time: what came later", scorecard_section),
    ("sensitivity", "Sensitivity to priors and data", sensitivity_section),
)
#: Titles of what `Facts.unread` may name.
_UNREAD = {
    "data_checks": "Checks of the model against the data",
    "simulated": "Calibration where the truth is known",
    "scorecard": "Out of time: what came later",
}

QUESTION = "How much training compute does a target error need?"
#: The question of a report with a scenario.
COST_QUESTION = "How much compute, money and carbon does a target error need?"


def build_report(
    idata: xr.DataTree | PosteriorView,
    *,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
    scenario: Scenario | str | None = "trend",
    budget_usd: float | Iterable[float] | None = None,
    carbon_kg: float | Iterable[float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Report:
    """Project a fit and collect what there is to tell.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    targets, kind
        As in `project`.
    years : float or iterable of float, optional
        As in `project`; by default the year in which the fit was made. One year is set beside the end of the
        data and 2030, and of several the last is that of the title.
    scenario : Scenario or str, optional
        As in `project`; None for training compute only, as in a fit whose compute is not in FLOP.
    budget_usd, carbon_kg : float or iterable of float, optional
        Budgets in USD and in kg CO2e to hold costs against, each alone; by default 10 million and 1 billion
        USD, and 10 thousand tonnes CO2e.
    progress : callable, optional
        Called with each step, in words, before it is done.

    Returns
    -------
    Report
        A picture or section beside the answer that cannot be made is a `FailurePart` in its place, and in
        ``failures``.

    Raises
    ------
    TargetError, OptionError, TraceError
        As `project`.
    """
    chosen = None if scenario is None else read_scenario(scenario)
    budgets = read_budgets(budget_usd, carbon_kg)
    if chosen is None and not (budget_usd is None and carbon_kg is None):
        raise OptionError("a budget needs a scenario; found scenario=None.")
    tell = progress or _silent
    tell("projecting the fit")
    view = PosteriorView.of(idata)
    if view.unit != "FLOP" and chosen == read_scenario("trend") and budget_usd is None and carbon_kg is None:
        chosen = None
    facts = read_facts(view, targets, years, kind, chosen, budgets)
    question = QUESTION if facts.costs is None else COST_QUESTION
    tell("drawing the answer")
    sections = tuple(
        section
        for section in (
            answer_section(facts),
            affordable_section(facts, facts.costs) if facts.costs else None,
            _optional(facts, "trust", "How far can you trust this?", trust_section),
            limits_section(facts),
            _optional(facts, "changes", "What changed since the last release", changes_section),
            assumptions_section(facts),
            cite_section(facts),
        )
        if section is not None
    )
    possible = (
        numbers_section(facts),
        costs_section(facts, facts.costs) if facts.costs else None,
        checks_section(facts),
        data_section(facts),
        *(_optional(facts, *each) for each in _OPTIONAL if tell(f"drawing: {each[1].lower()}") is None),
        settings_section(facts),
        citation_section(facts),
    )
    unread = (
        _left_out(name, _UNREAD[name], legible(reason, 500))
        for name, reason in facts.unread.items()
        if name in _UNREAD
    )
    annex = (*(section for section in possible if section is not None), *unread)
    failures = tuple(
        part
        for section in (*sections, *annex)
        for part in _all(section.parts)
        if isinstance(part, FailurePart)
    )
    found = title(facts)
    return Report(
        title=found,
        lead=lead(facts),
        status=tuple(status(facts)),
        warning=warning(facts),
        sections=sections,
        annex=annex,
        numbers=collect(question, facts, failures) | {"finding": found},
        projection=facts.projection,
        failures=failures,
    )


def _silent(step: str) -> None:
    """Tell nobody which step is done."""


def _optional(facts: Facts, name: str, title: str, make: Callable[[Facts], Section | None]) -> Section | None:
    try:
        return make(facts)
    except Exception as error:  # noqa: BLE001  whatever stops an optional part, the report goes on
        return _left_out(name, title, legible(f"{type(error).__name__}: {error}", 500))


def _left_out(name: str, title: str, reason: str) -> Section:
    return Section(name, title, title, (FailurePart(name, title, reason, "Left out"),))


def _all(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, Details):
            yield from _all(part.parts)
