"""Cost, energy and carbon: units, the 2020 table, scenarios, budgets, gains, shares, bad input."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.synthetic import synthetic_fit
from tools.pages.known_runs import check_against_reality, known_runs, summarize_reality

from scaling_bayes import (
    OptionError,
    Prior,
    Scenario,
    TargetError,
    TraceError,
    affordability,
    compare_routes,
    decompose,
    estimate_run,
    largest_run_year,
    project,
    record_machine_time,
    required_gain,
)
from scaling_bayes import summary as summarize
from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.affordability import affordability_to_horizon, probability_by_year
from scaling_bayes.projection.conversion import conversions
from scaling_bayes.projection.counted import per_operation
from scaling_bayes.projection.decompose import _clipped
from scaling_bayes.projection.scenario import PROGRESS, SCENARIOS, read_scenario
from scaling_bayes.projection.scenario_draws import DRAWN_GROUPS, draw_inputs

COMPUTE, COST, ENERGY, CARBON = (
    "log10_training_compute_flop",
    "log10_cost_usd",
    "log10_energy_kwh",
    "log10_carbon_kg",
)
TARGET = {"imagenet": 0.05}


@pytest.fixture(scope="module")
def fit() -> xr.DataTree:
    return synthetic_fit(draws=200)


def converted(scenario: Scenario, years: list[float], n: int = 50, kind: str = "mean") -> dict:
    inputs = draw_inputs(scenario, open_hardware(), n, 1, kind=kind)
    return conversions(scenario, inputs, np.array(years))


# Units


@settings(max_examples=60)
@given(
    chips=st.floats(1, 1e5),
    hours=st.floats(0.1, 1e4),
    peak=st.floats(1e10, 1e16),
    usd=st.floats(0.01, 100),
    watt=st.floats(1, 2000),
    ratio=st.floats(0.5, 2),
    pue=st.floats(1, 3),
    grid=st.floats(0.001, 0.9),
)
def test_units_cancel(chips, hours, peak, usd, watt, ratio, pue, grid) -> None:
    """A burden of so many chips for so many hours costs, draws and emits what a bill would say."""
    scenario = Scenario(
        improvement="none",
        replacements={
            "peak_flop_per_s": peak,
            "usd_per_chip_hour": usd,
            "chip_watt": watt,
            "server_power_ratio": ratio,
            "pue": pue,
            "grid_kg_per_kwh": grid,
            "grid_growth_per_year": 0.0,
            "electricity_usd_per_kwh": 0.0,
        },
    )
    found = {name: values[0, 0] for name, values in converted(scenario, [2033.0], n=1).items()}
    burden = math.log10(chips * hours * 3600 * peak)
    kwh = chips * hours * watt * ratio * pue / 1000
    assert burden - found["log10_flop_per_usd"] == pytest.approx(math.log10(chips * hours * usd), abs=1e-9)
    assert burden - found["log10_flop_per_kwh"] == pytest.approx(math.log10(kwh), abs=1e-9)
    kilograms = burden - found["log10_flop_per_kwh"] + found["log10_kg_per_kwh"]
    assert kilograms == pytest.approx(math.log10(kwh * grid), abs=1e-9)


def test_no_utilisation_enters(fit: xr.DataTree) -> None:
    lazy = Scenario.named("trend", utilisation=0.01)
    first, second = (project(fit, TARGET, 2025, scenario=s)["projection"][COST] for s in (lazy, "trend"))
    np.testing.assert_array_equal(first, second)


def test_electricity_is_a_floor_under_the_price() -> None:
    scenario = Scenario(
        improvement="none",
        replacements={"peak_flop_per_s": 1e15, "usd_per_chip_hour": 1e-9, "chip_watt": 1000.0, "pue": 1.0}
        | {"server_power_ratio": 1.0, "electricity_usd_per_kwh": 0.1},
    )
    assert converted(scenario, [2025.0], n=1)["log10_flop_per_usd"][0, 0] == pytest.approx(
        math.log10(1e15 * 3600 / 0.1), abs=1e-6
    )


# The 2020 paper


def test_the_2020_table_is_given_back() -> None:
    from tools.pages.thompson2020_priced import scenario_table

    table = scenario_table()
    assert len(table) == 90
    assert table["agrees"].sum() >= 88
    wrong = table[~table["agrees"]][["task", "error", "form", "quantity"]].to_numpy().tolist()
    assert wrong == [
        ["wmt14_en_fr", 0.3, "exponential", "carbon"],
        ["wmt14_en_fr", 0.1, "exponential", "compute"],
    ]


def test_thompson2020_prices_a_fit_with_one_constant(fit: xr.DataTree) -> None:
    data = project(fit, TARGET, [2015, 2020, 2100], scenario="thompson2020")["projection"].to_dataset()
    known = load_table("thompson2020_conversions").set_index("name")["value"]
    per_usd, per_kg = (math.log10(known[f"flop_per_{unit}_2020"]) for unit in ("usd", "kg_co2"))
    np.testing.assert_allclose(data[COMPUTE] - data[COST], per_usd, atol=1e-6)
    np.testing.assert_allclose(data[COMPUTE] - data[CARBON], per_kg, atol=1e-6)
    assert (data[COST].isel(year=0) == data[COST].isel(year=2)).all()


# Projections


def test_without_a_scenario_nothing_changes(fit: xr.DataTree) -> None:
    plain, priced = project(fit, TARGET, [2020, 2030]), project(fit, TARGET, [2020, 2030], scenario="trend")
    assert set(plain.children) == {"projection", "posterior", "constant_data", "observed_data"}
    assert list(plain["projection"].data_vars) == [COMPUTE]
    np.testing.assert_array_equal(plain["projection"][COMPUTE], priced["projection"][COMPUTE])


def test_a_priced_projection_keeps_what_it_was_made_with(fit: xr.DataTree) -> None:
    tree = project(fit, TARGET, [2030], scenario=Scenario.named("stalled", region="FRA"))
    entry = json.loads(tree.attrs["manifest"])["projection"]
    assert entry["hardware_digest"] == open_hardware().attrs["digest"]
    assert Scenario(**entry["scenario"]) == Scenario.named("stalled", region="FRA")
    assert any(row["assumption"] == "grid" and "France" in row["assumed"] for row in entry["assumptions"])
    data, used = tree["projection"].to_dataset(), tree["hardware"].to_dataset()
    np.testing.assert_allclose(
        data[COMPUTE] - data[COST], used["log10_flop_per_usd"].expand_dims(target=1, axis=2)
    )
    np.testing.assert_allclose(
        data[CARBON] - data[ENERGY], used["log10_kg_per_kwh"].expand_dims(target=1, axis=2)
    )
    assert set(summarize(tree)["quantity"]) == {COMPUTE, COST, ENERGY, CARBON}
    assert (summarize(tree)["unit"] != "").all()


@pytest.mark.parametrize("scenario", [Scenario.named(name) for name in SCENARIOS], ids=lambda one: one.name)
def test_a_scenario_depends_on_the_year_where_its_conversions_do(scenario: Scenario) -> None:
    found = converted(scenario, [2020.0, 2040.0])
    changes = any(not np.allclose(values[..., 0], values[..., 1]) for values in found.values())
    assert scenario.depends_on_year == changes == (scenario.name != "thompson2020")


def test_a_fit_without_years_has_no_date_to_price_at() -> None:
    idata = synthetic_fit(draws=50, algorithmic_progress=False, measurement_error=False, flagged_error=False)
    idata["constant_data"]["publication_year"] *= 0.0
    with pytest.raises(TargetError, match="--year 2026"):
        project(idata, scenario="trend")
    for asked in ({"scenario": "trend", "years": 2026}, {"scenario": "thompson2020"}, {}):
        assert np.isfinite(project(idata, **asked)["projection"]["log10_training_compute_flop"]).all()


def test_the_same_call_gives_the_same_numbers(fit: xr.DataTree) -> None:
    first, again = (project(fit, TARGET, [2030], scenario="accelerated") for _ in range(2))
    assert first.identical(again)
    other = project(fit, TARGET, [2030], scenario="accelerated", random_seed=9)
    assert not first["hardware"].to_dataset().identical(other["hardware"].to_dataset())


def test_unreachable_draws_are_infinite_in_every_quantity(fit: xr.DataTree) -> None:
    broken = fit.copy(deep=True)
    broken["posterior"]["intercept"].values[:, :50] = -np.inf
    tree = project(broken, TARGET, [2030], scenario="trend")
    summary = summarize(tree)
    assert summary["unreachable"].to_numpy() == pytest.approx(0.25)
    with pytest.raises(OptionError, match="unreachable in some draws"):
        decompose(tree)
    first = summarize(
        affordability(project(broken, TARGET, [2020, 2030], scenario="trend"), budget_usd=1e300)
    )
    assert first["never"].item() == pytest.approx(0.25)


def test_unreachable_stays_unreachable_on_a_grid_without_carbon(fit: xr.DataTree) -> None:
    broken = fit.copy(deep=True)
    broken["posterior"]["intercept"].values[:, :50] = -np.inf
    clean = Scenario.named("trend", grid_kg_per_kwh=0.0)
    summary = summarize(project(broken, TARGET, [2030], scenario=clean)).set_index("quantity")
    assert summary.loc["log10_carbon_kg", "median"] == -np.inf
    assert summary.loc["log10_carbon_kg", "unreachable"] == pytest.approx(0.25)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
def test_the_first_year_and_the_horizon_stay_finite(fit: xr.DataTree, name: str) -> None:
    tree = project(fit, {"imagenet": 1e-12}, [2014, 2020, 2080, 2100], scenario=name)
    data = tree["projection"].to_dataset()
    assert float(data[COMPUTE].max()) > 100
    for quantity in (COST, ENERGY, CARBON):
        assert np.isfinite(data[quantity]).all()


def test_efficiency_stops_at_its_ceiling() -> None:
    inputs = draw_inputs(Scenario(), open_hardware(), 200, 1, kind="mean")
    early, late, later = converted(Scenario(), [2023.0, 2200.0, 2300.0], n=200)["log10_flop_per_kwh"].T
    assert np.abs(later - late).max() < 0.01
    gained = late - early
    assert (gained <= inputs["log10_headroom"] + 1.5).all()
    usd = converted(Scenario(), [2200.0, 2300.0], n=200)["log10_flop_per_usd"]
    assert np.abs(usd[:, 1] - usd[:, 0]).max() < 0.05


# Scenarios


def test_improvement_by_name() -> None:
    years = [2015.0, 2025.0, 2029.0, 2035.0, 2050.0]
    per_usd = {
        name: converted(Scenario(improvement=name), years)["log10_flop_per_usd"]
        for name in ("none", "trend", "stalled", "accelerated")
    }
    assert np.ptp(per_usd["none"], axis=1).max() < 1e-9
    assert (np.diff(per_usd["trend"], axis=1) > 0).all()
    np.testing.assert_allclose(per_usd["stalled"][:, :3], per_usd["trend"][:, :3])
    np.testing.assert_allclose(per_usd["stalled"][:, 3], per_usd["stalled"][:, 4])
    np.testing.assert_allclose(per_usd["accelerated"][:, :3], per_usd["trend"][:, :3])
    assert np.median(per_usd["accelerated"][:, 3] - per_usd["trend"][:, 3]) == pytest.approx(1, abs=0.15)


PACE = "algorithmic_progress"


def test_frozen_algorithms_leave_compute_alone(fit: xr.DataTree) -> None:
    frozen = Scenario.named("trend", algorithmic_progress="frozen")
    data = project(fit, TARGET, [2020, 2040], scenario=frozen)["projection"]
    np.testing.assert_array_equal(data[COMPUTE].isel(year=0), data[COMPUTE].isel(year=1))
    assert (data[COST].isel(year=1) < data[COST].isel(year=0)).all()


def test_slow_and_fast_algorithms_gain_at_published_rates_after_the_data(fit: xr.DataTree) -> None:
    """Halving in 16 months or in 5, whatever the fit's own rate, which holds until its last system."""
    last = float(fit["constant_data"]["publication_year"].max())
    found = {
        name: project(
            fit, TARGET, [last, last + 3.0], "mean", scenario=Scenario.named("trend", **{PACE: name})
        )
        for name in PROGRESS
    }
    compute = {name: one["projection"][COMPUTE].isel(target=0) for name, one in found.items()}
    for name, months in (("slow", 16), ("fast", 5)):
        np.testing.assert_allclose(compute[name].isel(year=0), compute["continuing"].isel(year=0))
        gained = compute[name].isel(year=0) - compute[name].isel(year=1)
        np.testing.assert_allclose(gained, np.log10(2) * 36 / months)
    medians = [float(compute[name].isel(year=1).median()) for name in ("fast", "slow", "frozen")]
    assert medians == sorted(medians)


