"""Each law: a one-to-one scale of error, with the right Jacobian."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_bayes.errors import OptionError
from scaling_bayes.laws import LAWS, get_law

errors = st.floats(1e-6, 1 - 1e-6)


@pytest.mark.parametrize("name", LAWS)
@given(error=errors)
def test_error_is_the_inverse_of_performance(name: str, error: float) -> None:
    law = LAWS[name]
    assert law.error(law.performance(error)) == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("name", LAWS)
@given(error=errors, other=errors)
def test_less_error_is_more_performance(name: str, error: float, other: float) -> None:
    law = LAWS[name]
    if error < other:
        assert law.performance(error) >= law.performance(other)


@pytest.mark.parametrize("name", LAWS)
@given(error=st.floats(1e-3, 1 - 1e-3))
def test_jacobian_is_the_derivative(name: str, error: float) -> None:
    law = LAWS[name]
    step = 1e-6 * error
    slope = (law.performance(error + step) - law.performance(error - step)) / (2 * step)
    assert law.log_abs_derivative(error) == pytest.approx(np.log(abs(slope)), abs=1e-6)


def test_power_law_on_paper() -> None:
    assert get_law("power").performance(0.01) == pytest.approx(2.0)
    assert get_law("power").error(1.0) == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["quadratic", "", None, 3, ["power"]])
def test_unknown_law_names_those_there_are(name: object) -> None:
    with pytest.raises(OptionError, match="expected one of power"):
        get_law(name)  # type: ignore[arg-type]
