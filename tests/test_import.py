"""Tables as others make them: other names of columns, other formats, other libraries, Epoch AI's exports."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commands import run
from tests.synthetic import synthetic_fit

from scaling_bayes import DataError, OptionError, predict, validate_systems

FRAME = pd.DataFrame(
    {
        "task": ["speech"] * 4 + ["translation"] * 3,
        "system": ["A small", "A large", "B", "C", "D", "E", "F"],
        "error": [0.31, 0.27, 0.22, 0.16, 0.64, 0.60, 0.56],
        "training_compute_flop": [2e17, 9e17, 4e18, 6e19, 3e18, 4e19, None],
        "year": [2015, 2015, 2017, 2018, 2015, 2017, 2018],
        "paper": ["A", "A", "B", "C", "D", "E", "F"],
    }
)
#: A user's names for ours.
NAMES = {
    "task": "Benchmark",
    "system": "Model name",
    "error": "Test err. (share)",
    "training_compute_flop": "Compute",
    "year": "Published",
}


def as_read(table: Any, **options: Any) -> pd.DataFrame:
    """What of a table a fit sees."""
    checked = validate_systems(table, **options).reset_index(drop=True)
    return checked[list(FRAME.columns)]


def same(found: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, as_read(FRAME), check_dtype=False)


class Interchanged:
    """A table that follows the dataframe interchange protocol and nothing else."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(frame, preserve_index=False)

    def __dataframe__(self, **options: Any) -> Any:
        return self.table.__dataframe__(**options)


def in_dictionaries(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return table.set_column(0, table.column_names[0], table.column(0).dictionary_encode())


LIBRARIES = {
    "arrow": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "batch": lambda frame: pa.RecordBatch.from_pandas(frame, preserve_index=False),
    "dictionary": in_dictionaries,
    "interchange": Interchanged,
    "polars": lambda frame: pytest.importorskip("polars").from_pandas(frame),
}


@pytest.mark.parametrize("library", LIBRARIES)
def test_the_same_table_of_any_library_gives_the_same_systems(library: str) -> None:
    same(as_read(LIBRARIES[library](FRAME)))
    theirs = LIBRARIES[library](FRAME.rename(columns=NAMES))
    same(as_read(theirs, columns=NAMES))


def write_excel(frame: pd.DataFrame, path: Path) -> None:
    pytest.importorskip("openpyxl")
    with pd.ExcelWriter(path) as book:
        # As people keep it: a blank row above, another sheet behind.
        frame.to_excel(book, sheet_name="systems", index=False, startrow=1)
        pd.DataFrame({"note": ["x"]}).to_excel(book, sheet_name="notes", index=False)


FORMATS: dict[str, Any] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".xlsx": write_excel,
}


