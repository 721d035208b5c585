"""Derivation and its command: exact to the byte, order-free, and never touching what was reported."""

import hashlib
import shutil
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tools.command import stale_files, write_files
from tools.pages import pages
from tools.tables import build
from tools.tables.cells import read_cells, write_cells
from tools.tables.derive import COLUMNS, derive, devices_from, error_of, publication_date

from scaling_bayes.errors import DataError

ROOT = Path(__file__).resolve().parents[1]
REPORTED = read_cells(ROOT / "data" / "systems_reported.csv")
DEVICES = devices_from(read_cells(ROOT / "data" / "devices.csv"))
DERIVED = derive(REPORTED, DEVICES)
REPORTED_AS_IS = (
    "system_id",
    "task",
    "year",
    "metric",
    "value",
    "device",
    "device_count",
    "training_seconds",
)


@pytest.fixture
def checkout(tmp_path):
    for folder in ("data", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def test_committed_files_are_what_the_hand_kept_tables_give():
    assert build.main(["--check"]) == 0


def test_check_names_what_is_stale_and_build_mends_it(checkout, monkeypatch, capsys):
    monkeypatch.setattr(build, "checkout_root", lambda: checkout)
    table = checkout / "data" / "systems.csv"
    good = table.read_bytes()
    table.write_bytes(good.replace(b"0.633", b"0.632", 1))
    assert build.main(["--check"]) == 1
    assert "data/systems.csv" in capsys.readouterr().err
    assert build.main([]) == 0
    assert table.read_bytes() == good


def test_a_changed_fact_changes_table_digest_and_page(checkout):
    facts = checkout / "data" / "systems_reported.csv"
    facts.write_text(
        facts.read_text().replace("coco-094,ms_coco,YOLOv3 + Darknet-53", "coco-094,ms_coco,YOLO nine")
    )
    stale = stale_files(checkout, build.derived_files(checkout))
    assert {path.name for path in stale} == {"systems.csv", "systems.meta.toml", "systems_reported.meta.toml"}
    write_files(checkout, stale)
    assert list(stale_files(checkout, pages("data", checkout))) == [Path("docs/data.md")]


@pytest.mark.parametrize("name", build.TABLES)
def test_sidecar_describes_the_file(name):
    table = ROOT / "data" / name
    description = tomllib.loads(build.sidecar(table).read_text(encoding="utf-8"))
    assert description["sha256"] == hashlib.sha256(table.read_bytes()).hexdigest()
    assert [column["name"] for column in description["columns"]] == list(read_cells(table)[0])
    assert all(column["unit"] and column["meaning"] for column in description["columns"])
    for key in ("title", "description", "producers", "citation", "date_accessed", "licence_of_facts"):
        assert description[key]
    assert all(source["url"] and source["licence"] for source in description["sources"])


def test_every_row_has_a_citation():
    assert all(row["citation"].count("arXiv:2007.05558") == 1 for row in REPORTED)
    assert all(row["paper_url"] in row["citation"] or row["corrected_paper_url"] for row in REPORTED)


def test_reported_columns_pass_through_unchanged():
    for entry, row in zip(REPORTED, DERIVED, strict=True):
        assert [row[column] for column in REPORTED_AS_IS] == [entry[column] for column in REPORTED_AS_IS]
        if entry["thompson2020_burden_flop"]:
            assert row["training_compute_flop"] == entry["thompson2020_burden_flop"]


@given(st.data())
def test_corrections_never_change_a_reported_column(data):
    position = data.draw(st.integers(0, len(REPORTED) - 1))
    column = data.draw(
        st.sampled_from(
            ["corrected_training_seconds", "corrected_device_count", "corrected_value", "corrected_models"]
        )
    )
    cell = str(data.draw(st.integers(1, 99)))
    changed = REPORTED[position] | {column: cell, "correction_reason": "because"}
    (before,), (after,) = derive([REPORTED[position]], DEVICES), derive([changed], DEVICES)
    for name in (*REPORTED_AS_IS, "error", "training_compute_flop", "compute_method", "in_thompson2020"):
        assert after[name] == before[name]


@given(st.randoms(use_true_random=False))
def test_order_of_rows_does_not_matter(random):
    sample = random.sample(REPORTED, 40)
    forward = {row["system_id"]: row for row in derive(sample, DEVICES)}
    backward = {row["system_id"]: row for row in derive(sample[::-1], DEVICES)}
    assert forward == backward


@given(st.decimals(min_value="0.01", max_value="99.99", places=3))
def test_error_complements_the_score(score):
    assert float(error_of(str(score))) == pytest.approx(1 - float(score) / 100, abs=1e-12)


@given(st.integers(7, 20), st.integers(1, 12))
def test_arxiv_address_gives_the_month(year, month):
    url = f"https://arxiv.org/pdf/{year:02d}{month:02d}.01234v5.pdf"
    assert publication_date(url, "1999-01") == f"20{year:02d}-{month:02d}-15"


def test_other_addresses_take_the_venue_month():
    assert publication_date("https://www.aclweb.org/anthology/D19-1367.pdf", "2019-11") == "2019-11-15"
    assert publication_date("https://github.com/albanie/convnetburden", "") == ""


def test_text_of_a_table_reads_back(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(write_cells(COLUMNS, DERIVED), encoding="utf-8")
    assert read_cells(path) == DERIVED


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"device": "Abacus"}, "devices.csv"),
        ({"judged_flags": "odd"}, "systems/flags.csv"),
        ({"corrected_value": "50", "correction_reason": ""}, "the reason"),
    ],
)
def test_hand_kept_mistakes_are_refused(change, words):
    with pytest.raises(DataError, match=words) as caught:
        derive([REPORTED[0], REPORTED[1] | change], DEVICES)
    assert caught.value.problems[0].row == 3


def test_repeated_identifier_is_refused():
    with pytest.raises(DataError, match="each identifier once"):
        derive([REPORTED[0], REPORTED[0]], DEVICES)


def test_ragged_line_is_refused(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(DataError) as caught:
        read_cells(path)
    assert caught.value.problems[0].row == 3
