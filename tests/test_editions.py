"""Editions: the released one stays to the digit, the newest is corrected, counted and goes on."""

import datetime
import math
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from tools.pages.counts_picture import plot_counts
from tools.tables.build import check_frozen
from tools.tables.cells import read_cells
from tools.tables.counts import (
    ARITHMETIC_BASES,
    COMPUTE_COUNTS,
    EVALUATION_MEANINGS,
    NO_EXTRA_DATA,
    SCOPES,
    TRAINING_EXAMPLES,
)
from tools.tables.derive import derive, devices_from

from scaling_bayes.citing.works import edition_of
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.model.fit import table_to_fit
from scaling_bayes.systems import editions
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.fit_rows import rows_for_fit
from scaling_bayes.systems.flags import split_flags
from scaling_bayes.systems.load import (
    EXCLUDED_FLAGS,
    load_systems,
    reference_systems,
    said_to_be,
    shipped_source,
)
from scaling_bayes.systems.schema import validate_systems
from scaling_bayes.systems.tasks import load_task_floors, load_tasks
from scaling_bayes.trace.digest import data_digest

DATA = Path(__file__).resolve().parents[1] / "data"
REPORTED, ADDED, DEVICES = (
    read_cells(DATA / name) for name in ("systems_reported.csv", "systems_added.csv", "devices.csv")
)
#: Of the 82 rows the first released fits took.
RELEASED_DIGEST = "33ff567155ddebc5c62ba55be968fa50f0ab02b1a2518f4e4361529fb0b04af9"
NEWEST = editions.LATEST_EDITION
#: Every hand-kept table of systems, with the column that names a row.
HAND_KEPT = {
    "systems_reported.csv": "system_id",
    "systems_added.csv": "system_id",
    "devices.csv": "device",
    "tasks.csv": "task",
    "task_floors.csv": "quantity",
    "wmt14_en_de.csv": "system_id",
    "landmark_systems.csv": "system",
}


@pytest.fixture(scope="module")
def newest():
    return load_systems(edition=NEWEST).set_index("system_id")


@pytest.fixture(scope="module")
def flags(newest):
    return newest["flags"].map(lambda cell: set(split_flags(cell)))


def test_the_released_edition_gives_the_rows_of_the_released_fits():
    assert data_digest(reference_systems(edition="2026.11")) == RELEASED_DIGEST


def test_one_constant_chooses_the_edition(monkeypatch):
    assert load_systems().equals(load_systems(edition=editions.DEFAULT_EDITION))
    monkeypatch.setattr(editions, "DEFAULT_EDITION", NEWEST)
    assert reference_systems().equals(reference_systems(edition=NEWEST))


@pytest.mark.parametrize(
    "asked", [{}, {"edition": NEWEST, "until": 2019}, {"family": "language", "until": 2023}]
)
def test_a_fit_of_shipped_rows_names_them_and_one_of_changed_rows_does_not(asked):
    rows = reference_systems(**asked)
    fitted, source = table_to_fit(rows)
    assert any(reference_systems(**each).equals(rows) for each in said_to_be(source))
    assert len(fitted) == len(rows)
    assert rows["publication_date"].dt.year.max() <= asked.get("until", 2100)
    assert shipped_source(rows.iloc[1:]) is None


def test_a_digest_names_its_edition():
    assert edition_of(RELEASED_DIGEST) == "2026.11"
    assert edition_of(data_digest(reference_systems(edition=NEWEST))) == NEWEST
    assert edition_of("of something else") is None


def test_unknown_edition_is_refused():
    with pytest.raises(OptionError, match=r"expected one of 2026\.11"):
        load_systems(edition="2019")


def test_a_frozen_edition_cannot_change_unnoticed(tmp_path):
    shutil.copytree(DATA / "editions", tmp_path / "editions")
    check_frozen(tmp_path)
    table = tmp_path / "editions" / "systems-2026.11.csv"
    table.write_bytes(table.read_bytes().replace(b"0.633", b"0.632", 1))
    with pytest.raises(DataError, match="as released"):
        check_frozen(tmp_path)


