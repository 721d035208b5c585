"""How the experiment is shown: figure, command, pages and notebook."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from tools.pages import overparameterization as page
from tools.pages.overparameterization_growth import grow_together
from tools.pages.refill import fill_blocks

from scaling_bayes.cli.overparameterization import overparameterization
from scaling_bayes.overparameterization.figures import plot_experiment
from scaling_bayes.overparameterization.run import run_experiment
from scaling_bayes.overparameterization.settings import MODELS, Settings
from scaling_bayes.overparameterization.summarize import summarize_experiment

ARGUMENTS = [
    "--parameters",
    "30",
    "--nonzero",
    "3",
    "--observations",
    "8,40",
    "--simulations",
    "12",
    "--workers",
    "1",
]


@cache
def results() -> xr.Dataset:
    chosen = Settings(
        n_parameters=30, n_nonzero=3, observations=(15, 60, 100, 200, 1500, 3000, 5000), simulations=10
    )
    return run_experiment(chosen, workers=1)


def test_the_figure_has_both_panels() -> None:
    figure = plot_experiment(summarize_experiment(results()))
    left, right = figure.axes
    assert (left.get_xscale(), right.get_xscale()) == ("log", "log")
    assert [len(axes.lines) for axes in (left, right)] == [5, 5]
    assert len(left.get_legend().get_texts()) == len(MODELS)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg")
    assert buffer.getvalue()


def test_the_command_prints_writes_and_goes_on(tmp_path: Path) -> None:
    store, figure = str(tmp_path / "store"), tmp_path / "figure.svg"
    first = CliRunner().invoke(
        overparameterization, [*ARGUMENTS, "--store", store, "--figure", str(figure), "-q"]
    )
    assert first.exit_code == 0, first.output
    assert max(map(len, first.stdout.splitlines())) <= 80
    assert "regularised" in first.stdout
    assert figure.read_text(encoding="utf-8").startswith("<?xml")
    second = CliRunner().invoke(overparameterization, [*ARGUMENTS, "--store", store, "--csv"])
    table = pd.read_csv(io.StringIO(second.stdout))
    assert table["model"].tolist() == [model for model in MODELS for _ in range(2)]
    as_json = CliRunner().invoke(overparameterization, [*ARGUMENTS, "--store", store, "--json", "-q"])
    assert json.loads(as_json.stdout)[0]["performance"] == pytest.approx(table["performance"][0])


def test_an_interrupted_command_says_where_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("scaling_bayes.overparameterization.run.run_experiment", interrupted)
    arguments = [*ARGUMENTS, "--store", str(tmp_path), "-q"]
    result = CliRunner().invoke(overparameterization, arguments, standalone_mode=False)
    assert result.return_value == 130
    assert "the same command resumes" in result.stderr
    assert "nothing was written" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--observations", "10;20"], "15,100,1500"), (["--csv", "--json"], "exclude each other")],
)
def test_the_command_names_mistakes(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(overparameterization, arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_pages_are_filled_from_a_run(repository: Path) -> None:
    grown = grow_together(Settings(n_nonzero=3, simulations=5), (40, 80), workers=1)
    for name, blocks in (
        ("overparameterization.md", page.experiment_blocks(results())),
        ("theory.md", page.growth_blocks(results(), grown)),
    ):
        text = (repository / "docs" / name).read_text(encoding="utf-8")
        filled = fill_blocks(text, blocks)
        assert all(block in filled for block in blocks.values())
        assert fill_blocks(filled, blocks) == filled


def test_committed_pages_are_of_the_full_run(repository: Path) -> None:
    text = (repository / "docs" / "overparameterization.md").read_text(encoding="utf-8")
    for n in Settings().observations:
        assert text.count(f"\n| {n} |") == 2


def test_defaults_are_the_published_ones() -> None:
    chosen = Settings()
    assert (chosen.n_parameters, chosen.n_nonzero, chosen.n_right, chosen.simulations) == (1000, 10, 9, 1000)
    assert {15, 1000, 1500} <= set(chosen.observations)
    assert replace(chosen, simulations=1).of_one_simulation() == chosen.of_one_simulation()
