"""The bounded law: between the power law and the logistic, its errors between the floor and chance."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import kstest
from tests.simulation import simulate
from tests.test_laws import slope_of
from tests.test_simulation import design, parameters, simulations, together

from scaling_bayes import DataError, fit
from scaling_bayes.core.laws import BOUNDED, LAWS, get_law
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.simulation import simulate_observations

#: Error as a share of the way from the floor to chance.
shares = st.floats(1e-3, 1 - 1e-3)
bends = st.one_of(st.just(0.0), st.floats(1e-3, 1.0), st.just(1.0))


@st.composite
def ends(draw: Any) -> dict[str, float]:
    """A floor, 0 or above, and an error of chance above it."""
    chance = draw(st.one_of(st.just(1.0), st.floats(0.1, 1.0)))
    return {"floor": draw(st.one_of(st.just(0.0), st.floats(1e-4, 0.9))) * chance, "chance": chance}


def error_at(share: float, floor: float, chance: float) -> float:
    return floor + (chance - floor) * share


@given(share=shares, floor=st.one_of(st.just(0.0), st.floats(1e-4, 0.9)))
def test_without_a_bend_it_is_the_power_law_with_a_floor(share: float, floor: float) -> None:
    assert_same(BOUNDED, LAWS["saturating"], error_at(share, floor, 1.0), floor, bend=0.0)


@given(share=shares)
def test_with_all_of_the_bend_it_is_the_logistic(share: float) -> None:
    assert_same(BOUNDED, LAWS["logistic"], share, 0.0, bend=1.0)


def assert_same(one: Any, other: Any, error: float, floor: float, bend: float) -> None:
    performance = other.performance(error, floor)
    assert one.performance(error, floor, bend=bend) == pytest.approx(performance, rel=1e-12, abs=1e-12)
    assert one.error(performance, floor, bend=bend) == pytest.approx(other.error(performance, floor))
    for part in ("log_abs_derivative", "gain", "odds_gain"):
        found, expected = (getattr(law, part)(error, floor, bend=bend) for law in (one, other))
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-10)


@given(share=st.floats(1e-12, 1 - 1e-3), bend=bends, ends=ends())
def test_error_is_the_inverse_of_performance(share: float, bend: float, ends: dict[str, float]) -> None:
    error = error_at(share, **ends)
    assume(error > ends["floor"])
    found = BOUNDED.error(BOUNDED.performance(error, **ends, bend=bend), **ends, bend=bend)
    assert found == pytest.approx(error, rel=1e-12)


@given(gap=st.floats(1e-12, 1e-3), bend=bends, ends=ends())
def test_near_chance_the_inverse_is_as_exact_as_the_curve_is_steep(gap, bend, ends) -> None:
    """Where it hardly bends, Newton's steps end a hundred-thousandth of the way from chance."""
    error = error_at(1.0 - gap, **ends)
    assume(error < ends["chance"])
    found = BOUNDED.error(BOUNDED.performance(error, **ends, bend=bend), **ends, bend=bend)
    tolerance = 1e-12 if bend >= 1e-3 else 1e-5
    assert found == pytest.approx(error, abs=tolerance)


@given(performance=st.floats(allow_nan=False), bend=bends, ends=ends())
def test_errors_lie_between_the_floor_and_chance(performance, bend, ends) -> None:
    """Of any performance, also an infinite one: both ends are within rounding of what is possible."""
    error = BOUNDED.error(performance, **ends, bend=bend)
    assert ends["floor"] <= error <= ends["chance"] * (1.0 + 1e-15)
    if np.isposinf(performance):
        assert error == ends["floor"]


@given(performance=st.floats(-1e6, 8.0), bend=bends)
def test_errors_are_below_chance_and_above_the_floor(performance: float, bend: float) -> None:
    """Without a redraw, where both ends are far enough apart for a float to lie between."""
    assert 0.05 < BOUNDED.error(performance, 0.05, chance=0.9, bend=bend) < 0.9
    assert 0.0 < BOUNDED.error(performance, chance=1.0, bend=bend) < 1.0


@given(share=shares, other=shares, bend=bends, ends=ends())
def test_less_error_is_more_performance(share, other, bend, ends) -> None:
    assume(other > 1.0001 * share)
    better, worse = (
        BOUNDED.performance(error_at(part, **ends), **ends, bend=bend) for part in (share, other)
    )
    assert better > worse


@given(performance=st.floats(-30, 30), step=st.floats(1e-3, 10.0), bend=bends, ends=ends())
def test_more_performance_is_no_more_error(performance, step, bend, ends) -> None:
    worse, better = (BOUNDED.error(at, **ends, bend=bend) for at in (performance, performance + step))
    assert better <= worse * (1.0 + 1e-15)


@given(share=shares, low=st.floats(0.0, 1.0), high=st.floats(0.0, 1.0), ends=ends())
def test_more_bend_is_less_performance_for_one_error(share, low, high, ends) -> None:
    assume(high > low + 1e-6)
    error = error_at(share, **ends)
    less, more = (BOUNDED.performance(error, **ends, bend=bend) for bend in (low, high))
    assert more < less


