"""The data that a trace was made from, as it keeps them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scaling_bayes.errors import TraceError
from scaling_bayes.trace.view import PosteriorView, TraceView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def stored_systems(view: PosteriorView) -> pd.DataFrame:
    """Return the systems a fit was made from, as its data group keeps them.

    Raises
    ------
    TraceError
        If the fit does not keep the compute of its systems.
    """
    import pandas as pd

    constant = view.constant
    if "training_compute_flop" not in constant:
        raise TraceError("the fit does not keep training_compute_flop; expected one written by this release.")
    names = {"task": "system_task", "system": "system_name", "compute_sd_dex": "compute_sd"} | {
        name: name
        for name in (
            *("paper", "training_compute_flop", "compute_in_doubt", "year", "publication_date"),
            *("compute_count", "precision", "arithmetic_flop"),
        )
    }
    frame = pd.DataFrame(
        {column: constant[name].values for column, name in names.items() if name in constant}
    )
    frame["compute_in_doubt"] = frame["compute_in_doubt"].astype(bool)
    frame.insert(2, "error", view.group("observed_data")["error"].values)
    if "publication_date" in frame:
        frame["publication_date"] = pd.to_datetime(frame["publication_date"].replace("", None))
    return frame


def stored_hardware(trace: xr.DataTree | TraceView) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and offers that a hardware posterior was made from, as its data group keeps them."""
    import pandas as pd

    observed = TraceView.of(trace).group("observed_data")
    points, offers = (
        pd.DataFrame(
            {
                str(name).removeprefix(f"{dim}_"): values.values
                for name, values in observed.data_vars.items()
                if values.dims == (dim,)
            }
        )
        for dim in ("point", "offer")
    )
    return points, offers
