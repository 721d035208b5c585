"""The classical analysis: published numbers, agreement with the printed table, textbook intervals."""

from __future__ import annotations

import hashlib
import math
import tomllib
import warnings
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from tools.pages.thompson2020_prediction import least_squares_prediction
from tools.tables.build import THOMPSON2020_TABLES

from scaling_bayes.cli.replicate import replicate
from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.thompson2020.frontier import check_loss, quantile_frontier, quantile_lines
from scaling_bayes.thompson2020.lines import fit_line, regressions
from scaling_bayes.thompson2020.points import SIXTH_TASK, TASKS, regression_points, task_points
from scaling_bayes.thompson2020.targets import conversions, disagreements, target_table

# n; slope, SE, intercept, R², exponent of the polynomial form; slope, SE, intercept, R² of the exponential
# form.
PUBLISHED = {
    "imagenet": (13, "0.0733 0.0244 -0.0965 0.452 13.6", "0.867 0.270 -4.146 0.484"),
    "ms_coco": (33, "0.0226 0.0063 0.0015 0.290 44.3", "0.0851 0.0250 0.840 0.273"),
    "squad_1_1": (16, "0.1286 0.0235 -0.345 0.682 7.8", "2.987 0.452 -19.80 0.757"),
    "conll_2003": (13, "0.0168 0.0060 0.964 0.418 59.5", "0.504 0.182 8.592 0.412"),
    "wmt14_en_fr": (13, "0.0237 0.0069 -0.0313 0.516 42.2", "0.0856 0.0265 0.755 0.486"),
}
COLUMNS = ["slope", "slope_se", "intercept", "r_squared", "exponent"]


def test_every_printed_digit_of_the_regressions() -> None:
    table = regressions().set_index(["task", "form"])
    for task, (n, *forms) in PUBLISHED.items():
        for form, printed in zip(("polynomial", "exponential"), forms, strict=True):
            row = table.loc[task, form]
            assert row["n"] == n
            for column, text in zip(COLUMNS, printed.split(), strict=False):
                half = 0.5 * 10.0 ** Decimal(text).as_tuple().exponent
                assert abs(row[column] - float(text)) <= half * 1.0001, (task, form, column, row[column])


def test_the_sixth_task_has_no_slope() -> None:
    line = fit_line(SIXTH_TASK, "polynomial")
    assert line.n == 13
    assert line.slope < line.slope_se
    assert line.slope_p_value > 0.5


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("form", ["polynomial", "exponential"])
def test_inverting_a_line_undoes_it(task: str, form: str) -> None:
    line = fit_line(task, form)
    burden = line.burden([0.3, 0.1])
    expected = [-math.log10(0.3), 1.0] if form == "polynomial" else [1 / 0.3, 10.0]
    np.testing.assert_allclose(line.response(burden), expected)


def test_88_of_90_cells_agree_and_the_others_are_known() -> None:
    table = target_table()
    assert len(table) == 90
    assert table.groupby("quantity").size().tolist() == [30, 30, 30]
    assert int(table["agrees"].sum()) == 88
    wrong = disagreements(table)
    assert [tuple(row) for row in wrong[["task", "error", "form", "quantity"]].itertuples(index=False)] == [
        ("wmt14_en_fr", 0.3, "exponential", "carbon"),
        ("wmt14_en_fr", 0.1, "exponential", "compute"),
    ]
    np.testing.assert_allclose(wrong["log10_value"], [22.029, 108.055], atol=5e-4)


def test_one_shift_of_one_line_explains_both_disagreements() -> None:
    table = target_table()
    cells = table[(table["task"] == "wmt14_en_fr") & (table["form"] == "exponential")]
    lowered = np.floor(cells["log10_value"] - 0.09).astype(int)
    assert (lowered == cells["printed_power_of_ten"]).all()


def test_conversions_stand_in_the_ranges_that_give_back_the_table() -> None:
    convert = conversions()
    assert 16.90 <= convert.log10_flop_per_usd <= 17.05
    assert 17.10 <= convert.log10_flop_per_lb_co2 <= 17.11


def test_burdens_of_the_sixth_task_are_the_product_of_their_ingredients(repository: Path) -> None:
    table = pd.read_csv(repository / "data" / "wmt14_en_de.csv", keep_default_na=False)
    product = table["listed_rate_flop_per_s"] * table["training_seconds"]
    np.testing.assert_allclose(table["thompson2020_burden_flop"], product, rtol=1e-9)
    assert table["system_id"].is_unique


@pytest.mark.parametrize("name", THOMPSON2020_TABLES)
def test_sidecars_describe_every_column(repository: Path, name: str) -> None:
    path = repository / "data" / name
    sidecar = tomllib.loads(path.with_name(f"{path.stem}.meta.toml").read_text(encoding="utf-8"))
    assert [column["name"] for column in sidecar["columns"]] == list(pd.read_csv(path).columns)
    assert sidecar["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


# Frontier


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantile_lines_are_at_least_as_good_as_statsmodels(task: str, quantile: float) -> None:
    import statsmodels.api as sm

    rows = task_points(task)
    x = rows["log10_burden_gflop"].to_numpy(float)
    y = -np.log10(rows["error"].to_numpy(float))
    (intercept,), (slope,) = quantile_lines(x, y, quantile, np.ones((1, len(x))))
    ours = check_loss(y - intercept - slope * x, quantile).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = sm.QuantReg(y, sm.add_constant(x)).fit(q=quantile, max_iter=5000)
    assert ours <= check_loss(theirs.resid, quantile).sum()
    assert ours == pytest.approx(check_loss(theirs.resid, quantile).sum(), rel=1e-4)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_a_quantile_line_leaves_its_share_on_each_side(seed: int, quantile: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 17))
    (intercept,), (slope,) = quantile_lines(x, y, quantile, np.ones((1, 17)))
    residual = y - intercept - slope * x
    assert (residual < -1e-9).sum() <= quantile * 17 + 1e-9
    assert (residual > 1e-9).sum() <= (1 - quantile) * 17 + 1e-9


