"""A second attempt follows a failed check, is said, and never costs the fit."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.models import STRAIGHT
from tests.test_fit import QUICK, SYSTEMS

from scaling_bayes import DataError, data_checks, fit
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.priors import default_priors
from scaling_bayes.diagnostics.checks import failed_checks
from scaling_bayes.model.exactness import refuse_too_exact
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.model.sampling import attempts
from scaling_bayes.model.sampling.attempts import Attempt, sample_checked
from scaling_bayes.trace.schema import FIT_GROUPS, manifest

pytestmark = pytest.mark.samples

SAMPLER = SamplerOptions(1000, 500, 4, 0.96, 1)


def sampled(
    monkeypatch: pytest.MonkeyPatch,
    failing: list[tuple[str, ...]],
    diverging: list[int],
    sampler: SamplerOptions = SAMPLER,
    most_draws: int | None = None,
) -> list[Attempt]:
    """Attempts of a sampler whose runs fail the given checks."""
    left = iter(zip(failing, diverging, strict=True))

    def sample(*arguments: object, **named: object) -> tuple[xr.Dataset, xr.Dataset]:
        checks, count = next(left)
        return xr.Dataset(attrs={"fails": checks}), xr.Dataset({"diverging": ("draw", np.arange(9) < count)})

    def diagnose(posterior: xr.Dataset, stats: xr.Dataset) -> xr.Dataset:
        names = ["rhat", "ess_bulk", "divergences"]
        passed = [int(name not in posterior.attrs["fails"]) for name in names]
        return xr.Dataset({"passed": ("check", passed)}, coords={"check": names})

    monkeypatch.setattr(attempts, "sample_compiled", sample)
    monkeypatch.setattr(attempts, "diagnose", diagnose)
    return sample_checked(None, [], sampler, most_draws=most_draws)


def test_a_fit_that_passes_is_sampled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    (only,) = sampled(monkeypatch, [()], [0])
    assert only.sampler == SAMPLER


def test_a_second_attempt_is_more_careful(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = sampled(monkeypatch, [("divergences",), ()], [3, 0])
    assert (first.sampler, first.failed) == (SAMPLER, ["divergences"])
    assert second.sampler.target_accept > SAMPLER.target_accept
    assert (second.sampler.tune, second.sampler.draws) == (1000, 1000)
    assert second.failed == []


def test_more_draws_where_there_were_too_few(monkeypatch: pytest.MonkeyPatch) -> None:
    for most, draws in ((None, 2000), (1500, 1500)):
        made = sampled(monkeypatch, [("ess_bulk",), ()], [0, 0], most_draws=most)
        assert made[-1].sampler.draws == draws


def test_the_best_attempt_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    count = attempts.ATTEMPTS
    kept = sampled(
        monkeypatch, [("divergences",), *(count - 1) * [("divergences", "rhat")]], [2, *(count - 1) * [1]]
    )[-1]
    assert kept.sampler == SAMPLER


@pytest.mark.parametrize(("draws", "chains"), [(1000, 1), (50, 2)])
def test_a_fit_too_short_to_pass_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, draws: int, chains: int
) -> None:
    sampler = SamplerOptions(draws, 20, chains, 0.9, 1)
    assert len(sampled(monkeypatch, [("ess_bulk",)], [0], sampler)) == 1


A = "a,1,.4,1e17,2015,|a,2,.33,1e18,2016,"
#: Small tables: task, system, error, compute, year, standard deviation of compute.
SMALL = {
    "one system": "a,1,.4,2e20,2020,|a,2,.35,2e21,2021,|a,3,.3,2e22,2022,|b,1,.2,1e22,2022,",
    "same compute": f"{A}|a,3,.3,1e19,2018,|b,1,.2,1e19,2017,|b,2,.17,1e19,2018,",
    "two systems": f"{A}|b,1,.2,1e19,2017,|b,2,.17,1e20,2018,",
    "stated": f"{A}.1|a,3,.3,1e19,2018,2|b,1,.4,1e18,2018,.1|b,2,.35,1e19,2019,.1|b,3,.3,1e20,2020,",
    "estimates": f"{A}|a,2,.33,4e18,2016,|a,3,.3,1e19,2018,|b,1,.4,1e18,2018,|b,2,.3,1e20,2020,",
}


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("same compute", "estimates") else pytest.param(name, marks=pytest.mark.slow)
        for name in SMALL
    ],
)
def test_small_tables_pass_every_check(name: str) -> None:
    columns = ["task", "system", "error", "training_compute_flop", "year", "compute_sd_dex"]
    table = pd.DataFrame([row.split(",") for row in SMALL[name].split("|")], columns=columns)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        idata = fit(table, random_seed=1, progressbar=False)
    assert failed_checks(idata) == []
    assert data_checks(idata)["passed"].all()


def test_a_failing_part_leaves_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(idata: xr.DataTree) -> None:
        raise ValueError("All tail values are the same")

    monkeypatch.setattr("scaling_bayes.model.fit.power_scaling", fail)
    monkeypatch.setattr("scaling_bayes.diagnostics.criticism.data_checks", fail)
    monkeypatch.setattr("scaling_bayes.model.fit.computed_data_checks", fail)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FitWarning)
        idata = fit(SYSTEMS, random_seed=1, **{**QUICK, "draws": 20})
    assert set(idata.children) == set(FIT_GROUPS)
    assert manifest(idata)["left_out"] == {"sensitivity": "ValueError: All tail values are the same"}
    said = " ".join(str(warning.message) for warning in caught)
    assert "sensitivity to the priors could not be computed" in said
    assert "could not be checked against the data" in said


def line(scatter: float, *, even: bool, rows: int = 12) -> pd.DataFrame:
    """Two tasks on lines in log compute, which grows evenly with the year or not."""
    rng, frames = np.random.default_rng(3), []
    for task, slope in (("A", 0.1), ("B", 0.05)):
        compute = np.linspace(16.0, 22.0, rows)
        year = np.linspace(2012.1, 2020.1, rows)  # none whole, which would mean its middle
        log_error = -slope * (compute - 14.0) + scatter * rng.standard_normal(rows)
        frames.append(
            pd.DataFrame(
                {
                    "task": task,
                    "system": [f"{task}{row}" for row in range(rows)],
                    "error": 10.0**log_error,
                    "training_compute_flop": 10.0**compute,
                    "year": year if even else rng.permutation(year),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def refusal(table: pd.DataFrame, options: ModelOptions) -> str:
    observations = observe(table, needs_year=options.needs_year)
    try:
        refuse_too_exact(observations, options, default_priors(options))
    except DataError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("scatter", [0.0, 1e-6, 1e-4])
def test_exact_data_are_refused_with_the_reason(scatter: float) -> None:
    pooled = refusal(line(scatter, even=False), ModelOptions(measurement_error=False))
    assert "too exactly" in pooled
    assert "slope of 0.1" in pooled
    assert "--pooling none" in pooled
    alone = refusal(line(scatter, even=True), ModelOptions(pooling="none"))
    assert "contradict measurement error" in alone
    assert "--no-measurement-error" in alone
    assert not refusal(line(scatter, even=True), ModelOptions(pooling="none", measurement_error=False))
    assert not refusal(line(scatter, even=False), ModelOptions(pooling="none"))


@pytest.mark.parametrize("even", [True, False])
def test_noise_of_published_results_is_none_of_that(even: bool) -> None:
    assert not refusal(line(0.02, even=even), ModelOptions())
    assert not refusal(line(0.0, even=even, rows=3), ModelOptions(measurement_error=False))


def test_exact_data_are_fitted_task_by_task() -> None:
    options = {**STRAIGHT, "pooling": "none", "measurement_error": False, "algorithmic_progress": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        idata = fit(line(1e-4, even=True), random_seed=1, **options, **QUICK)
    slope = idata["posterior"]["slope"].median(("chain", "draw"))
    np.testing.assert_allclose(slope, [0.1, 0.05], rtol=0.01)
