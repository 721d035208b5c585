"""Fits made by hand, complete by the schema and without sampling: known truth, draws scattered around it."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import xarray as xr

from scaling_bayes.core.equations import drift_step
from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations, observations_of
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.predictive import predict_observed
from scaling_bayes.core.priors import default_priors
from scaling_bayes.projection.project import project
from scaling_bayes.trace.schema import SCHEMA_VERSION, annotate

TASK_LEVEL = ("intercept", "slope", "noise", "progress", "compute_mean", "compute_growth", "compute_spread")


def synthetic_fit(
    tasks: Sequence[str] = ("imagenet", "ms_coco", "my task"),
    systems_per_task: int = 8,
    *,
    chains: int = 2,
    draws: int = 100,
    law: str = "power",
    pooling: str = "partial",
    measurement_error: bool = True,
    algorithmic_progress: bool = True,
    paper_effect: bool = True,
    robust: bool = False,
    flagged_error: bool = True,
    floor: str | None = None,
    drift: bool = False,
    seed: int = 1,
    provenance: bool = True,
    system_name: str = "system {}",
    paper_url: str = "https://example.org/paper",
    passed: bool = True,
) -> xr.DataTree:
    """Return what `fit` would, with draws scattered around a truth that also made the data.

    Parameters
    ----------
    tasks : sequence of str
        Task labels.
    systems_per_task : int
        Rows of each task.
    chains, draws : int
        Size of the posterior; the prior has one chain of as many draws.
    law, pooling, measurement_error, algorithmic_progress, paper_effect, robust, flagged_error, floor, drift
        As in `fit`; parameters the model would not have are absent.
    seed : int
        Of everything random. The data do not depend on the law.
    provenance : bool
        Whether the columns that only describe a system are kept.
    system_name : str
        Name of each system, with its number in place of ``{}``.
    paper_url : str
        Address of every paper.
    passed : bool
        Whether all checks passed.
    """
    rng = np.random.default_rng(seed)
    options = ModelOptions(
        law,
        pooling,
        measurement_error,
        algorithmic_progress,
        paper_effect,
        robust,
        flagged_error,
        floor,
        drift,
    )
    truth = _truth(len(tasks), rng, pooling)
    names = [name for name in TASK_LEVEL if _has(name, options)]
    posterior = _draws(truth, names, tasks, chains, draws, options, rng, spread=0.1)
    prior = _draws(truth, names, tasks, 1, chains * draws, options, rng, spread=0.8)
    constant, observed = _data(truth, tasks, systems_per_task, options, rng)
    if provenance:
        labels = list(constant["system"].values)
        constant = constant.assign(_provenance(labels, system_name, paper_url))
    else:
        constant = constant.assign(
            compute_in_doubt=xr.zeros_like(constant["compute_in_doubt"]),
            paper_index=("system", np.arange(constant.sizes["system"])),
        )
    constant = constant.assign(_bounds(constant["reference_error"], options))
    observations = observations_of(constant, observed)
    options = observations.applicable(options)
    posterior, prior = (
        _of_model(draws_of, options, observations, np.random.default_rng([seed, stream]))
        for stream, draws_of in ((7, posterior), (8, prior))
    )
    predictive = predict_observed(options.law, prior, posterior, observations, seed)
    groups = {
        **predictive,
        "prior": prior,
        "posterior": posterior,
        "sample_stats": _sample_stats(chains, draws, rng),
        "observed_data": observed,
        "constant_data": constant,
        "checks": _checks(next(iter(tasks)), passed=passed),
    }
    idata = xr.DataTree.from_dict({f"/{name}": annotate(groups[name]) for name in sorted(groups)})
    sampler = SamplerOptions(draws, 100, chains, 0.9, seed)
    idata.attrs["manifest"] = json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "model": options.to_dict(),
            "priors": {name: value.to_dict() for name, value in default_priors(options).items()},
            "sampler": {"name": "nutpie", **sampler.to_dict()},
            "data": {"source": "DataFrame", "n_systems": constant.sizes["system"], "sha256": "0" * 64},
            "versions": {"python": "3.12.0", "scaling_bayes": "0.1.0"},
        },
        sort_keys=True,
    )
    idata["sensitivity"] = xr.DataTree(annotate(_sensitivity(idata, options, tasks)))
    return idata


def _has(name: str, options: ModelOptions) -> bool:
    if name == "progress":
        return options.algorithmic_progress
    return options.measurement_error or not name.startswith("compute_")


def _truth(n_tasks: int, rng: np.random.Generator, pooling: str) -> dict[str, np.ndarray]:
    common = 1 if pooling == "complete" else n_tasks
    scattered = {
        "slope": 0.05 * np.exp(0.4 * rng.standard_normal(common)),
        "noise": 0.04 * np.exp(0.2 * rng.standard_normal(n_tasks)),
        "progress": 0.4 * np.exp(0.2 * rng.standard_normal(common)),
    }
    return {
        **{name: np.broadcast_to(values, (n_tasks,)).copy() for name, values in scattered.items()},
        "intercept": 0.6 + 0.1 * rng.standard_normal(n_tasks),
        "compute_mean": np.zeros(n_tasks),
        "compute_growth": np.full(n_tasks, 0.3),
        "compute_spread": np.full(n_tasks, 0.9),
        "compute_error": np.array(0.35),
    }


def _draws(
    truth: dict[str, np.ndarray],
    names: Sequence[str],
    tasks: Sequence[str],
    chains: int,
    draws: int,
    options: ModelOptions,
    rng: np.random.Generator,
    spread: float,
) -> xr.Dataset:
    data = {}
    for name in names:
        shared = name in ("slope", "noise", "progress") and options.pooling_of(name) == "complete"
        factor = np.exp(spread * rng.standard_normal((chains, draws, 1 if shared else len(tasks))))
        value = truth[name] * factor if name != "compute_mean" else spread * (factor - 1.0)
        data[name] = (("chain", "draw", "task"), np.broadcast_to(value, (chains, draws, len(tasks))).copy())
    if options.measurement_error:
        data["compute_error"] = (
            ("chain", "draw"),
            truth["compute_error"] * np.exp(spread / 2 * rng.standard_normal((chains, draws))),
        )
    for name in ("slope", "noise", "progress"):
        if name in names and options.pooling_of(name) == "partial":
            center = float(np.log(truth[name]).mean())
            data[f"{name}_log_mean"] = (
                ("chain", "draw"),
                center + spread * rng.standard_normal((chains, draws)),
            )
            data[f"{name}_log_sd"] = (
                ("chain", "draw"),
                np.abs(spread * rng.standard_normal((chains, draws))),
            )
    return xr.Dataset(
        data, coords={"chain": np.arange(chains), "draw": np.arange(draws), "task": list(tasks)}
    )


def _data(
    truth: dict[str, np.ndarray],
    tasks: Sequence[str],
    systems_per_task: int,
    options: ModelOptions,
    rng: np.random.Generator,
) -> tuple[xr.Dataset, xr.Dataset]:
    index = np.repeat(np.arange(len(tasks)), systems_per_task)
    year = 2014.0 + 6.0 * rng.random(index.size) if options.needs_year else np.zeros(index.size)
    compute = 19.0 + 0.9 * rng.standard_normal(index.size)
    reference_compute = np.array([compute[index == i].mean() for i in range(len(tasks))])
    reference_year = np.array([year[index == i].mean() for i in range(len(tasks))])
    x, t = compute - reference_compute[index], year - reference_year[index]
    progress = truth["progress"][index] if options.algorithmic_progress else 0.0
    performance = truth["intercept"][index] + truth["slope"][index] * (x + progress * t)
    performance = performance + truth["noise"][index] * rng.standard_normal(index.size)
    error = np.clip(get_law("power").error(performance), 1e-4, 0.98)
    reference_error = np.array([np.exp(np.log(error[index == i]).mean()) for i in range(len(tasks))])
    pair = np.arange(index.size) // 2
    labels = [f"{tasks[i]}: system {k}" for k, i in enumerate(index)]
    constant = xr.Dataset(
        {
            "system_task": ("system", np.array([tasks[i] for i in index], dtype=object)),
            "log10_training_compute_flop": ("system", compute),
            "publication_year": ("system", year),
            "compute_in_doubt": ("system", (np.arange(index.size) % 3 != 0).astype(np.int8)),
            "paper_index": ("system", np.unique(index * index.size + pair, return_inverse=True)[1]),
            "reference_log10_compute": ("task", reference_compute),
            "reference_year": ("task", reference_year),
            "reference_error": ("task", reference_error),
        },
        coords={"system": labels, "task": list(tasks)},
    )
    return constant, xr.Dataset({"error": ("system", error)}, coords={"system": labels})


def _bounds(reference_error: xr.DataArray, options: ModelOptions) -> dict[str, xr.DataArray]:
    """What a fit keeps of the bounds of each task's errors: what its model uses."""
    kept = {}
    if get_law(options.law).is_bent:
        kept["chance_error"] = xr.full_like(reference_error, 0.9)
    if options.floor == "task":
        kept["floor_log_median"] = np.log(0.3 * reference_error)
        kept["floor_log_sd"] = xr.full_like(reference_error, 0.3)
    return kept


