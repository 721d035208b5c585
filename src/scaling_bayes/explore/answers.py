"""`Explorer`: the answers of `project`, `affordability` and `forecast`, as the controls ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pandas as pd

from scaling_bayes.explore.settings import FieldError, Settings
from scaling_bayes.intervals import reported
from scaling_bayes.projection.affordability import (
    affordability,
    probability_by_year,
    share_within_budget,
)
from scaling_bayes.projection.counted import refuse_own_unit
from scaling_bayes.projection.extrapolation import extrapolation_sentences
from scaling_bayes.projection.forecast import forecast, forecast_sentences
from scaling_bayes.projection.project import YEARLY, project
from scaling_bayes.projection.summarize import summary
from scaling_bayes.text import COMPUTE, COST, records
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario

#: Projections that are kept: a few positions back and forth, at most about 20 MB each.
_KEPT = 6
#: Years of the curves of error and need, from the first of a horizon.
_CURVE_YEARS = 31
#: Years between the points of the curve of error, each of which takes a tenth of a second.
_STEP = 2


@dataclass(frozen=True)
class Affordability:
    """How likely the target fits the budgets, and when."""

    #: Share of draws within the budgets in the year asked.
    within: float
    #: From `probability_by_year`.
    by_year: pd.DataFrame
    #: From `summary`, one row.
    first_year: pd.DataFrame


@dataclass(frozen=True)
class Answer:
    """What one position of the controls gives."""

    settings: Settings
    #: Name of the law that is asked, or of a stack of them.
    law: str
    #: None for compute alone.
    scenario: Scenario | None
    #: From `summary` of the projection, one row per quantity; None without a target error.
    summary: pd.DataFrame | None
    #: The target error, or the median of those that the budget reaches.
    error: float | None
    #: Quantiles of its cost, or of compute where there is no cost, by year.
    need_by_year: pd.DataFrame | None
    #: Row of `summary` of the forecast for the budgets, and quantiles of the error by year; None without one.
    reached: dict[str, Any] | None
    error_by_year: pd.DataFrame | None
    #: None without a budget or without a target error.
    affordability: Affordability | None
    #: How far the answer goes beyond the data, as sentences.
    notes: tuple[str, ...] = ()


class Explorer:
    """Asks one trace, or those of other laws beside it, and keeps the last projections.

    So a moved budget does not project anew.
    """

    def __init__(
        self, idata: xr.DataTree, others: Mapping[str, Callable[[], xr.DataTree]] | None = None
    ) -> None:
        self._others = others or {}
        self._view = lru_cache(maxsize=None)(lambda name: PosteriorView.of(self._others[name]()))
        self._served = PosteriorView.of(idata)
        refuse_own_unit(self._served, "the what-if page")
        self._projection = lru_cache(maxsize=_KEPT)(self._project)
        self._forecast = lru_cache(maxsize=_KEPT)(self._forecasts)

    def fit(self, trace: str) -> PosteriorView:
        """The fit of that name; of none, the one that is served.

        Raises
        ------
        FieldError
            If no such trace is offered.
        """
        if not trace:
            return self._served
        if trace not in self._others:
            raise FieldError("trace", f"Found the trace {trace[:60]!r}; expected one that the page offers.")
        found: PosteriorView = self._view(trace)
        return found

    def answer(self, settings: Settings) -> Answer:
        """Ask what `settings` needs."""
        scenario, view = settings.scenario(), self.fit(settings.trace)
        table = need = reached = by_year = found = None
        notes: list[str] = []
        error = settings.error
        if settings.error is not None:
            asked = (settings.trace, settings.task, settings.error)
            projection = self._projection(*asked, settings.year, settings.kind, scenario)
            horizon = self._projection(*asked, YEARLY, settings.kind, scenario)
            table, need = summary(projection), _by_year(horizon)
            notes += extrapolation_sentences(projection, scenario)
            if settings.budgets:
                found = _affordability(settings, projection, horizon)
        if settings.budgets and scenario is not None:
            budgets = tuple(settings.budgets.items())
            of = (settings.trace, settings.task, settings.kind, scenario, budgets)
            now = self._forecast(*of, settings.year)
            reached = records(summary(now))[0]
            by_year = summary(self._forecast(*of, YEARLY))
            if error is None:
                error = float(f"{reached['median']:.2g}")
                asked = (settings.trace, settings.task, error)
                need = _by_year(self._projection(*asked, YEARLY, settings.kind, scenario))
            notes += [] if notes else forecast_sentences(now)
        return Answer(settings, view.law, scenario, table, error, need, reached, by_year, found, tuple(notes))

    def _project(
        self, trace: str, task: str, error: float, years: float | str, kind: str, scenario: Scenario | None
    ) -> xr.DataTree:
        return project(self.fit(trace), {task: error}, years, kind, scenario=scenario)

    def _forecasts(
        self, trace: str, task: str, kind: str, scenario: Scenario, budgets: Any, years: float | str
    ) -> xr.DataTree:
        view = self.fit(trace)
        first = max(2020, int(view.constant["publication_year"].values.min()))
        listed = range(first, first + _CURVE_YEARS, _STEP) if years == YEARLY else years
        return forecast(view, task, listed, kind, scenario=scenario, **dict(budgets))


def _affordability(settings: Settings, projection: xr.DataTree, horizon: xr.DataTree) -> Affordability:
    found = affordability(horizon, **settings.budgets)
    limits = (settings.budgets.get(name) for name in ("budget_usd", "carbon_kg"))
    share = share_within_budget(projection, *limits)
    return Affordability(float(share["within_budget"].iloc[0]), probability_by_year(found), summary(found))


def _by_year(horizon: xr.DataTree) -> pd.DataFrame:
    """Quantiles of what a target needs, year by year: cost, or compute where there is none."""
    data = group(horizon, "projection")
    quantity = COST if COST in data else COMPUTE
    values = data[quantity].isel(target=0).transpose("year", "chain", "draw")[:_CURVE_YEARS]
    rows = [
        {"year": float(year), "quantity": quantity, **reported(draws)}
        for year, draws in zip(values["year"].values, values.values, strict=True)
    ]
    return pd.DataFrame(rows)
