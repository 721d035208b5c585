"""Cost and carbon in the report: the numbers of the library, and what they assume beside them."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from tests.some import some
from tests.synthetic import synthetic_fit
from tests.test_report import NASTY, Reader

from scaling_bayes import summary
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.affordability import affordability, probability_by_year
from scaling_bayes.projection.decompose import decompose
from scaling_bayes.projection.forecast import amount_label
from scaling_bayes.projection.largest_machines import record_machine_time
from scaling_bayes.projection.project import project
from scaling_bayes.projection.reached import reached
from scaling_bayes.projection.required_gain import compare_routes, required_gain
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.report import Report, build_report, render_html, write_report
from scaling_bayes.report.answer import first_year_text
from scaling_bayes.report.blocks import FailurePart
from scaling_bayes.report.cost_facts import DEFAULT_BUDGETS, Budget, read_budgets
from scaling_bayes.report.finding import target_text
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.text import (
    CARBON,
    COMPUTE,
    COST,
    QUANTITIES,
    answer_in_words,
    days_in_words,
    error_text,
    format_interval,
    share_text,
)

TARGETS = {"imagenet": [0.1, 0.05], "my task": [0.15]}
FLOORS = load_tasks()["floor"].to_dict()
pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unplotted")]


@cache
def fit() -> Any:
    return synthetic_fit()


#: What the pictures of `report` are given: a table, and by name what they say to those who do not see them.
PICTURES: dict[str, Any] = {}


def keep_alt(_: object, *, name: str, alt: str) -> str:
    PICTURES[name] = alt
    return ""


@cache
def report() -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scaling_bayes.figures.to_svg", keep_alt)
        patch.setattr(
            "scaling_bayes.figures.plot_affordability", lambda frame, **_: PICTURES.update(frame=frame)
        )
        return build_report(fit(), targets=TARGETS, years=[2030])


@cache
def text() -> str:
    return Reader(render_html(report())).text


def costs() -> dict[str, Any]:
    found: dict[str, Any] = report().numbers["costs"]
    return found


# The numbers are those of the library


def test_compute_cost_and_carbon_stand_in_the_answer() -> None:
    answer, annex = (Reader(part).text for part in render_html(report()).split('<details id="annex"'))
    for row in summary(project(fit(), TARGETS, 2030, scenario="trend")).to_dict("records"):
        assert format_interval(row["median"], row["lower_90"], row["upper_90"]) in annex
        if row["quantity"] == "log10_cost_usd":
            assert answer_in_words(row) in answer
    assert "10^" not in answer


@pytest.mark.parametrize("position", range(len(DEFAULT_BUDGETS)))
def test_affordability_is_that_of_the_library(position: int) -> None:
    projection = project(fit(), TARGETS, "yearly", scenario="trend")
    answer = affordability(projection, **DEFAULT_BUDGETS[position].asked)
    found = costs()["budgets"][position]
    by_year = probability_by_year(answer)
    for one in found["affordability"]:
        rows = by_year[(by_year["task"] == one["task"]) & (by_year["error"] == one["error"])]
        assert one["years"] == rows["year"].tolist()
        assert one["within_budget"] == rows["within_budget"].tolist()
    first = summary(answer).drop(columns="note")
    assert len(found["affordability"]) == len(first)
    pd.testing.assert_frame_equal(pd.DataFrame(found["first_year"]), first)
    # The grid leaves out what is reached or at the noise of the labels; the picture is of the largest budget.
    grid = render_html(report()).partition('<section id="affordable"')[2].partition("</section>")[0]
    done = set(reached(projection)[["task", "error"]].itertuples(index=False, name=None))
    for row in first.to_dict("records"):
        left_out = (row["task"], row["error"]) in done or row["error"] <= FLOORS.get(row["task"], 0.0)
        assert left_out == (row["task"] == "imagenet")
        assert (target_text(row) in Reader(grid).text) != left_out
        assert left_out or first_year_text(row).replace(" to ", "–") in Reader(grid).text
        if DEFAULT_BUDGETS[position].amount == 1e9:
            pd.testing.assert_frame_equal(PICTURES["frame"], by_year)
            said = f"first {first_year_text(row)}, never {share_text(row['never'])}"
            assert f"{error_text(row['error'])}: {said}" in PICTURES["affordability-wide"]


@pytest.mark.parametrize("position", range(len(DEFAULT_BUDGETS)))
def test_gains_and_routes_are_those_of_required_gain(position: int) -> None:
    projection = project(fit(), TARGETS, 2030, scenario="trend")
    gain = required_gain(projection, **DEFAULT_BUDGETS[position].asked)
    found = costs()["budgets"][position]
    expected = summary(gain).drop(columns="note")
    pd.testing.assert_frame_equal(pd.DataFrame(found["required_gain"]), expected)
    for row in expected.to_dict("records"):
        assert format_interval(row["median"], row["lower_90"], row["upper_90"]) in text()
    routes = compare_routes(gain)
    assert [row["probability_enough"] for row in found["routes"]] == routes["probability_enough"].tolist()


def test_machine_and_decomposition_are_those_of_the_library() -> None:
    projection = project(fit(), TARGETS, 2030, scenario="trend")
    days = record_machine_time(projection)["record_machine"]["log10_days"]
    medians = [float(days.isel(target=i).median()) for i in range(3)]
    assert [row["median"] for row in costs()["record_machine"]] == pytest.approx(medians)
    assert days_in_words(medians[0]) in text()
    shares = decompose(projection, targets=[("imagenet", 0.05), ("my task", 0.15)])
    found = pd.DataFrame(costs()["decomposition"])
    pd.testing.assert_frame_equal(found, shares, check_dtype=False)
    assert found["share"].sum() == pytest.approx(2.0)


def test_many_targets_are_asked_in_parts_and_give_the_same_numbers() -> None:
    targets = {"imagenet": [0.3 - 0.01 * i for i in range(17)]}
    found = build_report(fit(), targets=targets, budget_usd=1e6).numbers["costs"]["budgets"][0]
    expected = summary(affordability(project(fit(), targets, "yearly", scenario="trend"), budget_usd=1e6))
    assert [row["never"] for row in found["first_year"]] == expected["never"].tolist()


# What is said beside them


def test_year_kind_scenario_and_what_a_burden_counts_are_said() -> None:
    assert "in 2030" in report().title
    assert "scenario trend" in report().status
    for words in ("for one new system", "device-hours at peak rate", "data-centre GPUs at FP32 peak"):
        assert words in text()


def test_assumptions_stand_where_the_numbers_are() -> None:
    page = render_html(report())
    for row in Scenario.named("trend").describe().to_dict("records"):
        assert costs()["assumptions"].count(row) == 1
        assert row["assumed"] in Reader(page).text
        assert row["source"] in Reader(page).text


def test_budgets_and_yardsticks_are_named() -> None:
    for words in ("10 million USD", "1 billion USD", "10 thousand tonnes CO2e", "not by 2100"):
        assert words in text()
    gdp = load_table("yardsticks").set_index("name")["value"]["world_gdp"]
    assert costs()["yardsticks"]["log10_cost_usd"] == {"world GDP of 2023": math.log10(gdp)}
    assert QUANTITIES[COST].most == pytest.approx(math.log10(gdp))


def test_every_route_has_its_source() -> None:
    links = {a["href"] for a in Reader(render_html(report())).all("a")}
    assert set(load_table("routes")["url"]) <= links


# Scenarios and budgets


def test_without_a_scenario_there_is_no_cost() -> None:
    plain = build_report(fit(), scenario=None)
    years = plain.numbers["projection"]["years"]
    pd.testing.assert_frame_equal(plain.projection, summary(project(fit(), years=years)))
    page = Reader(render_html(plain)).text
    assert "no price, energy or hardware trend enters" in page
    assert "When could we afford it?" not in page
    assert "costs" not in plain.numbers
    assert plain.numbers["projection"]["scenario"].startswith("training compute only")
    with pytest.raises(OptionError, match="needs a scenario"):
        build_report(fit(), scenario=None, budget_usd=1e6)


def test_own_scenario_and_budgets_are_used_and_named() -> None:
    own = Scenario.named("stalled", name=NASTY[0], region="FRA", algorithmic_progress="frozen")
    built = build_report(fit(), targets=TARGETS, years=[2040], scenario=own, budget_usd=123456, carbon_kg=500)
    page = render_html(built)
    assert not [name for name, _ in Reader(page).elements if name == "script"]
    assert NASTY[0] in Reader(page).text
    assert "123,456 USD" in Reader(page).text
    assert "500 kg CO2e" in Reader(page).text
    assert "as they were at the end of the data" in Reader(page).text
    assert [next(iter(one)) for one in built.numbers["costs"]["budgets"]] == ["budget_usd", "carbon_kg"]
    assert built.numbers["projection"]["scenario"]["region"] == "FRA"


@pytest.mark.parametrize("scenario", ["trend", None])
def test_slow_and_fast_progress_are_those_of_the_command_line(scenario: str | None) -> None:
    built = build_report(fit(), targets={"imagenet": [0.1]}, years=[2030], scenario=scenario)
    words = Reader(render_html(built)).text
    for name, said in (
        ("slow", "(half in 16 months), ImageNet at 10 % takes "),
        ("fast", "if fast (5 months), "),
    ):
        own = Scenario.named("trend", algorithmic_progress=name)
        table = summary(project(fit(), {"imagenet": [0.1]}, 2030, scenario=own)).set_index("quantity")
        told = COMPUTE if scenario is None else COST
        median = float(table.loc[told, "median"])
        assert built.numbers["projection"]["by_progress"][name] == pytest.approx(median, abs=1e-12)
        assert said + QUANTITIES[told].in_words(median) in words


@pytest.mark.parametrize(
    ("scenario", "kind"),
    some([("thompson2020", "mean"), ("accelerated", "mean"), ("stalled", "predictive")], 3),
)
def test_every_named_scenario_and_kind_has_a_report(scenario: str, kind: str) -> None:
    built = build_report(fit(), targets=TARGETS, years=[2025, 2030], kind=kind, scenario=scenario)
    assert built.failures == ()
    words = Reader(render_html(built)).text
    assert "nan" not in words.lower().split()
    assert f"scenario {scenario}" in words.lower()


def test_budgets_are_read_or_refused() -> None:
    assert read_budgets(None, None) == DEFAULT_BUDGETS
    assert read_budgets([1, 2], 3) == (
        Budget("budget_usd", 1.0),
        Budget("budget_usd", 2.0),
        Budget("carbon_kg", 3.0),
    )
    for wrong in (0, math.inf, "much", [1e6, 1e6]):
        with pytest.raises(OptionError):
            read_budgets(wrong, None)


def test_a_target_without_finite_variance_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.report import cost_facts as costing

    def refuse(projection: Any, targets: list[tuple[str, float]]) -> pd.DataFrame:
        if any(task == "imagenet" for task, _ in targets):
            raise OptionError("imagenet 5 % is unreachable in some draws.")
        return decompose(projection, targets=targets)

    monkeypatch.setattr(costing, "decompose", refuse)
    built = build_report(fit(), targets=TARGETS)
    assert built.numbers["costs"]["not_decomposed"] == {
        "imagenet": "imagenet 5 % is unreachable in some draws."
    }
    assert "No decomposition for ImageNet" in Reader(render_html(built)).text


def test_a_picture_of_cost_that_cannot_be_drawn_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no ink")

    monkeypatch.setattr("scaling_bayes.figures.plot_affordability", refuse)
    built = build_report(fit(), targets=TARGETS)
    assert [failure.name for failure in built.failures] == ["affordability"]
    assert all(isinstance(failure, FailurePart) for failure in built.failures)


def test_files_hold_finite_numbers(tmp_path: Path) -> None:
    one = write_report(fit(), tmp_path / "one.html", targets=TARGETS, scenario="accelerated")
    found = json.loads(one[1].read_text(), parse_constant=pytest.fail)
    assert found["costs"]["hardware_digest"]
    assert "costs" in found["schema"]
    assert set(pd.read_csv(one[2])["quantity"]) == {
        "log10_training_compute_flop",
        "log10_cost_usd",
        "log10_energy_kwh",
        "log10_carbon_kg",
    }


# Words


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (QUANTITIES[COST].in_words(6.83), "6.8 million USD"),
        (QUANTITIES[COST].in_words(30.61), "more than the world produces in a year"),
        (QUANTITIES[COST].in_words(-2.0), "0.01 USD"),
        (QUANTITIES[COST].in_words(-3.0), "under 0.01 USD"),
        (QUANTITIES[COST].in_words(math.inf), "not attainable by scaling alone"),
        (QUANTITIES[CARBON].in_words(-0.2), "0.63 kg CO2e"),
        (QUANTITIES[CARBON].in_words(2.0), "100 kg CO2e"),
        (QUANTITIES[CARBON].in_words(3.0), "1 tonne CO2e"),
        (QUANTITIES[CARBON].in_words(7.0), "10 thousand tonnes CO2e"),
        (QUANTITIES[COST].interval(6.46, 4.08, 10.3), "2.9 million USD (12 thousand to 20 billion)"),
        (
            QUANTITIES[COST].interval(13.7, 8.9, 25),
            "50 trillion USD (790 million USD to beyond world output)",
        ),
        (QUANTITIES[COST].interval(7, 5, math.inf), "10 million USD (100 thousand USD to unattainable)"),
        (QUANTITIES[CARBON].interval(2.9, 1, 3.5), "790 kg CO2e (10 kg to 3.2 tonnes)"),
        (
            QUANTITIES[COST].interval(25, 9, 50),
            "more than the world produces in a year (at least 1 billion USD)",
        ),
        (
            QUANTITIES[COST].interval(math.inf, 9, math.inf, 0.63),
            "not attainable by scaling alone (probability 63 %)",
        ),
        (Budget("budget_usd", 1e15).label, "1,000 trillion USD"),
        (Budget("budget_usd", 0.001).label, "0.001 USD"),
        (Budget("carbon_kg", 1e15).label, "1 trillion tonnes CO2e"),
        (amount_label({"budget_usd": 1e15, "carbon_kg": 1e4}), "1,000 trillion USD and 10 tonnes CO2e"),
        (days_in_words(0.0), "1 day"),
        (days_in_words(math.inf), "not attainable by scaling alone"),
    ],
)
def test_amounts_in_words(words: str, expected: str) -> None:
    assert words == expected
