"""Names of others in every output: nothing steers a terminal, a page or a spreadsheet; nothing is noise."""

from __future__ import annotations

import io
import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tests import commands
from tests.synthetic import synthetic_fit

from scaling_bayes import save_trace
from scaling_bayes.cli import cli
from scaling_bayes.steering import csv_text, json_text, steered_by, visible, without_steering

pytestmark = pytest.mark.long

#: A colour, a window's title, a C1 sequence, reading direction, an overprinted line, a torn row, a tag.
STEERING = [
    "\x1b[31mred",
    "\x1b]0;title\x07x",
    "\x9b2Jwiped",
    "\u202egnp.exe",
    "\u2066a\u2069",
    "over\rprint",
    "torn\u2028row",
    "\x7fdel\x08",
    "\U000e0041tag",
]
FORMULAS = ['=HYPERLINK("http://x.example","y")', "=1+1", "+1+1", "-1+1", "@SUM(A1)", "  =1", "＝1"]
SCRIPTS = ["日本語 ASR", "عربي", "हिन्दी", "🧪 task", "می\u200cخواهم", "$x^2$", "a&b<c>"]
NAMES = (*STEERING, *FORMULAS, *SCRIPTS)
#: Some of them, as a report draws each.
DRAWN = (STEERING[3], FORMULAS[1], *SCRIPTS[:4:3])


@cache
def fitted(names: tuple[str, ...] = NAMES) -> xr.DataTree:
    tree = synthetic_fit(names, draws=40)
    content = json.loads(tree.attrs["manifest"])
    content["versions"] = {**content["versions"], "numpy": "\x1b[31m2.0", "\u202epkg": "1"}
    tree.attrs["manifest"] = json.dumps(content)
    return tree


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(save_trace(fitted(), tmp_path_factory.mktemp("names") / "trace.nc"))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [
        {
            "task": name,
            "system": f"{name} {k}",
            "error": 0.4 - 0.05 * k,
            "training_compute_flop": 10.0 ** (17 + k),
        }
        for name in NAMES
        for k in range(3)
    ]
    frame = pd.DataFrame(rows).assign(year=2016)
    # Rows that are refused, with their names.
    frame.loc[:4, "error"] = 7.0
    path = tmp_path_factory.mktemp("table") / "names\x1b[31m.csv"
    frame.to_csv(path, index=False)
    return str(path)


@pytest.fixture(scope="module")
def later(tmp_path_factory: pytest.TempPathFactory) -> str:
    rows = [
        {
            "task": name,
            "system": f"{name} later",
            "error": 0.2,
            "training_compute_flop": compute,
            "year": 2022,
        }
        for name in (*FORMULAS, *SCRIPTS)
        for compute in (1e21, None)
    ]
    path = tmp_path_factory.mktemp("later") / "later.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return str(path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, list(arguments))


COMMANDS: list[list[str]] = [
    ["info", "TRACE"],
    ["info", "TRACE", "--json"],
    ["project", "TRACE", "--year", "2030"],
    ["project", "TRACE", "--year", "2030", "--csv"],
    ["progress", "TRACE", "--json"],
    ["score", "TRACE", "LATER"],
    ["cite", "TRACE", "--style", "cff"],
]
MORE = [
    ["project", "TRACE", "--year", "2030", "--json"],
    ["progress", "TRACE"],
    ["progress", "TRACE", "--csv"],
    ["score", "TRACE", "LATER", "--json"],
    ["score", "TRACE", "LATER", "--csv"],
    ["cite", "TRACE"],
]


@pytest.mark.parametrize(
    "command", [*COMMANDS, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)], ids=" ".join
)
def test_no_name_steers_the_terminal(trace: str, later: str, command: list[str]) -> None:
    given_for = {"TRACE": trace, "LATER": later}
    done = run(*(given_for.get(each, each) for each in command))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert steered_by(done.output) == []
    assert done.output
    if "--json" in command:
        json.loads(done.stdout)


REFUSED = [
    ["project", "TRACE", "--target", "no\x1b]0;such\x07=0.2"],
    ["verify", "TRACE"],
    ["verify", "no\u202esuch\x1b[31m.nc"],
    ["validate", "TABLE"],
    ["validate", "no\x9bsuch.csv"],
    ["project", "TRACE", "--\x1b[31mx"],
    ["no\x1b[31msuch"],
    ["project", "TRACE", "--year", "\x1b[31m2030"],
]


