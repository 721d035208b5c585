"""Tables as people hand them in: years, units, spreadsheets, uncertain compute; and tables that mean harm."""

import codecs
import json
import math
import os
import subprocess
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import commands
from tests.some import some

from scaling_bayes.core.observations import decimal_year, observe
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import default_priors
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.systems import parquet
from scaling_bayes.systems import read_table as reading
from scaling_bayes.systems.fit_rows import ERROR_OF_AN_ESTIMATE, rows_for_fit
from scaling_bayes.systems.load import load_systems, reference_systems
from scaling_bayes.systems.numbers import read_number
from scaling_bayes.systems.schema import check_systems, validate_systems
from scaling_bayes.systems.units import find_unit

HEADER = "task,system,error,training_compute_flop,year"
ROWS = ["asr,a,0.31,2e17,2015", "asr,b,0.27,9e17,2016", "asr,c,0.22,4e18,2017"]
ERRORS, COMPUTE = [0.31, 0.27, 0.22], [2e17, 9e17, 4e18]


def written(tmp_path, content, name="mine.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def frame(**columns):
    good = {
        "task": ["asr"] * 3,
        "system": list("abc"),
        "error": ERRORS,
        "training_compute_flop": COMPUTE,
        "year": [2015, 2016, 2017],
    }
    return pd.DataFrame({**good, **columns})


# Time


def test_only_whole_years_stand_for_their_middle():
    table = validate_systems(frame(year=[2016.25, 2017.0, 2017.75]))
    assert decimal_year(table).tolist() == [2016.25, 2017.5, 2017.75]
    assert observe(table, needs_year=True).year.tolist() == [2016.25, 2017.5, 2017.75]
    assert "2017 is read as 2017.5" in " ".join(check_systems(frame(year=[2016.25, 2017, 2018])).notes)


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("cells", [["2016", "2016-05", "2016-05-15"], [2016, 2016, 2016], ["2016", "", None]])
def test_a_date_is_taken_as_far_as_it_is_given(cells, checked):
    table = frame(publication_date=cells).drop(columns="year")
    when = decimal_year(validate_systems(table) if checked else table)
    assert when[0] == 2016.5
    if cells[1] == "2016-05":
        assert when[1] == when[2] == 2016 + 135 / 366
    elif cells[1] == "":
        assert np.isnan(when[1:]).all()


def test_years_that_disagree_with_dates_are_reported_by_row(tmp_path):
    lines = [f"{HEADER},publication_date", "asr,a,0.31,2e17,2012,2015-06-01", "asr,b,0.27,9e17,2014,"]
    lines += ["asr,c,0.22,4e18,,2017-04-17", "asr,d,0.20,9e18,2018.9,2018-04-17"]
    lines += ["asr,e,0.19,9e18,2018,2018-04-17", "asr,f,0.18,9e18,2018.3,2018-04-17"]
    checked = check_systems(written(tmp_path, "\n".join(lines)))
    (warning,) = checked.warnings
    assert "row 2: year 2012 and publication_date 2015-06-01 disagree" in warning
    assert "row 5: year 2018.9" in warning
    assert not any(f"row {row}" in warning for row in (3, 4, 6, 7))
    with pytest.raises(DataError, match="one year; correct it"):
        validate_systems(frame(publication_date=["2013", "", ""]))


def test_a_flag_or_metric_may_be_missing(tmp_path):
    lines = ["task,system,metric,value,training_compute_flop,year,publication_date,flags"]
    lines += ["a,x,accuracy,70,1e18,2012,2015-06-01,", "a,y,,80,2e18,2016,2016-06-01,member_compute"]
    checked = check_systems(written(tmp_path, "\n".join([*lines, "a,z,accuracy,90,3e18,2017,2017-06-01,"])))
    assert checked.systems["error"].tolist() == pytest.approx([0.3, 0.2, 0.1])
    assert "row 2: year 2012 and publication_date 2015-06-01 disagree" in checked.warnings[0]


def test_shipped_tables_are_observed_as_they_stand():
    for shipped in (load_systems(), reference_systems()):
        checked = check_systems(shipped)
        assert checked.warnings == ()
        rows = rows_for_fit(checked.systems)
        assert (rows.estimates, rows.without_error, rows.perfect) == ({}, 0, 0)
        asis = shipped[shipped["training_compute_flop"].notna()]
        for ours, theirs in zip(
            (rows.systems["training_compute_flop"], rows.systems["error"], decimal_year(rows.systems)),
            (asis["training_compute_flop"], asis["error"], decimal_year(asis)),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)
    reference = observe(reference_systems(), needs_year=True)
    date = reference_systems()["publication_date"]
    days = np.where(date.dt.is_leap_year, 366.0, 365.0)
    np.testing.assert_array_equal(reference.year, date.dt.year + (date.dt.day_of_year - 1) / days)
    assert np.isnan(reference.compute_sd).all()


# Units


@pytest.mark.parametrize(
    ("text", "flop"),
    [
        ("FLOP", 1.0),
        ("kFLOP", 1e3),
        ("GFLOPs", 1e9),
        ("gigaflop", 1e9),
        ("TFLOP", 1e12),
        ("PFLOP", 1e15),
        ("EFLOP", 1e18),
        ("ZFLOP", 1e21),
        ("YFLOP", 1e24),
        ("PFLOP/s-days", 8.64e19),
        ("petaflop/s-day", 8.64e19),
        ("PF-days", 8.64e19),
        ("TFLOPS-hours", 3.6e15),
        ("1E21", 1e21),
        ("1e21 FLOP", 1e21),
        ("10^21 FLOP", 1e21),
    ],
)
def test_units_and_columns_that_name_them_are_converted_exactly(text, flop):
    numbers = np.array([2e17, 9e17, 4e18]) / flop
    expected = (numbers * flop).tolist()
    table = frame(training_compute_flop=numbers)
    asked = check_systems(table, unit=text)
    named = check_systems(table.rename(columns={"training_compute_flop": f"Training compute ({text})"}))
    assert asked.systems["training_compute_flop"].tolist() == expected
    assert named.systems["training_compute_flop"].tolist() == expected
    assert "FLOP" in " ".join(named.warnings)
    assert bool(asked.warnings) == (flop != 1)


@pytest.mark.parametrize(
    "column",
    ["log10_training_compute_flop", "log10_compute", "training_compute_log10", "Compute (log10 FLOP)"],
)
def test_logarithms_are_converted(column):
    table = frame(training_compute_flop=[17.3, 17.95, 18.6])
    named = validate_systems(table.rename(columns={"training_compute_flop": column}))
    asked = validate_systems(table, unit="log10 FLOP")
    assert named["training_compute_flop"].tolist() == asked["training_compute_flop"].tolist()
    assert np.log10(named["training_compute_flop"]).tolist() == pytest.approx([17.3, 17.95, 18.6])


@pytest.mark.parametrize("numbers", [[84, 156, 840], [3.1, 0.71, 0.28], [17.3, 17.95, 18.6]])
def test_numbers_in_no_unit_are_met_with_every_candidate_and_none_asserted(numbers):
    with pytest.raises(DataError) as caught:
        validate_systems(frame(training_compute_flop=numbers))
    assert [problem.row for problem in caught.value.problems] == [0, 1, 2]
    for word in ("GFLOP", "PFLOP", "PFLOP/s-days", "1E21", "log10", "--unit"):
        assert word in str(caught.value)


def test_a_unit_that_is_unclear_is_asked_for():
    with pytest.raises(OptionError, match="not a known unit"):
        validate_systems(frame(), unit="GFLOP/s")
    two = frame(training_compute_gflop=1e9, compute_pflop=1e3).drop(columns="training_compute_flop")
    with pytest.raises(DataError, match="one column of compute"):
        validate_systems(two)
    named = frame().rename(columns={"training_compute_flop": "training_compute_gflop"})
    with pytest.raises(DataError, match="the unit asked for"):
        validate_systems(named, unit="PFLOP")
    with pytest.raises(DataError, match=r"9e\+09 1E21 FLOP, 9e\+30 FLOP.*check the unit") as caught:
        validate_systems(frame(training_compute_flop=[9e2, 9e9, 1e3]), unit="1e21 FLOP")
    assert [problem.row for problem in caught.value.problems] == [1]


def test_a_unit_of_ones_own_is_kept_as_it_stands():
    small = frame(training_compute_flop=[0.02, 1, 3e4]).rename(columns={"training_compute_flop": "steps"})
    for unit in ("steps", "1e6 examples", "10e3 examples", "GPU hours"):
        checked = check_systems(small, unit=unit, columns={"training_compute_flop": "steps"})
        assert checked.systems["training_compute_flop"].tolist() == [0.02, 1, 3e4]
        assert any(repr(unit) in sentence and "no cost" in sentence for sentence in checked.warnings)
    with pytest.raises(DataError, match="a number from"):
        validate_systems(frame(training_compute_flop=[1, 2, 1e90]), unit="steps")
    for slip in ("petaflop weeks", "log steps", "tokens/s", "operations", "7"):
        with pytest.raises(OptionError, match="not a known unit"):
            validate_systems(frame(), unit=slip)


def test_a_fit_in_a_unit_of_ones_own_answers_in_it_and_has_no_cost():
    from tests.synthetic import synthetic_fit

    import scaling_bayes as sb
    from scaling_bayes.figures.fits import plot_fits
    from scaling_bayes.text import answer_in_words

    made = synthetic_fit(("task",), measurement_error=False)
    content = json.loads(made.attrs["manifest"])
    content["data"]["unit"] = "steps"
    made.attrs["manifest"] = json.dumps(content)
    row = sb.summary(sb.project(made)).iloc[0]
    assert row["unit"] == "log10(steps)"
    assert "steps" in answer_in_words(row)
    assert plot_fits(made).axes[0].get_xlabel() == "training compute, steps"
    for refused in (lambda: sb.project(made, scenario="trend"), lambda: sb.forecast(made, flop=1e20)):
        with pytest.raises(OptionError, match="needs compute in FLOP; the fit has it in 'steps'"):
            refused()
    with pytest.raises(OptionError, match="expected systems in the same unit"):
        sb.score(made, frame())


def test_a_bare_name_is_compute_where_its_unit_is_given():
    table = frame(training_compute_flop=[84, 156, 840]).rename(columns={"training_compute_flop": "compute"})
    with pytest.raises(DataError, match="state its unit"):
        validate_systems(table)
    assert validate_systems(table, unit="1e21")["training_compute_flop"].tolist() == [8.4e22, 1.56e23, 8.4e23]


def test_a_loss_is_told_from_an_error_rate():
    with pytest.raises(DataError, match=r"loss \(in nats or bits\) or a perplexity.*share of wrong answers"):
        validate_systems(frame(error=[5.0, 4.66, 2.9]))
    with pytest.raises(DataError, match="cannot take a loss"):
        validate_systems(frame().rename(columns={"error": "loss"}))


@pytest.mark.parametrize("unit", ["1e-3 FLOP", "10^-3", "1e-3", "10^\u22123 FLOP", "1E-21 FLOP"])
def test_a_negative_power_of_ten_is_not_read_as_a_positive_one(unit):
    assert find_unit(unit) is None
    with pytest.raises(OptionError, match="is less than 1; a unit is a multiple of FLOP"):
        validate_systems(frame(), unit=unit)
    named = frame().rename(columns={"training_compute_flop": f"training compute ({unit})"})
    with pytest.raises(DataError, match="training_compute_flop"):
        validate_systems(named)
    with pytest.raises(DataError, match="is not clear"):
        validate_systems(named, columns={"training_compute_flop": f"training compute ({unit})"})


@pytest.mark.parametrize("unit", ["10e3 FLOP", "10E3", "10e+3 FLOP"])
def test_a_power_of_two_meanings_is_refused_with_both(unit):
    with pytest.raises(OptionError, match="write 1e4 or 1e3"):
        validate_systems(frame(), unit=unit)


# Spreadsheets

GOOD = "\n".join([HEADER, *ROWS]) + "\n"
GERMAN = GOOD.replace(",", ";").replace("0.", "0,")
EXPORTS = {
    "semicolons, decimal commas, a mark": codecs.BOM_UTF8 + GERMAN.replace("\n", "\r\n").encode(),
    "tabs": GOOD.replace(",", "\t").encode(),
    "bars": GOOD.replace(",", "|").encode(),
    "old line ends": GOOD.replace("\n", "\r").encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "UTF-16, big end": codecs.BOM_UTF16_BE + GOOD.encode("utf-16-be"),
    "blank columns and rows": GOOD.replace("\n", ",,\n").encode() + b",,,,,,\n,,,,,,\n",
    "blank rows first": b",,,,\n\n" + GOOD.encode(),
    "comments": b"# mine, March 2026\n" + GOOD.replace("asr,b", '# 1 "b"\nasr,b').encode(),
    "separator stated": b"sep=;\n" + GERMAN.encode(),
    "quoted": GOOD.replace("asr,a,0.31,2e17,2015", '"asr","a","0.31","2e17","2015"').encode(),
    "quoted decimal comma": GOOD.replace("0.27", '"0,27"').encode(),
    "thousands": GOOD.replace("2e17", '"200,000,000,000,000,000"').encode(),
    "thousands with spaces": GOOD.replace("2e17", "200\u00a0000\u202f000 000 000 000").encode(),
    "percent": GOOD.replace("0.31", "31 %").replace("0.22", "22%").encode(),
    "an index": "\n".join(map(",".join, zip(["", "0", "1", "2"], [HEADER, *ROWS], strict=True))).encode(),
}


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_a_header_of_foreign_names_is_parted_as_its_rows_are(tmp_path, mark):
    foreign = GERMAN if mark != "," else GOOD
    header, rows = "Aufgabe;System, genannt;Fehler;Rechenaufwand;Jahr", foreign.split("\n", 1)[1]
    text = f"{header if mark != ',' else header.replace(', ', ' ')}\n{rows}".replace(";", mark)
    names = {
        "task": "Aufgabe",
        "system": "System, genannt" if mark != "," else "System genannt",
        "error": "Fehler",
        "training_compute_flop": "Rechenaufwand",
        "year": "Jahr",
    }
    table = validate_systems(written(tmp_path, text), columns=names)
    assert table["error"].tolist() == pytest.approx(ERRORS)
    assert table["training_compute_flop"].tolist() == COMPUTE


def test_rows_of_several_lines_and_comments_do_not_hide_the_separator(tmp_path):
    text = 'Aufgabe;"Genannt, so";Fehler;Aufwand\n# mine\nasr;"a\nb, c";0,31;2e17\n# two, 2\nasr;b;0,3;3e17\n'
    table = reading.read_table(written(tmp_path, text)).cells
    assert list(table.columns) == ["Aufgabe", "Genannt, so", "Fehler", "Aufwand"]
    assert table["Aufwand"].tolist() == ["2e17", "3e17"]


def test_a_header_that_is_a_comment_is_pointed_out(tmp_path):
    with pytest.raises(DataError, match=r"Line 2 starts with # and was passed over.*delete the #"):
        validate_systems(written(tmp_path, f"# mine\n# {GOOD}"))
    with pytest.raises(DataError) as refused:
        validate_systems(written(tmp_path, "# mine, March 2026\n" + GOOD.replace("task", "job")))
    assert "passed over" not in str(refused.value)


@pytest.mark.parametrize("text", ["# mine\n", "\n\n", "\n# mine\n\n", ",,\n,,\n"])
def test_a_file_without_a_header_is_not_told_it_has_one(tmp_path, text):
    with pytest.raises(DataError, match="found no header, only blank lines or comments"):
        validate_systems(written(tmp_path, text))


def test_advice_for_a_number_of_two_meanings_is_read_where_commas_are_decimal(tmp_path):
    text = GERMAN.replace("2e17", "4.500").replace("9e17", "8").replace("4e18", "9")
    with pytest.raises(DataError, match="write 4,500 or 4500"):
        validate_systems(written(tmp_path, text))
    for advised, number in (("4,500", 4.5), ("4500", 4500)):
        table = validate_systems(written(tmp_path, text.replace("4.500", advised)), unit="1e16 FLOP")
        assert table["training_compute_flop"].iloc[0] == pytest.approx(number * 1e16)


def test_a_letter_composed_in_two_ways_is_one():
    names = ["caf\u00e9", "cafe\u0301", "cafe\u0301"]
    table = validate_systems(frame(task=names, system=names, paper=names))
    for column in ("task", "system", "paper"):
        assert set(table[column]) == {"caf\u00e9"}


@pytest.mark.parametrize("export", EXPORTS)
def test_what_spreadsheets_export_is_read(tmp_path, export):
    table = validate_systems(written(tmp_path, EXPORTS[export]))
    assert table["error"].tolist() == pytest.approx(ERRORS)
    assert table["training_compute_flop"].tolist() == COMPUTE
    assert table["year"].tolist() == [2015, 2016, 2017]
    assert table["system"].tolist() == list("abc")


def test_an_old_encoding_is_guessed_and_said(tmp_path):
    checked = check_systems(written(tmp_path, GOOD.replace("asr", "größe").encode("latin-1")))
    assert set(checked.systems["task"]) == {"größe"}
    assert "Windows-1252" in checked.warnings[0]


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = (
        f"# one\n\n{HEADER}\n# two\n" + 'asr,"a\n# no comment",0.3,1e17,2015\n\n# three\nasr,b,7,1e18,2016\n'
    )
    with pytest.raises(DataError) as caught:
        validate_systems(written(tmp_path, text))
    assert [problem.row for problem in caught.value.problems] == [9]


@pytest.mark.parametrize("sign", ["\u2028", "\u2029", "\v", "\f", "\x85", "\x1c"])
def test_only_line_ends_end_a_line(tmp_path, sign):
    path = written(tmp_path, GOOD.replace("asr,a,", f"asr,a{sign}b,"))
    checked = check_systems(path)
    assert checked.systems["system"].iloc[0] == "a b"
    assert "read as spaces in row 2" in " ".join(checked.notes)


@pytest.mark.parametrize("cell", ["1,234", "12,345"])
def test_a_comma_of_two_meanings_is_asked_about(tmp_path, cell):
    lines = GOOD.replace("2e17", f'"{cell}"').replace("9e17", "2.5").replace("4e18", "4")
    with pytest.raises(DataError, match=f"write {cell.replace(',', '.')} or {cell.replace(',', '')}"):
        validate_systems(written(tmp_path, lines))
    known = check_systems(written(tmp_path, lines.replace("0.27", '"0,27"')), unit="EFLOP").systems
    assert known["training_compute_flop"].iloc[0] == float(cell.replace(",", ".")) * 1e18


@given(st.floats(1e-6, 1e12), st.sampled_from([",", ".", " ", "'", ""]), st.sampled_from([",", "."]))
def test_a_grouped_number_is_read_or_refused_but_never_misread(number, group, decimal):
    if group == decimal:
        return
    text = f"{number:,.4f}".replace(",", "G").replace(".", decimal).replace("G", group)
    assert read_number(text) in (pytest.approx(float(f"{number:.4f}")), None, "ambiguous")


@given(st.text(max_size=12))
def test_any_text_is_a_number_or_none(text):
    assert isinstance(read_number(text), (float, str, type(None)))
    assert find_unit(text) is None or find_unit(text).factor != 0


def test_columns_that_are_not_used_are_listed():
    checked = check_systems(frame(colour="red", papers="A", sd=0.1))
    assert checked.unused == ("colour", "papers", "sd")
    said = " ".join(checked.notes)
    assert "does not use: colour, papers, sd" in said
    assert "meant as 'paper'" in said
    assert validate_systems(frame(colour="red")).attrs["unused_columns"] == ["colour"]


# Uncertain compute


def test_a_standard_deviation_of_each_row_reaches_the_model():
    table = validate_systems(frame(compute_sd_dex=[0.1, None, 2.0]))
    sd = observe(table, needs_year=True).compute_sd
    np.testing.assert_array_equal(sd, [0.1, np.nan, 2.0])
    for wrong in (0, -1, 11, "wide"):
        with pytest.raises(DataError) as caught:
            validate_systems(frame(compute_sd_dex=[wrong, None, 2.0]))
        assert [(p.row, p.column) for p in caught.value.problems] == [(0, "compute_sd_dex")]


@pytest.mark.parametrize(("unit", "factor"), [("flop", 1.0), ("gflop", 1e9), ("pflop_s_days", 8.64e19)])
def test_an_interval_of_90_percent_is_a_standard_deviation(unit, factor):
    low, high = np.array([1e17, 9e16, np.nan]), np.array([4e17, 9e18, np.nan])
    ends = {f"training_compute_{unit}_low": low / factor, f"training_compute_{unit}_high": high / factor}
    sd = validate_systems(frame(**ends))["compute_sd_dex"]
    assert sd.tolist() == pytest.approx([np.log10(4) / 3.28971, 2 / 3.28971, np.nan], rel=1e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"training_compute_flop_low": [1e17] * 3}, "both ends"),
        ({"training_compute_flop_low": 1e19, "training_compute_flop_high": 1e20}, "hold the estimate"),
        ({"training_compute_flop_low": [1e17, None, 1e17], "training_compute_flop_high": 1e20}, "both ends"),
        (
            {"training_compute_flop_low": 1e17, "training_compute_flop_high": 1e20, "compute_sd_dex": 0.1},
            "one of the two",
        ),
    ],
)
def test_an_interval_that_is_none(columns, words):
    with pytest.raises(DataError, match=words):
        validate_systems(frame(**columns))


