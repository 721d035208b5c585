"""The what-if page without a browser: fields to arguments, answers, calls to copy, positions, the command."""

from __future__ import annotations

import builtins
import contextlib
import io
import itertools
import json
import math
import os
import shlex
import signal
import socket
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from tests.commands import run
from tests.patience import PATIENCE
from tests.some import some
from tests.synthetic import synthetic_fit

from scaling_bayes import (
    OptionError,
    Scenario,
    affordability,
    estimate_run,
    forecast,
    open_trace,
    project,
    save_trace,
    summary,
)
from scaling_bayes.core.laws import LAWS
from scaling_bayes.explore import app
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.bars import band_of, curve_of, interval_bar
from scaling_bayes.explore.calls import command_lines, number_text, python_call
from scaling_bayes.explore.choices import error_steps, read_choices
from scaling_bayes.explore.guard import is_loopback
from scaling_bayes.explore.page import Page, other_laws
from scaling_bayes.explore.run_page import RunPage
from scaling_bayes.explore.settings import Settings, read_settings
from scaling_bayes.intervals import quantiles as quantiles_of
from scaling_bayes.model.evaluate.stack import stack
from scaling_bayes.projection.affordability import probability_by_year, share_within_budget
from scaling_bayes.steering import steered_by
from scaling_bayes.text import QUANTITIES, answer_in_words
from scaling_bayes.trace.releases import REFERENCE_TRACE
from scaling_bayes.trace.schema import group, manifest

pytestmark = pytest.mark.long

FIELDS = {"task": "imagenet", "error": "5", "year": "2030", "scenario": "trend"}
CHIP = "NVIDIA A100 PCIe"


@cache
def fitted() -> xr.DataTree:
    return synthetic_fit(("imagenet", "my task"), law="saturating")


@cache
def stacked() -> xr.DataTree:
    fits = {law: synthetic_fit(("imagenet", "my task"), law=law) for law in LAWS}
    return stack(fits, dict.fromkeys(fits, 0.25), progressbar=False)


@cache
def explorer() -> Explorer:
    return Explorer(fitted())


@cache
def page() -> Page:
    return Page(fitted(), "trace.nc")


def settings(**fields: str) -> Settings:
    return read_settings({**FIELDS, **fields})


# Fields


@pytest.mark.parametrize(
    ("text", "error"),
    [
        *(("5", 0.05), ("5%", 0.05), (" 5 % ", 0.05), ("0.05", 0.05), ("0,05", 0.05), ("5e-2", 0.05)),
        *(("11.5", 0.115), ("4.621 %", 0.04621), ("0.7 %", 0.007), ("5 percent", 0.05), ("1e-9 %", 1e-11)),
    ],
)
def test_an_error_is_read_as_people_write_it(text: str, error: float) -> None:
    assert settings(error=text).error == error


@pytest.mark.parametrize(
    ("text", "usd"),
    [
        *(("1e7", 1e7), ("10 million", 1e7), ("$10,000,000", 1e7), ("10M USD", 1e7), ("1 000 000", 1e6)),
        *(("2.5 bn", 2.5e9), ("usd 3 trillion", 3e12), ("5 thousand dollars", 5e3), ("7B", 7e9)),
    ],
)
def test_a_budget_is_read_as_people_write_it(text: str, usd: float) -> None:
    assert settings(budget_usd=text).budgets == {"budget_usd": usd}


@pytest.mark.parametrize(("text", "kg"), [("10 tonnes", 1e4), ("3 kg CO2e", 3.0), ("2 thousand t", 2e6)])
def test_a_mass_is_read_as_people_write_it(text: str, kg: float) -> None:
    assert settings(carbon_kg=text).budgets == {"carbon_kg": kg}