def test_regions_classes_and_prices_matter() -> None:
    def median(what: str, **changes) -> float:
        return float(np.median(converted(Scenario(**changes), [2024.0], n=400)[what]))

    assert median("log10_kg_per_kwh", region="FRA") < median("log10_kg_per_kwh", region="POL")
    assert median("log10_flop_per_usd", device_class="tpu") > median("log10_flop_per_usd")
    ordered = [
        median("log10_flop_per_usd", price=f"cloud_{kind}") for kind in ("on_demand", "1_year", "3_year")
    ]
    assert ordered == sorted(ordered)
    assert 16 < median("log10_flop_per_usd", price="purchase") < 19


def test_a_given_device_scatters_around_the_typical_one() -> None:
    typical, given_one = (converted(Scenario(), [2020.0], n=4000, kind=k) for k in ("mean", "predictive"))
    for name in typical:
        assert given_one[name].std() > typical[name].std()
        assert np.median(given_one[name]) == pytest.approx(np.median(typical[name]), abs=0.03)


def test_replacements_and_doubling_times() -> None:
    fixed = Scenario.named(
        "trend", usd_doubling_year=2.0, hardware_age_year=1e-9, electricity_usd_per_kwh=0.0
    )
    per_usd = converted(fixed, [2030.0, 2040.0])["log10_flop_per_usd"]
    np.testing.assert_allclose(per_usd[:, 1] - per_usd[:, 0], 5 * math.log10(2), atol=1e-6)
    named = Scenario(
        device="NVIDIA A100 SXM4 40 GB", improvement="none", replacements={"usd_per_chip_hour": 2.0}
    )
    assert named.value("peak_flop_per_s") == pytest.approx(1.949e13)
    assert converted(named, [2050.0], n=2)["log10_flop_per_usd"][0, 0] == pytest.approx(
        math.log10(1.949e13 * 3600 / 2), abs=0.03
    )
    pair = Scenario.named("trend", pue=(1.2, (1.1, 1.4)), chip_watt=300.0, peak_flop_per_s=1e13)
    assert isinstance(pair.value("pue"), Prior)
    assert Scenario(**pair.to_dict()) == pair
    assert hash(pair) == hash(Scenario(**pair.to_dict()))


