"""The hardware tables: digests, units, known values, and trends that agree with published ones."""

import hashlib
import math
import re
from urllib.parse import urlparse

import numpy as np
import pandas as pd
import pytest

from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.hardware import tables
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.hardware.editions import EDITION, EDITIONS
from scaling_bayes.hardware.flags import FLAGS
from scaling_bayes.hardware.points import cloud_offers, trend_points
from scaling_bayes.hardware.tables import (
    KEYS,
    TABLE_NAMES,
    has_flag,
    load_routes,
    load_sidecar,
    load_table,
    usable_part,
)
from scaling_bayes.resources import data_path

PEAKS = [
    "peak_flop_per_s_fp64",
    "peak_flop_per_s_fp32",
    "peak_flop_per_s_tf32_tensor",
    "peak_flop_per_s_fp16",
    "peak_flop_per_s_fp16_bf16_tensor",
    "peak_op_per_s_int8",
]
GFLOP_PER_S = 1e9


@pytest.fixture(scope="module")
def accelerators():
    return load_table("accelerators").set_index("name")


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_digest_matches_sidecar(name):
    table = data_path(f"hardware/{name}.csv").read_bytes()
    assert hashlib.sha256(table).hexdigest() == load_sidecar(name)["sha256"]


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_sidecar_is_complete(name):
    sidecar = load_sidecar(name)
    for key in ("title", "description", "producers", "citation", "date_accessed", "licence_of_facts"):
        assert sidecar[key], key
    assert sidecar["sources"]
    for source in sidecar["sources"]:
        assert source["name"]
        assert source["licence"]
        assert urlparse(source["url"]).scheme in {"http", "https"}
    for about in sidecar["columns"].values():
        assert set(about) == {"unit", "meaning"}
        assert about["meaning"]


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("name", TABLE_NAMES)
def test_every_row_is_cited_and_in_good_order(name, edition):
    table = load_table(name, edition=edition)
    assert len(table)
    assert (table["citation"].str.len() > 5).all()
    text = table.select_dtypes(include=["object", "string"])
    for column in text.columns:
        assert (text[column] == text[column].str.strip()).all(), column
        assert not text[column].str.contains(r"[\n\r\t]", regex=True).any(), column
    if KEYS[name]:
        assert not table.duplicated(list(KEYS[name])).any()
    else:
        assert not table.duplicated().any()


@pytest.mark.parametrize("name", FLAGS)
def test_flag_words_and_vocabulary_agree(name):
    found = set(load_table(name)["flags"].str.split().explode().dropna())
    assert found <= set(FLAGS[name])
    if name != "utilisation":
        assert found == set(FLAGS[name]), "a word no row carries has no place in the vocabulary"
    columns = set(load_table("ml_systems" if name == "utilisation" else name).columns)
    for flag in FLAGS[name].values():
        assert set(flag.blanks) <= columns


#: Tables compared with their source as a whole; the sidecar says when and with what.
VERIFIED_AS_A_WHOLE = {"grid_carbon_intensity"}


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_every_row_says_what_it_was_compared_with_or_that_it_was_not(name):
    said = r"\d{4}-\d{2}-\d{2}: \S.+|unverified: \S.+"
    if name in VERIFIED_AS_A_WHOLE:
        assert re.fullmatch(said, load_sidecar(name)["verified"])
        return
    table = load_table(name, edition=EDITIONS[-1])
    silent = table[~table["verified"].str.fullmatch(said)]
    assert silent.empty, silent.iloc[:, 0].tolist()


def test_editions_differ_by_rows_and_corrections_that_say_so():
    corrections = load_table("corrections")
    assert set(corrections["table"]) <= set(TABLE_NAMES)
    assert set(corrections["edition"]) <= set(EDITIONS[1:])
    assert (corrections["reported"] != corrections["corrected"]).all()
    assert (corrections["reason"].str.len() > 5).all()
    for name in set(TABLE_NAMES) - {"corrections"}:
        first, last = load_table(name, edition=EDITIONS[0]), load_table(name, edition=EDITIONS[-1])
        own = corrections[corrections["table"] == name]
        changed = 0
        for column in first.columns:
            left, right = first[column], last[column].iloc[: len(first)]
            both_empty = left.isna() & right.isna()
            changed += int((~((left == right) | both_empty)).sum())
        assert changed == len(own), name
        if "edition" in last:
            assert set(first["edition"]) == {EDITIONS[0]}
            assert set(last["edition"].iloc[len(first) :]) <= set(EDITIONS[1:])