def test_estimates_of_one_system_are_one_system():
    table = pd.DataFrame(
        {
            "task": ["asr"] * 7,
            "system": list("aabccdd"),
            "error": [0.31, 0.31, 0.27, 0.22, 0.22, 0.2, 0.19],
            "training_compute_flop": [2e17, 8e17, 9e17, 4e18, 4e19, 2e19, 3e19],
            "compute_sd_dex": [None, None, None, 0.3, 0.4, None, None],
            "compute_in_doubt": [False, True, False, False, False, False, False],
            "year": [2015, 2015, 2016, 2017, 2017, 2018, 2018],
        }
    )
    rows = rows_for_fit(validate_systems(table))
    assert rows.estimates == {"asr: a": 2, "asr: c": 2}
    assert rows.systems["system"].tolist() == list("abcdd")
    assert rows.systems["training_compute_flop"].tolist()[:3] == pytest.approx([4e17, 9e17, 4e18 * 10**0.5])
    spread = [np.log10(4) / 2**0.5, np.nan, (0.5 + 0.125) ** 0.5, np.nan, np.nan]
    assert rows.systems["compute_sd_dex"].tolist() == pytest.approx(spread, nan_ok=True)
    assert rows.systems["compute_in_doubt"].tolist() == [True, False, False, False, False]
    assert sum("estimates of compute are combined" in sentence for sentence in rows.sentences()) == 2


