"""The hardware model: trends of price, energy efficiency, largest runs and record machines."""

from __future__ import annotations

import itertools
import json
import math
import platform
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from scaling_bayes.core.options import TARGET_ACCEPT, SamplerOptions, check_cores
from scaling_bayes.core.priors import Prior, resolve_priors
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware import equations
from scaling_bayes.hardware.editions import EDITION
from scaling_bayes.hardware.points import cloud_offers, trend_points
from scaling_bayes.hardware.trends import (
    COMMITMENTS,
    FITTED_PERIODS,
    HARDWARE_QUANTITIES,
    TRENDS,
    default_hardware_priors,
    pace_groups,
)
from scaling_bayes.model.build import distribution
from scaling_bayes.model.diagnose import diagnose
from scaling_bayes.model.fit import library_versions
from scaling_bayes.model.sampling.sample import sample_posterior
from scaling_bayes.trace.digest import measured_digest
from scaling_bayes.trace.rounding import rounded
from scaling_bayes.trace.schema import HARDWARE_KIND, HARDWARE_SCHEMA_VERSION, annotate

if TYPE_CHECKING:
    import pandas as pd

HARDWARE_SEED = 20261123
PARAMETERS = (
    "level",
    "doubling_year",
    "pace",
    "device_sd",
    "pace_sd",
    "class_sd",
    "correlation",
    "commitment_gain",
    "provider_sd",
    "offer_sd",
    "age_gain",
    "log10_headroom",
)


def build_hardware_model(points: pd.DataFrame, offers: pd.DataFrame, priors: Mapping[str, Prior]) -> pm.Model:
    """Build the model of the points of `trend_points` and the offers of `cloud_offers`.

    A trend is ``level + log10(2) / doubling_year * years of progress``; the years of progress count calendar
    years times the pace of their six-year period, log-normal around 1 with a spread of ``pace_sd``. Doubling
    times of price and energy share a factor, over all classes and within each. Around the trend devices
    differ by ``device_sd``; a cloud offer differs by its device, its provider, its commitment, its age and
    the offer itself. Energy efficiency saturates ``log10_headroom`` above the trend in 2023.
    """
    labels = [trend.label for trend in TRENDS]
    coords = {
        "trend": labels,
        "pace_group": pace_groups(),
        "period": [f"{low:.0f}-{high:.0f}" for low, high in itertools.pairwise(FITTED_PERIODS)],
        "commitment": list(COMMITMENTS),
        "provider": sorted(offers["provider"].unique()),
        "rented": sorted(offers["device"].unique()),
    }
    with pm.Model(coords=coords) as model:
        level = pm.Normal("level", [trend.level for trend in TRENDS], 1.0, dims="trend")
        doubling = _doubling_times(priors)
        pace_sd = distribution("pace_sd", priors["pace_sd"])
        offset = pm.Normal("pace_offset", 0.0, 1.0, dims=("pace_group", "period"))
        pace = pm.Deterministic("pace", pt.exp(pace_sd * offset), dims=("pace_group", "period"))
        device_sd = distribution("device_sd", priors["device_sd"], dims="trend")
        headroom = distribution("energy_headroom", priors["energy_headroom"])
        log10_headroom = pm.Deterministic("log10_headroom", pt.log10(headroom))
        group = np.array([pace_groups().index(trend.pace_group) for trend in TRENDS])

        def expected(which: Any, years: Any) -> Any:
            overlap = equations.period_overlap(years, FITTED_PERIODS)
            return equations.trend(level[which], doubling[which], (overlap * pace[group[which]]).sum(-1))

        which = np.array([labels.index(label) for label in points["trend"]])
        mean = expected(which, points["year"].to_numpy())
        ceiling = log10_headroom + expected(which, np.full(len(points), equations.HEADROOM_YEAR))
        is_energy = np.array([label.startswith("energy") for label in points["trend"]])
        mean = pt.switch(is_energy, equations.saturating(mean, ceiling, pt), mean)
        pm.Normal("points", mean, device_sd[which], observed=points["log10_value"].to_numpy())

        which = np.array([labels.index(label) for label in offers["trend"]])
        rented = np.array([coords["rented"].index(device) for device in offers["device"]])
        provider = np.array([coords["provider"].index(name) for name in offers["provider"]])
        gains = distribution("commitment_gain", priors["commitment_gain"], dims="commitment")
        committed = np.stack([(offers["kind"] == kind).to_numpy(float) for kind in COMMITMENTS], axis=1)
        mean = (
            expected(which, offers["year"].to_numpy())
            + device_sd[which] * pm.Normal("rented_offset", 0.0, 1.0, dims="rented")[rented]
            + distribution("provider_sd", priors["provider_sd"])
            * pm.Normal("provider_offset", 0.0, 1.0, dims="provider")[provider]
            + (committed * gains).sum(-1)
            + distribution("age_gain", priors["age_gain"]) * offers["age"].to_numpy()
        )
        pm.Normal(
            "offers",
            mean,
            distribution("offer_sd", priors["offer_sd"]),
            observed=offers["log10_value"].to_numpy(),
        )
    return model


