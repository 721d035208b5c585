"""The commands compare, scorecard and progress: what they print, write and refuse."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from tests.commands import run
from tests.seeds import seeded
from tests.some import some
from tests.synthetic import synthetic_fit
from tests.test_cli import SYSTEMS

from scaling_bayes import open_trace, save_trace, summary
from scaling_bayes.cli import cli
from scaling_bayes.errors import TraceError, WriteError
from scaling_bayes.model.evaluate import scorecard as scorecard_module
from scaling_bayes.trace.schema import group, manifest

QUICK = ["--draws", "40", "--tune", "60", "--chains", "2", "--pooling", "none", "--no-drift", "-q"]
QUICK += ["--random-seed", str(seeded(1))]
SWITCHES = ["--no-measurement-error", "--no-algorithmic-progress", "--no-paper-effect", "--no-flagged-error"]

FEW = ["--leave-out", "paper", "--folds", "2"]


def ask(*arguments: object) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(cli, list(map(str, arguments)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("laws")


@pytest.fixture(scope="module")
def fitted(folder: Path) -> list[Path]:
    """Of three tasks with eight systems each, as every comparison fits again."""
    few = folder / "few.csv"
    pd.read_csv(SYSTEMS).groupby("task").head(8).head(24).to_csv(few, index=False)
    paths = [folder / "one.nc", folder / "two.nc"]
    for path, law in zip(paths, ("power", "exponential"), strict=True):
        done = run("fit", few, "-o", path, "--law", law, "--robust", *QUICK, *SWITCHES)
        assert done.returncode in (0, 3), done.stderr
    return paths


def test_fit_takes_law_and_switches(fitted: list[Path]) -> None:
    model = manifest(open_trace(fitted[1]))["model"]
    assert model["law"] == "exponential"
    assert model["robust"]
    assert not any(model[name] for name in ("paper_effect", "flagged_error"))


@pytest.fixture(scope="module")
def compared(fitted: list[Path], folder: Path) -> tuple[Path, Any]:
    path = folder / "stack.nc"
    return path, run("compare", *fitted, "--leave-out", "task", "--stack", path, "--json", "-q")


def test_compare_prints_fits_by_law_and_writes_the_mixture(compared: tuple[Path, Any]) -> None:
    path, done = compared
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["leave_out"] == "task"
    assert sorted(row["fit"] for row in found["fits"]) == ["exponential", "power"]
    assert sum(row["weight"] for row in found["fits"]) == pytest.approx(1.0)
    assert f"trace of the mixture written to {path}" in done.stderr
    mixture = open_trace(path)
    assert manifest(mixture)["model"]["law"] == "stack"
    weights = dict(
        zip(
            group(mixture, "comparison")["fit"].values,
            group(mixture, "comparison")["weight"].values,
            strict=True,
        )
    )
    assert weights == pytest.approx({row["fit"]: row["weight"] for row in found["fits"]})


def test_a_mixture_that_cannot_be_written_leaves_the_comparison(
    fitted: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Path:
        raise WriteError("no space left")

    monkeypatch.setattr("scaling_bayes.trace.io.save_trace", full)
    asked = ["compare", *fitted, *FEW, "--csv", "-q", "--stack", tmp_path / "stack.nc"]
    done = CliRunner().invoke(cli, [str(each) for each in asked])
    assert isinstance(done.exception, TraceError)
    assert {row["fit"] for row in csv.DictReader(io.StringIO(done.stdout))} == {"power", "exponential"}


def test_compare_prints_a_table_of_eighty_columns_and_names_fits_of_one_law_by_file(
    fitted: list[Path], folder: Path
) -> None:
    again = folder / "again.nc"
    save_trace(open_trace(fitted[0]), again)
    done = run("compare", fitted[0], again, *FEW, "-q")
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert {"one", "again", "±"} <= set(done.stdout.split())
    assert "worst k" in done.stdout


BAD = [
    (("compare",), 2, "Missing argument"),
    (("compare", "ONE"), 1, "at least two"),
    (("compare", "ONE", "ONE"), 2, "given twice"),
    (("compare", "ONE", "missing.nc"), 1, "No such file"),
    (("compare", "ONE", "TWO", "--folds", "1"), 1, "folds"),
    (("compare", "ONE", "TWO", "--leave-out", "year"), 1, "paper, system, task"),
    (("compare", "ONE", "TWO", "--stack", "missing/stack.nc"), 1, "no folder missing"),
    (("compare", "ONE", "TWO", "--json", "--csv"), 2, "exclude each other"),
    (("compare", "ONE", "STACK"), 1, "is a stack"),
    (("progress", "missing.nc"), 1, "No such file"),
    (("scorecard", "--cutoff", "soon"), 2, "not a valid integer"),
    (("scorecard", "--by", "year"), 2, "is not one of"),
    (("scorecard", "--cutoff", "1900"), 1, "expected some on either side"),
    (("scorecard", "-o", "missing/scores.csv"), 1, "no folder missing"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD)
def test_bad_commands_end_in_one_error(arguments, code, message, fitted, compared, tmp_path: Path) -> None:
    known = {"ONE": fitted[0], "TWO": fitted[1], "STACK": compared[0]}
    done = run(*(known.get(argument, argument) for argument in arguments), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


# progress


@pytest.mark.parametrize(
    "options", some([{}, {"measurement_error": False}, {"algorithmic_progress": False}], 3)
)
def test_progress_prints_the_numbers_of_the_summary(options: dict[str, bool], tmp_path: Path) -> None:
    trace = save_trace(synthetic_fit(**options), tmp_path / "trace.nc")
    expected = summary(open_trace(trace))
    printed = ask("progress", trace)
    assert printed.exit_code == 0, printed.output
    assert max(map(len, printed.stdout.splitlines())) <= 80
    assert ("gain" in printed.stdout) == ("gain_per_year" in set(expected["quantity"]))
    found = pd.read_csv(io.StringIO(ask("progress", trace, "--csv").stdout), dtype={"unit": str})
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    rows = json.loads(ask("progress", trace, "--json").stdout)
    assert rows[0]["median"] == expected["median"].iloc[0]


# scorecard


@pytest.fixture
def scores(monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        [
            {
                "cutoff": cutoff,
                "forecaster": forecaster,
                "task": task,
                "system": f"system {number}",
                "log_score": rng.normal(2.0),
                "crps": rng.gamma(2.0, 0.02),
                "pit": rng.uniform(),
            }
            for cutoff in (2016, 2017)
            for task in ("imagenet", "ms_coco")
            for number in range(5)
            for forecaster in ("stack", "least_squares_power", "least_squares_exponential")
        ]
    )
    asked: dict[str, Any] = {}

    def fake(systems: Any = None, **options: Any) -> pd.DataFrame:
        asked.update(options, systems=systems)
        return frame

    monkeypatch.setattr(scorecard_module, "scorecard", fake)
    frame.attrs["asked"] = asked
    return frame


def test_scorecard_prints_the_summary_and_writes_every_prediction(
    scores: pd.DataFrame, tmp_path: Path
) -> None:
    path = tmp_path / "scores.csv"
    done = ask(
        "scorecard", "--cutoff", 2016, "--cutoff", 2017, "-o", path, "--random-seed", 4, "--robust", "-q"
    )
    assert done.exit_code == 0, done.output
    asked = scores.attrs["asked"]
    assert asked["cutoffs"] == (2016, 2017)
    assert (asked["random_seed"], asked["robust"], asked["progressbar"]) == (4, True, False)
    pd.testing.assert_frame_equal(pd.read_csv(path), scores)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "least_squares_exponential" in done.stdout
    assert f"{len(scores)} predictions written to {path}" in done.stderr


def test_scorecard_apart_by_cutoff_and_task(scores: pd.DataFrame) -> None:
    rows = json.loads(ask("scorecard", "--by", "cutoff", "--by", "task", "--json").stdout)
    expected = summary(scores, by=["cutoff", "task", "forecaster"]).to_dict(orient="records")
    assert rows == expected
    assert "cutoffs" not in scores.attrs["asked"]
    printed = ask("scorecard", "--by", "cutoff").stdout
    assert "cutoff 2016" in printed
    assert "cutoff 2017" in printed


@pytest.mark.parametrize("command", ["compare", "scorecard", "progress"])
def test_each_help_has_an_example(command: str) -> None:
    lines = ask(command, "--help").stdout.splitlines()
    assert lines[lines.index("  Example:") + 1].strip().startswith(f"scaling-bayes {command}")
