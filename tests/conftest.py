"""Settings and fixtures that every test shares."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr
from filelock import FileLock
from hypothesis import settings
from tests import commands
from tests.models import STRAIGHT
from tests.pictures import leave_undrawn, leave_unplotted
from tests.seeds import OFFSET, REFERENCE_SEED

MOST_CPU_SECONDS = 60.0
BEGUN = pytest.StashKey[float]()

os.environ["MPLBACKEND"] = "agg"
os.environ["SCALING_BAYES_COMPILE_CACHE"] = "1"

#: A sixth of Hypothesis's usual number in `make test`, all of them in `make test-portable`.
EXAMPLES = 100 if OFFSET else 16
settings.register_profile(
    "house", deadline=None, derandomize=OFFSET == 0, print_blob=True, max_examples=EXAMPLES
)
settings.load_profile("house")


#: Fixtures that mark the tests that use them.
MARKS = {
    "reference_trace": ["samples"],
    "card": ["samples"],
    "short_hindcast": ["samples", "slow"],
    "site": ["docs", "slow"],
    "fitted": ["samples"],
    "reference_report": ["long"],
    "drawn_report": ["long"],
}


#: Modules whose outcome neither the processor nor draws decide.
ANYWHERE = frozenset(
    f"test_{name}.py"
    for name in (
        *("batch", "catalogue", "citing", "docs", "docstrings", "editions", "explore_attack", "files"),
        *("house", "keep", "killed", "language", "names", "package", "streams", "tampering"),
    )
)
#: Marks of tests that take seconds.
LONG = ("browser", "docs", "long", "samples")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests that use a fixture which samples or builds the documentation; most work comes first.

    So no worker is left with a long file of tests when the others have ended.
    """
    work: Counter[Path] = Counter()
    for item in items:
        if item.path.name in ANYWHERE:
            item.add_marker("anywhere")
        for name in getattr(item, "fixturenames", ()):
            for mark in MARKS.get(name, ()):
                item.add_marker(mark)
        work[item.path] += 10 if any(item.get_closest_marker(name) for name in LONG) else 1
    items.sort(key=lambda item: -work[item.path])


def pytest_configure(config: pytest.Config) -> None:
    """With other seeds than the stored ones, Hypothesis draws other examples too, the same in every run."""
    if OFFSET:
        config.option.hypothesis_seed = str(OFFSET)


def cpu_seconds() -> float:
    """Of this process, of those it has waited for, and of the commands that it runs."""
    return sum(os.times()[:4]) + commands.cpu_seconds()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    item.stash[BEGUN] = cpu_seconds()
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    if call.when == "teardown":
        used = round(cpu_seconds() - item.stash[BEGUN], 1)
        report.user_properties.append(("cpu", (used, item.get_closest_marker("slow") is None)))
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that used most CPU, fixtures included; more than a minute is for those marked slow."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    used = [
        (*dict(report.user_properties)["cpu"], report.nodeid)
        for report in reports
        if getattr(report, "when", "") == "teardown" and "cpu" in dict(report.user_properties)
    ]
    terminalreporter.section(f"CPU seconds: {sum(seconds for seconds, _, _ in used):.0f}", sep="-")
    for seconds, quick, name in sorted((test for test in used if test[0] >= 1.0), reverse=True)[:10]:
        late = ", more than a minute and not marked slow" if quick and seconds > MOST_CPU_SECONDS else ""
        terminalreporter.write_line(f"{seconds:6.1f} {name}{late}")


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout the tests run in."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[..., Path]:
    """`made_once(name, make)`: the path of a file that `make(path)` writes once for all xdist workers."""
    folder = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        folder = folder.parent

    def give(name: str, make: Callable[[Path], object]) -> Path:
        path = folder / name
        with FileLock(folder / f"{name}.lock"):
            if not path.exists():
                unfinished = path.with_name(f"unfinished-{name}")
                make(unfinished)
                unfinished.replace(path)
        return path

    return give


@pytest.fixture(scope="session")
def reference_trace(made_once: Callable[..., Path]) -> Path:
    """The reference fit, sampled once for the whole run."""

    def make(path: Path) -> None:
        from scaling_bayes import fit, save_trace

        save_trace(fit(**STRAIGHT, tune=1000, random_seed=REFERENCE_SEED, progressbar=False), path)

    return made_once("reference.nc", make)


@pytest.fixture(scope="session")
def _reference_fit(reference_trace: Path) -> xr.DataTree:
    from scaling_bayes import open_trace

    return open_trace(reference_trace)


@pytest.fixture
def reference_fit(_reference_fit: xr.DataTree) -> xr.DataTree:
    """The reference fit, of which each test has its own copy."""
    return _reference_fit.copy(deep=True)


@pytest.fixture(scope="session")
def reference_report(made_once: Callable[..., Path]) -> Path:
    """Folder of the report that the command writes by default, without the sampler, made once for all."""

    def make(folder: Path) -> None:
        folder.mkdir()
        done = commands.run("report", cwd=folder, without=commands.SAMPLER)
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == ["report.html", "report.json", "report.csv"]

    return made_once("reference-report", make)


@pytest.fixture(autouse=True)
def _read_here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces are read without a process of their own, a tenth of the work, but where that is the question."""
    if request.path.name != "test_tampering.py":
        from scaling_bayes.trace import hdf5, io

        monkeypatch.setattr(io, "read_apart", hdf5.read_here)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports whose pictures are plotted, but not written as SVG, which takes half of a report's time."""
    leave_undrawn(monkeypatch)


@pytest.fixture
def drawn() -> None:
    """Reports with their pictures, in a module where others have none."""


@pytest.fixture
def unplotted(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without pictures, a tenth of the work, but for tests that ask for `drawn` or `undrawn`."""
    if {"drawn", "undrawn"}.isdisjoint(request.fixturenames):
        leave_unplotted(monkeypatch)
