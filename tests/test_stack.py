"""The mixture of laws: whose draws it holds, in which proportion, and that it can be used like a fit."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.synthetic import synthetic_fit

from scaling_bayes import (
    OptionError,
    checks,
    open_trace,
    predict,
    project,
    save_trace,
)
from scaling_bayes import summary as summarize
from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.observations import observations_of
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import log_density_given_paper, predict_observed
from scaling_bayes.model.evaluate.compare import Comparison
from scaling_bayes.model.evaluate.stack import stack
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.rounding import ROUNDING_SHARE
from scaling_bayes.trace.schema import FIT_GROUPS, group, manifest

pytestmark = pytest.mark.long

COMPUTE = "log10_training_compute_flop"
DRAWS = 40
WEIGHTS = {"power": 0.1, "exponential": 0.45, "logistic": 0.0, "saturating": 0.45}
TARGETS = {"imagenet": [0.1, 0.03], "my task": [0.15]}


@cache
def fits() -> dict[str, xr.DataTree]:
    return {law: synthetic_fit(law=law, draws=DRAWS) for law in LAWS}


@cache
def stacked() -> xr.DataTree:
    return stack(fits(), WEIGHTS, progressbar=False)


def number_of(idata: xr.DataTree, stage: str = "posterior") -> xr.DataArray:
    return group(idata, stage)["law"]


def test_laws_are_mixed_each_with_its_own_floor_also_with_one_of_an_earlier_release() -> None:
    """Its manifest says nothing of floor and drift."""
    mixed = [synthetic_fit(law=law, draws=DRAWS) for law in ("power", "saturating")]
    content = manifest(mixed[0])
    for option in ("floor", "drift"):
        del content["model"][option]
    mixed[0].attrs["manifest"] = json.dumps(content)
    for one in (mixed, mixed[::-1]):
        found = stack(dict(zip("ab", one, strict=True)), {"a": 0.5, "b": 0.5}, progressbar=False)
        assert 0 < float((group(found, "posterior")["floor"] > 0).mean()) < 1
        assert "drift" not in {name for name, on in manifest(found)["model"].items() if on}


def test_laws_without_a_place_in_the_mixture_are_refused() -> None:
    with pytest.raises(OptionError, match=r"bounded.*expected one of power"):
        stack({"a": synthetic_fit(), "b": synthetic_fit(law="bounded")}, {"a": 0.5, "b": 0.5})


# Draws


@settings(max_examples=20)
@given(parts=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4).filter(lambda w: sum(w) > 0.1))
def test_draws_are_counted_by_the_weights(parts: list[float]) -> None:
    mixture = stack(fits(), dict(zip(LAWS, parts, strict=True)), progressbar=False)
    exact = DRAWS * np.array(parts) / sum(parts)
    counts = np.array([(number_of(mixture) == number).sum("draw").values for number in range(4)])
    assert (abs(counts - exact[:, np.newaxis]) < 1.0).all()
    assert group(mixture, "posterior").sizes["draw"] == DRAWS
    assert list(group(mixture, "comparison")["weight"].values) == pytest.approx(np.array(parts) / sum(parts))


@pytest.mark.parametrize(("stage", "rounding"), [("prior", ROUNDING_SHARE), ("posterior", 0.0)])
def test_every_draw_is_one_of_its_law_and_none_is_taken_twice(stage: str, rounding: float) -> None:
    """Draws of the posterior to the bit; those of the prior are rounded, as a trace keeps them."""
    mixture = stacked()
    number = number_of(mixture, stage)
    for position, law in enumerate(LAWS):
        taken = group(mixture, stage)["slope"].values[:, number.values[0] == position]
        own = group(fits()[law], stage)["slope"].values
        for chain in range(taken.shape[0]):
            found = [
                np.flatnonzero((abs(own[chain] - draw) <= rounding * abs(own[chain])).all(axis=-1))
                for draw in taken[chain]
            ]
            assert [len(each) for each in found] == [1] * len(found)
            at = [int(each[0]) for each in found]
            assert len(set(at)) == len(at)
            assert at == sorted(at)


def test_every_prediction_is_by_the_law_of_its_draw() -> None:
    """Predictions are drawn from the mixture: for each draw what its law gives, with the same noise."""
    mixture = stacked()
    parameters = [group(mixture, stage) for stage in ("prior", "posterior")]
    observations = observations_of(group(mixture, "constant_data"), group(mixture, "observed_data"))
    seed = manifest(mixture)["sampler"]["random_seed"]
    by_law = {law: predict_observed(law, *parameters, observations, seed) for law in LAWS if WEIGHTS[law] > 0}
    for stage in ("prior", "posterior"):
        number = number_of(mixture, stage).values
        predicted = group(mixture, f"{stage}_predictive")["error"].transpose("chain", "draw", "system").values
        for law, own in by_law.items():
            at = number == list(LAWS).index(law)
            assert at.any()
            expected = own[f"{stage}_predictive"]["error"].transpose("chain", "draw", "system").values
            np.testing.assert_allclose(predicted[at], expected[at], rtol=1e-6)
            others = np.isin(number, [list(LAWS).index(each) for each in by_law if each != law])
            assert (predicted[others] != expected[others]).any()


def test_draws_of_a_law_are_spread_over_its_chain() -> None:
    number = number_of(stacked()).isel(chain=0).values
    for position, law in enumerate(LAWS):
        where = np.flatnonzero(number == position)
        if WEIGHTS[law] > 0.2:
            assert where.min() < 4
            assert where.max() >= DRAWS - 4
            assert np.diff(where).max() <= 4


def test_the_floor_is_zero_where_a_law_has_none() -> None:
    posterior = group(stacked(), "posterior")
    has_floor = number_of(stacked()) == list(LAWS).index("saturating")
    assert (posterior["floor"].where(has_floor, 1.0) > 0).all()
    assert (posterior["floor"].where(~has_floor, 0.0) == 0).all()
    no_floor = {law: tree for law, tree in fits().items() if law != "saturating"}
    mixture = stack(no_floor, dict.fromkeys(no_floor, 1.0), progressbar=False)
    assert "floor" not in group(mixture, "posterior")


def test_parameters_that_some_laws_do_not_have_are_left_out() -> None:
    assert "floor_logit_mean" in group(fits()["saturating"], "posterior")
    assert "floor_logit_mean" not in group(stacked(), "posterior")
    assert set(group(stacked(), "posterior")) == set(group(fits()["power"], "posterior")) | {"law", "floor"}


def test_likelihood_and_prediction_of_each_draw_follow_its_law() -> None:
    """Computed anew from the mixture's parameters, the stored likelihood of each draw comes out."""
    mixture = stacked()
    observations = observations_of(group(mixture, "constant_data"), group(mixture, "observed_data"))
    performance = observed_performance("stack", group(mixture, "posterior"), observations)
    found = log_density_given_paper(performance, observations.error, observations.paper_index)
    np.testing.assert_allclose(found, group(mixture, "log_likelihood")["error"], rtol=1e-5, atol=1e-5)


