"""The command line: data on stdout, talk on stderr, exit codes that mean something, no traceback."""

from __future__ import annotations

import csv
import inspect
import io
import json
import os
import re
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path

import click
import pandas as pd
import pytest
from click.shell_completion import ShellComplete
from click.testing import CliRunner
from tests.commands import run
from tests.patience import PATIENCE
from tests.seeds import seeded

from scaling_bayes import (
    TargetError,
    affordability,
    fit,
    open_trace,
    project,
    scorecard,
    summary,
)
from scaling_bayes.cli import _run, cli
from scaling_bayes.files import write_text
from scaling_bayes.text import COMPUTE, QUANTITIES
from scaling_bayes.trace.releases import REFERENCE_TRACE

SYSTEMS = Path(__file__).parent / "data" / "simulated_systems.csv"
OLD_TRACE = Path(__file__).parent / "data" / "traces" / "fit-schema-1.nc"
#: What is fitted where the model is not the question: one line for each task, as it takes least.
LINES = ["--law", "power", "--pooling", "none", "--no-robust", "--no-drift"]
LINES += ["--no-measurement-error", "--no-algorithmic-progress"]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("fitted")
    quick = ["--draws", 600, "--tune", 500, "--random-seed", seeded(1)]
    done = run(
        "fit",
        SYSTEMS,
        "-o",
        folder / "trace.nc",
        *quick,
        *LINES,
        "--prior",
        "slope=0.05:0.01:0.3",
        "--json",
    )
    return folder / "trace.nc", done


def test_fit_writes_a_trace_and_talks_on_stderr(fitted) -> None:
    path, done = fitted
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "path": str(path),
        "digest": open_trace(path).attrs["digest"],
        "failed_checks": [],
    }
    assert f"trace written to {path}" in done.stderr
    content = json.loads(open_trace(path).attrs["manifest"])
    assert content["sampler"]["random_seed"] == seeded(1)
    assert content["data"]["source"] == SYSTEMS.name
    assert content["priors"]["slope"]["family"] == "LogNormal"


@pytest.mark.samples
def test_a_failed_check_has_its_own_exit_code(tmp_path: Path) -> None:
    small = ["--draws", 20, "--tune", 50, "--chains", 2]
    done = run("fit", SYSTEMS, "-q", "-o", tmp_path / "t.nc", *small, *LINES)
    assert done.returncode == 3
    assert "expected >= 400: too few effective draws" in done.stderr
    assert "Traceback" not in done.stderr
    assert (tmp_path / "t.nc").exists()


def test_project_prints_the_library_numbers() -> None:
    expected = summary(project(open_trace(OLD_TRACE), {"imagenet": 0.05}, 2030))
    arguments = ("project", OLD_TRACE, "--target", "imagenet=0.05", "--year", 2030)
    from_json = json.loads(run(*arguments, "--json").stdout)
    from_csv = list(csv.DictReader(io.StringIO(run(*arguments, "--csv").stdout)))
    assert from_json[0]["median"] == expected["median"].item()
    assert float(from_csv[0]["upper_90"]) == expected["upper_90"].item()
    words = run("project", OLD_TRACE, "--target", "ImageNet=5%", "--year", 2030).stdout
    assert QUANTITIES[COMPUTE].in_words(expected["median"].item()) in " ".join(words.split())
    assert "10^" not in words
    table = run(*arguments, "--exponents").stdout
    assert f"10^{expected['median'].item():.1f}" in table
    for text in (words, table):
        assert "90 % equal-tailed interval" in " ".join(text.split())
        assert "\x1b" not in text


