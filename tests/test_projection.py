"""Projection and prediction: arithmetic on paper, the model's inverse, and what is refused."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.some import some
from tests.synthetic import synthetic_fit

from scaling_bayes import (
    DataError,
    OptionError,
    TargetError,
    TraceError,
    affordability,
    decompose,
    default_targets,
    load_systems,
    open_trace,
    predict,
    project,
    record_machine_time,
    reference_systems,
    required_gain,
)
from scaling_bayes import summary as summarize
from scaling_bayes.core.laws import LAWS
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.settings import read_settings
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.extrapolation import extrapolation, extrapolation_sentences
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.projection.requirement import require
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.report.build import build_report
from scaling_bayes.systems.editions import EDITIONS
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.trace.view import PosteriorView

COMPUTE = "log10_training_compute_flop"


def test_mean_projection_is_the_line_solved_for_compute(reference_fit: xr.DataTree) -> None:
    projection = project(reference_fit, {"imagenet": 0.05}, years=2030, kind="mean")["projection"]
    at = {"chain": 2, "draw": 17}
    draw = reference_fit["posterior"].to_dataset().isel(at).sel(task="imagenet")
    constant = reference_fit["constant_data"].to_dataset().sel(task="imagenet")
    expected = (
        float(constant["reference_log10_compute"])
        + (-math.log10(0.05) - float(draw["intercept"])) / float(draw["slope"])
        - float(draw["progress"]) * (2030 - float(constant["reference_year"]))
    )
    assert float(projection[COMPUTE].isel(at).squeeze()) == pytest.approx(expected, rel=1e-12)


def test_predictive_projection_adds_the_noise_over_the_slope(reference_fit: xr.DataTree) -> None:
    targets = {"ms_coco": [0.3, 0.1]}
    predictive = project(reference_fit, targets)["projection"][COMPUTE]
    mean = project(reference_fit, targets, kind="mean")["projection"][COMPUTE]
    posterior = reference_fit["posterior"].to_dataset().sel(task="ms_coco")
    noise = (mean - predictive) * posterior["slope"] / posterior["noise"]
    np.testing.assert_allclose(noise.isel(target=0), noise.isel(target=1), atol=1e-9)
    assert float(noise.isel(target=0).mean()) == pytest.approx(0, abs=0.06)
    assert float(noise.isel(target=0).std()) == pytest.approx(1, abs=0.05)


def test_progress_lowers_compute_by_the_posterior_progress(reference_fit: xr.DataTree) -> None:
    far = {"imagenet": 0.001}  # no draw is at the bound of one pass
    compute = project(reference_fit, far, years=[2020, 2030])["projection"][COMPUTE]
    drop = (compute.sel(year=2020) - compute.sel(year=2030)).squeeze()
    progress = reference_fit["posterior"]["progress"].sel(task="imagenet")
    np.testing.assert_allclose(drop, 10 * progress, rtol=1e-9)


def test_without_years_the_last_year_of_the_data_holds(reference_fit: xr.DataTree) -> None:
    year = project(reference_fit)["projection"]["year"].values
    assert year == [reference_fit["constant_data"]["publication_year"].max()]


def test_projection_inverts_prediction(reference_fit: xr.DataTree) -> None:
    """Half of the systems trained with the median required compute reach the target."""
    summary = summarize(project(reference_fit, {"imagenet": 0.1}, years=2022.25))
    compute = 10 ** summary["median"].item()
    systems = pd.DataFrame({"task": ["imagenet"], "training_compute_flop": [compute], "year": [2022.25]})
    error = predict(reference_fit, systems, compute="exact")["predictions"]["error"]
    assert float((error <= 0.1).mean()) == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize("law", some(LAWS, 2))
def test_projection_inverts_prediction_under_every_law(law: str) -> None:
    """Half of the systems trained with the compute each draw requires reach the target."""
    idata = synthetic_fit(("first", "second", "my task"), law=law, draws=400, robust=law == "logistic")
    targets, years = {"first": [0.22, 0.15], "my task": [0.2]}, 2022.25
    needed = project(idata, targets, years, kind="mean")["projection"][COMPUTE].squeeze("year")
    posterior, constant = idata["posterior"].to_dataset(), idata["constant_data"].to_dataset()
    for number, (task, error) in enumerate([("first", 0.22), ("first", 0.15), ("my task", 0.2)]):
        draws, reference = posterior.sel(task=task), constant.sel(task=task)
        line = draws["intercept"] + draws["slope"] * (
            needed.isel(target=number)
            - reference["reference_log10_compute"]
            + draws["progress"] * (years - reference["reference_year"])
        )
        reached = LAWS[law].error(line, draws.get("floor", 0.0))
        np.testing.assert_allclose(reached, error, rtol=1e-9)
    summary = summarize(project(idata, {"first": 0.2}, years))
    systems = pd.DataFrame(
        {"task": "first", "training_compute_flop": 10 ** summary["median"], "year": [2022.25]}
    )
    predicted = predict(idata, systems, compute="exact")["predictions"]["error"]
    assert float((predicted <= 0.2).mean()) == pytest.approx(0.5, abs=0.06)


def test_no_compute_reaches_a_target_below_the_floor() -> None:
    idata = synthetic_fit(law="saturating", draws=200)
    floor = idata["posterior"]["floor"].sel(task="imagenet")
    target = float(floor.quantile(0.3))
    for kind in ("mean", "predictive"):
        tree = project(idata, {"imagenet": target}, kind=kind)
        compute = tree["projection"][COMPUTE].squeeze()
        np.testing.assert_array_equal(np.isposinf(compute), floor >= target)
        assert np.isfinite(compute.where(floor < target, 0.0)).all()
        share = float((floor >= target).mean())
        assert 0.6 < share < 0.8
        assert summarize(tree)["unreachable"].item() == pytest.approx(share)


def test_less_error_needs_more_compute_in_every_draw(reference_fit: xr.DataTree) -> None:
    compute = project(reference_fit, {"squad_1_1": [0.04, 0.02, 0.01]})["projection"][COMPUTE]
    assert (compute.diff("target") > 0).all()


@pytest.mark.parametrize("name", ["five-tasks-2019-2026.12", "reference-2026.11"])
def test_default_targets_are_the_2020_papers(name: str) -> None:
    summary = summarize(project(open_trace(name)))
    assert list(summary["error"]) == [
        *(0.115, 0.05, 0.01),
        *(0.467, 0.30, 0.10),
        *(0.04621, 0.02, 0.01),
        *(0.065, 0.02, 0.01),
        *(0.544, 0.30, 0.10),
    ]
    assert [t.error for t in default_targets(["mine"], {"mine": 0.2})] == [0.2, 0.1, 0.02]


def test_default_targets_of_later_data_are_those_of_today(reference_fit: xr.DataTree) -> None:
    """The lowest error, halfway to the floor, the floor and the human level, the easiest first."""
    today = summarize(project(reference_fit))
    assert today["error"][today["task"] == "squad_1_1"].tolist() == [0.088, 0.039, 0.029, 0.02]
    assert today["error"][today["task"] == "wmt14_en_fr"].tolist() == [0.544, 0.47, 0.4]
    best = {"squad_1_1": 0.039, "mmlu": 0.129, "mine": 0.2}
    found = default_targets(best, best, last_year=2024.5)
    assert [(t.task, t.error, t.note) for t in found[:7]] == [
        ("squad_1_1", 0.088, "human level"),
        ("squad_1_1", 0.039, "best in the data"),
        ("squad_1_1", 0.029, "halfway to the floor"),
        ("squad_1_1", 0.02, "floor of the labels"),
        ("mmlu", 0.129, "best in the data"),
        ("mmlu", 0.102, "human level"),
        ("mmlu", 0.07, "halfway to the floor"),
    ]
    assert default_targets(["mine"], best, last_year=2024.5) == default_targets(["mine"], best)
    assert default_targets(["squad_1_1"], best, last_year=2020.9) == default_targets(["squad_1_1"])
    assert len(default_targets(["mmlu"], {"mmlu": 0.001}, last_year=2024.5)) == 3


def test_the_finding_is_about_the_next_target_above_the_noise_of_the_labels(
    reference_fit: xr.DataTree,
) -> None:
    """Not about one that is reached (9.06 %), nor at the noise of the labels (5 %), nor beyond most draws."""
    first, *others = next_targets(project(reference_fit, years=2026))
    assert (first.task, first.error) == ("imagenet", 0.07)
    assert [target.task for target in others] == ["ms_coco", "squad_1_1", "conll_2003", "wmt14_en_fr"]
    asked = {"imagenet": [0.05, 0.0906], "ms_coco": [0.3, 0.26]}
    found = next_targets(project(reference_fit, asked, 2026))
    assert [(target.task, target.error) for target in found] == [("ms_coco", 0.3), ("imagenet", 0.05)]
    unattained = synthetic_fit(law="saturating", draws=50)
    floor = unattained["posterior"]["floor"].sel(task="my task")
    most, none = float(floor.quantile(0.9)), float(floor.min()) / 2
    (only,) = next_targets(project(unattained, {"my task": [none, most]}))
    assert only.error == most


def test_summary_is_in_order_and_counts_unreachable_draws(reference_fit: xr.DataTree) -> None:
    tree = project(reference_fit, {"imagenet": 0.05})
    tree["projection"][COMPUTE].values[:, :400] = np.inf
    row = summarize(tree).iloc[0]
    assert row["unreachable"] == pytest.approx(0.4)
    bounds = row[["lower_90", "lower_50", "median", "upper_50", "upper_90"]].to_numpy(dtype=float)
    assert (np.diff(bounds[:3]) > 0).all()
    assert np.isposinf(bounds[3:]).all()


def test_far_targets_stay_finite(reference_fit: xr.DataTree) -> None:
    summary = summarize(project(reference_fit, {"conll_2003": 1e-9}, years=[2009, 2100]))
    assert np.isfinite(summary["median"]).all()
    assert (summary["median"] > 50).all()


def test_same_trace_same_numbers(reference_fit: xr.DataTree) -> None:
    before = reference_fit.copy(deep=True)
    first, again = project(reference_fit), project(reference_fit)
    assert first.identical(again)
    assert reference_fit.identical(before)
    other = project(reference_fit, random_seed=7)
    assert not first["projection"].to_dataset().identical(other["projection"].to_dataset())


@given(
    st.lists(st.one_of(st.floats(-1e3, 1e3), st.just(math.inf)), min_size=1, max_size=50),
    st.floats(0, 1),
)
def test_quantiles_are_numpys_where_finite_and_never_nan(draws, prob) -> None:
    value = quantiles(draws, [prob])[0]
    assert not math.isnan(value)
    if np.isfinite(draws).all():
        assert value == pytest.approx(np.quantile(draws, prob), abs=1e-9)


def test_prediction_covers_the_systems_of_the_fit(reference_fit: xr.DataTree) -> None:
    systems = reference_systems()
    tree = predict(reference_fit, systems)
    assert {"predictions", "predictions_constant_data"} <= set(tree.children)
    draws = tree["predictions"]["error"]
    low, high = draws.quantile(0.05, ("chain", "draw")), draws.quantile(0.95, ("chain", "draw"))
    inside = (low.values <= systems["error"]) & (systems["error"] <= high.values)
    assert 0.83 < inside.mean() <= 1


def test_exact_compute_is_less_certain_to_shrink(reference_fit: xr.DataTree) -> None:
    """A reported extreme is shrunk towards the task's other systems, an exact one is not."""
    systems = pd.DataFrame({"task": ["imagenet"], "training_compute_flop": [1e25], "year": [2020]})
    reported = predict(reference_fit, systems)["predictions"]["error"].median()
    exact = predict(reference_fit, systems, compute="exact")["predictions"]["error"].median()
    assert float(exact) < float(reported)


