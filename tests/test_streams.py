"""Every command against a closed, full or narrow standard output, and a folder that takes no file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests import commands

from scaling_bayes.cli import cli

pytestmark = pytest.mark.long
TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
SYSTEMS = Path(__file__).with_name("data") / "simulated_systems.csv"
#: Command lines that print, beside every --help: tables, JSON, CSV, plain text.
PRINTING = [
    ("--help",),
    ("--version",),
    ("traces",),
    ("scenario", "--csv"),
    ("project", TRACE),
    ("project", TRACE, "--json"),
    ("cite", TRACE, "--style", "apa"),
    ("validate", SYSTEMS),
]
#: Nothing can be made in this folder, by root neither.
NOWHERE = "/proc"
WRITING = [
    ("fit", SYSTEMS, "-o", f"{NOWHERE}/trace.nc"),
    ("report", TRACE, "-o", f"{NOWHERE}/report.html"),
    ("bundle", TRACE, "-o", f"{NOWHERE}/bundle"),
    ("bundle", TRACE, "-o", f"{NOWHERE}/bundle.zip"),
    ("calibrate", "prior_sbc", "-o", f"{NOWHERE}/calibration.nc"),
    ("compare", TRACE, "-o", f"{NOWHERE}/stack.nc"),
    ("score", TRACE, SYSTEMS, "-o", f"{NOWHERE}/score.svg"),
    ("scorecard", "-o", f"{NOWHERE}/scores.csv"),
    ("hardware-fit", "-o", f"{NOWHERE}/hardware.nc"),
    ("overparameterization", "--figure", f"{NOWHERE}/figure.svg"),
    ("overparameterization", "--store", f"{NOWHERE}/store"),
]


def run_each(cases: list[dict[str, Any]], folder: Path) -> list[dict[str, Any]]:
    asked = [{**case, "arguments": list(map(str, case["arguments"])), "cwd": str(folder)} for case in cases]
    results = [commands.ask(case) for case in asked]
    for case, found in zip(asked, results, strict=True):
        assert "Traceback" not in found["stderr"], (case, found["stderr"])
        assert "Exception ignored" not in found["stderr"], (case, found["stderr"])
    assert list(folder.iterdir()) == []
    return results


HELPS = [(name, "--help") for name in sorted(cli.commands)]


@pytest.mark.parametrize(
    ("stdout", "message"),
    [
        ("closed", "error: cannot write to standard output: Bad file descriptor.\n"),
        ("full", "error: cannot write to standard output: No space left on device.\n"),
        ("left", ""),
    ],
)
def test_what_cannot_be_printed_is_one_error(stdout: str, message: str, tmp_path: Path) -> None:
    helps = HELPS[::4] if stdout == "full" else HELPS[:1]
    cases = [{"arguments": line, "stdout": stdout} for line in (*helps, *PRINTING)]
    for case, found in zip(cases, run_each(cases, tmp_path), strict=True):
        assert found["code"] == 1, case
        errors = [line for line in found["stderr"].splitlines(True) if line.startswith("error:")]
        assert "".join(errors) == message, case


def test_a_narrow_encoding_loses_nothing(tmp_path: Path) -> None:
    cases = [{"arguments": line, "encoding": "ascii"} for line in (HELPS[0], *PRINTING)]
    narrow = run_each(cases, tmp_path)
    for case, found in zip(cases, narrow, strict=True):
        assert found["code"] == 0, (case, found["stderr"])
        if "--json" in case["arguments"]:
            json.loads(found["stdout"])
        if "--csv" in case["arguments"]:
            assert "CO2e" in found["stdout"]


def test_a_folder_that_takes_no_file_is_refused_before_the_work(tmp_path: Path) -> None:
    cases = [{"arguments": line} for line in WRITING]
    for case, found in zip(cases, run_each(cases, tmp_path), strict=True):
        assert found["code"] == 1, (case, found)
        assert found["stdout"] == ""
        assert found["stderr"].count("error:") == 1, (case, found)
        assert NOWHERE in found["stderr"], (case, found)


def test_a_full_standard_error_hides_talk_and_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scaling_bayes", "project", str(TRACE), "--year", "2030", "--json"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=full, check=True, cwd=tmp_path)
    assert json.loads(done.stdout)
