"""The distribution of error: proper densities on one scale for all laws, papers together, and draws."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import cumulative_trapezoid
from scipy.special import expit
from tests.some import some
from tests.synthetic import synthetic_fit

from scaling_bayes.core.laws import LAWS, LN10, Law, Scale
from scaling_bayes.core.mixed_law import MixedLaw
from scaling_bayes.core.observations import observations_of
from scaling_bayes.core.performance import (
    Performance,
    error_scale,
    observed_performance,
    performance_distribution,
)
from scaling_bayes.core.places import at_places, places_of
from scaling_bayes.core.predictive import (
    cumulative_probability_of_error,
    draw_error,
    joint_log_density_of_error,
    log_density_given_paper,
    log_density_of_error,
    predict_observed,
)
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

few = settings(max_examples=20)
each_law = pytest.mark.parametrize("name", some(LAWS, 2))
seeds = st.integers(0, 2**32)
freedoms = st.one_of(st.none(), st.floats(1.0, 30.0))
DIMS = ("chain", "draw", "system")


def performance_of(
    name: str, seed: int, n: int, *, nu: float | None = None, correlated: bool = True
) -> Performance:
    """Two chains of three draws for `n` systems, with errors of some tenths."""
    rng = np.random.default_rng(seed)
    law = LAWS[name]
    floor = rng.uniform(0.01, 0.08, (2, 3, n)) if law.has_floor else np.zeros((2, 3, n))
    center = rng.uniform(0.15, 0.6, (2, 3, n))
    noise = law.gain(center, floor) * rng.uniform(0.03, 0.2, (2, 3, 1))
    extra = law.gain(center, floor) * rng.uniform(0.01, 0.1, (2, 3, n))
    shared = noise * np.sqrt(rng.uniform(0.0, 1.0, (2, 3, 1)) if correlated else 0.0)
    shared = np.broadcast_to(shared.min(axis=-1, keepdims=True), noise.shape)
    freedom = None if nu is None else xr.DataArray(np.full((2, 3), nu), dims=DIMS[:2])
    return Performance(
        law,
        xr.DataArray(law.performance(center, floor), dims=DIMS),
        xr.DataArray(np.sqrt(noise**2 + extra**2), dims=DIMS),
        xr.DataArray(shared, dims=DIMS),
        freedom,
        xr.DataArray(floor, dims=DIMS),
    )


def only(performance: Performance, **at: Any) -> Performance:
    """The same distribution of some of the draws or systems."""
    parts = {name: getattr(performance, name).isel(at) for name in ("mean", "sd", "shared_sd", "floor")}
    freedom = performance.degrees_of_freedom
    return replace(
        performance,
        **parts,
        degrees_of_freedom=None
        if freedom is None
        else freedom.isel({k: v for k, v in at.items() if k != "system"}),
    )


def errors_of(seed: int, n: int) -> np.ndarray:
    return np.random.default_rng([seed, 1]).uniform(0.1, 0.7, n)


# Papers


@each_law
@few
@given(seed=seeds, nu=freedoms)
def test_density_of_a_system_given_its_paper_is_that_of_all_over_that_of_the_others(name, seed, nu) -> None:
    paper = np.array([0, 1, 0, 2, 0, 1])
    performance, error = performance_of(name, seed, 6, nu=nu), errors_of(seed, 6)
    together = joint_log_density_of_error(performance, error, paper)
    found = log_density_given_paper(performance, error, paper)
    for system, number in enumerate(paper):
        others = np.flatnonzero((paper == number) & (np.arange(6) != system))
        expected = together.isel(paper=number)
        if others.size:
            without = joint_log_density_of_error(
                only(performance, system=others), error[others], np.zeros(others.size, dtype=int)
            )
            expected = expected - without.isel(paper=0)
        np.testing.assert_allclose(found.isel(system=system), expected, rtol=1e-7, atol=1e-7)


@each_law
@few
@given(seed=seeds, nu=freedoms)
def test_papers_of_one_system_are_independent(name, seed, nu) -> None:
    performance, error = performance_of(name, seed, 4, nu=nu), errors_of(seed, 4)
    alone = log_density_of_error(performance, error)
    assert alone.dims == DIMS
    np.testing.assert_allclose(log_density_given_paper(performance, error, np.arange(4)), alone, rtol=1e-9)
    together = joint_log_density_of_error(performance, error, np.arange(4))
    np.testing.assert_allclose(together.values, alone.values, rtol=1e-9)


@each_law
@few
@given(seed=seeds)
def test_without_correlation_a_normal_paper_says_nothing_of_its_others(name, seed) -> None:
    performance, error = performance_of(name, seed, 5, correlated=False), errors_of(seed, 5)
    given_paper = log_density_given_paper(performance, error, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_allclose(given_paper, log_density_of_error(performance, error), rtol=1e-9)


@few
@given(seed=seeds, nu=freedoms)
def test_an_error_below_the_floor_is_impossible_and_harms_no_other_paper(seed, nu) -> None:
    performance, error = performance_of("saturating", seed, 4, nu=nu), errors_of(seed, 4)
    paper = np.array([0, 0, 1, 1])
    usual = joint_log_density_of_error(performance, error, paper)
    error[1] = 0.005
    assert np.isneginf(log_density_of_error(performance, error).isel(system=1)).all()
    assert np.isneginf(log_density_given_paper(performance, error, paper).isel(system=1)).all()
    together = joint_log_density_of_error(performance, error, paper)
    assert np.isneginf(together.isel(paper=0)).all()
    np.testing.assert_array_equal(together.isel(paper=1), usual.isel(paper=1))


# Draws


def constant_performance(
    name: str, n_draws: int, n: int, *, correlation: float, nu: float | None
) -> Performance:
    """The same distribution in every draw, far from the end of the scale."""
    law = LAWS[name]
    shape, floor = (1, n_draws, n), 0.02 if LAWS[name].has_floor else 0.0
    center = law.performance(0.2, floor)
    sd = 0.01 * law.gain(0.2, floor)
    return Performance(
        law,
        xr.DataArray(np.full(shape, center), dims=DIMS),
        xr.DataArray(np.full(shape, sd), dims=DIMS),
        xr.DataArray(np.full(shape, sd * np.sqrt(correlation)), dims=DIMS),
        None if nu is None else xr.DataArray(np.full(shape[:2], nu), dims=DIMS[:2]),
        floor,
    )


@each_law
@pytest.mark.parametrize("nu", [None, 4.0])
@pytest.mark.parametrize("paper", [None, np.array([0, 1, 0])])
def test_draws_have_the_stated_distribution_and_correlation(name, nu, paper) -> None:
    n_draws, correlation = 4000, 0.6
    performance = constant_performance(name, n_draws, 3, correlation=correlation, nu=nu)
    error = draw_error(performance, np.random.default_rng(3), paper).values[0]
    z = (performance.law.performance(error, performance.floor) - performance.mean.values[0]) / (
        performance.sd.values[0]
    )
    expected = stats.norm() if nu is None else stats.t(nu)
    assert all(stats.kstest(z[:, system], expected.cdf).pvalue > 0.005 for system in range(3))
    tau = {pair: stats.kendalltau(z[:, pair[0]], z[:, pair[1]]).statistic for pair in ((0, 1), (0, 2))}
    assert tau[0, 1] == pytest.approx(0.0, abs=0.04)
    within = 0.0 if paper is None else 2 / np.pi * np.arcsin(correlation)
    assert tau[0, 2] == pytest.approx(within, abs=0.04)


def test_heavy_tails_belong_to_papers_not_to_systems() -> None:
    """Systems of a paper stray together even where their departures are uncorrelated."""
    performance = constant_performance("power", 4000, 3, correlation=0.0, nu=3.0)
    error = draw_error(performance, np.random.default_rng(4), np.array([0, 0, 1])).values[0]
    z = abs(performance.law.performance(error) - performance.mean.values[0])
    assert stats.kendalltau(z[:, 0], z[:, 1]).statistic > 0.1
    assert stats.kendalltau(z[:, 0], z[:, 2]).statistic == pytest.approx(0.0, abs=0.04)


# Densities of error


@each_law
@few
@given(seed=seeds, nu=freedoms)
def test_density_of_error_is_proper_and_has_the_stated_cumulative_probability(name, seed, nu) -> None:
    """It integrates to the probability that performance stays above that of an error of 1."""
    performance = only(performance_of(name, seed, 1, nu=nu), chain=[0], draw=[0])
    floor = performance.floor.item()
    logit = np.linspace(-34.0, 20.0, 54_001)
    share = expit(logit)
    error = floor + (1.0 - floor) * share
    wide = replace(
        performance,
        **{
            part: xr.DataArray(np.full((1, 1, error.size), getattr(performance, part).item()), dims=DIMS)
            for part in ("mean", "sd", "shared_sd", "floor")
        },
    )
    density = np.exp(log_density_of_error(wide, error).values[0, 0])
    below = cumulative_trapezoid(density * (1.0 - floor) * share * expit(-logit), logit, initial=0.0)
    distribution = stats.norm() if nu is None else stats.t(nu)
    ends = performance.law.performance(error[[0, -1]], floor)
    lowest, highest = distribution.sf((ends - performance.mean.item()) / performance.sd.item())
    assert below[-1] == pytest.approx(highest - lowest, abs=1e-6)
    z = (performance.law.performance(1.0, floor) - performance.mean.item()) / performance.sd.item()
    assert below[-1] == pytest.approx(distribution.sf(z), abs=2e-2 if nu is not None else 1e-6)
    cumulative = cumulative_probability_of_error(wide, error).values[0, 0]
    some = slice(None, None, 500)
    np.testing.assert_allclose(cumulative[some], below[some] + lowest, atol=1e-5)


# One scale


@few
@given(seed=seeds, nu=freedoms)
def test_saturating_without_a_floor_has_the_power_laws_densities(seed, nu) -> None:
    power, error = performance_of("power", seed, 5, nu=nu), errors_of(seed, 5)
    saturating = replace(power, law=LAWS["saturating"])
    paper = np.array([0, 0, 1, 1, 2])
    for density in (log_density_given_paper, joint_log_density_of_error):
        np.testing.assert_allclose(
            density(saturating, error, paper), density(power, error, paper), rtol=1e-12
        )


@each_law
@few
@given(seed=seeds, factor=st.floats(0.05, 20.0), shift=st.floats(-3.0, 3.0), nu=freedoms)
def test_the_unit_of_performance_does_not_matter(name, seed, factor, shift, nu) -> None:
    """The same density expressed on another scale: all parameters in the unit, the Jacobian in the law."""
    ours, error = performance_of(name, seed, 5, nu=nu), errors_of(seed, 5)
    scale = ours.law.scale
    other = Law(
        "other",
        "",
        Scale(
            lambda r, xp: shift + factor * scale.performance(r, xp),
            lambda p, xp: scale.error((p - shift) / factor, xp),
            lambda r, xp: scale.log_abs_derivative(r, xp) + np.log(factor),
            lambda r: factor * scale.gain(r),
        ),
    )
    theirs = replace(
        ours,
        law=other,
        mean=shift + factor * ours.mean,
        sd=factor * ours.sd,
        shared_sd=factor * ours.shared_sd,
    )
    paper = np.array([0, 1, 1, 1, 0])
    for density in (log_density_given_paper, joint_log_density_of_error):
        np.testing.assert_allclose(
            density(theirs, error, paper), density(ours, error, paper), rtol=1e-8, atol=1e-8
        )


def test_the_same_density_under_two_laws_has_the_same_elpd() -> None:
    """Draws of the power law, told as saturating with no floor: pointwise densities and PSIS-LOO agree."""
    from arviz_stats import loo

    idata = synthetic_fit(law="power", robust=True)
    observations = observations_of(group(idata, "constant_data"), group(idata, "observed_data"))
    posterior = group(idata, "posterior")
    elpd = {}
    for law, parameters in (
        ("power", posterior),
        ("saturating", posterior.assign(floor=xr.zeros_like(posterior["slope"]))),
    ):
        performance = observed_performance(law, parameters, observations)
        density = log_density_given_paper(performance, observations.error, observations.paper_index)
        tree = xr.DataTree.from_dict(
            {"posterior": parameters, "log_likelihood": xr.Dataset({"error": density})}
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of high Pareto k, the same for both
            elpd[law] = loo(tree, pointwise=True, var_name="error")
    np.testing.assert_allclose(
        elpd["saturating"].elpd_i.values, elpd["power"].elpd_i.values, rtol=0, atol=1e-10
    )
    assert elpd["saturating"].elpd == pytest.approx(elpd["power"].elpd, abs=1e-9)


@few
@given(seed=seeds)
def test_a_mixed_law_is_each_draws_own(seed) -> None:
    rng = np.random.default_rng(seed)
    number = xr.DataArray(rng.integers(0, len(LAWS), (2, 3)), dims=DIMS[:2])
    mixed = MixedLaw(number)
    floor = xr.DataArray(rng.uniform(0.0, 0.1, (2, 3, 4)), dims=DIMS)
    error = xr.DataArray(rng.uniform(0.15, 0.8, 4), dims="system")
    performance = mixed.performance(error, floor).transpose(*DIMS)
    parts = {
        "performance": performance,
        "error": mixed.error(performance, floor).transpose(*DIMS),
        "log_abs_derivative": mixed.log_abs_derivative(error, floor).transpose(*DIMS),
        "gain": mixed.gain(error, floor).transpose(*DIMS),
    }
    np.testing.assert_allclose(
        parts["error"], error.broadcast_like(parts["error"]).transpose(*DIMS), rtol=1e-9
    )
    for chain, draw in np.ndindex(2, 3):
        law = list(LAWS.values())[number.values[chain, draw]]
        at = floor.values[chain, draw]
        for part, values in parts.items():
            given_to = performance.values[chain, draw] if part == "error" else error.values
            np.testing.assert_array_equal(values.values[chain, draw], getattr(law, part)(given_to, at))


# What systems are predicted


def systems(n: int, **values: Any) -> dict[str, xr.DataArray]:
    return {name: xr.DataArray(value, dims="system") for name, value in values.items()}


def test_compute_in_doubt_is_trusted_less() -> None:
    """It is drawn further to the task's other systems, and what remains is less certain."""
    posterior = group(synthetic_fit(), "posterior")
    one = systems(2, task=["imagenet"] * 2, compute=[2.0, 2.0], year=[0.0, 0.0])
    performance = performance_distribution(
        "power", posterior, *one.values(), flagged=xr.DataArray([False, True], dims="system")
    )
    certain, doubtful = performance.mean.isel(system=0), performance.mean.isel(system=1)
    assert (doubtful < certain).all()
    assert (performance.sd.isel(system=1) > performance.sd.isel(system=0)).all()
    exact = performance_distribution(
        "power",
        posterior,
        *one.values(),
        flagged=xr.DataArray([False, True], dims="system"),
        compute_is_exact=True,
    )
    np.testing.assert_array_equal(exact.mean.isel(system=0), exact.mean.isel(system=1))


