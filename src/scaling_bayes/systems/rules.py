"""What a sound row is: names, numbers in range, columns that agree; what breaks a rule is reported by row."""

from __future__ import annotations

import math
import re
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import Problem
from scaling_bayes.systems.cells import shown_cell
from scaling_bayes.systems.counts import NAMED_COUNTS, NAMED_PRECISIONS, in_16_bits
from scaling_bayes.systems.tasks import below_floors
from scaling_bayes.systems.units import CANDIDATES, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    Cells = set[tuple[int | str | None, str | None]]

#: Compute outside these bounds, in FLOP, is a mistake of unit: 1e6 is less than a second of a 1980s
#: microprocessor, 1e30 a million times the largest training run of 2025.
SMALLEST_COMPUTE, LARGEST_COMPUTE = 1e6, 1e30
#: In a unit of the user's own, where only slips of the pen are out of bounds.
_SMALLEST_OWN, _LARGEST_OWN = 1e-30, 1e60
FIRST_YEAR, LAST_YEAR = 1950, 2100
#: Error may differ from 1 - value / 100 by this much: scores are printed to a few digits.
VALUE_TOLERANCE = 5e-4
_ADVICE = {
    "compute_own": f"a number from {_SMALLEST_OWN:g} to {_LARGEST_OWN:g}",
    "compute_positive": "a finite number of FLOP above 0; leave the cell empty if compute is not reported",
    "error_range": "a fraction strictly between 0 and 1",
    "error_above_1": (
        "a fraction strictly between 0 and 1; is this in percent? Then divide by 100. Is it a loss (in nats "
        "or bits) or a perplexity? Those have no upper limit: they are not error rates, and the model cannot "
        "use them. Give the share of wrong answers instead, such as 1 - accuracy"
    ),
    "value_range": "percent, strictly between 0 and 100",
    "value_percent": (
        "percent, strictly between 0 and 100; is this a fraction? Then multiply by 100. For a score below "
        "1 % give the column error instead"
    ),
    "year_range": f"a year between {FIRST_YEAR} and {LAST_YEAR}",
    "date_range": f"a date between {FIRST_YEAR} and {LAST_YEAR}",
    "sd_range": "a standard deviation of log10 compute, in dex, above 0 and at most 10",
    "chance_range": "the error of an answer that knows nothing, a fraction above 0 and at most 1",
    "count_known": f"one of {', '.join(NAMED_COUNTS)}, or nothing",
    "precision_known": f"one of {', '.join(NAMED_PRECISIONS)}, or nothing",
    "not_blank": "the name of a task",
}
#: What is said in full at the first row and in these words at the others.
_AGAIN = {
    "error_above_1": "a fraction strictly between 0 and 1; see row {row}",
    "compute_unit": "FLOP; see row {row}",
}
_BOUNDS = ("training_compute_flop_low", "training_compute_flop_high")
#: Standard deviations between the ends of an equal-tailed 90 % interval.
_WIDTH_90 = 2 * NormalDist().inv_cdf(0.95)
#: Dex; more says nothing of compute.
_LARGEST_SD = 10.0
#: A month: a year and a date that differ by more are reported, unless the row says that they do.
_YEAR_TOLERANCE = 1 / 12
_KNOWN_MISMATCH = "year_date_mismatch"
_KNOWN_CORRECTION = "corrected_compute"
MOST_LISTED = 20
#: Operations a burden can stand for: the matrix rate at 16 bits is up to 16 times a GPU's FP32 peak (A100).
_MOST_DONE = {"burden_fp32": 16.0, "burden_tensor": 1.0, "burden_tpu": 1.0}
#: Half an order of magnitude, by which both may be estimated wrong.
_DONE_SLACK = 10**0.5
#: FLOP of training that hardly any system took since 1990; in GFLOP, all but the largest lie below.
_SMALL_COMPUTE = 1e12

#: Metrics of which less is better; 1 - value / 100 would turn them upside down.
LESS_IS_BETTER = re.compile(
    r"\b([wcte]er|rmse|mae|mse|fid|ppl)\b|\berrors?\b|\bloss\b|\bperplexity\b|\bedit rate\b", re.IGNORECASE
)

#: Scores, of which more is better, in a name as `slug` writes it.
MORE_IS_BETTER = re.compile(
    r"(?:^|_)(?:acc|accuracy|score|f1|bleu|top_?[15]|pass_?(?:at_?)?1|exact_match|em)(?:_|$)"
)