def test_the_frontier_is_on_the_side_of_low_error() -> None:
    frontier = quantile_frontier(resamples=10)
    rows = frontier[(frontier["task"] == "ms_coco") & (frontier["form"] == "polynomial")].set_index("side")
    assert (frontier["n_beyond"] <= 0.1 * frontier["n"]).all()
    line = fit_line("ms_coco", "polynomial")
    row = rows.loc["error"]
    assert row["intercept"] + row["slope"] * line.mean_log10_burden > line.response(line.mean_log10_burden)


def test_frontier_refuses_what_is_no_quantile() -> None:
    with pytest.raises(OptionError, match="between 0 and 1"):
        quantile_frontier(1.0)
    with pytest.raises(OptionError, match="at least 1"):
        quantile_frontier(resamples=0)


# Prediction


def test_ends_of_the_interval_are_where_the_band_meets_the_target() -> None:
    from scipy.stats import t

    line = fit_line("squad_1_1", "polynomial")
    quantile = t.ppf(0.95, line.degrees_of_freedom)
    for kind in ("predictive", "mean"):
        for row in least_squares_prediction("squad_1_1", "polynomial", kind=kind).itertuples():
            for end, sign in ((row.lower, 1), (row.upper, -1)):
                edge = line.response(end) + sign * quantile * line.response_sd(
                    end, new_system=kind == "predictive"
                )
                assert edge == pytest.approx(-math.log10(row.error))


def test_band_is_that_of_statsmodels() -> None:
    import statsmodels.api as sm

    rows = task_points("imagenet")
    x, y = rows["log10_burden_gflop"].to_numpy(float), -np.log10(rows["error"].to_numpy(float))
    at = np.array([8.0, 12.0, 20.0])
    band = sm.OLS(y, sm.add_constant(x)).fit().get_prediction(sm.add_constant(at))
    line = fit_line("imagenet", "polynomial")
    np.testing.assert_allclose(line.response_sd(at, new_system=False), band.se_mean)
    np.testing.assert_allclose(line.response_sd(at, new_system=True), band.se_obs)


def test_an_interval_is_open_where_the_slope_cannot_be_told_from_zero() -> None:
    (low,) = least_squares_prediction(SIXTH_TASK, "polynomial", 0.3).itertuples()
    assert low.upper == math.inf
    assert math.isfinite(low.lower)
    (high,) = least_squares_prediction(SIXTH_TASK, "polynomial", 0.95).itertuples()
    assert high.lower == -math.inf
    (near,) = least_squares_prediction(SIXTH_TASK, "polynomial", 0.72).itertuples()
    assert (near.lower, near.upper) == (-math.inf, math.inf)


@given(st.floats(0.01, 0.98), st.floats(0.01, 0.98), st.sampled_from(["polynomial", "exponential"]))
def test_intervals_are_nested_in_probability(one: float, other: float, form: str) -> None:
    points = POINTS
    few, many = sorted((one, other))
    inner = least_squares_prediction("ms_coco", form, 0.4, ci_prob=few, points=points).iloc[0]
    outer = least_squares_prediction("ms_coco", form, 0.4, ci_prob=many, points=points).iloc[0]
    assert outer["lower"] <= inner["lower"] <= inner["median"] <= inner["upper"] <= outer["upper"]


POINTS = regression_points()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_line("imagenet", "cubic"), OptionError, "form='cubic'"),
        (lambda: fit_line("mnist", "polynomial"), OptionError, "task='mnist'"),
        (lambda: fit_line("imagenet", "polynomial", POINTS.head(2)), OptionError, "at least 3"),
        (lambda: least_squares_prediction("imagenet", "polynomial", 5), TargetError, "found 5"),
        (lambda: least_squares_prediction(SIXTH_TASK, "polynomial"), TargetError, "name the errors"),
        (lambda: least_squares_prediction("imagenet", "polynomial", kind="both"), OptionError, "kind='both'"),
        (lambda: least_squares_prediction("imagenet", "polynomial", ci_prob=90), OptionError, "ci_prob=90"),
    ],
)
def test_mistakes_are_named(call: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()  # type: ignore[operator]


# Command


def test_replicate_prints_in_80_columns() -> None:
    result = CliRunner().invoke(replicate, [])
    assert result.exit_code == 0, result.output
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert "88 of 90" in result.stderr
    assert "108.055 ≠" in result.stdout


def test_replicate_prints_csv_and_json() -> None:
    import io
    import json

    table = pd.read_csv(io.StringIO(CliRunner().invoke(replicate, ["--csv"]).stdout))
    pd.testing.assert_frame_equal(table, target_table(), check_dtype=False)
    content = json.loads(CliRunner().invoke(replicate, ["--json"]).stdout)
    assert {name: len(rows) for name, rows in content.items()} == {
        "regressions": 12,
        "frontier": 24,
        "targets": 90,
    }
    assert CliRunner().invoke(replicate, ["--csv", "--json"]).exit_code == 2