# Use


def test_projections_are_those_of_the_draws_taken() -> None:
    mixture = stacked()
    compute = project(mixture, TARGETS, 2025, kind="mean")["projection"][COMPUTE].values
    number = number_of(mixture).values
    slope = group(mixture, "posterior")["slope"].values
    for position, law in enumerate(LAWS):
        own = project(fits()[law], TARGETS, 2025, kind="mean")["projection"][COMPUTE].values
        slopes = group(fits()[law], "posterior")["slope"].values
        for chain in range(2):
            for draw in np.flatnonzero(number[chain] == position):
                source = int(np.flatnonzero((slopes[chain] == slope[chain, draw]).all(axis=-1))[0])
                np.testing.assert_allclose(compute[chain, draw], own[chain, source], rtol=1e-12)


def test_a_target_below_the_floor_is_out_of_reach_in_the_draws_that_have_one() -> None:
    target = {"imagenet": 1e-4}
    summary = summarize(project(stacked(), target))
    share = float((number_of(stacked()) == list(LAWS).index("saturating")).mean())
    assert share == pytest.approx(0.45)
    assert summary["unreachable"].item() == pytest.approx(share)
    alone = summarize(project(fits()["saturating"], target))
    assert alone["unreachable"].item() == 1.0


def test_all_the_weight_on_one_law_is_that_fit() -> None:
    mixture = stack(fits(), {**dict.fromkeys(LAWS, 0.0), "logistic": 2.0}, progressbar=False)
    theirs = group(fits()["logistic"], "posterior")
    xr.testing.assert_equal(group(mixture, "posterior")[list(theirs)], theirs)
    for kind in ("predictive", "mean"):
        ours, own = (
            project(tree, TARGETS, kind=kind)["projection"] for tree in (mixture, fits()["logistic"])
        )
        xr.testing.assert_allclose(ours.to_dataset(), own.to_dataset(), rtol=1e-12)


def test_a_mixture_predicts() -> None:
    systems = pd.DataFrame({"task": ["imagenet"], "training_compute_flop": [1e20], "year": [2018]})
    error = predict(stacked(), systems)["predictions"]["error"]
    own = [predict(tree, systems)["predictions"]["error"].median().item() for tree in fits().values()]
    assert min(own) - 0.02 < error.median().item() < max(own) + 0.02
    assert ((error > 0) & (error <= 1)).all()


