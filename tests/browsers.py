"""Chromium and its driver, which `make browser` installs, and axe-core, which is in the lock."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from tests.patience import PATIENCE

__all__ = ["AXE", "LOOKS", "VIOLATIONS", "needs_axe", "needs_browser", "open_chromium"]


def _axe() -> Path:
    """``axe.min.js``: the one ``AXE_CORE`` names, or that of the package axe-selenium-python."""
    package = find_spec("axe_selenium_python")
    folder = Path(package.origin).parent if package and package.origin else Path("axe_selenium_python")
    return Path(os.environ.get("AXE_CORE", folder / "node_modules" / "axe-core" / "axe.min.js"))


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
AXE = _axe()
#: Asks for what fails, and spares the page a list of all that passes.
VIOLATIONS = "axe.run({resultTypes: ['violations']}).then((found) => arguments[0](found.violations))"
FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
#: Width and colour scheme; `make test` shows each once.
LOOKS = [
    (390, "dark"),
    (1280, "light"),
    pytest.param(390, "light", marks=pytest.mark.slow),
    pytest.param(1280, "dark", marks=pytest.mark.slow),
]
needs_browser = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None, reason="no Chromium or no chromedriver on the PATH: make browser"
    ),
]
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not here: make setup")


def open_chromium(profile: Path) -> Any:
    """A driver of a new browser, which is waited for however slow the machine."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.command_executor.client_config.timeout = PATIENCE
    driver.set_script_timeout(PATIENCE)
    driver.set_page_load_timeout(PATIENCE)
    return driver
