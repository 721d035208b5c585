"""The prior, drawn and evaluated without the sampler: the same distribution as the model's own."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from tests.seeds import seeded
from tests.simulation import simulate
from tests.some import some
from tests.synthetic import deviate_of

from scaling_bayes.core.laws import LAW_NAMES, LAWS, get_law
from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import POOLINGS, ModelOptions
from scaling_bayes.core.parameters import draw_prior, log_prior, parameter_names
from scaling_bayes.core.priors import Prior, default_priors

TASKS = ("a", "b", "c")
#: One system each, of tasks that nothing is known of from outside, but what an answer by chance gets wrong.
OBSERVED = observe(
    pd.DataFrame(
        {
            "task": TASKS,
            "error": [0.05, 0.2, 0.6],
            "training_compute_flop": 1e20,
            "year": [2014.2, 2016.5, 2018.9],
            "chance_error": [1.0, 0.5, 0.9],
        }
    ),
    needs_year=True,
)
REFERENCE = OBSERVED.reference_error
#: Switches on, so that every parameter is there.
FULL = {"robust": True}
NO_FLOOR = [name for name, law in LAWS.items() if not law.has_floor]
each_model = pytest.mark.parametrize(("law", "pooling"), some(itertools.product(LAW_NAMES, POOLINGS), 4))


def prior_of(options: ModelOptions, draws: int = 4000) -> tuple[dict[str, Prior], xr.Dataset]:
    priors = default_priors(options)
    return priors, draw_prior(options, priors, OBSERVED, draws=draws, random_seed=seeded(1))


def stated(options: ModelOptions, drawn: xr.Dataset, name: str) -> xr.DataArray:
    """A parameter of a task in the unit of its prior: orders of magnitude of odds for those of the line."""
    law, floor, reference = get_law(options.law), drawn.get("floor", 0.0), of_task(REFERENCE)
    ends = {"chance": of_task(OBSERVED.chance_error), "bend": drawn.get("bend", 0.0)}
    values = drawn[name]
    if name == "intercept":
        values = values - law.performance(reference, floor, **ends)
    if name in ("slope", "noise", "intercept"):
        values = values / law.odds_gain(reference, floor, **ends)
    return values


def of_task(values: np.ndarray) -> xr.DataArray:
    return xr.DataArray(values, dims="task", coords={"task": list(TASKS)})


def known_of_floor(drawn: xr.Dataset) -> xr.DataArray:
    """Distance of each floor from what is known of it, in the standard deviations of that."""
    return (np.log(drawn["floor"]) - of_task(OBSERVED.floor_log_median)) / of_task(OBSERVED.floor_log_sd)


@each_model
def test_every_parameter_is_drawn_with_its_dims(law: str, pooling: str) -> None:
    options = ModelOptions(law, pooling, drift=law in ("power", "bounded"), **FULL)
    priors, drawn = prior_of(options, draws=10)
    assert list(drawn.data_vars) == parameter_names(options, priors)
    by_task = {"intercept", "slope", "noise", "progress", "floor", "bend", "drift_step"}
    by_task |= {"compute_mean", "compute_growth", "compute_spread"}
    for name, values in drawn.data_vars.items():
        dims = ["chain", "draw", *(["task"] if name in by_task else [])]
        assert list(values.dims) == dims + (["drift_year"] if name == "drift_step" else [])
        assert np.isfinite(values).all()


@each_model
def test_task_level_draws_follow_the_stated_prior_whatever_the_law(law: str, pooling: str) -> None:
    options = ModelOptions(law, pooling, **FULL)
    priors, drawn = prior_of(options)
    assert_distributed(stated(options, drawn, "intercept"), priors["intercept"])
    for name in ("slope", "noise", "progress"):
        values = stated(options, drawn, name)
        shared = options.pooling_of(name) == "complete"
        assert (values.std("task") < 1e-9 * values.mean("task")).all() == shared
        if options.pooling_of(name) == "partial":
            z = (np.log(values) - drawn[f"{name}_log_mean"]) / drawn[f"{name}_log_sd"]
            assert_distributed(z, Prior("Normal", mu=0.0, sigma=1.0))
            assert abs(np.corrcoef(z.isel(chain=0, task=0), z.isel(chain=0, task=1))[0, 1]) < 0.06
        else:
            assert_distributed(values, priors[name])
    if not options.has_floor:
        assert "floor" not in drawn
        return
    if options.floor == "task":
        assert_distributed(known_of_floor(drawn), priors["floor_offset"])
        assert_distributed(drawn["bend"], priors["bend"])
        return
    logit = np.log(drawn["floor"] / (REFERENCE - drawn["floor"]))
    assert ((drawn["floor"] > 0) & (drawn["floor"] < REFERENCE)).all()
    assert (logit.std("task") < 1e-9).all() == (pooling == "complete")
    if pooling == "partial":
        z = (logit - drawn["floor_logit_mean"]) / drawn["floor_logit_sd"]
        assert_distributed(z, Prior("Normal", mu=0.0, sigma=1.0))
    else:
        assert_distributed(logit, priors["floor_logit"])


def assert_distributed(values: xr.DataArray, prior: Prior) -> None:
    """Each task's draws come from the prior (Kolmogorov and Smirnov's test of two samples)."""
    reference = prior.draw(np.random.default_rng(2), 4000)
    for task in TASKS:
        assert stats.ks_2samp(values.sel(task=task).values.ravel(), reference).pvalue > 0.001


def test_floors_are_drawn_below_the_reference_error_and_else_as_believed() -> None:
    """What is known of a floor may reach above the errors seen; what lies there is drawn again."""
    known = replace(OBSERVED, floor_log_median=np.log(REFERENCE), floor_log_sd=np.full(3, 0.5))
    options = ModelOptions("bounded", "none")
    drawn = draw_prior(options, default_priors(options), known, draws=4000, random_seed=seeded(1))
    z = (np.log(drawn["floor"]) - np.log(of_task(REFERENCE))) / 0.5
    assert (z < 0).all()
    for task in TASKS:
        assert stats.kstest(-z.sel(task=task).values.ravel(), stats.halfnorm.cdf).pvalue > 0.001


def test_steps_of_drift_are_heavy_tailed_and_in_the_unit_of_the_law() -> None:
    options = ModelOptions("bounded", "partial", drift=True)
    _, drawn = prior_of(options, draws=2000)
    assert drawn["drift_year"].values.tolist() == [2014, 2015, 2016, 2017, 2018]
    gain = drawn["slope"] / stated(options, drawn, "slope")
    standard = drawn["drift_step"] / drawn["drift_scale"] / gain
    for task in TASKS:
        assert stats.kstest(deviate_of(standard.sel(task=task).values), stats.norm.cdf).pvalue > 0.001


# The model's own


def observations_of_three() -> Observations:
    frame, _ = simulate(3, 6, 5)
    frame["paper"] = [f"paper {i // 2}" for i in range(len(frame))]
    frame["compute_in_doubt"] = np.arange(len(frame)) % 3 == 0
    frame["chance_error"] = 0.7
    return observe(pd.DataFrame(frame), needs_year=True)


@pytest.mark.long
@pytest.mark.parametrize(("law", "pooling"), some(itertools.product(["bounded", *NO_FLOOR], POOLINGS), 12))
def test_draws_agree_with_pymcs_own(law: str, pooling: str) -> None:
    """But those of floors, whose prior the model adds as a potential."""
    import pymc as pm

    from scaling_bayes.model.build import build_model

    observations = observations_of_three()
    options = ModelOptions(law, pooling, floor="none", drift=law == "bounded", **FULL)
    priors = default_priors(options)
    model = build_model(observations, options, priors)
    names = parameter_names(options, priors)
    drawn = pm.draw([model[name] for name in names], draws=800, random_seed=seeded(3), mode="FAST_COMPILE")
    theirs = dict(zip(names, drawn, strict=True))
    ours = draw_prior(options, priors, observations, draws=4000, random_seed=seeded(1))
    for name, transform in functions_of(names).items():
        mine, other = transform(lambda one: ours[one].values[0]), transform(theirs.__getitem__)
        assert stats.ks_2samp(mine, other).pvalue > 1e-3, name


def functions_of(names: list[str]) -> dict[str, Any]:
    """Each parameter of the first task, ratios between tasks, and distances from the common centre."""
    found: dict[str, Any] = {}
    for name in names:
        found[name] = lambda of, name=name: of(name).reshape(len(of(name)), -1)[:, 0]
    for name in ("slope", "noise", "progress"):
        found[f"{name} between tasks"] = lambda of, name=name: np.round(of(name)[:, 1] / of(name)[:, 2], 9)
        if f"{name}_log_mean" in names:
            found[f"{name} from its centre"] = lambda of, name=name: (
                (np.log(of(name)[:, 1]) - of(f"{name}_log_mean")) / of(f"{name}_log_sd")
            )
    return found


# Densities


@each_model
def test_log_prior_is_the_sum_of_the_densities_of_what_was_believed(law: str, pooling: str) -> None:
    options = ModelOptions(law, pooling, drift=law == "bounded", **FULL)
    priors, drawn = prior_of(options, draws=20)
    found = log_prior(options, priors, drawn, OBSERVED)
    assert set(found.data_vars) == set(priors)
    for name, density in found.data_vars.items():
        assert density.dims == ("chain", "draw")
        prior = priors[str(name)]
        if name == "floor_logit":
            values = np.log(drawn["floor"] / (REFERENCE - drawn["floor"]))
        elif name == "floor_offset":
            values = known_of_floor(drawn)
        else:
            values = stated(options, drawn, str(name))
        if "task" in values.dims and options.pooling_of(str(name).partition("_")[0]) == "complete":
            values = values.isel(task=slice(1)) if name in ("slope", "progress", "floor_logit") else values
        expected = scipy_of(prior).logpdf(values)
        if "task" in values.dims:
            expected = expected.sum(axis=values.dims.index("task"))
        np.testing.assert_allclose(density, expected, rtol=1e-8, atol=1e-8, err_msg=str(name))


def scipy_of(prior: Prior) -> Any:
    p = prior.parameters
    return {
        "Normal": lambda: stats.norm(p["mu"], p["sigma"]),
        "HalfNormal": lambda: stats.halfnorm(scale=p["sigma"]),
        "LogNormal": lambda: stats.lognorm(p["sigma"], scale=np.exp(p["mu"])),
        "Beta": lambda: stats.beta(p["alpha"], p["beta"]),
        "Gamma": lambda: stats.gamma(p["alpha"], scale=1 / p["beta"]),
    }[prior.family]()


@pytest.mark.parametrize("law", LAW_NAMES)
def test_the_same_belief_means_the_same_errors_under_every_law(law: str) -> None:
    """Tenfold compute changes the odds at the reference error by the stated slope, to first order."""
    options = ModelOptions(law, "none")
    _, drawn = prior_of(options, draws=200)
    law_scale, floor, step, reference = get_law(law), drawn.get("floor", 0.0), 1e-4, of_task(REFERENCE)
    chance = of_task(OBSERVED.chance_error if law_scale.is_bent else np.ones(3))
    ends = {"chance": chance, "bend": drawn.get("bend", 0.0)}
    before = law_scale.performance(reference, floor, **ends)
    after = law_scale.error(before + step * drawn["slope"], floor, **ends)
    moved = np.log10(reference / (chance - reference)) - np.log10(after / (chance - after))
    slope = stated(options, drawn, "slope")
    ratio = (moved / step / slope).where(slope < 1.0, 1.0)
    np.testing.assert_allclose(ratio, 1.0, rtol=2e-3)