def test_saved_and_reopened_it_is_the_same(tmp_path: Path) -> None:
    path = save_trace(stacked(), tmp_path / "stack.nc")
    again = open_trace(path)
    assert again.attrs["digest"] == tree_digest(stacked())
    for name in stacked().children:
        assert group(again, name).identical(group(stacked(), name))
    assert manifest(again)["stack"] == manifest(stacked())["stack"]
    ours, theirs = (project(tree, TARGETS, 2030)["projection"].to_dataset() for tree in (stacked(), again))
    assert ours.identical(theirs)


def test_it_is_complete_and_says_what_it_is_made_of() -> None:
    mixture = stacked()
    assert set(FIT_GROUPS) | {"comparison"} <= set(mixture.children)
    content = manifest(mixture)
    assert content["model"]["law"] == "stack"
    assert content["stack"]["weights"] == WEIGHTS
    assert content["stack"]["laws"] == {law: law for law in LAWS}
    assert content["stack"]["digests"] == {law: tree_digest(tree) for law, tree in fits().items()}
    assert set(content["priors"]) == set(manifest(fits()["saturating"])["priors"])
    assert content["sampler"]["random_seed"] == manifest(fits()["power"])["sampler"]["random_seed"]
    names = list(checks(mixture)["check"])
    assert any(name == "power: rhat" for name in names)
    assert not any(name.startswith("logistic") for name in names), "a law without weight has no draws"


def test_the_fits_are_not_changed() -> None:
    before = {law: tree.copy(deep=True) for law, tree in fits().items()}
    stack(fits(), WEIGHTS, progressbar=False)
    assert all(fits()[law].identical(tree) for law, tree in before.items())


def test_the_same_fits_and_weights_give_the_same_mixture() -> None:
    assert stack(fits(), WEIGHTS, progressbar=False).identical(stacked())


def test_a_comparison_gives_weights_and_what_they_rest_on() -> None:
    n = len(LAWS)
    table = pd.DataFrame(
        {
            "fit": list(LAWS)[::-1],
            "elpd": np.arange(n, 0, -1.0),
            "elpd_se": np.ones(n),
            "difference": -np.arange(n) * 1.0,
            "difference_se": np.ones(n),
            "weight": [0.4, 0.3, 0.2, 0.1],
            "optimal_weight": [1.0, 0.0, 0.0, 0.0],
            "worst_pareto_k": [0.5] * n,
            "refits": [0] * n,
        }
    )
    mixture = stack(fits(), Comparison(table, xr.Dataset(), "paper"), progressbar=False)
    assert manifest(mixture)["stack"]["leave_out"] == "paper"
    stored = group(mixture, "comparison")
    assert list(stored["fit"].values) == list(LAWS)
    np.testing.assert_allclose(stored["weight"], [0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(stored["elpd"], [1.0, 2.0, 3.0, 4.0])


# Refused


def with_manifest(tree: xr.DataTree, change: Any) -> xr.DataTree:
    copy = tree.copy()
    content = json.loads(copy.attrs["manifest"])
    change(content)
    copy.attrs["manifest"] = json.dumps(content)
    return copy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content["model"].update(law="power"), "both of law 'power'; give one of each"),
        (lambda content: content["model"].update(pooling="none"), r"has pooling='none'.*expected the same"),
        (lambda content: content["model"].update(robust=True), r"has robust=True.*expected the same"),
        (lambda content: content["model"].update(law="stack"), "is a stack; expected fits of single laws"),
        (lambda content: content["data"].update(sha256="1" * 64), "of other systems"),
        (
            lambda content: content["priors"]["intercept"].update(sigma=3.0),
            "another prior on intercept than an earlier fit",
        ),
    ],
)
def test_fits_that_do_not_mix_are_refused(change: Any, message: str) -> None:
    other = with_manifest(fits()["logistic"], change)
    with pytest.raises(OptionError, match=message):
        stack({"power": fits()["power"], "other": other}, {"power": 0.5, "other": 0.5})


@pytest.mark.parametrize("options", [{"draws": DRAWS // 2}, {"chains": 1}])
def test_fits_of_other_size_are_refused(options: dict[str, int]) -> None:
    other = synthetic_fit(law="logistic", **{"draws": DRAWS, **options})
    with pytest.raises(OptionError, match="sample all alike"):
        stack({"power": fits()["power"], "other": other}, {"power": 0.5, "other": 0.5})


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"power": 1.0}, "expected one for each of power, exponential"),
        ({**WEIGHTS, "fifth": 0.1}, "found power, .*fifth; expected one for each"),
        ({**WEIGHTS, "power": -0.1}, "found power=-0.1; expected finite numbers from 0"),
        ({**WEIGHTS, "power": float("nan")}, "found power=nan"),
        ({**WEIGHTS, "power": float("inf")}, "found power=inf"),
        (dict.fromkeys(LAWS, 0.0), "found only zeros"),
    ],
)
def test_bad_weights(weights: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        stack(fits(), weights)
