"""Checks of a fit, kept as data: a name, a value, the threshold it is held to, and whether it passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import TraceView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def checks(idata: xr.DataTree | TraceView) -> pd.DataFrame:
    """Return the checks stored with a fit.

    Parameters
    ----------
    idata : DataTree
        From `fit`, `stack` or `open_trace`.

    Returns
    -------
    DataFrame
        One row per check: ``check``, ``value``, ``comparison`` (the relation that must hold),
        ``threshold``, ``passed``, ``worst`` (the parameter or chain that sets the value), ``meaning``.

    Raises
    ------
    TraceError
        If the tree has no checks.
    """
    stored = idata.group("checks") if isinstance(idata, TraceView) else group(idata, "checks")
    frame = stored.to_dataframe().reset_index()
    frame["passed"] = frame["passed"].astype(bool)
    return frame[["check", "value", "comparison", "threshold", "passed", "worst", "meaning"]]


def failed_checks(idata: xr.DataTree | TraceView) -> list[str]:
    """One sentence in plain words for each check that did not pass."""
    return sentences(checks(idata))


def sentences(frame: pd.DataFrame) -> list[str]:
    """One sentence for each row of `checks` or `data_checks` that did not pass."""
    return [
        f"{row.check} is {row.value:.4g} ({row.worst}), expected {row.comparison} {row.threshold:g}: "
        f"{row.meaning}"
        for row in frame[~frame["passed"]].itertuples()
    ]