@pytest.mark.parametrize(
    ("fields", "changes"),
    [
        ({}, {}),
        ({"price": "purchase", "grid": "France"}, {"price": "purchase", "region": "France"}),
        ({"hardware": "class:tpu"}, {"device_class": "tpu"}),
        ({"algorithmic_progress": "frozen"}, {"algorithmic_progress": "frozen"}),
        ({"grid": "own", "grid_kg_per_kwh": "0.05"}, {"grid_kg_per_kwh": 0.05}),
        (
            {"hardware": f"device:{CHIP}", "price": "own", "usd_per_chip_hour": "1.5", "own_year": "2024"},
            {"device_class": "gpu_datacenter", "device": CHIP, "usd_per_chip_hour": 1.5, "own_year": 2024.0},
        ),
        ({"scenario": "thompson2020", "price": "own", "usd_per_chip_hour": "2"}, {"usd_per_chip_hour": 2.0}),
        ({"scenario": "none", "price": "purchase"}, {}),
        ({"usd_per_chip_hour": "2", "grid_kg_per_kwh": "nonsense"}, {}),
    ],
)
def test_fields_change_the_scenario_as_one_would(fields: dict[str, str], changes: dict[str, Any]) -> None:
    found = settings(**fields)
    assert dict(found.changes) == changes
    name = fields.get("scenario", "trend")
    assert found.scenario() == (None if name == "none" else Scenario.named(name, **changes))


WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"error": ""}, "error", "Enter a target error, such as 5 %. Or a budget."),
    ({"error": "", "scenario": "none", "budget_usd": "1e8"}, "error", "A budget needs prices"),
    ({"error": "500"}, "error", "between 0 and 100 %"),
    ({"error": "0"}, "error", "between 0 and 100 %"),
    ({"error": "five"}, "error", "Found 'five' for the target error; expected such as 5 % or 0.05"),
    ({"error": "nan"}, "error", "expected such as 5 %"),
    ({"year": "soon"}, "year", "Found 'soon' for the year"),
    ({"year": "1066"}, "year", "1066 must lie between 1900 and 2300"),
    ({"scenario": "wild"}, "scenario", "expected one of thompson2020, trend"),
    ({"kind": "wild"}, "kind", "expected one of predictive, mean"),
    ({"price": "own", "usd_per_chip_hour": ""}, "usd_per_chip_hour", "Enter a price"),
    ({"price": "own", "usd_per_chip_hour": "1"}, "hardware", "choose one here"),
    ({"grid": "own"}, "grid_kg_per_kwh", "Enter a carbon intensity"),
    ({"budget_usd": "much"}, "budget_usd", "Found 'much'; expected a budget in USD"),
    ({"budget_usd": "5 tonnes"}, "budget_usd", "Found '5 tonnes'"),
    # What the library refuses.
    ({"budget_usd": "-3"}, "budget_usd", "Found -3 must be a finite number of USD above 0"),
    ({"year": "1905"}, "year", "before the first system of the fit"),
    ({"year": "2150"}, "year", "beyond the horizon"),
    ({"grid": "Nowhere"}, "grid", "not in the tables"),
    ({"task": "wild"}, "task", "not in the fit"),
    ({"trace": "wild"}, "trace", "expected one that the page offers"),
]


@pytest.mark.parametrize(("fields", "field", "said"), WRONG)
def test_what_is_wrong_with_a_field_is_said_at_that_field(
    fields: dict[str, str], field: str, said: str
) -> None:
    every = dict.fromkeys(("trace", "budget_usd", "grid", "hardware"), "")
    found = app.reply(explorer(), page(), {**every, **FIELDS, **fields, "serial": 7})
    assert (found["serial"], found["field"]) == (7, field)
    assert said in found["spoken"]
    assert 'class="problem"' in found["html"]


def test_a_budget_without_costs_is_not_asked() -> None:
    assert settings(scenario="none", budget_usd="1e8").budgets == {}
    assert settings(budget_usd="1e8", carbon_kg="").budgets == {"budget_usd": 1e8}


# Answers


@pytest.mark.parametrize("make", [fitted, stacked], ids=["fit", "stack"])
@pytest.mark.parametrize(
    "fields",
    [
        {"scenario": "none"},
        {},
        {"kind": "mean", "year": "2041.5", "algorithmic_progress": "frozen"},
        {"scenario": "thompson2020", "grid": "own", "grid_kg_per_kwh": "0"},
        {"hardware": f"device:{CHIP}", "price": "own", "usd_per_chip_hour": "1", "grid": "us-east1"},
    ],
)
def test_an_answer_is_that_of_project(make: Any, fields: dict[str, str]) -> None:
    asked = settings(**fields)
    explorer = Explorer(make())
    expected = summary(project(make(), {"imagenet": 0.05}, asked.year, asked.kind, scenario=asked.scenario()))
    for _ in range(2):
        answer = explorer.answer(asked)
        pd.testing.assert_frame_equal(answer.summary, expected, check_exact=True)
        assert answer.affordability is None


