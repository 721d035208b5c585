"""Every notebook runs from top to bottom on small settings, and shows what its text says."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scaling_bayes.trace.releases import REFERENCE_TRACE, read_index
from scaling_bayes.trace.rounding import ROUNDING_SHARE
from scaling_bayes.trace.schema import group

DRAWS = 60
AT_HAND = {release.name for release in read_index() if release.at_hand}
NAMES = (
    "01_data",
    "02_thompson2020",
    "03_hierarchical_model",
    "04_checks",
    "05_projections",
    "06_overparameterization",
    "07_scoring_a_forecast",
    "08_language_models",
)

pytestmark = [
    pytest.mark.samples,
    pytest.mark.filterwarnings("ignore::scaling_bayes.model.fit.FitWarning"),
]


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(name not in AT_HAND, reason=f"{name} is not released yet")


@pytest.fixture
def run(
    repository: Path, reference_trace: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], dict[str, Any]]:
    """`run(name)`: the variables of a notebook at its end, with the reference fit for its own."""

    def give(name: str) -> dict[str, Any]:
        monkeypatch.setenv("NOTEBOOK_DRAWS", str(DRAWS))
        if name == "04_checks":  # it fits the default model again
            monkeypatch.setenv("NOTEBOOK_TRACE", REFERENCE_TRACE)
        elif name not in {"01_data", "06_overparameterization"}:
            monkeypatch.setenv("NOTEBOOK_TRACE", str(reference_trace))
        return runpy.run_path(str(repository / "notebooks" / f"{name}.py"))

    return give


def test_every_notebook_is_tested(repository: Path) -> None:
    assert tuple(sorted(path.stem for path in (repository / "notebooks").glob("*.py"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_percent_scripts_that_end_with_something_to_try(repository: Path, name: str) -> None:
    text = (repository / "notebooks" / f"{name}.py").read_text(encoding="utf-8")
    assert "format_name: percent" in text
    assert "\n# %matplotlib inline\n" in text, "Jupyter would not show the figures"
    assert re.search(r"^# %% \[markdown\]\n# # ", text, flags=re.MULTILINE)
    assert re.search(r"^# ## (Exercises|Try)$", text, flags=re.MULTILINE)
    cells = re.split(r"^# %%.*$", text, flags=re.MULTILINE)[1:]
    assert max(len(cell.strip().splitlines()) for cell in cells) <= 40


def test_data(run: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    content = run("01_data")
    assert content["counts"]["with_compute"].sum() == 285
    assert len(content["autofill"]) == 7
    said = capsys.readouterr().out
    assert "198 rows: 80 of the 88 of the 2020 regressions, and 118 others" in said


def test_thompson2020(run: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    content = run("02_thompson2020")
    assert "88 of 90 printed cells agree" in capsys.readouterr().out
    assert len(content["cells"]) == 15


@pytest.mark.slow
def test_hierarchical_model(run: Callable[[str], dict[str, Any]]) -> None:
    content = run("03_hierarchical_model")
    assert list(content["steps"]) == ["complete", "none", "partial", "with error", "reference"]
    complete = content["steps"]["complete"]
    in_odds = group(complete, "posterior")["slope"] / (
        1 - group(complete, "constant_data")["reference_error"]
    )
    assert (in_odds.max("task") / in_odds.min("task")).max() < 1 + 3 * ROUNDING_SHARE
    together = content["together"]
    assert (together["with error"] > 0).all()


@pytest.mark.slow
def test_checks(run: Callable[[str], dict[str, Any]]) -> None:
    content = run("04_checks")
    assert content["spoiled"]["slope"].shape == content["posterior"]["slope"].shape
    assert abs(content["in_sd"]).max() < 1.5
    assert 0.5 <= content["foreseen"]["inside"].mean() <= 1.0


@pytest.mark.slow
def test_projections(run: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    content = run("05_projections")
    assert set(content["priced"]["quantity"]) > {"log10_cost_usd", "log10_carbon_kg"}
    assert content["first"]["never"].between(0, 1).all()
    assert "days" in capsys.readouterr().out


@pytest.mark.slow
def test_overparameterization(
    run: Callable[[str], dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(run("06_overparameterization")["summary"]) == 4 * 13
    assert "limit 0.699" in capsys.readouterr().out


@needs("five-tasks-2019-2026.12")
@pytest.mark.slow
def test_scoring_a_forecast(run: Callable[[str], dict[str, Any]]) -> None:
    content = run("07_scoring_a_forecast")
    assert content["honest"].set_index("stated spread")["log score"].idxmax() == 1.0
    assert len(content["missed"]) == len(content["own"]) - content["inside"]


@needs("language-2026.12")
@pytest.mark.slow
def test_language_models(run: Callable[[str], dict[str, Any]]) -> None:
    content = run("08_language_models")
    assert set(content["priced"]["quantity"]) > {"log10_cost_usd", "log10_energy_kwh"}
    assert content["costs"].groupby("price")["inside"].mean()["cloud_3_year"] > 0.6
    assert content["energy"]["inside"].mean() > 0.6
