"""Ranks, bands and coverage of simulation-based calibration."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import binom, kstest

from scaling_bayes.diagnostics.calibration import ecdf_band, rank_ecdf, summarize, uniformity

COUNT, RANKED = 200, 20


def test_uniform_ranks_have_uniform_p_values() -> None:
    ranks = np.random.default_rng(1).integers(0, RANKED + 1, (COUNT, 3000))
    p = uniformity(ranks.astype(float), RANKED)
    for level in (0.01, 0.05, 0.2, 0.5):
        assert (p <= level).mean() == pytest.approx(level, abs=4 * np.sqrt(level / 3000) + 0.01)


def test_the_band_holds_as_many_lines_as_it_says_and_those_with_p_above_a_twentieth() -> None:
    ranks = np.random.default_rng(2).integers(0, RANKED + 1, (COUNT, 3000)).astype(float)
    lower, upper = ecdf_band(COUNT, RANKED)
    line = rank_ecdf(ranks, RANKED)
    inside = ((line >= lower[:, None] - 1e-9) & (line <= upper[:, None] + 1e-9)).all(axis=0)
    assert inside.mean() == pytest.approx(0.95, abs=0.02)
    assert (inside == (uniformity(ranks, RANKED) >= 0.05)).mean() > 0.99


def test_the_departure_is_the_smallest_binomial_probability() -> None:
    """Arithmetic by hand: two ranks, both 0, of two ranked draws."""
    p = uniformity(np.zeros((2, 1)), 2)
    # Both ranks lie below 1, which has probability 1/9; twice that is the departure. By symmetry both at 2.
    low = 2 * binom.sf(1, 2, 1 / 3)
    assert low == pytest.approx(2 / 9)
    assert p == pytest.approx(2 / 9, abs=0.02)


@pytest.mark.parametrize(("shift", "scale"), [(0.5, 1.0), (0.0, 0.6), (0.0, 1.6)])
def test_a_wrong_posterior_is_found(shift: float, scale: float) -> None:
    rng = np.random.default_rng(3)
    truth, data = rng.standard_normal(500), rng.standard_normal(500)
    posterior_mean, posterior_sd = (truth + data) / 2, np.sqrt(0.5)
    draws = posterior_mean[:, None] + posterior_sd * (shift + scale * rng.standard_normal((500, 100)))
    assert uniformity((draws < truth[:, None]).sum(axis=1)[:, None].astype(float), 100) < 1e-3


def conjugate(simulations: int = 400, draws: int = 1000, *, scale: float = 1.0) -> xr.Dataset:
    """Fits of a normal mean with a standard normal prior and one observation of variance 1: exact draws."""
    rng = np.random.default_rng(4)
    truth = rng.standard_normal((simulations, 3))
    mean = (truth + rng.standard_normal(truth.shape)) / 2
    drawn = mean[..., None] + scale * np.sqrt(0.5) * rng.standard_normal((*truth.shape, draws))
    below = drawn < truth[..., None]
    dims = ("fit", "quantity")
    return xr.Dataset(
        {
            "truth": (dims, truth),
            "rank": (dims, below[..., ::10].sum(-1).astype(float)),
            "probability": (dims, below.mean(-1)),
            "mean": (dims, drawn.mean(-1)),
            "sd": (dims, drawn.std(-1)),
            "rhat": ("fit", np.ones(simulations)),
        },
        coords={"quantity": ["a", "b", "c"]},
    )


def test_exact_posteriors_are_calibrated() -> None:
    found = summarize(conjugate(), "prior_sbc", 100)
    np.testing.assert_allclose(found["coverage_90"], 0.9, atol=0.05)
    np.testing.assert_allclose(found["coverage_50"], 0.5, atol=0.08)
    np.testing.assert_allclose(found["bias"], 0.0, atol=0.16)
    # Prior variance 1, posterior variance 1/2.
    np.testing.assert_allclose(found["contraction"], 0.5, atol=0.1)
    assert (found["p_value"] > 0.001).all()


def test_too_narrow_posteriors_are_not() -> None:
    found = summarize(conjugate(scale=0.7), "prior_sbc", 100)
    assert (found["coverage_90"] < 0.85).all()
    assert (found["p_value"] < 0.01).all()


def test_failed_fits_are_left_out() -> None:
    fits = conjugate(100)
    whole = summarize(fits, "prior_sbc", 100)
    failed = fits.isel(fit=[0]).map(lambda values: values * np.nan)
    xr.testing.assert_identical(summarize(xr.concat([fits, failed], "fit"), "prior_sbc", 100), whole)


def test_shifts_are_in_standard_deviations_of_the_fit_to_all() -> None:
    fits = xr.Dataset(
        {
            "mean": (("fit", "quantity"), [[1.0, 2.0, np.nan], [1.5, 1.0, 3.0], [0.0, 2.5, 4.0]]),
            "sd": (("fit", "quantity"), [[0.5, 2.0, 1.0], [9.0, 9.0, 9.0], [9.0, 9.0, 9.0]]),
            "rhat": ("fit", [1.0, 1.0, 1.0]),
        },
        coords={"fit": ["(all)", "one", "two"], "quantity": ["a", "b", "c"]},
    )
    found = summarize(fits, "leave_one_paper_out", 0)
    np.testing.assert_array_equal(found["largest_shift"], [-2.0, -0.5, np.nan])
    assert found["largest_shift_fit"].values.tolist()[:2] == ["two", "one"]


def test_ranks_of_a_calibrated_sample_look_uniform() -> None:
    ranks = conjugate()["rank"].values[:, 0]
    assert kstest((ranks + 0.5) / 101, "uniform").pvalue > 0.01