@pytest.mark.parametrize(
    "budgets", [{"budget_usd": 1e20}, {"carbon_kg": 1e15}, {"budget_usd": 1e9, "carbon_kg": 1e8}]
)
def test_an_answer_on_budgets_is_that_of_the_library(budgets: dict[str, float]) -> None:
    asked = settings(**{name: f"{amount:g}" for name, amount in budgets.items()})
    found = Explorer(fitted()).answer(asked).affordability
    assert found is not None
    yearly = project(fitted(), {"imagenet": 0.05}, "yearly", scenario="trend")
    expected = affordability(yearly, **budgets)
    pd.testing.assert_frame_equal(found.by_year, probability_by_year(expected), check_exact=True)
    pd.testing.assert_frame_equal(found.first_year, summary(expected), check_exact=True)
    tree = project(fitted(), {"imagenet": 0.05}, 2030, scenario="trend")
    within = share_within_budget(tree, budgets.get("budget_usd"), budgets.get("carbon_kg"))
    assert found.within == within["within_budget"].item()


def test_curves_are_those_of_the_library() -> None:
    found = Explorer(fitted()).answer(settings(budget_usd="1e8"))
    years = found.error_by_year["year"]
    assert years.tolist() == list(range(2020, 2051, 2))
    expected = summary(forecast(fitted(), "imagenet", years.tolist(), budget_usd=1e8))
    pd.testing.assert_frame_equal(found.error_by_year, expected, check_exact=True)
    cost = project(fitted(), {"imagenet": 0.05}, 2035, scenario="trend")["projection"]["log10_cost_usd"]
    at = found.need_by_year.set_index("year").loc[2035]
    assert at["quantity"] == "log10_cost_usd"
    assert at["median"] == quantiles_of(cost, [0.5])[0]


def test_a_moved_budget_projects_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.explore import answers

    calls = []
    monkeypatch.setattr(answers, "project", lambda *a, **k: calls.append(a) or project(*a, **k))
    fresh = Explorer(fitted())
    fresh.answer(settings(budget_usd="1e8"))
    assert len(calls) == 2
    fresh.answer(settings(budget_usd="1e9", carbon_kg="1e5"))
    assert len(calls) == 2
    fresh.answer(settings(budget_usd="1e9", year="2031"))
    assert len(calls) == 3


# Calls to copy


@pytest.fixture(scope="module")
def trace_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_trace(stacked(), tmp_path_factory.mktemp("a folder") / "it's.nc"))


CALLS = [
    {"scenario": "none", "task": "my task"},
    {"kind": "mean", "grid": "South Korea", "budget_usd": "1e8", "carbon_kg": "123456789.5"},
    {"hardware": f"device:{CHIP}", "price": "own", "usd_per_chip_hour": "1.25", "own_year": "2024"},
    {"hardware": f"device:{CHIP}", "price": "purchase", "error": "4.621"},
    {"scenario": "thompson2020", "grid": "own", "grid_kg_per_kwh": "0.05", "budget_usd": "1e20"},
    {"error": "", "budget_usd": "10 million", "task": "my task"},
]


@pytest.mark.parametrize("fields", some(CALLS, 3))
def test_the_python_shown_gives_the_numbers_shown(trace_file: str, fields: dict[str, str]) -> None:
    asked = settings(**fields)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(python_call(asked, trace_file), names)
    answer = Explorer(stacked()).answer(asked)
    if answer.summary is not None:
        pd.testing.assert_frame_equal(summary(names["projection"]), answer.summary, check_exact=True)
    if answer.affordability:
        first = summary(names["answer"])
        pd.testing.assert_frame_equal(first, answer.affordability.first_year, check_exact=True)
    if answer.reached:
        assert summary(names["reached"])["median"].item() == answer.reached["median"]


@pytest.mark.parametrize("fields", some(CALLS, 5))
def test_the_commands_shown_give_the_numbers_shown(trace_file: str, fields: dict[str, str]) -> None:
    asked = settings(**fields)
    answer = Explorer(stacked()).answer(asked)
    lines = [shlex.split(line) for line in command_lines(asked, trace_file).splitlines()]
    printed = {line[1]: json.loads(run(*line[1:], "--json").stdout) for line in lines}
    expected = {"project": answer.summary, "afford": answer.affordability, "forecast": answer.reached}
    assert list(printed) == [name for name, found in expected.items() if found is not None]
    if answer.summary is not None:
        for row, known in zip(printed["project"], answer.summary.to_dict(orient="records"), strict=True):
            for name in ("median", "lower_90", "upper_90", "unreachable"):
                assert float(row[name]) == known[name]
            if answer.affordability:
                assert row["within_budget"] == answer.affordability.within
    if answer.affordability:
        first = answer.affordability.first_year.to_dict(orient="records")[0]
        assert {name: float(printed["afford"][0][name]) for name in ("median", "upper_90", "never")} == {
            name: first[name] for name in ("median", "upper_90", "never")
        }
    if answer.reached:
        assert printed["forecast"][0]["median"] == answer.reached["median"]