def test_a_device_brings_its_class_by_whatever_part_of_its_name() -> None:
    tpu = Scenario.named("trend", device="TPU v3")
    assert (tpu.device, tpu.device_class) == ("Google TPU v3", "tpu")
    assert tpu == Scenario.named("trend", device="Google TPU v3", device_class="tpu")
    assert tpu.replace(device="RTX 4090").device_class == "gpu_consumer"
    assert tpu.replace(device=None) == Scenario.named("trend")
    assert Scenario(**tpu.to_dict()) == tpu
    for wrong in ({"device_class": "gpu_datacenter"}, {"device": "Gaudi3"}):
        with pytest.raises(OptionError, match=r"in 'tpu'; give one of the two|no class with known trends"):
            tpu.replace(**wrong)
    rows = Scenario.named("trend", device="H100 SXM5").describe().set_index("assumption")
    assert rows.loc["hardware", "assumed"] == "NVIDIA H100 SXM5 80GB, in later years its successors"
    assert rows.loc["power of one chip's board", "source"] == "accelerators table"


@pytest.mark.parametrize("device", ["H100 SXM5", "TPU v3", "RTX 4090"])
def test_a_device_of_its_release_year_is_priced_as_a_run_on_it(device: str) -> None:
    """A scenario's hardware path goes through the device; `estimate_run` takes the device itself."""
    scenario = Scenario.named("trend", device=device)
    year = np.array([scenario.value("own_year")])
    on_it = estimate_run(flop=1e22, device=device, year=year.item(), region="World", random_seed=1)["run"]
    inputs = draw_inputs(scenario, open_hardware(), 400, 1, kind="mean", of_operations=True)
    rates = per_operation(conversions(scenario, inputs, year), scenario, inputs, year)
    for name, rate, within in (
        ("log10_energy_kwh", "log10_flop_per_kwh", 0.06),
        ("log10_cost_usd", "log10_flop_per_usd", 0.35),  # the device's own offers for those of its class
    ):
        assert 22.0 - np.median(rates[rate]) == pytest.approx(float(np.median(on_it[name])), abs=within), name
    assert not scenario.sentences(year)
    assert "stands for its successors" in scenario.sentences([2030.0])[0]
    assert not scenario.replace(improvement="none").sentences([2030.0])


