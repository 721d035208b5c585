"""Validation of users' tables: every mistake named, all at once, never a raw traceback."""

import math
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scaling_bayes.core.observations import observe
from scaling_bayes.errors import MAX_LISTED_PROBLEMS, DataError, Problem
from scaling_bayes.systems.fit_rows import rows_for_fit
from scaling_bayes.systems.load import load_systems, reference_systems
from scaling_bayes.systems.schema import validate_systems

HEADER = "task,system,error,training_compute_flop,year"
GOOD = [f"{HEADER}", "chess,a,0.5,1e15,2012", "chess,b,0.4,1e17,2014", "chess,c,0.3,1e19,2016"]


def good_frame():
    return pd.DataFrame(
        {
            "task": ["chess"] * 3 + ["go"] * 3,
            "system": list("abcdef"),
            "error": [0.5, 0.4, 0.3, 0.25, 0.2, 0.1],
            "training_compute_flop": [1e15, 1e17, 1e19, 1e16, 1e18, 1e20],
            "year": [2012, 2014, 2016, 2013, 2015, 2017],
            "colour": ["red"] * 6,
        }
    )


def write(path, lines, *, encoding="utf-8"):
    path.write_bytes("\n".join(lines).encode(encoding) + b"\n")
    return path


def changed(line, column, cell):
    """The good file with one cell changed; `line` counts from 1, the header being 1."""
    rows = [row.split(",") for row in GOOD]
    rows[line - 1][HEADER.split(",").index(column)] = cell
    return [",".join(row) for row in rows]


# name of the mistake: lines of the file, (row, column) of the one problem, words of the message
BAD_CSV = {
    "text compute": (changed(2, "training_compute_flop", "lots"), (2, "training_compute_flop"), "a number"),
    "nan compute": (changed(3, "training_compute_flop", "nan"), (3, "training_compute_flop"), "a number"),
    "infinite compute": (changed(3, "training_compute_flop", "inf"), (3, "training_compute_flop"), "finite"),
    "negative compute": (
        changed(4, "training_compute_flop", "-1e18"),
        (4, "training_compute_flop"),
        "above 0",
    ),
    "zero compute": (changed(4, "training_compute_flop", "0"), (4, "training_compute_flop"), "above 0"),
    "overflowing compute": (
        changed(2, "training_compute_flop", "1e999"),
        (2, "training_compute_flop"),
        "finite",
    ),
    "compute in too small a unit": (
        changed(2, "training_compute_flop", "3.5"),
        (2, "training_compute_flop"),
        "GFLOP",
    ),
    "compute beyond any machine": (
        changed(2, "training_compute_flop", "1e33"),
        (2, "training_compute_flop"),
        "FLOP, 1e+06 to 1e+30",
    ),
    "grouped digits": (
        changed(2, "training_compute_flop", "1_000_000_000"),
        (2, "training_compute_flop"),
        "a number",
    ),
    "error negative": (changed(2, "error", "-0.2"), (2, "error"), "between 0 and 1"),
    "error in percent": (changed(2, "error", "12.5"), (2, "error"), "in percent?"),
    "error nan": (changed(2, "error", "NaN"), (2, "error"), "a number"),
    "error missing": (changed(2, "error", ""), (2, "error"), "a score"),
    "task empty": (changed(3, "task", "  "), (3, "task"), "name of a task"),
    "year too early": (changed(3, "year", "1815"), (3, "year"), "1950"),
    "year too late": (changed(3, "year", "20166"), (3, "year"), "2100"),
    "year as text": (changed(3, "year", "last year"), (3, "year"), "a number"),
    "repeated row": ([*GOOD, GOOD[1]], (5, None), "repeated row"),
    "cell too many": ([*GOOD, "go,d,0.2,1e18,2015,x"], (5, None), "one per column"),
    "cell too few": ([*GOOD, "go,d,0.2"], (5, None), "one per column"),
}


@pytest.mark.parametrize("mistake", BAD_CSV)
def test_mistake_in_a_cell_is_placed(tmp_path, mistake):
    lines, place, words = BAD_CSV[mistake]
    path = write(tmp_path / "mine.csv", lines)
    with pytest.raises(DataError) as caught:
        validate_systems(path)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [place]
    assert words in str(caught.value)
    assert "mine.csv" in str(caught.value)