def test_tables_fit_eighty_columns() -> None:
    for arguments in (
        ("project", REFERENCE_TRACE),
        ("project", REFERENCE_TRACE, "--exponents"),
        ("validate", SYSTEMS),
    ):
        assert max(map(len, run(*arguments).stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    "arguments",
    [
        ("project", "--target", "ms_coco=0.1", "--scenario", "trend", "--budget-usd", "1e7"),
        ("project", "--target", "conll_2003=0.01", "--scenario", "stalled", "--year", "2030.5"),
        ("gain", "--target", "ms_coco=0.1", "--budget-usd", "1e6"),
    ],
)
def test_no_value_breaks_inside_an_interval(arguments: tuple[str, ...]) -> None:
    command, *options = arguments
    lines = run(command, REFERENCE_TRACE, *options, "--exponents").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("[" in line for line in lines)
    assert [line for line in lines if line.count("[") != line.count("]")] == []


EACH = sorted(cli.commands.items())


@pytest.mark.parametrize(("name", "command"), EACH, ids=[name for name, _ in EACH])
def test_every_command_has_json_and_an_example(name: str, command: click.Command) -> None:
    assert "--json" in {text for parameter in command.params for text in parameter.opts}
    assert f"Example:\n  scaling-bayes {name}" in inspect.cleandoc(str(command.help))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("fit", "--law", "l"), {"logistic"}),
        (("fit", "--pooling", ""), {"partial", "none", "complete"}),
        (("report", "--scenario", ""), {"thompson2020", "trend", "stalled", "accelerated", "none"}),
        (("scenario", "--region", "FR"), {"FRA", "FRO"}),
        (("scenario", "--price", "cloud_1"), {"cloud_1_year"}),
        (("cite", "--style", "c"), {"csl-json", "cff"}),
        (("calibrate", "post"), {"posterior_sbc"}),
        (("compare", "--leave-out", "p"), {"paper"}),
        (("decompose", "--quantity", "log10_co"), {"log10_cost_usd"}),
        (("project", "reference-"), {"reference-2026.11", "reference-2026.12", "reference-"}),
    ],
)
def test_the_shell_completes_fixed_values_and_released_traces(
    words: tuple[str, ...], expected: set[str]
) -> None:
    *before, incomplete = words
    complete = ShellComplete(cli, {}, "scaling-bayes", "_SCALING_BAYES_COMPLETE")
    assert {item.value for item in complete.get_completions(before, incomplete)} == expected


@pytest.mark.parametrize("function", [fit, scorecard])
def test_defaults_are_those_of_the_function(function: Callable[..., object]) -> None:
    defaults = {name: one.default for name, one in inspect.signature(function).parameters.items()}
    options = {option.name: option for option in cli.commands[function.__name__].params}
    named = {"draws", "tune", "chains", "target_accept"} | {"law", "pooling", "robust"} & set(defaults)
    assert {name: options[name].default for name in named} == {name: defaults[name] for name in named}


def test_the_list_of_commands_has_whole_sentences() -> None:
    listed = run("--help").stdout.partition("Commands:")[2].strip().splitlines()
    assert [line.split()[0] for line in listed] == sorted(cli.commands)
    assert not [line for line in listed if line.endswith("...")]


def test_starting_imports_nothing_that_completion_needs() -> None:
    heavy = "{'numpy', 'pandas', 'xarray', 'rich', 'scaling_bayes.trace.releases'}"
    code = f"import sys, scaling_bayes.cli; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.long
