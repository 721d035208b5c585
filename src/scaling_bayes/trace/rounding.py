"""Which digits of a draw are kept: those that its Monte Carlo error leaves a meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Largest rounding error of a draw: this share of its parameter's spread, and of the draw itself.
ROUNDING_SHARE: Final = 1e-3
#: Quartiles of a normal distribution lie so many standard deviations apart.
_NORMAL_QUARTILES: Final = 1.349
#: Below a bound at which the density ends; only towards 0 can they be rounded.
_BELOW_A_BOUND: Final = frozenset({"floor", "bend", "paper_correlation"})


def rounded(draws: xr.Dataset) -> xr.Dataset:
    """Draws to multiples of a power of two, so that their last binary digits are 0 and pack away.

    Parameters
    ----------
    draws : Dataset
        Floats along (chain, draw, ...); whole numbers stay as they are.

    Returns
    -------
    Dataset
        The same, each off by at most `ROUNDING_SHARE` of the spread of its parameter over all draws (the
        smaller of the standard deviation and what the quartiles tell of it), and of itself. Monte Carlo
        errors are 1 / sqrt(ESS) of the spread: 30 times as large at 1,000 effective draws.
    """
    return draws.assign(
        {
            name: values.copy(data=_rounded(values.values, towards_zero=name in _BELOW_A_BOUND))
            for name, values in draws.data_vars.items()
            if values.dtype.kind == "f"
        }
    )


def _rounded(values: Floats, *, towards_zero: bool) -> Floats:
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(values, (0.25, 0.75), axis=(0, 1))
        spread, of_quartiles = values.std(axis=(0, 1)), (high - low) / _NORMAL_QUARTILES
    spread = np.where(of_quartiles > 0, np.minimum(spread, of_quartiles), spread)
    spread = np.where(spread > 0, spread, np.inf)  # one value throughout
    error = ROUNDING_SHARE * np.minimum(np.abs(values), spread)
    # The largest power of two that is no more than the step, which is exact on every processor.
    unit = np.ldexp(1.0, np.frexp(error if towards_zero else 2.0 * error)[1] - 1)
    usable = np.isfinite(values) & (values != 0.0)
    steps = np.where(usable, values, 0.0) / unit
    found: Floats = np.where(usable, (np.trunc(steps) if towards_zero else np.round(steps)) * unit, values)
    return found.astype(values.dtype)