@pytest.mark.parametrize("command", REFUSED, ids=repr)
def test_no_refusal_steers_the_terminal(trace: str, table: str, command: list[str]) -> None:
    given_for = {"TRACE": trace, "TABLE": table}
    done = commands.run(*(given_for.get(each, each) for each in command))
    assert done.returncode in (1, 2), done
    assert steered_by(done.stdout + done.stderr) == []
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_the_command_line_speaks_through_one_function(repository: Path) -> None:
    for path in (repository / "src/scaling_bayes").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if path.name != "output.py":
            assert "click.echo(" not in text, path
            assert "click.secho(" not in text, path


@pytest.fixture(scope="module")
def drawn_report(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("report") / "report.html"
    trace = save_trace(fitted(DRAWN), path.with_name("trace.nc"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        done = run("report", str(trace), "-o", str(path), "--scenario", "none")
    assert done.exit_code == 0, done.output
    return path, done.output


def test_a_report_of_such_names_makes_no_noise(drawn_report: tuple[Path, str]) -> None:
    path, said = drawn_report
    assert "Glyph" not in said
    assert steered_by(said) == []
    assert json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))["figures_not_drawn"] == []


def test_no_file_of_a_report_is_steered(drawn_report: tuple[Path, str]) -> None:
    for suffix in (".html", ".json", ".csv"):
        text = drawn_report[0].with_suffix(suffix).read_text(encoding="utf-8")
        assert steered_by(text) == [], suffix
        assert "日本語" in text or suffix == ".json"


def test_a_spreadsheet_takes_no_cell_for_a_formula_and_numbers_for_numbers(
    drawn_report: tuple[Path, str],
) -> None:
    frame = pd.read_csv(drawn_report[0].with_suffix(".csv"))
    tasks = set(frame["task"].astype(str))
    assert not [task for task in tasks if task.lstrip().startswith(tuple("=+-@＝"))]
    assert "'=1+1" in tasks
    for name in ("error", "year", "median", "lower_90", "unreachable"):
        assert frame[name].dtype.kind in "if", name


# The functions


@given(st.text(alphabet=st.characters()))
def test_what_is_shown_has_nothing_that_steers(text: str) -> None:
    for shown in (visible(text), without_steering(text)):
        assert steered_by(shown) == []
        shown.encode()
    assert steered_by(visible(text, keep=""), keep="") == []
    if not steered_by(text):
        assert visible(text) == without_steering(text) == text


@given(st.recursive(st.text() | st.floats(allow_nan=False) | st.none(), st.lists))
def test_json_keeps_its_value(value: Any) -> None:
    text = json_text(json.dumps(value, ensure_ascii=False, indent=1))
    assert steered_by(text) == []
    assert json.loads(text) == value


@given(st.lists(st.tuples(st.text(), st.floats(), st.integers()), min_size=1, max_size=5))
def test_csv_keeps_numbers_and_has_no_formula(rows: list[tuple[str, float, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["=name", "-x", "n"]).astype({"-x": float, "n": object})
    text = csv_text(frame)
    assert steered_by(text, keep="\n") == []
    read = pd.read_csv(
        io.StringIO(text), dtype={"'=name": str}, keep_default_na=False, na_values={"'-x": [""]}
    )
    assert list(read.columns) == ["'=name", "'-x", "n"]
    np.testing.assert_array_equal(read["'-x"].to_numpy(float), frame["-x"].to_numpy())
    assert [int(n) for n in read["n"]] == [n for _, _, n in rows]
    for cell in read["'=name"]:
        shown = cell.lstrip()
        assert not shown.startswith(("=", "@", "\t", "\r"))
        if shown.startswith(("+", "-")):
            float(shown)


def test_numbers_that_are_texts_stay() -> None:
    frame = pd.DataFrame(
        {"x": ["-1.5", "+2", "-1e-3", "-1+1", "-inf"], "y": [-1.5, 2.0, np.nan, 1.0, -np.inf]}
    )
    assert csv_text(frame).splitlines()[1:] == ["-1.5,-1.5", "+2,2.0", "-1e-3,", "'-1+1,1.0", "-inf,-inf"]
