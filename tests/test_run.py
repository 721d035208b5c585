"""What one run takes: each number against hand arithmetic, each wrong unit with its message."""

import json
import math
import re

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands import run as command
from tests.synthetic import synthetic_fit

from scaling_bayes import OptionError, decompose, estimate_run, model_card, open_trace, project, summary
from scaling_bayes.cli import cli
from scaling_bayes.hardware.grid import grid_of
from scaling_bayes.hardware.points import known_devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.devices import find_device
from scaling_bayes.projection.extrapolation import extrapolation_sentences
from scaling_bayes.projection.runs.words import finding, run_about
from scaling_bayes.trace.schema import manifest

V100, A100, H100 = "NVIDIA Tesla V100 DGXS 32 GB", "NVIDIA A100 SXM4 80 GB", "NVIDIA H100 SXM5 80GB"
ALL = {"pue": 1.1, "server_power_ratio": 1.0, "grid_kg_per_kwh": 0.4, "usd_per_chip_hour": 2.0}


def draws(answer, quantity: str):
    return answer[f"run/{quantity}"].values


def value(answer, quantity: str) -> float:
    """The one value of a quantity that does not vary."""
    found = draws(answer, quantity)
    assert np.ptp(found) < 1e-9
    return float(10 ** found.mean())


# Arithmetic on paper


@pytest.mark.parametrize(
    ("known", "device", "peak", "watt"),
    [
        # BLOOM: 1,082,990 GPU-hours at 400 W are 433.2 MWh (Luccioni et al. 2023), here times PUE 1.1.
        ({"device_hours": 1082990}, A100, 312e12, 400),
        # GPT-3: 10,000 V100 for 14.8 days (Patterson et al. 2021).
        ({"devices": 10000, "days": 14.8}, V100, 125e12, 250),
        # Llama 2-7B: 6 x 7e9 x 2e12 FLOP.
        ({"parameters": "7B", "tokens": "2T"}, A100, 312e12, 400),
        # DeepSeek-V3: 37 of 671 billion parameters for a token, 14.8 trillion tokens: 3.29e24 FLOP.
        ({"parameters": "671B", "active_parameters": "37B", "tokens": "14.8 trillion"}, H100, 989.4e12, 700),
    ],
)
def test_a_run_of_which_all_is_known_follows_by_hand(known, device, peak, watt) -> None:
    answer = estimate_run(**known, device=device, year=2024, utilisation=0.4, **ALL)
    if "tokens" in known:
        flop = 6 * 37e9 * 14.8e12 if "active_parameters" in known else 6 * 7e9 * 2e12
        hours = flop / (peak * 0.4 * 3600)
    else:
        hours = known.get("device_hours") or known["devices"] * known["days"] * 24
        flop = hours * 3600 * peak * 0.4
    kwh = hours * watt / 1000 * 1.1
    assert value(answer, "log10_flop") == pytest.approx(flop, rel=1e-6)
    assert value(answer, "log10_device_hours") == pytest.approx(hours, rel=1e-6)
    assert value(answer, "log10_energy_kwh") == pytest.approx(kwh, rel=1e-6)
    assert value(answer, "log10_carbon_kg") == pytest.approx(kwh * 0.4, rel=1e-6)
    assert value(answer, "log10_cost_usd") == pytest.approx(hours * 2, rel=1e-6)


@pytest.mark.parametrize(
    ("known", "device", "watt", "pue", "kg", "mwh", "tonnes"),
    [
        ({"devices": 10000, "days": 14.8}, V100, 330, 1.1, 0.429, 1287, 552),
        ({"device_hours": 1082990}, A100, 400, 1.0, 0.057, 433.2, 24.7),
        ({"flop": 8.4e22, "utilisation": 0.4057}, A100, 400, 1.1, 0.385, 81.1, 31.22),
    ],
)
def test_published_energy_and_carbon_follow_from_what_they_were_made_with(
    known, device, watt, pue, kg, mwh, tonnes
) -> None:
    counted = {"server_power_ratio": 1, "pue": pue, "grid_kg_per_kwh": kg, "chip_watt": watt}
    answer = estimate_run(**known, device=device, year=2023, **counted)
    assert value(answer, "log10_energy_kwh") == pytest.approx(mwh * 1000, rel=3e-3)
    assert value(answer, "log10_carbon_kg") == pytest.approx(tonnes * 1000, rel=3e-3)


