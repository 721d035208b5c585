"""Growth over time: known truth recovered, claims tested, page and picture made of the stored tables."""

from __future__ import annotations

import hashlib
import math
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tests.seeds import seeded
from tools.compute_trend.claims import (
    claims,
    growth_table,
    published_doubling_times,
    years_for_hardware_gain,
)
from tools.compute_trend.figure import plot_compute_trend
from tools.compute_trend.fit import TrendFit, compare_change_points, fit_trend, growth_by_era
from tools.compute_trend.lines import average_growth, doubling_year, rise
from tools.compute_trend.series import SERIES, series_points
from tools.compute_trend.tables import TABLES, load_landmark_systems, load_trend_table

from scaling_bayes import OptionError, load_systems
from scaling_bayes.figures import FigureError, to_svg
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.intervals import reported

pytestmark = pytest.mark.samples

GROWTH, CHANGE = (0.15, 0.6), 2009.0


@pytest.fixture(scope="module")
def simulated() -> pd.DataFrame:
    rng = np.random.default_rng(20261123)
    year = np.sort(rng.uniform(1960.0, 2025.0, 150))
    noise = stats.t.rvs(5.0, scale=0.8, size=year.size, random_state=rng)
    return pd.DataFrame({"year": year, "log10_value": 6.0 + rise(year, 1960.0, GROWTH, [CHANGE]) + noise})


def fitted(simulated: pd.DataFrame, changes: int) -> TrendFit:
    return fit_trend(simulated, changes, draws=400, tune=400, chains=2, random_seed=seeded(1))


@pytest.mark.slow
def test_a_known_change_of_growth_is_chosen(simulated: pd.DataFrame) -> None:
    models = compare_change_points([fitted(simulated, changes) for changes in (0, 1)])
    assert models["chosen"].tolist() == [0, 1]
    assert models["elpd_difference"].max() == 0.0


@pytest.mark.slow
def test_a_known_change_of_growth_is_recovered(simulated: pd.DataFrame) -> None:
    found = fitted(simulated, 1)
    change = reported(found.change_points[0])
    assert change["lower_90"] < CHANGE < change["upper_90"]
    assert change["upper_90"] - change["lower_90"] < 12
    for truth, draws in zip(GROWTH, found.growth, strict=True):
        low, high = np.quantile(draws, [0.005, 0.995])
        assert low < truth < high
        assert high - low < 0.35
    table = growth_by_era(found, [(2010.0, 2020.0)])
    assert table["period"].tolist() == ["change 1", "era 1", "era 2", "all", "window"]
    density = found.log_likelihood.values[0, 0]
    draw = found.posterior.isel(chain=0, draw=0)
    expected = stats.t.logpdf(
        simulated["log10_value"],
        draw["tail"].item() + 1,
        found.line(simulated["year"].to_numpy())[0],
        draw["spread"].item(),
    )
    np.testing.assert_allclose(density, expected)


def test_growth_averages_over_changes() -> None:
    assert rise(1990.0, 2000.0, [0.1, 0.5], [2010.0]) == pytest.approx(-1.0)
    assert average_growth(2000.0, 2020.0, [0.1, 0.5, 0.0], [2005.0, 2015.0]) == pytest.approx(5.5 / 20)
    assert doubling_year(math.log10(2.0)) == 1.0
    assert doubling_year(-0.1) == math.inf


@pytest.mark.parametrize("name", SERIES)
def test_series_are_finite_and_in_order(name: str) -> None:
    points = series_points(name)
    assert len(points) >= 7
    assert np.isfinite(points[["year", "log10_value"]].to_numpy()).all()
    assert points["year"].is_monotonic_increasing
    if "record" in name:
        assert (points["log10_value"].diff().dropna() > 0).all()


def test_series_reach_back_as_far_as_the_tables() -> None:
    assert series_points("systems")["year"].min() < 1951
    assert series_points("landmark_machines")["year"].min() < 1955
    assert "Beowulf, two 16-processor clusters" not in set(series_points("landmark_machines")["name"])
    with pytest.raises(OptionError, match="record_machines"):
        series_points("phones")
    with pytest.raises(OptionError, match="models"):
        load_trend_table("phones")


