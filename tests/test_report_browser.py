"""The report in headless Chromium: widths, keyboard, print, accessibility, and that it asks for nothing.

Skipped where Chromium, its driver or Selenium is missing; `make browser` installs them.
"""

from __future__ import annotations

import base64
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.browsers import AXE, LOOKS, VIOLATIONS, needs_axe, needs_browser, open_chromium
from tests.pictures import leave_unplotted
from tests.synthetic import synthetic_fit

from scaling_bayes.report import write_report

pytest.importorskip("selenium", reason="selenium is not installed")

from selenium.webdriver.common.keys import Keys

log = logging.getLogger(__name__)

UNFOLD = "document.querySelectorAll('details').forEach((each) => { each.open = true; });"
#: Boxes that reach beyond the page, other than inside a table that scrolls.
WIDE = """
return [...document.querySelectorAll("main *, header *, footer *")].filter((each) =>
  !each.closest(".scroll, svg, .skip") && each.getBoundingClientRect().right > innerWidth + 1
).map((each) => each.outerHTML.slice(0, 120));
"""

pytestmark = needs_browser

#: A report that looks otherwise: no money; targets beyond an irreducible error.
OTHERS: dict[str, dict[str, Any]] = {
    "unreachable": {"scenario": None, "targets": {"imagenet": [0.1, 0.001], "my task": [0.001]}},
}
REPORTS = ("reference", *OTHERS)


@pytest.fixture(scope="module")
def reports(reference_report: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    written = {"reference": reference_report / "report.html"}
    with pytest.MonkeyPatch.context() as patch:
        leave_unplotted(patch)  # the reference report has pictures
        for name, options in OTHERS.items():
            page = folder / f"{name}.html"
            written[name] = write_report(synthetic_fit(law="saturating"), page, **options)[0]
    return written


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_chromium(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.quit()


def show(driver: Any, page: Path, width: int = 1280, scheme: str = "light") -> None:
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 844, "deviceScaleFactor": 1, "mobile": width < 600},
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [feature]})
    driver.get(page.as_uri())


@pytest.mark.parametrize("name", REPORTS)
def test_nothing_is_asked_for_but_the_file(driver: Any, reports: dict[str, Path], name: str) -> None:
    driver.get("about:blank")
    driver.get_log("performance")
    show(driver, reports[name])
    driver.execute_script(UNFOLD)
    asked = set()
    for entry in driver.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            asked.add(message["params"]["request"]["url"])
        assert message["method"] != "Network.webSocketCreated"
    assert asked == {reports[name].as_uri()}
    assert driver.get_log("browser") == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("name", REPORTS)
def test_nothing_sticks_out_sideways(driver: Any, reports: dict[str, Path], name: str, width: int) -> None:
    show(driver, reports[name], width)
    driver.execute_script(UNFOLD)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    assert driver.execute_script(WIDE) == []


def test_the_report_of_the_five_tasks_is_short_and_its_figures_can_be_taken_away(
    driver: Any, reports: dict[str, Path]
) -> None:
    where = "return document.querySelector(arguments[0]).getBoundingClientRect()"
    for width, height in ((390, 844), (1280, 800)):
        show(driver, reports["reference"], width)
        assert driver.execute_script(where, ".lead")["bottom"] < height
    text = driver.execute_script("return document.body.innerText").replace("scaling_bayes", "")
    assert len(text.split()) <= 1300
    assert driver.execute_script(where, "#annex")["top"] <= 9000
    assert "What changed since the last release" in text
    assert not re.search(r"10\^|[a-z]_[a-z]", text)
    figures = driver.execute_script("return [...document.querySelectorAll('figure')].map((f) => f.outerHTML)")
    assert {tuple(re.findall(r'download="[^"]+[.](\w+)"', each)) for each in figures} == {
        ("svg", "png", "csv")
    }


@needs_axe
@pytest.mark.parametrize(("width", "scheme"), LOOKS)
@pytest.mark.parametrize("name", REPORTS)
def test_axe_finds_nothing_serious(
    driver: Any, reports: dict[str, Path], name: str, width: int, scheme: str
) -> None:
    show(driver, reports[name], width, scheme)
    driver.execute_script(UNFOLD)
    driver.execute_script(AXE.read_text(encoding="utf-8"))
    found = driver.execute_async_script(VIOLATIONS)
    where = f"axe, {name}, {scheme}, {width} px"
    log.info("%s: %s", where, [each["id"] for each in found] or "nothing")
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == [], where


def test_keys_alone_reach_the_answer_and_unfold(driver: Any, reports: dict[str, Path]) -> None:
    show(driver, reports["reference"])
    driver.switch_to.active_element.send_keys(Keys.TAB)
    skip = driver.switch_to.active_element
    assert skip.text == "Skip to the answer"
    assert skip.rect["x"] >= 0
    skip.send_keys(Keys.ENTER)
    assert driver.current_url.endswith("#answer")
    summary = driver.find_element("css selector", "summary")
    summary.send_keys(Keys.ENTER)
    assert driver.execute_script("return arguments[0].parentElement.open", summary)


def test_print_is_light_and_keeps_every_table_on_the_page(driver: Any, reports: dict[str, Path]) -> None:
    show(driver, reports["reference"], scheme="dark")
    driver.execute_script(UNFOLD)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    # 190 mm of paper between margins of 10 mm, at 96 dots an inch.
    metrics = {"width": 718, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    body = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert body == "rgb(255, 255, 255)"
    sideways = driver.execute_script(
        "return [...document.querySelectorAll('table, figure')].filter((each) => "
        "each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.textContent.slice(0, 80))"
    )
    assert sideways == []
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    printed = driver.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})
    assert base64.b64decode(printed["data"]).startswith(b"%PDF")