@pytest.mark.parametrize("value", [2030.0, 2030.5, 1e8, 123456789.0, 1.5e15, 1e300, 0.43, 1e-7])
def test_numbers_read_back_as_they_are(value: float) -> None:
    assert float(number_text(value)) == value


# Choices


def test_choices_are_those_of_the_trace_and_the_tables() -> None:
    found = read_choices(stacked())
    error, task = group(stacked(), "observed_data")["error"], group(stacked(), "constant_data")["system_task"]
    assert [each.name for each in found.tasks] == ["imagenet", "my task"]
    assert found.tasks[0].lowest == pytest.approx(100 * float(error[task == "imagenet"].min()), rel=1e-3)
    assert found.tasks[0].asked == 5.0
    assert found.countries[0] == "World"
    assert "us-east1" in found.clouds
    assert found.fixed["thompson2020"] == ("price", "hardware", "grid")
    assert found.fixed["trend"] == ()
    for region in (*found.countries[:3], *found.clouds[:3]):
        Scenario.named("trend", region=region)
    for chip in (chips[0] for chips in found.chips.values()):
        Scenario.named("trend", device=chip)


@pytest.mark.parametrize("lowest", [50.0, 9.1, 0.02])
def test_the_slider_reaches_well_below_every_observed_error(lowest: float) -> None:
    steps = error_steps(lowest)
    assert list(steps) == sorted(set(steps))
    assert steps[0] <= min(0.1, lowest / 10)
    assert steps[-1] == 95.0
    assert 5.0 in steps


# Positions


def quantiles(*ends: float) -> dict[str, float]:
    return dict(zip(("lower_90", "lower_50", "median", "upper_50", "upper_90"), ends, strict=True))


COMPUTE, COST = (QUANTITIES[name] for name in ("log10_training_compute_flop", "log10_cost_usd"))


def test_a_bar_lies_within_its_axis_in_order() -> None:
    bar = interval_bar(quantiles(18.6, 21.4, 23.0, 24.8, 28.8), COMPUTE, {"near": 25.5, "far": 90.0})
    assert bar.outer is not None
    assert bar.inner is not None
    assert bar.median is not None
    left, width = bar.outer
    inner_left, inner_width = bar.inner
    assert 0 <= left < inner_left < bar.median < inner_left + inner_width < left + width <= 100
    assert not bar.open_ended
    assert [mark.label for mark in bar.marks] == ["near"]
    assert [tick.label for tick in bar.ticks] == ["1 second", "1 hour", "1 year", "1,000 years"]
    assert (
        interval_bar(quantiles(18.5, 21.4, 23.1, 24.8, 28.9), COMPUTE).ticks
        == interval_bar(quantiles(18.6, 21.4, 23.0, 24.8, 28.8), COMPUTE).ticks
    )


def test_no_label_of_a_tick_stands_on_another_or_on_the_budget() -> None:
    bar = interval_bar(quantiles(1.0, 4.0, 6.0, 8.0, 12.0), COST, {"budget": 7.0})
    places = sorted([*(tick.at for tick in bar.ticks), bar.marks[0].at])
    assert min(after - before for before, after in itertools.pairwise(places)) >= 20


def test_what_is_out_of_reach_runs_off_the_axis() -> None:
    inf = math.inf
    bar = interval_bar(quantiles(3.0, 6.0, inf, inf, inf), COST)
    assert bar.open_ended
    assert bar.outer is not None
    assert sum(bar.outer) == 100
    assert bar.median is None
    nothing = interval_bar(quantiles(inf, inf, inf, inf, inf), COST, {"budget": 8.0})
    assert (nothing.outer, nothing.inner, nothing.median) == (None, None, None)
    assert [mark.label for mark in nothing.marks] == ["budget"]
    beyond_the_world = interval_bar(quantiles(5.0, 9.0, 20.0, 30.0, 40.0), COST)
    assert beyond_the_world.open_ended
    assert beyond_the_world.median is None


def test_bands_hold_the_median_and_stay_drawable() -> None:
    rows = [quantiles(-5.0, 2.0, 4.0, 6.0, math.inf), quantiles(1.0, 2.0, 3.0, 4.0, 5.0)]
    frame = pd.DataFrame(rows).assign(year=[2020.0, 2030.0])
    band = band_of(frame, 2025.0, quantity="log10_cost_usd", level=3.0)
    assert (band.asked, [tick.label for tick in band.years]) == (50.0, ["2020", "2030"])
    heights = [float(point.split(",")[1]) for point in band.median[1:].split(" L")]
    assert heights[0] < heights[1] == pytest.approx(band.level, abs=0.01)
    assert "inf" not in band.outer
    errors = frame[["year"]].assign(**{name: [0.2, 0.05] for name in rows[0]})
    assert "5 %" in {tick.label for tick in band_of(errors, 2040.0).values}


def test_a_curve_goes_up_where_the_share_does() -> None:
    frame = pd.DataFrame({"year": [2020.0, 2060.0, 2100.0], "within_budget": [0.0, 0.5, 1.0]})
    curve = curve_of(frame, 2030.0, (2020, 2100))
    assert curve.path == "M0.00,100.00 L50.00,50.00 L100.00,0.00"
    assert curve.asked == 12.5
    assert curve_of(frame, 2012.0, (2020,)).asked is None


# The page


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_every_control_has_a_name() -> None:
    tags = Tags(Page(fitted(), "trace.nc").form()).found
    labels = {at["for"] for tag, at in tags if tag == "label"}
    controls = [at for tag, at in tags if tag in ("select", "input")]
    assert controls
    assert all(at.get("id") in labels or at.get("aria-label") for at in controls)


def test_the_page_about_one_run_answers_as_the_library_and_says_what_is_wrong() -> None:
    page = RunPage(fitted(), "trace.nc")
    tags = Tags(page.whole()).found
    labels = {at["for"] for tag, at in tags if tag == "label"}
    assert all(at.get("id") in labels for tag, at in tags if tag in ("select", "input"))
    fields = {"parameters": "7B", "tokens": "2T", "flop": "", "year": "2024", "utilisation": "0.4:0.3:0.5"}
    found = app.replied({**fields, "reaches": "imagenet", "serial": 3}, page.answered)
    asked = {name: text for name, text in fields.items() if text} | {"year": 2024.0}
    answer = estimate_run(**asked, trace=fitted(), task="imagenet")
    assert found["serial"] == 3
    for text in summary(answer)["in_words"]:
        assert text.partition("^")[0] in found["html"].replace("\N{NO-BREAK SPACE}", " ")
    assert "scaling-bayes run --parameters 7B --tokens 2T --year 2024" in found["html"]
    for name, text, said in (
        ("flop", "1e23", "expected exactly one of"),
        ("device", "<b>", "device=&#39;&lt;b&gt;"),
    ):
        wrong = app.replied({**fields, name: text}, page.answered)
        assert said in wrong["html"]
        assert 'class="problem"' in wrong["html"]


def test_names_are_text_wherever_they_appear() -> None:
    name = '<script>x</script>"><b>{{ 1 }}'
    tree = synthetic_fit((name,), passed=False)
    shown, asked = Page(tree, name), Explorer(tree)
    fields = {**FIELDS, "task": name, "budget_usd": "1e8"}
    replies = [app.reply(asked, shown, {**fields, **more}) for more in ({}, {"task": f"{name}?"})]
    html = shown.form() + "".join(reply["html"] for reply in replies)
    tags = Tags(html).found
    assert "script" not in {tag for tag, _ in tags}
    assert all(at.get("class") for tag, at in tags if tag == "b")
    assert "did not pass" in html


def test_a_task_whose_name_would_steer_the_page_can_be_asked() -> None:
    name = "\x1b[31ma\u202eb"
    tree = synthetic_fit((name,))
    page = Page(tree, "t")
    assert 'value="[31mab"' in page.form()
    found = app.reply(Explorer(tree), page, {**FIELDS, "task": "[31mab"})
    assert 'class="problem"' not in found["html"]
    assert steered_by(found["html"]) == []


