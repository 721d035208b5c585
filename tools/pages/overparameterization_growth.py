"""How cost grows with performance: by more data at fixed size, and by data and parameters together."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.overparameterization.run import run_experiment
from scaling_bayes.overparameterization.summarize import performance

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.overparameterization.settings import Settings

__all__ = ["cost_of_performance", "grow_together"]


def grow_together(
    settings: Settings,
    observations: Sequence[int],
    parameters_per_observation: float = 2.0,
    *,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run the experiment with the number of parameters in proportion to the number of observations.

    Parameters
    ----------
    settings : Settings
        Of each size, but for ``n_parameters`` and ``observations``.
    observations : sequence of int
    parameters_per_observation : float
        Above 1 the flexible model is over-parameterised.
    store : path, optional
        Folder with a folder for each size.
    workers, progress
        As in `run_experiment`; progress starts again at each size.

    Returns
    -------
    Dataset
        As `run_experiment`, with ``n_parameters`` along ``observations``.

    Raises
    ------
    OptionError
        If a size leaves fewer parameters than coefficients that are not zero.
    """
    import xarray as xr

    parts = []
    for n in observations:
        p = round(parameters_per_observation * n)
        if p < settings.n_nonzero + settings.n_wrong:
            raise OptionError(
                f"observations={n} gives {p} parameters; expected room for {settings.n_nonzero} non-zero."
            )
        one = replace(settings, n_parameters=p, observations=(n,))
        folder = None if store is None else Path(store) / f"observations-{n:06d}"
        found = run_experiment(one, store=folder, workers=workers, progress=progress)
        parts.append(found.assign_coords(n_parameters=("observations", [p])))
    joined = xr.concat(parts, dim="observations", data_vars="all", combine_attrs="drop", join="exact")
    joined["signal"], joined["omitted"] = (parts[0][name] for name in ("signal", "omitted"))
    joined.attrs["settings"] = parts[0].attrs["settings"]
    return joined


def cost_of_performance(
    results: xr.Dataset,
    observations: tuple[int, int] | None = None,
    *,
    resamples: int = 1000,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Orders of magnitude of operations for one of performance, for each model.

    Performance is here 1 / root mean squared distance from the optimal prediction, so its log10 is half that
    of the measure ``excess``. The gain is the least-squares slope of mean log10 performance on log10 mean
    operations over the sample sizes, its interval from resampled simulations; the exponent is one over it.

    Parameters
    ----------
    results : Dataset
        From `run_experiment` or `grow_together`.
    observations : (int, int), optional
        Smallest and largest sample size to use; all by default.
    resamples : int
        Bootstrap samples of simulations.
    random_seed : int

    Returns
    -------
    pandas.DataFrame
        ``model``, ``from_observations``, ``to_observations``, ``gain`` with ``gain_lower_90`` and
        ``gain_upper_90``, ``exponent`` with ``exponent_lower_90`` and ``exponent_upper_90``; an exponent is
        ``inf`` where the gain is not above zero.

    Raises
    ------
    OptionError
        If fewer than two sample sizes are left.
    """
    import pandas as pd

    if observations is not None:
        results = results.sel(observations=slice(*observations))
    sizes = results["observations"].values
    if len(sizes) < 2:
        raise OptionError(
            f"observations={observations!r} leaves {len(sizes)} sample sizes; expected at least 2."
        )
    log10_performance = performance(results) / 2
    count = results.sizes["simulation"]
    weights = (
        np.random.default_rng(random_seed).multinomial(count, np.full(count, 1 / count), size=resamples)
        / count
    )
    weights = np.vstack([np.full(count, 1 / count), weights])
    rows = []
    for model in results["model"].values:
        gained = weights @ log10_performance.sel(model=model).transpose("simulation", "observations").values
        spent = np.log10(
            weights @ results["operations"].sel(model=model).transpose("simulation", "observations").values
        )
        spent = spent - spent.mean(axis=1, keepdims=True)
        gain = (spent * gained).sum(axis=1) / (spent**2).sum(axis=1)
        lower, upper = np.quantile(gain[1:], [(1 - CI_PROB) / 2, (1 + CI_PROB) / 2])
        rows.append(
            {
                "model": str(model),
                "from_observations": int(sizes[0]),
                "to_observations": int(sizes[-1]),
                "gain": gain[0],
                "gain_lower_90": lower,
                "gain_upper_90": upper,
                "exponent": _one_over(gain[0]),
                "exponent_lower_90": _one_over(upper),
                "exponent_upper_90": _one_over(lower),
            }
        )
    return pd.DataFrame(rows)


def _one_over(gain: float) -> float:
    return float(1 / gain) if gain > 0 else float("inf")
