"""The year that a question is about where none is named: that of the fit."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import TargetError
from scaling_bayes.projection.project import project

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.trace.view import PosteriorView


def time_fitted(fit: PosteriorView) -> float:
    """When a fit was made; one that was not saved, now."""
    text = str(fit.tree.attrs.get("created") or datetime.datetime.now(datetime.UTC).isoformat())
    return int(text[:4]) + (int(text[5:7]) - 0.5) / 12


def project_today(
    fit: PosteriorView, targets: Any, years: Any, kind: str, scenario: Scenario | None
) -> xr.DataTree:
    """Project to the years asked, or to that of the fit; to the end of the data where that cannot be."""
    last = float(fit.constant["publication_year"].values.max())
    this_year = float(int(time_fitted(fit)))
    if years is None and (scenario or fit.options.algorithmic_progress) and this_year > last:
        try:
            return project(fit, targets, this_year, kind, scenario=scenario)
        except TargetError:  # progress cannot have gone on until then, or a target is wrong
            pass
    return project(fit, targets, years, kind, scenario=scenario)
