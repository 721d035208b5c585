"""Drift: each task's line wanders and breaks, and projections grow less certain with the year."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.seeds import seeded
from tests.simulation import simulate
from tests.some import some
from tests.synthetic import deviate_of, synthetic_fit
from tests.widths import widths

from scaling_bayes import (
    decompose,
    open_trace,
    predict,
    project,
    save_trace,
    summary,
    verify_trace,
    write_report,
)
from scaling_bayes.core import drift
from scaling_bayes.core.drift import drift_at, extend_drift
from scaling_bayes.core.equations import drift_step
from scaling_bayes.core.laws import LAW_NAMES, get_law
from scaling_bayes.model.evaluate import crossvalidate
from scaling_bayes.model.fit import FitWarning, fit
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.trace.view import PosteriorView

COMPUTE = "log10_training_compute_flop"
#: Systems of synthetic fits are of 2014 to 2019.
LAST = 2020.0


@cache
def drifting(law: str = "power", draws: int = 1000) -> PosteriorView:
    """Slow progress, so that no target ever takes less than one operation; tasks without a least compute."""
    tree = synthetic_fit(("first", "second", "third"), law=law, drift=True, draws=draws)
    tree["posterior"]["progress"].values[:] *= 0.2
    return PosteriorView.of(tree)


def at(view: PosteriorView, parameters: xr.Dataset, years: np.ndarray) -> np.ndarray:
    """Drift of each task in each year, shape (chain, draw, task, year)."""
    tasks = np.repeat(np.array(view.tasks, dtype=object), years.size)
    since = view.constant["reference_year"].values.repeat(years.size)
    found = drift_at(parameters, tasks, np.tile(years, len(view.tasks)), since)
    return found.reshape((*found.shape[:2], len(view.tasks), years.size))


# Where a line is


def test_a_line_has_not_drifted_in_its_tasks_reference_year() -> None:
    view = drifting()
    reference = view.constant["reference_year"].values
    assert (drift_at(view.posterior, list(view.tasks), reference, reference) == 0.0).all()


def test_between_two_new_years_a_line_drifts_by_the_step_of_the_year() -> None:
    view = drifting()
    step = view.posterior["drift_step"]
    starts = step["drift_year"].values
    assert starts.tolist() == list(range(2014, 2020))
    drifted = at(view, view.posterior, np.append(starts, starts[-1] + 1.0))
    np.testing.assert_allclose(np.diff(drifted, axis=-1), step, atol=1e-12)
    since_start = drifted - drifted[..., :1]
    np.testing.assert_allclose(since_start[..., 1:], step.values.cumsum(axis=-1), atol=1e-12)


def test_within_a_year_a_line_drifts_evenly() -> None:
    view = drifting()
    inside = 2016.0 + np.linspace(0.0, 1.0, 9)
    drifted = at(view, view.posterior, inside)
    share = (inside - 2016.0) * (drifted[..., -1:] - drifted[..., :1])
    np.testing.assert_allclose(drifted - drifted[..., :1], share, atol=1e-12)


def test_before_the_first_step_a_line_stands_still() -> None:
    view = drifting()
    before = at(view, view.posterior, np.array([1990.0, 2010.5, 2014.0]))
    assert (before == before[..., :1]).all()


def test_systems_have_drifted_as_their_weights_say() -> None:
    """What the sampler multiplies the steps by is what a projection adds up."""
    view = drifting()
    seen = view.observations
    tasks = np.array(seen.tasks, dtype=object)[seen.task_index]
    found = drift_at(view.posterior, tasks, seen.year, seen.reference_year[seen.task_index])
    steps = view.posterior["drift_step"].values[:, :, seen.task_index]
    np.testing.assert_allclose(found, (steps * seen.drift_weights).sum(axis=-1), atol=1e-12)


def test_steps_are_tukeys_g_and_h() -> None:
    """At 0, and where a twentieth of all steps lie beyond, as Hoaglin's formula gives them by hand."""
    assert drift_step(0.0) == 0.0
    stretch = math.exp(0.15 * 1.644854**2 / 2)
    by_hand = [(math.exp(sign * 0.8 * 1.644854) - 1) / 0.8 * stretch for sign in (-1, 1)]
    np.testing.assert_allclose(drift_step(np.array([-1.644854, 1.644854])), by_hand, rtol=1e-9)