def test_shared_variance_is_the_correlation_times_that_of_noise() -> None:
    posterior = group(synthetic_fit(), "posterior")
    one = systems(1, task=["ms_coco"], compute=[0.0], year=[1.0])
    performance = performance_distribution("power", posterior, *one.values())
    noise = posterior["noise"].sel(task="ms_coco", drop=True)
    np.testing.assert_allclose(
        performance.shared_sd.isel(system=0) ** 2, posterior["paper_correlation"] * noise**2, rtol=1e-12
    )


@each_law
def test_slopes_of_all_laws_compare_in_orders_of_magnitude_of_error(name: str) -> None:
    """Tenfold compute, seen from the reference error, takes off what `error_scale` says, to first order."""
    idata = synthetic_fit(law=name)
    posterior, constant = group(idata, "posterior"), group(idata, "constant_data")
    reference = constant["reference_error"]
    law, floor, tenth = LAWS[name], posterior.get("floor", 0.0), 1e-4
    at = law.performance(reference, floor)
    after = law.error(at + tenth * posterior["slope"], floor)
    drop = (np.log(reference) - np.log(after)) / LN10 / tenth
    found = error_scale(name, posterior, constant)["slope"]
    np.testing.assert_allclose(found, drop.transpose(*found.dims), rtol=1e-3)