def _of_model(
    draws: xr.Dataset, options: ModelOptions, observations: Observations, rng: np.random.Generator
) -> xr.Dataset:
    """Draws of the power law, brought to the law's scale, and the parameters that only some models have."""
    law, floor = get_law(options.law), 0.0
    dims, coords = draws["slope"].dims, draws["slope"].coords
    reference_error, chance = (
        xr.DataArray(values, dims="task", coords={"task": draws["task"]})
        for values in (observations.reference_error, observations.chance_error)
    )
    share = 0.3 * np.exp(0.1 * rng.standard_normal(draws["slope"].shape))
    if options.pooling == "complete" and options.floor == "pooled":
        share = np.broadcast_to(share[..., :1], share.shape)
    draws = draws.copy()
    if options.has_floor:
        floor = reference_error * xr.DataArray(share, dims=dims, coords=coords)
        draws["floor"] = floor
    if law.is_bent:
        draws["bend"] = xr.DataArray(rng.beta(6.0, 3.0, share.shape), dims=dims, coords=coords)
    ends = {"chance": chance, "bend": draws.get("bend", 0.0)}
    gain = law.gain(reference_error, floor, **ends)
    above = draws["intercept"] + np.log10(reference_error)
    draws["intercept"] = law.performance(reference_error, floor, **ends) + gain * above
    for name in ("slope", "noise"):
        draws[name] = draws[name] * gain
    sizes = (draws.sizes["chain"], draws.sizes["draw"])
    common = {
        "paper_correlation": rng.beta(8.0, 8.0, sizes) if options.paper_effect else None,
        "degrees_of_freedom": 2.0 + rng.gamma(2.0, 4.0, sizes) if options.robust else None,
        "flagged_error_factor": rng.lognormal(np.log(2.0), 0.1, sizes) if options.flagged_error else None,
        "drift_scale": rng.lognormal(np.log(0.03), 0.2, sizes) if options.drift else None,
    }
    if options.floor == "pooled" and options.pooling == "partial":
        common["floor_logit_mean"] = rng.normal(-0.85, 0.2, sizes)
        common["floor_logit_sd"] = rng.lognormal(-1.0, 0.2, sizes)
    kept = {name: (("chain", "draw"), values) for name, values in common.items() if values is not None}
    draws = draws.assign(kept)
    if options.drift:
        years = observations.drift_years
        standard = drift_step(rng.standard_normal((*share.shape, years.size)))
        step = xr.DataArray(standard, dims=(*dims, "drift_year"), coords={**coords, "drift_year": years})
        odds_gain = law.odds_gain(reference_error, floor, **ends)
        draws["drift_step"] = step * draws["drift_scale"] * odds_gain
    return draws.transpose("chain", "draw", "task", ...)