@settings(max_examples=8, deadline=None)
@given(
    log10_flop=st.floats(17, 27),
    utilisation=st.one_of(st.floats(0.05, 0.9), st.just((0.4, (0.3, 0.5)))),
    device=st.sampled_from([None, V100, "Google TPU v4"]),
)
def test_flop_and_device_hours_say_the_same(log10_flop, utilisation, device) -> None:
    chosen = {"device": device, "utilisation": utilisation, "year": 2022, "region": "France"}
    of_flop = estimate_run(10**log10_flop, **chosen)
    middle = int(np.argsort(draws(of_flop, "log10_device_hours").ravel())[2000])
    hours = float(10 ** draws(of_flop, "log10_device_hours").ravel()[middle])
    of_hours = estimate_run(device_hours=hours, **chosen)
    for name in of_flop["run"].data_vars:
        assert draws(of_hours, name).ravel()[middle] == pytest.approx(
            draws(of_flop, name).ravel()[middle], abs=1e-6
        )
    if isinstance(utilisation, float) and device:
        for name in of_flop["run"].data_vars:
            np.testing.assert_allclose(draws(of_hours, name), draws(of_flop, name), atol=1e-6)


@pytest.mark.parametrize(
    ("budget", "quantity"),
    [("budget_usd", "log10_cost_usd"), ("energy_kwh", "log10_energy_kwh"), ("carbon_kg", "log10_carbon_kg")],
)
@pytest.mark.parametrize("device", [None, H100])
def test_a_budget_buys_what_costs_as_much(budget, quantity, device) -> None:
    bought = estimate_run(**{budget: 1e6}, year=2025, device=device)
    assert value(bought, quantity) == pytest.approx(1e6, rel=1e-6)
    # FLOP per unit of the budget do not depend on which of the two is given.
    back = estimate_run(1e24, year=2025, device=device)
    ratio = draws(bought, "log10_flop") - 6
    np.testing.assert_allclose(24 - draws(back, quantity), ratio, atol=1e-9)


def test_making_the_devices_is_counted_apart_and_paid_from_a_budget_of_carbon() -> None:
    known = {"device": A100, "year": 2022, "service_year": 5.1}
    answer = estimate_run(device_hours=1082990, embodied=460, **known, **ALL)
    # Luccioni et al. 2023: 11.2 t for BLOOM.
    assert value(answer, "log10_embodied_kg") == pytest.approx(1082990 * 460 / (5.1 * 8766), rel=1e-6)
    assert 10e3 < value(answer, "log10_embodied_kg") < 12.4e3
    bought = estimate_run(carbon_kg=1e5, embodied=True, year=2024)
    both = 10 ** draws(bought, "log10_carbon_kg") + 10 ** draws(bought, "log10_embodied_kg")
    np.testing.assert_allclose(both, 1e5, rtol=1e-6)
    assert "log10_embodied_kg" not in estimate_run(device_hours=1)["run"]
    # Its value given as an assumption asks for it too.
    assert "log10_embodied_kg" in estimate_run(device_hours=1, embodied_kg_per_device=200)["run"]


def test_what_is_counted_may_be_boards_chips_or_cores() -> None:
    def hours(device: str, counted: str) -> float:
        return value(
            estimate_run(device_hours=1000, device=device, counted=counted, year=2024), "log10_device_hours"
        )

    assert hours("Google TPU v3", "cores") == pytest.approx(500)
    assert hours("Google TPU v5e", "chips") == pytest.approx(1000)
    assert hours("NVIDIA Tesla K80", "chips") == pytest.approx(500)
    assert hours("NVIDIA Tesla K80", "boards") == pytest.approx(1000)


def test_later_years_have_better_devices_and_named_ones_stay_as_they_are() -> None:
    def energy(**chosen) -> float:
        return float(np.median(draws(estimate_run(1e24, **chosen), "log10_energy_kwh")))

    assert energy(year=2020) > energy(year=2024) > energy(year=2028) > energy(year=2034)
    assert energy(year=2024, device=A100) == pytest.approx(energy(year=2034, device=A100), abs=1e-9)
    with pytest.raises(OptionError, match=r"released in 2022\.7; a run in 2021 could not use it"):
        estimate_run(1e24, year=2021, device=H100)