BAD_FILE = {
    "missing file": (None, "no such file"),
    "empty file": (b"", "empty"),
    "header only": (HEADER.encode() + b"\n", "no rows"),
    "blank lines only": (HEADER.encode() + b"\n\n\n", "no rows"),
    "in no encoding": ("\n".join(GOOD).encode().replace(b"chess", b"\x81"), "not UTF-8"),
    "null byte": (HEADER.encode() + b"\nchess,a,0.5\0,1e15,2012\n", "null"),
    "open quote": (HEADER.encode() + b'\n"chess,a,0.5,1e15,2012\n', "not valid CSV"),
    "repeated column": (b"task,task,error,training_compute_flop\na,b,0.5,1e15\n", "repeated"),
}


@pytest.mark.parametrize("mistake", BAD_FILE)
def test_file_that_is_no_table(tmp_path, mistake):
    content, words = BAD_FILE[mistake]
    path = tmp_path / "mine.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        validate_systems(path)
    assert "mine.csv" in str(caught.value)


def test_directory(tmp_path):
    with pytest.raises(DataError, match="directory"):
        validate_systems(tmp_path)


@pytest.mark.parametrize("name", ["mine.ods", "mine.txt", "mine"])
def test_wrong_extension(tmp_path, name):
    with pytest.raises(DataError, match=r"expected \.csv, \.tsv, \.xlsx or \.parquet"):
        validate_systems(write(tmp_path / name, GOOD))


def test_parquet_that_is_none(tmp_path):
    with pytest.raises(DataError, match="not a readable Parquet"):
        validate_systems(write(tmp_path / "mine.parquet", GOOD))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("compute", "training_compute_flop"),
        ("flops", "training_compute_flop"),
        ("tasks", "task"),
        ("err", "error"),
    ],
)
def test_missing_column_names_the_near_miss(wrong, right):
    with pytest.raises(DataError) as caught:
        validate_systems(good_frame().rename(columns={right: wrong}))
    assert [problem.column for problem in caught.value.problems] == [right]
    assert f"{wrong!r}" in str(caught.value)
    assert "system" in str(caught.value)


def test_all_missing_columns_at_once():
    with pytest.raises(DataError) as caught:
        validate_systems(pd.DataFrame({"colour": ["red"]}))
    assert [problem.column for problem in caught.value.problems] == ["task", "error", "training_compute_flop"]


@pytest.mark.parametrize("data", [None, 3, [1, 2], {"task": ["chess"]}])
def test_neither_frame_nor_path(data):
    with pytest.raises(DataError, match="expected a pandas DataFrame or the path"):
        validate_systems(data)


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("error", True),
        ("error", [0.2]),
        ("error", {"a": 1}),
        ("error", 0.2 + 1j),
        ("training_compute_flop", np.bool_(True)),
        ("training_compute_flop", b"1e18"),
        ("training_compute_flop", pd.Timestamp("2015-01-01")),
        ("task", 7),
        ("task", ["chess"]),
        ("task", None),
        ("task", "a\x1b]0;title\x07"),
        ("system", "\u202egnp.exe"),
        ("paper", "a" * 5_000_000),
        ("year", "MMXV"),
    ],
)
def test_nonsense_objects_in_a_frame(column, cell):
    frame = good_frame().assign(paper="A").astype({column: object})
    frame.at[2, column] = cell
    with pytest.raises(DataError) as caught:
        validate_systems(frame)
    assert {(problem.row, problem.column) for problem in caught.value.problems} == {(2, column)}
    assert len(str(caught.value)) < 500
    assert str(caught.value).replace("\n", "").isprintable()


@pytest.mark.parametrize("cell", ["2015-02-30", "soon", 20150, "1815-06-18", "06/01/2015", True])
def test_bad_dates(cell):
    frame = good_frame().assign(publication_date=["2015-06-01"] * 5 + [cell])
    with pytest.raises(DataError) as caught:
        validate_systems(frame)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [(5, "publication_date")]


def test_repeated_columns_in_a_frame():
    frame = pd.concat([good_frame(), good_frame()[["error"]]], axis=1)
    with pytest.raises(DataError, match="repeated"):
        validate_systems(frame)


def test_empty_frame():
    with pytest.raises(DataError, match="no rows"):
        validate_systems(good_frame().iloc[:0])


def test_everything_is_reported_at_once_in_order():
    frame = good_frame()
    frame["error"] = -1.0
    frame["training_compute_flop"] = -1.0
    frame["task"] = ""
    frame["year"] = 1.0
    with pytest.raises(DataError) as caught:
        validate_systems(frame)
    problems = caught.value.problems
    assert len(problems) == 24
    assert [problem.row for problem in problems] == sorted([0, 1, 2, 3, 4, 5] * 4)
    assert str(caught.value).count("\n") == MAX_LISTED_PROBLEMS + 1
    assert str(caught.value).endswith("... and 4 more")