def test_a_stated_sd_of_compute_replaces_that_of_the_model(reference_fit: xr.DataTree) -> None:
    """A row with hardly any error of compute is as an exact one; one without its own as before."""
    row = {"task": "imagenet", "training_compute_flop": 1e25, "year": 2020}
    table = pd.DataFrame([row] * 3).assign(compute_sd_dex=[1e-6, None, 2.0])
    drawn = predict(reference_fit, table)["predictions"]["error"]
    plain = predict(reference_fit, table.drop(columns="compute_sd_dex"))["predictions"]["error"]
    exact = predict(reference_fit, table, compute="exact")["predictions"]["error"]
    np.testing.assert_allclose(drawn[..., 0], exact[..., 0], rtol=1e-5)
    np.testing.assert_array_equal(drawn[..., 1], plain[..., 1])
    assert float(drawn[..., 2].median()) > float(drawn[..., 1].median())  # shrunk further


def test_predicted_error_never_exceeds_one(reference_fit: xr.DataTree) -> None:
    systems = pd.DataFrame({"task": ["ms_coco"], "training_compute_flop": [1e6], "year": [2015]})
    error = predict(reference_fit, systems, compute="exact")["predictions"]["error"]
    assert float(error.max()) <= 1
    assert float(error.min()) > 0