@given(st.floats(-8, 8), st.floats(1e-3, 4))
def test_a_step_up_is_larger_than_a_step_down(deviate: float, more: float) -> None:
    assert drift_step(deviate) < drift_step(deviate + more)
    assert drift_step(more) > -drift_step(-more) > 0


# Where it will be


def extended(view: PosteriorView, until: float, seed: int = 1) -> xr.Dataset:
    return extend_drift(view.law, view.posterior, view.constant, until, np.random.default_rng(seed))


def test_steps_known_stay_and_those_drawn_depend_on_the_seed_alone() -> None:
    view = drifting("bounded")
    known = view.posterior["drift_step"]
    once, again, other = extended(view, 2030.5), extended(view, 2030.5), extended(view, 2030.5, seed=2)
    assert once.identical(again)
    assert once["drift_step"]["drift_year"].values.tolist() == list(range(2014, 2031))
    assert once["drift_step"].dims == known.dims
    np.testing.assert_array_equal(once["drift_step"].sel(drift_year=known["drift_year"]), known)
    assert not once["drift_step"].equals(other["drift_step"])
    farther = extended(view, 2045.0)["drift_step"].sel(drift_year=once["drift_year"])
    np.testing.assert_array_equal(farther, once["drift_step"])  # whatever the last year asked
    for name in set(view.posterior.data_vars) - {"drift_step"}:
        assert once[name].equals(view.posterior[name])


def test_steps_are_the_same_however_many_are_drawn_together(monkeypatch: pytest.MonkeyPatch) -> None:
    view = drifting("bounded")
    together = extended(view, 2045.0)
    monkeypatch.setattr(drift, "_YEARS_AT_ONCE", 1)
    assert extended(view, 2045.0).identical(together)


def test_a_view_draws_the_steps_to_come_once_for_every_year(monkeypatch: pytest.MonkeyPatch) -> None:
    view = PosteriorView.of(drifting("bounded").tree)
    far = view.drifted(2060.5, 3)
    monkeypatch.setattr("scaling_bayes.trace.view.extend_drift", None)  # it is not asked again
    near = view.drifted(2031.0, 3)
    assert near["drift_year"].values[-1] == 2030.0
    assert near.identical(far.sel(drift_year=near["drift_year"]))
    assert view.drifted(LAST, 3)["drift_year"].equals(view.posterior["drift_year"])
    without = PosteriorView.of(synthetic_fit())
    assert without.drifted(2050.0, 3) is without.posterior


def test_large_products_are_those_of_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    view = drifting()
    years = np.linspace(LAST - 8.0, LAST, 9)
    whole = at(view, view.posterior, years)
    monkeypatch.setattr(drift, "_ONE_THREAD", 1000)
    np.testing.assert_allclose(at(view, view.posterior, years), whole, rtol=1e-12, atol=1e-12)


def test_nothing_is_drawn_for_years_that_are_known_or_without_drift() -> None:
    view = drifting()
    assert extended(view, LAST) is view.posterior
    without = PosteriorView.of(synthetic_fit())
    assert extended(without, 2050.0) is without.posterior


@pytest.mark.parametrize("law", some(LAW_NAMES, 3))
def test_steps_ahead_are_spread_as_those_of_the_model(law: str) -> None:
    """In units of the scale and the law's gain, and each step of the same distribution."""
    view = drifting(law)
    parameters = extended(view, 2030.0, seed=seeded(3))
    gain = get_law(law).odds_gain(
        view.constant["reference_error"],
        parameters.get("floor", 0.0),
        chance=view.constant.get("chance_error", 1.0),
        bend=parameters.get("bend", 0.0),
    )
    ahead = parameters["drift_step"].sel(drift_year=slice(2020, None))
    standard = (ahead / parameters["drift_scale"] / gain).values.ravel()
    assert stats.kstest(deviate_of(standard), stats.norm.cdf).pvalue > 1e-3