def deviate_of(step: np.ndarray) -> np.ndarray:
    """Standard normal deviates that steps of drift follow from, in one row."""
    deviates = np.linspace(-9.0, 9.0, 200_001)
    return np.interp(step.ravel(), drift_step(deviates), deviates)


def _sensitivity(idata: xr.DataTree, options: ModelOptions, tasks: Sequence[str]) -> xr.Dataset:
    """Numbers in the layout of `power_scaling`: some above its threshold of 0.05, some below."""
    quantities = [f"slope[{task}]" for task in tasks]
    if options.algorithmic_progress:
        quantities += [f"progress[{task}]" for task in tasks]
    quantities += [f"compute[{target}]" for target in project(idata)["projection"]["target"].values]
    components = ["prior", "likelihood", *default_priors(options)]
    values = np.random.default_rng(9).gamma(1.0, 0.05, (len(quantities), len(components)))
    return xr.Dataset(
        {"power_scaling": (("quantity", "component"), values)},
        coords={
            "quantity": np.array(quantities, dtype=object),
            "component": np.array(components, dtype=object),
        },
    )


def _provenance(labels: Sequence[str], system_name: str, paper_url: str) -> dict[str, tuple[str, np.ndarray]]:
    n = len(labels)
    columns = {
        "system_name": [system_name.replace("{}", str(i)) for i in range(n)],
        "paper": [f"Paper {i // 2} of {system_name}" for i in range(n)],
        "paper_url": [paper_url] * n,
        "flags": ["shared_compute" if i % 3 else "ensemble;suspect_value" for i in range(n)],
        "correction_reason": ["six networks, not one" if i % 5 == 0 else "" for i in range(n)],
    }
    text = {name: ("system", np.array(values, dtype=object)) for name, values in columns.items()}
    numbers = {
        "training_compute_reported_flop": np.where(np.arange(n) % 4 == 0, np.nan, 1e19),
        "in_thompson2020": (np.arange(n) % 2).astype(np.int8),
    }
    return text | {name: ("system", values) for name, values in numbers.items()}


