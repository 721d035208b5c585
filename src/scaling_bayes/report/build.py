"""`build_report`: from a fit to the parts of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError
from scaling_bayes.projection.scenario import Scenario, read_scenario
from scaling_bayes.report.answer import answer_section, lead
from scaling_bayes.report.blocks import Details, FailurePart, Part, Report
from scaling_bayes.report.calibration import calibration_section, scorecard_section, simulated_section
from scaling_bayes.report.citing import citation_section
from scaling_bayes.report.comparison import comparison_section
from scaling_bayes.report.cost_facts import read_budgets
from scaling_bayes.report.cost_section import assumptions_section, costs_section
from scaling_bayes.report.facts import read_facts
from scaling_bayes.report.json_file import collect
from scaling_bayes.report.laws import laws_section, sensitivity_section
from scaling_bayes.report.modelling import (
    checks_section,
    fits_section,
    settings_section,
    slopes_section,
)
from scaling_bayes.report.progress import progress_section
from scaling_bayes.report.provenance import data_section
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["COST_QUESTION", "QUESTION", "build_report"]

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
) -> Report:
    """Project a fit and collect what there is to tell.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    targets, years, kind
        As in `project`.
    scenario : Scenario or str, optional
        As in `project`; None for training compute only.
    budget_usd, carbon_kg : float or iterable of float, optional
        Budgets in USD and in kg CO2e to hold costs against, each alone; by default 10 million and 1 billion
        USD, and 10 thousand tonnes CO2e.

    Returns
    -------
    Report
        A picture that cannot be drawn is a `FailurePart` in its place, and in ``failures``.

    Raises
    ------
    TargetError, OptionError, TraceError
        As `project`.
    """
    chosen = None if scenario is None else read_scenario(scenario)
    budgets = read_budgets(budget_usd, carbon_kg)
    if chosen is None and not (budget_usd is None and carbon_kg is None):
        raise OptionError("a budget needs a scenario; found scenario=None.")
    facts = read_facts(PosteriorView.of(idata), targets, years, kind, chosen, budgets)
    question = QUESTION if facts.costs is None else COST_QUESTION
    possible = (
        answer_section(facts),
        costs_section(facts, facts.costs) if facts.costs else None,
        checks_section(facts),
        data_section(facts),
        fits_section(facts),
        slopes_section(facts),
        progress_section(facts),
        comparison_section(facts),
        laws_section(facts),
        calibration_section(facts),
        simulated_section(facts),
        scorecard_section(facts),
        assumptions_section(facts.costs) if facts.costs else None,
        sensitivity_section(facts),
        settings_section(facts),
        citation_section(facts),
    )
    sections = tuple(section for section in possible if section is not None)
    failures = tuple(
        part for section in sections for part in _all(section.parts) if isinstance(part, FailurePart)
    )
    return Report(
        title=question,
        lead=lead(facts),
        sections=sections,
        numbers=collect(question, facts, failures),
        projection=facts.projection,
        failures=failures,
    )


def _all(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, Details):
            yield from _all(part.parts)