def check_ranges(
    table: pd.DataFrame,
    labels: Sequence[int | str],
    skip: Cells,
    units: Mapping[str, Unit],
    written: Mapping[str, Sequence[float]],
) -> list[Problem]:
    """Names that are blank and numbers out of range, but for cells already reported.

    `written` holds the numbers of a converted column as the table gives them.
    """
    problems = []
    told: dict[str, int | str] = {}
    for column, rules in _rules(table, units).items():
        cells = table[column].tolist()
        for name, wrong in rules:
            for position in wrong.to_numpy(dtype=bool, na_value=False).nonzero()[0].tolist():
                label = labels[position]
                if (label, column) in skip:
                    continue
                cell = cells[position]
                if name in told and name in _AGAIN:
                    expected = _AGAIN[name].format(row=told[name])
                elif name == "compute_unit":
                    expected = _unit_advice(float(cell) if column not in units else None)
                else:
                    expected = _ADVICE[name]
                told.setdefault(name, label)
                found = _shown(cell)
                if column in units and not units[column].is_own:
                    found = f"{written[column][position]:g} {units[column].name}, {found} FLOP"
                problems.append(Problem(label, column, found, expected))
    return problems


def _rules(table: pd.DataFrame, units: Mapping[str, Unit]) -> dict[str, list[tuple[str, pd.Series[bool]]]]:
    """What is wrong in each column: the name of the rule, and whether each row breaks it."""
    rules: dict[str, list[tuple[str, pd.Series[bool]]]] = {
        "task": [("not_blank", table["task"].isna() | (table["task"] == ""))]
    }
    for column in ("training_compute_flop", "arithmetic_flop", *_BOUNDS):
        if column in table:
            flop = table[column]
            finite = (flop > 0) & (flop < math.inf)
            rules[column] = [
                ("compute_positive", flop.notna() & ~finite),
                ("compute_own", finite & ~flop.between(_SMALLEST_OWN, _LARGEST_OWN))
                if column in units and units[column].is_own
                else ("compute_unit", finite & ~flop.between(SMALLEST_COMPUTE, LARGEST_COMPUTE)),
            ]
    if "error" in table:
        rules["error"] = [("error_range", table["error"] < 0), ("error_above_1", table["error"] > 1)]
    if "value" in table:
        value = table["value"]
        rules["value"] = [
            ("value_percent", (value > 0) & (value <= 1)),
            ("value_range", (value < 0) | (value > 100)),
        ]
    if "compute_sd_dex" in table:
        sd = table["compute_sd_dex"]
        rules["compute_sd_dex"] = [("sd_range", sd.notna() & ~((sd > 0) & (sd <= _LARGEST_SD)))]
    if "chance_error" in table:
        chance = table["chance_error"]
        rules["chance_error"] = [("chance_range", chance.notna() & ~((chance > 0) & (chance <= 1)))]
    if "compute_count" in table:
        count = table["compute_count"].astype("string").fillna("")
        rules["compute_count"] = [("count_known", ~count.isin(["", *NAMED_COUNTS]))]
        if "precision" in table:
            # Elsewhere it is not read, and may be a precision of another kind.
            rules["precision"] = [("precision_known", (count == "burden_fp32") & in_16_bits(table).isna())]
    if "year" in table:
        year = table["year"]
        rules["year"] = [("year_range", year.notna() & ~((year >= FIRST_YEAR) & (year < LAST_YEAR + 1)))]
    if "publication_date" in table:
        year = table["publication_date"].dt.year
        rules["publication_date"] = [
            ("date_range", year.notna() & ~((year >= FIRST_YEAR) & (year <= LAST_YEAR)))
        ]
    return rules


def _unit_advice(number: float | None) -> str:
    """What compute out of range may mean: every usual unit, and what the number would be in FLOP."""
    expected = f"FLOP, {SMALLEST_COMPUTE:g} to {LARGEST_COMPUTE:g}"
    if number is None:
        return f"{expected}; check the unit that the column names"
    if number > LARGEST_COMPUTE:
        return f"{expected}; the largest training runs of 2025 have about 1e26 to 1e27"
    readings = []
    for unit in CANDIDATES:
        flop = unit.to_flop(number)
        possible = SMALLEST_COMPUTE <= flop <= LARGEST_COMPUTE
        readings.append(f"{unit.name} ({f'{flop:.3g} FLOP' if possible else 'out of range'})")
    return (
        f"{expected}. The number alone does not tell its unit: {', '.join(readings)}? State it with --unit "
        "or unit=, or in the name of the column, such as training_compute_pflop_s_days"
    )


def _shown(cell: Any) -> str:
    if isinstance(cell, float) and math.isfinite(cell):
        return f"{cell:g}"
    if cell is None or cell != cell:
        return "nothing"
    return shown_cell(cell) if isinstance(cell, str) else str(cell)


