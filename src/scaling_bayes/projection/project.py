"""`project`: from the posterior to the training compute a target error needs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes import equations
from scaling_bayes.errors import TargetError
from scaling_bayes.laws import get_law
from scaling_bayes.options import check_choice, check_seed
from scaling_bayes.projection.targets import check_year, default_targets, read_targets
from scaling_bayes.schema import annotate, group, manifest

__all__ = ["KINDS", "project"]

KINDS = ("predictive", "mean")


def project(
    idata: xr.DataTree,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
    *,
    random_seed: int | None = None,
) -> xr.DataTree:
    """Training compute each target error needs, one value per posterior draw.

    Per draw, ``x = reference + (g(error) - intercept - residual) / slope - progress * (year - reference
    year)``, the model's equation solved for compute; all in log10 FLOP.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    targets : mapping, DataFrame or iterable of pairs, optional
        ``{task: error or errors}``, a table with columns ``task`` and ``error``, or (task, error) pairs.
        By default the targets of the 2020 paper's table; for other tasks the best error in the data, half
        of it and a tenth of it.
    years : float or iterable of float, optional
        Years in which the target is to be reached; algorithmic progress, where it is in the model, goes on
        until then. By default the last year in the data, with no progress after it.
    kind : {"predictive", "mean"}
        ``predictive``: the compute of one new system, with the noise between systems. ``mean``: where the
        task's line itself reaches the target.
    random_seed : int, optional
        Seed of the noise of ``predictive``; by default the seed of the fit, so that a trace always gives
        the same numbers.

    Returns
    -------
    DataTree
        Group ``projection`` with ``log10_training_compute_flop`` (chain, draw, target, year), and
        ``target_task``, ``target_error``, ``target_note`` along ``target``. A draw in which no compute
        reaches the target is ``inf``. The same noise serves all targets and years of a task in a draw, so
        that they compare.

    Raises
    ------
    TargetError
        If a target or year is invalid; all invalid targets are listed.
    OptionError
        If `kind` is unknown or the seed invalid.
    TraceError
        If `idata` is not a fit.
    """
    content = manifest(idata)
    check_choice("kind", kind, KINDS)
    if random_seed is not None:
        check_seed(random_seed)
    posterior, constant = group(idata, "posterior"), group(idata, "constant_data")
    tasks = [str(task) for task in posterior["task"].values]
    chosen = (
        default_targets(tasks, _best_errors(idata, tasks))
        if targets is None
        else read_targets(targets, tasks)
    )
    year = _years(years, constant)
    law = get_law(content["model"]["law"])
    labels = _unique([target.label for target in chosen])
    task = xr.DataArray([target.task for target in chosen], dims="target", coords={"target": labels})
    error = xr.DataArray([target.error for target in chosen], dims="target", coords={"target": labels})
    by_target = {
        str(name): values.sel(task=task).drop_vars("task")
        for name, values in xr.merge(
            [posterior, constant[["reference_log10_compute", "reference_year"]]]
        ).items()
        if "task" in values.dims
    }
    performance = law.performance(error)
    if kind == "predictive":
        seed = content["sampler"]["random_seed"] if random_seed is None else random_seed
        performance = performance - by_target["noise"] * _standard_noise(posterior, seed).sel(
            task=task
        ).drop_vars("task")
    compute = by_target["reference_log10_compute"] + equations.required_compute(
        performance,
        year - by_target["reference_year"],
        intercept=by_target["intercept"],
        slope=by_target["slope"],
        progress=by_target.get("progress", 0.0),
    )
    compute = compute.expand_dims(year=year["year"]) if "year" not in compute.dims else compute
    projection = xr.Dataset(
        {"log10_training_compute_flop": compute.transpose("chain", "draw", "target", "year")}
    ).assign_coords(
        target_task=("target", task.values.astype(object)),
        target_error=("target", error.values),
        target_note=("target", np.array([target.note for target in chosen], dtype=object)),
    )
    tree = xr.DataTree.from_dict({"/projection": annotate(projection)})
    tree.attrs["manifest"] = json.dumps(
        {
            **content,
            "projection": {
                "kind": kind,
                "years": year.values.tolist(),
                "progress_continues": years is not None,
            },
        },
        sort_keys=True,
        ensure_ascii=False,
    )
    return tree


def _years(years: float | Iterable[float] | None, constant: xr.Dataset) -> xr.DataArray:
    if years is None:
        values = [float(constant["publication_year"].max())]
    else:
        several = isinstance(years, Iterable) and not isinstance(years, (str, bytes))
        values = [check_year(year) for year in (years if several else [years])]  # type: ignore[union-attr]
    if not values:
        raise TargetError("years: none given; expected at least one calendar year.")
    if len(set(values)) < len(values):
        raise TargetError("years: the same year is asked twice.")
    return xr.DataArray(values, dims="year", coords={"year": values})


def _best_errors(idata: xr.DataTree, tasks: list[str]) -> dict[str, float]:
    error = group(idata, "observed_data")["error"].values
    system_task = group(idata, "constant_data")["system_task"].values.astype(str)
    return {task: float(error[system_task == task].min()) for task in tasks}


def _standard_noise(posterior: xr.Dataset, seed: int) -> xr.DataArray:
    """Standard normal draws (chain, draw, task), a stream of their own per task label order."""
    shape = [posterior.sizes[dim] for dim in ("chain", "draw", "task")]
    noise = np.random.default_rng([seed, 2]).standard_normal(shape)
    return xr.DataArray(
        noise,
        dims=("chain", "draw", "task"),
        coords={dim: posterior[dim] for dim in ("chain", "draw", "task")},
    )


def _unique(labels: list[str]) -> list[str]:
    if len(set(labels)) < len(labels):
        raise TargetError("targets: two targets have the same label; errors must differ by more than 1e-8.")
    return labels