@pytest.mark.parametrize(
    ("factor", "stated", "sd"),
    [
        (1.01, (None, None), np.nan),
        (10.0, (None, None), 0.5**0.5),
        (1.01, (0.1, None), np.nan),
        (1.01, (0.1, 0.2), (np.log10(1.01) ** 2 / 2 + 0.025) ** 0.5),
    ],
)
def test_estimates_that_agree_do_not_make_compute_certain(factor, stated, sd):
    table = frame(
        task=["t"] * 4,
        system=list("aabc"),
        error=[0.3, 0.3, 0.2, 0.1],
        training_compute_flop=[1e18, factor * 1e18, 1e19, 1e20],
        compute_sd_dex=[*stated, None, None],
        year=[2015, 2015, 2016, 2017],
    )
    combined = rows_for_fit(validate_systems(table)).systems["compute_sd_dex"].tolist()
    assert combined == pytest.approx([sd, np.nan, np.nan], nan_ok=True)
    usual = default_priors(ModelOptions())["compute_error"]
    assert math.exp(usual.parameters["mu"]) == pytest.approx(ERROR_OF_AN_ESTIMATE)


# Harm


def sparse(path):
    with path.open("wb") as stream:
        stream.truncate(8 * 2**30)


def inflating(path):
    text = pa.table({"task": ["a" * 20_000_000]})
    with pq.ParquetWriter(path, text.schema, compression="zstd", use_dictionary=False) as writer:
        for _ in range(25):
            writer.write_table(text)


