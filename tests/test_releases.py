"""Released traces: the names, the files behind them, and reading them with nothing but a netCDF library."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from tests import commands
from tools.releases.release import main, make, stale, to_toml

import scaling_bayes as sb
from scaling_bayes import list_traces, open_trace
from scaling_bayes.core.options import DEFAULT_MODEL, STACK, ModelOptions
from scaling_bayes.errors import DataError, OptionError, TraceError
from scaling_bayes.report import write_report
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.releases import REFERENCE_TRACE, Release, read_index
from scaling_bayes.trace.view import PosteriorView

pytestmark = pytest.mark.long

TRACES = Path(__file__).with_name("data") / "traces"
ARCHIVE = TRACES.with_name("releases")


#: The default one, and with the slow tests all.
FITS = [
    pytest.param(each.name, marks=() if each.name == REFERENCE_TRACE else pytest.mark.slow)
    for each in read_index()
    if each.kind == "fit" and each.at_hand
]


def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return commands.run(*arguments, cwd=cwd, without=commands.SAMPLER)


def test_the_index_names_the_files_that_are_there(repository: Path) -> None:
    folder = repository / "data" / "traces"
    assert stale(folder / "index.toml") == []
    released = list_traces()
    assert REFERENCE_TRACE in set(released["name"])
    files = {path.name: path for place in (folder, ARCHIVE) for path in place.glob("*.nc")}
    assert {f"{name}.nc" for name in released["name"]} == set(files)
    for row in released.itertuples():
        path = files[f"{row.name}.nc"]
        assert path.stat().st_size < 5e6
        tree = open_trace(row.name)
        assert tree_digest(tree) == row.digest == tree.attrs["digest"]
        assert sha256(path.read_bytes()).hexdigest() == row.sha256
        assert json.loads(tree.attrs["manifest"]).get("kind", "fit") == row.kind
        assert row.command.startswith("scaling-bayes ")
    assert main(["--check"]) == 0


def test_the_reference_trace_is_the_default_fit() -> None:
    content = json.loads(open_trace(REFERENCE_TRACE).attrs["manifest"])
    assert content["sampler"]["random_seed"] == 20261126
    assert ModelOptions(**content["model"]) == ModelOptions(**DEFAULT_MODEL)
    assert content["data"]["source"] == "scaling_bayes.reference_systems(edition='2026.12')"


def test_a_name_means_the_released_trace_and_dot_slash_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / REFERENCE_TRACE).write_text("another file")
    digests = {release.name: release.digest for release in read_index()}
    assert open_trace(REFERENCE_TRACE).attrs["digest"] == digests[REFERENCE_TRACE]
    with pytest.raises(TraceError, match="not a readable netCDF-4 file"):
        open_trace(f"./{REFERENCE_TRACE}")
    with pytest.raises(TraceError, match="not a readable netCDF-4 file"):
        open_trace(Path(REFERENCE_TRACE))
    (tmp_path / "mine").write_text("another file")
    with pytest.raises(TraceError, match=r"no released trace is named 'mine'.*write \./mine"):
        open_trace("mine")
    for command in ("info", "cite", "verify", "project"):
        done = run(command, f"./{REFERENCE_TRACE}", cwd=tmp_path)
        assert done.returncode == 1
        assert "not a readable netCDF-4 file" in done.stderr


def test_a_released_file_that_was_replaced_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TRACES / "fit-schema-1.nc"
    release = read_index()[0]
    monkeypatch.setattr("scaling_bayes.trace.io.find_trace", lambda _: (other, release))
    with pytest.raises(
        TraceError, match=f"the file does not match its digest .expected {release.sha256}, found"
    ):
        open_trace(release.name)


@pytest.mark.usefixtures("unplotted")
@pytest.mark.parametrize("name", FITS)
def test_a_released_fit_answers_every_question(name: str, tmp_path: Path) -> None:
    trace = open_trace(name).isel(draw=slice(None, None, 25), missing_dims="ignore")
    view = PosteriorView.of(trace)
    summary = sb.summary(sb.project(trace))
    assert set(summary["task"]) == set(view.tasks)
    assert summary["median"].notna().all()
    known = [view.points(task) for task in view.tasks]
    new = pd.DataFrame(
        {
            "task": view.tasks,
            "system": [f"of {task}, not seen" for task in view.tasks],
            "error": [0.97 * points.error.min() for points in known],
            "training_compute_flop": [1.1 * 10 ** points.log10_compute.max() for points in known],
            "year": 2025,
        }
    )
    scores = sb.score(trace, new)
    assert len(scores[scores["forecaster"] == view.law]) == len(view.tasks)
    assert len(write_report(trace, tmp_path / "report.html")) == 3
    if view.law != STACK:
        path = sb.export_forecasts(trace, tmp_path / "hub", round_id="2026-12-01", model="thinned")
        assert set(pd.read_csv(path)["task"]) == {*view.tasks, "any"}


def test_an_archived_trace_opens_in_a_checkout_is_named_without_one_and_is_never_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archived = next(release for release in read_index() if release.name == "prior-sweep-power-2026.11")
    path = archived.path
    monkeypatch.setattr("scaling_bayes.trace.releases.data_path", _no_file)
    monkeypatch.setattr("scaling_bayes.trace.releases.read_index", lambda: (archived,))
    monkeypatch.setattr("scaling_bayes.trace.releases.archived_path", lambda _: path)
    assert open_trace(archived.name).attrs["digest"] == archived.digest
    monkeypatch.setattr("tools.releases.release.archived_path", lambda _: path)
    assert main([archived.name]) == 1
    monkeypatch.setattr("scaling_bayes.trace.releases.archived_path", lambda _: None)
    assert list_traces().empty
    with pytest.raises(TraceError, match=r"did not come with this package.*tests/data/releases"):
        open_trace(archived.name)


def _no_file(name: str) -> Path:
    raise DataError(name)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "../escape-2026.11"}, "expected a unique one"),
        ({"name": "Reference-2026.11"}, "expected a unique one"),
        ({"date": 5}, "date of .* must be text"),
        ({"file": "x.nc"}, "not a readable index"),
    ],
)
def test_an_index_with_an_odd_entry_is_refused(entry: dict, message: str, tmp_path: Path) -> None:
    text = to_toml(read_index()[:1])
    for name, value in entry.items():
        line = f"{name} = {json.dumps(value)}"
        lines = [line if old.startswith(f"{name} = ") else old for old in text.splitlines()]
        text = "\n".join(lines if line in lines else [*lines, line])
    (tmp_path / "index.toml").write_text(text)
    with pytest.raises(DataError, match=message):
        read_index(tmp_path / "index.toml")


def test_an_index_is_written_as_it_is_read(tmp_path: Path) -> None:
    odd = Release(
        "odd-2026.11", "fit", 'A "title" with \\ and é', "scaling-bayes fit", "", "", "", "CC0-1.0", ""
    )
    (tmp_path / "index.toml").write_text(to_toml((odd,)), encoding="utf-8")
    assert read_index(tmp_path / "index.toml") == (odd,)


def test_a_release_is_made_by_its_command_and_nothing_is_left_when_that_fails(tmp_path: Path) -> None:
    release = replace(read_index()[0], command="scaling-bayes fit no_such.csv")
    with pytest.raises(OptionError, match="exit code 1"):
        make(release, tmp_path)
    with pytest.raises(OptionError, match="expected scaling-bayes"):
        make(replace(release, command="rm -rf x"), tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert main(["no-such-trace"]) == 1


def test_the_command_line_reports_on_the_reference_trace_by_default(reference_report: Path) -> None:
    digest = open_trace(REFERENCE_TRACE).attrs["digest"]
    assert json.loads((reference_report / "report.json").read_text())["digest"] == digest
    page = (reference_report / "report.html").read_text()
    assert f"({REFERENCE_TRACE})" in page
    assert digest in page


@pytest.mark.long
@pytest.mark.parametrize("path", sorted(TRACES.glob("*.nc")), ids=lambda path: path.name)
def test_files_of_every_schema_open_verify_project_and_report_without_the_sampler(
    path: Path, tmp_path: Path
) -> None:
    verified = run("verify", path, "--findings")
    assert verified.returncode == 0, verified.stderr
    assert "checks/rhat: agrees" in verified.stderr
    projected = run("project", path, "--scenario", "trend", "--json")
    assert projected.returncode == 0, projected.stderr
    assert len(json.loads(projected.stdout)) == 24
    reported = run("report", path, "--scenario", "none", cwd=tmp_path)
    assert reported.returncode == 0, reported.stderr
    assert len(list(tmp_path.iterdir())) == 3
    cited = run("cite", path, "--style", "apa")
    law = {"fit-schema-1.nc": "power", "fit-schema-2.nc": "bounded"}[path.name]
    assert f"(n.d.). Fit of 10 systems under the {law} law" in cited.stdout


def test_refitting_without_the_sampler_is_refused_in_words() -> None:
    done = run("verify", TRACES / "fit-schema-1.nc", "--refit")
    assert done.returncode == 1
    assert "--refit samples again, which needs PyMC" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_verify_without_a_name_verifies_every_released_trace() -> None:
    done = run("verify", "--json")
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert [entry["digest"] for entry in shown] == list_traces()["digest"].tolist()
    listed = run("traces", "--json")
    assert [entry["name"] for entry in json.loads(listed.stdout)] == list_traces()["name"].tolist()
    assert REFERENCE_TRACE in run("traces").stdout