def test_the_default_edition_is_one_of_them_and_an_unknown_one_is_refused():
    assert EDITION in EDITIONS
    with pytest.raises(OptionError, match=r"no edition '2025.01' of the hardware tables; there are 2026.11"):
        load_table("pue", edition="2025.01")


def test_each_edition_gives_points():
    first, last = trend_points(edition=EDITIONS[0]), trend_points(edition=EDITIONS[-1])
    assert len(last) > len(first)
    assert len(cloud_offers(edition=EDITIONS[-1])) <= len(cloud_offers(edition=EDITIONS[0]))
    largest = last[last["trend"] == "largest_run"]["device"]
    assert not largest.isin(["AlphaGo Zero", "AlphaGo Master"]).any()


def test_a_correction_of_another_cell_is_refused(monkeypatch, tmp_path):
    for kind in ("csv", "meta.toml"):
        (tmp_path / f"pue.{kind}").write_bytes(data_path(f"hardware/pue.{kind}").read_bytes())
    header = ",".join(load_table("corrections").columns)
    (tmp_path / "corrections.csv").write_text(
        f"{header}\npue,industry_average | 2011,pue,1.7,1.98,2026.12,r,c,u,v\n"
        "pue,industry_average | 1999,pue,1.7,1.98,2026.12,r,c,u,v\n"
    )
    _point_at(monkeypatch, tmp_path)
    assert len(load_table("pue", edition=EDITIONS[0])) == 14
    with pytest.raises(DataError, match=r"does not fit pue\.csv") as caught:
        load_table("pue", edition="2026.12")
    assert [(problem.row, problem.found) for problem in caught.value.problems] == [(2, "['1.8']"), (3, "[]")]


@pytest.mark.parametrize(
    ("name", "key", "column", "value"),
    [
        ("accelerators", "NVIDIA B200", "peak_flop_per_s_fp32", 7.5e13),
        ("accelerators", "NVIDIA GB200", "peak_flop_per_s_fp64", 4.0e13),
        ("accelerators", "NVIDIA RTX A6000", "peak_flop_per_s_fp16_bf16_tensor", 1.548e14),
        ("accelerators", "Google TPU v7 Ironwood", "release_price_usd", 12_000),
        ("ml_systems", "AlphaGo Zero", "training_compute_flop", 6.494399e20),
        ("ml_systems", "AlphaStar", "training_compute_flop", 1.07734e23),
        ("ml_systems", "GPT-4.5", "training_compute_flop", 3.8e26),
        ("utilisation", "BLOOM-176B", "model_flop_utilisation", 0.30),
        ("utilisation", "LaMDA", "hardware_flop_utilisation", 0.565),
        ("record_machines", 2025, "rmax_flop_per_s", 1.809e18),
        ("landmark_machines", "Cray-1", "flop_per_s", 1.6e8),
        ("published_runs", "T5-11B", "region", "Taiwan"),
    ],
)
def test_corrected_values(name, key, column, value):
    table = load_table(name, edition="2026.12").set_index(KEYS[name][0])
    assert table.loc[key, column] == value


def test_repeated_offers_and_outliers_are_left_out_of_the_later_edition():
    prices = load_table("prices")
    repeated = has_flag(prices, "repeated_offer")
    assert repeated.sum() == 82
    offer = ["device", "date", "kind", "usd", "per", "provider", "region", "instance", "citation"]
    assert (prices.duplicated(offer, keep=False) | ~repeated).all()
    assert not prices[~repeated].duplicated(offer).any()
    left = load_table("prices", usable=True, edition="2026.12")
    assert not has_flag(left, "repeated_offer", "price_outlier").any()
    assert has_flag(
        load_table("prices", usable=True, edition="2026.11"), "repeated_offer", "price_outlier"
    ).any()


def test_unknown_table_names_the_known_ones():
    with pytest.raises(OptionError, match=r"no hardware table 'gpus'; there are accelerators, prices"):
        load_table("gpus")
    with pytest.raises(OptionError, match="no hardware table"):
        load_sidecar("../systems")


