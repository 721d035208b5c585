"""Scores of predictions, and the scorecard: right formulas, an honest baseline, nothing from the future."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.seeds import seeded
from tests.test_model import OBSERVED
from tools.evidence.law_recovery import simulate_systems

from scaling_bayes import summary
from scaling_bayes.core.laws import LAW_NAMES
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.diagnostics.scores import crps, load_scorecard
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.model.evaluate.scorecard import FORECASTERS, _forecasts, _split, scorecard

QUICK = {
    "laws": ["power", "logistic"],
    "folds": 2,
    "draws": 60,
    "tune": 80,
    "chains": 2,
    "random_seed": seeded(1),
    "progressbar": False,
}


def test_each_law_is_scored_with_its_own_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first law has none of, the others do not go without."""
    asked: list[ModelOptions] = []

    class AskedError(Exception):
        pass

    def leave_out(before: object, of_law: object, *_: object) -> SimpleNamespace:
        if len(asked) == len(LAW_NAMES):
            raise AskedError
        return SimpleNamespace(elpd=np.zeros(3))

    def refitter(options: ModelOptions) -> None:
        asked.append(options)

    module = "scaling_bayes.model.evaluate.scorecard"
    monkeypatch.setattr(f"{module}.leave_folds_out", leave_out)
    monkeypatch.setattr(f"{module}._refitted", lambda *_: None)
    with pytest.raises(AskedError):
        _forecasts(OBSERVED, OBSERVED, ModelOptions(), LAW_NAMES, [], refitter, 1, lambda: None)
    assert {options.law: options.floor for options in asked} == {
        law: ModelOptions(law).floor for law in LAW_NAMES
    }


def test_crps_of_a_normal_is_the_closed_form() -> None:
    """Gneiting & Raftery 2007, equation for the normal distribution."""
    observed = np.array([-1.0, 0.3, 2.0])
    draws = stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, np.newaxis] * 1.5 + 0.2
    z = (observed - 0.2) / 1.5
    expected = 1.5 * (z * (2 * stats.norm.cdf(z) - 1) + 2 * stats.norm.pdf(z) - 1 / np.sqrt(np.pi))
    np.testing.assert_allclose(crps(draws * np.ones(3), observed), expected, rtol=1e-3)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.floats(-5, 5))
def test_crps_is_its_definition(draws: list[float], observed: float) -> None:
    x = np.array(draws)
    expected = np.abs(x - observed).mean() - 0.5 * np.abs(x[:, None] - x).mean()
    assert crps(x[:, None], np.array([observed]))[0] == pytest.approx(expected, abs=1e-12)


def test_summary_counts_what_was_and_was_not_predicted() -> None:
    frame = pd.DataFrame(
        {
            "cutoff": 2017,
            "forecaster": ["power"] * 2 + ["least_squares_power"] * 2,
            "task": "a",
            "system": ["x", "y"] * 2,
            "log_score": [2.0, 1.0, 1.5, np.nan],
            "crps": [0.1, 0.3, 0.2, np.nan],
            "pit": [0.5, 0.99, 0.2, np.nan],
        }
    )
    table = summary(frame).set_index("forecaster")
    assert table.loc["power", ["systems", "not_predicted"]].tolist() == [2, 0]
    assert table.loc["least_squares_power", ["systems", "not_predicted"]].tolist() == [1, 1]
    assert table.loc["power", "log_score"] == pytest.approx(90.0)
    assert table.loc["power", "gain"] == pytest.approx(30.0)  # on x alone, which both predict
    assert table.loc["power", "coverage_90"] == 0.5
    with pytest.raises(DataError, match="columns forecaster"):
        summary(frame.drop(columns="forecaster"))


def test_shipped_scorecard_meets_its_aims() -> None:
    """Coverage and gain over the 2020 lines that issue 4 asked for, pooled over tasks and cut-offs."""
    scores = load_scorecard()
    assert set(scores["forecaster"]) == set(FORECASTERS)
    stack = summary(scores).set_index("forecaster").loc["stack"]
    assert stack["not_predicted"] == 0
    assert 0.85 <= stack["coverage_90"] <= 0.95
    assert 0.42 <= stack["coverage_50"] <= 0.58
    assert stack["gain"] >= 40


