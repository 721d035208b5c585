"""The what-if page in headless Chromium: every control moved, every number held against `project`.

Skipped where Chromium, its driver, Selenium or Tornado is missing; `make browser` installs them. The time of
each move, as the browser sees it, is in this test's log (``pytest --log-cli-level INFO``).
"""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
from tests.browsers import AXE, LOOKS, VIOLATIONS, needs_axe, needs_browser, open_chromium
from tests.patience import PATIENCE

from scaling_bayes import (
    Scenario,
    affordability,
    open_trace,
    project,
    summary,
)
from scaling_bayes.explore.choices import read_choices
from scaling_bayes.projection.affordability import share_within_budget
from scaling_bayes.report.answer import first_year_text
from scaling_bayes.text import format_interval, share_text
from scaling_bayes.trace.releases import REFERENCE_TRACE

pytest.importorskip("tornado", reason="the extra explore is not installed")
pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.webdriver.common.keys import Keys

log = logging.getLogger(__name__)

#: Milliseconds within which a move should be answered; reported, not asserted, as machines are noisy.
GOAL = 300

pytestmark = needs_browser

FIND = """
const within = (root) => {
  for (const each of root.querySelectorAll("*")) {
    if (each.classList.contains("page")) return each;
    const found = each.shadowRoot && within(each.shadowRoot);
    if (found) return found;
  }
};
const page = within(document);
"""
#: Sets a control as its user would leave it, and waits until the answer is painted; its milliseconds.
MOVE = (
    FIND
    + """
const [name, value, done] = arguments;
const answered = () => Number(page.dataset.answered);
const before = answered(), start = performance.now();
const frame = requestAnimationFrame;
const ended = () => frame(() => frame(() => done(performance.now() - start)));
new MutationObserver((_, observer) => {
  if (answered() > before) { observer.disconnect(); ended(); }
}).observe(page, { attributes: true });
const control = page.querySelector(`#${name}`);
control.value = value;
control.dispatchEvent(new Event("input", { bubbles: true }));
"""
)
READ = (
    FIND
    + """
const cells = (row) => [...row.children].map((cell) => cell.textContent.trim());
return {
  rows: [...page.querySelectorAll("#figures tbody tr")].map(cells),
  budget: [...page.querySelectorAll("#budget dd")].map((each) => each.textContent.trim()),
  problem: page.querySelector(".problem, .wrong:not([hidden])")?.textContent ?? "",
  wrong: [...page.querySelectorAll("[aria-invalid=true]")].map((each) => each.id),
  more: page.querySelector(".more")?.textContent ?? "",
  sentence: page.querySelector(".sentence")?.textContent ?? "",
  calls: page.querySelector("#python")?.textContent ?? "",
  error: page.querySelector("#error").value,
};
"""
)
READY = """
const done = arguments[0];
const look = () => { %s; if (page?.dataset.answered) done(1); else setTimeout(look, 50); };
look();
""".replace("%s", FIND)
#: Moves a slider through many stops at once, as a hand does; how many questions that took.
DRAG = (
    FIND
    + """
const done = arguments[0], slider = page.querySelector("#year-slider");
const before = Number(page.dataset.answered);
for (let stop = 10; stop <= 20; stop += 1) {
  slider.value = stop;
  slider.dispatchEvent(new Event("input", { bubbles: true }));
}
const results = page.querySelector("#results");
new MutationObserver(() => {
  if (results.getAttribute("aria-busy") === "false") done(Number(page.dataset.answered) - before);
}).observe(results, { attributes: true });
"""
)
UNFOLD = FIND + "page.querySelectorAll('details').forEach((each) => { each.open = true; });"


