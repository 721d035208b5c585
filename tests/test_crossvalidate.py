"""Prediction of what a fit has not seen: refits, folds, importance sampling, and the weights of laws."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from tests.models import STRAIGHT
from tests.seeds import seeded
from tests.simulation import simulate
from tests.synthetic import synthetic_fit

from scaling_bayes import OptionError, fit, open_trace, save_trace
from scaling_bayes.core.observations import Observations, observations_of, observe
from scaling_bayes.model.evaluate import crossvalidate
from scaling_bayes.model.evaluate.compare import _comparison, compare, mean_stacking_weights, stacking_weights
from scaling_bayes.model.evaluate.crossvalidate import (
    Predicted,
    leave_folds_out,
    leave_systems_out,
    paper_folds,
    refitter_of,
    task_folds,
)
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

pytestmark = pytest.mark.samples

SEED = 4
#: Which model is refitted is not the question.
LINES = {**STRAIGHT, "pooling": "none", "measurement_error": False}
few = settings(max_examples=25)


def systems() -> pd.DataFrame:
    """Two tasks of eight systems each, in papers of two, some rows in doubt."""
    frame, _ = simulate(2, 8, 3)
    frame["paper"] = [f"paper {i // 2}" for i in range(len(frame))]
    frame["compute_in_doubt"] = np.arange(len(frame)) % 4 == 0
    return frame


@pytest.fixture(scope="module")
def fitted(made_once: Callable[..., Path]) -> xr.DataTree:
    """A small fit, sampled once for all workers."""

    def make(path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FitWarning)
            options = {**LINES, "draws": 500, "tune": 300, "chains": 2, "target_accept": 0.9}
            save_trace(fit(systems(), **options, random_seed=seeded(SEED), progressbar=False), path)

    return open_trace(made_once("crossvalidated.nc", make))


def observed(idata: xr.DataTree) -> Observations:
    return observations_of(group(idata, "constant_data"), group(idata, "observed_data"))


# Refits


@pytest.fixture(scope="module")
def refitter(fitted: xr.DataTree) -> Refitter:
    return refitter_of(PosteriorView.of(fitted))


def distance(
    one: xr.Dataset, other: xr.Dataset, names: tuple[str, ...] = ("slope", "intercept", "noise")
) -> float:
    """Largest difference of medians of logs, in posterior standard deviations."""
    sample = ("chain", "draw")
    apart = []
    for name in names:
        a, b = (np.log(abs(draws[name])) for draws in (one, other))
        apart.append(float((abs(a.median(sample) - b.median(sample)) / a.std(sample)).max()))
    return max(apart)


def test_a_refit_of_all_rows_is_the_fit(fitted: xr.DataTree, refitter: Refitter) -> None:
    posterior, stats = refitter(observed(fitted), SEED)
    assert set(posterior.data_vars) == set(group(fitted, "posterior").data_vars)
    assert stats["diverging"].sum() <= 5
    assert distance(group(fitted, "posterior"), posterior) < 0.25


def test_a_refit_sees_the_rows_it_is_given(fitted: xr.DataTree, refitter: Refitter) -> None:
    """The compiled model takes other rows, of another number, with other errors, and forgets them again."""
    whole = observed(fitted)
    before = group(fitted, "posterior")
    rows = np.arange(whole.error.size) % 8 < 5
    part, _ = refitter(whole.subset(rows), SEED)
    assert distance(before, part) > 0.3
    again, _ = refitter(whole, SEED)
    assert distance(before, again) < 0.25


def test_a_refit_bears_the_names_of_its_tasks(fitted: xr.DataTree, refitter: Refitter) -> None:
    frame = systems().replace({"task": {"task_0": "other", "task_1": "another"}})
    posterior, _ = refitter(observe(frame, needs_year=True), SEED)
    assert list(posterior["task"].values) == ["other", "another"]
    assert list(refitter(observed(fitted), SEED)[0]["task"].values) == ["task_0", "task_1"]


# Folds


def table_of(papers: list[int], tasks: list[int], seed: int) -> Observations:
    rng = np.random.default_rng(seed)
    n = len(papers)
    return observe(
        pd.DataFrame(
            {
                "task": [f"task {task}" for task in tasks],
                "system": [f"system {i}" for i in range(n)],
                "paper": ["" if paper == 0 else f"paper {paper}" for paper in papers],
                "error": rng.uniform(0.1, 0.5, n),
                "training_compute_flop": 10.0 ** rng.uniform(15, 20, n),
                "year": rng.integers(2012, 2020, n),
            }
        ),
        needs_year=True,
    )


tables = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 2)), min_size=2, max_size=30)


@few
@given(rows=tables, folds=st.integers(2, 12), seed=st.integers(0, 1000))
def test_folds_hold_each_row_once_and_papers_together(rows, folds, seed) -> None:
    papers, tasks = map(list, zip(*rows, strict=True))
    held_out = paper_folds(table_of(papers, tasks, seed), folds, seed)
    np.testing.assert_array_equal(np.sum(held_out, axis=0), 1)
    assert all(rows.any() for rows in held_out)
    named = len({paper for paper in papers if paper}) + papers.count(0)
    assert len(held_out) == min(folds, named)
    fold_of = np.argmax(held_out, axis=0)
    for paper in set(papers) - {0}:
        assert len({fold_of[i] for i, other in enumerate(papers) if other == paper}) == 1
    sizes = [len({papers[i] or -i for i in np.flatnonzero(rows)}) for rows in held_out]
    assert max(sizes) - min(sizes) <= 1


@few
@given(rows=tables, seed=st.integers(0, 1000))
def test_tasks_keep_their_three_earliest_systems(rows, seed) -> None:
    papers, tasks = map(list, zip(*rows, strict=True))
    observations = table_of(papers, tasks, seed)
    held_out = task_folds(observations)
    for rows in held_out:
        (task,) = set(observations.task_index[rows])
        kept = (observations.task_index == task) & ~rows
        assert kept.sum() == 3
        assert observations.year[kept].max() <= observations.year[rows].min()
    sizes = np.bincount(observations.task_index)
    assert len(held_out) == (sizes > 3).sum()


# Leaving out


@pytest.mark.slow
def test_importance_sampling_agrees_with_fits_without_the_system(
    fitted: xr.DataTree, refitter: Refitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crossvalidate, "refitter_of", lambda idata: refitter)
    done: list[int] = []
    estimated = leave_systems_out(PosteriorView.of(fitted), SEED, lambda: done.append(1))
    assert len(done) == estimated.refitted.sum() < 8
    assert (estimated.refitted == (estimated.pareto_k > 0.7)).all()
    monkeypatch.setattr(crossvalidate, "GOOD_PARETO_K", -1.0)
    exact = leave_systems_out(PosteriorView.of(fitted), SEED, lambda: None)
    assert exact.refitted.all()
    assert exact.parts == estimated.parts == observed(fitted).systems
    good = estimated.pareto_k < 0.5
    assert good.sum() >= 8
    np.testing.assert_allclose(estimated.elpd[good], exact.elpd[good], atol=0.3)
    assert abs((estimated.elpd - exact.elpd)[good].mean()) < 0.06
    assert (seen_density(fitted) - exact.elpd)[good].mean() > 0.1, "what was seen is predicted better"


def seen_density(idata: xr.DataTree) -> np.ndarray:
    """Log predictive density of each system by the fit that has seen it."""
    density = group(idata, "log_likelihood")["error"].astype(float)
    return np.log(np.exp(density).mean(("chain", "draw"))).values


def test_each_paper_of_a_fold_is_predicted_from_the_other_folds(
    fitted: xr.DataTree, refitter: Refitter
) -> None:
    observations = observed(fitted)
    held_out = paper_folds(observations, 3, SEED)
    predicted = leave_folds_out(observations, refitter, held_out, SEED, lambda: None)
    assert len(predicted.parts) == observations.paper_sizes.size
    assert set(predicted.parts) <= set(observations.systems)
    assert predicted.refitted.all()
    assert np.isfinite(predicted.elpd).all()
    assert predicted.elpd.sum() < seen_density(fitted).sum(), "what was seen is predicted better"


# Weights


def mixture_score(elpd: np.ndarray, weights: np.ndarray) -> float:
    return float(np.log(weights @ np.exp(elpd)).sum())


def random_elpd(seed: int, fits: int, parts: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0.0, 1.0, (fits, parts)) + rng.normal(0.0, 0.2, (fits, 1))


@pytest.mark.parametrize("seed", range(4))
def test_stacking_weights_have_the_best_score_of_a_grid(seed: int) -> None:
    elpd = random_elpd(seed, 3, 25)
    weights = stacking_weights(elpd)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= 0).all()
    steps = np.linspace(0.0, 1.0, 101)
    grid = [np.array([a, b, 1 - a - b]) for a in steps for b in steps if a + b <= 1 + 1e-12]
    best = max(mixture_score(elpd, np.maximum(point, 0.0)) for point in grid)
    assert mixture_score(elpd, weights) > best - 1e-3


@pytest.mark.parametrize("weigh", [stacking_weights, mean_stacking_weights])
def test_weights_depend_on_differences_alone(weigh: Callable[[np.ndarray], np.ndarray]) -> None:
    elpd = random_elpd(7, 3, 20)
    shifted = elpd + np.random.default_rng(8).normal(0.0, 300.0, 20)
    np.testing.assert_allclose(weigh(shifted), weigh(elpd), atol=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_mean_weights_are_the_integral_over_all_weights(seed: int) -> None:
    """The first weight's posterior under a uniform prior has the mixture's score as its log density."""
    elpd = random_elpd(seed, 2, 30)
    top = mixture_score(elpd, stacking_weights(elpd))

    def density(weight: float) -> float:
        return float(np.exp(mixture_score(elpd, np.array([weight, 1 - weight])) - top))

    mass, first = (quad(function, 0.0, 1.0)[0] for function in (density, lambda w: w * density(w)))
    np.testing.assert_allclose(mean_stacking_weights(elpd), [first / mass, 1 - first / mass], atol=5e-3)


def test_fits_that_predict_alike_have_equal_mean_weights() -> None:
    elpd = np.tile(random_elpd(1, 1, 30), (4, 1))
    np.testing.assert_allclose(mean_stacking_weights(elpd), 0.25, atol=5e-3)


def test_what_a_fit_holds_impossible_costs_it_its_weight_but_does_no_other_harm() -> None:
    elpd = np.array([[-1.0, -np.inf, -1.0], [-1.5, -2.0, -1.5]])
    weights = mean_stacking_weights(elpd)
    assert weights.sum() == pytest.approx(1.0)
    assert 0 < weights[0] < weights[1]
    best = stacking_weights(elpd)
    assert np.isfinite(best).all()
    assert best[1] > 0
    parts = [Predicted(row, np.full(3, np.nan), np.ones(3, dtype=bool), tuple("abc")) for row in elpd]
    table = _comparison(dict(zip(("impossible", "possible"), parts, strict=True)), "paper").table
    assert table["fit"].tolist() == ["possible", "impossible"]
    assert table["elpd_se"].tolist() == [pytest.approx(np.sqrt(3 * elpd[1].var())), np.inf]
    assert table["difference_se"].tolist() == [0.0, np.inf]


def test_the_better_the_evidence_the_surer_the_weights() -> None:
    elpd = np.array([[-1.0], [-1.6]])
    first = [mean_stacking_weights(np.tile(elpd, (1, parts)))[0] for parts in (1, 10, 100)]
    assert 0.5 < first[0] < first[1] < first[2] < 1.0


# Comparison


def test_a_comparison_orders_the_fits_and_weighs_them(
    fitted: xr.DataTree, refitter: Refitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two fits, one of which holds every system e times less probable."""
    monkeypatch.setattr(crossvalidate, "refitter_of", lambda idata: refitter)
    worse = fitted.copy(deep=True)
    worse["log_likelihood"]["error"] = worse["log_likelihood"]["error"] - 1.0
    found = compare({"worse": worse, "better": fitted}, leave_out="system", progressbar=False)
    table = found.table.set_index("fit")
    assert list(table.index) == ["better", "worse"]
    sampled = ~found.pointwise["refitted"].values.any(axis=0)
    shift = found.pointwise["elpd"].sel(fit="better") - found.pointwise["elpd"].sel(fit="worse")
    np.testing.assert_allclose(shift[sampled], 1.0, atol=1e-4)
    assert table.loc["better", "difference"] == 0.0
    assert table.loc["worse", "difference"] == pytest.approx(-float(shift.sum()), abs=1e-6)
    shares = np.linspace(0.0, 1.0, 2001)
    mixed = shares[:, np.newaxis] + (1.0 - shares[:, np.newaxis]) * np.exp(-shift.values)
    density = np.exp(np.log(mixed).sum(axis=1) - np.log(mixed).sum(axis=1).max())
    assert table.loc["better", "weight"] == pytest.approx((shares * density).sum() / density.sum(), abs=0.01)
    assert table.loc["better", "weight"] > 0.8
    assert table.loc["better", "optimal_weight"] > 0.99
    assert sum(found.weights.values()) == pytest.approx(1.0)


def test_fits_that_cannot_be_compared_are_refused() -> None:
    one, other = synthetic_fit(), synthetic_fit(law="logistic")
    with pytest.raises(OptionError, match=r"found 1 fit\(s\); expected a mapping of at least two"):
        compare({"one": one})
    with pytest.raises(OptionError, match="found list"):
        compare([one, other])  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="expected one of paper, system, task"):
        compare({"one": one, "other": other}, leave_out="year")
    for folds in (1, 2.5, True, None):
        with pytest.raises(OptionError, match="folds must be a whole number of at least 2"):
            compare({"one": one, "other": other}, folds=folds)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="random_seed must be at least 0"):
        compare({"one": one, "other": other}, random_seed=-1)
    other.attrs["manifest"] = other.attrs["manifest"].replace("0" * 64, "1" * 64)
    with pytest.raises(OptionError, match=r"of other systems than .*fit the same table"):
        compare({"one": one, "other": other})
