"""`summarize_projection`: a tidy table of medians and intervals from projection draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import TraceError
from scaling_bayes.intervals import reported
from scaling_bayes.trace.schema import group

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["summarize_projection"]


def summarize_projection(projection: xr.DataTree) -> pd.DataFrame:
    """Median and equal-tailed 90 % and 50 % intervals of each projected quantity.

    Parameters
    ----------
    projection : DataTree
        From `project`.

    Returns
    -------
    DataFrame
        One row per target, year and quantity: ``task``, ``error``, ``note``, ``year``, ``quantity``,
        ``unit``, ``lower_90``, ``lower_50``, ``median``, ``upper_50``, ``upper_90`` and ``unreachable``,
        the share of draws in which no compute reaches the target. With a scenario the quantities are
        compute, cost, energy and carbon, all log10. These draws count as ``inf`` in the
        quantiles.

    Raises
    ------
    TraceError
        If `projection` is not from `project`, or holds NaN.
    """
    import pandas as pd

    data = group(projection, "projection")
    rows = []
    for target in range(data.sizes["target"]):
        for year in range(data.sizes["year"]):
            cell = data.isel(target=target, year=year)
            for name, draws in cell.data_vars.items():
                values = draws.values
                if np.isnan(values).any():
                    raise TraceError(
                        f"{name} of {cell['target'].item()} holds NaN; the projection is damaged."
                    )
                row = {
                    "task": str(cell["target_task"].item()),
                    "error": float(cell["target_error"]),
                    "note": str(cell["target_note"].item()),
                    "year": float(cell["year"]),
                    "quantity": str(name),
                    "unit": data[name].attrs.get("units", ""),
                }
                rows.append({**row, **reported(values), "unreachable": float(np.isposinf(values).mean())})
    return pd.DataFrame(rows)