def test_descriptions_say_everything_that_is_assumed() -> None:
    for name in SCENARIOS:
        rows = Scenario.named(name).describe()
        assert (rows["assumed"] != "").all()
        assert (rows["source"] != "").all()
        assert rows["assumed"].str.contains("FP32").any()
    assert Scenario(device_class="tpu").describe()["assumed"].str.contains("bf16").any()
    assert "one-off" in " ".join(Scenario.named("accelerated").describe()["assumption"])


BAD_SCENARIOS = [
    ({"improvement": "fast"}, "none, trend, stalled, accelerated"),
    ({"device_class": "cpu"}, "is not known"),
    ({"device_class": "tpu", "price": "purchase"}, "has no such prices"),
    ({"price": "spot"}, "cloud_on_demand"),
    ({"region": "Atlantis"}, "not in the tables"),
    ({"algorithmic_progress": "sluggish"}, "continuing, slow, fast, frozen"),
    ({"improvement_year": 2030}, "belongs to"),
    ({"improvement": "stalled", "improvement_year": 99999}, "between 1900 and 2300"),
    ({"device": "A100"}, "nearest are"),
    ({"replacements": {"usd_per_chip_hour": 1.0}}, "needs the rate of the chip"),
    ({"replacements": {"pue": 0.5}}, "at least 1"),
    ({"replacements": {"speed": 1.0}}, "not an assumption"),
    ({"replacements": [("pue", 1.1)]}, "must map names"),
]