def check_uncertainty(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Turn 90 % intervals of compute into ``compute_sd_dex``, in place; report those that cannot be."""
    import numpy as np

    given = [name for name in _BOUNDS if name in table]
    if not given:
        return []
    if len(given) == 1:
        other = next(name for name in _BOUNDS if name not in given)
        expected = "this column too: both ends of a 90 % interval"
        return [Problem(None, other, f"only {given[0]}", expected)]
    low, high = (table[name] for name in _BOUNDS)
    estimate = table["training_compute_flop"]
    own = table["compute_sd_dex"] if "compute_sd_dex" in table else low * math.nan
    problems = []
    for name, wrong, problem, expected in (
        (_BOUNDS[0], low.notna() != high.notna(), "one end of the interval", "both ends, or none"),
        (
            _BOUNDS[0],
            (low >= high) | (estimate < low) | (estimate > high),
            "an interval of {} to {} that does not hold the estimate {}",
            "low < high, and training_compute_flop between them",
        ),
        (
            "compute_sd_dex",
            own.notna() & low.notna(),
            "a standard deviation beside an interval",
            "one of the two",
        ),
    ):
        for position in wrong.to_numpy(dtype=bool).nonzero()[0].tolist():
            found = problem.format(
                *(_shown(float(column.iloc[position])) for column in (low, high, estimate))
            )
            problems.append(Problem(labels[position], name, found, expected))
    if not problems:
        with np.errstate(all="ignore"):
            sd = (np.log10(high) - np.log10(low)) / _WIDTH_90
        table["compute_sd_dex"] = own.fillna(sd).astype("float64")
    return problems


def check_times(table: pd.DataFrame, labels: Sequence[int | str]) -> tuple[list[str], list[str]]:
    """Years that disagree with the date of their row, as warnings; whole years among others, as notes."""
    if "year" not in table:
        return [], []
    warnings = []
    year = table["year"]
    whole = year == year // 1
    if "publication_date" in table:
        date = table["publication_date"]
        dated = date.dt.year + (date.dt.day_of_year - 1) / (365 + date.dt.is_leap_year)
        wrong = ((year - dated).abs() > _YEAR_TOLERANCE) & ~whole | (
            whole & (date.dt.year != year) & date.notna()
        )
        wrong &= ~_flagged(table, _KNOWN_MISMATCH)
        places = wrong.to_numpy(dtype=bool).nonzero()[0].tolist()
        said = [
            f"row {labels[position]}: year {year.iloc[position]:g} and publication_date "
            f"{date.iloc[position]:%Y-%m-%d} disagree"
            for position in places[:MOST_LISTED]
        ]
        if len(places) > MOST_LISTED:
            said.append(f"{len(places) - MOST_LISTED} more rows")
        if said:
            warnings.append(f"{'; '.join(said)}. The date is used; correct the one that is wrong.")
    years = year[year.notna()]
    notes = []
    if (years != years // 1).any() and (mixed := int(whole.sum())):
        notes.append(
            f"whole years among decimal ones ({mixed}) stand for the middle of the year: "
            f"{year[whole].iloc[0]:g} is read as {year[whole].iloc[0] + 0.5:g}. "
            "For the first of January give a publication_date."
        )
    return warnings, notes


def _flagged(table: pd.DataFrame, flag: str) -> pd.Series[bool]:
    """Whether each row has a flag that says that what is asked about is known."""
    flags = table["flags"].astype(object) if "flags" in table else table["task"].map(lambda _: "")
    return flags.map(lambda cell: flag in str(cell).split(";")).astype(bool)


def turn_scores(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Turn scores, of which more is better, into errors, in place; report those that are no fraction."""
    score = table["error"]
    wrong = score.notna() & ~score.between(0, 1)
    expected = (
        "a score as a fraction, 0 to 1; of one in percent say value in place of score, as in --column "
        "value=NAME. A loss or perplexity is no score"
    )
    problems = [
        Problem(labels[position], "error", _shown(float(score.iloc[position])), expected)
        for position in wrong.to_numpy(dtype=bool).nonzero()[0].tolist()
    ]
    table["error"] = (1 - score).where(~wrong)
    return problems


def check_scores(table: pd.DataFrame, labels: Sequence[int | str], skip: Cells) -> list[Problem]:
    """Rows that report compute but no score, unless the score could not be read."""
    column = "error" if "error" in table else "value"
    unscored = table[column].isna() & table["training_compute_flop"].notna()
    return [
        Problem(label, column, "nothing", "a score; every row with compute needs one")
        for label, missing in zip(labels, unscored, strict=True)
        if missing and (label, column) not in skip
    ]


def check_metrics(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Rows whose error would be taken from a metric of which less is better."""
    if "error" in table or "metric" not in table:
        return []
    expected = (
        "a score of which more is better, in percent; an error rate goes into a column error, as a fraction, "
        "and a loss or perplexity is none"
    )
    return [
        Problem(label, "metric", shown_cell(metric), expected)
        for label, metric in zip(labels, map(str, table["metric"]), strict=True)
        if LESS_IS_BETTER.search(metric.replace("_", " "))
    ]


def check_agreement(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Rows whose error is not 1 - value / 100."""
    if not {"error", "value", "metric"} <= set(table.columns):
        return []
    implied = 1 - table["value"] / 100
    wrong = (table["error"] - implied).abs() > VALUE_TOLERANCE
    return [
        Problem(
            labels[position],
            "error",
            f"{table['error'].iloc[position]:g} with value {table['value'].iloc[position]:g}",
            f"error = 1 - value / 100 = {implied.iloc[position]:g}",
        )
        for position in wrong.to_numpy().nonzero()[0].tolist()
    ]


def check_chance(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Rows whose error of chance is not that of the task's first row with one."""
    if "chance_error" not in table:
        return []
    stated = table[table["chance_error"].notna()]
    first = stated["chance_error"].groupby(stated["task"]).transform("first")
    return [
        Problem(
            labels[position],
            "chance_error",
            f"{stated['chance_error'][position]:g}",
            f"{first[position]:g}, as in another row of task {shown_cell(stated['task'][position])}; "
            "a task has one error of chance",
        )
        for position in stated.index[first != stated["chance_error"]]
    ]


def check_sense(table: pd.DataFrame, *, has_unit: bool) -> tuple[list[str], list[str]]:
    """Tell what is possible and unlikely, as warnings and notes.

    Numbers that are small for FLOP where no unit is stated, tasks spelt alike, errors below what is known of
    a task, one name for several systems.
    """
    warnings, notes = [], []
    middle = float(table["training_compute_flop"].dropna().median())
    if not has_unit and middle < _SMALL_COMPUTE:
        warnings.append(
            f"the median training compute is {middle:.3g} FLOP, under a second of one processor of today. "
            "If it is in another unit, such as GFLOP, state that with --unit or unit=; if it is FLOP, say so "
            "the same way."
        )
    spelt: dict[str, str] = {}
    for task in map(str, table["task"].unique()):
        alike = spelt.setdefault(" ".join(re.sub(r"[\W_]+", " ", task.casefold()).split()), task)
        if alike != task:
            warnings.append(
                f"tasks {shown_cell(alike)} and {shown_cell(task)} are spelt almost alike and count as two; "
                "write them the same if they are one."
            )
    warnings += below_floors(table)
    if "system" in table:
        named = table[table["training_compute_flop"].notna() & table["system"].notna()]
        label = named["task"].astype(str) + ": " + named["system"].astype(str)
        count = named["error"].groupby(label, sort=False).nunique()
        for system, number in count[count > 1].head(MOST_LISTED).items():
            notes.append(f"{shown_cell(system)} has {number} different errors; each counts as a system.")
    return warnings, notes


def check_operations(table: pd.DataFrame, labels: Sequence[int | str]) -> list[str]:
    """Operations that the devices of a burden cannot have done, as warnings."""
    if not {"arithmetic_flop", "compute_count"} <= set(table.columns):
        return []
    most = table["compute_count"].astype("string").map(_MOST_DONE).astype("float64")
    if "precision" in table:
        stated = table["precision"].notna() & (table["precision"].astype("string") != "")
        most = most.mask(
            stated.to_numpy(dtype=bool, na_value=False) & in_16_bits(table).eq(False).to_numpy(), 1.0
        )
    burden, done = table["training_compute_flop"], table["arithmetic_flop"]
    wrong = (done > most * _DONE_SLACK * burden) & ~_flagged(table, _KNOWN_CORRECTION)
    places = wrong.to_numpy(dtype=bool).nonzero()[0].tolist()
    said = [
        f"row {labels[position]}: arithmetic_flop {done.iloc[position]:.3g} beside a "
        f"{table['compute_count'].iloc[position]} of {burden.iloc[position]:.3g}, of which its devices "
        f"can do {most.iloc[position]:g} times at most"
        for position in places[:MOST_LISTED]
    ]
    if len(places) > MOST_LISTED:
        said.append(f"{len(places) - MOST_LISTED} more rows")
    if not said:
        return []
    return [f"{'; '.join(said)}. arithmetic_flop is used; correct the one that is wrong, or its unit."]


def check_repeats(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Rows with compute equal to an earlier one in task, system and score; in all columns if unnamed."""
    if "system" in table:
        keys = [
            name for name in ("task", "system", "error", "value", "training_compute_flop") if name in table
        ]
    else:
        keys = list(table.columns)
    cells = table[keys].map(str)
    first: dict[tuple[str, ...], int] = {}
    problems = []
    known = table["training_compute_flop"].notna().tolist()
    for position, key in enumerate(cells.itertuples(index=False, name=None)):
        if not known[position]:
            continue
        if key in first:
            found = f"the same system as row {labels[first[key]]}"
            problems.append(
                Problem(labels[position], None, found, "each system once; delete the repeated row")
            )
        else:
            first[key] = position
    return problems