def test_a_system_left_out_may_be_later_than_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refit without the systems of the last year knows nothing of its step."""
    view = drifting()
    count = view.observations.error.size
    fewer = view.posterior.isel(drift_year=slice(-1))

    class Refitted:
        options = view.options

        def __call__(self, *_: object) -> tuple[xr.Dataset, None]:
            return fewer, None

    estimated = SimpleNamespace(elpd_i=xr.DataArray(np.zeros(count)), pareto_k=xr.DataArray(np.ones(count)))
    monkeypatch.setattr(crossvalidate, "refitter_of", lambda _: Refitted())
    monkeypatch.setattr(crossvalidate, "loo", lambda *_, **__: estimated)
    found = crossvalidate.leave_systems_out(view, 1, lambda: None)
    assert found.refitted.all()
    assert np.isfinite(found.elpd).all()


# Projections


def targets(view: PosteriorView) -> dict[str, float]:
    """Errors of a half of each task's reference, above every floor."""
    return {task: 0.5 * float(view.constant["reference_error"].sel(task=task)) for task in view.tasks}


@pytest.mark.parametrize("law", some(LAW_NAMES, 3))
def test_intervals_of_compute_widen_with_the_year_in_every_task(law: str) -> None:
    view = drifting(law)
    for kind in ("mean", "predictive"):
        found = widths(project(view, targets(view), range(2020, 2051, 3), kind=kind), COMPUTE)
        assert found.shape == (3, 11)
        assert (np.diff(found, axis=-1) > 0).all()
        assert (found[:, -1] > 1.5 * found[:, 0]).all()


@pytest.mark.parametrize("scenario", ["trend", "stalled", "accelerated"])
def test_intervals_of_cost_and_carbon_widen_with_the_year(scenario: str) -> None:
    view = drifting("bounded")
    tree = project(view, targets(view), range(2020, 2051, 5), scenario=scenario)
    for name in ("log10_cost_usd", "log10_carbon_kg"):
        assert (np.diff(widths(tree, name), axis=-1) > 0).all()


def test_drift_is_a_source_of_its_own_whose_share_grows_with_the_year() -> None:
    view = drifting("bounded", draws=4000)
    shares = []
    for year in (2019.5, 2021, 2025, 2040):
        table = decompose(project(view, {"first": targets(view)["first"]}, year), quantity=COMPUTE)
        found = table.dropna(subset="share").set_index("source")["share"]
        assert found.sum() == pytest.approx(1)
        shares.append(found.get("drift", 0.0))
    assert shares[0] == 0.0, "within the years of the data none is drawn"
    assert shares == sorted(shares)
    assert shares[-1] > 2 * shares[1] > 0.0
    frozen = replace(Scenario.named("trend"), algorithmic_progress="frozen")
    ended = decompose(
        project(view, {"first": targets(view)["first"]}, 2040, scenario=frozen), quantity=COMPUTE
    )
    assert "drift" not in set(ended["source"])


def test_targets_of_one_task_share_the_drift_of_its_line() -> None:
    """However far it drifts, the harder of two takes as much more compute."""
    view = drifting()
    compute = project(view, {"first": [0.1, 0.05]}, [2021, 2045], kind="mean")["projection"][COMPUTE]
    more = compute.isel(target=1) - compute.isel(target=0)
    np.testing.assert_allclose(more.sel(year=2021), more.sel(year=2045), rtol=1e-9)


def test_years_asked_together_or_alone_have_the_same_answer() -> None:
    view = drifting()
    together = project(view, {"first": 0.05}, range(2020, 2041))["projection"][COMPUTE]
    alone = project(view, {"first": 0.05}, 2033)["projection"][COMPUTE]
    np.testing.assert_allclose(together.sel(year=[2033]), alone, rtol=1e-12)