def test_the_price_of_a_named_device_follows_its_own_offers() -> None:
    def usd(device: str, year: int, **assumed: object) -> np.ndarray:
        run = estimate_run(device_hours=1, device=device, year=year, **assumed)
        return 10 ** draws(run, "log10_cost_usd")

    # Bought at 15,000 USD, with a server twice that over 3.5 years of use, and 0.55 kWh an hour at 0.075 USD.
    known = {"price": "purchase", "system_overhead": 2.0, "service_year": 3.5, "pue": 1.25}
    known |= {"server_power_ratio": 1.1, "electricity_usd_per_kwh": 0.075}
    bought = usd("NVIDIA A100 SXM4 40 GB", 2022, **known)
    assert bought == pytest.approx(15000 * 2 / (3.5 * 8766) + 0.4 * 1.1 * 1.25 * 0.075, rel=1e-4)
    prices = load_table("prices", usable=True)
    prices = prices[(prices["per"] == "chip_hour") & (prices["kind"] == "cloud_on_demand")]
    for device in (A100, H100, "NVIDIA Tesla V100 SXM2 16 GB"):
        offers = prices.loc[prices["device"] == device, "usd"]
        assert offers.quantile(0.1) < np.median(usd(device, 2024)) < offers.quantile(0.9)
        assert np.std(np.log10(usd(device, 2024))) < np.std(np.log10(usd("NVIDIA B200", 2025)))


# Units


