"""Bundles for a deposit: whole, the same twice, and refused when anything in them was changed."""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.pictures import leave_unplotted

from scaling_bayes.archive.bundle import write_bundle
from scaling_bayes.archive.check import check_bundle
from scaling_bayes.errors import OptionError, TraceError, WriteError
from scaling_bayes.trace.releases import read_index

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("unplotted")]

TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
FILES = {
    "CITATION.cff",
    "LICENSE",
    "data/systems.csv",
    "manifest.json",
    "references.bib",
    "report.csv",
    "report.html",
    "report.json",
    "requirements.lock",
    "trace.nc",
    "ro-crate-metadata.json",
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        leave_unplotted(patch)
        return write_bundle(TRACE, tmp_path_factory.mktemp("bundle") / "fit")


@pytest.fixture
def copy(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "fit"))


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def sign(folder: Path, name: str) -> None:
    """Write the file's new SHA-256 into the metadata, as a careful forger would."""
    path = folder / "ro-crate-metadata.json"
    crate = json.loads(path.read_text())
    (entity,) = (entity for entity in crate["@graph"] if entity["@id"] == name)
    entity["sha256"] = sha256((folder / name).read_bytes()).hexdigest()
    path.write_text(json.dumps(crate))


def replace(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def test_a_bundle_is_complete_and_holds(bundle: Path) -> None:
    assert names(bundle) == FILES
    crate = json.loads((bundle / "ro-crate-metadata.json").read_text())
    entities = {entity["@id"]: entity for entity in crate["@graph"]}
    assert crate["@context"] == "https://w3id.org/ro/crate/1.3/context"
    assert {part["@id"] for part in entities["./"]["hasPart"]} == FILES - {"ro-crate-metadata.json"}
    assert entities["./"]["license"] == {"@id": "https://spdx.org/licenses/Apache-2.0"}
    assert entities["#identifier"]["value"] == json.loads((bundle / "report.json").read_text())["digest"]
    sentences = check_bundle(bundle)
    assert len(sentences) == 4
    assert "22 stored items re-derived" in sentences[1]


@pytest.mark.slow
@pytest.mark.usefixtures("drawn")
def test_a_bundle_of_a_report_with_pictures_holds(tmp_path: Path) -> None:
    assert len(check_bundle(write_bundle(TRACE, tmp_path / "fit"))) == 4


def test_a_zip_holds_the_same_files_and_is_the_same_twice(tmp_path: Path) -> None:
    """Of the hardware posterior, which has no report and is quick."""
    first, second = (write_bundle("hardware-2026.11", tmp_path / name) for name in ("a.zip", "b.zip"))
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "b.zip"]
    with zipfile.ZipFile(first) as archive:
        assert {"hardware-2026.11.nc", "data/points.csv", "data/offers.csv"} <= set(archive.namelist())
        crate = json.loads(archive.read("ro-crate-metadata.json"))
    (root,) = (entity for entity in crate["@graph"] if entity["@id"] == "./")
    (release,) = (release for release in read_index() if release.name == "hardware-2026.11")
    assert root["datePublished"] == release.date
    assert len(check_bundle(first)) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (replace("report.json", '"n_systems": 10', '"n_systems": 11'), "report.json: expected SHA-256"),
        (replace("report.html", "How to cite", "How to quote"), "report.html: expected SHA-256"),
        (lambda folder: (folder / "LICENSE").unlink(), "LICENSE is listed and missing"),
        (lambda folder: (folder / "extra.py").write_text("pass"), "extra.py is not listed"),
        (lambda folder: (folder / "ro-crate-metadata.json").unlink(), "is missing or not one of a bundle"),
        (lambda folder: (folder / "ro-crate-metadata.json").write_text("[" * 10**5), "not one of a bundle"),
        (
            replace("ro-crate-metadata.json", "trace.nc", "trace.txt"),
            "is listed and missing|found 0 traces|not one",
        ),
    ],
)
def test_a_changed_bundle_is_refused(copy: Path, change: Callable[[Path], None], message: str) -> None:
    change(copy)
    with pytest.raises(TraceError, match=message):
        check_bundle(copy)