def repeated(path):
    one = pa.DictionaryArray.from_arrays(pa.array(np.zeros(45_000, dtype=np.int32)), ["a" * 1_000_000])
    pq.write_table(pa.table({"task": one}), path, compression="zstd")


def dated(path):
    cells = (f"asr,s{i},0.{i + 1},1e{i % 12 + 10},2016-05-21T10:11:12.{i:06d}" for i in range(45_000))
    path.write_text("\n".join([HEADER.replace("year", "publication_date"), *cells]))


def text(content):
    return lambda path: path.write_text(content())


BOMBS = {
    "sparse.csv": sparse,
    "columns.csv": text(lambda: ",".join(f"c{i}" for i in range(60_000)) + "\n"),
    "cells.csv": text(lambda: HEADER + "," * 900 + "x\n" + ("1," * 905 + "1\n") * 8000),
    "short_rows.csv": text(lambda: HEADER + "\n" + "a\n" * 3_000_000),
    "blank.csv": text(lambda: HEADER + "\n" * 30_000_000),
    "one_line.csv": text(lambda: HEADER + "\nasr,b,0.3,1e17,2015," + "\U0001f600" * 8_000_000),
    "names.csv": text(lambda: f"{HEADER}\n" + f"{'x' * 30000},b,0.3,1e17,2015\n" * 1000),
    "many_problems.csv": text(lambda: HEADER + "".join(f"\nasr,s{i},7,3.5,18" for i in range(45_000))),
    "dates.csv": dated,
    "zeros.parquet": inflating,
    "dictionary.parquet": repeated,
    "rows.parquet": lambda path: pq.write_table(pa.table({"error": np.zeros(5_000_000)}), path),
    "columns.parquet": lambda path: pq.write_table(pa.table({f"c{i}": [1] for i in range(5000)}), path),
    "footer.parquet": lambda path: path.write_bytes(
        b"PAR1" + b"\xff" * 1000 + (900).to_bytes(4, "little") + b"PAR1"
    ),
}
HARMFUL = {
    "sparse.csv": "8,192 MiB",
    "columns.csv": "60,000 columns",
    "cells.csv": "2,000,000 cells",
    "short_rows.csv": "50,000 rows",
    "blank.csv": "2,000,000 lines",
    "one_line.csv": "field larger|32,767 characters",
    "names.csv": "at most 1,000 characters",
    "many_problems.csv": "problem",
    "dates.csv": "",
    "zeros.parquet": "unpacks to",
    "dictionary.parquet": "32,767 bytes",
    "rows.parquet": "5,000,000 rows",
    "columns.parquet": "5,000 columns",
    "footer.parquet": "not a readable Parquet file",
}