def test_a_projection_inverts_a_prediction() -> None:
    """Half of the systems trained with the median compute required reach the target, also after years."""
    view = drifting("bounded")
    target = {"first": targets(view)["first"]}
    median = summary(project(view, target, 2025.5))["median"].item()
    later = pd.DataFrame({"task": "first", "training_compute_flop": [10.0**median], "year": [2025]})
    error = predict(view.tree, later, compute="exact")["predictions"]["error"]
    assert float((error <= target["first"]).mean()) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("law", "floor"), some([("bounded", "task"), ("power", "pooled"), ("logistic", "task")], 3)
)
def test_no_compute_reaches_a_target_below_the_floor(law: str, floor: str) -> None:
    tree = synthetic_fit(law=law, floor=floor, drift=True, draws=200)
    drawn = tree["posterior"]["floor"].sel(task="imagenet")
    target = float(drawn.quantile(0.3))
    answer = project(tree, {"imagenet": target}, 2022)
    compute = answer["projection"][COMPUTE].squeeze()
    np.testing.assert_array_equal(np.isposinf(compute), drawn >= target)
    assert summary(answer)["unreachable"].item() == pytest.approx(float((drawn >= target).mean()))


# From table to report


@pytest.mark.samples
@pytest.mark.usefixtures("unplotted")
def test_a_bounded_fit_with_drift_goes_all_the_way(tmp_path: Path) -> None:
    frame, _ = simulate(2, 10, 5)
    with warnings.catch_warnings():  # so few draws pass no check
        warnings.simplefilter("ignore", FitWarning)
        tree = fit(
            frame.assign(
                chance_error=0.9,
                compute_count=np.resize(["arithmetic", "burden_fp32", "burden_tpu"], len(frame)),
            ),
            law="bounded",
            drift=True,
            robust=True,
            draws=60,
            tune=150,
            chains=2,
            random_seed=seeded(1),
            progressbar=False,
        )
    posterior = tree["posterior"]
    assert posterior["drift_step"].dims == ("chain", "draw", "task", "drift_year")
    assert ((posterior["bend"] > 0) & (posterior["bend"] < 1)).all()
    lowest = xr.DataArray(frame.groupby("task")["error"].min())
    assert ((posterior["floor"] > 0) & (posterior["floor"] < lowest)).all()
    view = PosteriorView.of(tree)
    refitted, _ = crossvalidate.refitter_of(view)(view.observations, seeded(2))
    assert set(refitted.data_vars) == set(posterior.data_vars)
    path = save_trace(tree, tmp_path / "drifting.nc")
    opened = open_trace(path)
    for name in ("posterior", "constant_data", "prior"):
        assert opened[name].to_dataset().equals(tree[name].to_dataset())
    assert "differs" not in set(verify_trace(path)["findings"]["outcome"])
    answer = project(opened, {"task_0": 0.02}, [2021, 2030], scenario="trend")
    burden = project(opened, {"task_0": 0.02}, [2021, 2030], scenario="trend", count="burden")
    more = burden["projection"][COMPUTE] - answer["projection"][COMPUTE]
    np.testing.assert_allclose(
        more, opened["posterior"]["offset_burden_fp32"].broadcast_like(more), atol=1e-9
    )
    for name in ("log10_cost_usd", "log10_carbon_kg"):
        assert burden["projection"][name].equals(answer["projection"][name]), "the same run costs the same"
    stored = project(tree, {"task_0": 0.02}, [2021, 2030], scenario="trend")
    assert answer["projection"].to_dataset().equals(stored["projection"].to_dataset())
    error = predict(opened, frame.assign(year=2024))["predictions"]["error"]
    assert ((error > 0) & (error < 0.9)).all()
    write_report(opened, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "bounded" in page
    assert "drift" in page