@given(share=shares, bend=bends, ends=ends())
def test_derivative_and_gains_are_those_of_performance(share, bend, ends) -> None:
    error, chance, width = error_at(share, **ends), ends["chance"], ends["chance"] - ends["floor"]
    step = 1e-3 * width * min(share, 1 - share)

    def performance(at: float) -> float:
        return BOUNDED.performance(at, **ends, bend=bend)

    slope = -slope_of(performance, error, step)
    found = BOUNDED.log_abs_derivative(error, **ends, bend=bend)
    assert found == pytest.approx(np.log(slope), abs=1e-6)
    by_log = slope_of(lambda z: performance(10.0**-z), -np.log10(error), step / error / np.log(10))
    assert BOUNDED.gain(error, **ends, bend=bend) == pytest.approx(by_log, rel=1e-6)
    log_odds = np.log10(chance - error) - np.log10(error)
    step *= chance / (error * (chance - error)) / np.log(10)
    by_odds = slope_of(lambda z: performance(chance / (1 + 10.0**z)), log_odds, step)
    assert BOUNDED.odds_gain(error, **ends, bend=bend) == pytest.approx(by_odds, rel=1e-6)


def test_the_sampler_computes_what_numpy_does() -> None:
    import pytensor
    import pytensor.tensor as pt

    floor, chance, bend = np.array([0.0, 0.02, 0.3]), np.array([1.0, 0.9, 0.5]), np.array([0.0, 0.4, 1.0])
    error = floor + (chance - floor) * np.array([[0.01], [0.4], [0.97]])
    variables = pt.dmatrix(), pt.dvector(), pt.dvector(), pt.dvector()
    e, f, c, b = variables
    evaluate = pytensor.function(
        variables,
        [
            BOUNDED.performance(e, f, xp=pt, chance=c, bend=b),
            BOUNDED.log_abs_derivative(e, f, xp=pt, chance=c, bend=b),
            BOUNDED.gain(e, f, chance=c, bend=b),
            BOUNDED.odds_gain(e, f, chance=c, bend=b),
        ],
        mode="FAST_COMPILE",
    )
    expected = [
        getattr(BOUNDED, name)(error, floor, chance=chance, bend=bend)
        for name in ("performance", "log_abs_derivative", "gain", "odds_gain")
    ]
    for found, value in zip(evaluate(error, floor, chance, bend), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-12)


def test_on_paper() -> None:
    assert get_law("bounded") is BOUNDED
    assert BOUNDED.performance(0.1, 0.0, chance=0.9, bend=1.0) == pytest.approx(np.log10(8.0))
    assert BOUNDED.performance(0.1 + 0.4 * 0.01, 0.1, chance=0.5, bend=0.0) == pytest.approx(2.0)
    half = BOUNDED.performance(0.3, 0.1, chance=0.5, bend=0.5)
    assert half == pytest.approx(0.5 * np.log10(2.0))


# Simulated data

BENT = ModelOptions("bounded")


@pytest.mark.parametrize("robust", [False, True])
def test_simulated_errors_lie_between_the_floor_and_chance(robust: bool) -> None:
    plan = design("bounded")
    floor, chance = np.array([0.05, 0.1])[plan.task_index], plan.chance_error[plan.task_index]
    for simulated in simulations(ModelOptions("bounded", robust=robust))[:300]:
        assert ((simulated.error > floor) & (simulated.error < chance)).all()


def test_no_simulation_is_refused_for_errors_near_chance() -> None:
    """Where the other laws have errors above 1, and no data come of it, the bounded law levels off."""
    options = ModelOptions("bounded", measurement_error=False)
    at, plan, rng = parameters(options), design("bounded"), np.random.default_rng(1)
    at["intercept"] = at["intercept"] - 5.0
    chance = plan.chance_error[plan.task_index]
    for _ in range(100):
        simulated = simulate_observations(options, at, plan, rng)
        assert simulated is not None
        assert ((simulated.error < chance) & (simulated.error > 0.9 * chance)).all()


def test_simulated_errors_are_spread_as_the_likelihood_says() -> None:
    performance, rows = together(BENT)
    z = performance.residual(rows.error) / performance.sd
    for system in range(8):
        assert kstest(z.transpose(..., "system").values.ravel()[system::8], "norm").pvalue > 1e-4


# What cannot be fitted


@pytest.mark.parametrize(
    ("chance", "message"),
    [(0.05, "no errors from chance on"), *((wrong, "above 0 and at most 1") for wrong in (1.5, 0.0, -1.0))],
)
def test_errors_that_are_no_better_than_chance_are_refused(chance: float, message: str) -> None:
    """Each by its row, before anything is sampled: the law gives them no probability."""
    frame, _ = simulate(2, 6, 5)
    frame["chance_error"] = np.where(frame["task"] == "task_0", chance, 0.9)
    wrong = int(((frame["task"] == "task_0") & ~((frame["error"] < chance) & (chance <= 1))).sum())
    assert wrong
    with pytest.raises(DataError, match=message) as caught:
        fit(frame, law="bounded", draws=10, tune=10)
    assert len(caught.value.problems) == wrong
