"""Forecasts frozen as rounds of a hub: valid by the hub's own tasks.json, written once, the same bytes."""

import csv
import json
import re
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from tests.synthetic import synthetic_fit
from tools.releases import forecasts
from tools.releases.forecasts import HUB

from scaling_bayes import OptionError, TargetError, TraceError, WriteError, export_forecasts, save_trace
from scaling_bayes.archive.hub import LEVELS
from scaling_bayes.cli import cli
from scaling_bayes.errors import DataError
from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.projection.records import records
from scaling_bayes.trace.releases import read_index
from scaling_bayes.trace.view import PosteriorView

ROUND = "2026-12-01"


@pytest.fixture(scope="module")
def fitted():
    return synthetic_fit(("imagenet", "my task"), draws=50, drift=True, robust=True)


@pytest.fixture(scope="module")
def hub(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub")
    export_forecasts(fitted, folder, round_id=ROUND, model="first")
    return folder


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def problems(hub: Path, path: Path, text: str | None = None) -> list[str]:
    """What the hub's own tasks.json finds wrong with a round: ids, levels, values, what is left out."""
    found = []
    named = re.fullmatch(r"(\d{4}-\d\d-\d\d)-(([a-zA-Z0-9_+]+)-([a-zA-Z0-9_+]+))\.csv", path.name)
    if named is None or path.parent.name != named[2]:
        return [f"name {path}"]
    rows = read(path.read_text(encoding="utf-8") if text is None else text)
    tasks = json.loads((hub / "hub-config" / "tasks.json").read_text(encoding="utf-8"))
    groups = [
        group
        for entry in tasks["rounds"]
        for group in entry["model_tasks"]
        if named[1] in (group["task_ids"][entry["round_id"]]["required"] or [])
    ]
    columns = [*groups[0]["task_ids"], "output_type", "output_type_id", "value"]
    if list(rows[0]) != columns:
        found.append(f"columns {list(rows[0])}")
    by_ids: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    for row in rows:
        ids = tuple(row[name] for name in columns[:-3])
        by_ids.setdefault(ids, []).append((float(row["output_type_id"]), float(row["value"])))
    for ids, values in by_ids.items():
        group = next(
            (
                group
                for group in groups
                if all(
                    value in (allowed["required"] or []) + (allowed["optional"] or [])
                    for value, allowed in zip(ids, group["task_ids"].values(), strict=True)
                )
            ),
            None,
        )
        if group is None:
            found.append(f"no such task {ids}")
            continue
        stated = group["output_type"]["quantile"]
        levels, quantiles = zip(*values, strict=True)
        if list(levels) != stated["output_type_id"]["required"]:
            found.append(f"levels {ids}")
        if not all(np.diff(quantiles) >= 0):
            found.append(f"quantiles fall {ids}")
        low, high = stated["value"].get("minimum", -np.inf), stated["value"].get("maximum", np.inf)
        if not all(low <= value <= high for value in quantiles):
            found.append(f"out of bounds {ids}")
        siblings = product(
            *(
                allowed["required"] or [value]
                for value, allowed in zip(ids, group["task_ids"].values(), strict=True)
            )
        )
        found += [f"left out {each}" for each in siblings if each not in by_ids]
    return found


def metadata_of(hub: Path, model: str) -> dict[str, object]:
    text = (hub / "model-metadata" / f"scaling_bayes-{model}.yml").read_text(encoding="utf-8")
    return {key: json.loads(value) for key, _, value in (line.partition(": ") for line in text.splitlines())}


def test_a_round_is_valid_by_the_tasks_of_its_hub_and_covers_every_target(fitted, hub):
    (path,) = (hub / "model-output").rglob("*.csv")
    assert problems(hub, path) == []
    text = path.read_text(encoding="utf-8")
    rows = read(text)
    assert {0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95} <= set(LEVELS)
    assert {row["target_end_date"] for row in rows} == {"2027-12-31", "2028-12-31"}
    about = {(row["target"], row["task"]) for row in rows}
    assert about == {
        *product(("record error", "record compute", "cost of error"), ("imagenet", "my task")),
        ("largest run", "any"),
    }
    # The validator sees what is wrong: an error above 1, and a level left out.
    lines = text.splitlines()
    above = f"{lines[23].rpartition(',')[0]},2"
    wrong = problems(hub, path, "\n".join([*lines[:23], above, *lines[24:-1]]))
    assert {problem.split(" ")[0] for problem in wrong} == {"out", "levels"}


def test_the_configuration_keeps_to_the_schema_of_the_hubverse(fitted, hub):
    config = hub / "hub-config"
    tasks, admin, schema = (
        json.loads((config / name).read_text(encoding="utf-8"))
        for name in ("tasks.json", "admin.json", "model-metadata-schema.json")
    )
    assert set(tasks) == {"schema_version", "rounds"}
    for entry in tasks["rounds"]:
        assert set(entry) == {"round_id_from_variable", "round_id", "model_tasks", "submissions_due"}
        for group in entry["model_tasks"]:
            assert set(group) == {"task_ids", "output_type", "target_metadata"}
            assert all(set(allowed) == {"required", "optional"} for allowed in group["task_ids"].values())
            (target,) = group["target_metadata"]
            assert len(target["target_id"]) <= 30
            assert len(target["target_name"]) <= 100
            assert target["target_keys"] == {"target": group["task_ids"]["target"]["optional"][0]}
    needed = {"schema_version", "name", "maintainer", "contact", "repository", "file_format", "timezone"}
    assert set(admin) == needed
    made = metadata_of(hub, "first")
    assert set(made) == set(schema["required"]) == set(schema["properties"])
    for name, rule in schema["properties"].items():
        assert re.search(rule.get("pattern", ""), str(made[name]))
        assert len(str(made[name])) <= rule.get("maxLength", 1000)
    assert made["trace_digest"] == PosteriorView.of(fitted).digest


def test_a_round_is_written_once_and_the_same_everywhere(fitted, hub, tmp_path):
    before = {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()}
    with pytest.raises(WriteError, match="never replaced"):
        export_forecasts(fitted, hub, round_id=ROUND, model="first")
    assert {path: path.read_bytes() for path in hub.rglob("*") if path.is_file()} == before
    export_forecasts(fitted, tmp_path, round_id=ROUND, model="first")
    assert {
        path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    } == {path.relative_to(hub): content for path, content in before.items()}


def test_another_round_and_another_model_are_added_and_leave_the_first_valid(fitted, tmp_path):
    first = export_forecasts(fitted, tmp_path, round_id=ROUND, model="first")
    frozen = first.read_bytes()
    other = synthetic_fit(("imagenet", "third task"), draws=50, seed=2)
    second = export_forecasts(other, tmp_path, round_id=ROUND, model="second")
    third = export_forecasts(fitted, tmp_path, round_id="2027-06-30", model="first")
    assert first.read_bytes() == frozen
    assert [problems(tmp_path, path) for path in (first, second, third)] == [[], [], []]
    with pytest.raises(WriteError, match="another trace"):
        export_forecasts(other, tmp_path, round_id="2027-07-01", model="first")


def test_the_frozen_rounds_of_the_releases_are_valid_and_name_their_traces(repository):
    digests = {release.digest for release in read_index()}
    for path in (repository / HUB).glob("model-output/*/*.csv"):
        assert problems(repository / HUB, path) == []
        model = path.parent.name.removeprefix("scaling_bayes-")
        assert metadata_of(repository / HUB, model)["trace_digest"] in digests


def test_a_frozen_round_is_kept_and_must_be_what_its_release_gives(fitted, tmp_path, monkeypatch):
    monkeypatch.setattr(forecasts, "open_trace", lambda _: fitted)
    assert [said.split()[0] for said in forecasts.freeze(ROUND, tmp_path, ["a release"])] == ["wrote"]
    (path,) = tmp_path.glob("model-output/*/*.csv")
    frozen = path.read_bytes()
    assert [said.split()[0] for said in forecasts.freeze(ROUND, tmp_path, ["a release"])] == [str(path)]
    path.write_bytes(frozen.replace(b"0.5", b"0.6", 1))
    with pytest.raises(DataError, match="never replaced"):
        list(forecasts.freeze(ROUND, tmp_path, ["a release"]))
    assert path.read_bytes() != frozen


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"round_id": "2026.12"}, OptionError, "2026.12"),
        ({"model": "two-parts"}, OptionError, "two-parts"),
        ({"years": [2020]}, OptionError, "2020 is over"),
        ({"years": [2200]}, TargetError, "2200"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(fitted, tmp_path, given, error, said):
    with pytest.raises(error, match=re.escape(said)):
        export_forecasts(fitted, tmp_path / "hub", **{"round_id": ROUND, **given})
    assert not (tmp_path / "hub").exists()


def test_a_folder_that_is_no_hub_and_a_fit_without_growth_are_refused(fitted, tmp_path):
    with pytest.raises(TraceError, match="growth of compute"):
        export_forecasts(synthetic_fit(measurement_error=False, draws=10), tmp_path, round_id=ROUND)
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="no folder"):
        export_forecasts(fitted, tmp_path / "file", round_id=ROUND)
    (tmp_path / "hub-config").mkdir()
    (tmp_path / "hub-config" / "tasks.json").write_text('{"rounds": 3}', encoding="utf-8")
    with pytest.raises(DataError, match=r"tasks\.json"):
        export_forecasts(fitted, tmp_path, round_id=ROUND)


