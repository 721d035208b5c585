"""The model as the sampler sees it: its densities are those that predictions and comparisons use."""

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

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import POOLINGS, ModelOptions
from scaling_bayes.core.parameters import draw_prior, log_prior, parameter_names
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import (
    joint_log_density_of_error,
    log_likelihood_total,
    predict_observed,
)
from scaling_bayes.core.priors import default_priors

pytestmark = pytest.mark.long


def systems(n_tasks: int = 2, each: int = 7) -> pd.DataFrame:
    """A table with papers of one to three systems, rows in doubt, and rows in no order."""
    frame, _ = simulate(n_tasks, each, 11)
    frame["paper"] = [f"paper {i * 2 // 5}" for i in range(len(frame))]
    frame.loc[[0, 3], "paper"] = ""
    frame["compute_in_doubt"] = np.arange(len(frame)) % 3 == 0
    return frame.sample(frac=1.0, random_state=1).reset_index(drop=True)


OBSERVED = observe(systems().assign(chance_error=0.6), needs_year=True)
#: Floors near enough to the errors that they matter.
OBSERVED = replace(
    OBSERVED,
    floor_log_median=np.log(np.array([0.3, 0.5]) * OBSERVED.reference_error),
    floor_log_sd=np.array([0.4, 0.6]),
    count_index=np.arange(OBSERVED.error.size) % 4,
)


def parameters_inside(options: ModelOptions, observations: Observations, draws: int) -> xr.Dataset:
    """Draws from the prior, with floors brought below the errors of their task."""
    priors = default_priors(options)
    drawn = draw_prior(options, priors, observations, draws=draws, random_seed=seeded(7))
    if options.has_floor:
        lowest = np.array(
            [observations.error[observations.task_index == task].min() for task in range(len(drawn["task"]))]
        )
        reference = observations.reference_error
        bound = (lowest / reference).min() if options.pooling == "complete" else lowest / reference
        drawn["floor"] = drawn["floor"] * bound * 0.9
    return drawn


def potentials(options: ModelOptions, observations: Observations) -> Any:
    """`potentials(point)`: what the model adds to its priors, from the values of its parameters."""
    import pytensor

    from scaling_bayes.model.build import build_model

    priors = default_priors(options)
    model = build_model(observations, options, priors)
    names = parameter_names(options, priors)
    added = [model[name] for name in ("error", "compute") if name in model.named_vars]
    evaluate = pytensor.function(
        [model[name] for name in names], added, mode="FAST_COMPILE", on_unused_input="ignore"
    )
    return lambda point: [float(value) for value in evaluate(*(point[name].values for name in names))]


