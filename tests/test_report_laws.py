"""Laws, progress, sensitivity and the scorecard in figures and reports: the numbers and nothing else."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.some import some
from tests.synthetic import synthetic_fit
from tests.test_report import NASTY, Reader

from scaling_bayes import OptionError, figures, open_trace, reference_systems, save_trace
from scaling_bayes import summary as summarize
from scaling_bayes.core.laws import LAWS, get_law
from scaling_bayes.diagnostics.scores import SCORED_EDITION
from scaling_bayes.errors import DataError
from scaling_bayes.figures import FigureError, plot_calibration, plot_ranks, plot_slopes, to_svg
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.model.evaluate.compare import Comparison
from scaling_bayes.model.evaluate.stack import stack
from scaling_bayes.report import build_report, render_html, write_report
from scaling_bayes.report import facts as report_reading
from scaling_bayes.report.blocks import Report, Section, Table
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.schema import group, manifest
from scaling_bayes.trace.view import PosteriorView

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unplotted")]

WEIGHTS = {"power": 0.4, "exponential": 0.1, "logistic": 0.2, "saturating": 0.3}


def comparison(k: float = math.nan) -> Comparison:
    rows = [
        {
            "fit": law,
            "elpd": 180.0 - 2.5 * place,
            "elpd_se": 19.0,
            "difference": -2.5 * place,
            "difference_se": 1.5 * place,
            "weight": WEIGHTS[law],
            "optimal_weight": float(place == 0),
            "worst_pareto_k": k,
            "refits": 10,
        }
        for place, law in enumerate(sorted(WEIGHTS, key=lambda law: -WEIGHTS[law]))
    ]
    return Comparison(pd.DataFrame(rows), xr.Dataset(), "paper" if math.isnan(k) else "system")


@cache
def fits(tasks: tuple[str, ...] = ("imagenet", "my task")) -> dict[str, xr.DataTree]:
    return {law: synthetic_fit(tasks, law=law, draws=120) for law in LAWS}


@cache
def stacked() -> xr.DataTree:
    return stack(fits(), comparison(), progressbar=False)


@cache
def report() -> Report:
    return build_report(stacked(), scenario=None)


@cache
def plain() -> Report:
    return build_report(fits()["power"], scenario=None)


def of_reference(idata: xr.DataTree) -> xr.DataTree:
    tree = idata.copy()
    content = manifest(tree)
    content["data"]["sha256"] = data_digest(reference_systems(edition=SCORED_EDITION))
    tree.attrs["manifest"] = json.dumps(content, sort_keys=True)
    return tree


def section(report: Report, anchor: str) -> Section:
    (found,) = [one for one in report.sections + report.annex if one.anchor == anchor]
    return found


def anchors(report: Report) -> list[str]:
    return [one.anchor for one in report.sections + report.annex]


def tables(found: Section) -> list[Table]:
    return [part for part in found.parts if isinstance(part, Table)]


def parameter(report: Report, **where: str) -> dict[str, Any]:
    (row,) = [
        row
        for row in report.numbers["parameters"]
        if all(row[name] == value for name, value in where.items())
    ]
    return row


# Slopes and noise of all laws on one scale


@pytest.mark.parametrize("law", some(LAWS, 4))
def test_slopes_are_orders_of_magnitude_of_error(law: str) -> None:
    idata = fits()[law]
    posterior = group(idata, "posterior")
    reference = group(idata, "constant_data")["reference_error"]
    gain = get_law(law).gain(reference, posterior.get("floor", 0.0))
    shown = PosteriorView.of(idata).parameters("posterior")
    np.testing.assert_allclose(shown["slope"], posterior["slope"] / gain)
    np.testing.assert_allclose(shown["noise"], posterior["noise"] / gain)
    found = build_report(idata, scenario=None)
    row = parameter(found, stage="posterior", task="imagenet", quantity="slope")
    assert row["median"] == pytest.approx(float(shown["slope"].sel(task="imagenet").median()))
    exponent = parameter(found, stage="posterior", task="imagenet", quantity="exponent")
    summary = summarize(idata).set_index(["task", "quantity"])
    assert exponent["median"] == pytest.approx(summary.loc[("imagenet", "exponent"), "median"])


def test_every_law_sees_the_same_slopes_of_the_same_world() -> None:
    medians = [
        float(PosteriorView.of(idata).parameters("posterior")["slope"].median()) for idata in fits().values()
    ]
    np.testing.assert_allclose(medians, medians[0], rtol=0.05)
    mixed = float(PosteriorView.of(stacked()).parameters("posterior")["slope"].median())
    assert mixed == pytest.approx(medians[0], rel=0.1)


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("law", some(reversed(LAWS), 4))
def test_every_law_has_a_report(law: str) -> None:
    found = build_report(synthetic_fit(law=law, robust=True), scenario=None)
    assert found.failures == ()
    text = Reader(render_html(found)).text
    assert ("Irreducible error" in text) == (law == "saturating")
    assert "Degrees of freedom between papers" in text
    assert "Correlation of systems of one paper" in text
    assert LAWS[law].formula in text
    assert "nan" not in text.lower().split()


def test_parameters_of_switches_that_are_off_are_not_told() -> None:
    idata = synthetic_fit(paper_effect=False, flagged_error=False, measurement_error=False)
    found = build_report(idata, scenario=None)
    text = Reader(render_html(found)).text
    assert "Correlation of systems" not in text
    assert "in common" not in text
    assert {row["quantity"] for row in found.numbers["parameters"]} == {
        "slope",
        "exponent",
        "noise",
        "progress",
    }


# The stack


@pytest.mark.usefixtures("undrawn")
def test_the_report_on_a_stack_tells_laws_and_weights() -> None:
    assert report().failures == ()
    assert "sensitivity" not in anchors(report())
    (table,) = tables(section(report(), "laws"))
    assert [row[0] for row in table.rows] == sorted(WEIGHTS, key=lambda law: -WEIGHTS[law])
    assert [row[1] for row in table.rows] == ["0.40", "0.30", "0.20", "0.10"]
    assert [row[2] for row in table.rows][:2] == ["0", "−2.5 ± 1.5"]
    assert [column.header for column in table.columns if "Pareto" in column.header] == []
    assert [row["weight"] for row in report().numbers["laws"]] == pytest.approx([0.4, 0.3, 0.2, 0.1])
    assert "mixture of 4 laws" in report().title
    assert "the mean of the stacking weights given how well mixtures" in Reader(render_html(report())).text


@pytest.mark.slow
def test_weights_without_a_comparison_stand_alone() -> None:
    found = build_report(stack(fits(), WEIGHTS, progressbar=False), scenario=None)
    (table,) = tables(section(found, "laws"))
    assert [column.header for column in table.columns] == ["Law", "Weight", "Linear in log10 compute"]
    assert [row[1] for row in table.rows] == ["0.40", "0.30", "0.20", "0.10"]


@pytest.mark.slow
def test_pareto_k_is_told_where_there_is_one() -> None:
    found = build_report(stack(fits(), comparison(0.62), progressbar=False), scenario=None)
    (table,) = tables(section(found, "laws"))
    place = [column.header for column in table.columns].index("Worst Pareto k")
    assert {row[place] for row in table.rows} == {"0.62"}


def test_checks_of_a_stack_are_grouped_by_fit() -> None:
    table, *_ = tables(section(report(), "checks"))
    assert [column.header for column in table.columns][:2] == ["Fit", "Check"]
    assert [row[0] for row in table.rows if row[0]] == list(LAWS)
    assert table.rows[0][1] == "R-hat"


def test_the_floor_of_a_stack_is_that_of_its_law() -> None:
    row = parameter(report(), stage="posterior", task="imagenet", quantity="floor")
    floor = group(stacked(), "posterior")["floor"].sel(task="imagenet").values
    assert row["median"] == pytest.approx(np.median(floor[floor > 0]))
    no_floor = stack(fits(), {**WEIGHTS, "saturating": 0.0}, progressbar=False)
    found = build_report(no_floor, scenario=None)
    assert "floor" not in {row["quantity"] for row in found.numbers["parameters"]}
    assert found.failures == ()


def test_ranks_of_a_stack_are_those_of_one_law() -> None:
    names = plot_ranks(stacked())
    titles = [ax.get_title(loc="left") for ax in names.axes]
    assert titles
    assert all(title.endswith(tuple(f"({law})" for law in LAWS)) for title in titles)


@pytest.mark.slow
def test_a_stack_gives_the_same_bytes_from_memory_and_from_a_file(tmp_path: Path) -> None:
    trace = save_trace(stacked(), tmp_path / "stack.nc")
    first = write_report(stacked(), tmp_path / "one.html", scenario=None)
    second = write_report(open_trace(trace), tmp_path / "two.html", scenario=None)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert first[0].stat().st_size < 1_500_000


# Sensitivity


def test_sensitivity_names_the_prior_with_most() -> None:
    idata, found = fits()["power"], plain()
    (table,) = tables(section(found, "sensitivity"))
    stored = group(idata, "sensitivity")["power_scaling"]
    single = stored.drop_sel(component=["prior", "likelihood"])
    assert len(table.rows) == stored.sizes["quantity"]
    assert table.rows[0][0] == "Slope, ImageNet"
    first = stored.isel(quantity=0)
    assert table.rows[0][1:3] == tuple(
        f"{float(first.sel(component=c)):.3f}" for c in ("prior", "likelihood")
    )
    largest = int(np.argmax(single.isel(quantity=0).values))
    assert table.rows[0][3] == str(single["component"].values[largest])
    assert found.numbers["sensitivity"][0]["quantity"] == "slope[imagenet]"


def test_a_tree_without_sensitivity_has_no_such_section() -> None:
    tree = fits()["power"].copy()
    del tree["sensitivity"]
    found = build_report(tree, scenario=None)
    assert "sensitivity" not in anchors(found)
    assert found.numbers["sensitivity"] is None


@pytest.mark.slow  # `test_report` asks it of a fit
def test_names_of_tasks_are_no_markup_in_the_sections_of_a_stack() -> None:
    fits = {law: synthetic_fit(NASTY, law=law, draws=40) for law in LAWS}
    found = build_report(stack(fits, WEIGHTS), scenario=None)
    assert not [name for name, _ in Reader(render_html(found)).elements if name in ("script", "img", "b")]


# Progress


def test_progress_has_the_numbers_of_the_summary() -> None:
    found = plain()
    expected = summarize(fits()["power"]).astype(object).where(lambda frame: frame.notna(), None)
    told = pd.DataFrame(found.numbers["progress"]).astype(object)
    told = told.where(told.notna(), None)
    pd.testing.assert_frame_equal(told, expected, check_dtype=False)
    table = tables(section(found, "progress"))[0]
    assert [row[0] for row in table.rows] == ["ImageNet", "my task", "Prior, all tasks"]


def test_literature_is_converted_to_one_unit() -> None:
    rows = {row["at"]: row for row in plain().numbers["literature"]}
    published = load_table("literature_intervals").drop_duplicates("quantity").set_index("quantity")
    halving = rows["all errors"]
    assert [halving[f"halving_month{end}"] for end in ("", "_lower", "_upper")] == pytest.approx(
        published.loc["imagenet_compute_halving", ["median", "lower", "upper"]].tolist()
    )
    assert halving["gain_per_year"] == pytest.approx(2 ** (12 / 9))
    assert rows["all errors, year as a control"]["gain_per_year"] == pytest.approx(2.2)
    assert rows["the error of ResNet-50"]["gain_per_year"] == pytest.approx(10**0.25)
    assert {row["task"] for row in rows.values()} == {"imagenet"}


def test_progress_needs_the_switch_and_literature_the_task() -> None:
    without = build_report(synthetic_fit(algorithmic_progress=False), scenario=None)
    assert "progress" not in anchors(without)
    mine = build_report(synthetic_fit(("mine",), pooling="none"), scenario=None)
    assert mine.numbers["literature"] == []
    assert len(tables(section(mine, "progress"))) == 1
    exact = build_report(synthetic_fit(measurement_error=False), scenario=None)
    columns = [column.header for column in tables(section(exact, "progress"))[0].columns]
    assert columns == ["Task", "Algorithmic progress", "Compute halves"]


# The scorecard


@cache
def scores() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for cutoff in (2016, 2017):
        for system in range(40):
            for forecaster in ("stack", "power", "unpooled", "least_squares_power"):
                known = forecaster != "least_squares_power" or system < 30
                rows.append(
                    {
                        "cutoff": cutoff,
                        "forecaster": forecaster,
                        "task": "imagenet" if system < 20 else "my task",
                        "system": f"system {system}",
                        "log_score": rng.normal(2.0) if known else math.nan,
                        "crps": rng.gamma(2.0, 0.02) if known else math.nan,
                        "pit": rng.uniform() if known else math.nan,
                    }
                )
    return pd.DataFrame(rows)


def test_the_scorecard_stands_in_reports_on_the_reference_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "plot_calibration", plot_calibration)
    monkeypatch.setattr(report_reading, "load_scorecard", scores)
    assert "scorecard" not in anchors(plain())
    found = build_report(of_reference(fits()["power"]), scenario=None)
    assert found.failures == ()
    (table,) = tables(section(found, "scorecard"))
    summary = summarize(scores())
    assert [row[0] for row in table.rows] == ["stack", "power law", "unpooled", "least squares"]
    for cells, row in zip(table.rows, summary.to_dict(orient="records"), strict=True):
        assert cells[3:6] == tuple(f"{100 * row[f'coverage_{p}']:.0f} %" for p in (50, 80, 90))
        assert cells[6:] == (str(row["systems"]), str(row["not_predicted"]))
    assert found.numbers["scorecard"]["by_forecaster"] == summary.to_dict(orient="records")
    assert "2016 and 2017" in Reader(render_html(found)).text


def test_a_missing_scorecard_is_no_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> pd.DataFrame:
        raise DataError("data file 'scorecard.csv' not found")

    monkeypatch.setattr(report_reading, "load_scorecard", missing)
    found = build_report(of_reference(fits()["power"]), scenario=None)
    assert "scorecard" not in anchors(found)
    assert found.numbers["scorecard"] is None


def test_a_calibration_that_cannot_be_drawn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "plot_calibration", plot_calibration)
    monkeypatch.setattr(report_reading, "load_scorecard", lambda: scores().groupby("forecaster").head(3))
    found = build_report(of_reference(fits()["power"]), scenario=None)
    assert [failure.name for failure in found.failures] == ["scorecard"]
    assert "expected at least 5" in found.failures[0].reason


# Simulations


def test_calibration_by_simulation_stands_in_reports_on_the_model_it_is_of() -> None:
    found = build_report(open_trace("logistic-2026.11"), scenario=None)
    assert found.failures == ()
    (table,) = tables(section(found, "simulated"))
    summary = summarize(open_trace("sbc-logistic-2026.11"))
    projected = summary["quantity"].str.startswith("training_compute[")
    for cells, rows in zip(table.rows, (summary[~projected], summary[projected]), strict=True):
        assert cells[1] == str(len(rows))
        assert cells[2:4] == tuple(f"{100 * rows[f'coverage_{p}'].mean():.1f} %" for p in (50, 90))
        assert cells[4] == str(int((rows["p_value"] < 0.05).sum()))
    assert found.numbers["simulated"] == summary.to_dict(orient="records")


def test_calibration_of_todays_release_is_found_though_its_manifest_has_another_option() -> None:
    found = report_reading._simulated(PosteriorView.of(open_trace("five-tasks-2019-2026.12")))
    assert found is not None
    assert found.manifest["model"].keys() != manifest(open_trace("five-tasks-2019-2026.12"))["model"].keys()


@pytest.mark.parametrize("changed", ["priors", "model", "data"])
def test_calibration_of_another_model_does_not(changed: str) -> None:
    tree = open_trace("logistic-2026.11").copy()
    content = manifest(tree)
    if changed == "priors":
        content["priors"]["compute_error"]["sigma"] *= 2
    elif changed == "model":
        content["model"]["paper_effect"] = False
    else:
        content["data"]["sha256"] = "0" * 64
    tree.attrs["manifest"] = json.dumps(content, sort_keys=True)
    assert report_reading._simulated(PosteriorView.of(tree)) is None


# The figures


@pytest.mark.parametrize("width", [8.9, 4.17])
def test_calibration_is_drawn_the_same_whatever_the_settings(width: float) -> None:
    before = dict(mpl.rcParams)
    expected = to_svg(plot_calibration(scores(), width=width))
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "text.parse_math": True}):
        assert to_svg(plot_calibration(scores(), width=width)) == expected
    assert plot_calibration(scores(), width=width).get_figwidth() == width


def test_calibration_curves_are_the_coverage_of_the_summary() -> None:
    figure = plot_calibration(scores(), forecasters=["power"])
    line = figure.axes[0].lines[1]
    drawn = dict(zip(np.round(line.get_xdata(), 2), line.get_ydata(), strict=True))
    row = summarize(scores()).set_index("forecaster").loc["power"]
    for probability in (0.5, 0.8, 0.9):
        assert drawn[probability] == pytest.approx(row[f"coverage_{round(100 * probability)}"])


@pytest.mark.parametrize(
    ("forecasters", "message"),
    [([], "one to 4"), (list("abcde"), "one to 4"), (["oracle"], r"oracle \(0\)")],
)
def test_calibration_refuses_what_it_cannot_draw(forecasters: list[str], message: str) -> None:
    with pytest.raises(FigureError, match=message):
        plot_calibration(scores(), forecasters=forecasters)


def test_slopes_of_a_stack_are_drawn_on_the_scale_of_error() -> None:
    ax = plot_slopes(stacked())
    assert "powers of ten of error" in ax.get_xlabel()
    low, high = ax.get_xlim()
    median = float(np.log10(PosteriorView.of(stacked()).parameters("posterior")["slope"].median()))
    assert low < median < high


def test_a_stack_is_refused_where_a_law_is_asked() -> None:
    with pytest.raises(OptionError):
        stack({"a": stacked(), "b": fits()["power"]}, {"a": 1.0, "b": 1.0})