def _point_at(monkeypatch, folder):
    monkeypatch.setattr(tables, "data_path", lambda name: folder / name.removeprefix("hardware/"))


def test_bad_cells_are_reported_with_their_place(monkeypatch, tmp_path):
    sidecar = (
        'sha256 = "0"\n[columns]\nname = { unit = "", meaning = "n" }\n'
        'date = { unit = "ISO 8601 date", meaning = "d" }\nwatt = { unit = "W", meaning = "w" }\n'
    )
    (tmp_path / "pue.meta.toml").write_text(sidecar)
    (tmp_path / "pue.csv").write_text("name,date,watt\na,2020-01-02,3\nb,02/01/2020,x\nc,,\n")
    (tmp_path / "corrections.csv").write_text(",".join(load_table("corrections").columns) + "\n")
    _point_at(monkeypatch, tmp_path)
    with pytest.raises(DataError) as caught:
        load_table("pue")
    places = [(problem.row, problem.column) for problem in caught.value.problems]
    assert places == [(3, "date"), (3, "watt")]
    (tmp_path / "pue.csv").write_text("name,watt\na,3\n")
    with pytest.raises(DataError, match="other columns"):
        load_table("pue")
    (tmp_path / "pue.meta.toml").write_text("not toml")
    with pytest.raises(DataError, match="not valid TOML"):
        load_table("pue")


def test_column_types():
    systems = load_table("ml_systems")
    assert pd.api.types.is_datetime64_any_dtype(systems["publication_date"])
    assert systems["training_compute_flop"].dtype == np.float64
    assert load_table("record_machines")["year"].dtype == np.int64
    assert (load_table("grid_carbon_intensity")["iso3"] == "NAM").any(), "Namibia is not a missing value"


def test_accelerator_units_are_plausible(accelerators):
    for column in PEAKS:
        assert accelerators[column].dropna().between(1e9, 1e17).all(), column
    assert accelerators["board_power_watt"].dropna().between(5, 2000).all()
    assert accelerators["release_price_usd"].dropna().between(50, 1e5).all()
    assert accelerators["transistor_count"].dropna().between(1e8, 1e12).all()
    assert accelerators["process_nm"].dropna().between(2, 100).all()
    assert set(accelerators["device_class"]) == {*DEVICE_CLASSES, "other"}
    assert set(accelerators["chips_on_board"]) == {1, 2, 4}


def test_accelerator_dates(accelerators):
    dated = accelerators["release_date"].notna()
    assert (has_flag(accelerators, "undated") == ~dated).all()
    assert set(accelerators["release_date_precision"]) == {"day", "month", "year", ""}
    assert accelerators.loc[dated, "release_date"].between("2007-01-01", "2026-12-31").all()
    yearly = accelerators["release_date_precision"] == "year"
    assert (accelerators.loc[yearly, "release_date"].dt.strftime("%m-%d") == "07-01").all()


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [
        ("NVIDIA Tesla V100 PCIe 16 GB", "peak_flop_per_s_fp32", 14.13e12),
        ("NVIDIA Tesla V100 SXM2 16 GB", "peak_flop_per_s_fp16_bf16_tensor", 125e12),
        ("NVIDIA Tesla P100 PCIe 16GB", "peak_flop_per_s_fp32", 9.526e12),
        ("NVIDIA Tesla P100 PCIe 16GB", "board_power_watt", 250),
        ("NVIDIA A100 SXM4 40 GB", "board_power_watt", 400),
        ("NVIDIA A100 SXM4 40 GB", "peak_flop_per_s_fp16_bf16_tensor", 312e12),
        ("NVIDIA A100 PCIe", "board_power_watt", 250),
        ("NVIDIA H100 SXM5 80GB", "board_power_watt", 700),
        ("NVIDIA H100 SXM5 80GB", "peak_flop_per_s_fp32", 66.9e12),
        ("NVIDIA H100 SXM5 80GB", "peak_flop_per_s_fp16_bf16_tensor", 989e12),
        ("NVIDIA Tesla K80", "chips_on_board", 2),
        ("NVIDIA GeForce GTX 580", "peak_flop_per_s_fp32", 1.581e12),
        ("NVIDIA GeForce GTX 1080", "board_power_watt", 180),
        ("Google TPU v2", "peak_flop_per_s_fp16_bf16_tensor", 46e12),
        ("Google TPU v3", "peak_flop_per_s_fp16_bf16_tensor", 123e12),
    ],
)
def test_known_accelerator_values(accelerators, name, column, value):
    assert accelerators.loc[name, column] == pytest.approx(value, rel=1e-3)


