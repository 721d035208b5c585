"""The distribution of performance, and of error, for given systems and parameter draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scaling_bayes import equations
from scaling_bayes.laws import Law

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["draw_error", "log_density_of_error", "performance_distribution"]


def performance_distribution(
    parameters: xr.Dataset,
    task: xr.DataArray,
    compute: xr.DataArray,
    year: xr.DataArray,
    *,
    compute_is_exact: bool = False,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Mean and standard deviation of performance, per draw and system.

    Parameters
    ----------
    parameters : Dataset
        Draws of the model's parameters; the task-level ones along ``task``.
    task : DataArray of str, shape (system,)
        Task label of each system.
    compute, year : DataArray, shape (system,)
        Log10 FLOP and years, relative to the task's reference.
    compute_is_exact : bool
        Whether `compute` is the true compute rather than a reported figure with measurement error.

    Returns
    -------
    tuple of DataArray, shape (..., system)
        On the law's performance scale.
    """
    by_system = {
        str(name): values.sel(task=task).drop_vars("task", errors="ignore")
        if "task" in values.dims
        else values
        for name, values in parameters.data_vars.items()
    }
    compute_mean, compute_variance = compute, xr.zeros_like(compute)
    if "compute_error" in by_system and not compute_is_exact:
        compute_mean, compute_variance = equations.latent_compute(
            compute,
            year,
            mean=by_system["compute_mean"],
            growth=by_system["compute_growth"],
            spread=by_system["compute_spread"],
            error=by_system["compute_error"],
        )
    mean = equations.expected_performance(
        compute_mean,
        year,
        intercept=by_system["intercept"],
        slope=by_system["slope"],
        progress=by_system.get("progress", 0.0),
    )
    variance = equations.performance_variance(
        slope=by_system["slope"], noise=by_system["noise"], compute_variance=compute_variance
    )
    order = [dim for dim in mean.dims if dim != "system"] + ["system"]
    return mean.transpose(*order), np.sqrt(variance).transpose(*order)


def draw_error(law: Law, mean: xr.DataArray, sd: xr.DataArray, rng: np.random.Generator) -> xr.DataArray:
    """One draw of the error per draw and system; errors above 1 count as 1, the worst there is."""
    performance = mean + sd * rng.standard_normal(mean.shape)
    error: xr.DataArray = law.error(performance).clip(max=1.0)
    return error


def log_density_of_error(
    law: Law, mean: xr.DataArray, sd: xr.DataArray, error: NDArray[np.float64]
) -> xr.DataArray:
    """Natural log of the density of the observed error: normal in performance, times the Jacobian."""
    z = (law.performance(error) - mean) / sd
    log_density: xr.DataArray = -0.5 * z**2 - np.log(sd) - 0.5 * float(np.log(2 * np.pi))
    log_jacobian: NDArray[np.float64] = law.log_abs_derivative(error)
    return log_density + log_jacobian
