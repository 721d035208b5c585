"""Settings and fixtures that every test shares."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import xarray as xr
from filelock import FileLock
from hypothesis import settings
from tests.seeds import OFFSET, REFERENCE_SEED

os.environ["MPLBACKEND"] = "agg"
os.environ["SCALING_BAYES_COMPILE_CACHE"] = "1"

settings.register_profile("house", deadline=None, derandomize=OFFSET == 0, print_blob=True)
settings.load_profile("house")


def pytest_configure(config: pytest.Config) -> None:
    """With other seeds than the stored ones, Hypothesis draws other examples too, the same in every run."""
    if OFFSET:
        config.option.hypothesis_seed = str(OFFSET)


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
    """The reference fit on the shipped data, sampled once for the whole run."""

    def make(path: Path) -> None:
        from scaling_bayes import fit, save_trace

        save_trace(fit(random_seed=REFERENCE_SEED, progressbar=False), path)

    return made_once("reference.nc", make)


@pytest.fixture
def reference_fit(reference_trace: Path) -> xr.DataTree:
    """The reference fit, opened afresh."""
    from scaling_bayes import open_trace

    return open_trace(reference_trace)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports whose pictures are plotted, but not written as SVG, which takes as long as all the rest."""

    def nothing(figure: object, *, name: str, alt: str) -> str:
        return f"<svg id='{name}'/>"

    monkeypatch.setattr("scaling_bayes.report.drawing.to_svg", nothing)