BAD_TARGETS = [
    ({"imagenet": 0.0}, "must lie between 0 and 1"),
    ({"imagenet": 1.0}, "must lie between 0 and 1"),
    ({"imagenet": -0.1}, "must lie between 0 and 1"),
    ({"imagenet": 5}, "did you mean 0.05"),
    ({"imagenet": "120%"}, r"error 1\.2 must lie between 0 and 1, both excluded\.$"),
    ({"imagenet": float("nan")}, "must lie between 0 and 1"),
    ({"imagenet": "low"}, "is not a number"),
    ({"mnist": 0.1}, "not in the fit; its tasks are imagenet"),
    ({"imagenet": [0.1, 0.1]}, "asked twice"),
    ({}, "no target was given"),
    ("imagenet", r"expected \{task: error\}"),
    ([("imagenet",)], "expected a .task, error. pair"),
    (0.05, r"expected \{task: error\}"),
    (pd.DataFrame({"task": ["imagenet"]}), "columns error missing"),
]


@pytest.mark.parametrize(("targets", "message"), BAD_TARGETS)
def test_bad_targets(reference_fit: xr.DataTree, targets, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        project(reference_fit, targets)


def test_targets_are_named_as_readers_name_them(reference_fit: xr.DataTree) -> None:
    expected = summarize(project(reference_fit, {"imagenet": 0.05}))
    for task, error in (("ImageNet", "5%"), ("imagenet", "5 %"), ("IMAGENET", "0.05"), ("image", 0.05)):
        pd.testing.assert_frame_equal(summarize(project(reference_fit, {task: error})), expected)


def test_all_bad_targets_are_listed_at_once(reference_fit: xr.DataTree) -> None:
    with pytest.raises(TargetError) as caught:
        project(reference_fit, {"imagenet": [0, 2], "mnist": 0.1})
    assert str(caught.value).count(";") >= 2


@pytest.mark.parametrize(
    "years", [float("nan"), "soon", 20300, -1, [], [2030, 2030], [2030, None], 1990, 2100.5, [2030, 2300]]
)
def test_bad_years(reference_fit: xr.DataTree, years) -> None:
    with pytest.raises(TargetError, match="years"):
        project(reference_fit, years=years)


def fitted() -> xr.DataTree:
    """A fit of systems from 2014 to 2020, without sampling."""
    return _fitted().copy(deep=True)


@cache
def _fitted() -> xr.DataTree:
    return synthetic_fit(draws=200)


def test_a_requirement_below_one_operation_is_refused_however_it_is_asked() -> None:
    idata = fitted()
    idata["posterior"]["progress"].values[:] = 1.0
    target = {"my task": 0.3}
    message = "my task 30 % in 2060 would take 10.-.* FLOP. No training takes less than one operation"
    on_the_page = {**asked_on_the_page(), "task": "my task", "error": "30", "year": "2060"}
    with pytest.raises(TargetError, match=message):
        project(idata, target, [2020, 2060])
    for ask in (
        lambda: required_gain(project(idata, target, range(2020, 2061), scenario="trend"), budget_usd=1.0),
        lambda: decompose(project(idata, target, range(2020, 2061), scenario="trend")),
        lambda: record_machine_time(project(idata, target, range(2060, 2061), scenario="trend")),
        lambda: summarize(project(idata, target, range(2060, 2061))),
        lambda: build_report(idata, targets=target, years=2060),
        lambda: Explorer(idata).answer(read_settings(on_the_page)),
    ):
        with pytest.raises(TargetError, match=message):
            ask()
    yearly = project(idata, target, "yearly", scenario="trend")
    first = affordability(yearly, budget_usd=1e6)["affordability"]["first_year"]
    assert (first < 2060).all(), "the first year lies before"


def asked_on_the_page() -> dict[str, str]:
    return {"task": "imagenet", "scenario": "none", "kind": "predictive"}


@given(st.floats(2014, 2100), st.floats(1e-4, 0.5))
@settings(max_examples=10)
def test_how_far_a_projection_goes_beyond_its_data(year: float, error: float) -> None:
    idata = fitted()
    idata["posterior"]["progress"].values[:] = 0.01
    constant = idata["constant_data"].to_dataset()
    mine = constant["system_task"].values == "imagenet"
    try:
        tree = project(idata, {"imagenet": error}, year)
    except TargetError as refused:
        assert "less than one operation" in str(refused)  # noqa: PT017
        return
    (row,) = extrapolation(tree).to_dict(orient="records")
    assert row["years_beyond"] == pytest.approx(year - float(constant["publication_year"].max()))
    lowest = float(idata["observed_data"]["error"].values[mine].min())
    assert row["log10_error_beyond"] == pytest.approx(math.log10(lowest / error))
    median = summarize(tree)["median"].item()
    largest = float(constant[COMPUTE].values[mine].max())
    assert row["log10_compute_beyond"] == pytest.approx(median - largest)
    said = " ".join(extrapolation_sentences(tree))
    assert ("years after the last system" in said) == (row["years_beyond"] >= 0.5)
    assert ("below the lowest in the data" in said) == (row["log10_error_beyond"] > 0.05)
    assert ("the largest run in the data" in said) == (row["log10_compute_beyond"] > 0.05)


def test_draws_that_cannot_be_are_said() -> None:
    idata = fitted()
    idata["posterior"]["progress"].values[:] = 0.0
    idata["posterior"]["progress"].values[:, ::3] = 3.0
    tree = project(idata, {"my task": 0.05}, 2040, scenario="trend")
    (row,) = extrapolation(tree).to_dict(orient="records")
    assert row["below_one_flop"] == pytest.approx(1 / 3, abs=0.01)
    said = extrapolation_sentences(tree)
    assert any("34 % of the draws take less than one FLOP, which no training can" in each for each in said)
    assert any("of the draws cost less than one cent" in each for each in said)
    known = project(idata, {"imagenet": 0.05}, 2040, scenario="trend")
    (row,) = extrapolation(known).to_dict(orient="records")
    assert (row["at_one_pass"], row["below_one_flop"]) == (pytest.approx(1 / 3, abs=0.01), 0.0)
    said = extrapolation_sentences(known)
    assert (
        "ImageNet at 5 % in 2040: the lower end is 340 trillion FLOP. 34 % of the draws say less than one "
        "pass over the training data."
    ) in said


@pytest.mark.parametrize(
    ("law", "scenario", "progress"),
    some(
        [
            ("reference", "trend", "continuing"),
            ("exponential", "stalled", "slow"),
            ("stack", "thompson2020", "frozen"),
            ("logistic", "accelerated", "fast"),
            ("saturating", "trend", "fast"),
        ],
        2,
    ),
)
def test_no_answer_is_below_one_pass_over_the_training_data(law: str, scenario: str, progress: str) -> None:
    """Each draw is the line's answer where that is more; cost and carbon are those of what is bounded."""
    fit = PosteriorView.of(open_trace(f"{law}-2026.11"))
    targets, years = default_targets(fit.tasks), range(2020, 2101, 20)
    assumed = replace(Scenario.named(scenario), algorithmic_progress=progress)
    tree = project(fit, targets, years, scenario=assumed)
    found, made = tree["projection"].to_dataset(), tree["hardware"].to_dataset()
    line = require(
        fit.law, fit.posterior, fit.constant, targets, years, "predictive", fit.seed, progress=progress
    ).log10_compute()
    least = np.log10(load_tasks()["one_pass_flop"][[target.task for target in targets]].to_numpy())
    expected = np.maximum(line.transpose("chain", "draw", "year", "target").values, least)
    compute = found[COMPUTE].transpose("chain", "draw", "year", "target").values
    np.testing.assert_array_equal(compute, expected)
    assert (compute[:, :, 1:] <= compute[:, :, :-1]).all()
    of_task = compute.reshape(*compute.shape[:3], len(fit.tasks), 3)  # the easiest first
    assert (of_task[..., 1:] >= of_task[..., :-1]).all()
    cost, per_usd = found["log10_cost_usd"], made["log10_flop_per_usd"]
    np.testing.assert_allclose(cost, found[COMPUTE] - per_usd)
    per_kwh = made["log10_kg_per_kwh"] - made["log10_flop_per_kwh"]
    np.testing.assert_allclose(found["log10_carbon_kg"], found[COMPUTE] + per_kwh)


def test_only_what_counts_as_the_table_of_tasks_does_has_a_least_compute() -> None:
    """Neither a task it does not know, nor one of which a system of the fit took less."""
    idata = fitted()
    idata["posterior"]["progress"].values[:] = 0.5
    targets = {"imagenet": 0.3, "ms_coco": 0.3, "my task": 0.3}
    idata["constant_data"][COMPUTE].values[0] = 3.0  # of imagenet
    found = project(idata, targets, range(2060, 2061))["projection"][COMPUTE].min(("chain", "draw", "year"))
    assert found[1] == np.log10(load_tasks()["one_pass_flop"]["ms_coco"])
    assert found[0] < 3.0
    assert found[2] < 3.0


def test_every_least_compute_has_its_sources_and_lies_below_every_system_known() -> None:
    tasks = load_tasks()
    systems = pd.concat([load_systems("language"), *(reference_systems(edition=each) for each in EDITIONS)])
    least = systems.groupby("task")["training_compute_flop"].min()
    assert (tasks["one_pass_flop"] < 0.01 * least[tasks.index]).all()
    assert tasks["one_pass_basis"].str.count("https://").ge(2).all()


@pytest.mark.parametrize(
    ("name", "year", "same"),
    [
        ("trend", 2030, False),
        ("thompson2020", 2020, False),
        ("stalled", 2030, True),
        ("stalled", 2031, False),
        ("accelerated", 2029, True),
        ("accelerated", 2030, False),
    ],
)
def test_a_scenario_that_is_still_the_trend_says_so(name: str, year: float, same: bool) -> None:
    idata, scenario = fitted(), Scenario.named(name)
    tree = project(idata, {"imagenet": 0.05}, year, scenario=scenario)
    said = any(
        f"in {year} it is the same as the trend" in each for each in extrapolation_sentences(tree, scenario)
    )
    assert said == same
    trend = project(idata, {"imagenet": 0.05}, year, scenario="trend")["projection"]["log10_cost_usd"]
    equal = bool((tree["projection"]["log10_cost_usd"] == trend).all())
    assert equal == (same or name == "trend")


def test_data_that_begin_late_are_asked_from_their_first_year() -> None:
    idata = fitted()
    for name in ("publication_year", "reference_year"):
        idata["constant_data"][name].values[:] += 10.0
    answer = project(idata, {"imagenet": 0.1}, "yearly")["projection"]
    assert answer["year"].values.tolist() == list(range(2024, 2101))
    with pytest.raises(TargetError, match=r"before the first system of the fit \(2024"):
        project(idata, {"imagenet": 0.1}, range(2020, 2031))


@pytest.mark.parametrize(
    ("options", "message"), [({"kind": "best"}, "predictive, mean"), ({"random_seed": -1}, "seed")]
)
def test_bad_projection_options(reference_fit: xr.DataTree, options, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        project(reference_fit, **options)


@pytest.mark.parametrize("tree", [xr.DataTree(), {"posterior": 1}, None])
def test_not_a_fit(tree) -> None:
    with pytest.raises(TraceError, match="expected"):
        project(tree)


def systems_with(**columns) -> pd.DataFrame:
    return pd.DataFrame({"task": ["imagenet"], "training_compute_flop": [1e20], "year": [2018], **columns})


BAD_SYSTEMS = [
    (systems_with(task=["mnist"]), "a task of the fit"),
    (systems_with(training_compute_flop=[0.0]), "above 0"),
    (systems_with(training_compute_flop=[np.inf]), "finite"),
    (systems_with(training_compute_flop=["much"]), "finite"),
    (systems_with(year=[None]), "publication year"),
    (systems_with(compute_sd_dex=[0.0]), "above 0"),
    (systems_with(compute_sd_dex=["wide"]), "wide.*above 0"),
    (systems_with().drop(columns="task"), "columns task missing"),
    (systems_with().head(0), "no rows"),
    ("systems.csv", "expected a DataFrame"),
]


@pytest.mark.parametrize(("systems", "message"), BAD_SYSTEMS)
def test_bad_systems(reference_fit: xr.DataTree, systems, message: str) -> None:
    with pytest.raises(DataError, match=message):
        predict(reference_fit, systems)
