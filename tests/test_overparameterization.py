"""The over-parameterisation experiment: expectations, published statements, runs that stop and go on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tools.pages.overparameterization_expectations import expected_excess_risk, expert_limit
from tools.pages.overparameterization_growth import cost_of_performance, grow_together

from scaling_bayes.errors import OptionError
from scaling_bayes.overparameterization.algorithms import Gram, Lasso, MinimumNorm, least_squares
from scaling_bayes.overparameterization.operations import lasso_operations, least_squares_operations
from scaling_bayes.overparameterization.run import BLOCK_SIZE, run_experiment
from scaling_bayes.overparameterization.settings import MODELS, Settings
from scaling_bayes.overparameterization.simulate import draw_truth, simulate
from scaling_bayes.overparameterization.summarize import (
    compare,
    performance,
    reaching,
    summarize_experiment,
)

pytestmark = pytest.mark.long

P, S = 80, 5
SMALL = Settings(
    n_parameters=P,
    n_nonzero=S,
    observations=(8, 12, 20, 40, 70, 80, 90, 120, 500, 2000),
    simulations=200,
    random_seed=1,
)
TINY = replace(SMALL, observations=(12, 40, 80, 90), simulations=25)


@cache
def small() -> xr.Dataset:
    return run_experiment(SMALL, workers=1)


# Algorithms


@given(st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=20)
def test_minimum_norm_of_every_leading_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((15, 30)), rng.standard_normal(15)
    solver = MinimumNorm(x, y)
    for n in (1, 7, 15):
        np.testing.assert_allclose(solver.solve(n), least_squares(x[:n], y[:n]), atol=1e-8)


@pytest.mark.parametrize("folds", [1, 5])
def test_a_gram_that_grew_in_pieces_is_that_of_the_whole(folds: int) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((211, 150)), rng.standard_normal(211)
    gram = Gram(150, folds)
    for begin, end in ((0, 3), (3, 100), (100, 211)):
        gram.add(x[begin:end], y[begin:end])
    moments = gram.whole()
    np.testing.assert_allclose(moments.matrix, x.T @ x, atol=1e-10)
    np.testing.assert_allclose(moments.cross, x.T @ y, atol=1e-10)
    assert (moments.rows, moments.squares) == (211, pytest.approx(y @ y))
    np.testing.assert_allclose(gram.solve(), least_squares(x, y), atol=1e-9)
    if folds > 1:
        kept = np.arange(211) % folds != 2
        np.testing.assert_allclose(gram.whole(without=2).matrix, x[kept].T @ x[kept], atol=1e-10)
        left_out = gram.fold(2)
        coefficients = rng.standard_normal((150, 2))
        residual = y[~kept, None] - x[~kept] @ coefficients
        np.testing.assert_allclose(left_out.mean_squared_error(coefficients), (residual**2).mean(axis=0))


@pytest.mark.parametrize("n", [30, 300])
def test_the_lasso_is_that_of_scikit_learn_and_meets_its_conditions(n: int) -> None:
    from sklearn.linear_model import Lasso as Reference

    rng = np.random.default_rng(2)
    x = rng.standard_normal((n, 60))
    y = x[:, :3].sum(axis=1) + rng.standard_normal(n)
    gram = Gram(60)
    gram.add(x, y)
    found = Lasso.at(gram.whole(), 0.2)
    reference = Reference(alpha=0.2, fit_intercept=False, tol=1e-8, max_iter=100_000).fit(x, y)
    np.testing.assert_allclose(found.coefficients, reference.coef_, atol=2e-3)
    gradient = x.T @ (y - x @ found.coefficients) / n
    assert np.abs(gradient).max() <= 0.2 + 1e-3
    active = found.coefficients != 0
    np.testing.assert_allclose(gradient[active], 0.2 * np.sign(found.coefficients[active]), atol=1e-3)
    assert found.sweeps >= 1


@pytest.mark.parametrize("penalty", ["cross_validation", "best", 0.3])
def test_other_penalties(penalty: str | float) -> None:
    chosen = replace(TINY, penalty=penalty, simulations=20, models=("regularised",))
    by_theory = replace(chosen, penalty="theory")
    one, other = (performance(run_experiment(s, workers=1)).mean("simulation") for s in (chosen, by_theory))
    if penalty == "best":
        assert (one > other).all()
    if penalty == "cross_validation":
        assert one.values[0, -1] > 0.9


# Truth and reproducibility


@given(
    st.integers(1, 12), st.integers(0, 12), st.integers(0, 2**32 - 1), st.sampled_from(["equal", "harmonic"])
)
def test_truths(s: int, wrong: int, seed: int, law: str) -> None:
    chosen = Settings(n_parameters=40, n_nonzero=s, n_wrong=min(wrong, s), coefficient_law=law)
    truth = draw_truth(chosen, np.random.default_rng(seed))
    assert np.count_nonzero(truth.coefficients) == s
    assert set(np.flatnonzero(truth.coefficients)) == set(truth.right)
    assert len(set(truth.expert) & set(truth.right)) == chosen.n_right
    assert len(set(truth.expert)) == s
    assert (truth.coefficients**2).sum() == pytest.approx(s)


@pytest.mark.parametrize("law", ["normal", "uniform"])
def test_coefficient_laws_have_mean_square_one(law: str) -> None:
    chosen = Settings(n_parameters=20_000, n_nonzero=20_000, n_wrong=0, coefficient_law=law)
    assert (draw_truth(chosen, np.random.default_rng(0)).coefficients ** 2).mean() == pytest.approx(
        1, abs=0.04
    )


@given(st.integers(0, 2**32 - 1))
@hypothesis_settings(max_examples=20)
def test_permuting_features_leaves_the_oracle_unchanged(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((30, 6)), rng.standard_normal(30)
    order = rng.permutation(6)
    np.testing.assert_allclose(least_squares(x[:, order], y), least_squares(x, y)[order], atol=1e-9)


def test_a_smaller_sample_is_the_beginning_of_a_larger() -> None:
    whole, part = simulate(SMALL, 3), simulate(replace(SMALL, observations=SMALL.observations[:4]), 3)
    np.testing.assert_allclose(part["excess_risk"][:2], whole["excess_risk"][:2, :4], rtol=1e-9)


def test_the_noise_scales_the_oracle() -> None:
    loud = replace(TINY, noise_sd=3.0)
    np.testing.assert_allclose(simulate(loud, 0)["excess_risk"][0], 9 * simulate(TINY, 0)["excess_risk"][0])


# What is known exactly


@pytest.mark.parametrize(("model", "row"), [("oracle", 0), ("expert", 1), ("flexible", 2)])
def test_mean_excess_risk_is_the_expected_one(model: str, row: int) -> None:
    risk = small()["excess_risk"].sel(model=model)
    for n in (20, 40, 120, 500, 2000):
        expected = expected_excess_risk(
            n,
            P if model == "flexible" else S,
            noise_sd=1.0,
            signal=float(S if model != "expert" else S - 1),
            omitted=1.0 if model == "expert" else 0.0,
        )
        values = risk.sel(observations=n).values
        error = values.std(ddof=1) / math.sqrt(len(values))
        assert abs(values.mean() - expected) < 4 * error, (n, values.mean(), expected)


def test_no_mean_at_interpolation() -> None:
    assert expected_excess_risk(P, P, noise_sd=1.0) == math.inf
    assert expected_excess_risk(P + 1, P, noise_sd=1.0) == math.inf
    assert expected_excess_risk(P - 1, P, noise_sd=1.0) == math.inf


def test_the_expert_stops_at_its_limit() -> None:
    summary = summarize_experiment(small()).set_index(["model", "observations"])["performance"]
    limit = expert_limit(S, 1.0)
    assert limit == pytest.approx(math.log10(5))
    assert summary["expert", 2000] == pytest.approx(limit, abs=0.005)
    assert (summary["expert"] < limit).all()
    assert summary["oracle", 2000] > 3 * limit
    assert expert_limit(1.0, 0.0) == math.inf


def test_flexible_falls_at_interpolation_and_rises_after() -> None:
    summary = summarize_experiment(small()).set_index(["model", "observations"])["performance"]
    flexible = summary["flexible"]
    assert flexible.idxmin() == P
    assert flexible[P] < -1
    assert flexible[40] > flexible[70] > flexible[P] < flexible[90] < flexible[120]


def test_models_are_ordered_as_published() -> None:
    summary = (
        summarize_experiment(small()).set_index(["model", "observations"])["performance"].unstack("model")
    )
    assert (summary["oracle"] > summary["expert"]).all()
    few, many = summary.loc[12], summary.loc[2000]
    assert few["expert"] > max(few["flexible"], few["regularised"])
    assert many["oracle"] > many["regularised"] > many["flexible"] > many["expert"]


def test_performance_of_the_oracle_rises_with_observations() -> None:
    rows = summarize_experiment(small())
    oracle = rows[rows["model"] == "oracle"]["performance"]
    assert oracle.is_monotonic_increasing


# The published statement: flexible at 1500 does what the oracle does at 15, with 1000 and 10 parameters


@cache
def oracle_at_15() -> np.ndarray:
    """Excess risks; the flexible side hardly varies, so its expected value stands for it."""
    chosen = Settings(models=("oracle",), observations=(15,), n_parameters=20, simulations=1000)
    return run_experiment(chosen, workers=1)["excess_risk"].values.ravel()


def test_expected_risks_of_the_statement() -> None:
    oracle = expected_excess_risk(15, 10, noise_sd=1.0)
    flexible = expected_excess_risk(1500, 1000, noise_sd=1.0)
    assert (oracle, flexible) == (2.5, pytest.approx(1000 / 499))
    assert expected_excess_risk(1401, 1000, noise_sd=1.0) == pytest.approx(oracle)


@pytest.mark.parametrize("noise_sd", [0.1, 1.0, 5.0])
def test_the_statement_holds_for_errors_of_prediction_at_any_noise(noise_sd: float) -> None:
    risk = oracle_at_15() * noise_sd**2
    at_15 = -np.log10((noise_sd**2 + risk) / noise_sd**2)
    at_1500 = -np.log10(1 + 1000 / 499)
    assert abs(at_15.mean() - at_1500) < 2 * at_15.std() / math.sqrt(len(at_15))


def test_the_statement_is_off_by_a_little_for_distances_to_the_optimum() -> None:
    at_15 = -np.log10(oracle_at_15())
    difference = at_15.mean() + np.log10(1000 / 499)
    assert 2 * at_15.std() / math.sqrt(len(at_15)) < difference < 0.1


# Runs


@pytest.mark.slow  # `test_batch` asks the same of any job
def test_one_and_two_workers_give_the_same_numbers() -> None:
    xr.testing.assert_identical(run_experiment(TINY, workers=1), run_experiment(TINY, workers=2))


class StopHereError(Exception):
    pass


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    store = tmp_path / "store"

    def stop(done: int, total: int) -> None:
        if done:
            raise StopHereError

    with pytest.raises(StopHereError):
        run_experiment(TINY, store=store, workers=1, progress=stop)
    stored = sorted(path.name for path in store.glob("*.npz"))
    assert stored == ["simulations-000000-000009.npz"]
    seen: list[tuple[int, int]] = []
    resumed = run_experiment(TINY, store=store, workers=1, progress=lambda *done: seen.append(done))
    assert seen == [(10, 25), (20, 25), (25, 25)]
    xr.testing.assert_identical(resumed, run_experiment(TINY, workers=1))
    assert not list(store.glob(".*"))


def test_a_store_can_be_extended_and_mended(tmp_path: Path) -> None:
    run_experiment(replace(TINY, simulations=BLOCK_SIZE), store=tmp_path, workers=1)
    (tmp_path / "simulations-000000-000009.npz").write_bytes(b"PK damaged")
    extended = run_experiment(TINY, store=tmp_path, workers=1)
    xr.testing.assert_identical(extended, run_experiment(TINY, workers=1))


def test_a_store_of_another_experiment_is_refused(tmp_path: Path) -> None:
    run_experiment(replace(TINY, simulations=1), store=tmp_path / "store", workers=1)
    with pytest.raises(OptionError, match=r"noise_sd is 1.0 there, 2.0 asked"):
        run_experiment(replace(TINY, noise_sd=2.0), store=tmp_path / "store")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").touch()
    with pytest.raises(OptionError, match="other files"):
        run_experiment(TINY, store=tmp_path / "other")
    with pytest.raises(OptionError, match="cannot be made"):
        run_experiment(TINY, store=tmp_path / "other" / "thesis.tex")
    with pytest.raises(OptionError, match="workers=0"):
        run_experiment(TINY, workers=0)


def test_results_carry_their_settings() -> None:
    results = small()
    assert json.loads(results.attrs["settings"])["n_parameters"] == P
    assert results["excess_risk"].dims == ("simulation", "model", "observations")
    assert tuple(results["model"].values) == MODELS


# Summaries, operations, growth


def test_operation_counts() -> None:
    assert least_squares_operations(100, 10) == pytest.approx((100 + 10 / 3) * 100)
    assert least_squares_operations(10, 100) == least_squares_operations(100, 10)
    assert lasso_operations(100, 10, 3, 2) == 2 * 100 * 12 * 3
    counts = small()["operations"].mean("simulation")
    assert float(counts.sel(model="oracle", observations=500)) == pytest.approx(
        least_squares_operations(500, S)
    )
    assert float(counts.sel(model="flexible", observations=40)) == pytest.approx(
        least_squares_operations(40, P)
    )
    assert float(counts.sel(model="flexible", observations=500)) > 50 * float(
        counts.sel(model="oracle", observations=500)
    )


def test_comparisons_are_paired() -> None:
    mean, lower, upper = compare(small(), ("oracle", 500), ("expert", 500))
    assert lower < mean < upper
    assert compare(small(), ("oracle", 500), ("oracle", 500)) == (0.0, 0.0, 0.0)
    with pytest.raises(OptionError, match="n = 501"):
        compare(small(), ("oracle", 501), ("expert", 500))


def test_the_sample_size_that_reaches_a_level() -> None:
    summary = summarize_experiment(small())
    assert 8 < reaching(summary, "oracle", 1.0) < 500
    assert reaching(summary, "expert", 1.0) == math.inf
    assert math.isnan(reaching(summary, "oracle", -5.0))
    assert reaching(summary, "flexible", 0.2) > P


def test_cost_grows_with_the_square_of_performance_at_fixed_size() -> None:
    slopes = cost_of_performance(small(), (120, 2000)).set_index("model")
    oracle = slopes.loc["oracle"]
    assert oracle["exponent_lower_90"] < oracle["exponent"] < oracle["exponent_upper_90"]
    assert oracle["exponent"] == pytest.approx(2, abs=0.1)
    assert slopes.loc["expert", "exponent"] > 20
    with pytest.raises(OptionError, match="leaves 1"):
        cost_of_performance(small(), (400, 600))


def test_growing_together_only_regularisation_pays() -> None:
    grown = grow_together(
        Settings(n_nonzero=3, simulations=60), (60, 120, 240), parameters_per_observation=2.0, workers=1
    )
    assert grown["n_parameters"].values.tolist() == [120, 240, 480]
    slopes = cost_of_performance(grown).set_index("model")
    assert slopes.loc["oracle", "exponent"] == pytest.approx(2, abs=0.5)
    assert 3 < slopes.loc["regularised", "exponent"] < 6
    assert abs(slopes.loc["flexible", "gain"]) < 0.03
    with pytest.raises(OptionError, match="gives 2 parameters"):
        grow_together(Settings(), (1,))


def test_unknown_measure() -> None:
    with pytest.raises(OptionError, match="measure='r2'"):
        performance(small(), "r2")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_parameters": 0}, "n_parameters=0"),
        ({"n_nonzero": 2000}, "exceeds"),
        ({"n_wrong": 11}, "n_wrong=11"),
        ({"n_nonzero": 1000}, "0 features without effect"),
        ({"noise_sd": 0.0}, "noise_sd=0.0"),
        ({"observations": (20, 10)}, "increasing"),
        ({"observations": ()}, "increasing"),
        ({"simulations": True}, "simulations=True"),
        ({"coefficient_law": "cauchy"}, "coefficient_law='cauchy'"),
        ({"penalty": "aic"}, "penalty='aic'"),
        ({"penalty": -1.0}, "penalty=-1.0"),
        ({"models": ("oracle", "oracle")}, "each once"),
        ({"models": ("prophet",)}, "prophet"),
    ],
)
def test_settings_that_cannot_be_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Settings(**options)  # type: ignore[arg-type]
