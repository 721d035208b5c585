"""What a fit keeps of its systems: what the model is conditioned on, and where it is from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions

#: Columns of the systems table kept with the fit, beside what the model uses.
PROVENANCE_COLUMNS = (
    "system",
    "paper",
    "paper_url",
    "publication_date",
    "year",
    "metric",
    "value",
    "device",
    "device_count",
    "training_seconds",
    "training_compute_flop",
    "training_compute_reported_flop",
    "compute_method",
    "compute_count",
    "precision",
    "arithmetic_flop",
    "correction_reason",
    "in_thompson2020",
    "flags",
)


def constant_data(observations: Observations, options: ModelOptions, table: pd.DataFrame) -> xr.Dataset:
    """Return the group ``constant_data`` of a fit to the rows of a table, as it stands."""
    data = xr.Dataset(
        {
            "system_task": (
                "system",
                np.array([observations.tasks[i] for i in observations.task_index], dtype=object),
            ),
            "log10_training_compute_flop": ("system", observations.log10_compute),
            "publication_year": ("system", observations.year),
            "compute_in_doubt": ("system", observations.flagged.astype(np.int8)),
            "paper_index": ("system", observations.paper_index.astype(np.int64)),
            "reference_log10_compute": ("task", observations.reference_log10_compute),
            "reference_year": ("task", observations.reference_year),
            "reference_error": ("task", observations.reference_error),
        },
        coords={"system": list(observations.systems), "task": list(observations.tasks)},
    )
    if not np.isnan(observations.compute_sd).all():
        data["compute_sd"] = ("system", observations.compute_sd)
    if options.count_offsets:
        data["count_index"] = ("system", observations.count_index.astype(np.int64))
    used = ["chance_error"] if get_law(options.law).is_bent else []
    used += ["floor_log_median", "floor_log_sd"] if options.floor == "task" else []
    for name in used:
        data[name] = ("task", getattr(observations, name))
    for column in PROVENANCE_COLUMNS:
        if column in table:
            name = "system_name" if column == "system" else column
            data[name] = ("system", _storable(table[column]))
    return data


def _storable(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """Numbers as float64, true/false as int8, everything else as text with '' for missing."""
    if pd.api.types.is_bool_dtype(column):
        return column.to_numpy(dtype=np.int8)
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=float, na_value=np.nan)
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%d")
    return np.array([str(value) if pd.notna(value) else "" for value in column], dtype=object)