@pytest.mark.parametrize(
    ("known", "message"),
    [
        ({"flop": "312 TFLOP/s"}, "is a rate; flop counts operations"),
        ({"flop": 3.12e14}, "is a peak rate of NVIDIA A100 SXM4 40 GB in FLOP/s"),
        ({"flop": 3.958e15}, "is a peak rate of .* in FLOP/s"),
        ({"flop": 3e11}, "flop=3e.11 is too few"),
        ({"flop": 0}, "flop=0 must be a finite number of FLOP above 0"),
        ({"budget_usd": "-5"}, "budget_usd=-5 must be a finite number of USD above 0"),
        ({"budget_usd": "$-5 million"}, r"budget_usd=-5e\+06 must be a finite number of USD above 0"),
        ({"flop": "-3e23"}, r"flop=-3e\+23 must be a finite number of FLOP above 0"),
        ({"parameters": 70, "tokens": "2T"}, "parameters=70 is too few; expected a count of parameters"),
        ({"parameters": "70Q", "tokens": "2T"}, "parameters='70Q' is not a number"),
        ({"parameters": "7B", "tokens": "2T", "active_parameters": "70B"}, "is above parameters=7e.09"),
        ({"parameters": "7B"}, "expected exactly one of"),
        ({"flop": 1e23, "device_hours": 1e5}, "Found device_hours, flop; expected exactly one of"),
        ({}, "Found none; expected exactly one of"),
        ({"devices": 8, "days": 8760}, "days=8760 is above ten years; expected days, not hours"),
        ({"devices": 8, "days": 1, "counted": "nodes"}, "a node holds several devices"),
        ({"devices": 8, "days": 1, "counted": "cores", "device": A100}, "cores are counted of TPUs only"),
        ({"devices": 8, "days": 1, "counted": "chips"}, "needs the device"),
        ({"parameters": "1,5B", "tokens": "1T"}, "parameters='1,5B' is not a number"),
        ({"flop": "1e23 GFLOP"}, "1e\\+32 FLOP are above 1e\\+30, a million times the largest run"),
        ({"parameters": 1e15, "tokens": 1e15}, "6e\\+30 FLOP are above 1e\\+30"),
        ({"flop": "1,5e23"}, "flop='1,5e23' is not an amount of computation"),
        ({"flop": "1.500.000 PFLOP"}, "is not an amount of computation"),
        ({"flop": 1e23, "device": "8x H100 SXM5"}, "names 8 devices; give device='H100 SXM5' and devices=8"),
        ({"flop": 1e23, "device": "TPU v3-512"}, "512 cores, which are 256 chips"),
        ({"flop": 1e23, "device": "A100 SXM4 x8"}, "names 8 devices; give device='A100 SXM4' and devices=8"),
        ({"flop": 1e23, "device": "v5e-16"}, "a slice of 16 chips; give device='Google TPU v5e'"),
        ({"flop": 1e23, "device": "TPU v3 core"}, "names a part of a device"),
        ({"flop": 1e23, "device": "MI250X GCD"}, "names a part of a device"),
        ({"flop": 1e23, "device": "ND96asr_v4"}, "is a node of several devices"),
        ({"flop": 1e23, "device": "DGX A100"}, "is a node of several devices"),
        ({"flop": 1e23, "device": "p4d.24xlarge"}, "is a node of several devices"),
        ({"flop": 1e23, "device": "Cloud TPU v3"}, "is a board of four chips"),
        ({"flop": 1e23, "device": "H100"}, "could be .*H100 PCIe.*, which differ in rate or power"),
        (
            {"flop": 1e23, "device": A100, "peak_flop_per_s": 624e12},
            "with structured sparsity.*dense one, 3.12e.14",
        ),
        ({"flop": 1e23, "peak_flop_per_s": 1979e12}, "twice the dense rate of .*structured sparsity"),
        ({"flop": 1e23, "device": A100, "peak_flop_per_s": 312}, "such as 3.12e14 for 312 TFLOP/s"),
        ({"flop": 1e23, "peak_flop_per_s": 312e12}, "says nothing of a device's price and power"),
        ({"flop": 1e23, "device": A100, "peak_flop_per_s": 312e13}, "is above every dense rate of"),
        ({"flop": 1e23, "device": V100, "usd_per_chip_hour": 60}, "the price of one device for an hour"),
        ({"flop": 1e23, "device": A100, "usd_per_chip_hour": 32.77}, "not of a node: divide by its devices"),
        ({"flop": 1e23, "chip_watt": 0.4}, "chip_watt=0.4 is below 5; expected W, not kW"),
        ({"flop": 1e23, "grid_kg_per_kwh": 4e-4}, "expected kg CO2e per kWh, not tonnes"),
        ({"flop": 1e23, "utilisation": 40}, "utilisation=40 is above 1; expected a share"),
        ({"flop": 1e23, "pue": 110}, "pue=110 is above 3; expected facility energy over"),
        ({"flop": 1e23, "pue": 0.9}, "pue=0.9 1: expected at least 1"),
        ({"flop": 1e23, "grid_kg_per_kwh": 400}, "expected kg CO2e per kWh: 400 g are 0.4"),
        ({"flop": 1e23, "usd_per_chip_hour": 98}, "the price of one device for an hour, not of a node"),
        ({"flop": 1e23, "device": A100, "chip_watt": 560}, "server_power_ratio and pue would count again"),
        ({"flop": 1e23, "device": A100, "device_class": "tpu"}, "give one of the two"),
        ({"flop": 1e23, "gain": 3}, "'gain' not in a run"),
        ({"carbon_kg": 1e3, "grid_kg_per_kwh": 0}, "buys without end"),
        ({"flop": 1e23, "task": "imagenet"}, "target and task are of a fit"),
        ({"flop": 1e23, "year": 1990}, "no data-centre GPUs of the tables were released by 1990"),
        ({"flop": 1e23, "device": 3}, "device='3' is not an accelerator"),
        ({"flop": 1e23, "precision": "fp8"}, "precision='fp8' is not valid"),
    ],
)
def test_a_wrong_unit_is_refused_with_the_right_one(known, message) -> None:
    with pytest.raises(OptionError, match=message):
        estimate_run(**{"year": 2024, **known})


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({"devices": 512, "days": 20.5, "device": A100}, "512 devices, 20.5 days"),
        ({"devices": 512, "days": 20, "device": "TPU v3", "counted": "cores"}, "512 cores, 20 days"),
        ({"device_hours": 245_760, "device": "TPU v3", "counted": "chips"}, "245,760 chip-hours"),
        ({"parameters": "7B", "tokens": "14.8T"}, "7 billion parameters, 14.8 trillion tokens"),
        ({"flop": "314 ZFLOP"}, "3.14 x 10^23 FLOP"),
        ({"budget_usd": 1e6}, "1 million USD"),
    ],
)
def test_what_is_known_is_said_as_it_was_given(known, said) -> None:
    assert json.loads(estimate_run(**known, year=2024).attrs["manifest"])["run"]["known"] == said