def _doubling_times(priors: Mapping[str, Prior]) -> Any:
    """Doubling time of each trend; log-normal, the hardware ones correlated through shared factors."""
    shared = distribution("correlation", priors["correlation"])
    class_sd = distribution("class_sd", priors["class_sd"])
    classes = list(dict.fromkeys(trend.device_class for trend in TRENDS if trend.device_class))
    normal = {
        name: pm.Normal(f"doubling_{name}", 0.0, 1.0, shape=size)
        for name, size in (
            ("common", 1),
            ("quantity", len(HARDWARE_QUANTITIES)),
            ("class", len(classes)),
            ("trend", len(TRENDS)),
        )
    }
    logs = []
    for position, trend in enumerate(TRENDS):
        mu, sigma = _log_normal(f"{trend.quantity}_doubling_year", priors)
        own = normal["trend"][position]
        if trend.quantity not in HARDWARE_QUANTITIES:
            logs.append(mu + sigma * own)
            continue
        of_quantity = normal["quantity"][HARDWARE_QUANTITIES.index(trend.quantity)]
        of_class = normal["class"][classes.index(trend.device_class)]
        logs.append(
            mu
            + sigma * (pt.sqrt(shared) * normal["common"][0] + pt.sqrt(1 - shared) * of_quantity)
            + class_sd * (pt.sqrt(shared) * of_class + pt.sqrt(1 - shared) * own)
        )
    return pm.Deterministic("doubling_year", pt.exp(pt.stack(logs)), dims="trend")


def _log_normal(name: str, priors: Mapping[str, Prior]) -> tuple[float, float]:
    prior = priors[name]
    if prior.family != "LogNormal":
        raise OptionError(
            f"priors[{name!r}]: found {prior}; expected a LogNormal, or a (median, (lower, upper)) pair."
        )
    return prior.parameters["mu"], prior.parameters["sigma"]


def fit_hardware(
    *,
    before: float = math.inf,
    edition: str = EDITION,
    priors: Mapping[str, Any] | None = None,
    draws: int = 2000,
    tune: int = 2000,
    chains: int = 4,
    target_accept: float = TARGET_ACCEPT,
    random_seed: int = HARDWARE_SEED,
    cores: int | None = None,
    progressbar: bool = True,
) -> xr.DataTree:
    """Fit the hardware trends to the shipped tables.

    Parameters
    ----------
    before : float
        Use only what was released, priced and built before this decimal year; for hindcasts.
    edition : str
        Edition of the tables: 2026.11 is that of the release hardware-2026.11.
    priors : mapping, optional
        Replacements by name of `default_hardware_priors`, in the forms `fit` takes.
    draws, tune, chains, target_accept, random_seed, cores, progressbar
        As in `fit`.

    Returns
    -------
    DataTree
        Groups ``posterior``, ``observed_data``, ``sample_stats`` and ``checks``; ``attrs["manifest"]`` with
        priors, sampler, data digest and versions as JSON. `save_trace` writes it.

    Raises
    ------
    OptionError
        If a prior or setting is invalid, or `before` leaves no data.
    """
    check_cores(cores)
    sampler = SamplerOptions(draws, tune, chains, target_accept, random_seed)
    chosen = resolve_priors(default_hardware_priors(), priors, unbounded={"age_gain"})
    points, offers = trend_points(before, edition=edition), cloud_offers(before, edition=edition)
    model = build_hardware_model(points, offers, chosen)
    drawn = sample_posterior(model, PARAMETERS, sampler, cores=cores, progressbar=progressbar)
    posterior, stats = map(rounded, drawn)
    groups = {
        "posterior": posterior.astype(np.float32),
        "observed_data": _observed(points, offers),
        "sample_stats": stats,
        "checks": diagnose(posterior, stats),
    }
    tree = xr.DataTree.from_dict({f"/{name}": annotate(groups[name]) for name in sorted(groups)})
    tree.attrs["manifest"] = json.dumps(
        {
            "kind": HARDWARE_KIND,
            "schema_version": HARDWARE_SCHEMA_VERSION,
            "before": None if math.isinf(before) else before,
            "priors": {name: prior.to_dict() for name, prior in chosen.items()},
            "sampler": {"name": "nutpie", **sampler.to_dict()},
            "data": {
                "n_points": len(points),
                "n_offers": len(offers),
                "sha256": measured_digest(points, offers),
            },
            "versions": {"python": platform.python_version(), **library_versions()},
        },
        sort_keys=True,
        ensure_ascii=False,
    )
    return tree


def _observed(points: pd.DataFrame, offers: pd.DataFrame) -> xr.Dataset:
    return xr.Dataset(
        {
            f"{dim}_{column}": (
                dim,
                frame[column].to_numpy(object if frame[column].dtype == "str" else float),
            )
            for dim, frame in (("point", points), ("offer", offers))
            for column in frame.columns
        }
    )