@pytest.mark.long
@pytest.mark.parametrize("name", some(HARMFUL, 2))
def test_a_harmful_table_takes_little_memory_and_time(tmp_path, name):
    BOMBS[name](tmp_path / name)
    found = commands.ask({"arguments": ["validate", str(tmp_path / name)]})
    said = found["stderr"]
    assert "Traceback" not in said
    assert found["code"] == (0 if name == "dates.csv" else 1)
    assert len(said) < 20_000
    if HARMFUL[name]:
        assert any(words in said for words in HARMFUL[name].split("|"))
    assert found["mib"] < 1024
    assert found["seconds"] < 10


def test_a_page_that_unpacks_beyond_what_is_declared_is_stopped(tmp_path, monkeypatch):
    """The declared sizes are not believed: the process that reads has its own limit of memory."""
    path = tmp_path / "mine.parquet"
    pq.write_table(pa.table({"task": pa.array(["a" * 20_000_000] * 6)}), path, use_dictionary=False)
    monkeypatch.setattr(parquet, "_MEMORY", 130 * 2**20)
    with pytest.raises(DataError, match=r"unpacks|32,767 bytes|took over|not a readable"):
        validate_systems(path)


@pytest.mark.parametrize("flip", some(range(0, 3600, 300), 3))
def test_a_damaged_parquet_file_is_read_or_refused(tmp_path, flip):
    path = tmp_path / "mine.parquet"
    frame().to_parquet(path)
    content = bytearray(path.read_bytes())
    content[flip % len(content)] ^= 0xFF
    path.write_bytes(content)
    with suppress(DataError):
        validate_systems(path)


