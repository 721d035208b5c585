"""The paper's numbers, their reproduction and the Bayesian answer, cell by cell."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.intervals import CI_PROB, QUANTILES, quantiles
from scaling_bayes.projection.counted import BURDEN
from scaling_bayes.projection.project import project
from scaling_bayes.projection.summarize import summary as summarize
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS
from scaling_bayes.thompson2020.lines import FORMS, fit_line
from scaling_bayes.thompson2020.points import FLOP_PER_GFLOP
from scaling_bayes.thompson2020.targets import target_table
from scaling_bayes.trace.schema import manifest
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario

_BAYESIAN = ("bayes_median", "bayes_lower_90", "bayes_upper_90", "bayes_unreachable")


#: The variable of a projection that answers each quantity of the paper's table, in FLOP, USD and kg. The
#: cells of a variable that a projection does not have are left empty.
PROJECTED = {
    "compute": "log10_training_compute_flop",
    "cost": "log10_cost_usd",
    "carbon": "log10_carbon_kg",
}


def _log10_of_units() -> dict[str, float]:
    """log10 of the paper's unit of each quantity, in the unit of the projection."""
    table = load_table("thompson2020_conversions").set_index("name")["value"]
    return {
        "compute": math.log10(FLOP_PER_GFLOP),
        "cost": 0.0,
        "carbon": math.log10(float(table["kg_per_lb"])),
    }


def side_by_side(
    idata: xr.DataTree | PosteriorView,
    *,
    kind: str = "mean",
    scenario: Scenario | str | None = "thompson2020",
    projection: xr.DataTree | None = None,
) -> pd.DataFrame:
    """Printed, recomputed and Bayesian value of each cell of the paper's target table.

    The paper inverts a line, so its counterpart is ``kind="mean"``; its compute is hardware burden, and so is
    that of the Bayesian columns. They are filled where the law of the fit is the form of the cell (``power``
    for polynomial, ``exponential`` for exponential); a law that is neither answers every cell.

    Parameters
    ----------
    scenario : Scenario or str, optional
        As in `project`. The default has the paper's own conversions, so that cost and carbon compare; None
        leaves them empty.
    projection : DataTree, optional
        A projection of `idata` at the paper's targets and one year, to use instead of a new one, with
        ``count="burden"``.

    Returns
    -------
    pandas.DataFrame
        The rows and columns of `target_table`, with ``law``, ``year``, and log10 in the unit of the row
        ``bayes_median``, ``bayes_lower_90``, ``bayes_upper_90``; ``bayes_unreachable`` is the share of draws
        in which no compute suffices. NaN where the fit has no answer.

    Raises
    ------
    OptionError
        If `projection` has several years, or counts operations.
    TraceError
        If `idata` is not a fit.
    """
    table = target_table()
    view = PosteriorView.of(idata)
    if projection is None:
        targets = {task: list(errors) for task, errors in THOMPSON2020_TARGETS.items() if task in view.tasks}
        projection = project(view, targets, kind=kind, scenario=scenario, count=BURDEN)
    elif manifest(projection)["projection"]["count"] != BURDEN:
        raise OptionError(
            'projection: found operations; the paper counts burdens. Give one of count="burden".'
        )
    summary = summarize(projection)
    if summary["year"].nunique() > 1:
        raise OptionError("projection: found several years; expected one, as the paper's table has no year.")
    answers = {
        (row["task"], round(row["error"], 9), row["quantity"]): row
        for row in summary.to_dict(orient="records")
    }
    forms = [name for name, form in FORMS.items() if form.law == view.law] or list(FORMS)
    units = _log10_of_units()
    table["law"], table["year"] = view.law, float(summary["year"].iloc[0])
    filled = []
    for cell in table.to_dict(orient="records"):
        quantity = cell["quantity"]
        answer = answers.get((cell["task"], round(cell["error"], 9), PROJECTED[quantity]))
        if answer is None or cell["form"] not in forms:
            filled.append([math.nan] * len(_BAYESIAN))
        else:
            values = [answer[name] - units[quantity] for name in ("median", "lower_90", "upper_90")]
            filled.append([*values, answer["unreachable"]])
    table[list(_BAYESIAN)] = np.array(filled, dtype=float)
    return table


def slopes_side_by_side(idata: xr.DataTree | PosteriorView) -> pd.DataFrame:
    """Slope of performance on log10 compute: least squares and posterior, tasks of the fit.

    Returns
    -------
    pandas.DataFrame
        One row per task: ``task``, ``form``, ``law``, ``ols_slope`` with its equal-tailed 90 % confidence
        interval ``ols_lower_90``, ``ols_upper_90``, and the posterior's ``bayes_median``,
        ``bayes_lower_90``, ``bayes_upper_90``. Empty where the law of the fit is not one of the paper's
        forms, for then slopes are on another scale.

    Raises
    ------
    TraceError
        If `idata` is not a fit.
    """
    import pandas as pd

    view = PosteriorView.of(idata)
    forms = [name for name, form in FORMS.items() if form.law == view.law]
    slope = view.posterior["slope"]
    rows = []
    for form in forms:
        for task in THOMPSON2020_TARGETS:
            if task not in slope["task"].values:
                continue
            line = fit_line(task, form)
            half = line.student(CI_PROB) * line.slope_se
            probs = [QUANTILES[name] for name in ("median", "lower_90", "upper_90")]
            median, lower, upper = quantiles(slope.sel(task=task).values, probs)
            rows.append(
                {
                    "task": task,
                    "form": form,
                    "law": view.law,
                    "ols_slope": line.slope,
                    "ols_lower_90": line.slope - half,
                    "ols_upper_90": line.slope + half,
                    "bayes_median": median,
                    "bayes_lower_90": lower,
                    "bayes_upper_90": upper,
                }
            )
    return pd.DataFrame(rows)
