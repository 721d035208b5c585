"""The law of draws: one of them, or in a stack each draw's own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.core.laws import LAWS, Law, get_law
from scaling_bayes.core.options import STACK


@dataclass(frozen=True)
class MixedLaw:
    """A stack's law: each draw's own, by its position in `LAWS`."""

    #: Position of each draw's law. Shape (chain, draw).
    number: xr.DataArray
    name: str = STACK
    has_floor: bool = True

    @property
    def formula(self) -> str:
        """The scales of all laws."""
        return "; ".join(f"{law.name}: {law.formula}" for law in LAWS.values())

    def performance(self, error: Any, floor: Any = 0.0, **ends: Any) -> Any:
        """As `Law.performance`, draw by draw."""
        return self._choose(law.performance(error, floor, **ends) for law in LAWS.values())

    def error(self, performance: Any, floor: Any = 0.0, **ends: Any) -> Any:
        """As `Law.error`, draw by draw."""
        return self._choose(law.error(performance, floor, **ends) for law in LAWS.values())

    def log_abs_derivative(self, error: Any, floor: Any = 0.0, **ends: Any) -> Any:
        """As `Law.log_abs_derivative`, draw by draw."""
        return self._choose(law.log_abs_derivative(error, floor, **ends) for law in LAWS.values())

    def gain(self, error: Any, floor: Any = 0.0, **ends: Any) -> Any:
        """As `Law.gain`, draw by draw."""
        return self._choose(law.gain(error, floor, **ends) for law in LAWS.values())

    def odds_gain(self, error: Any, floor: Any = 0.0, **ends: Any) -> Any:
        """As `Law.odds_gain`, draw by draw."""
        return self._choose(law.odds_gain(error, floor, **ends) for law in LAWS.values())

    def _choose(self, by_law: Iterable[Any]) -> Any:
        chosen: Any = np.nan
        for position, values in enumerate(by_law):
            chosen = _where(self.number == position, values, chosen)
        return chosen


def _where(condition: xr.DataArray, yes: Any, no: Any) -> xr.DataArray:
    chosen: xr.DataArray = xr.where(condition, yes, no)  # type: ignore[no-untyped-call]
    return chosen


def law_of(name: str, parameters: xr.Dataset) -> Law | MixedLaw:
    """Return the law of draws: one, or in a stack each draw's own, named by the variable ``law``."""
    return get_law(name) if name != STACK else MixedLaw(parameters["law"])
