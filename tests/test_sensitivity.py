"""Sensitivity to priors and data by power scaling: what it must and must not react to."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import numpy as np
import pytest
import xarray as xr
from tests.synthetic import synthetic_fit

from scaling_bayes import add_log_prior, open_trace
from scaling_bayes.core.laws import LAWS
from scaling_bayes.model.sensitivity import ALPHAS, _distances, _weights, power_scaling
from scaling_bayes.trace.releases import REFERENCE_TRACE
from scaling_bayes.trace.schema import manifest
from scaling_bayes.trace.view import PosteriorView

TASKS = ("imagenet", "my task")


def fitted(law: str = "power", **priors: Any) -> xr.DataTree:
    idata = synthetic_fit(TASKS, law=law, draws=200)
    content = json.loads(idata.attrs["manifest"])
    content["priors"] |= priors
    idata.attrs["manifest"] = json.dumps(content)
    return idata


@cache
def sensitivity(law: str = "power") -> xr.DataArray:
    return power_scaling(fitted(law))["power_scaling"]


@pytest.mark.parametrize("law", LAWS)
def test_every_quantity_has_a_sensitivity_to_every_prior(law: str) -> None:
    """Targets that no draw reaches too: nothing moves them."""
    found = sensitivity(law)
    assert list(found["component"].values) == ["prior", "likelihood", *manifest(fitted(law))["priors"]]
    quantities = list(found["quantity"].values)
    assert quantities[:4] == ["slope[imagenet]", "slope[my task]", "progress[imagenet]", "progress[my task]"]
    assert sum(name.startswith("compute[") for name in quantities) == 6
    assert np.isfinite(found).all()
    assert (found >= 0).all()
    moved = found.sel(component="likelihood") > 0
    assert moved.sel(quantity=["slope[imagenet]", "slope[my task]"]).all()
    out_of_reach = moved.sel(quantity="compute[imagenet 1 %]")
    assert bool(out_of_reach) == (law != "saturating")


def test_a_flat_prior_has_no_influence_and_a_narrow_one_has() -> None:
    by_width = {}
    for sigma in (1e6, 0.5, 0.02):
        prior = {"family": "Normal", "mu": -3.0, "sigma": sigma}
        found = power_scaling(fitted(slope_log_mean=prior))["power_scaling"]
        by_width[sigma] = found.sel(component="slope_log_mean").max().item()
    assert by_width[1e6] < 1e-6
    assert by_width[1e6] < by_width[0.5] < by_width[0.02]


def test_a_prior_moves_the_parameter_it_is_on_most() -> None:
    """Draws of slope and of progress are independent here."""
    prior = {"family": "LogNormal", "mu": -3.0, "sigma": 0.1}
    idata = synthetic_fit(TASKS, pooling="none", draws=500)
    content = json.loads(idata.attrs["manifest"])
    content["priors"]["slope"] = prior
    idata.attrs["manifest"] = json.dumps(content)
    found = power_scaling(idata)["power_scaling"].sel(component="slope")
    assert (
        found.sel(quantity=["slope[imagenet]", "slope[my task]"]).min()
        > 2 * found.sel(quantity=["progress[imagenet]", "progress[my task]"]).max()
    )


@pytest.mark.parametrize("name", ["reference-2026.11", REFERENCE_TRACE])
def test_sensitivity_to_priors_is_what_arviz_finds_in_the_tree(name: str) -> None:
    """Of slopes in orders of magnitude of error, which are those of the power law."""
    azs = pytest.importorskip("arviz_stats")
    tree = open_trace(name)
    in_error = PosteriorView.of(tree).parameters("posterior")["slope"]
    if name == "reference-2026.11":
        xr.testing.assert_equal(in_error, tree["posterior"]["slope"])
    tree["posterior"] = xr.DataTree(tree["posterior"].to_dataset().assign(slope=in_error))
    found = azs.psense_summary(add_log_prior(tree), var_names=["slope", "progress"], round_to=6)
    ours = tree["sensitivity"]["power_scaling"].sel(component="prior", quantity=list(found.index))
    np.testing.assert_allclose(ours, found["prior"], atol=1e-6)


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
def test_weights_and_distances_are_those_of_arviz(scale: float) -> None:
    """Where little moves, ArviZ's formula loses digits; a density that varies much weighs few draws."""
    array_stats = pytest.importorskip("arviz_stats.base").array_stats
    rng = np.random.default_rng(1)
    density = scale * rng.standard_normal((4, 500))
    draws = np.round(rng.standard_normal((3, 4, 500)) + 0.3 * density / scale, 2)
    weights = np.concatenate([_weights(density.reshape(1, -1), alpha) for alpha in ALPHAS])
    log_weights = [array_stats.power_scale_lw(density, alpha=alpha, axis=(-2, -1)) for alpha in ALPHAS]
    np.testing.assert_allclose(weights, [np.exp(each).ravel() for each in log_weights], rtol=1e-9)
    lower, upper = (np.broadcast_to(each.reshape(4, 500), draws.shape) for each in weights)
    expected = array_stats.power_scale_sense(draws, lower, upper, *ALPHAS)
    found = _distances(draws.reshape(3, -1), weights) / np.log2(ALPHAS) * [-0.5, 0.5]
    np.testing.assert_allclose(found.sum(axis=1), expected, rtol=1e-4)
