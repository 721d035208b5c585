"""The tables can be listed, described and taken elsewhere, with a description that other tools read."""

import hashlib
import json
import tomllib
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner
from tests.some import some

from scaling_bayes.archive.catalogue import (
    data_package,
    describe_table,
    export_table,
    list_tables,
    read_shipped,
)
from scaling_bayes.cli import cli
from scaling_bayes.errors import OptionError, ScalingBayesError
from scaling_bayes.hardware.tables import TABLE_NAMES, load_table

DATA = Path(__file__).resolve().parents[1] / "data"
NAMES = [row["table"] for row in list_tables()]
#: Types of a Table Schema that are used.
TYPES = {"string", "number", "integer", "boolean", "date"}


def test_every_table_with_a_sidecar_is_listed():
    assert {f"hardware/{name}" for name in TABLE_NAMES} <= set(NAMES)
    assert {"systems", "language_systems", "devices"} <= set(NAMES)
    assert sorted(NAMES) == NAMES
    assert all((DATA / f"{name}.csv").is_file() for name in NAMES)


@pytest.mark.parametrize("name", some(NAMES, 3))
def test_the_descriptor_says_what_the_sidecar_says(name):
    content = (DATA / f"{name}.csv").read_bytes()
    package = data_package(name, "table.csv", content)
    (resource,) = package["resources"]
    fields = resource["schema"]["fields"]
    assert [field["name"] for field in fields] == list(read_shipped(name).columns)
    assert {field["type"] for field in fields} <= TYPES
    assert all(field["description"] for field in fields)
    assert resource["hash"] == f"sha256:{describe_table(name)['sha256']}"
    assert resource["bytes"] == len(content)
    assert package["licenses"]
    assert ("sources" in package) == bool(describe_table(name)["sources"])
    json.dumps(package, allow_nan=False)


@pytest.mark.parametrize(("name", "suffix"), [("pue", ".csv"), ("language_tasks", ".parquet")])
def test_export_writes_table_sidecar_and_descriptor(name, suffix, tmp_path):
    files = export_table(name, tmp_path / f"taken{suffix}")
    assert [path.name for path in files] == [f"taken{suffix}", "taken.meta.toml", "taken.datapackage.json"]
    digest = hashlib.sha256(files[0].read_bytes()).hexdigest()
    assert tomllib.loads(files[1].read_text(encoding="utf-8"))["sha256"] == digest
    package = json.loads(files[2].read_text(encoding="utf-8"))
    assert package["resources"][0]["hash"] == f"sha256:{digest}"
    assert package["resources"][0]["path"] == files[0].name
    taken = pd.read_parquet(files[0]) if suffix == ".parquet" else pd.read_csv(files[0])
    assert len(taken) == len(read_shipped(name))


def test_a_csv_file_is_the_shipped_one_and_an_edition_is_what_is_read(tmp_path):
    table, *_ = export_table("hardware/utilisation", tmp_path / "all.csv")
    assert table.read_bytes() == (DATA / "hardware" / "utilisation.csv").read_bytes()
    table, *_ = export_table("utilisation", tmp_path / "later.csv", edition="2026.12")
    later = pd.read_csv(table).set_index("system")["model_flop_utilisation"]
    read = load_table("utilisation", edition="2026.12").set_index("system")["model_flop_utilisation"]
    pd.testing.assert_series_equal(later, read, check_index_type=False)


def test_types_of_cells():
    systems = read_shipped("systems")
    assert str(systems["publication_date"].dtype).startswith("datetime64")
    assert str(systems["in_thompson2020"].dtype) == "boolean"
    assert systems["training_compute_flop"].dtype == "float64"
    assert read_shipped("record_machines")["year"].dtype == "Int64"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "gpus"}, "no table 'gpus'; there are"),
        ({"name": "systems", "edition": "2026.12"}, "systems has no editions"),
        ({"name": "pue", "edition": "1999"}, "no edition '1999'"),
        ({"name": "pue", "target": "pue.xlsx"}, r"expected a file name that ends in \.csv or \.parquet"),
        ({"name": "pue", "target": "missing/pue.csv"}, "cannot write"),
    ],
)
def test_bad_requests_write_nothing(arguments, message, tmp_path):
    given = {"target": "pue.csv"} | arguments
    with pytest.raises(ScalingBayesError, match=message):
        export_table(given["name"], tmp_path / given["target"], edition=given.get("edition"))
    assert list(tmp_path.iterdir()) == []


def test_the_command_lists_describes_and_exports(tmp_path):
    def run(*arguments: str) -> str:
        return CliRunner().invoke(cli, ["data", *arguments], catch_exceptions=False).output

    assert json.loads(run("--json")) == json.loads(run("list", "--json")) == list_tables()
    assert "hardware/prices" in run()
    about = json.loads(run("describe", "language_systems", "--json"))
    assert about == json.loads(json.dumps(describe_table("language_systems")))
    assert about["sha256"] in run("describe", "language_systems")
    target = tmp_path / "pue.csv"
    written = json.loads(run("export", "pue", "-o", str(target), "--json"))["files"]
    assert written[0] == str(target)
    assert all(Path(path).is_file() for path in written)
    with pytest.raises(OptionError, match="no table"):
        run("describe", "gpus")
