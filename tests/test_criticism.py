"""Checks of the model against the data: what they call, and that they keep quiet where the model is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.synthetic import synthetic_fit

from scaling_bayes import checks, data_checks, project
from scaling_bayes.core.observations import observations_of
from scaling_bayes.core.predictive import predict_observed
from scaling_bayes.diagnostics.psis import smoothed_weights
from scaling_bayes.projection.reached import reached, reached_sentences
from scaling_bayes.trace.schema import group, manifest


def with_errors(idata: xr.DataTree, error: np.ndarray) -> xr.DataTree:
    """Give the same draws beside other data."""
    tree = idata.copy()
    observed = group(tree, "observed_data").copy()
    observed["error"] = ("system", error)
    tree["observed_data"] = xr.DataTree(observed)
    computed = predict_observed(
        manifest(tree)["model"]["law"],
        group(tree, "prior"),
        group(tree, "posterior"),
        observations_of(group(tree, "constant_data"), observed),
        1,
    )
    for name in ("posterior_predictive", "log_likelihood"):
        tree[name] = xr.DataTree(computed[name])
    return tree


def failing(idata: xr.DataTree) -> dict[str, str]:
    frame = data_checks(idata)
    return dict(frame[~frame["passed"]][["check", "worst"]].itertuples(index=False))


def in_order(idata: xr.DataTree, task: str, *, grows: bool) -> np.ndarray:
    """Errors of a task sorted along compute."""
    constant, error = group(idata, "constant_data"), group(idata, "observed_data")["error"].values.copy()
    rows = np.flatnonzero(constant["system_task"].values == task)
    by_compute = rows[np.argsort(constant["log10_training_compute_flop"].values[rows])]
    error[by_compute] = np.sort(error[rows])[:: 1 if grows else -1]
    return error


def test_the_reference_fit_passes(reference_fit: xr.DataTree) -> None:
    frame = data_checks(reference_fit)
    assert list(frame.columns) == list(checks(reference_fit).columns)
    assert list(frame["check"]) == ["wrong_sign", "lack_of_fit", "outlier", "influence"]
    assert frame["passed"].all()


def test_an_error_that_grows_with_compute_is_called() -> None:
    idata = synthetic_fit(draws=200)
    found = failing(with_errors(idata, in_order(idata, "ms_coco", grows=True)))
    assert found["wrong_sign"] == "ms_coco"
    assert "wrong_sign" not in failing(with_errors(idata, in_order(idata, "ms_coco", grows=False)))


def test_drift_does_not_hide_an_error_that_grows_with_compute() -> None:
    """Drift follows any trend over the years, and later systems take more compute."""
    idata = synthetic_fit(drift=True, systems_per_task=12, draws=200)
    rows = np.flatnonzero(group(idata, "constant_data")["system_task"].values == "ms_coco")
    constant = group(idata, "constant_data").copy(deep=True)
    by_compute = rows[np.argsort(constant["log10_training_compute_flop"].values[rows])]
    constant["publication_year"][by_compute] = np.sort(constant["publication_year"].values[rows])
    idata["constant_data"] = xr.DataTree(constant)
    error = in_order(idata, "ms_coco", grows=True)
    year, compute = (
        constant["publication_year"].values[rows],
        constant["log10_training_compute_flop"].values[rows],
    )
    rise, growth = (np.polyfit(year, values, 1)[0] for values in (-np.log10(error[rows]), compute))
    posterior = group(idata, "posterior").copy(deep=True)
    of_task = posterior.sel(task="ms_coco")
    without = of_task["slope"] * (growth + of_task["progress"])
    posterior["drift_step"].loc[{"task": "ms_coco"}] = rise - without.expand_dims(
        drift_year=posterior["drift_year"]
    ).transpose("chain", "draw", "drift_year")
    idata["posterior"] = xr.DataTree(posterior)
    error[rows] = group(with_errors(idata, error), "posterior_predictive")["error"].values[0, 0, rows]
    idata = with_errors(idata, error)
    assert np.corrcoef(compute, error[rows])[0, 1] > 0.5
    assert failing(idata)["wrong_sign"] == "ms_coco"


def test_a_system_far_off_is_called() -> None:
    idata = synthetic_fit(draws=200)
    error = group(idata, "observed_data")["error"].values.copy()
    error[3] /= 30.0
    assert failing(with_errors(idata, error))["outlier"] == str(idata["observed_data"]["system"].values[3])


def test_a_bend_is_called() -> None:
    idata = synthetic_fit(systems_per_task=25, draws=200)
    constant, error = group(idata, "constant_data"), group(idata, "observed_data")["error"].values.copy()
    rows = constant["system_task"].values == "imagenet"
    compute = constant["log10_training_compute_flop"].values[rows]
    error[rows] = np.exp(np.log(error[rows]) + 0.3 * (compute - compute.mean()) ** 2).clip(0.01, 0.95)
    assert failing(with_errors(idata, error))["lack_of_fit"] == "imagenet"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.floats(0.05, 4.0), draws=st.integers(200, 2000))
def test_smoothing_is_that_of_arviz(seed: int, scale: float, draws: int) -> None:
    ratios = scale * np.random.default_rng(seed).standard_normal(draws)
    log_weights, pareto_k = array_stats.psislw(-ratios)
    weights, found = smoothed_weights(ratios)
    expected = np.exp(log_weights - log_weights.max())
    assert found == pytest.approx(float(pareto_k), abs=1e-9)
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-6, atol=1e-12)


def test_ratios_without_a_tail() -> None:
    weights, pareto_k = smoothed_weights(np.zeros(500))
    assert pareto_k == -np.inf
    assert weights.sum() == pytest.approx(1.0)
    assert smoothed_weights(np.array([0.0, np.inf, 1.0]))[1] == np.inf


def test_a_target_in_the_data_is_said_to_be_reached() -> None:
    idata = synthetic_fit(draws=20)
    error = group(idata, "observed_data")["error"].values[:8]
    compute = group(idata, "constant_data")["log10_training_compute_flop"].values[:8]
    target = float(np.median(error))
    projection = project(idata, {"imagenet": [target, 0.001]})
    frame = reached(projection)
    assert list(frame["error"]) == [target]
    assert frame["systems"].iloc[0] == (error <= target).sum()
    assert frame["log10_training_compute_flop"].iloc[0] == compute[error <= target].min()
    (sentence,) = reached_sentences(projection)
    assert "reached already" in sentence
    assert str(frame["system"].iloc[0]) in sentence


def test_a_target_that_others_have_reached_is_said_to_be() -> None:
    """Of the shipped tables, with the least compute that is known."""
    idata = synthetic_fit(("imagenet", "mmlu"), draws=20)
    frame = reached(project(idata, {"imagenet": [0.12, 0.0895, 0.05], "mmlu": 0.13})).set_index("error")
    assert frame.index.tolist() == [0.12, 0.0895, 0.13]
    assert not frame["in_fit"].any()
    assert (frame["reached_error"] <= frame.index).all()
    assert frame["system"][0.0895] == "BASIC-L with Lion"
    assert math.isnan(frame["log10_training_compute_flop"][0.0895])
    assert frame["system"][0.12] == "NFNet-F4+", "that of EVA-01 is less, but a part of it"
    assert frame["system"][0.13] == "DeepSeek-V3"
    assert frame["log10_training_compute_flop"][0.13] == pytest.approx(math.log10(3.2856e24))
    assert all("not in this fit" in each for each in reached_sentences(project(idata, {"mmlu": 0.13})))