def test_aliases_name_one_device_each(accelerators):
    aliases = accelerators["aliases"].str.split("; ").explode()
    aliases = aliases[(aliases != "") & (aliases != "Radeon Pro Duo")]
    assert aliases.is_unique
    assert "GeForce 8600 GTS" in set(aliases), "the second row of that name is an 8800 GS"
    assert not set(aliases) & set(accelerators.index)


def test_no_device_stands_twice_under_two_spellings(accelerators):
    words = r"\b(?:nvidia|amd|tesla)\b|[^a-z0-9+]"
    plain = accelerators.index.str.lower().str.replace(words, "", regex=True)
    assert plain.is_unique


def test_usable_part_drops_and_blanks():
    whole, usable = load_table("accelerators"), load_table("accelerators", usable=True)
    assert not has_flag(usable, "virtual_profile", "pre_release_copy").any()
    clock = has_flag(usable, "peak_is_clock")
    assert clock.any()
    assert usable.loc[clock, "peak_flop_per_s_fp32"].isna().all()
    assert whole.loc[has_flag(whole, "peak_is_clock"), "peak_flop_per_s_fp32"].notna().all()
    assert usable_part("accelerators", usable).equals(usable)
    assert usable_part("routes", load_routes()).equals(load_routes())
    with pytest.raises(DataError, match="flags"):
        has_flag(load_routes(), "undated")


def test_flagged_clock_rates_really_are_below_the_rate_per_watt_of_their_peers(accelerators):
    clock = accelerators[has_flag(accelerators, "peak_is_clock")]
    assert (clock["peak_flop_per_s_fp32"] <= 1050 * GFLOP_PER_S).all()
    assert len(clock) == 12
    assert FLAGS["accelerators"]["peak_is_clock"].blanks == ("peak_flop_per_s_fp32",)


def test_prices(accelerators):
    prices = load_table("prices")
    assert set(prices["kind"]) == set(PRICES)
    purchase = prices["kind"] == "purchase"
    assert (prices.loc[purchase, "per"] == "chip").all()
    assert (prices.loc[~purchase, "per"] == "chip_hour").all()
    assert prices.loc[~purchase, "usd"].between(0.05, 13).all()
    usable = load_table("prices", usable=True)
    assert usable.loc[usable["kind"] == "purchase", "usd"].between(20, 1e5).all()
    assert prices["date"].between("2010-01-01", "2025-12-31").all()
    listed = prices["device"].isin(accelerators.index)
    assert (has_flag(prices, "device_unlisted") == ~listed).all()


def test_cloud_prices_near_2020():
    prices = load_table("prices")
    near = prices[prices["date"].between("2018-10-01", "2020-12-31")]

    def median(device, kind, provider):
        rows = near[(near["device"] == device) & (near["kind"] == kind) & (near["provider"] == provider)]
        return rows["usd"].median()

    v100 = "NVIDIA Tesla V100 SXM2 16 GB"
    assert median(v100, "cloud_on_demand", "Microsoft Azure") == 3.06
    assert median(v100, "cloud_3_year", "Microsoft Azure") == 1.16
    assert median("Google TPU v3", "cloud_on_demand", "Google Cloud") == 2.00
    assert median("Google TPU v3", "cloud_3_year", "Google Cloud") == 0.90
    assert median("NVIDIA Tesla P100 PCIe 16GB", "cloud_on_demand", "Google Cloud") == 1.46


def test_commitment_is_never_dearer_than_on_demand():
    prices = load_table("prices")
    cloud = prices[prices["kind"] != "purchase"]
    keys = ["device", "date", "provider", "region", "instance"]
    cheapest = cloud.pivot_table(index=keys, columns="kind", values="usd", aggfunc="max")
    assert not (cheapest["cloud_1_year"] > cheapest["cloud_on_demand"]).any()
    assert not (cheapest["cloud_3_year"] > cheapest["cloud_1_year"]).any()


