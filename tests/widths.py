"""How wide the intervals of projections are, year by year."""

from __future__ import annotations

import numpy as np
import xarray as xr

from scaling_bayes.intervals import quantiles

QUANTITIES = ("log10_training_compute_flop", "log10_cost_usd", "log10_carbon_kg")


def widths(tree: xr.DataTree, name: str) -> np.ndarray:
    """Width of the 90 % interval of a quantity of a projection, shape (target, year)."""
    values = tree["projection"][name].transpose("target", "year", "chain", "draw").values
    ends = [[quantiles(draws.ravel(), [0.05, 0.95]) for draws in of_target] for of_target in values]
    return np.diff(np.array(ends), axis=-1)[..., 0]