def test_rows_are_lines_even_after_a_quoted_line_break(tmp_path):
    lines = [HEADER, 'chess,"a', 'b",0.5,1e15,2012', "", "chess,c,7,1e17,2014"]
    with pytest.raises(DataError) as caught:
        validate_systems(write(tmp_path / "mine.csv", lines))
    assert [problem.row for problem in caught.value.problems] == [5]


def test_rows_are_labels_of_a_frame():
    frame = good_frame().set_axis(list("uvwxyz"))
    frame.loc["w", "error"] = 3
    with pytest.raises(DataError, match="row w, column 'error'"):
        validate_systems(frame)


def test_good_file_comes_back_as_numbers(tmp_path):
    table = validate_systems(write(tmp_path / "mine.csv", GOOD))
    assert table["training_compute_flop"].tolist() == [1e15, 1e17, 1e19]
    assert table["error"].dtype == np.float64
    assert list(table.index) == [2, 3, 4]


def test_csv_and_parquet_and_frame_agree(tmp_path):
    frame = good_frame()
    frame.to_csv(tmp_path / "mine.csv", index=False)
    frame.to_parquet(tmp_path / "mine.parquet")
    tables = [
        validate_systems(source) for source in (frame, tmp_path / "mine.csv", str(tmp_path / "mine.parquet"))
    ]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table.reset_index(drop=True), tables[0], check_dtype=False)
    assert list(tables[0].columns) == list(frame.columns)


def test_byte_order_mark_is_no_part_of_the_header(tmp_path):
    assert len(validate_systems(write(tmp_path / "mine.csv", GOOD, encoding="utf-8-sig"))) == 3


def test_the_given_frame_is_left_alone():
    frame = good_frame().astype(object)
    kept = frame.copy(deep=True)
    validate_systems(frame)
    pd.testing.assert_frame_equal(frame, kept)


def test_score_in_percent_gives_the_error():
    frame = good_frame().assign(metric="wins", value=lambda table: 100 * (1 - table["error"]))
    both = validate_systems(frame)
    only_score = validate_systems(frame.drop(columns="error"))
    assert np.allclose(both["error"], only_score["error"], rtol=0, atol=1e-12)


def test_score_and_error_that_disagree():
    frame = good_frame().assign(metric="wins", value=lambda table: 100 * (1 - table["error"]))
    frame.loc[3, "value"] = 76.0
    with pytest.raises(DataError, match="error = 1 - value / 100") as caught:
        validate_systems(frame)
    assert [(problem.row, problem.column) for problem in caught.value.problems] == [(3, "error")]


def test_score_as_a_fraction_is_named():
    frame = good_frame().drop(columns="error").assign(metric="wins", value=0.8)
    with pytest.raises(DataError, match="is this a fraction"):
        validate_systems(frame)


@pytest.mark.parametrize("metric", ["WER", "wer_clean", "word error rate", "Perplexity", "test loss"])
def test_a_metric_of_which_less_is_better_is_not_turned_upside_down(metric):
    frame = good_frame().drop(columns="error").assign(metric=metric, value=20.0)
    with pytest.raises(DataError, match="more is better") as caught:
        validate_systems(frame)
    assert {problem.column for problem in caught.value.problems} == {"metric"}


def test_percent_signs_are_read():
    frame = good_frame().astype({"error": object})
    frame.at[1, "error"] = "18.4 %"
    assert validate_systems(frame)["error"].iloc[1] == pytest.approx(0.184)
    scores = good_frame().drop(columns="error").assign(metric="wins", value="81%")
    assert validate_systems(scores)["error"].tolist() == pytest.approx([0.19] * 6)
    with pytest.raises(DataError, match="a number"):
        validate_systems(good_frame().assign(year="2015%"))


def test_missing_compute_is_no_mistake():
    frame = good_frame().astype({"training_compute_flop": object})
    frame.at[0, "training_compute_flop"] = None
    frame.at[4, "training_compute_flop"] = math.nan
    assert validate_systems(frame)["training_compute_flop"].isna().sum() == 2


def test_own_tables_pass():
    for edition, rows, fitted in (("2026.11", 391, 82), ("2026.12", 554, 198)):
        assert len(validate_systems(load_systems(edition=edition))) == rows
        assert len(validate_systems(reference_systems(edition=edition))) == fitted


