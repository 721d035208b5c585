"""`predict`: the distribution of the error of systems with given task, compute and year."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.observations import (
    decimal_year,
    in_doubt,
    observations_of,
    stated_papers,
    stated_sd,
    unique_labels,
)
from scaling_bayes.core.options import ModelOptions, check_choice, check_seed
from scaling_bayes.core.performance import Performance, departure, performance_distribution
from scaling_bayes.core.predictive import draw_error, given_curves
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.counts import ARITHMETIC, count_index, in_arithmetic
from scaling_bayes.systems.frames import is_table, read_frame
from scaling_bayes.trace.schema import annotate, group, manifest
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

COMPUTE_KINDS = ("reported", "exact")


def predict(
    idata: xr.DataTree,
    systems: pd.DataFrame,
    *,
    compute: str = "reported",
    random_seed: int | None = None,
) -> xr.DataTree:
    """Predictive distribution of the error of systems the fit need not have seen.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    systems : DataFrame
        Of pandas, polars or Arrow, with ``task``, ``training_compute_flop`` and, where the model uses time,
        ``year`` or ``publication_date``; ``system`` names are kept as labels, and ``compute_in_doubt`` widens
        the error of the compute where it is true; ``compute_sd_dex`` is the row's own.
        Each system is taken as one of a paper not seen. In a fit of learning curves (``curves=True``), one
        whose ``task`` and ``paper`` are those of a curve of the fit is predicted given that curve's points.
    compute : {"reported", "exact"}
        Whether the compute is a reported figure, with the measurement error of those in the data, or
        known exactly (a planned run). The same where the model has no measurement error.
    random_seed : int, optional
        By default the seed of the fit.

    Returns
    -------
    DataTree
        The groups of `idata`, with ``predictions`` (``error``: chain, draw, system) and
        ``predictions_constant_data`` added or replaced.

    Raises
    ------
    DataError
        Listing every row that cannot be predicted.
    OptionError
        If `compute` is unknown or the seed invalid.
    TraceError
        If `idata` is not a fit.
    """
    import pandas as pd

    content = manifest(idata)
    check_choice("compute", compute, COMPUTE_KINDS)
    if is_table(systems) and not isinstance(systems, pd.DataFrame):
        systems, _ = read_frame(systems, "systems")
    if random_seed is not None:
        check_seed(random_seed)
    seed = content["sampler"]["random_seed"] if random_seed is None else random_seed
    options = ModelOptions(**content["model"])
    posterior, constant = group(idata, "posterior"), group(idata, "constant_data")
    tasks = [str(task) for task in posterior["task"].values]
    year = _check(systems, tasks, needs_year=options.needs_year)
    if options.count == ARITHMETIC:
        systems = in_arithmetic(systems)

    labels = {"system": list(unique_labels(systems))}
    task = xr.DataArray(systems["task"].astype(str).to_numpy(dtype=object), dims="system", coords=labels)

    def of_curves(performance: Performance) -> Performance:
        known = observations_of(constant, group(idata, "observed_data"))
        papers = stated_papers(systems)
        return given_curves(options.law, posterior, known, performance, list(task.values), papers)

    log10_compute = xr.DataArray(
        np.log10(systems["training_compute_flop"].to_numpy(dtype=float)), dims="system", coords=labels
    )
    error, when = _errors(
        options,
        posterior,
        constant,
        task,
        log10_compute - departure(posterior, count_index(systems)),
        xr.DataArray(year, dims="system", coords=labels),
        seed,
        flagged=xr.DataArray(in_doubt(systems), dims="system", coords=labels),
        compute_sd=xr.DataArray(stated_sd(systems), dims="system", coords=labels),
        reported=log10_compute.values - constant["reference_log10_compute"].sel(task=task).values,
        conditioned=of_curves if options.curves else None,
        compute_is_exact=compute == "exact",
    )
    known = xr.Dataset(
        {"system_task": task, "log10_training_compute_flop": log10_compute, "publication_year": when}
    )
    tree = idata.copy()
    tree["predictions"] = xr.DataTree(annotate(xr.Dataset({"error": error})))
    tree["predictions_constant_data"] = xr.DataTree(annotate(known))
    return tree


def error_reached(view: PosteriorView, task: str, log10_compute: xr.DataArray, year: float) -> xr.DataArray:
    """Error of one new system of a task, with a compute that is known exactly in each draw.

    Parameters
    ----------
    log10_compute : DataArray, dims (chain, draw)
        Counted as the fit counts it.
    year : float
        Decimal year, until which algorithms go on improving.

    Returns
    -------
    DataArray, dims (chain, draw)

    Raises
    ------
    OptionError
        If the fit has no such task.
    """
    check_choice("task", task, view.tasks)
    labels = {"system": [task]}
    compute = log10_compute.assign_coords({dim: view.posterior[dim] for dim in ("chain", "draw")})
    error, _ = _errors(
        view.options,
        view.posterior,
        view.constant,
        xr.DataArray(np.array([task], dtype=object), dims="system", coords=labels),
        compute.expand_dims(labels),
        xr.DataArray([year], dims="system", coords=labels),
        view.seed,
        compute_is_exact=True,
    )
    return error.isel(system=0, drop=True).transpose("chain", "draw")


def errors_of_papers(
    view: PosteriorView,
    task: str,
    log10_compute: Floats,
    year: Floats,
    paper: NDArray[np.intp],
    rng: np.random.Generator,
) -> Floats:
    """Errors of new systems of a task, those of one paper departing from the line together.

    Parameters
    ----------
    log10_compute : ndarray, shape (chain, draw, system)
        Known exactly in each draw, counted as the fit counts it.
    year : ndarray, shape (system,)
    paper : ndarray of int, shape (system,)
        Which systems are of one paper, counted from 0.
    rng : Generator
        Of the departures; the drift after the data is that of every other prediction.

    Returns
    -------
    ndarray, shape (chain, draw, system)
    """
    labels = {"system": np.arange(year.size)}
    coords = {**labels, **{dim: view.posterior[dim] for dim in ("chain", "draw")}}
    error, _ = _errors(
        view.options,
        view.posterior,
        view.constant,
        xr.DataArray(np.full(year.size, task, dtype=object), dims="system", coords=labels),
        xr.DataArray(log10_compute, dims=("chain", "draw", "system"), coords=coords),
        xr.DataArray(year, dims="system", coords=labels),
        view.seed,
        rng=rng,
        paper=paper,
        compute_is_exact=True,
    )
    return error.transpose("chain", "draw", "system").values


def _errors(
    options: ModelOptions,
    posterior: xr.Dataset,
    constant: xr.Dataset,
    task: xr.DataArray,
    log10_compute: xr.DataArray,
    year: xr.DataArray,
    seed: int,
    *,
    rng: np.random.Generator | None = None,
    paper: NDArray[np.intp] | None = None,
    conditioned: Callable[[Performance], Performance] | None = None,
    **measured: Any,
) -> tuple[xr.DataArray, xr.DataArray]:
    """Draws of the error of each system, and the year it is taken to be of."""
    reference = constant[["reference_log10_compute", "reference_year"]].sel(task=task).drop_vars("task")
    when = year.fillna(reference["reference_year"])
    drawn = generator(seed, Stream.DRIFT)
    posterior = extend_drift(options.law, posterior, constant, float(when.max()), drawn)
    drift: xr.DataArray | float = 0.0
    if options.drift:
        drifted = drift_at(posterior, task.values, when.values, reference["reference_year"].values)
        drift = xr.DataArray(drifted, dims=("chain", "draw", "system"), coords={"system": task["system"]})
    performance = performance_distribution(
        options.law,
        posterior,
        task,
        log10_compute - reference["reference_log10_compute"],
        when - reference["reference_year"],
        chance=constant["chance_error"].sel(task=task).drop_vars("task")
        if "chance_error" in constant
        else 1.0,
        drift=drift,
        **measured,
    )
    performance = performance if conditioned is None else conditioned(performance)
    departures = generator(seed, Stream.PREDICTED_ERROR) if rng is None else rng
    return draw_error(performance, departures, paper), when


def _check(
    systems: pd.DataFrame, tasks: list[str], *, needs_year: bool
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    import pandas as pd

    columns = getattr(systems, "columns", None)
    if columns is None:
        raise DataError(f"systems: expected a DataFrame; found {type(systems).__name__}.")
    missing = [name for name in ("task", "training_compute_flop") if name not in columns]
    if missing:
        raise DataError(
            f"systems: columns {', '.join(missing)} missing; found {', '.join(map(str, columns))}."
        )
    if len(systems) == 0:
        raise DataError("systems: the table has no rows; expected at least one system.")
    problems: list[Problem] = []
    year = decimal_year(systems)
    compute = pd.to_numeric(systems["training_compute_flop"], errors="coerce").to_numpy(
        dtype=float, na_value=np.nan
    )
    sd = stated_sd(systems)
    for position, label in enumerate(systems.index):
        row = label if isinstance(label, (int, str)) else str(label)
        if systems["task"].iloc[position] not in tasks:
            problems.append(
                Problem(
                    row,
                    "task",
                    repr(systems["task"].iloc[position]),
                    f"a task of the fit: {', '.join(tasks)}",
                )
            )
        if not np.isfinite(compute[position]) or compute[position] <= 0:
            found = repr(systems["training_compute_flop"].iloc[position])
            problems.append(Problem(row, "training_compute_flop", found, "a finite number of FLOP above 0"))
        if not (np.isnan(sd[position]) or 0 < sd[position] < np.inf):
            found = repr(systems["compute_sd_dex"].iloc[position])
            problems.append(Problem(row, "compute_sd_dex", found, "a finite number of dex above 0, or empty"))
        if needs_year and np.isnan(year[position]):
            problems.append(Problem(row, "year", "no year", "a publication year or date; this fit uses time"))
    if problems:
        raise DataError("the systems cannot be predicted.", problems)
    return year
