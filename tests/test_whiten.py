"""Tables with many rows: the same posterior in other coordinates, in which the sampler's steps are long."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numba
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.optimize import brentq
from tests.kernel_sweep import log_density, points, stored_variables
from tests.seeds import seeded
from tests.simulation import simulate

from scaling_bayes import Prior, fit
from scaling_bayes.core.equations import drift_step
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import default_priors
from scaling_bayes.diagnostics.convergence import ess_bulk
from scaling_bayes.errors import OptionError
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.model.sampling import kernel
from scaling_bayes.model.sampling.layout import Layout, compile_fast, lay_out
from scaling_bayes.model.sampling.rows import known_steps
from scaling_bayes.model.sampling.sample import compile_posterior, sample_compiled
from scaling_bayes.model.sampling.whiten import compile_whitened, has_many_rows, whitened

pytestmark = pytest.mark.samples

STRAIGHT = ModelOptions("power", drift=False, count_offsets=False)
MODELS = [
    ModelOptions("bounded", drift=True),
    ModelOptions("bounded", "none", drift=True),
    ModelOptions("bounded", "complete", algorithmic_progress=False, drift=True),
    ModelOptions("exponential", robust=True, drift=True),
    STRAIGHT,
]
#: Around means that are not normal, so that deviations are not around their average.
AROUND_MEANS = {
    "slope_log_mean": Prior("StudentT", nu=3.0, mu=-3.0, sigma=0.8),
    "progress_log_mean": Prior("StudentT", nu=3.0, mu=-1.0, sigma=0.8),
}


#: Two tasks of 200 rows, three a paper.
TABLE = simulate(2, 200, seeded(5))[0]
TABLE["paper"] = [f"paper {number // 3}" for number in range(len(TABLE))]
OBSERVED = observe(TABLE, needs_year=True)


def laid_out(
    options: ModelOptions, replaced: Mapping[str, Prior] = MappingProxyType({}), *, centered: bool
) -> tuple[Layout, kernel.Problem]:
    options = OBSERVED.applicable(options)
    priors = default_priors(options)
    priors |= {name: prior for name, prior in replaced.items() if name in priors}
    return lay_out(OBSERVED, options, priors, parameter_names(options, priors), centered=centered)


def test_a_step_of_drift_and_its_reverse() -> None:
    @numba.njit
    def step_at(problem, standard):
        return kernel._step(problem, standard, 1.0)

    @numba.njit
    def reverse(problem, step):
        return kernel._standard(problem, step)

    problem = laid_out(MODELS[0], centered=True)[1]
    for standard in (-9.0, -3.0, -1.0, -1e-3, 0.0, 1e-3, 0.2, 1.0, 2.5, 9.0):
        step, slope, bend = step_at(problem, standard)
        assert step == pytest.approx(drift_step(standard), rel=1e-11)
        assert reverse(problem, step) == pytest.approx(standard, rel=1e-10)
        (above, slope_above, _), (below, slope_below, _) = (
            step_at(problem, standard + away) for away in (1e-5, -1e-5)
        )
        assert slope == pytest.approx((above - below) / 2e-5, rel=1e-6)
        assert bend == pytest.approx((slope_above - slope_below) / 2e-5, rel=1e-6)
    assert reverse(problem, 1e-12) == pytest.approx(1e-12)
    assert step_at(problem, reverse(problem, -1e9))[0] == pytest.approx(-1e9)


def usual_coordinates(
    x: np.ndarray, layout: Layout, problem: kernel.Problem, usual: kernel.Problem
) -> tuple[np.ndarray, float]:
    """Where the usual coordinates give the same variables, and the log of the Jacobian."""
    same, of_scale = x.copy(), problem.scale_of >= 0
    scales = x[problem.scale_of[of_scale]]
    same[of_scale] /= np.exp(scales)
    log_jacobian = -scales.sum()
    rises = np.flatnonzero((problem.density == kernel.FLAT) & (problem.transform == kernel.AS_IS))
    at_one = same.copy()
    at_one[rises] = 1.0
    for coordinate in rises:
        step_of_all = coordinate - layout.first["drift_standard"]
        place = problem.stored == layout.places(["drift_step"])["drift_step"].ravel()[step_of_all]
        unit = stored_variables(at_one, usual)[place].item() / drift_step(1.0)
        step = stored_variables(x, problem)[place].item() / unit
        standard = brentq(lambda z, step=step: drift_step(z) - step, -40.0, 40.0, xtol=1e-14)
        slope = (drift_step(standard + 1e-5) - drift_step(standard - 1e-5)) / 2e-5
        same[coordinate] = standard
        log_jacobian -= x[layout.first["drift_scale"]] + np.log(slope)
    return same, float(log_jacobian)


@pytest.mark.parametrize("options", MODELS, ids=str)
@pytest.mark.parametrize("replaced", [{}, AROUND_MEANS], ids=["averages", "means"])
def test_the_density_is_that_of_the_usual_coordinates(
    options: ModelOptions, replaced: Mapping[str, Prior]
) -> None:
    layout, problem = laid_out(options, replaced, centered=True)
    _, usual = laid_out(options, replaced, centered=False)
    assert (problem.density != usual.density).sum() == (known_steps(OBSERVED).sum() if options.drift else 0)
    assert (problem.scale_of >= 0).any() == (options.pooling != "none")  # noise is pooled in all others
    unused = np.empty(layout.start.size)
    for x in points(layout.start, 3):
        same, log_jacobian = usual_coordinates(x, layout, problem, usual)
        expected = log_density(same, unused, usual) + log_jacobian
        assert log_density(x, unused, problem) == pytest.approx(expected, rel=1e-9)
        found = stored_variables(x, problem)
        np.testing.assert_allclose(found, stored_variables(same, usual), rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("options", MODELS, ids=str)
@pytest.mark.parametrize("mapped", [False, True])
def test_gradient_against_differences(options: ModelOptions, mapped: bool) -> None:
    layout, problem = laid_out(options, centered=True)
    n = layout.start.size
    if mapped:
        directions = np.random.default_rng(3).normal(size=(n, n)) / n
        problem = problem._replace(origin=layout.start, directions=directions)
    unused = np.empty(n)
    for x in points(np.zeros(n) if mapped else layout.start, 2):
        gradient = np.empty(n)
        log_density(x, gradient, problem)
        for i, move in enumerate(1e-5 * np.eye(n)):
            above, below = (log_density(x + sign * move, unused, problem) for sign in (1, -1))
            expected = (above - below) / 2e-5
            assert gradient[i] == pytest.approx(expected, rel=1e-5, abs=1e-6 * np.abs(gradient).max())


def test_known_steps_have_rows_on_both_sides() -> None:
    """Of a step from 2015 to 2016: rows of 2014 to the middle of 2015, and from there to 2017."""
    years = np.array([2014.2] * 8 + [2016.7] * 7 + [2019.5])
    table = TABLE.iloc[: years.size].assign(task="one", year=years)
    table = pd.concat(
        [table, table.assign(task="two", system=lambda rows: rows["system"] + "b", year=years + 1)]
    )
    observed = observe(table.reset_index(drop=True), needs_year=True)
    known = known_steps(observed)
    middle = observed.drift_years + 0.5
    assert not known.any(), "7 rows in a year and a half are 4.7 a year"
    one_more = pd.concat([table, table.iloc[[8]].assign(system="one more")]).reset_index(drop=True)
    observed = observe(one_more, needs_year=True)
    known = known_steps(observed)
    assert known.sum() == 1
    assert middle[known[list(observed.tasks).index("one")]] == pytest.approx([2015.5])


def standard_errors_apart(one: xr.Dataset, other: xr.Dataset) -> np.ndarray:
    """How far apart two samplings' means are along each direction in which the variables are uncorrelated.

    Slopes, noises and the error of compute move together: as they are, one chance would count six times.
    """
    values = [
        np.concatenate([each[name].values.reshape(*each[name].shape[:2], -1) for name in each], axis=-1)
        for each in (one, other)
    ]
    both = np.concatenate([each.reshape(-1, each.shape[-1]) for each in values])
    values = [each[..., both.std(axis=0) > 0.0] for each in values]
    both = both[:, both.std(axis=0) > 0.0]
    spread, directions = np.linalg.eigh(np.corrcoef(both, rowvar=False))
    directions = (
        directions[:, spread > 1e-8] / both.std(axis=0)[:, None]
    )  # what follows from others adds none
    one_along, other_along = (each @ directions for each in values)
    return np.array(
        [
            abs(one_along[..., k].mean() - other_along[..., k].mean())
            / np.sqrt(sum(each[..., k].var() / ess_bulk(each[..., k]) for each in (one_along, other_along)))
            for k in range(directions.shape[1])
        ]
    )


@pytest.mark.parametrize("options", [STRAIGHT, pytest.param(MODELS[0], marks=pytest.mark.slow)], ids=str)
def test_the_posterior_is_that_of_the_usual_coordinates(options: ModelOptions) -> None:
    options = OBSERVED.applicable(options)
    priors = default_priors(options)
    names = parameter_names(options, priors)
    sampler = SamplerOptions(500, 400, 4, 0.97, seeded(1), thin=2)
    one, other = (
        sample_compiled(compile_in(OBSERVED, options, priors, names), names, sampler)[0]
        for compile_in in (compile_whitened, compile_fast)
    )
    worst = standard_errors_apart(one, other)
    assert worst.max() < 5.0
    assert np.sqrt(np.mean(np.square(worst))) < 1.6


def test_draws_depend_on_the_seed_alone() -> None:
    """And on the rows: the map is made with a seed of its own."""
    options = OBSERVED.applicable(STRAIGHT)
    priors = default_priors(options)
    names = parameter_names(options, priors)
    sampler = SamplerOptions(50, 100, 2, 0.9, seeded(1))
    assert has_many_rows(OBSERVED, options, priors)
    compiled = compile_posterior(OBSERVED, options, priors, names)
    once, _ = sample_compiled(compiled, names, sampler, cores=1)
    again, _ = sample_compiled(compile_posterior(OBSERVED, options, priors, names), names, sampler)
    assert once.equals(again)
    fewer = OBSERVED.subset(np.arange(OBSERVED.error.size) > 0)
    assert not has_many_rows(fewer, options, priors)
    assert not has_many_rows(OBSERVED, replace(options, curves=True), priors)
    tasks = tuple(f"task {number}" for number in range(20))
    assert not has_many_rows(replace(OBSERVED, tasks=tasks), options, priors)


def test_nowhere_to_begin_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        def wait(self) -> None:
            raise RuntimeError("All initialization points failed\n\nCaused by:\n ErrorCode(4)")

        def cancel(self) -> None: ...

    monkeypatch.setattr("scaling_bayes.model.sampling.draw.nutpie.sample", lambda *_, **__: Failing())
    with pytest.raises(OptionError, match=r"no point at which the model has a density.*widen it"):
        fit(TABLE, random_seed=1, progressbar=False)


@pytest.mark.slow
def test_a_prior_that_excludes_every_floor_is_refused() -> None:
    """PyMC samples it: the kernel has no prior with ends on the logit of a floor."""
    excluding = {"floor_logit": Prior("Uniform", lower=-0.5, upper=0.0)}
    with pytest.raises(OptionError, match="no point at which the model has a density"):
        fit(
            law="saturating", pooling="none", floor="pooled", drift=False, priors=excluding, progressbar=False
        )


def test_where_no_curvature_is_known_coordinates_stay_as_they_are() -> None:
    layout, problem = laid_out(STRAIGHT, centered=True)
    assert whitened(problem, np.full((3, layout.start.size), np.nan)) is problem


def test_a_fit_says_what_it_asked_of_the_sampler() -> None:
    asked = {"target_accept": 0.9, "thin": 1}
    for given, expected in (({}, {"target_accept": 0.99, "thin": 2}), (asked, {"target_accept": 0.9})):
        with warnings.catch_warnings():  # whether so few draws pass every check is not the question
            warnings.simplefilter("ignore", FitWarning)
            fitted = fit(
                TABLE,
                law="power",
                drift=False,
                chains=2,
                draws=50,
                tune=200,
                random_seed=seeded(1),
                progressbar=False,
                **given,
            )
        stated = json.loads(fitted.attrs["manifest"])["sampler"]
        assert {name: stated.get(name) for name in expected} == expected
        assert stated.get("thin", 1) == given.get("thin", 2)