@pytest.mark.parametrize(("fields", "message"), BAD_SCENARIOS)
def test_bad_scenarios(fields, message) -> None:
    with pytest.raises(OptionError, match=message):
        Scenario(**fields)


@pytest.mark.parametrize("scenario", ["fast", 7, {"name": "trend"}])
def test_unknown_scenarios(fit, scenario) -> None:
    with pytest.raises(OptionError, match="thompson2020"):
        project(fit, TARGET, scenario=scenario)
    with pytest.raises(OptionError, match="its fields are"):
        Scenario.named("trend").replace(speed=2)


def test_a_fit_is_no_hardware_posterior(fit) -> None:
    with pytest.raises(TraceError, match="no readable manifest"):
        project(fit, TARGET, scenario="trend", hardware=xr.DataTree())
    with pytest.raises(TraceError, match="expected one from fit_hardware"):
        project(fit, TARGET, scenario="trend", hardware=fit)
    projection = project(fit, TARGET, [2020, 2030], scenario="trend")
    for answer in (decompose, record_machine_time, largest_run_year):
        with pytest.raises(TraceError, match="expected one from fit_hardware"):
            answer(projection, hardware=fit)


def test_another_hardware_posterior_than_that_of_the_projection_is_refused(fit: xr.DataTree) -> None:
    other = open_hardware().copy(deep=True)
    other["posterior"]["level"].values[:] += 0.5
    del other.attrs["digest"]
    shipped, own = (
        project(fit, TARGET, [2020, 2030], scenario="trend", hardware=hardware) for hardware in (None, other)
    )
    for answer in (decompose, record_machine_time, largest_run_year):
        for projection, hardware in ((shipped, other), (own, None)):
            with pytest.raises(TraceError, match=f"{answer.__name__}: the projection was made with"):
                answer(projection, hardware=hardware)
    longer = record_machine_time(shipped)["record_machine"]["log10_days"].sel(year=2030)
    shorter = record_machine_time(own, hardware=other)["record_machine"]["log10_days"].sel(year=2030)
    assert (shorter < longer).mean() > 0.5