def test_the_2020_points_are_the_same_in_every_edition():
    columns = ["system_id", "task", "value", "error", "training_compute_flop", "device", "training_seconds"]
    points = [
        table.loc[table["in_thompson2020"], columns].reset_index(drop=True)
        for table in (load_systems(edition=edition) for edition in editions.EDITIONS)
    ]
    assert len(points[0]) == 88
    assert all(other.equals(points[0]) for other in points[1:])


def test_what_was_reported_is_not_overwritten(newest):
    released = load_systems(edition="2026.11").set_index("system_id")
    kept = ["task", "metric", "value", "device", "device_count", "training_seconds", "publication_date"]
    assert newest.loc[released.index, kept].equals(released[kept])


# Row, corrected compute (FLOP), corrected score (percent): what the audit of 2026-11-25 found.
@pytest.mark.parametrize(
    ("row", "flop", "value"),
    [
        ("coco-011", 6.44e19, None),
        ("coco-012", 6.44e19, None),
        ("coco-074", 2.92e19, None),
        ("coco-075", 3.95e19, None),
        ("coco-076", 3.95e19, None),
        ("imagenet-142", 9.0e21 + 6.17e19, None),
        ("imagenet-163", 7.27e19, None),
        ("squad-013", 4.8168e17 * 1.64, None),
        ("conll-030", 8.8729e12 * 4 * 3600, 91.24),
        ("imagenet-152", 4.48e21, 75.6),
    ],
)
def test_audited_rows_are_corrected(newest, row, flop, value):
    assert newest["training_compute_corrected_flop"][row] == pytest.approx(flop, rel=5e-3)
    assert len(newest["correction_reason"][row]) > 40
    assert newest["verified"][row]
    if value is not None:
        assert newest["value_corrected"][row] == value


def test_faults_of_a_kind_are_flagged(newest, flags):
    in_paper = newest["in_thompson2020"]
    titan = flags.map(lambda names: "pascal_likelier" in names)
    assert titan.sum() == 11
    assert (newest["publication_date"][titan] >= "2017-07-01").all()
    assert (newest["device"][titan] == "GeForce Titan X").all()
    volta = newest["device"].str.contains("V100|Titan V") & in_paper
    assert all("tensor_cores_at_fp32" in flags[row] for row in newest.index[volta])
    doubted = [*("coco-068", "coco-055", "coco-001", "coco-019", "squad-002", "squad-006", "wmt-007")]
    assert all("unverified_compute" in flags[row] for row in doubted)
    assert newest.loc[doubted, "compute_in_doubt"].all()
    assert all("time_of_other_task" in flags[row] for row in ("coco-090", "coco-091"))
    out = set(newest.index[in_paper]) - set(reference_systems(edition=NEWEST)["system_id"])
    released = {"imagenet-108", "imagenet-161", "coco-094", "squad-052", "conll-021", "wmt-021"}
    assert out == released | {"coco-090", "coco-091"}


def test_every_row_with_compute_says_how_it_was_counted_and_what_is_in_it(newest):
    counted = newest["training_compute_flop"].notna()
    assert newest.loc[counted, "compute_count"].isin(COMPUTE_COUNTS).all()
    assert newest.loc[counted, "scope_of_compute"].isin(SCOPES).all()
    assert newest.loc[counted, "extra_data"].ne("").all()
    assert newest.loc[~counted, "compute_count"].eq("").all()
    assert newest["evaluation"].map(lambda cell: set(split_flags(cell)) <= set(EVALUATION_MEANINGS)).all()
    assert newest["evaluation"].ne("").all()
    tpu = newest["device_class"] == "tpu"
    assert newest.loc[counted & tpu, "compute_count"].eq("burden_tpu").all()


def test_extra_data_is_flagged_where_and_only_where_it_counts(newest, flags):
    named = ~newest["extra_data"].isin(NO_EXTRA_DATA)
    flagged = flags.map(lambda names: "extra_data" in names)
    assert newest.index[named & ~flagged].tolist() == []
    assert newest.index[flagged & ~named].tolist() == []


