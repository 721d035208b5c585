"""The hardware posterior: its arithmetic, its checks, its trends beside published ones, its storage."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from tests.seeds import seeded
from tools.pages.hardware import PUBLISHED
from tools.releases.hindcast import predicted, score
from tools.releases.trends import doubling_times, trend_draws

from scaling_bayes import DataError, OptionError, Prior, TraceError, checks, open_trace, save_trace
from scaling_bayes.diagnostics.stored import stored_hardware
from scaling_bayes.hardware import equations
from scaling_bayes.hardware.assumptions import ASSUMPTIONS, draw_value, format_value, read_value
from scaling_bayes.hardware.grid import GROWTH_SD, SITE_LOG_SD, grid_of
from scaling_bayes.hardware.points import cloud_offers, devices, trend_points
from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.hardware.trends import FITTED_PERIODS, TRENDS, default_hardware_priors, period_edges
from scaling_bayes.resources import data_path
from scaling_bayes.trace.releases import HARDWARE_RELEASE
from scaling_bayes.trace.schema import HARDWARE_KIND

EXPONENTS = st.floats(-200, 200)


@pytest.fixture(scope="module")
def hardware() -> xr.DataTree:
    return open_hardware()


# Arithmetic


@given(EXPONENTS, EXPONENTS)
def test_saturation_adds_what_a_flop_takes(trend: float, ceiling: float) -> None:
    value = equations.saturating(trend, ceiling)
    assert np.isfinite(value)
    assert min(trend, ceiling) - np.log10(2) - 1e-9 <= value <= min(trend, ceiling) + 1e-9
    assert value == pytest.approx(equations.saturating(ceiling, trend), abs=1e-9)


def test_no_ceiling_changes_nothing() -> None:
    assert equations.saturating(17.25, np.inf) == 17.25


@given(
    st.lists(st.floats(1900, 2300), min_size=1, max_size=6),
    st.lists(st.floats(0.05, 5), min_size=77, max_size=77),
)
def test_both_ways_of_counting_progress_agree(years: list[float], pace: list[float]) -> None:
    edges = period_edges(1840.0, 2302.0)
    summed = equations.period_overlap(years, edges) @ np.array(pace)
    walked = equations.elapsed(np.array([years]), np.array([pace]), edges)[0]
    np.testing.assert_allclose(walked, summed, atol=1e-8)


def test_progress_at_pace_one_is_calendar_time() -> None:
    edges = period_edges(1990.0, 2026.0)
    overlap = equations.period_overlap([1993.0, 2020.0, 2023.5], edges)
    np.testing.assert_allclose(overlap.sum(axis=1), [-27, 0, 3.5])
    np.testing.assert_allclose(edges, FITTED_PERIODS)


# Points


def test_points_follow_the_convention_of_burdens() -> None:
    board = devices().set_index("device")
    assert board.loc["NVIDIA A100 SXM4 40 GB", "peak_flop_per_s"] == pytest.approx(1.949e13)
    assert board.loc["Google TPU v3", "peak_flop_per_s"] == pytest.approx(1.23e14)
    points = trend_points()
    assert set(points["trend"]) | set(cloud_offers()["trend"]) == {trend.label for trend in TRENDS}
    assert np.isfinite(points["log10_value"]).all()
    v100 = cloud_offers().query(
        "device == 'NVIDIA Tesla V100 SXM2 16 GB' and provider == 'Amazon Web Services' and "
        "kind == 'cloud_on_demand'"
    )
    assert v100["log10_value"].iloc[0] == pytest.approx(np.log10(1.567e13 * 3600 / 3.06), abs=1e-6)


def test_a_hindcast_sees_nothing_later() -> None:
    assert trend_points(2019.0)["year"].max() < 2019
    early = cloud_offers(2019.0)
    assert (early["year"] + early["age"]).max() < 2019
    with pytest.raises(OptionError, match="leaves no hardware"):
        trend_points(1900.0)


# The shipped posterior


def test_every_check_of_the_shipped_posterior_passes(hardware: xr.DataTree) -> None:
    assert checks(hardware)["passed"].all()


def test_the_shipped_posterior_is_small_and_complete(hardware: xr.DataTree) -> None:
    assert data_path(f"traces/{HARDWARE_RELEASE}.nc").stat().st_size < 1.6e6
    content = json.loads(hardware.attrs["manifest"])
    assert content["kind"] == HARDWARE_KIND
    assert (content["sampler"]["chains"], content["sampler"]["draws"]) == (4, 2000)
    assert {name: hardware["posterior"].sizes[name] for name in ("chain", "draw")} == {
        "chain": 4,
        "draw": 2000,
    }
    assert content["data"]["n_points"] == len(trend_points())
    assert content["data"]["n_offers"] == len(cloud_offers())
    assert {*content["priors"]} == {*default_hardware_priors()}


def test_the_shipped_posterior_was_fitted_to_the_shipped_tables(hardware: xr.DataTree) -> None:
    """Names and years to the bit, logarithms to rounding: processors differ in their last bit."""
    for stored, shipped in zip(stored_hardware(hardware), (trend_points(), cloud_offers()), strict=True):
        assert stored.columns.tolist() == shipped.columns.tolist()
        for name in ("value", "log10_value"):
            np.testing.assert_allclose(stored.pop(name), shipped.pop(name), rtol=1e-14)
        pd.testing.assert_frame_equal(stored, shipped, check_dtype=False, check_exact=True)
    content = json.loads(hardware.attrs["manifest"])
    assert content["priors"] == {name: prior.to_dict() for name, prior in default_hardware_priors().items()}


@pytest.mark.parametrize(("label", "name", "start", "end"), PUBLISHED)
def test_doubling_times_overlap_the_published_ones(hardware, label, name, start, end) -> None:
    published = load_table("literature_intervals").set_index("quantity").loc[name]
    if np.isnan(published["lower"]):
        pytest.skip("no interval published")
    ours = doubling_times(hardware, max(start, 1990.0), end).set_index("trend").loc[label]
    assert ours["lower_90"] <= published["upper"]
    assert ours["upper_90"] >= published["lower"]


def test_price_and_energy_improve_together(hardware: xr.DataTree) -> None:
    posterior = hardware["posterior"].to_dataset()
    assert 0.1 < float(posterior["correlation"].mean()) < 0.9
    assert float(posterior["doubling_year"].min()) > 0


def test_a_good_chip_is_good_at_both(hardware: xr.DataTree) -> None:
    from scaling_bayes.projection.scenario_draws import RESIDUAL_CORRELATION

    points = pd.concat([trend_points(), cloud_offers()], ignore_index=True)
    points = points[points["trend"].str.contains(" ")].reset_index(drop=True)
    for label, rows in points.groupby("trend"):
        middle = np.median(trend_draws(hardware, str(label), rows["year"].to_numpy()), axis=0)
        points.loc[rows.index, "residual"] = rows["log10_value"] - middle
    points["quantity"] = points["trend"].str.split().str[0]
    wide = points.pivot_table(index="device", columns="quantity", values="residual")
    found = wide.corr()["energy"]
    assert found["purchase"] == pytest.approx(0.51, abs=0.02)
    assert found["cloud"] == pytest.approx(0.61, abs=0.02)
    assert found["purchase"] < RESIDUAL_CORRELATION < found["cloud"]


def test_unknown_trend() -> None:
    with pytest.raises(OptionError, match="energy gpu_datacenter"):
        trend_draws(open_hardware(), "energy cpu", [2020.0])


def test_a_fit_is_not_a_hardware_posterior_and_the_reverse(hardware, tmp_path) -> None:
    path = save_trace(hardware, tmp_path / "hardware.nc")
    assert open_trace(path, kind=HARDWARE_KIND)["posterior"].identical(hardware["posterior"])
    with pytest.raises(TraceError, match="kind 'hardware'; expected 'fit'"):
        open_trace(path)


def test_an_altered_posterior_is_refused(hardware, tmp_path) -> None:
    altered = hardware.copy(deep=True)
    path = save_trace(altered, tmp_path / "hardware.nc")
    import h5py

    with h5py.File(path, "r+") as file:
        file["posterior/level"][0, 0, 0] += 1
    with pytest.raises(TraceError, match="does not match its digest"):
        open_trace(path, kind=HARDWARE_KIND)


# The model


@pytest.fixture(scope="module")
def short_hindcast() -> xr.DataTree:
    from scaling_bayes.model.hardware import fit_hardware

    return fit_hardware(
        before=2019.0,
        draws=50,
        tune=80,
        chains=2,
        target_accept=0.8,
        progressbar=False,
        random_seed=seeded(5),
    )


def test_a_hindcast_is_scored_on_what_came_after(short_hindcast: xr.DataTree) -> None:
    scored = score(short_hindcast).set_index("trend")
    assert scored.loc["all", "n"] > 300
    assert (scored["coverage_50"] <= scored["coverage_90"]).all()
    assert scored.loc["all hardware", "coverage_90"] > 0.4
    draws = predicted(short_hindcast, trend_points().tail(3).reset_index(drop=True))
    assert draws.shape == (100, 3)


def test_the_committed_hindcast(hardware: xr.DataTree) -> None:
    table = pd.read_csv(data_path("traces/hardware-hindcast-2019.csv")).set_index("trend")
    assert table.loc["all hardware", "n"] > 300
    assert table.loc["all hardware", "coverage_90"] > 0.7
    with pytest.raises(OptionError, match="used every year"):
        score(hardware)


def test_priors_of_the_model_can_be_replaced() -> None:
    from scaling_bayes.core.priors import resolve_priors
    from scaling_bayes.model.hardware import build_hardware_model

    chosen = resolve_priors(
        default_hardware_priors(), {"cloud_doubling_year": (2.0, (1.0, 4.0))}, unbounded={"age_gain"}
    )
    assert build_hardware_model(trend_points(), cloud_offers(), chosen)
    wrong = {**chosen, "cloud_doubling_year": Prior("HalfNormal", sigma=1.0)}
    with pytest.raises(OptionError, match="expected a LogNormal"):
        build_hardware_model(trend_points(), cloud_offers(), wrong)
    with pytest.raises(OptionError, match="not in this model"):
        resolve_priors(default_hardware_priors(), {"speed": (1.0, (0.5, 2.0))})


# Grid


def test_grid_levels_are_those_of_the_table() -> None:
    world = grid_of("World")
    at = world.log10_kg_per_kwh(np.array([1900.0, 2020.5, 2024.5]), np.zeros(1))[0]
    np.testing.assert_allclose(10 ** at[1:], [0.49211, 0.47108], rtol=1e-9)
    assert 10 ** at[0] == pytest.approx(world.kg_per_kwh[0])
    assert grid_of("FRA").name == "France"
    assert grid_of("us-east1").log_sd < SITE_LOG_SD
    assert (
        grid_of("us-east1").kg_per_kwh[-1]
        < load_table("cloud_regions").query("region == 'us-east1'")["g_co2_per_kwh"].item() / 1000
    )


@given(st.floats(-0.2, 0.2), st.floats(1900, 2300))
def test_no_grid_gets_dirtier_than_coal(growth: float, year: float) -> None:
    value = grid_of("World").log10_kg_per_kwh(np.array([year]), np.array([growth]))
    assert np.isfinite(value).all()
    assert value.max() <= np.log10(0.91) + 1e-12


def test_a_full_name_means_itself_whatever_else_it_could() -> None:
    """The cloud region ``bhs`` is not the Bahamas, whose code is ``BHS``."""
    for name in {*load_table("grid_carbon_intensity", usable=True)["region"]}:
        assert grid_of(name).name == name
    for name in load_table("cloud_regions", usable=True)["region"]:
        assert grid_of(name).name.startswith(f"{name} (")
    assert grid_of("BHS").name == "Bahamas"


def test_unknown_region_names_the_nearest() -> None:
    with pytest.raises(OptionError, match=r"did you mean .*Germany"):
        grid_of("Germny")


def test_the_spread_constants_are_what_the_tables_give() -> None:
    table = load_table("grid_carbon_intensity", usable=True)
    clouds = load_table("cloud_regions", usable=True)
    then = table[table["year"] == 2019].set_index("region")["g_co2e_per_kwh"]
    country = clouds["country"].replace({"USA": "United States"}).map(then)
    assert np.log(clouds["g_co2_per_kwh"] / country).std() == pytest.approx(SITE_LOG_SD, abs=0.01)
    names = ["World", "United States", "China", "Germany", "France", "India", "Japan", "United Kingdom"]
    names += ["Canada", "European Union (27)", "Finland", "Ireland", "Netherlands", "Belgium", "Sweden"]
    wide = np.log(table.pivot(index="year", columns="region", values="g_co2e_per_kwh")[names])
    slopes = [
        np.polyfit(np.arange(10), wide.loc[first : first + 9].to_numpy(), 1)[0] for first in (2004, 2014)
    ]
    assert np.std(slopes[1] - slopes[0], ddof=1) == pytest.approx(GROWTH_SD, abs=0.001)


# Assumptions


class Fake:
    """What a PreliZ distribution looks like."""

    def __init__(self) -> None:
        self.params_dict = {"mu": 0.0, "sigma": 0.2}
        self.mu, self.sigma = 0.0, 0.2


Fake.__name__ = "LogNormal"


@pytest.mark.parametrize("value", [1.3, (1.3, (1.1, 1.6)), Prior("LogNormal", mu=0.2, sigma=0.1), Fake()])
def test_assumptions_take_numbers_pairs_priors_and_preliz(value) -> None:
    read = read_value("pue", value)
    draws = draw_value("pue", read, 500, np.random.default_rng(1))
    assert draws.shape == (500,)
    assert (draws >= 1).all()
    assert format_value("pue", read)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("pue", 0.9, "at least 1"),
        ("pue", "low", "pue"),
        ("usd_per_chip_hour", 0.0, "above 0"),
        ("usd_per_chip_hour", float("nan"), "finite"),
        ("usd_per_chip_hour", (1.0, (2.0, 3.0)), "lower < median < upper"),
        ("chip_watt", Prior("Normal", mu=1.0, sigma=1.0), "reaches below 0"),
        ("colour", 1.0, "not an assumption"),
    ],
)
def test_bad_assumptions(name, value, message) -> None:
    with pytest.raises(OptionError, match=message):
        read_value(name, value)


def test_every_default_can_be_drawn_and_printed() -> None:
    for name, about in ASSUMPTIONS.items():
        if about.default is not None:
            draws = draw_value(name, about.default, 1000, np.random.default_rng(2))
            assert (draws >= about.least).all()
            assert format_value(name, about.default)
            assert about.source


def test_every_family_is_drawn_as_named() -> None:
    from scipy import stats

    for prior, reference in (
        (Prior("Gamma", alpha=3.0, beta=2.0), stats.gamma(3, scale=0.5)),
        (Prior("InverseGamma", alpha=3.0, beta=2.0), stats.invgamma(3, scale=2)),
        (Prior("Exponential", lam=2.0), stats.expon(scale=0.5)),
        (Prior("HalfStudentT", nu=5.0, sigma=2.0), None),
        (Prior("StudentT", nu=5.0, mu=1.0, sigma=2.0), stats.t(5, 1, 2)),
        (Prior("Uniform", lower=1.0, upper=2.0), stats.uniform(1, 1)),
        (Prior("HalfNormal", sigma=2.0), stats.halfnorm(scale=2)),
    ):
        draws = draw_value("grid_growth_per_year", prior, 4000, np.random.default_rng(3))
        if reference is not None:
            assert stats.kstest(draws, reference.cdf).pvalue > 0.001


def test_a_missing_posterior_is_one_clear_error() -> None:
    with pytest.raises(DataError, match="not found"):
        data_path("traces/hardware-1999.nc")