@pytest.mark.parametrize(
    ("law", "robust", "paper_effect", "flagged_error"),
    some(itertools.product(LAWS, (False, True), (False, True), (False, True)), 9),
)
def test_likelihood_is_that_of_the_predictions(law, robust, paper_effect, flagged_error) -> None:
    options = ModelOptions(law, "partial", True, True, paper_effect, robust, flagged_error)
    drawn = parameters_inside(options, OBSERVED, 3)
    evaluate = potentials(options, OBSERVED)
    performance = observed_performance(law, drawn, OBSERVED)
    of_error = joint_log_density_of_error(performance, OBSERVED.error, OBSERVED.paper_index).sum("paper")
    total = log_likelihood_total(law, drawn, OBSERVED)
    for draw in range(3):
        error, compute = evaluate(drawn.isel(chain=0, draw=draw))
        assert error == pytest.approx(float(of_error[0, draw]), rel=1e-9, abs=1e-9)
        assert error + compute == pytest.approx(float(total[0, draw]), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("law", some(LAWS, 2))
@pytest.mark.parametrize("algorithmic_progress", [False, True])
def test_likelihood_without_measurement_error_is_that_of_the_predictions(law, algorithmic_progress) -> None:
    options = ModelOptions(law, "none", False, algorithmic_progress, True, True, False)
    drawn = parameters_inside(options, OBSERVED, 2)
    evaluate = potentials(options, OBSERVED)
    total = log_likelihood_total(law, drawn, OBSERVED)
    for draw in range(2):
        (error,) = evaluate(drawn.isel(chain=0, draw=draw))
        assert error == pytest.approx(float(total[0, draw]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("law", "floor", "robust"),
    some(
        [
            ("bounded", "task", True),
            ("bounded", "pooled", False),
            ("bounded", "none", False),
            ("exponential", "pooled", False),
            ("power", "task", False),
            ("logistic", "task", True),
            ("saturating", "none", False),
        ],
        3,
    ),
)
def test_likelihood_with_floor_bend_and_drift_is_that_of_the_predictions(law, floor, robust) -> None:
    options = ModelOptions(law, "partial", robust=robust, floor=floor, drift=True)
    drawn = parameters_inside(options, OBSERVED, 3)
    evaluate = potentials(options, OBSERVED)
    performance = observed_performance(law, drawn, OBSERVED)
    of_error = joint_log_density_of_error(performance, OBSERVED.error, OBSERVED.paper_index).sum("paper")
    total = log_likelihood_total(law, drawn, OBSERVED)
    for draw in range(3):
        error, compute = evaluate(drawn.isel(chain=0, draw=draw))
        assert error == pytest.approx(float(of_error[0, draw]), rel=1e-9, abs=1e-9)
        assert error + compute == pytest.approx(float(total[0, draw]), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("law", some(LAWS, 2))
def test_log_density_of_the_unpooled_model_is_prior_plus_likelihood(law: str) -> None:
    options = ModelOptions(law, "none", robust=True)
    drawn = parameters_inside(options, OBSERVED, 3)
    found = log_prior(options, default_priors(options), drawn, OBSERVED)
    expected = found.to_dataarray().sum("variable") + log_likelihood_total(law, drawn, OBSERVED)
    floor, reference = drawn.get("floor", 0.0), OBSERVED.reference_error
    gain = LAWS[law].odds_gain(reference, floor)
    sampled = drawn.assign(
        intercept_stated=(drawn["intercept"] - LAWS[law].performance(reference, floor)) / gain,
        **{f"{name}_stated": drawn[name] / gain for name in ("slope", "noise")},
        progress_stated=drawn["progress"],
    )
    if options.has_floor:  # sampled as a share, believed as its log odds
        sampled["floor_share"] = floor / reference
        expected = expected - log_odds_to_share(sampled["floor_share"]).sum("task")
    density = density_of(options)
    for draw in range(3):
        found_here = density(sampled.isel(chain=0, draw=draw))
        assert found_here == pytest.approx(float(expected[0, draw]), rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("pooling", some(POOLINGS, 3))
def test_prior_of_the_floor_is_normal_in_its_log_odds(pooling: str) -> None:
    options = ModelOptions("saturating", pooling)
    priors = default_priors(options)
    drawn = parameters_inside(options, OBSERVED, 3)
    share = (drawn["floor"] / OBSERVED.reference_error).isel(chain=0)
    if pooling == "complete":
        share = share.isel(task=0)
    density = density_of(options, ["floor_share", "floor_prior"])
    for draw in range(3):
        point = drawn.isel(chain=0, draw=draw).assign(floor_share=share.isel(draw=draw))
        own = point["floor_share"].values
        belief = (
            priors["floor_logit"].parameters
            if pooling != "partial"
            else {"mu": float(point["floor_logit_mean"]), "sigma": float(point["floor_logit_sd"])}
        )
        believed = stats.norm(belief["mu"], belief["sigma"]).logpdf(np.log(own / (1 - own)))
        expected = float((believed - log_odds_to_share(own)).sum())
        assert density(point) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def log_odds_to_share(share: Any) -> Any:
    """Log of the derivative of a share by its log odds."""
    return np.log(share) + np.log1p(-share)


def density_of(options: ModelOptions, terms: list[str] | None = None) -> Any:
    """`density(point)`: the model's log density, or some terms of it, without the sampler's transforms."""
    import pytensor.tensor as pt

    from scaling_bayes.model.build import build_model

    model = build_model(OBSERVED, options, default_priors(options))
    density = model.logp(vars=None if terms is None else [model[name] for name in terms], jacobian=False)
    values = [model.rvs_to_values[variable] for variable in model.free_RVs]
    evaluate = model.compile_fn(
        density, inputs=values, point_fn=False, mode="FAST_COMPILE", on_unused_input="ignore"
    )

    start = model.initial_point()

    def at(point: xr.Dataset) -> float:
        inputs = []
        for variable in model.free_RVs:
            transform = model.rvs_to_transforms[variable]
            if variable.name not in point:
                inputs.append(start[model.rvs_to_values[variable].name])
            elif transform is None:
                inputs.append(point[variable.name].values)
            else:
                own = pt.as_tensor(point[variable.name].values)
                inputs.append(transform.forward(own, *variable.owner.inputs).eval(mode="FAST_COMPILE"))
        return float(evaluate(*inputs))

    return at


@pytest.mark.parametrize("pooling", some(POOLINGS, 3))
def test_only_the_floor_law_has_a_floor(pooling: str) -> None:
    from scaling_bayes.model.build import build_model

    for law in LAWS:
        options = ModelOptions(law, pooling)
        names = build_model(OBSERVED, options, default_priors(options)).named_vars
        assert ("floor" in names) == LAWS[law].has_floor


def test_switches_without_a_use_are_dropped() -> None:
    bare = systems().drop(columns=["paper", "compute_in_doubt"])
    dropped = observe(bare, needs_year=True).applicable(ModelOptions())
    assert not dropped.paper_effect
    assert not dropped.flagged_error
    kept = OBSERVED.applicable(ModelOptions())
    assert kept.paper_effect
    assert kept.flagged_error
    assert not OBSERVED.applicable(ModelOptions(measurement_error=False)).flagged_error


def test_a_paper_on_two_tasks_is_two() -> None:
    """What the systems of a paper share is of one task; a row without a paper shares nothing."""
    frame = systems()
    observed = observe(frame, needs_year=True)
    for first, second in itertools.combinations(range(len(frame)), 2):
        together = observed.paper_index[first] == observed.paper_index[second]
        one, other = frame.iloc[first], frame.iloc[second]
        assert together == (
            one["task"] == other["task"] and one["paper"] == other["paper"] and bool(one["paper"])
        )
    assert observed.paper_sizes.sum() == len(frame)


@pytest.mark.parametrize("floor", ["task", "none"])
def test_errors_are_drawn_in_the_order_of_a_stored_group(floor) -> None:
    drawn = parameters_inside(ModelOptions("bounded", floor=floor, drift=True, robust=True), OBSERVED, 3)
    predicted = predict_observed("bounded", drawn, drawn, OBSERVED, 1)
    assert predicted["prior_predictive"]["error"].dims == ("chain", "draw", "system")