def test_operations_are_counted_from_the_rows_own_figures(newest):
    entries = {entry["system_id"]: entry for entry in (*REPORTED, *ADDED)}
    counted = newest[newest["arithmetic_basis"] == "counted: operations of a pass x epochs"]
    assert len(counted) > 25
    for row in counted.itertuples():
        entry = entries[row.Index]
        images = TRAINING_EXAMPLES[row.task] * float(entry["epochs"])
        assert row.arithmetic_flop == pytest.approx(3 * 2 * float(entry["flop_per_pass"]) * images)
    known = newest["arithmetic_flop"].notna()
    assert (known == newest["arithmetic_basis"].ne("")).all()
    assert newest.loc[known, "arithmetic_basis"].str.partition(": ")[0].isin(ARITHMETIC_BASES).all()


def test_operations_lie_below_a_burden_at_the_peak_that_did_them(newest):
    both = newest[newest["arithmetic_flop"].notna() & newest["compute_count"].str.startswith("burden")]
    burden = both["training_compute_corrected_flop"].fillna(both["training_compute_flop"])
    share = np.log10(both["arithmetic_flop"] / burden)
    assert share[both["compute_count"] == "burden_tpu"].between(-1, -0.1).all()
    volta_or_later = both["flags"].str.contains("tensor_cores_at_fp32")
    assert share[(both["compute_count"] == "burden_fp32") & ~volta_or_later].between(-1, 0).all()
    # Tensor cores do up to sixteen times the FP32 peak.
    assert share[volta_or_later].between(-1, math.log10(16)).all()


def test_burdens_of_added_rows_are_products_of_their_facts(newest):
    peaks = {name: device.peak for name, device in devices_from(DEVICES).items()}
    products = 0
    for entry in ADDED:
        row = newest.loc[entry["system_id"]]
        if row["compute_method"] != "peak_rate_x_time":
            continue
        expected = peaks[entry["device"]] * float(entry["device_count"]) * float(entry["training_seconds"])
        if entry["pretraining_device"]:
            expected += (
                peaks[entry["pretraining_device"]]
                * float(entry["pretraining_device_count"])
                * float(entry["pretraining_seconds"])
            )
        assert row["training_compute_flop"] == pytest.approx(expected, rel=1e-12)
        products += 1
    assert products > 110


# Counted by hand: what the authors' pages give, in device-hours and core-days.
@pytest.mark.parametrize(
    ("system", "flop"),
    [
        ("Deformable DETR", 325 * 3600 * 14.13e12),
        ("Sparse R-CNN R101, 300 proposals", 8 * 29 * 3600 * 14.13e12),
        ("ViTDet-L Mask R-CNN", 0.603 * 184375 * 64 * 19.5e12 + 64 * 84 * 3600 * 14.13e12),
        ("ViTDet-H Cascade", 1.137 * 138281.25 * 64 * 19.5e12 + 16 * 69 * 3600 * 420e12),
        ("Mask R-CNN R50-FPN, jitter, 400 epochs", 0.376 * 737500 * 64 * 14.13e12),
        ("ViT-H/14, JFT", 2500 * 86400 * 420e12 / 8),
        ("EVA-01, 1B, 560 pixels", 128 * 14.5 * 86400 * 19.5e12),
        ("DeBERTa-V2-XXLarge, 1.5B", 256 * 30 * 86400 * 14.13e12),
        ("Faster R-CNN R-50-FPN, 1x", 8 * 13.6 * 3600 * 10.6e12),
        ("YOLOv5x", 8 * 86400 * 14.13e12),
        ("PaLM 540B, few-shot", 6144 * 1368 * 3600 * 275e12),
    ],
)
def test_added_rows_come_out_as_by_hand(newest, system, flop):
    (row,) = newest.index[newest["system"] == system]
    assert newest["training_compute_flop"][row] == pytest.approx(flop, rel=1e-9)


def test_added_rows_have_one_citation_each_and_no_keypoint_detector():
    assert all(re.search(r"https://\S+", entry["citation"]) for entry in ADDED)
    assert all(entry["paper"] and entry["paper_url"].startswith("https://") for entry in ADDED)
    assert not any("eypoint" in entry["system"] for entry in ADDED)
    minival = [entry for entry in ADDED if "Detectron model zoo" in entry["paper"]]
    assert len(minival) == 49
    assert all(entry["evaluation"].startswith("val2017") for entry in minival)