@pytest.fixture(scope="module")
def systems() -> pd.DataFrame:
    return simulate_systems("power", np.random.default_rng(3), tasks=2, per_task=10)


@pytest.fixture(scope="module")
def card(systems: pd.DataFrame) -> pd.DataFrame:
    return scorecard(systems, cutoffs=[2016], **QUICK)


def test_every_later_system_is_scored_by_every_forecaster(systems: pd.DataFrame, card: pd.DataFrame) -> None:
    later = systems[systems["year"] > 2016]
    for _, rows in card.groupby("forecaster"):
        assert sorted(rows["system"]) == sorted(later["system"])
    assert set(card["forecaster"]) == set(FORECASTERS) - {"exponential", "saturating"}
    assert card["pit"].between(0, 1).all()
    weights = card.groupby("forecaster")["weight"].first().dropna()
    assert weights.sum() == pytest.approx(1.0)


def test_the_stack_is_the_weighted_density(card: pd.DataFrame) -> None:
    wide = card.pivot_table(index="system", columns="forecaster", values="log_score")
    weights = card.groupby("forecaster")["weight"].first().dropna()
    mixed = np.log(np.exp(wide[weights.index]) @ weights)
    np.testing.assert_allclose(wide["stack"], mixed, rtol=1e-9)


def test_nothing_after_the_cutoff_enters_a_fit(systems: pd.DataFrame) -> None:
    """What is fitted, and the references predictions are made at, do not change with what came later."""
    changed = systems.copy()
    later = changed["year"] > 2016
    changed.loc[later, "error"] *= 0.5
    changed.loc[later, "training_compute_flop"] *= 10
    (before, after), (same, other) = (_split(table, 2016) for table in (systems, changed))
    for field in dataclasses.fields(before):
        found, expected = getattr(same, field.name), getattr(before, field.name)
        np.testing.assert_array_equal(found, expected, err_msg=field.name)
    assert set(before.systems).isdisjoint(after.systems)
    assert before.year.max() < 2017 <= after.year.min()
    for reference in ("reference_error", "reference_year", "reference_log10_compute"):
        assert np.array_equal(getattr(other, reference), getattr(before, reference))
    assert not np.array_equal(after.error, other.error)


def test_the_lines_are_ordinary_least_squares(systems: pd.DataFrame, card: pd.DataFrame) -> None:
    import statsmodels.api as sm

    for task, rows in systems.groupby("task"):
        early, later = rows[rows["year"] <= 2016], rows[rows["year"] > 2016]
        design = sm.add_constant(np.log10(early["training_compute_flop"].to_numpy()))
        line = sm.OLS(-np.log10(early["error"].to_numpy()), design).fit()
        at = np.column_stack([np.ones(len(later)), np.log10(later["training_compute_flop"])])
        predicted = line.get_prediction(at).summary_frame(alpha=0.1)
        found = card[(card["forecaster"] == "least_squares_power") & (card["task"] == task)]
        found = found.set_index("system").loc[later["system"]]
        performance = -np.log10(later["error"].to_numpy())
        inside = (performance >= predicted["obs_ci_lower"]) & (performance <= predicted["obs_ci_upper"])
        assert (((found["pit"] - 0.5).abs() <= 0.45).to_numpy() == inside.to_numpy()).all()


def test_a_cutoff_without_systems_on_both_sides_is_refused(systems: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="cut-off 2030: 20 systems up to its end, 0 after"):
        scorecard(systems, cutoffs=[2030], **QUICK)
    with pytest.raises(OptionError, match="at least one calendar year"):
        scorecard(systems, cutoffs=[], **QUICK)
    with pytest.raises(OptionError, match="unit is of a table of your own"):
        scorecard(unit="GFLOP")
    with pytest.raises(OptionError, match="found colour; expected some of measurement_error"):
        scorecard(systems, cutoffs=[2016], colour=True, **QUICK)
