"""`Explorer`: the answers of `project` and `affordability` for one trace, as the controls ask for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from scaling_bayes.explore.settings import Settings
from scaling_bayes.projection.affordability import (
    affordability,
    probability_by_year,
    share_within_budget,
)
from scaling_bayes.projection.extrapolation import extrapolation_sentences
from scaling_bayes.projection.project import YEARLY, project
from scaling_bayes.projection.summarize import summary

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario

#: Projections that are kept: a few positions back and forth, at most about 20 MB each.
_KEPT = 6


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
    #: None for compute alone.
    scenario: Scenario | None
    #: From `summary` of the projection, one row per quantity.
    summary: pd.DataFrame
    #: None without a budget.
    affordability: Affordability | None
    #: How far the answer goes beyond the data, from `extrapolation_sentences`.
    notes: tuple[str, ...] = ()


class Explorer:
    """Asks one trace, and keeps the last projections, so that a moved budget does not project anew."""

    def __init__(self, idata: xr.DataTree) -> None:
        self.idata = idata
        self._projection = lru_cache(maxsize=_KEPT)(self._project)

    def answer(self, settings: Settings) -> Answer:
        """Ask what `settings` needs."""
        scenario = settings.scenario()
        projection = self._projection(settings.task, settings.error, settings.year, settings.kind, scenario)
        return Answer(
            settings,
            scenario,
            summary(projection),
            self._affordability(settings, scenario, projection) if settings.budgets else None,
            tuple(extrapolation_sentences(projection, scenario)),
        )

    def _affordability(
        self, settings: Settings, scenario: Scenario | None, projection: xr.DataTree
    ) -> Affordability:
        horizon = self._projection(settings.task, settings.error, YEARLY, settings.kind, scenario)
        found = affordability(horizon, **settings.budgets)
        limits = (settings.budgets.get(name) for name in ("budget_usd", "carbon_kg"))
        share = share_within_budget(projection, *limits)
        return Affordability(
            float(share["within_budget"].iloc[0]), probability_by_year(found), summary(found)
        )

    def _project(
        self, task: str, error: float, years: float | str, kind: str, scenario: Scenario | None
    ) -> xr.DataTree:
        return project(self.idata, {task: error}, years, kind, scenario=scenario)