def test_broken_words_of_pandas_in_a_parquet_file_do_not_matter(tmp_path):
    path = tmp_path / "mine.parquet"
    table = pa.Table.from_pandas(frame())
    for words in (b"{}", b"[]", b'{"index_columns": ["gone"], "columns": [{}]}', b"\xff"):
        pq.write_table(table.replace_schema_metadata({b"pandas": words}), path)
        assert validate_systems(path)["error"].tolist() == ERRORS


def test_nested_columns_are_left_out_or_asked_about(tmp_path):
    path = tmp_path / "mine.parquet"
    table = pa.Table.from_pandas(frame())
    pq.write_table(table.append_column("extra", pa.array([[1], [2], [3]])), path)
    checked = check_systems(path)
    assert "extra" not in checked.systems
    assert "'extra' holds list<element: int64>" in " ".join(checked.notes)
    pq.write_table(table.set_column(2, "error", pa.array([[0.1], [0.2], [0.3]])), path)
    with pytest.raises(DataError, match="columns are missing"):
        validate_systems(path)


def test_decimals_dates_and_categories_of_a_parquet_file(tmp_path):
    path = tmp_path / "mine.parquet"
    table = frame(
        publication_date=pd.to_datetime(["2015-06-01", "2016-06-01", "2017-06-01"]),
        task=pd.Categorical(["asr"] * 3),
    )
    arrow = pa.Table.from_pandas(table)
    arrow = arrow.set_column(2, "error", arrow["error"].cast(pa.decimal128(10, 4)))
    pq.write_table(arrow, path)
    assert validate_systems(path)["error"].tolist() == ERRORS
    assert validate_systems(path)["publication_date"].tolist() == table["publication_date"].tolist()