def test_an_edited_interval_does_not_follow_from_the_trace(copy: Path) -> None:
    """Even where the forger gave the files their new SHA-256."""
    numbers = json.loads((copy / "report.json").read_text())
    row = numbers["projection"]["rows"][0]
    row["upper_90"] += 0.1
    (copy / "report.json").write_text(json.dumps(numbers))
    replace("report.html", "90 % interval", "95 % interval")(copy)
    table = (copy / "report.csv").read_text().splitlines()
    (copy / "report.csv").write_text("\n".join([table[0], table[1].replace("0", "1"), *table[2:]]) + "\n")
    for name in ("report.json", "report.csv", "report.html"):
        sign(copy, name)
    with pytest.raises(TraceError) as caught:
        check_bundle(copy)
    assert "report.json: /projection/rows/0/upper_90: expected" in str(caught.value)
    assert "report.csv is not the summary of the trace" in str(caught.value)
    assert "report.html does not say what the trace gives" in str(caught.value)


def test_a_report_of_another_processor_follows_from_the_trace(copy: Path) -> None:
    """Its numbers differ in their last digits, as logarithms do."""

    def nudge(value: object) -> object:
        if isinstance(value, dict):
            return {name: nudge(one) for name, one in value.items()}
        if isinstance(value, list):
            return [nudge(one) for one in value]
        return value * (1 + 2**-50) if isinstance(value, float) else value

    numbers = json.loads((copy / "report.json").read_text())
    (copy / "report.json").write_text(json.dumps(nudge(numbers)))
    with (copy / "report.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    with (copy / "report.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [re.sub(r"^-?\d+\.\d{8,}$", lambda found: str(nudge(float(found[0]))), cell) for cell in row]
            for row in rows
        )
    assert (copy / "report.csv").read_text() != "\n".join(map(",".join, rows)) + "\n"
    for name in ("report.json", "report.csv"):
        sign(copy, name)
    assert len(check_bundle(copy)) == 4


def test_an_edited_manifest_is_not_the_one_of_the_trace(copy: Path) -> None:
    replace("manifest.json", '"random_seed": 1', '"random_seed": 2')(copy)
    sign(copy, "manifest.json")
    with pytest.raises(TraceError, match=r"manifest\.json is not the manifest of the trace"):
        check_bundle(copy)


def test_a_report_of_another_release_is_left_alone_in_words(copy: Path) -> None:
    path = copy / "ro-crate-metadata.json"
    crate = json.loads(path.read_text())
    (program,) = (entity for entity in crate["@graph"] if entity["@id"] == "#software")
    program["version"] = "9.9"
    path.write_text(json.dumps(crate))
    assert check_bundle(copy)[-1].startswith("the report was written by scaling_bayes 9.9")


@pytest.mark.parametrize(
    "name", ["../outside.txt", "/tmp/outside.txt", "a/../../outside.txt", "C:\\outside.txt"]
)
def test_an_archive_that_writes_outside_is_not_unpacked(name: str, tmp_path: Path) -> None:
    path = tmp_path / "inside" / "bundle.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(TraceError, match="would be written outside"):
        check_bundle(path)
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["bundle.zip"]


def test_an_archive_that_would_fill_the_disk_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scaling_bayes.archive.check._MOST_BYTES", 2**20)
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros", bytes(2**21))
    with pytest.raises(TraceError, match="are more than a bundle has"):
        check_bundle(path)
    (tmp_path / "text.zip").write_text("not an archive")
    with pytest.raises(TraceError, match="not a readable bundle"):
        check_bundle(tmp_path / "text.zip")


def test_a_bundle_is_not_written_over_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, message in (
        (tmp_path, "it exists; name a folder that does not"),
        (tmp_path / "missing" / "bundle", "there is no folder"),
    ):
        with pytest.raises((OptionError, WriteError), match=message):
            write_bundle(TRACE, target)
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(OptionError, match=r"pip install 'scaling_bayes\[deposit\]'"):
        write_bundle(TRACE, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []
