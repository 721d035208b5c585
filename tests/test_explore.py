"""The what-if page without a browser: fields to arguments, answers, calls to copy, positions, the command."""

from __future__ import annotations

import builtins
import contextlib
import io
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
    TargetError,
    affordability,
    estimate_run,
    open_trace,
    project,
    save_trace,
    summary,
)
from scaling_bayes.core.laws import LAWS
from scaling_bayes.explore import app
from scaling_bayes.explore.answers import Explorer
from scaling_bayes.explore.bars import curve_of, interval_bar
from scaling_bayes.explore.calls import command_lines, number_text, python_call
from scaling_bayes.explore.choices import error_steps, read_choices
from scaling_bayes.explore.guard import is_loopback
from scaling_bayes.explore.page import Page
from scaling_bayes.explore.run_page import RunPage
from scaling_bayes.explore.settings import Settings, read_settings
from scaling_bayes.model.evaluate.stack import stack
from scaling_bayes.projection.affordability import probability_by_year, share_within_budget
from scaling_bayes.text import steered_by
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


def settings(**fields: str) -> Settings:
    return read_settings({**FIELDS, **fields})


# Fields


@pytest.mark.parametrize(
    ("text", "error"), [("5", 0.05), ("11.5", 0.115), ("4.621", 0.04621), ("0.7", 0.007), ("1e-1", 0.001)]
)
def test_percent_becomes_the_fraction_one_would_write(text: str, error: float) -> None:
    assert settings(error=text).error == error


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


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"error": ""}, "Enter a target error"),
        ({"error": "500"}, "between 0 and 100 %"),
        ({"error": "0"}, "between 0 and 100 %"),
        ({"error": "five"}, "'five' for the target error"),
        ({"error": "nan"}, "expected a number"),
        ({"year": "inf"}, "for the year; expected a number"),
        ({"scenario": "wild"}, "expected one of thompson2020, trend"),
        ({"kind": "wild"}, "expected one of predictive, mean"),
        ({"price": "own", "usd_per_chip_hour": ""}, "Enter a price"),
        ({"price": "own", "usd_per_chip_hour": "1"}, "choose one under Hardware"),
        ({"grid": "own"}, "Enter a carbon intensity"),
        ({"budget_usd": "much"}, "'much' for the budget"),
    ],
)
def test_what_is_wrong_with_a_field_is_said(fields: dict[str, str], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        settings(**fields)


def test_a_year_out_of_range_is_refused_as_project_does() -> None:
    with pytest.raises(TargetError, match="must lie between 1900 and 2300"):
        settings(year="1066")


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


def test_a_moved_budget_projects_nothing_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.explore import answers

    calls = []
    monkeypatch.setattr(answers, "project", lambda *a, **k: calls.append(a) or project(*a, **k))
    explorer = Explorer(fitted())
    explorer.answer(settings(budget_usd="1e8"))
    assert len(calls) == 2
    explorer.answer(settings(budget_usd="1e9", carbon_kg="1e5"))
    assert len(calls) == 2
    explorer.answer(settings(budget_usd="1e9", year="2031"))
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
]


@pytest.mark.parametrize("fields", CALLS)
def test_the_python_shown_gives_the_numbers_shown(trace_file: str, fields: dict[str, str]) -> None:
    asked = settings(**fields)
    names: dict[str, Any] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(python_call(asked, trace_file), names)
    answer = Explorer(stacked()).answer(asked)
    pd.testing.assert_frame_equal(summary(names["projection"]), answer.summary, check_exact=True)
    if answer.affordability:
        first = summary(names["answer"])
        pd.testing.assert_frame_equal(first, answer.affordability.first_year, check_exact=True)


@pytest.mark.parametrize("fields", some(CALLS, 2))
def test_the_commands_shown_give_the_numbers_shown(trace_file: str, fields: dict[str, str]) -> None:
    asked = settings(**fields)
    answer = Explorer(stacked()).answer(asked)
    lines = [shlex.split(line) for line in command_lines(asked, trace_file).splitlines()]
    assert [line[1] for line in lines] == ["project", "afford"][: len(lines)]
    printed = [json.loads(run(*line[1:], "--json").stdout) for line in lines]
    for row, expected in zip(printed[0], answer.summary.to_dict(orient="records"), strict=True):
        for name in ("median", "lower_90", "upper_90", "unreachable"):
            assert float(row[name]) == expected[name]
        if answer.affordability:
            assert row["within_budget"] == answer.affordability.within
    if answer.affordability:
        first = answer.affordability.first_year.to_dict(orient="records")[0]
        assert {name: float(printed[1][0][name]) for name in ("median", "upper_90", "never")} == {
            name: first[name] for name in ("median", "upper_90", "never")
        }


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


def test_a_bar_lies_within_its_axis_in_order() -> None:
    bar = interval_bar(quantiles(18.6, 21.4, 23.0, 24.8, 28.8), {"near": 25.5, "far": 90.0})
    assert bar.outer is not None
    assert bar.inner is not None
    assert bar.median is not None
    left, width = bar.outer
    inner_left, inner_width = bar.inner
    assert 0 <= left < inner_left < bar.median < inner_left + inner_width < left + width <= 100
    assert not bar.open_ended
    assert [mark.label for mark in bar.marks] == ["near"]
    assert [tick.label for tick in bar.ticks] == ["10¹⁵", "10²⁰", "10²⁵", "10³⁰"]
    assert (
        interval_bar(quantiles(18.5, 21.4, 23.1, 24.8, 28.9)).ticks
        == interval_bar(quantiles(18.6, 21.4, 23.0, 24.8, 28.8)).ticks
    )


def test_what_is_out_of_reach_runs_off_the_axis() -> None:
    inf = math.inf
    bar = interval_bar(quantiles(30.0, 35.0, inf, inf, inf))
    assert bar.open_ended
    assert bar.outer is not None
    assert sum(bar.outer) == 100
    assert bar.median is None
    nothing = interval_bar(quantiles(inf, inf, inf, inf, inf), {"budget": 8.0})
    assert (nothing.outer, nothing.inner, nothing.median) == (None, None, None)
    assert [mark.label for mark in nothing.marks] == ["budget"]
    assert nothing.ticks


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


@pytest.mark.parametrize("name", ["<script>x</script>", '"><b>', "{{ 1 }}"])
def test_names_are_text_wherever_they_appear(name: str) -> None:
    tree = synthetic_fit((name,), passed=False)
    page, explorer = Page(tree, name), Explorer(tree)
    fields = {**FIELDS, "task": name, "budget_usd": "1e8"}
    replies = [app.reply(explorer, page, {**fields, **more}) for more in ({}, {"task": f"{name}?"})]
    html = page.form() + "".join(reply["html"] for reply in replies)
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


def test_an_error_of_the_library_is_the_reply() -> None:
    tree = fitted()
    found = app.reply(Explorer(tree), Page(tree, "t"), {**FIELDS, "error": "500", "serial": 7})
    assert found["serial"] == 7
    assert "must lie between 0 and 1" in found["spoken"]
    assert 'class="problem"' in found["html"]


def test_a_target_out_of_reach_is_told_so() -> None:
    tree = fitted()
    found = app.reply(Explorer(tree), Page(tree, "t"), {**FIELDS, "error": "0.01", "budget_usd": "1e8"})
    assert "out of reach in most of the draws" in found["spoken"]
    assert "Unreachable" in found["html"]
    assert "never" in found["html"]


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