@pytest.mark.parametrize("ending", FORMATS)
def test_the_same_table_in_any_format_gives_the_same_systems(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"mine{ending}"
    FORMATS[ending](FRAME.rename(columns=NAMES), path)
    same(as_read(path, columns=NAMES))


def test_a_workbook_says_which_sheet_and_names_rows_as_it_does(tmp_path: Path) -> None:
    write_excel(FRAME.assign(error=[31, *FRAME["error"][1:]]), tmp_path / "mine.xlsx")
    with pytest.raises(DataError) as caught:
        validate_systems(tmp_path / "mine.xlsx")
    assert [(each.row, each.column) for each in caught.value.problems] == [(3, "error")]
    write_excel(FRAME, tmp_path / "mine.xlsx")
    assert (
        "sheet 'systems' is read; 'notes' is not." in validate_systems(tmp_path / "mine.xlsx").attrs["notes"]
    )


def test_a_workbook_out_of_proportion_or_broken_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    path = tmp_path / "mine.xlsx"
    for content, said in ((b"0" * 2**25, "unpacks to 32 MiB"), (b"PK", "not a readable Excel workbook")):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as book:
            book.writestr("xl/workbook.xml", content)
        path.write_bytes(packed.getvalue())
        with pytest.raises(DataError, match=said):
            validate_systems(path)


@given(
    st.permutations(list(FRAME.columns)),
    st.sets(st.sampled_from(list(NAMES)), min_size=1),
)
@settings(max_examples=20, deadline=None)
def test_names_and_order_of_columns_do_not_matter(order: list[str], renamed: set[str]) -> None:
    names = {ours: NAMES[ours] for ours in renamed}
    same(as_read(FRAME[order].rename(columns=names), columns=names))


def test_names_may_be_swapped_shared_or_differ_in_case() -> None:
    swapped = FRAME.rename(columns={"system": "paper", "paper": "system"})
    same(as_read(swapped, columns={"system": "paper", "paper": "system"}))
    shared = validate_systems(FRAME.drop(columns="paper"), columns={"paper": "system", "system": "system"})
    assert (shared["paper"] == shared["system"]).all()
    same(as_read(FRAME.rename(columns={"error": "Test-Error"}), columns={"error": "test error"}))


def test_the_column_that_is_asked_for_wins_over_the_one_of_our_name() -> None:
    table = FRAME.rename(columns={"error": "mine"}).assign(error=0.5)
    found = validate_systems(table, columns={"error": "mine"})
    same(found[list(FRAME.columns)])
    assert "column 'error' of the table is not used; 'mine' is, as asked." in found.attrs["notes"]


@pytest.mark.parametrize(
    ("header", "unit", "factor"),
    [
        ("FLOPs (1E21)", None, 1e21),
        ("Compute [x]", "PFLOP/s-days", 8.64e19),
        ("train_compute_gflop", None, 1e9),
        ("ZFLOP", None, 1e21),
    ],
)
def test_a_unit_is_read_from_the_name_or_stated(header: str, unit: str | None, factor: float) -> None:
    table = FRAME.assign(training_compute_flop=FRAME["training_compute_flop"] / factor)
    found = as_read(
        table.rename(columns={"training_compute_flop": header}),
        columns={"training_compute_flop": header},
        unit=unit,
    )
    pd.testing.assert_frame_equal(found, as_read(FRAME), check_dtype=False, rtol=1e-12)


def test_scores_become_errors_and_one_task_can_be_named_once() -> None:
    one = FRAME[:4].drop(columns="task")
    table = one.assign(accuracy=1 - one["error"]).drop(columns="error")
    columns = {"task": "=speech", "score": "accuracy"}
    found = as_read(table, columns=columns)
    pd.testing.assert_frame_equal(found, as_read(FRAME[:4]), check_dtype=False)
    percent = table.assign(accuracy=100 * table["accuracy"])
    found = as_read(percent, columns={"task": "=speech", "value": "accuracy"})
    pd.testing.assert_frame_equal(found, as_read(FRAME[:4]), check_dtype=False)
    with pytest.raises(DataError, match="--column value=NAME") as caught:
        validate_systems(percent, columns=columns)
    assert {each.column for each in caught.value.problems} == {"accuracy"}


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        ({"eror": "x"}, OptionError, "'eror' is no column that the model reads; expected one of task"),
        ({"error": " "}, OptionError, "expected the name of a column"),
        ({"error": 3}, OptionError, "expected the name of a column"),
        (["error"], OptionError, "expected a mapping"),
        ({"error": "error", "score": "year"}, OptionError, "found score and error; expected one of them"),
        ({"error": "Err", "year": "yeer"}, DataError, "'yeer': found no such column, asked for as year"),
    ],
)
def test_what_cannot_be_named_is_refused(columns: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        validate_systems(FRAME, columns=columns)


def test_a_missing_column_says_how_to_name_it() -> None:
    with pytest.raises(DataError) as caught:
        validate_systems(FRAME.rename(columns={"training_compute_flop": "FLOPs (1E21)"}).drop(columns="task"))
    assert "--column 'training_compute_flop=FLOPs (1E21)'" in str(caught.value)
    assert "--column task==NAME or columns={'task': '=NAME'}" in str(caught.value)


def test_predictions_take_tables_of_other_libraries() -> None:
    systems = FRAME[["task", "training_compute_flop", "year"]][:4].assign(task="imagenet")
    fit = synthetic_fit(draws=20)
    found = predict(fit, pa.Table.from_pandas(systems))["predictions"]["error"]
    assert found.equals(predict(fit, systems)["predictions"]["error"])


# Epoch AI

HUB = """Model version,mean_score,Best score (across scorers),Release date,Organization,\
Training compute (FLOP),Confidence,stderr,Started at,id
a_1,0.5,0.6,2024-02-01,Lab,1e24,Confident,0.01,2026-03-01T00:00:00.000Z,AA
a_1,0.5,0.6,2024-02-01,Lab,1e24,Confident,0.01,2026-03-02T00:00:00.000Z,AB
a_2,0.4,0.4,2023-02-01,Lab,3e23,Speculative,0.01,2026-03-01T00:00:00.000Z,AC
a_3,0.3,0.4,2022-02-01,Lab,,Likely,0.01,2026-03-01T00:00:00.000Z,AD
"""


def test_an_export_of_epochs_hub_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gpqa_diamond_external.csv"
    path.write_text(HUB)
    found = validate_systems(path)
    assert list(found["task"]) == ["gpqa_diamond"] * 3
    assert list(found["system"]) == ["a_1", "a_2", "a_3"]
    assert list(found["error"]) == [0.5, 0.6, 0.7]
    assert list(found["compute_in_doubt"]) == [False, True, False]
    assert found["publication_date"].dt.year.tolist() == [2024, 2023, 2022]
    said = " ".join(found.attrs["notes"])
    for part in ("named as those of Epoch AI", "'mean_score' is read as score", "passed over: 1."):
        assert part in said
    best = validate_systems(path, columns={"score": "Best score (across scorers)", "task": "=gpqa"})
    assert list(best["error"]) == [0.4, 0.6, 0.6]
    assert set(best["task"]) == {"gpqa"}


def test_commands_take_names_of_columns(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    FRAME.rename(columns=NAMES).to_csv(path, index=False)
    named = [part for ours, theirs in NAMES.items() for part in ("--column", f"{ours}={theirs}")]
    done = run("validate", path, *named)
    assert done.returncode == 0, done.stderr
    assert "'Test err. (share)' is read as error" in done.stderr
    assert "speech" in done.stdout
    for command in (("fit",), ("score", "reference-2026.11"), ("scorecard",), ("calibrate", "prior_sbc")):
        refused = run(*command, path, "--column", "eror=x")
        assert refused.returncode == 1
        assert "--column: 'eror' is no column that the model reads" in refused.stderr
    assert "expected OURS=THEIRS" in run("validate", path, "--column", "error").stderr
    assert (
        "error is given twice" in run("validate", path, "--column", "error=a", "--column", "error=b").stderr
    )