def test_grid_carbon_intensity():
    grid = load_table("grid_carbon_intensity")
    assert grid["g_co2e_per_kwh"].between(0, 1400).all()
    assert grid["year"].min() == 2000
    values = grid.set_index(["region", "year"])["g_co2e_per_kwh"]
    assert values["United States", 2020] == pytest.approx(412, abs=1)
    assert values["United States", 2024] == pytest.approx(384, abs=1)
    assert values["World", 2020] == pytest.approx(492, abs=1)
    assert values["World", 2024] == pytest.approx(471, abs=1)
    assert {"World", "European Union (27)"} <= set(grid["region"])
    countries = grid[grid["region_kind"] == "country"]
    assert countries.loc[countries["iso3"] == "", "region"].unique().tolist() == ["Kosovo"]
    assert (load_table("grid_carbon_intensity", usable=True)["g_co2e_per_kwh"] > 0).all()


def test_facilities():
    pue = load_table("pue").set_index(["scope", "year"])["pue"]
    assert pue.dropna().between(1.05, 2.6).all()
    assert pue.index[pue.isna()].tolist() == [("industry_average", 2014)], "the figure was of 2013"
    assert pue["industry_average", 2018] == 1.58
    assert pue["google_fleet", 2021] == 1.10
    regions = load_table("cloud_regions")
    assert regions["g_co2_per_kwh"].between(0, 1100).all()
    assert regions["pue"].dropna().between(1.05, 1.3).all()


def test_ml_systems_and_utilisation():
    systems = load_table("ml_systems")
    assert systems["training_compute_flop"].between(1, 1e27).all()
    assert systems["publication_date"].between("1950-01-01", "2026-12-31").all()
    assert set(systems["confidence"]) == {"confident", "likely", "speculative", "unknown"}
    hours = systems["training_time_hours"].dropna()
    assert hours.between(0, 24 * 400).all()
    per_device = systems["training_power_watt"] / systems["hardware_quantity"]
    assert per_device.dropna().between(50, 1500).all()
    for edition, expected in (("2026.11", [0.20, 0.38, 0.58]), ("2026.12", [0.21, 0.38, 0.56])):
        utilisation = load_table("utilisation", edition=edition)["model_flop_utilisation"]
        assert utilisation.quantile([0.05, 0.5, 0.95]).tolist() == pytest.approx(expected, abs=0.01)
    usable = load_table("ml_systems", usable=True)
    assert len(usable) == len(systems)
    assert usable.loc[has_flag(usable, "above_peak"), "hardware_quantity"].isna().all()


def test_record_machines_never_get_slower():
    machines = load_table("record_machines").set_index("year")["rmax_flop_per_s"]
    assert machines.index.tolist() == list(range(1993, 2027))
    assert machines.is_monotonic_increasing
    assert machines[2012] == pytest.approx(17.6e15, rel=0.01)
    assert machines[2020] == pytest.approx(442e15, rel=0.01)
    assert machines[2024] == pytest.approx(1.742e18)


def test_literature_intervals_are_ordered():
    table = load_table("literature_intervals")
    both = table["lower"].notna() & table["upper"].notna()
    assert (table.loc[both, "lower"] <= table.loc[both, "median"]).all()
    assert (table.loc[both, "median"] <= table.loc[both, "upper"]).all()
    assert (table["lower"].isna() == table["upper"].isna()).all()
    assert table["interval_prob"].dropna().isin([0.90, 0.95]).all()
    assert table.loc[table["interval_prob"].notna(), "lower"].notna().all()


def test_thompson2020_conversions_reproduce_the_powers_of_ten():
    value = load_table("thompson2020_conversions").set_index("name")["value"]
    per_usd = value["p100_peak"] * 3600 / value["p100_price"]
    seconds = value["transformer_base_gpus"] * value["transformer_base_hours"] * 3600
    per_lb = value["p100_peak"] * seconds / value["transformer_base_co2"]
    assert value["flop_per_usd_2020"] == pytest.approx(per_usd, rel=1e-6)
    assert value["flop_per_lb_co2_2020"] == pytest.approx(per_lb, rel=1e-6)
    assert value["flop_per_kg_co2_2020"] == pytest.approx(per_lb / value["kg_per_lb"], rel=1e-6)
    assert 16.90 <= math.log10(per_usd) <= 17.05
    assert 17.10 <= math.log10(per_lb) <= 17.11
    assert value["v100_peak"] * 3600 / value["v100_price"] == pytest.approx(
        value["flop_per_usd_2022"], rel=1e-4
    )