def test_a_parquet_file_is_never_waited_for_without_end(tmp_path, monkeypatch):
    def late(*_, timeout, **__):
        raise subprocess.TimeoutExpired("worker", timeout)

    frame().to_parquet(tmp_path / "mine.parquet")
    monkeypatch.setattr(parquet.subprocess, "run", late)
    with pytest.raises(DataError, match="over 120 s"):
        validate_systems(tmp_path / "mine.parquet")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "Excel workbook"),
        (b"PAR1", "Parquet data"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (GOOD.encode("utf-16-le"), "null character"),
        (GOOD.replace("0.31", "9" * 5000).encode(), "a number"),
        ((HEADER + "\n" + "1," * 200_000 + "\n").encode(), "200001 cells"),
    ],
)
def test_a_file_that_is_no_csv(tmp_path, content, words):
    with pytest.raises(DataError, match=words) as caught:
        validate_systems(written(tmp_path, content))
    assert len(str(caught.value)) < 2000


@pytest.mark.parametrize("name", ["mine.csv.gz", "mine.zip", "mine.xls"])
def test_compressed_files_and_workbooks_are_refused_with_advice(tmp_path, name):
    with pytest.raises(DataError, match=r"expected \.csv, \.tsv, \.xlsx or \.parquet; (decompress|export)"):
        validate_systems(written(tmp_path, b"anything", name))


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "mine.csv")
    with pytest.raises(DataError, match="a device or a pipe"):
        validate_systems(tmp_path / "mine.csv")
    (tmp_path / "link.csv").symlink_to("/dev/zero")
    with pytest.raises(DataError, match="a device or a pipe"):
        validate_systems(tmp_path / "link.csv")
    with pytest.raises(DataError, match="null"):
        validate_systems("a\0.csv")


def test_names_of_columns_and_rows_are_shown_safely(tmp_path):
    text = GOOD.replace("error", "e\x1b[2Jrror")
    with pytest.raises(DataError) as caught:
        validate_systems(written(tmp_path, text))
    assert "\x1b" not in str(caught.value)
    with pytest.raises(DataError) as caught:
        validate_systems(frame(error=7.0).set_axis(["\x1b[2J", "b" * 10_000, "c"]))
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 2000


def test_repeated_names_are_found_in_one_pass():
    class Name:
        written = 0

        def __str__(self):
            Name.written += 1
            return str(id(self))

    names = [Name() for _ in range(5000)]
    reading.check_names(names, "the table")
    assert Name.written == 5000
    with pytest.raises(DataError, match="repeated"):
        reading.check_names([*names, names[0]], "the table")


GIGA = pd.DataFrame(
    {
        "task": ["asr"] * 4,
        "system": list("abcd"),
        "error": [0.4, 0.3, 0.25, 0.2],
        "training_compute_flop": [1e8, 1e9, 1e10, 1e11],
        "year": [2012, 2014, 2016, 2018],
    }
)