def test_a_small_count_that_is_round_is_no_rate() -> None:
    assert value(estimate_run(1e15, year=2024), "log10_flop") == pytest.approx(1e15)


def test_pue_and_server_count_once() -> None:
    def energy(**assumed: float) -> float:
        return value(estimate_run(device_hours=1000, device=A100, year=2022, **assumed), "log10_energy_kwh")

    assert energy(pue=1, server_power_ratio=1) == pytest.approx(400)
    assert energy(pue=1.5, server_power_ratio=1) == pytest.approx(600)
    assert energy(pue=1.5, server_power_ratio=1.2) == pytest.approx(720)
    # Measured with server and hall: both are said to be in it.
    assert energy(chip_watt=560, pue=1, server_power_ratio=1) == pytest.approx(560)


def test_a_device_is_found_by_a_clear_part_of_its_name() -> None:
    assert find_device("h100 sxm5") == H100
    assert find_device("NVIDIA A100") == "NVIDIA A100 SXM4 40 GB"
    assert find_device("TPU v4") == "Google TPU v4"
    every_tenth = list(known_devices())[::10]
    assert all(find_device(name.lower()) in (name, name.replace("+", "")) for name in every_tenth)
    assert find_device("A100 80GB") == A100
    assert find_device("H100 SXM") == H100


# The answer


def test_the_answer_is_labelled_draws_whose_spread_adds_up() -> None:
    answer = estimate_run(1e24, year=2025, region="France", devices=1000, embodied=True)
    assert answer["run/log10_cost_usd"].dims == ("chain", "draw")
    table = summary(answer).set_index("quantity")
    assert table.loc["log10_energy_kwh", "unit"] == "log10(kWh)"
    assert "MWh (" in table.loc["log10_energy_kwh", "in_words"]
    days = draws(answer, "log10_device_hours") - math.log10(24 * 1000)
    np.testing.assert_allclose(draws(answer, "log10_days"), days)
    shares = decompose(answer)
    sums = shares.groupby("quantity")["share"].sum()
    assert sums.to_numpy() == pytest.approx(1.0)
    by_source = shares[shares["quantity"] == "log10_carbon_kg"].set_index("source")["share"]
    assert by_source["price"] == 0.0
    # By hand, without the device and utilisation: a grid's log10 sd is 0.26, of server 0.08, of PUE 0.05.
    answer = estimate_run(device_hours=1e5, year=2024, device=A100, region="France")
    by_source = decompose(answer).set_index(["quantity", "source"])["share"]["log10_carbon_kg"]
    grid, site = grid_of("France").log_sd / math.log(10), math.hypot(0.0828, 0.0471)
    assert by_source["grid"] == pytest.approx(grid**2 / (grid**2 + site**2), abs=0.05)


def test_the_error_that_a_budget_reaches_falls_with_it_and_undoes_a_target() -> None:
    trace = synthetic_fit()
    year, task = 2021, "imagenet"
    small, large = (
        estimate_run(budget_usd=usd, trace=trace, task=task, year=year, device=A100) for usd in (1e3, 1e6)
    )
    table = summary(large)
    assert table[table["task"] == task]["unit"].tolist() == ["1"]
    assert (draws(large, "error") < draws(small, "error")).all()
    need = estimate_run(trace=trace, target={task: 0.1}, year=year, device=A100)
    assert need["run"].sizes == {
        "chain": trace["posterior"].sizes["chain"],
        "draw": trace["posterior"].sizes["draw"],
    }
    usd = float(10 ** np.median(draws(need, "log10_cost_usd")))
    reached = estimate_run(budget_usd=usd, trace=trace, task=task, year=year, device=A100)
    assert 0.05 < np.median(draws(reached, "error")) < 0.2