def _sample_stats(chains: int, draws: int, rng: np.random.Generator) -> xr.Dataset:
    dims = ("chain", "draw")
    return xr.Dataset(
        {
            "diverging": (dims, np.zeros((chains, draws), dtype=np.int8)),
            "energy": (dims, rng.standard_normal((chains, draws))),
            "reached_max_treedepth": (dims, np.zeros((chains, draws), dtype=np.int8)),
        },
        coords={"chain": np.arange(chains), "draw": np.arange(draws)},
    )


def _checks(task: str, *, passed: bool) -> xr.Dataset:
    rows = [
        ("rhat", 1.002 if passed else 1.2, "<", 1.01, f"slope[{task}]", "chains disagree"),
        ("ess_bulk", 900.0, ">=", 400.0, f"noise[{task}]", "too few effective draws"),
        ("ess_tail", 800.0, ">=", 400.0, "slope_log_mean", "too few effective draws"),
        ("divergences", 0.0, "<=", 0.0, "no chain", "part of the posterior is not explored"),
    ]
    columns = list(zip(*rows, strict=True))
    return xr.Dataset(
        {
            "value": ("check", np.array(columns[1])),
            "comparison": ("check", np.array(columns[2], dtype=object)),
            "threshold": ("check", np.array(columns[3])),
            "passed": ("check", np.array([passed or name != "rhat" for name in columns[0]], dtype=np.int8)),
            "worst": ("check", np.array(columns[4], dtype=object)),
            "meaning": ("check", np.array(columns[5], dtype=object)),
        },
        coords={"check": np.array(columns[0], dtype=object)},
    )
