"""Priors as data: what is accepted, what is refused, and the interval form."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import cumulative_trapezoid
from tests.some import some

from scaling_bayes.core.families import FAMILIES
from scaling_bayes.core.laws import LAW_NAMES
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import Prior, as_prior, default_priors, resolve_priors
from scaling_bayes.errors import OptionError

COMBINATIONS = list(itertools.product(LAW_NAMES, ("partial", "none", "complete"), (True, False)))

#: One prior of each family.
EXAMPLES = {
    prior.family: prior
    for prior in (
        Prior("Normal", mu=-1.0, sigma=0.7),
        Prior("StudentT", nu=4.0, mu=0.5, sigma=0.3),
        Prior("Uniform", lower=-0.5, upper=2.0),
        Prior("HalfNormal", sigma=0.6),
        Prior("HalfStudentT", nu=3.0, sigma=0.4),
        Prior("LogNormal", mu=-1.2, sigma=0.5),
        Prior("Exponential", lam=2.5),
        Prior("Gamma", alpha=2.0, beta=0.1),
        Prior("InverseGamma", alpha=4.0, beta=3.0),
        Prior("Beta", alpha=2.0, beta=3.0),
    )
}
each_family = pytest.mark.parametrize("family", some(FAMILIES, 3))


@given(median=st.floats(0.01, 100), factor=st.floats(1.01, 50))
def test_interval_form_has_that_median_and_interval(median: float, factor: float) -> None:
    prior = Prior.from_interval(median, median / factor, median * factor)
    scale = stats.lognorm(s=prior.parameters["sigma"], scale=np.exp(prior.parameters["mu"]))
    np.testing.assert_allclose(
        scale.ppf([0.05, 0.5, 0.95]), [median / factor, median, median * factor], rtol=1e-9
    )


@pytest.mark.parametrize(("law", "pooling", "switch"), COMBINATIONS)
def test_every_default_prior_can_be_replaced_by_itself(law: str, pooling: str, switch: bool) -> None:
    defaults = default_priors(ModelOptions(law, pooling, switch, switch, switch, not switch, switch))
    again = resolve_priors(defaults, {name: prior.to_dict() for name, prior in defaults.items()})
    assert again == defaults


def test_a_switch_brings_its_priors_and_no_others() -> None:
    plain = ModelOptions("power", "partial", False, False, False, False, False)
    least = {f"{name}_log_{part}" for name in ("slope", "noise") for part in ("mean", "sd")} | {"intercept"}
    assert set(default_priors(plain)) == least
    population = {f"compute_{name}" for name in ("mean", "growth", "spread", "error")}
    for switches, added in (
        ({"paper_effect": True}, {"paper_correlation"}),
        ({"robust": True}, {"degrees_of_freedom"}),
        ({"algorithmic_progress": True}, {"progress_log_mean", "progress_log_sd"}),
        ({"law": "saturating", "floor": None}, {"floor_logit_mean", "floor_logit_sd"}),
        ({"floor": "pooled"}, {"floor_logit_mean", "floor_logit_sd"}),
        ({"floor": "task"}, {"floor_offset"}),
        ({"law": "bounded"}, {"bend"}),
        ({"law": "bounded", "floor": None}, {"bend", "floor_offset"}),
        ({"drift": True}, {"drift_scale"}),
        ({"flagged_error": True}, set()),
        ({"measurement_error": True}, population),
        ({"measurement_error": True, "flagged_error": True}, population | {"flagged_error_factor"}),
    ):
        assert set(default_priors(replace(plain, **switches))) - least == added


def test_noise_differs_by_task_where_all_else_is_shared() -> None:
    names = set(default_priors(ModelOptions(pooling="complete")))
    assert {"noise_log_mean", "noise_log_sd", "slope", "progress"} <= names
    assert not names & {"noise", "slope_log_mean", "progress_log_mean"}


def test_prior_on_progress_is_that_of_the_literature() -> None:
    """Erdil & Besiroglu 2022: halving every 9 months, 95 % interval 4 to 25 months."""
    prior = default_priors(ModelOptions(pooling="none"))["progress"]
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
    defaults = default_priors(ModelOptions(pooling="none"))
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


@each_family
def test_density_is_pymcs(family: str) -> None:
    import pymc as pm

    prior = EXAMPLES[family]
    inside = prior.draw(np.random.default_rng(2), 50)
    at = np.concatenate([inside, [-3.0, -0.7, 0.3, 5.0]])
    expected = pm.logp(getattr(pm, family).dist(**prior.parameters), at).eval(mode="FAST_COMPILE")
    np.testing.assert_allclose(prior.log_density(at), expected, rtol=1e-6, atol=1e-6)


@each_family
def test_draws_follow_the_density(family: str) -> None:
    """Kolmogorov and Smirnov's test, against the integral of the density."""
    prior = EXAMPLES[family]
    draws = prior.draw(np.random.default_rng(1), (40, 50))
    assert draws.shape == (40, 50)
    grid = np.linspace(-60.0, 120.0, 4_000_001)
    with np.errstate(divide="ignore"):
        density = np.exp(prior.log_density(grid))
    below = cumulative_trapezoid(np.where(np.isfinite(density), density, 0.0), grid, initial=0.0)
    assert below[-1] == pytest.approx(1.0, abs=1e-3)
    assert stats.kstest(draws.ravel(), lambda x: np.interp(x, grid, below)).pvalue > 0.01