def test_the_command_prints_words_json_and_a_model_card() -> None:
    size = ("--parameters", "7B", "--tokens", "2T", "--device", "H100 SXM5", "--year", "2025")

    def said(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["run", *size, *arguments], catch_exceptions=False).stdout

    shown = said("--region", "FRA", "--devices", "64", "--utilisation", "0.4:0.3:0.5")
    assert "8.4 x 10^22 FLOP" in shown
    assert "Spread of the carbon: grid" in shown
    content = json.loads(said("--json"))
    cost = next(row for row in content["quantities"] if row["quantity"] == "log10_cost_usd")
    assert 4.5 < cost["lower_90"] < cost["median"] < cost["upper_90"] < 6.5
    card = said("--region", "FRA", "--model-card")
    assert card.startswith("---\nco2_eq_emissions:\n  emissions: ")
    for field in ("source", "training_type", "geographical_location", "hardware_used"):
        assert f'\n  {field}: "' in card
    assert 'geographical_location: "France"' in card
    for other in ("--json", "--csv"):
        refused = command("run", "--flop", "1e23", "--model-card", other)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert f"--model-card and {other} exclude each other" in refused.stderr
    refused = command("run", "--flop", "312 TFLOP/s")
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: --flop 312 TFLOP/s is a rate")


@pytest.mark.parametrize("error", [0.07, 0.05, 0.03])
def test_a_target_that_may_not_be_attained_is_told_as_a_projection_tells_it(error: float) -> None:
    trace = open_trace("reference-2026.12")
    projected = project(trace, {"imagenet": error}, 2026)
    share = summary(projected).set_index("quantity")["unreachable"]["log10_training_compute_flop"]
    assert 0.05 < share < 0.95
    answer = estimate_run(trace=trace, target={"imagenet": error}, year=2026, region="World")
    table = summary(answer).set_index("quantity")
    assert table["unreachable"].to_numpy() == pytest.approx(share)
    words = " ".join((*table["in_words"], finding(answer), model_card(answer)))
    assert not re.search(r"\binf\b|\d{3},\d{3},\d{3}", words)
    lower, median = (10 ** table.loc["log10_cost_usd", end] for end in ("lower_90", "median"))
    usd, million = f"{float(f'{lower:.2g}'):g}", f"{float(f'{lower / 1e6:.2g}'):g}"
    cost = table.loc["log10_cost_usd", "in_words"]
    if median == math.inf:
        assert cost == f"not attainable by scaling alone (probability {100 * share:.0f} %)"
    elif median > 1.05e14:
        assert cost == f"more than the world produces in a year (at least {million} million USD)"
    else:
        assert cost == f"{median / 1e6:.2g} million USD ({usd} USD to unattainable)"
    assert run_about(answer)["notes"] == extrapolation_sentences(projected)
    shown = CliRunner().invoke(cli, ["run", "--target", f"imagenet={error}", "--year", "2026"]).stdout
    assert ("unreachable" in shown) == (share <= 0.5)


def test_a_given_interval_cannot_be_read_as_of_another_size() -> None:
    about = run_about(estimate_run(budget_usd=(35e6, (690, 1.8e12)), year=2026, device=A100))
    assert re.fullmatch(r"35 million USD \(\d+ USD to [\d.]+ trillion\)", about["known"])


def test_a_model_card_states_the_median_in_grams() -> None:
    answer = estimate_run(device_hours=1000, device=A100, year=2022, **ALL)
    assert f"emissions: {1000 * 0.4 * 1.1 * 0.4 * 1000:.0f}\n" in model_card(answer)


def test_a_target_is_counted_as_its_fit_counts() -> None:
    # Benchmarks of language models count arithmetic; the tasks of 2020 device-hours at FP32 peak, but in fits
    # of operations. A fit has one count for all its tasks.
    known = {"device": A100, "year": 2021, "utilisation": 0.4}
    of_burdens = ("log10_device_hours", math.log10(3600 * 19.49e12))
    in_operations = synthetic_fit(tasks=("imagenet",))
    content = manifest(in_operations)
    content["model"]["count"] = "arithmetic"
    in_operations.attrs["manifest"] = json.dumps(content)
    for trace, task, (quantity, per_hour) in (
        (synthetic_fit(tasks=("mmlu",)), "mmlu", ("log10_flop", 0.0)),
        (synthetic_fit(tasks=("imagenet",)), "imagenet", of_burdens),
        (synthetic_fit(tasks=("mmlu", "imagenet")), "mmlu", of_burdens),
        (in_operations, "imagenet", ("log10_flop", 0.0)),
    ):
        asked = {task: 0.1}
        required = project(trace, asked, 2021)["projection/log10_training_compute_flop"].squeeze()
        answer = estimate_run(trace=trace, target=asked, **known)
        np.testing.assert_allclose(draws(answer, quantity) + per_hour, required, atol=1e-9)
