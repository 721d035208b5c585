"""`summary`: a tidy table of medians and intervals, of whatever answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import TraceError
from scaling_bayes.intervals import reported
from scaling_bayes.projection.extrapolation import refuse_impossible
from scaling_bayes.projection.forecast import forecast_rows
from scaling_bayes.projection.progress import progress_table
from scaling_bayes.projection.runs.words import run_rows
from scaling_bayes.trace.schema import CALIBRATION_KIND, FIT_KIND, group, manifest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Rows = list[dict[str, Any]]


def summary(answer: xr.DataTree | pd.DataFrame, *, by: str | Sequence[str] = "forecaster") -> pd.DataFrame:
    """Table of an answer: medians with equal-tailed 50 % and 90 % intervals, one row per thing asked.

    Parameters
    ----------
    answer : DataTree or DataFrame
        A projection (from `project`), a forecast (`forecast`), what answers give (`affordability`,
        `required_gain`, `record_machine_time`, `largest_run_year`), a run (`estimate_run`), a fit (`fit`,
        `stack` or `open_trace`), a calibration (`calibrate` or `open_trace`), or predictions (`score`,
        `scorecard` or `load_scorecard`).
    by : str or sequence of str
        Columns to group predictions by, such as ``["task", "forecaster"]`` or ``year`` (calendar years); only
        for these.

    Returns
    -------
    pandas.DataFrame
        The quantiles are ``median``, ``lower_90``, ``lower_50``, ``upper_50``, ``upper_90``; targets are
        ``task``, ``error`` and ``note``. By what `answer` is:

        - projection: one row per target, ``year`` and ``quantity``, with its ``unit``; all log10. Draws in
          which no compute reaches the target count as ``inf``; ``unreachable`` is their share.
        - forecast: one row per ``task``, amount given and ``year``, of the error as a fraction, with
          ``in_words``.
        - affordability and largest run: one row per target. Quantiles of the first year, "never" as ``inf``;
          ``at_start`` and ``never``, shares of draws in the first year asked (or earlier) and in none;
          ``start``, ``horizon``.
        - required gain: one row per target, ``year`` and ``lever``. Quantiles of log10 of the factor;
          ``none_needed`` (share of draws that fit already), ``unreachable``.
        - run: one row per ``quantity``, log10, with its ``unit``, ``unreachable`` and ``in_words``; per
          ``task`` of the error.
        - record machine: one row per target and ``year``. Quantiles of log10 days; ``unreachable``.
        - fit: one row per ``task`` and ``quantity`` of progress, with its ``unit``: exponent of cost, growth
          of compute, algorithmic progress. ``below_bound`` is the probability that the exponent lies below
          the 4 that theory allows (NaN for other quantities). Shares outside 0 to 1 belong to draws in which
          compute of the task's systems fell over time.
        - calibration: one row per ``quantity``. From simulation-based calibration ``coverage_50`` and
          ``coverage_90`` (share of simulations whose true value lies in the interval), ``bias`` (median of
          posterior mean minus true value, in posterior standard deviations), ``contraction`` (1 - posterior
          over prior variance) and ``p_value`` of uniform ranks; else ``largest_shift`` (of the posterior
          mean from that of the fit to all data, in its standard deviations) and ``largest_shift_fit``.
        - predictions: the columns of `by`; ``systems`` predicted and ``not_predicted``; ``log_score``, nats
          per 60 systems, higher is better; ``crps``, mean, in orders of magnitude of error, lower is better;
          ``coverage_50``, ``coverage_80``, ``coverage_90``; ``gain``, nats per 60 systems over the 2020
          paper's power line, on the systems both predict (NaN without that line). Where papers are known
          also ``papers``, their number; ``gain_se``, standard error of the gain; and
          ``coverage_50_lower``, ``coverage_50_upper`` and so on, 90 % confidence intervals of the coverage.
          Both take papers as independent, and not the systems of one paper (Korn & Graubard 1998).

    Raises
    ------
    TraceError
        If `answer` is none of these, or a projection holds NaN.
    TargetError
        If the projection is of a horizon in which a median requirement falls below one operation.
    DataError
        If a table is not one of predictions.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> projection = sb.project(sb.open_trace("reference-2026.12"), {"imagenet": 0.05})
    >>> sb.summary(projection)[["task", "error", "quantity"]]
           task  error                     quantity
    0  imagenet   0.05  log10_training_compute_flop
    """
    import pandas as pd

    if isinstance(answer, pd.DataFrame):
        from scaling_bayes.diagnostics.scores import score_table

        return score_table(answer, by)
    children = getattr(answer, "children", {})
    for name, rows in _ROWS.items():
        if name in children:
            return pd.DataFrame(rows(answer))
    kind = manifest(answer).get("kind", FIT_KIND) if children else None
    if kind == CALIBRATION_KIND:
        from scaling_bayes.diagnostics.calibration import calibration_table

        return calibration_table(answer)
    if kind != FIT_KIND:
        found = kind or type(answer).__name__
        raise TraceError(
            f"summary: found {found}; expected a projection, an answer from one, a fit, a calibration, or a "
            "table of predictions."
        )
    return progress_table(answer)


#: What each cell of an answer is about: its coordinate, and what kind of value.
_LABELS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "task": ("target_task", str),
    "error": ("target_error", float),
    "note": ("target_note", str),
    "year": ("year", float),
    "lever": ("lever", str),
}


def _cells(values: xr.DataArray, *dims: str) -> Iterator[tuple[dict[str, Any], NDArray[np.float64]]]:
    """What each cell along some dimensions is about, and its draws."""
    draws = values.transpose(*dims, ...).values
    labels = {
        name: (values.coords[place].dims, np.vectorize(kind, otypes=[object])(values.coords[place].values))
        for name, (place, kind) in _LABELS.items()
        if place in values.coords
    }
    for index in np.ndindex(*draws.shape[: len(dims)]):
        at = dict(zip(dims, index, strict=True))
        about = {name: found[tuple(at[dim] for dim in along)] for name, (along, found) in labels.items()}
        yield about, draws[index]


def _unreachable(values: NDArray[np.float64]) -> dict[str, float]:
    return {"unreachable": float(np.isposinf(values).mean())}


def _of_projection(answer: xr.DataTree) -> Rows:
    data, asked = group(answer, "projection"), manifest(answer)["projection"]
    if asked["horizon"]:
        refuse_impossible(data, asked["data"])
    rows = []
    together = [_cells(values, "target", "year") for values in data.data_vars.values()]
    for cells in zip(*together, strict=True):
        for (name, variable), (about, values) in zip(data.data_vars.items(), cells, strict=True):
            if np.isnan(values).any():
                raise TraceError(f"{name} of {about['task']} holds NaN; the projection is damaged.")
            quantity = {"quantity": str(name), "unit": variable.attrs.get("units", "")}
            rows.append({**about, **quantity, **reported(values), **_unreachable(values)})
    return rows


def _of_first_year(name: str, answer: xr.DataTree) -> Rows:
    data = group(answer, name)
    start, horizon = float(data["year"].min()), float(data["year"].max())
    return [
        {
            **about,
            **reported(years),
            "at_start": float(np.mean(years <= start)),
            "never": float(np.isposinf(years).mean()),
            "start": start,
            "horizon": horizon,
        }
        for about, years in _cells(data["first_year"], "target")
    ]


def _of_gain(answer: xr.DataTree) -> Rows:
    return [
        {
            **about,
            **reported(values),
            "none_needed": float((values <= 0).mean()),
            **_unreachable(values),
        }
        for about, values in _cells(group(answer, "gain")["log10_gain"], "target", "lever")
    ]


def _of_record_machine(answer: xr.DataTree) -> Rows:
    days = group(answer, "record_machine")["log10_days"]
    return [
        {**about, **reported(values), **_unreachable(values)}
        for about, values in _cells(days, "target", "year")
    ]


#: Rows of each kind of answer, by its group.
_ROWS = {
    "projection": _of_projection,
    "forecast": forecast_rows,
    "affordability": lambda answer: _of_first_year("affordability", answer),
    "largest_run": lambda answer: _of_first_year("largest_run", answer),
    "gain": _of_gain,
    "record_machine": _of_record_machine,
    "run": run_rows,
}