def test_the_answer_is_a_sentence_with_its_interval() -> None:
    found = app.reply(explorer(), page(), {**FIELDS, "budget_usd": "10 million", "error": "20"})
    asked = settings(error="20", budget_usd="1e7")
    row = summary(project(fitted(), {"imagenet": 0.2}, 2030, scenario="trend")).iloc[1]
    reached = summary(forecast(fitted(), "imagenet", 2030, budget_usd=1e7))["in_words"].item()
    assert asked.budgets == {"budget_usd": 1e7}
    amount = answer_in_words(row).partition(" (")[0]
    assert (
        f"If a law with a floor holds, getting ImageNet error to 20 % would cost about {amount}"
        in (found["spoken"])
    )
    assert "The chance that 10 million USD would be enough then is" in found["spoken"]
    assert f"Within that budget the error is {reached}." in found["spoken"]
    assert "10^" not in found["spoken"]
    alone = app.reply(explorer(), page(), {**FIELDS, "error": "", "budget_usd": "$10,000,000"})["spoken"]
    assert f"a system trained within 10 million USD in 2030 has an error of {reached} on ImageNet" in alone


def test_a_target_out_of_reach_is_told_so() -> None:
    found = app.reply(explorer(), page(), {**FIELDS, "error": "0.01 %", "budget_usd": "1e8"})
    assert "not attainable by scaling alone" in found["spoken"]
    assert "Unreachable" in found["html"]
    assert "never" in found["html"]


def test_laws_released_together_are_offered_and_asked() -> None:
    served = open_trace("reference-2026.11")
    label, others = other_laws(served)
    assert label == "power law"
    assert {"stack-2026.11", "saturating-2026.11"} <= set(others)
    asked = Explorer(served, {name: opened for name, (_, opened) in others.items()})
    found = asked.answer(settings(trace="saturating-2026.11"))
    expected = summary(project(open_trace("saturating-2026.11"), {"imagenet": 0.05}, 2030, scenario="trend"))
    pd.testing.assert_frame_equal(found.summary, expected, check_exact=True)
    assert "open_trace('saturating-2026.11')" in python_call(found.settings, "reference-2026.11")
    newest, beside = other_laws(open_trace(REFERENCE_TRACE))
    assert newest == "bounded law"
    assert beside == {}  # released beside it are the same law on other systems
    assert other_laws(fitted()) == ("", {})


# The command


def test_without_the_extra_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_tornado(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "tornado":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_tornado)
    with pytest.raises(OptionError, match=r"pip install 'scaling_bayes\[explore\]'"):
        app.check_extra()


def test_a_port_in_use_is_an_error_with_a_way_out() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = run("explore", "--no-browser", "--port", taken.getsockname()[1])
    assert done.returncode == 1
    assert done.stdout == ""
    assert "error: cannot listen on 127.0.0.1" in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such.nc"], "no-such.nc"),
        (["hardware-2026.11"], "hardware"),
        (["--port", "70000"], "expected 0 to 65535"),
        (["--host", "no such host"], "cannot listen on no such host"),
        (["--host", "::1"], "expected a name or an IPv4 address"),
        (["--host", ""], "expected a name or an IPv4 address"),
    ],
)
def test_the_command_refuses_in_one_message(arguments: list[str], said: str) -> None:
    done = run("explore", "--no-browser", *arguments)
    assert done.returncode == 1, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_it_prints_its_address_serves_this_machine_only_and_ends_on_interrupt() -> None:
    command = [sys.executable, "-W", "error", "-m", "scaling_bayes", "explore", "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "interrupted; the page is no longer served" in talk
    assert "Traceback" not in talk


def test_only_a_loopback_address_counts_as_this_machine() -> None:
    assert [is_loopback(address) for address in ("127.0.0.1", "127.0.1.1", "::1")] == [True] * 3
    assert [is_loopback(address) for address in ("0.0.0.0", "::", "10.0.0.1", "fe80::1%eth0")] == [False] * 4


def test_the_released_reference_is_opened_by_default() -> None:
    assert manifest(open_trace(REFERENCE_TRACE)).get("kind", "fit") == "fit"
    assert "released reference fit" in " ".join(run("explore", "--help").stdout.split())


def test_reading_the_page_needs_no_server() -> None:
    script = (
        "import sys; from scaling_bayes.explore import answers, app, page; "
        "print(*({'tornado', 'pymc', 'nutpie'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