def test_numbers_small_for_flop_are_asked_about_unless_their_unit_is_stated():
    assert "state that with --unit" in check_systems(GIGA).warnings[0]
    assert check_systems(GIGA, unit="FLOP").warnings == ()
    usual = GIGA.assign(training_compute_flop=GIGA["training_compute_flop"] * 1e9)
    assert check_systems(usual).warnings == ()
    np.testing.assert_allclose(
        check_systems(GIGA, unit="GFLOP").systems["training_compute_flop"], usual["training_compute_flop"]
    )


@pytest.mark.parametrize("other", ["ASR", " asr", "a s r", "Asr."])
def test_tasks_spelt_alike_are_said(other):
    table = GIGA.assign(task=["asr", "asr", other, other], training_compute_flop=1e18)
    said = check_systems(table).warnings
    assert (len(said) == 1 and "spelt almost alike" in said[0]) == (other not in ("a s r", " asr"))


@pytest.mark.parametrize(
    ("task", "lowest", "warned"), [("imagenet", 0.01, True), ("imagenet", 0.0, False), ("top5", 0.01, False)]
)
def test_errors_below_the_floor_of_a_task_of_that_name_are_said(
    task: str, lowest: float, warned: bool
) -> None:
    table = pd.DataFrame(
        {"task": task, "error": [0.16, lowest], "training_compute_flop": [1e20, 1e21], "year": [2016, 2018]}
    )
    said = [each for each in check_systems(table).warnings if "give the task another name" in each]
    assert [each.startswith("task 'imagenet' is taken for ImageNet") for each in said] == [True] * warned


def test_one_name_for_several_systems_is_said():
    table = GIGA.assign(system="a", training_compute_flop=1e18)
    assert "'asr: a' has 4 different errors; each counts as a system." in check_systems(table).notes


@pytest.mark.parametrize(
    ("column", "missing", "advice"),
    [
        ("accuracy", "error", "error = 1 - score"),
        ("top1", "error", "error = 1 - score"),
        ("GPU hours", "training_compute_flop", "seconds x devices"),
        ("training_cost_usd", "training_compute_flop", "seconds x devices"),
        ("device", "training_compute_flop", "expected this column"),
    ],
)
def test_a_column_that_a_missing_one_follows_from_is_named_with_the_way(column, missing, advice):
    with pytest.raises(DataError, match=advice):
        check_systems(GIGA.rename(columns={missing: column}))


@pytest.mark.parametrize("name", ["WER", "Test error", "val_loss", "1 - accuracy", "perplexity"])
def test_scores_are_not_taken_from_a_name_of_which_less_is_better(name):
    table = frame().rename(columns={"error": name})
    with pytest.raises(DataError, match="a name of which less is better, asked for as score"):
        check_systems(table, columns={"score": name})
    assert not any(
        "is named as a score" in each for each in check_systems(table, columns={"error": name}).warnings
    )


@pytest.mark.parametrize("name", ["Accuracy", "Top-1-accuracy", "Test accuracy", "F1", "1 - WER"])
def test_errors_from_a_column_named_as_a_score_are_asked_about(name):
    table = frame().rename(columns={"error": name})
    (said,) = check_systems(table, columns={"error": name}).warnings or ("",)
    assert ("is named as a score" in said) == (name != "1 - WER")
    assert check_systems(table, columns={"score": name}).systems["error"].tolist() == pytest.approx(
        [1 - error for error in ERRORS]
    )


@pytest.mark.parametrize("name", ["Error (%)", "error_pct", "Percent wrong", "WER, %"])
def test_a_column_that_is_in_percent_by_its_name_is_converted(name):
    table = frame(error=[0.8, "0.5", "40 %"]).rename(columns={"error": name})
    checked = check_systems(table, columns={"error": name})
    assert checked.systems["error"].tolist() == pytest.approx([0.008, 0.005, 0.4])
    assert any(f"column {name!r} is converted from percent" in each for each in checked.warnings)


def test_a_refusal_says_what_was_converted_before_it():
    table = frame(error=[3100, 20, 10]).rename(columns={"error": "Error (%)"})
    with pytest.raises(
        DataError, match=r"1 problem\(s\) found; column 'Error \(%\)' is converted from percent"
    ):
        check_systems(table, columns={"error": "Error (%)"})


def test_scores_and_chance_in_percent_by_their_names_are_converted():
    table = frame(error=[60, 70, 80]).rename(columns={"error": "Accuracy (%)"}).assign(**{"Chance [%]": 99.0})
    found = check_systems(table, columns={"score": "Accuracy (%)", "chance_error": "Chance [%]"}).systems
    assert found["error"].tolist() == pytest.approx([0.4, 0.3, 0.2])
    assert found["chance_error"].tolist() == pytest.approx([0.99] * 3)


def test_an_interval_without_its_estimate_is_shown():
    table = GIGA.assign(training_compute_flop_low=1e12, training_compute_flop_high=1e13)
    with pytest.raises(DataError, match=r"of 1e\+12 to 1e\+13 that does not hold the estimate 1e\+08"):
        check_systems(table)