@pytest.mark.slow  # a report with pictures, as `test_releases` makes one
def test_written_files_are_named_as_json(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    done = run("report", OLD_TRACE, "-o", page, "--scenario", "none", "--json")
    assert done.returncode == 0, done.stderr
    written = {kind: page.with_suffix(f".{kind}") for kind in ("html", "json", "csv")}
    assert json.loads(done.stdout) == {kind: str(path) for kind, path in written.items()}
    assert all(path.stat().st_size for path in written.values())


def test_cite_prints_json_and_refuses_another_style() -> None:
    asked = run("cite", OLD_TRACE, "--json").stdout
    assert json.loads(asked) == json.loads(run("cite", OLD_TRACE, "--style", "csl-json").stdout)
    assert run("cite", OLD_TRACE, "--json", "--style", "apa").returncode == 2


def test_verify_counts_what_a_stack_does_not_rederive() -> None:
    brief = run("verify", "stack-2026.11").stderr
    assert brief.count("not re-derived") == 2
    assert "24 items of checks (--findings lists them)" in brief
    assert run("verify", "stack-2026.11", "--findings").stderr.count("not re-derived") == 27


def test_verify_prints_the_digest() -> None:
    done = run("verify", OLD_TRACE)
    assert done.stdout.split()[0] == open_trace(OLD_TRACE).attrs["digest"]
    assert json.loads(run("verify", OLD_TRACE, "--json").stdout)["digest"] == done.stdout.split()[0]


def test_validate_counts_systems() -> None:
    counts = json.loads(run("validate", SYSTEMS, "--json").stdout)
    frame = pd.read_csv(SYSTEMS)
    assert [c["systems"] for c in counts] == frame.groupby("task", sort=False).size().tolist()


def test_validate_says_what_a_fit_would_need(tmp_path: Path) -> None:
    path = tmp_path / "speech.csv"
    path.write_text("task,error,training_compute_flop,year\na,0.3,1e17,2015\na,0.2,1e18,\na,0.1,1e19,2017\n")
    done = run("validate", path)
    assert done.returncode == 0
    assert "1 of 3 systems with compute have no year" in done.stderr
    assert "--pooling none" in done.stderr


@pytest.mark.parametrize("command", [("validate",), ("fit", "-o", "none.nc"), ("score", "reference-2026.11")])
def test_advice_on_columns_is_the_shells_alone(command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("Benchmark,system,error,flops\na,b,0.3,1e17\n")
    done = run(*command, path, cwd=tmp_path)
    assert "Then say so, --column task=Benchmark\n" in done.stderr
    assert "columns=" not in done.stderr
    assert "{" not in done.stderr
    path.write_text(
        "task,sytem,error,training_compute_flop\n" + "".join(f"a,b,0.{i},{i}e9\n" for i in (1, 2, 3))
    )
    said = run("validate", path).stderr
    assert "Then say --column system=sytem.\n" in said
    assert "state that with --unit; if" in said


@pytest.mark.parametrize("command", [("validate",), ("fit", "-o", "none.nc")])
def test_warnings_that_explain_a_refusal_come_before_it(command: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = [f"{task},{i},0.{i},{i}e18,2015\n" for i, task in enumerate(("ASR", "asr", "Asr", "asr"), 1)]
    path.write_text("task,system,error,training_compute_flop,year\n" + "".join(rows))
    done = run(*command, path, cwd=tmp_path)
    assert done.returncode == 1
    warned, refused = done.stderr.index("spelt almost alike"), done.stderr.index("error: ")
    assert warned < refused
    assert done.stderr.count("'ASR' and 'asr' are spelt") == 1


def test_info_with_and_without_a_trace() -> None:
    shipped = json.loads(run("info", "--json").stdout)
    assert {task["task"] for task in shipped["tasks"]} >= {"imagenet", "ms_coco"}
    about = json.loads(run("info", REFERENCE_TRACE, "--json").stdout)
    assert about["model"]["law"] == "bounded"
    assert all(check["passed"] for check in about["checks"])
    assert "random_seed=20261126" in run("info", REFERENCE_TRACE).stdout


COMMANDS = [
    "afford",
    "bundle",
    "calibrate",
    "cite",
    "compare",
    "data",
    "decompose",
    "explore",
    "export",
    "fit",
    "forecast",
    "gain",
    "hardware-fit",
    "info",
    "list",
    "overparameterization",
    "progress",
    "project",
    "replicate",
    "report",
    "run",
    "scenario",
    "score",
    "scorecard",
    "traces",
    "validate",
    "verify",
]


def test_help_lists_every_command() -> None:
    listed = run("--help").stdout.split("Commands:")[1].splitlines()
    assert [line.split()[0] for line in listed if line[:2] == "  " and line[2] != " "] == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_each_help_has_an_example_on_its_own_line(command: str) -> None:
    lines = run(command, "--help").stdout.splitlines()
    example = lines.index("  Example:")
    assert lines[example + 1].strip().startswith(f"scaling-bayes {command}")


@pytest.mark.parametrize(
    "arguments",
    [
        ("fit", "--draws", "10", "--draws", "20"),
        ("fit", "--robust", "--no-robust"),
        ("fit", "-o", "a.nc", "--output", "b.nc"),
        ("project", "TRACE", "--budget-usd", "1e6", "--budget-usd", "1e8"),
        ("gain", "TRACE", "--carbon-kg", "1e6", "--carbon-kg", "1e8"),
        ("scenario", "--region", "FRA", "--region", "DEU"),
        ("scenario", "--assume", "pue=1.1", "--assume", "pue=1.2"),
        ("fit", "--prior", "slope=0.1:0.05:0.2", "--prior", "slope=0.2:0.1:0.4"),
        ("afford", "TRACE", "--budget-usd", "1e6", "--budget-usd", "1000000"),
    ],
)
def test_a_value_given_twice_is_refused(arguments: tuple[str, ...]) -> None:
    done = CliRunner().invoke(cli, [str(OLD_TRACE) if each == "TRACE" else each for each in arguments])
    assert done.exit_code == 2
    assert re.search(r"is given (twice|2 times)", done.output)


@pytest.mark.parametrize(("name", "command"), EACH, ids=[name for name, _ in EACH])
def test_every_option_takes_one_value_or_says_it_is_repeatable(name: str, command: click.Command) -> None:
    for option in command.params:
        if not isinstance(option, click.Option) or (option.is_flag and not option.secondary_opts):
            continue
        twice = [option.opts[-1]] * 2 if option.is_flag else [option.opts[-1], "1", option.opts[-1], "2"]
        if option.multiple:
            assert "repeatable" in str(option.help), (name, option.name)
            continue
        done = CliRunner().invoke(cli, [name, *twice])
        assert done.exit_code == 2, (name, option.name, done.output)
        assert "is given 2 times; expected one value" in done.output


def test_afford_answers_each_budget() -> None:
    target = ("--target", "imagenet=0.2", "--json")
    both = CliRunner().invoke(
        cli,
        ["afford", str(OLD_TRACE), *target, "--budget-usd", "1e3", "--budget-usd", "1e6", "--carbon-kg", "5"],
    )
    rows = json.loads(both.stdout)
    assert [(row["budget_usd"], row["carbon_kg"]) for row in rows] == [(1e3, 5.0), (1e6, 5.0)]
    for row in rows:
        yearly = project(open_trace(OLD_TRACE), {"imagenet": 0.2}, "yearly", scenario="trend")
        alone = affordability(yearly, budget_usd=row["budget_usd"], carbon_kg=5)
        expected = summary(alone).to_dict(orient="records")[0]
        assert row["never"] == expected["never"]
        assert float(row["median"]) == expected["median"]


def test_afford_states_the_budget_and_what_its_first_year_means() -> None:
    asked = ["afford", "reference-2026.12", "--target", "imagenet=0.08", "--budget-usd"]
    for amount, words, early in (("1e15", "1,000 trillion USD", True), ("0.001", "0.001 USD", False)):
        shown = " ".join(CliRunner().invoke(cli, [*asked, amount]).stdout.split())
        assert f"First year within {words}: median" in shown
        # By the command's own answer: 2020 is the first year that is asked.
        rows = json.loads(CliRunner().invoke(cli, [*asked, amount, "--json"]).stdout)
        assert (rows[0]["lower_90"] == 2020) == early
        assert ("2020 means then or earlier" in shown) == early


def test_project_says_how_far_it_goes_and_refuses_what_cannot_be() -> None:
    asked = ["project", str(OLD_TRACE), "--target", "imagenet=0.05"]
    far = CliRunner().invoke(
        cli, [*asked, "--year", "2040", "--scenario", "stalled", "--improvement-year", "2040"]
    )
    assert far.exit_code == 0, far.output
    assert "years after the last system of the fit" in far.stderr
    assert "times below the lowest in the data" in far.stderr
    assert "in 2040 it is the same as the trend" in far.stderr
    for year, message in (("2300", "beyond the horizon, 2100"), ("1990", "before the first system")):
        done = CliRunner().invoke(cli, [*asked, "--year", year])
        assert done.exit_code == 1
        assert isinstance(done.exception, TargetError)
        assert message in str(done.exception)


BAD_TABLES = {
    "empty.csv": b"",
    "header_only.csv": b"task,error,training_compute_flop\n",
    "latin1.csv": "task,error,training_compute_flop\ncaf\xe9,0.1,1e20\n".encode("latin-1"),
    "columns.csv": b"benchmark,err,compute\na,0.1,1e20\n",
    "percent.csv": b"task,error,training_compute_flop\n" + b"a,25,1e20\n" * 1 + b"a,20,1e21\na,15,1e22\n",
    "gflop.csv": b"task,error,training_compute_flop\na,0.2,1e5\na,0.1,1e4\na,0.3,1e3\n",
    "negative.csv": b"task,error,training_compute_flop\na,0.2,-1e20\n",
    "text.csv": b"task,error,training_compute_flop\na,low,1e20\n",
    "few.csv": b"task,error,training_compute_flop,year\na,0.2,1e18,2015\na,0.1,1e19,2016\n",
    "binary.parquet": b"PAR1 but not really",
    "table.xlsx": b"PK",
}


@pytest.mark.parametrize("name", BAD_TABLES)
@pytest.mark.parametrize("command", ["fit", "validate"])
def test_bad_tables_end_in_one_error(name: str, command: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(BAD_TABLES[name])
    before = set(tmp_path.iterdir())
    done = run(command, path, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("error:") == 1
    assert name in done.stderr
    assert "Traceback" not in done.stderr
    assert set(tmp_path.iterdir()) == before


BAD_COMMANDS = [
    (("fit", "--law", "cubic"), 1, "--law cubic is not known; expected one of power"),
    (("fit", "--pooling", "some"), 1, "--pooling some is not valid; expected one of partial, none, complete"),
    (("fit", "--draws", "0"), 1, "--draws must be at least"),
    (("fit", "--draws", "many"), 2, "not a valid integer"),
    (("fit", "--prior", "slope"), 2, "expected NAME=MEDIAN:LOWER:UPPER"),
    (("fit", "--prior", "nonsense=1:0.5:2"), 1, "its priors are"),
    (("fit", "--prior", "compute_error=1:2:3"), 1, "lower < median < upper"),
    (("fit", "-o", "missing/trace.nc"), 1, "no folder missing"),
    (("fit", "no_such.csv"), 1, "no_such.csv"),
    (("fit", "."), 1, "folder"),
    (("report", "no_such.nc"), 1, "No such file"),
    (("report", "bad.nc"), 1, "not a readable netCDF-4 file"),
    (("report", SYSTEMS), 1, "is a table; expected a trace"),
    (("project", "no_such.nc"), 1, "No such file"),
    (("project", "TRACE", "--target", "imagenet"), 2, "expected TASK=ERROR"),
    (("project", "TRACE", "--target", "mnist=0.1"), 1, "not in the fit"),
    (("project", "TRACE", "--target", "imagenet=5"), 1, "did you mean 0.05, or 5%"),
    (("project", "TRACE", "--year", "nan"), 1, "--year: nan must lie"),
    (("project", "TRACE", "--kind", "best"), 1, "predictive, mean"),
    (("project", "TRACE", "--json", "--csv"), 2, "exclude each other"),
    (("report", "TRACE", "-o", "missing/report.html"), 1, "no folder missing"),
    (("report", "TRACE", "-o", "."), 1, "folder"),
    (("verify", "bad.nc"), 1, "not a readable netCDF-4 file"),
    (("info", "bad.nc"), 1, "not a readable netCDF-4 file"),
    (("validate",), 2, "Missing argument"),
    (("nonsense",), 2, "No such command"),
]


@pytest.mark.parametrize(("arguments", "code", "message"), BAD_COMMANDS)
def test_bad_commands_end_in_one_error(arguments, code, message, tmp_path: Path) -> None:
    (tmp_path / "bad.nc").write_bytes(b"not a trace")
    arguments = [OLD_TRACE if argument == "TRACE" else argument for argument in arguments]
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in " ".join(done.stderr.split())
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.nc"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only folders")
def test_a_read_only_folder_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = run("report", OLD_TRACE, "-o", tmp_path / "report.html")
    tmp_path.chmod(0o700)
    assert done.returncode == 1
    assert "cannot write" in done.stderr


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupt_lost_in_a_callback_is_raised_at_the_end() -> None:
    from scaling_bayes.cli.output import interrupts_kept

    class Target:
        pass

    went_on = []

    def lose_an_interrupt() -> None:
        target = Target()
        reference = weakref.ref(target, lambda _: signal.raise_signal(signal.SIGINT))
        del target
        went_on.append(reference() is None)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), interrupts_kept():
            lose_an_interrupt()
        assert went_on == [True]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupted_fit_writes_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "scaling_bayes", "fit", str(SYSTEMS), "-o", str(tmp_path / "t.nc")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    assert process.stderr is not None
    assert process.stderr.readline().strip() == "reading the systems, compiling the model"
    process.send_signal(signal.SIGINT)
    _, talk = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, talk
    assert talk.splitlines()[-1] == "interrupted"
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_says_what_was_written_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def saved_then_interrupted(**_: object) -> None:
        write_text(tmp_path / "first.csv", "x")
        raise KeyboardInterrupt

    monkeypatch.setattr("scaling_bayes.files._written", {})
    monkeypatch.setattr("scaling_bayes.cli.cli.main", saved_then_interrupted)
    assert _run() == 130
    assert capsys.readouterr().err == f"interrupted; written in full: {tmp_path / 'first.csv'}\n"