def test_every_hand_kept_row_was_verified_or_says_that_it_was_not():
    missing = []
    for name, key in HAND_KEPT.items():
        for row in read_cells(DATA / name):
            said = row["verified"]
            if said:
                day, _, against = said.partition(": ")
                datetime.date.fromisoformat(day)
                assert against, (name, row[key])
            elif "unverified" not in split_flags(row.get("judged_flags", "")):
                missing.append((name, row[key]))
            assert not (said and "unverified" in split_flags(row.get("judged_flags", "")))
    assert missing == []


def test_excluded_rows_say_why(newest, flags):
    out = flags.map(lambda names: not names.isdisjoint(EXCLUDED_FLAGS))
    out &= newest["training_compute_flop"].notna()
    assert (newest.loc[out, "remark"].str.len() > 25).all()


def test_a_reference_fit_of_the_newest_edition_has_every_task():
    rows = reference_systems(edition=NEWEST)
    assert (rows.groupby("task").size() >= 12).all()
    assert rows["training_compute_flop"].notna().all()
    assert rows["error"].between(0, 1, inclusive="neither").all()
    assert rows["publication_date"].notna().all()
    for task in ("imagenet", "ms_coco", "squad_1_1"):
        of_task = rows[rows["task"] == task]
        fit = stats.linregress(np.log10(of_task["training_compute_flop"]), np.log10(1 / of_task["error"]))
        assert fit.slope > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"scope_of_compute": "everything"}, "one of training"),
        ({"evaluation": "val2017;by eye"}, "one of test"),
        ({"arithmetic_flop": "1e18", "arithmetic_basis": "somebody"}, "where the figure is from"),
        ({"pretraining_device": "Abacus"}, "devices.csv"),
        ({"operations_counted_as": "flops"}, "multiply_add"),
    ],
)
def test_words_outside_the_vocabularies_are_refused(change, words):
    with pytest.raises(DataError, match=words) as caught:
        derive(REPORTED[:1], devices_from(DEVICES), [ADDED[0] | change])
    assert caught.value.problems[0].row == 2


def test_an_identifier_in_both_tables_is_refused():
    with pytest.raises(DataError, match="each identifier once"):
        derive(REPORTED[:1], devices_from(DEVICES), [ADDED[0] | {"system_id": REPORTED[0]["system_id"]}])


def test_tasks_have_bounds_in_order_and_sources(newest):
    tasks, figures = load_tasks(), load_task_floors()
    language = load_systems("language")
    assert set(tasks.index) == set(newest["task"]) | set(language["task"])
    assert figures["url"].str.startswith("https://").all()
    scored = newest[~newest["flags"].map(lambda cell: "unverified" in split_flags(cell))]
    error = scored["error_corrected"].fillna(scored["error"])
    best = pd.concat([error.groupby(scored["task"]).min(), language.groupby("task")["error"].min()])
    pd.testing.assert_series_equal(tasks["best_error"], best, check_names=False, check_like=True)
    assert set(figures["task"]) == set(tasks.index)
    assert (tasks["floor_upper"] < tasks["best_error"]).all()
    for task, row in tasks["best_system_id"].items():
        own = language[language["task"] == task].set_index("system")["error"]
        assert (own if len(own) else error)[row] == tasks["best_error"][task]


def test_every_row_of_every_edition_passes_the_schema_of_a_fit():
    for edition in editions.EDITIONS:
        assert len(validate_systems(load_systems(edition=edition))) == len(load_systems(edition=edition))
        rows = rows_for_fit(validate_systems(reference_systems(edition=edition)))
        assert rows.without_compute == 0


def test_the_picture_shows_every_row_with_compute(newest):
    figure = plot_counts(NEWEST)
    counted = newest["training_compute_flop"].notna() & newest["error"].notna()
    marks = [marks for ax in figure.axes[:5] for marks in ax.collections]
    assert sum(len(some.get_offsets()) for some in marks) == counted.sum()
    committed = (DATA.parent / "docs" / "images" / "systems_by_count.svg").read_text(encoding="utf-8")
    for task, rows in newest[counted].groupby("task"):
        title = f"{TASK_LABELS[task]} ({len(rows)})"
        assert title in committed