def test_stored_tables_have_their_columns_and_digests(repository: Path) -> None:
    for name, (_, columns) in TABLES.items():
        path = repository / "data" / f"compute_trend_{name}.csv"
        about = tomllib.loads(path.with_name(f"{path.stem}.meta.toml").read_text(encoding="utf-8"))
        assert about["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert [column["name"] for column in about["columns"]] == list(columns)
        assert list(load_trend_table(name).columns) == list(columns)
    models = load_trend_table("models")
    assert set(models["series"]) == set(SERIES)
    assert (models.groupby("series")["chosen"].sum() == 1).all()
    assert models.loc[models["chosen"] == 1, "passed"].all()
    assert models["divergences"].max() <= 5


def test_eras_of_training_compute_stand_beside_the_published() -> None:
    beside = published_doubling_times().set_index(["quantity", "series"])
    early = beside.loc[("training_compute_doubling_before_2010", "systems_to_2009")]
    assert early["published"] == pytest.approx(20 / 12, abs=0.01)
    assert early["lower"] < early["published"] < early["upper"]
    late = beside.loc[("training_compute_doubling_deep_learning", "systems_2010_2021")]
    assert late["lower"] == pytest.approx(late["published"], abs=0.05)
    one = load_trend_table("growth").query("series == 'systems' and n_change_points == 1")
    change = one[one["quantity"] == "change_point"].iloc[0]
    assert change["lower_90"] < 2010 < change["upper_90"]


def test_claims_are_numbers_with_intervals() -> None:
    table = claims()
    assert set(table["claimed"]) == {10.0, 50_000.0}
    tenfold = table[table["claimed"] == 10.0].set_index(["measure", "base"])
    systems = tenfold.loc[("training compute, all systems", "trend over all years")]
    assert systems["lower"] < systems["median"] < systems["upper"] < 10
    records = tenfold.loc[("record systems, only those of 2012-2019", "trend of these years alone")]
    # It held with the AlphaGo Zero of edition 2026.11, 500 times what it is in 2026.12.
    assert records["lower"] < records["median"] < records["upper"] < 10
    with_interval = table[table["lower"].notna()]
    assert (
        with_interval["holds"]
        == with_interval["claimed"].between(with_interval["lower"], with_interval["upper"])
    ).all()
    assert table.loc[table["lower"].isna(), "holds"].isna().all()
    gain = table[table["base"] == "from IBM 704 to NVIDIA GeForce GTX 580"]["median"].item()
    assert gain == pytest.approx(1.581e12 / 1.2e4)
    assert (years_for_hardware_gain()["median"] > 10).all()
    assert growth_table()["chosen"].all()


def test_landmark_systems_agree_with_the_other_tables() -> None:
    landmarks = load_landmark_systems().set_index("system")
    burden = landmarks["device_count"] * landmarks["device_peak_flop_per_s"] * landmarks["training_seconds"]
    np.testing.assert_allclose(burden, landmarks["training_compute_flop"], rtol=1e-3)
    systems = load_systems().set_index("system_id")
    for name, row, column in (
        ("AlexNet", "imagenet-164", "training_compute_flop"),
        ("ResNeXt-101", "imagenet-082", "training_compute_corrected_flop"),
        ("NoisyStudent", "imagenet-140", "training_compute_flop"),
    ):
        assert landmarks.loc[name, "training_compute_flop"] == pytest.approx(
            systems.loc[row, column], rel=2e-3
        )
    assert "NoisyStudent" in landmarks.index
    assert load_table("ml_systems")["system"].eq("AlexNet").any()


def test_the_picture_marks_the_four_landmarks() -> None:
    ax = plot_compute_trend()
    written = {text.get_text() for text in ax.texts}
    assert written == {"AlexNet", "ResNeXt-101", "NoisyStudent", "Evolved Transformer"}
    figure = ax.get_figure(root=True)
    assert figure is not None
    svg = to_svg(figure)
    assert all(name in svg for name in (*written, "landmark machines, rate (FLOP/s)"))
    with pytest.raises(FigureError, match="record_machines"):
        plot_compute_trend(load_trend_table("lines").query("series != 'record_machines'"))
