"""What slopes and progress say: the exponent of cost, who moved the field, the gain a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.performance import error_scale
from scaling_bayes.intervals import reported
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: Least growth of cost with performance that statistics allows: performance is one over the root mean
#: squared difference from the best prediction (Thompson et al. 2020, section 2; docs/theory.md).
THEORETICAL_EXPONENT = 4.0

_UNITS = {
    "exponent": "1",
    "compute_growth": "log10(FLOP) / year",
    "algorithmic_progress": "log10(FLOP) / year",
    "algorithmic_share": "1",
    "gain_per_year": "1 / year",
    "halving_month": "month",
}


def progress_draws(idata: xr.DataTree | PosteriorView) -> xr.Dataset:
    """Draws of what follows from slope and progress, per task.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `stack` or `open_trace`.

    Returns
    -------
    Dataset
        Along (chain, draw, task): ``exponent``, orders of magnitude of compute per order of magnitude of
        error at the task's reference error (the k of C ∝ (1/e)^k; one over the slope of the power law, and
        ``gain / slope`` in any). With algorithmic progress: ``gain_per_year``, the factor by
        which progress multiplies compute in a year ("compute-equivalent gain"), and ``halving_month``, the
        months in which the compute a result needs halves. With measurement error too: ``compute_growth`` and
        ``algorithmic_progress``, orders of magnitude a year, and ``algorithmic_share``, progress over the
        sum of both: the part of the task's improvement that better algorithms brought, as growth and progress
        enter the model's line as a sum.
    """
    view = PosteriorView.of(idata)
    posterior = view.posterior
    scale = error_scale(view.options.law, posterior, view.constant)
    found = {"exponent": 1.0 / scale["slope"]}
    if "progress" in posterior:
        progress = posterior["progress"]
        found["gain_per_year"] = 10.0**progress
        found["halving_month"] = 12.0 * float(np.log10(2.0)) / progress
        if "compute_growth" in posterior:
            growth = posterior["compute_growth"]
            found["compute_growth"] = growth
            found["algorithmic_progress"] = progress
            found["algorithmic_share"] = progress / (growth + progress)
    import xarray as xr

    return xr.Dataset(found)


def progress_table(idata: xr.DataTree | PosteriorView) -> pd.DataFrame:
    """Medians and intervals of `progress_draws`; columns as `summary` of a fit says."""
    import pandas as pd

    draws = progress_draws(idata)
    rows: list[dict[str, Any]] = []
    for task in draws["task"].values:
        for name, values in draws.data_vars.items():
            of_task = values.sel(task=task).values
            below = float((of_task < THEORETICAL_EXPONENT).mean()) if name == "exponent" else float("nan")
            rows.append(
                {
                    "task": str(task),
                    "quantity": str(name),
                    "unit": _UNITS[str(name)],
                    **reported(of_task),
                    "below_bound": below,
                }
            )
    return pd.DataFrame(rows)