class Browser:
    """A browser, and the page in it."""

    def __init__(self, profile: Path) -> None:
        self.driver = open_chromium(profile)

    def open(self, address: str) -> None:
        """Load the page anew; what was asked for and said before is forgotten."""
        self.size(1280, 900)
        self.driver.get("about:blank")
        for kind in ("performance", "browser"):
            self.driver.get_log(kind)
        self.driver.get(address)
        self.ready()

    def size(self, width: int, height: int, scheme: str = "light") -> None:
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})

    def ready(self) -> None:
        self.driver.execute_async_script(READY)

    def move(self, control: str, value: object) -> float:
        return float(self.driver.execute_async_script(MOVE, control, str(value)))

    def read(self) -> dict[str, Any]:
        found: dict[str, Any] = self.driver.execute_script(READ)
        return found

    def find(self, selector: str) -> Any:
        return self.driver.execute_script(f"{FIND} return page.querySelector(arguments[0]);", selector)

    def asked_for(self) -> set[str]:
        """Every address the browser turned to since the last look."""
        addresses = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                addresses.add(message["params"]["request"]["url"])
        return addresses


#: The fit of a release that has other laws beside it.
WITH_LAWS = "reference-2026.11"


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page of the released reference fit, served by the command."""
    with served() as found:
        yield found


@pytest.fixture(scope="module")
def address_with_laws() -> Iterator[str]:
    """The page of `WITH_LAWS`."""
    with served(WITH_LAWS) as found:
        yield found


@contextmanager
def served(*trace: str) -> Iterator[str]:
    command = [sys.executable, "-m", "scaling_bayes", "explore", *trace, "--no-browser", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        _, talk = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in talk, talk


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.driver.quit()


@pytest.fixture
def browser(chromium: Browser, address_with_laws: str) -> Browser:
    """The page of an older model, whose answers take a third."""
    chromium.open(address_with_laws)
    return chromium


opened = cache(open_trace)


@dataclass
class Asked:
    """What has been asked so far, as arguments of the library."""

    task: str = "imagenet"
    error: float = 0.07
    year: float = 2026
    scenario: str | None = "trend"
    kind: str = "predictive"
    trace: str = REFERENCE_TRACE
    changes: dict[str, Any] = field(default_factory=dict)
    budgets: dict[str, float] = field(default_factory=lambda: {"budget_usd": 1e8})


CHIP = {"device_class": "gpu_datacenter", "device": "NVIDIA A100 PCIe"}
CLEAN = {"grid_kg_per_kwh": 0.02}

#: Control, value, and what it makes of the arguments. The order matters: each move starts from the last.
Moves = list[tuple[str, object, dict[str, Any]]]
EVERY_CONTROL: Moves = [
    ("error", "4.621 %", {"error": 0.04621}),
    ("error-slider", 40, {}),
    ("year", "2041", {"year": 2041}),
    ("year-slider", 13, {"year": 2025}),
    ("task", "squad_1_1", {"task": "squad_1_1", "error": 0.02}),
    ("budget_usd", "25 thousand", {"budgets": {"budget_usd": 2.5e4}}),
    ("budget_usd-slider", 8, {"budgets": {"budget_usd": 2e5}}),
    ("carbon_kg", "100 tonnes", {"budgets": {"budget_usd": 2e5, "carbon_kg": 1e5}}),
    ("trace", "saturating-2026.11", {"trace": "saturating-2026.11"}),
    ("scenario", "stalled", {"scenario": "stalled"}),
    ("price", "purchase", {"changes": {"price": "purchase"}}),
    ("hardware", "device:NVIDIA A100 PCIe", {"changes": {**CHIP, "price": "purchase"}}),
    ("price", "own", {"changes": {**CHIP, "usd_per_chip_hour": 1.0}}),
    ("usd_per_chip_hour", "$1.75", {"changes": {**CHIP, "usd_per_chip_hour": 1.75}}),
    ("own_year", "2024", {"changes": {**CHIP, "usd_per_chip_hour": 1.75, "own_year": 2024}}),
    ("price", "", {"changes": CHIP}),
    ("hardware", "", {"changes": {}}),
    ("grid", "France", {"changes": {"region": "France"}}),
    ("grid", "own", {"changes": {"grid_kg_per_kwh": 0.1}}),
    ("grid_kg_per_kwh", "0.02", {"changes": CLEAN}),
    ("algorithmic_progress", "frozen", {"changes": {**CLEAN, "algorithmic_progress": "frozen"}}),
    ("kind", "mean", {"kind": "mean"}),
]
MORE: Moves = [
    ("task", "wmt14_en_fr", {"task": "wmt14_en_fr", "error": 0.3}),
    ("carbon_kg", "100 tonnes", {"budgets": {"budget_usd": 1e8, "carbon_kg": 1e5}}),
    ("budget_usd", "", {"budgets": {"carbon_kg": 1e5}}),
    ("carbon_kg", "", {"budgets": {}}),
    ("budget_usd-slider", 20, {"budgets": {"budget_usd": 2e9}}),
    ("trace", "saturating-2026.11", {"trace": "saturating-2026.11"}),
    ("trace", "", {"trace": WITH_LAWS}),
    ("scenario", "none", {"scenario": None}),
    ("scenario", "trend", {"scenario": "trend"}),
    ("price", "cloud_3_year", {"changes": {"price": "cloud_3_year"}}),
    ("price", "purchase", {"changes": {"price": "purchase"}}),
    ("hardware", "class:gpu_consumer", {"changes": {"device_class": "gpu_consumer", "price": "purchase"}}),
    ("price", "", {"changes": {"device_class": "gpu_consumer"}}),
    ("hardware", "", {"changes": {}}),
    ("grid", "us-east1", {"changes": {"region": "us-east1"}}),
    ("grid", "", {"changes": {}}),
    *(
        ("algorithmic_progress", name, {"changes": {"algorithmic_progress": name}})
        for name in ("slow", "fast", "continuing")
    ),
    ("algorithmic_progress", "", {"changes": {}}),
    ("kind", "mean", {"kind": "mean"}),
    ("kind", "predictive", {"kind": "predictive"}),
    ("scenario", "thompson2020", {"scenario": "thompson2020"}),
    ("scenario", "trend", {"scenario": "trend"}),
    ("task", "imagenet", {"task": "imagenet", "error": 0.05}),
]
#: As `EVERY_CONTROL`, on a fit without other laws and with targets of its own.
NEWEST: Moves = [
    ("task", "squad_1_1", {"task": "squad_1_1", "error": 0.029})
    if value == "squad_1_1"
    else (name, value, to)
    for name, value, to in EVERY_CONTROL
    if name != "trace"
]


def expected_of(asked: Asked) -> tuple[list[list[str]], list[str]]:
    """Cells of the table, and of the budget, from the library's functions and in the package's formats."""
    reference = opened(asked.trace)
    scenario = None if asked.scenario is None else Scenario.named(asked.scenario, **asked.changes)
    targets = {asked.task: asked.error}
    tree = project(reference, targets, asked.year, asked.kind, scenario=scenario)
    rows = []
    for row in summary(tree).to_dict(orient="records"):
        half = format_interval(0.0, row["lower_50"], row["upper_50"]).partition(" ")[2]
        rows.append([format_interval(row["median"], row["lower_90"], row["upper_90"]), half])
    if not asked.budgets or scenario is None:
        return rows, []
    within = share_within_budget(tree, asked.budgets.get("budget_usd"), asked.budgets.get("carbon_kg"))
    answer = affordability(
        project(reference, targets, "yearly", asked.kind, scenario=scenario), **asked.budgets
    )
    first = summary(answer).to_dict(orient="records")[0]
    share, never = share_text(within["within_budget"].item()), share_text(first["never"])
    return rows, [f"{share} probability", first_year_text(first), f"{never} probability"]


def report_times(times: list[tuple[str, float]]) -> None:
    for name, each in times:
        log.info("%-44s %4.0f ms", name, each)
    taken = np.array([each for _, each in times])
    log.info(
        "%d moves: median %.0f ms, 95 %% within %.0f ms, slowest %.0f ms; %.1f %% within %d ms",
        len(taken),
        np.median(taken),
        np.quantile(taken, 0.95),
        taken.max(),
        100 * np.mean(taken <= GOAL),
        GOAL,
    )


@pytest.mark.parametrize(
    ("trace", "moves"),
    [
        pytest.param(REFERENCE_TRACE, NEWEST[:5], id="newest"),
        pytest.param(WITH_LAWS, EVERY_CONTROL, id="once"),
        pytest.param(REFERENCE_TRACE, NEWEST, id="newest-all", marks=pytest.mark.slow),
        pytest.param(WITH_LAWS, MORE, id="more", marks=pytest.mark.slow),
    ],
)
def test_every_control_gives_the_numbers_of_project_and_nothing_leaves_the_machine(
    chromium: Browser, address: str, address_with_laws: str, trace: str, moves: Moves
) -> None:
    browser, address = chromium, {REFERENCE_TRACE: address, WITH_LAWS: address_with_laws}[trace]
    browser.open(address)
    first = read_choices(opened(trace)).first
    asked, times = Asked(trace=trace, task=first.name, error=first.asked / 100), []
    for control, value, change in moves:
        times.append((f"{control} = {value}", browser.move(control, value)))
        shown = browser.read()
        if control == "error-slider":
            asked.error = float(shown["error"].removesuffix(" %")) / 100
        for name, each in change.items():
            setattr(asked, name, each)
        rows, budget = expected_of(asked)
        where = f"after {control} = {value}"
        assert shown["problem"] == "", where
        assert [row[1:3] for row in shown["rows"]] == rows, where
        assert shown["budget"][1:] == budget, where
        assert repr({asked.task: asked.error}) in shown["calls"], where
    report_times(times)

    home = urlsplit(address).netloc
    web = {each for each in browser.asked_for() if urlsplit(each).scheme not in ("data", "blob", "chrome")}
    assert {urlsplit(each).scheme for each in web} == {"http"}
    assert {urlsplit(each).netloc for each in web} == {home}
    assert [entry for entry in browser.driver.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_what_is_wrong_is_said_at_its_field_and_the_last_answer_stays(browser: Browser) -> None:
    before = browser.read()["sentence"]
    for control, text, said in (
        ("error", "five", "expected such as 5 % or 0.05"),
        ("error", "500", "between 0 and 100 %"),
        ("budget_usd", "much", "expected a budget in USD"),
        ("year", "1900", "before the first system of the fit"),
    ):
        was = browser.find(f"#{control}").get_property("value")
        browser.move(control, text)
        shown = browser.read()
        assert said in shown["problem"]
        assert shown["wrong"] == [control]
        assert shown["sentence"] == before
        browser.move(control, was)
        assert (browser.read()["problem"], browser.read()["wrong"]) == ("", [])
    browser.move("price", "own")
    assert browser.read()["wrong"] == ["hardware"]
    assert "choose one here" in browser.read()["problem"]


def test_a_budget_alone_and_an_error_alone_are_questions(browser: Browser) -> None:
    browser.move("task", "imagenet")
    browser.move("error", "")
    assert "has an error of" in browser.read()["sentence"]
    browser.move("budget_usd", "")
    assert "Or a budget" in browser.read()["problem"]
    browser.move("error", "10%")
    assert "would cost about" in browser.read()["sentence"]
    assert browser.read()["more"] == ""


def test_the_address_holds_what_is_asked(chromium: Browser, address_with_laws: str) -> None:
    browser, address = chromium, address_with_laws
    browser.open(address)
    assert browser.driver.current_url == address
    browser.move("error", "3 %")
    browser.move("trace", "stack-2026.11")
    browser.move("budget_usd", "10 million")
    link, sentence = browser.driver.current_url, browser.read()["sentence"]
    assert "mixture of laws" in sentence
    browser.driver.refresh()
    browser.ready()
    assert browser.read()["sentence"] == sentence
    browser.open(address)
    assert browser.read()["sentence"] != sentence
    browser.driver.get("about:blank")
    browser.driver.get(link)
    browser.ready()
    assert browser.read()["sentence"] == sentence
    browser.driver.get("about:blank")
    browser.driver.get(f"{address}#error=&task=wild&trace=wild&year=2031&<script>=1")
    browser.ready()
    assert "in 2031" in browser.read()["sentence"]


def test_it_prints_with_its_bars_and_without_its_controls(browser: Browser) -> None:
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    shown = "return getComputedStyle(document.querySelector(arguments[0])).display"
    assert browser.driver.execute_script(shown, "form") == "none"
    assert browser.driver.execute_script(shown, ".sentence") == "block"
    adjust = "return getComputedStyle(document.querySelector('.inner')).printColorAdjust"
    assert browser.driver.execute_script(adjust) == "exact"
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_a_dragged_slider_ends_where_it_was_left(browser: Browser) -> None:
    assert browser.driver.execute_async_script(DRAG) == 2
    assert "in 2032" in browser.read()["sentence"]


def test_keys_alone_move_and_start_over(browser: Browser) -> None:
    choices = read_choices(opened(WITH_LAWS))
    first = choices.first.asked
    start = browser.read()["sentence"]
    slider = browser.find("#error-slider")
    slider.send_keys(Keys.ARROW_RIGHT)
    after = choices.errors[choices.errors.index(first) + 1]
    assert browser.find("#error").get_property("value") == f"{after:g} %"
    browser.find("button[type=reset]").send_keys(Keys.ENTER)
    browser.driver.execute_async_script("setTimeout(arguments[0], 1500)")
    assert browser.find("#error").get_property("value") == f"{first:g} %"
    assert browser.read()["sentence"] == start


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_sticks_out_sideways(browser: Browser, width: int) -> None:
    browser.size(width, 844)
    browser.driver.execute_script(UNFOLD)
    assert browser.driver.execute_script("return document.documentElement.scrollWidth") <= width


def test_the_setting_before_stays_as_a_ghost(browser: Browser) -> None:
    before = browser.driver.find_element("css selector", ".sentence").text
    browser.move("error", "6 %")
    assert browser.driver.find_element("css selector", ".earlier").text == f"Before: {before}"
    ghosts = browser.driver.find_elements("css selector", ".axis .ghost")
    assert len(ghosts) == len(browser.driver.find_elements("css selector", ".axis .inner"))


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_axe_finds_nothing_serious(browser: Browser, width: int, scheme: str) -> None:
    browser.size(width, 844, scheme)
    shown = (("task", "ms_coco"), ("scenario", "thompson2020"), ("price", "own"), ("error", "500"))
    for control, value in shown:
        browser.move(control, value)
        if control not in ("price", "error"):  # the page with all its fields, and with what is wrong
            continue
        browser.driver.execute_script(UNFOLD)
        browser.driver.execute_script(AXE.read_text(encoding="utf-8"))
        found = browser.driver.execute_async_script(VIOLATIONS)
        where = f"axe, {scheme}, {width} px, {control} = {value}"
        log.info("%s: %s", where, [each["id"] for each in found] or "nothing")
        assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == [], where


@needs_axe
def test_the_page_about_one_run_follows_its_fields_on_a_phone(
    chromium: Browser, address_with_laws: str
) -> None:
    chromium.open(f"{address_with_laws}run")
    chromium.size(390, 844)
    for control, value, said in (
        ("utilisation", "0.4", "device-hours"),
        ("flop", "1e23", "expected exactly one of"),
        ("parameters", "", "expected exactly one of"),
        ("tokens", "", "1.0 x 10"),
        ("reaches", "imagenet", "error on ImageNet"),
    ):
        chromium.move(control, value)
        assert said in chromium.find("#results").text
    chromium.driver.execute_script(UNFOLD)
    assert chromium.driver.execute_script("return document.documentElement.scrollWidth") <= 390
    chromium.driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = chromium.driver.execute_async_script(VIOLATIONS)
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