ANSWERS = {
    "affordability": lambda projection: affordability(projection, budget_usd=1e6),
    "required_gain": lambda projection: required_gain(projection, budget_usd=1e6),
    "record_machine_time": record_machine_time,
    "largest_run_year": largest_run_year,
    "decompose": decompose,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_shows_the_call_that_it_needs(fit: xr.DataTree, name: str) -> None:
    call = re.escape(f"{name}(project(trace, targets, years=")
    for wrong in (fit, xr.DataTree(), None):
        with pytest.raises(TraceError, match=f"expected a projection: {call}"):
            ANSWERS[name](wrong)
    with pytest.raises(OptionError, match=f"{name}: the projection has no scenario.*{call}"):
        ANSWERS[name](project(fit, TARGET, [2020, 2030]))
    if name in ("affordability", "largest_run_year"):
        with pytest.raises(TargetError, match=f"years: found 2030; {name} looks for the first.*{call}"):
            ANSWERS[name](project(fit, TARGET, 2030, scenario="trend"))


@pytest.mark.parametrize("progress", ["continuing", "slow", "fast", "frozen"])
def test_what_is_decomposed_is_what_is_projected(fit: xr.DataTree, progress: str) -> None:
    """Also where many draws are at the least compute of the task, which a rate of progress moves them to."""
    scenario = replace(Scenario.named("trend"), algorithmic_progress=progress)
    projection = project(fit, {"imagenet": 0.115}, 2040, scenario=scenario)
    drawn = projection["projection"][COMPUTE].values.ravel()
    spread = np.clip(drawn, *np.quantile(drawn, (0.001, 0.999))).std()
    assert decompose(projection, quantity=COMPUTE)["sd"].to_numpy() == pytest.approx(spread, rel=1e-9)


def test_compute_is_decomposed_without_a_scenario_and_some_targets_alone(fit: xr.DataTree) -> None:
    errors = {"imagenet": [0.1, 0.05]}
    plain, priced = (project(fit, errors, 2030, scenario=scenario) for scenario in (None, "trend"))
    expected = decompose(priced, quantity=COMPUTE)
    pd.testing.assert_frame_equal(decompose(plain, quantity=COMPUTE), expected)
    some = decompose(priced, targets=TARGET, quantity=COMPUTE)
    pd.testing.assert_frame_equal(some, expected[expected["error"] == 0.05].reset_index(drop=True))
    with pytest.raises(TargetError, match="imagenet 7 % not in the projection; it has imagenet 10 %"):
        decompose(priced, targets={"imagenet": 0.07})


def test_a_projection_carries_the_fit_without_copying_it(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, 2030)
    for name in ("posterior", "constant_data", "observed_data"):
        for variable, values in fit[name].data_vars.items():
            assert np.shares_memory(projection[name][variable].values, values.values), (name, variable)


@given(
    rows=st.integers(1, 4),
    draws=st.integers(2, 3000),
    seed=st.integers(0, 99),
    tied=st.booleans(),
)
def test_extreme_draws_are_set_to_the_quantiles_of_numpy(
    rows: int, draws: int, seed: int, tied: bool
) -> None:
    values = np.random.default_rng(seed).standard_normal((rows, draws))
    values = np.round(values) if tied else values
    lowest, highest = np.quantile(values, [0.001, 0.999], axis=1, keepdims=True)
    np.testing.assert_array_equal(_clipped(values), np.clip(values, lowest, highest))
    np.testing.assert_array_equal(_clipped(values[0]), np.clip(values[0], lowest[0], highest[0]))


# Budgets


def test_affordability_is_the_share_of_draws_within_budget(fit: xr.DataTree) -> None:
    years = [2020, 2025, 2030, 2040, 2060]
    projection = project(fit, TARGET, years, scenario="trend")
    data = projection["projection"]
    answer = affordability(projection, budget_usd=1e6, carbon_kg=1e5)
    found = answer["affordability"].to_dataset()
    within = (data[COST] <= 6) & (data[CARBON] <= 5)
    np.testing.assert_allclose(found["probability_within_budget"], within.mean(("chain", "draw")))
    draw = within.isel(chain=1, draw=7, target=0).values
    first = float(found["first_year"].isel(chain=1, draw=7, target=0))
    assert first == (years[int(draw.argmax())] if draw.any() else math.inf)
    row = summarize(answer).iloc[0]
    assert row["horizon"] == 2060
    assert row["never"] == pytest.approx(float(np.isinf(found["first_year"]).mean()))


@pytest.mark.parametrize(
    "options", [{"algorithmic_progress": False}, {"law": "bounded", "drift": True}], ids=["still", "drifting"]
)
def test_target_by_target_the_horizon_is_as_affordable_as_together(options: dict[str, Any]) -> None:
    fit = synthetic_fit(**options, draws=100)
    targets = [("imagenet", 0.1), ("imagenet", 0.05), ("ms_coco", 0.3)]
    budgets = [{"budget_usd": 1e6}, {"carbon_kg": 1e4}, {"budget_usd": 1e9, "carbon_kg": 1e7}]
    trend = read_scenario("trend")
    projection = project(fit, targets, "yearly", scenario=trend)
    together = [affordability(projection, **budget) for budget in budgets]
    found = affordability_to_horizon(fit, targets, "predictive", trend, budgets)
    for one, other in zip(found, together, strict=True):
        pd.testing.assert_frame_equal(summarize(one), summarize(other))
        pd.testing.assert_frame_equal(probability_by_year(one), probability_by_year(other))
        assert json.loads(one.attrs["manifest"]) == json.loads(other.attrs["manifest"])


def test_more_money_is_never_later(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, range(2020, 2061, 5), scenario="trend")
    poor, rich = (
        affordability(projection, budget_usd=budget)["affordability"]["first_year"] for budget in (1e4, 1e8)
    )
    assert (rich <= poor).all()


BAD_BUDGETS = [
    ({}, "no budget"),
    ({"budget_usd": -1}, "above 0"),
    ({"carbon_kg": math.inf}, "above 0"),
    ({"budget_usd": "much"}, "not a number"),
]


@pytest.mark.parametrize(("budget", "message"), BAD_BUDGETS)
def test_bad_budgets(fit, budget, message) -> None:
    with pytest.raises(OptionError, match=message):
        affordability(project(fit, TARGET, "yearly", scenario="trend"), **budget)
    with pytest.raises(OptionError, match=message):
        required_gain(project(fit, TARGET, 2030, scenario="trend"), **budget)


@pytest.mark.parametrize("years", [[2030, 2020], ["soon"], [2030, 99999], [], 2030, None])
def test_bad_horizons(fit, years) -> None:
    with pytest.raises(TargetError, match="years"):
        affordability(project(fit, TARGET, years, scenario="trend"), budget_usd=1.0)


def test_the_gain_is_cost_over_budget(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, [2020, 2025], scenario="trend")
    data = projection["projection"].isel(year=-1)
    answer = required_gain(projection, budget_usd=1e6, carbon_kg=1e3)
    gain = answer["gain"]["log10_gain"]
    np.testing.assert_allclose(gain.sel(lever="price"), data[COST] - 6)
    np.testing.assert_allclose(gain.sel(lever="energy_efficiency"), data[CARBON] - 3)
    np.testing.assert_allclose(gain.sel(lever="algorithms"), np.maximum(data[COST] - 6, data[CARBON] - 3))
    assert set(summarize(answer)["lever"]) == {"price", "energy_efficiency", "algorithms"}


def test_routes_are_enough_where_they_exceed_the_gain(fit: xr.DataTree) -> None:
    answer = required_gain(project(fit, TARGET, 2025, scenario="trend"), budget_usd=1e6)
    gain = answer["gain"]["log10_gain"].sel(lever="price").values
    routes = compare_routes(answer).set_index("route")
    assert routes.loc["gpu_port_2012", "probability_enough"] == pytest.approx(np.mean(gain <= math.log10(35)))
    without = np.mean(gain <= 0)
    assert routes.loc["quantum_quadratic", "probability_enough"] == pytest.approx(without)
    assert routes.loc["cmos_headroom", "probability_enough"] == pytest.approx(without)
    assert (routes["probability_enough"] >= routes["probability_enough_without"] - 1e-12).all()
    assert routes["citation"].str.len().min() > 10
    low, high = math.log10(5), math.log10(15)
    uniform = np.clip((high - gain) / (high - low), 0, 1).mean()
    assert routes.loc["gpu_port_early", "probability_enough"] == pytest.approx(uniform)


# Machines


def test_days_on_the_record_machine_of_a_listed_year(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, [2018, 2050], scenario="trend")
    data = record_machine_time(projection)["record_machine"].to_dataset()
    compute = projection["projection"][COMPUTE]
    expected = compute.sel(year=2018) - math.log10(1.435e17) - math.log10(86400)
    np.testing.assert_allclose(data["log10_days"].sel(year=2018), expected)
    assert (data["log10_rmax_flop_per_s"].sel(year=2050) >= math.log10(1.742e18)).all()


def test_the_largest_run_meets_easier_targets_earlier(fit: xr.DataTree) -> None:
    answer = largest_run_year(project(fit, {"imagenet": [0.1, 0.02]}, "yearly", scenario="trend"))
    found = answer["largest_run"].to_dataset()
    assert (found["first_year"].isel(target=0) <= found["first_year"].isel(target=1)).all()
    summary = summarize(answer)
    assert {"never", "median", "at_start"} <= set(summary.columns)
    assert not np.isnan(found["log10_cost_usd_then"]).any()


# Shares


def test_shares_sum_to_one_and_find_a_known_split(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, 2030, scenario="trend")
    table = decompose(projection, quantity=COST)
    shares = table[table["share"].notna()].set_index("source")["share"]
    assert shares.sum() == pytest.approx(1)
    assert set(shares.index) == {"fit parameters", "noise between systems", *DRAWN_GROUPS.values()}
    compute = decompose(projection, quantity=COMPUTE).dropna(subset="share").set_index("source")
    data = projection["projection"][COMPUTE].squeeze()
    mean = project(fit, TARGET, 2030, kind="mean")["projection"][COMPUTE].squeeze()
    noise = float((data - mean).var() / data.var())
    assert compute.loc["noise between systems", "share"] == pytest.approx(noise, abs=0.15)


def test_nothing_uncertain_is_no_share(fit: xr.DataTree) -> None:
    projection = project(fit, TARGET, scenario="thompson2020")
    table = decompose(projection, quantity=CARBON).dropna(subset="share")
    hardware = table[~table["source"].isin(["fit parameters", "noise between systems"])]
    assert np.abs(hardware["share"]).max() < 0.02
    with pytest.raises(OptionError, match="log10_cost_usd"):
        decompose(projection, quantity="cost")


# Reality


def test_known_runs_lie_where_they_were_published() -> None:
    """But the carbon of two runs, whose sites' electricity has a fifth and a seventh of their country's."""
    rows = check_against_reality()
    summary = summarize_reality(rows).set_index("quantity")
    for quantity in ("energy", "carbon", "power", "cost_usd, purchase"):
        assert 0.4 < summary.loc[quantity, "median_ratio"] < 2.5
    for quantity in ("energy", "power", "cost_usd, purchase"):
        assert summary.loc[quantity, "coverage_90"] >= 0.85
    assert summary.loc["carbon", "n"] == 11
    carbon = rows[rows["quantity"] == "carbon"].set_index("system")
    assert set(carbon.index[~carbon["in_90"]]) == {"GLaM", "LaMDA"}
    assert carbon.loc[["GLaM", "LaMDA"], "ratio"].between(1 / 10, 1 / 5).all()
    gpt3 = known_runs().set_index("system").loc["GPT-3 175B (davinci)"]
    assert gpt3["log10_burden_flop"] == pytest.approx(
        math.log10(10000 * 355.2 * 3600 * gpt3_peak()), abs=1e-6
    )


def gpt3_peak() -> float:
    from scaling_bayes.hardware.points import devices

    table = devices().set_index("device")
    return float(table.loc["NVIDIA Tesla V100 DGXS 32 GB", "peak_flop_per_s"])


# The command line


@pytest.fixture(scope="module")
def trace(fit, tmp_path_factory) -> str:
    from scaling_bayes import save_trace

    return str(save_trace(fit, tmp_path_factory.mktemp("cost") / "fit.nc"))


def run(*arguments: str):
    from scaling_bayes.cli import cli

    return CliRunner().invoke(cli, arguments, catch_exceptions=True)


@pytest.mark.long
def test_commands_print_their_tables(trace: str) -> None:
    target = ("--target", "imagenet=0.05")
    ask = ("project", trace, *target, "--year", "2030", "--scenario", "trend", "--budget-usd", "1e6")
    priced, assumed = run(*ask), run(*ask, "--assumptions")
    assert priced.exit_code == 0, priced.output
    assert "in budget" in priced.output
    assert "USD" in priced.output
    assert "assumes" not in priced.output
    assert "assumes" in assumed.output
    plain = run("project", trace, *target, "--json")
    assert [row["quantity"] for row in json.loads(plain.stdout)] == [COMPUTE]
    when = run("afford", trace, *target, "--budget-usd", "1e6", "--until", "2040", "--json")
    assert json.loads(when.stdout)[0]["horizon"] == 2040
    assert "never by 2030" in run("afford", trace, *target, "--carbon-kg", "10", "--until", "2030").output
    gain = run("gain", trace, *target, "--budget-usd", "1e6", "--assumptions")
    assert "Hernandez" in gain.output
    assert run("decompose", trace, *target, "--csv").stdout.startswith("task,error,")
    for region in ("FRA", "france", "fr"):
        assumed = run("scenario", "stalled", "--region", region, "--assume", "pue=1.2:1.1:1.4")
        assert "France" in assumed.output
    assert "may be 2 accelerators" in str(run("scenario", "--device", "h100").exception)
    assert "NVIDIA H100 PCIe" in run("list", "devices", "h100").output


@pytest.mark.parametrize(
    "arguments",
    [
        ("--region", "FRA"),
        ("--budget-usd", "5"),
        ("--scenario", "trend", "--assume", "pue=low"),
        ("--scenario", "trend", "--json", "--csv"),
    ],
)
def test_commands_not_understood(trace: str, arguments) -> None:
    assert run("project", trace, *arguments).exit_code == 2