@pytest.mark.parametrize("law", ["power", "bounded"])
def test_predictions_are_the_same_however_many_are_made_together(
    law: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = PosteriorView.of(synthetic_fit(law=law, drift=True, draws=30))
    asked = law, view.group("prior"), view.posterior, view.observations, 7
    together = predict_observed(*asked)
    monkeypatch.setattr("scaling_bayes.core.predictive._AT_ONCE", 50)
    for name, found in predict_observed(*asked).items():
        assert found["error"].dtype == np.float32
        xr.testing.assert_allclose(found, together[name], rtol=1e-6)


def test_values_at_places_are_those_of_their_tasks() -> None:
    values = xr.DataArray(
        np.arange(12.0).reshape(2, 3, 2),
        dims=("chain", "task", "draw"),
        coords={"chain": [1, 2], "task": ["a", "b", "c"]},
    )
    along = xr.DataArray(
        np.array(["c", "a", "c", "b"], dtype=object), dims="system", coords={"system": list("stuv")}
    )
    place = places_of(along.values, values["task"])
    expected = values.sel(task=along).drop_vars("task").transpose("chain", "draw", "system")
    xr.testing.assert_identical(at_places(values, place, along), expected)
    one = xr.DataArray("b")
    expected = values.sel(task=one).drop_vars("task")
    xr.testing.assert_identical(at_places(values, places_of(one.values, values["task"]), one), expected)
    assert at_places(values.isel(task=0), place, along).identical(values.isel(task=0))
