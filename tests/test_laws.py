"""Each law: a one-to-one scale of error above its floor, with the right derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scaling_bayes.core.laws import LAWS, get_law
from scaling_bayes.errors import OptionError

errors = st.floats(1e-6, 1 - 1e-6)
floors = st.one_of(st.just(0.0), st.floats(1e-4, 0.9))
#: Error as a share of the way from the floor to 1.
shares = st.floats(1e-3, 1 - 1e-3)
each_law = pytest.mark.parametrize("name", LAWS)


def slope_of(function: Any, at: float, step: float) -> float:
    """Numerical derivative: central differences of fourth order."""
    near, far = (function(at + distance) - function(at - distance) for distance in (step, 2 * step))
    return (8 * near - far) / (12 * step)


@each_law
@given(error=errors)
def test_error_is_the_inverse_of_performance(name: str, error: float) -> None:
    law = LAWS[name]
    assert law.error(law.performance(error)) == pytest.approx(error, rel=1e-12)


@each_law
@given(share=shares, floor=floors)
def test_error_is_the_inverse_of_performance_above_a_floor(name: str, share: float, floor: float) -> None:
    law = LAWS[name]
    error = floor + (1.0 - floor) * share
    assert law.error(law.performance(error, floor), floor) == pytest.approx(error, rel=1e-10)


@each_law
@given(performance=st.floats(-400, 400), floor=floors)
def test_errors_lie_between_the_floor_and_one(name: str, performance: float, floor: float) -> None:
    assert floor <= LAWS[name].error(performance, floor) <= 1.0


@each_law
@given(share=shares, other=shares, floor=floors)
def test_less_error_is_more_performance(name: str, share: float, other: float, floor: float) -> None:
    assume(other > 1.0001 * share)
    law = LAWS[name]
    error, worse = (floor + (1.0 - floor) * part for part in (share, other))
    assert law.performance(error, floor) > law.performance(worse, floor)


@each_law
@given(share=shares, floor=floors)
def test_jacobian_is_the_derivative(name: str, share: float, floor: float) -> None:
    law = LAWS[name]
    error = floor + (1.0 - floor) * share
    slope = slope_of(lambda e: law.performance(e, floor), error, 1e-3 * (1 - floor) * min(share, 1 - share))
    assert law.log_abs_derivative(error, floor) == pytest.approx(np.log(-slope), abs=1e-6)


@each_law
@given(share=shares, floor=floors)
def test_gain_is_the_derivative_by_the_log_of_error(name: str, share: float, floor: float) -> None:
    law = LAWS[name]
    error = floor + (1.0 - floor) * share
    step = 1e-3 * (1 - floor) * min(share, 1 - share) / error
    slope = slope_of(lambda z: law.performance(10.0**-z, floor), -np.log10(error), step / np.log(10))
    assert law.gain(error, floor) == pytest.approx(slope, rel=1e-6)


@each_law
@given(share=shares, floor=floors)
def test_odds_gain_is_the_derivative_by_the_log_of_the_odds(name: str, share: float, floor: float) -> None:
    law = LAWS[name]
    error = floor + (1.0 - floor) * share
    step = 1e-3 * (1 - floor) * min(share, 1 - share) / (error * (1 - error))
    log_odds = np.log10(1 - error) - np.log10(error)
    slope = slope_of(lambda z: law.performance(1 / (1 + 10.0**z), floor), log_odds, step / np.log(10))
    assert law.odds_gain(error, floor) == pytest.approx(slope, rel=1e-6)


@given(error=errors, performance=st.floats(-5, 5))
def test_saturating_without_a_floor_is_the_power_law(error: float, performance: float) -> None:
    power, saturating = LAWS["power"], LAWS["saturating"]
    assert saturating.performance(error, 0.0) == power.performance(error)
    assert saturating.error(performance, 0.0) == power.error(performance)
    assert saturating.log_abs_derivative(error, 0.0) == power.log_abs_derivative(error)
    assert saturating.gain(error, 0.0) == power.gain(error)


@given(floor=st.floats(1e-4, 0.9), share=st.floats(0.0, 1.0))
def test_no_performance_reaches_the_floor(floor: float, share: float) -> None:
    """Without a warning: the suite turns warnings into errors."""
    performance = LAWS["saturating"].performance(np.array([floor, share * floor]), floor)
    assert np.isposinf(performance).all()
    assert LAWS["saturating"].error(np.inf, floor) == floor


@each_law
def test_the_sampler_computes_what_numpy_does(name: str) -> None:
    import pytensor
    import pytensor.tensor as pt

    law = LAWS[name]
    floor = np.array([0.0, 0.02, 0.3])
    error = floor + (1 - floor) * np.array([[0.01], [0.4], [0.97]])
    performance = law.performance(error, floor)
    e, f, p = pt.dmatrix(), pt.dvector(), pt.dmatrix()
    evaluate = pytensor.function(
        [e, f, p],
        [
            law.performance(e, f, xp=pt),
            law.error(p, f, xp=pt),
            law.log_abs_derivative(e, f, xp=pt),
            law.gain(e, f),
            law.odds_gain(e, f),
        ],
        mode="FAST_COMPILE",
    )
    expected = [
        performance,
        law.error(performance, floor),
        law.log_abs_derivative(error, floor),
        law.gain(error, floor),
        law.odds_gain(error, floor),
    ]
    for found, value in zip(evaluate(error, floor, performance), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-12)


def test_power_law_on_paper() -> None:
    assert get_law("power").performance(0.01) == pytest.approx(2.0)
    assert get_law("power").error(1.0) == pytest.approx(0.1)


def test_laws_on_paper() -> None:
    assert get_law("exponential").performance(0.05) == pytest.approx(20.0)
    assert get_law("logistic").performance(1 / 11) == pytest.approx(1.0)
    assert get_law("saturating").performance(0.1 + 0.9 * 0.01, 0.1) == pytest.approx(2.0)
    assert get_law("saturating").error(1.0, 0.5) == pytest.approx(0.55)


@pytest.mark.parametrize("name", ["quadratic", "", None, 3, ["power"]])
def test_unknown_law_names_those_there_are(name: object) -> None:
    with pytest.raises(OptionError, match="expected one of power"):
        get_law(name)  # type: ignore[arg-type]
