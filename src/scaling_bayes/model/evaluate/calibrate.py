"""`calibrate`: whether intervals of a model hold, and what its results hang on, by thousands of fits."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from scaling_bayes.batch.execute import execute
from scaling_bayes.batch.job import fingerprint
from scaling_bayes.batch.store import open_store
from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import observe, without_undated_drift
from scaling_bayes.core.options import (
    DEFAULT_MODEL,
    STACK,
    TARGET_ACCEPT,
    ModelOptions,
    SamplerOptions,
    check_choice,
    check_count,
    check_seed,
)
from scaling_bayes.core.priors import default_priors, resolve_priors
from scaling_bayes.diagnostics.calibration import summarize
from scaling_bayes.errors import OptionError
from scaling_bayes.model.evaluate.calibration_jobs import (
    LeaveOnePaperOut,
    PosteriorSBC,
    PriorSBC,
    PriorSweep,
    ranked_draws,
)
from scaling_bayes.model.evaluate.calibration_model import Model
from scaling_bayes.model.fit import library_versions, table_to_fit
from scaling_bayes.systems.counts import ARITHMETIC, in_arithmetic
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.schema import (
    CALIBRATION_KIND,
    CALIBRATION_SCHEMA_VERSION,
    EXPERIMENTS,
    SBC,
    annotate,
)
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.batch.job import Job

#: Chains, warm-up draws and draws of each fit to a simulation, and of each other fit.
_SIMULATION_SAMPLER: dict[str, Any] = {"chains": 2, "tune": 500, "draws": 500, "target_accept": 0.95}
_SAMPLER: dict[str, Any] = {"chains": 4, "tune": 1000, "draws": 1000, "target_accept": TARGET_ACCEPT}


def calibrate(
    experiment: str = "prior_sbc",
    systems: pd.DataFrame | str | PathLike[str] | None = None,
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    simulations: int = 500,
    posterior: xr.DataTree | None = None,
    store: str | PathLike[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    priors: Mapping[str, Any] | None = None,
    random_seed: int = 0,
    draws: int | None = None,
    tune: int | None = None,
    chains: int | None = None,
    target_accept: float | None = None,
    progressbar: bool = True,
    **options: Any,
) -> xr.DataTree:
    """Test a model by many fits: whether it is calibrated, and what its results hang on.

    ``prior_sbc`` and ``posterior_sbc`` are simulation-based calibration (Talts et al. 2018; Säilynoja et al.
    2025): parameters are drawn from the prior, or from the posterior given the systems, data are simulated
    from them and fitted, and the rank of every true value among the posterior draws is noted; ranks are
    uniform, and intervals hold what they state, if model, sampler and code agree. ``leave_one_paper_out``
    fits without each paper, ``prior_sweep`` with each prior half and twice as wide.

    The quantities followed are all parameters but the yearly steps of drift, and the training compute of the
    default targets, of the line and of a new system.

    Parameters
    ----------
    experiment : {"prior_sbc", "posterior_sbc", "leave_one_paper_out", "prior_sweep"}
        What is done.
    systems : DataFrame or path, optional
        As in `fit`. Simulated systems share their tasks, years, papers and flags.
    unit : str, optional
        Unit of the systems' compute, as in `fit`.
    columns : mapping, optional
        Our names of columns to those of the table, as in `fit`.
    simulations : int
        Number of simulations.
    posterior : DataTree, optional
        For ``posterior_sbc``: the fit whose posterior true values are drawn from; systems, options and priors
        are its own.
    store : path, optional
        Folder of the results, a Zarr group; made if it is not there, gone on with if it is. By default
        ``calibration-<experiment>-<law>.zarr``.
    workers : int, optional
        Processes of this machine to start (Dask); by default this process does it all.
    scheduler : str, optional
        Address of a Dask scheduler to use.
    priors : mapping, optional
        As in `fit`.
    random_seed : int
        The seed of each fit follows from it and the number of the fit, so results do not depend on workers or
        order.
    draws, tune, chains, target_accept : optional
        As in `fit`; by default 500, 500, 2 and 0.95 for simulations, else as there.
    progressbar : bool
        Whether to show progress on standard error.
    **options
        Law, pooling and switches, as in `fit`.

    Returns
    -------
    DataTree
        Group ``fits``, dims (fit, quantity), with the results of every fit and ``failure`` where it could not
        be made, and ``summary`` (`summary` tabulates it). `save_trace` keeps it.

    Raises
    ------
    OptionError
        If an option is invalid, or a library of the extra ``cluster`` is missing.
    DataError
        If the systems cannot be fitted.
    TraceError
        If the store holds another job.
    ClusterError
        If the scheduler cannot be reached.
    """
    check_choice("experiment", experiment, EXPERIMENTS)
    check_seed(random_seed)
    check_count("simulations", simulations, 10)
    if (experiment == "posterior_sbc") != (posterior is not None):
        raise OptionError("posterior is for experiment='posterior_sbc', which needs it.")
    settings = (_SIMULATION_SAMPLER if experiment in SBC else _SAMPLER) | {
        name: value
        for name, value in (
            ("draws", draws),
            ("tune", tune),
            ("chains", chains),
            ("target_accept", target_accept),
        )
        if value is not None
    }
    sampler = SamplerOptions(random_seed=random_seed, **settings)
    table = {"unit": unit, "columns": columns}
    if posterior is not None and (systems is not None or any(table.values()) or options or priors):
        raise OptionError(
            "systems, unit, columns, options and priors come with the posterior; give none beside it."
        )
    given = None if posterior is None else PosteriorView.of(posterior)
    if given is None:
        model, source = _model(systems, table, options, priors, sampler)
    else:
        model, source = _model_of(given, sampler)
    job = _job(experiment, model, simulations, given)
    place = Path(store or f"calibration-{experiment}-{model.options.law}.zarr")
    kept = open_store(place, job)
    execute(job, kept, workers=workers, scheduler=scheduler, progressbar=progressbar)
    return _tree(job, model, kept.dataset(), source)


def _model(
    systems: pd.DataFrame | str | PathLike[str] | None,
    read: Mapping[str, Any],
    options: Mapping[str, Any],
    priors: Mapping[str, Any] | None,
    sampler: SamplerOptions,
) -> tuple[Model, str]:
    unknown = set(options) - set(ModelOptions.__dataclass_fields__)
    if unknown:
        raise OptionError(f"{', '.join(sorted(unknown))}: not an option; expected those of fit().")
    asked = ModelOptions(**{**DEFAULT_MODEL, **options})
    table, source = table_to_fit(
        systems, **read, pooling=asked.pooling, below_chance=get_law(asked.law).is_bent
    )
    asked = without_undated_drift(asked, table)
    converted = in_arithmetic(table) if asked.count == ARITHMETIC else table
    observations = observe(converted, needs_year=asked.needs_year)
    chosen = observations.applicable(asked)
    resolved = resolve_priors(default_priors(chosen), priors)
    return Model(chosen, resolved, sampler, observations, data_digest(table)), source


def _model_of(posterior: PosteriorView, sampler: SamplerOptions) -> tuple[Model, str]:
    if posterior.law == STACK:
        raise OptionError("a stack is no posterior of one model; give the fits it mixes, one at a time.")
    data = posterior.manifest["data"]
    model = Model(posterior.options, posterior.priors, sampler, posterior.observations, data["sha256"])
    return model, data["source"]


def _job(experiment: str, model: Model, simulations: int, posterior: PosteriorView | None) -> Job:
    if posterior is not None:
        drawn = posterior.posterior.stack(sample=("chain", "draw"), create_index=False)
        if simulations > drawn.sizes["sample"]:
            raise OptionError(
                f"the posterior has {drawn.sizes['sample']} draws; expected at least one for each of "
                f"{simulations} simulations."
            )
        chosen = np.linspace(0, drawn.sizes["sample"] - 1, simulations).round().astype(int)
        truths = drawn.isel(sample=chosen).drop_vars(("chain", "draw")).rename(sample="draw")
        truths = truths.expand_dims("chain").transpose("chain", "draw", ...)
        return PosteriorSBC(model, simulations, truths, posterior.digest)
    if experiment == "prior_sbc":
        return PriorSBC(model, simulations)
    return LeaveOnePaperOut(model) if experiment == "leave_one_paper_out" else PriorSweep(model)


def _tree(job: Job, model: Model, fits: xr.Dataset, source: str) -> xr.DataTree:
    fits = fits.drop_vars(["seconds", "memory_mib"])  # of one run, not of the model
    for name, values in fits.data_vars.items():
        if "quantity" in values.dims:
            with np.errstate(over="ignore"):  # infinite in single precision, and reported as such
                fits[name] = values.astype(np.float32)
    ranked = ranked_draws(model.sampler)
    summary = summarize(fits, job.name, ranked)
    tree = xr.DataTree.from_dict({"/fits": annotate(fits), "/summary": annotate(summary)})
    tree.attrs["manifest"] = json.dumps(
        {
            "kind": CALIBRATION_KIND,
            "schema_version": CALIBRATION_SCHEMA_VERSION,
            "experiment": job.name,
            "job": fingerprint(job),
            "ranked": ranked,
            "model": model.options.to_dict(),
            "priors": {name: prior.to_dict() for name, prior in model.priors.items()},
            "sampler": {"name": "nutpie", **model.sampler.to_dict()},
            "data": {
                "source": source,
                "n_systems": len(model.observations.systems),
                "sha256": model.data_sha256,
            },
            "versions": {"python": platform.python_version(), **library_versions()},
        },
        sort_keys=True,
        ensure_ascii=False,
    )
    return tree
