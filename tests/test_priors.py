"""Priors as data: what is accepted, what is refused, and the interval form."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from scaling_bayes.errors import OptionError
from scaling_bayes.priors import FAMILIES, Prior, as_prior, default_priors, resolve_priors

COMBINATIONS = list(itertools.product(("partial", "none", "complete"), (True, False), (True, False)))


@given(median=st.floats(0.01, 100), factor=st.floats(1.01, 50))
def test_interval_form_has_that_median_and_interval(median: float, factor: float) -> None:
    prior = Prior.from_interval(median, median / factor, median * factor)
    scale = stats.lognorm(s=prior.parameters["sigma"], scale=np.exp(prior.parameters["mu"]))
    np.testing.assert_allclose(
        scale.ppf([0.05, 0.5, 0.95]), [median / factor, median, median * factor], rtol=1e-9
    )


@pytest.mark.parametrize(("pooling", "measurement_error", "algorithmic_progress"), COMBINATIONS)
def test_every_default_prior_can_be_replaced_by_itself(pooling, measurement_error, algorithmic_progress):
    defaults = default_priors(
        pooling=pooling, measurement_error=measurement_error, algorithmic_progress=algorithmic_progress
    )
    again = resolve_priors(defaults, {name: prior.to_dict() for name, prior in defaults.items()})
    assert again == defaults


def test_prior_on_progress_is_that_of_the_literature() -> None:
    """Erdil & Besiroglu 2022: halving every 9 months, 95 % interval 4 to 25 months."""
    prior = default_priors(pooling="none", measurement_error=False, algorithmic_progress=True)["progress"]
    months = (
        12
        * np.log10(2)
        / np.exp(prior.parameters["mu"] + prior.parameters["sigma"] * np.array([-1.96, 0, 1.96]))
    )
    assert months[1] == pytest.approx(9.0, abs=0.1)
    assert 20 < months[0] < 30
    assert 3 < months[2] < 4.5


class PrelizLike:
    """What a frozen PreliZ distribution shows: its class name and its parameters."""

    def __init__(self, **params: float) -> None:
        self.params_dict = params
        self.is_frozen = bool(params)
        self.__dict__.update(params)


class Gamma(PrelizLike):
    """Named like PreliZ's."""


def test_accepted_forms() -> None:
    assert as_prior("slope", (0.1, (0.05, 0.2)), positive=True).family == "LogNormal"
    assert as_prior("intercept", (0.1, (-0.5, 0.7)), positive=False).family == "Normal"
    assert as_prior("slope", Gamma(alpha=2, beta=3), positive=True) == Prior("Gamma", alpha=2, beta=3)
    with pytest.raises(OptionError, match="Gamma without parameters; expected numbers for alpha, beta"):
        as_prior("slope", Gamma(), positive=True)


BAD = [
    ({"slop": Prior("HalfNormal", sigma=1)}, "its priors are .*slope"),
    ({"slope": Prior("Normal", mu=0, sigma=1)}, "positive"),
    ({"slope": 0.1}, "expected Prior"),
    ({"slope": "wide"}, "expected Prior"),
    ({"slope": (0.1, (0.2, 0.3))}, "lower < median < upper"),
    ({"slope": (0.1, (-0.2, 0.3))}, "0 < lower"),
    ({"slope": (0.1, (float("nan"), 0.3))}, "finite"),
    ({"slope": (float("inf"), (0.1, 0.3))}, "finite"),
    ({"slope": None}, "expected Prior"),
    ([("slope", 1)], "must map names"),
]


@pytest.mark.parametrize(("replacements", "message"), BAD)
def test_bad_replacements(replacements, message: str) -> None:
    defaults = default_priors(pooling="none", measurement_error=False, algorithmic_progress=False)
    with pytest.raises(OptionError, match=message):
        resolve_priors(defaults, replacements)


@pytest.mark.parametrize(
    ("family", "parameters", "message"),
    [
        ("Gaussian", {"mu": 0, "sigma": 1}, "not known; expected one of Normal"),
        ("Normal", {"mu": 0}, "takes mu, sigma; found mu"),
        ("Normal", {"mu": 0, "sigma": 0}, "above 0"),
        ("Normal", {"mu": "high", "sigma": 1}, "must be a number"),
        ("HalfNormal", {"sigma": float("inf")}, "finite"),
        ("Uniform", {"lower": 1, "upper": 0}, "lower < upper"),
    ],
)
def test_bad_prior(family: str, parameters: dict[str, float], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Prior(family, **parameters)


def test_families_are_pymc_distributions() -> None:
    pymc = pytest.importorskip("pymc")
    for family, (names, _) in FAMILIES.items():
        getattr(pymc, family).dist(**dict(zip(names, (1.0, 2.0, 3.0), strict=False)))