def test_fit_rows_are_counted():
    frame = pd.concat([good_frame(), good_frame().assign(training_compute_flop=math.nan)], ignore_index=True)
    rows = rows_for_fit(validate_systems(frame))
    assert (len(rows.systems), rows.without_compute) == (6, 6)


@pytest.mark.parametrize("pooling", ["partial", "complete", "none"])
def test_a_task_of_one_system_is_fitted_where_others_lend_it_a_slope(pooling):
    frame = good_frame().iloc[:4]
    table = validate_systems(frame)
    if pooling == "none":
        with pytest.raises(DataError, match="with pooling, other tasks lend it their slope"):
            rows_for_fit(table, pooling=pooling)
        return
    rows = rows_for_fit(table, pooling=pooling)
    assert (len(rows.systems), rows.pooled_only) == (4, ("'go'",))
    assert any("Pooling lends" in sentence for sentence in rows.sentences())
    observed = observe(rows.systems, needs_year=True)
    assert observed.compute[3] == observed.years[3] == 0
    same = validate_systems(good_frame().assign(training_compute_flop=[1e15, 1e17, 1e19, 1e18, 1e18, 1e18]))
    assert rows_for_fit(same, pooling=pooling).pooled_only == ("'go'",)


def test_tasks_of_two_systems_inform_a_slope_together():
    two = validate_systems(good_frame().iloc[[0, 1, 3, 4]])
    assert len(rows_for_fit(two, pooling="partial").systems) == 4
    one = validate_systems(good_frame().iloc[[0, 1, 3]])
    with pytest.raises(DataError, match="not have enough data"):
        rows_for_fit(one, pooling="partial")


@pytest.mark.parametrize(("column", "perfect", "useless"), [("error", 0.0, 1.0), ("value", 100.0, 0.0)])
def test_errors_of_0_and_1_are_left_out_with_a_count(column, perfect, useless):
    frame = good_frame().assign(metric="wins", value=lambda table: 100 * (1 - table["error"]))
    frame = pd.concat([frame, frame.assign(system=list("uvwxyz"))], ignore_index=True).drop(
        columns="value" if column == "error" else "error"
    )
    frame.loc[[0, 1], column] = useless
    frame.loc[2, column] = perfect
    rows = rows_for_fit(validate_systems(frame))
    assert (len(rows.systems), rows.without_error, rows.perfect, rows.without_compute) == (9, 2, 1, 0)
    said = " ".join(rows.sentences())
    assert "2 systems have an error of exactly 1 and are left out; 9 are fitted" in said
    assert "may look harder" in said
    with pytest.raises(DataError, match="an error between 0 and 1"):
        rows_for_fit(validate_systems(frame.assign(**{column: perfect})))


def test_too_few_rows_and_constant_compute_are_both_named():
    frame = good_frame()
    frame.loc[0, "training_compute_flop"] = math.nan
    frame.loc[3:, "training_compute_flop"] = 1e18
    with pytest.raises(DataError) as caught:
        rows_for_fit(validate_systems(frame))
    assert [problem.column for problem in caught.value.problems] == ["task", "training_compute_flop"]
    assert "'chess'" in str(caught.value)
    assert "'go'" in str(caught.value)


def test_no_compute_at_all():
    with pytest.raises(DataError, match="no row has training compute"):
        rows_for_fit(validate_systems(good_frame().assign(training_compute_flop=math.nan)))


@given(st.permutations(range(6)))
def test_order_of_rows_does_not_matter(order):
    shuffled = validate_systems(good_frame().iloc[list(order)])
    pd.testing.assert_frame_equal(shuffled.sort_index(), validate_systems(good_frame()))


@given(
    st.one_of(st.floats(), st.text(max_size=5), st.booleans(), st.none(), st.integers()),
    st.sampled_from(["error", "training_compute_flop", "year", "task", "publication_date"]),
)
def test_any_cell_is_accepted_or_refused_cleanly(cell, column):
    frame = good_frame().assign(publication_date="2015-06-01").astype(object)
    frame.at[1, column] = cell
    rows, table = {1}, good_frame()
    try:
        table = validate_systems(frame)
    except DataError as error:
        rows = {problem.row for problem in error.problems}
    assert rows == {1}
    assert table["error"].between(0, 1).all()
    compute = table["training_compute_flop"].dropna()
    assert ((compute > 0) & np.isfinite(compute)).all()


def test_data_error_survives_pickling():
    error = DataError("bad", [Problem(3, "error", "2", "less")])
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.problems) == (str(error), error.problems)