def test_algorithmic_efficiency_factors_follow_from_the_compute():
    table = load_table("algorithmic_efficiency")
    first = table.groupby("level")["training_compute_flop"].transform("max")
    quotient = first / table["training_compute_flop"] / table["reduction_factor"]
    assert (quotient.between(0.9, 1.1) == ~has_flag(table, "factor_disagrees")).all()
    assert table["publication_date"].between("2012-01-01", "2019-12-31").all()
    assert (table.loc[has_flag(table, "date_corrected"), "publication_date"].dt.month > 1).all()


def test_routes_and_yardsticks():
    routes = load_routes()
    assert (routes["factor_low"] <= routes["factor_high"]).all()
    assert (routes["factor_low"] >= 1).all()
    assert set(routes["improves"]) == {"compute", "energy", "energy_delay"}
    yard = load_table("yardsticks").set_index(["name", "year"])["value"]
    assert yard["world_gdp", 2023] == pytest.approx(1.05e14)
    assert yard["world_co2", 2023] == pytest.approx(3.7e13, rel=0.02)
    assert yard["world_electricity", 2023] == pytest.approx(3e13, rel=0.02)
    assert yard["average_american_year", 2019] == pytest.approx(36_156 * 0.45359237, rel=1e-6)
    record = load_table("record_machines").set_index("year")["rmax_flop_per_s"]
    assert yard["record_machine_year", 2020] == pytest.approx(record[2020] * 365.25 * 86_400, rel=1e-6)


def _doubling_years(frame, ratio, first, last):
    date = frame["release_date"]
    year = date.dt.year + (date.dt.day_of_year - 0.5) / 365.25
    used = ratio.notna() & year.between(first, last)
    slope, _ = np.polyfit(year[used], np.log2(ratio[used]), 1)
    return 1 / slope


@pytest.mark.parametrize(
    ("quantity", "peak", "per", "first", "last"),
    [
        ("fp32_flop_per_joule_doubling_2008_2026", "fp32", "board_power_watt", 2008, 2027),
        ("fp32_flop_per_joule_doubling_2008_2020", "fp32", "board_power_watt", 2008, 2021),
        ("fp32_flop_per_joule_doubling_2012_2020", "fp32", "board_power_watt", 2012, 2021),
        ("fp32_flop_per_s_per_release_usd_doubling_2008_2026", "fp32", "release_price_usd", 2008, 2027),
        ("fp32_flop_per_s_per_release_usd_doubling_2008_2020", "fp32", "release_price_usd", 2008, 2021),
        ("fp32_flop_per_s_per_release_usd_doubling_2012_2020", "fp32", "release_price_usd", 2012, 2021),
        ("tensor16_flop_per_joule_doubling", "fp16_bf16_tensor", "board_power_watt", 2008, 2027),
        ("tensor16_flop_per_s_per_release_usd_doubling", "fp16_bf16_tensor", "release_price_usd", 2008, 2027),
    ],
)
def test_doubling_times_lie_in_the_published_intervals(quantity, peak, per, first, last):
    published = load_table("literature_intervals").set_index("quantity").loc[quantity]
    usable = load_table("accelerators", usable=True)
    ml = usable[usable["citation"].str.startswith("Epoch AI")]
    found = _doubling_years(ml, ml[f"peak_flop_per_s_{peak}"] / ml[per], first, last)
    assert published["lower"] <= found <= published["upper"]


def test_the_merged_table_gives_the_same_trend_of_energy_efficiency_to_2020():
    published = (
        load_table("literature_intervals").set_index("quantity").loc["fp32_flop_per_joule_doubling_2008_2020"]
    )
    usable = load_table("accelerators", usable=True)
    ratio = usable["peak_flop_per_s_fp32"] / usable["board_power_watt"]
    assert published["lower"] <= _doubling_years(usable, ratio, 2008, 2021) <= published["upper"]