def test_the_command_writes_the_round_and_refuses_to_replace_it(fitted, tmp_path):
    trace = tmp_path / "trace.nc"
    save_trace(fitted, trace)
    asked = ["export", str(trace), "--format", "hub", "-o", str(tmp_path / "hub"), "--round-id", "2031-01-01"]
    done = CliRunner().invoke(cli, [*asked, "--year", "2031"])
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "hub").rglob("2031-01-01-*.csv")
    frozen = path.read_bytes()
    assert CliRunner().invoke(cli, asked).exit_code != 0
    assert CliRunner().invoke(cli, [*asked, "--overwrite"]).exit_code != 0
    assert path.read_bytes() == frozen
    day_before = CliRunner().invoke(cli, [*asked[:-1], "1999-01-01", "--year", "2031"])
    assert isinstance(day_before.exception, OptionError), day_before.output


def test_a_record_is_the_lowest_of_the_data_and_of_many_independent_systems():
    """One system a paper, no drift: the distribution of the lowest error, from the model as documented."""
    fit = synthetic_fit(("imagenet", "my task"), 30, draws=200, chains=4, paper_effect=False)
    view = PosteriorView.of(fit)
    found = records(view, (2022, 2024), open_hardware())
    lowest = view.points("imagenet").error.min()
    error = found["error"].sel(task="imagenet")
    assert float(error.max()) <= lowest
    assert bool((error.sel(year=2024) <= error.sel(year=2022)).all())

    rng = np.random.default_rng(5)
    last = max(view.constant["publication_year"].values)
    papers = view.observations.paper_index[view.systems_of("imagenet")]
    year = view.points("imagenet").year
    span = float(np.clip(last - year.min(), 1, 5))
    recent = year > last - span
    count = np.unique(papers[recent]).size
    each = max(round(recent.sum() / count), 1)
    at = view.posterior.sel(task="imagenet").stack(sample=("chain", "draw"))
    reference = view.constant.sel(task="imagenet")
    low = []
    for draw in range(at.sizes["sample"]):
        of = {name: float(at[name].values[draw]) for name in at.data_vars if at[name].dims == ("sample",)}
        n = each * rng.poisson(rng.gamma(count + 0.5, 1 / span) * (2025 - last))
        when = rng.uniform(last, 2025, n) - float(reference["reference_year"])
        compute = (
            of["compute_mean"] + of["compute_growth"] * when + of["compute_spread"] * rng.standard_normal(n)
        )
        performance = of["intercept"] + of["slope"] * (compute + of["progress"] * when)
        performance += of["noise"] * rng.standard_normal(n)
        low.append(min(lowest, *(10.0**-performance), 1.0))
    levels = (0.1, 0.25, 0.5, 0.75, 0.9)
    mine, theirs = (np.log10(np.quantile(draws, levels)) for draws in (error.sel(year=2024), low))
    scatter = np.std(np.log10(low)) / np.sqrt(len(low))
    assert np.abs(mine - theirs).max() < 6 * 2 * scatter
