"""Check a table of systems, the user's or ours, and report everything wrong with it at once."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.cells import convert
from scaling_bayes.systems.reading import check_names, read_table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    import pandas as pd
    import pandera.pandas as pa

    Cells = set[tuple[int | str | None, str | None]]

#: Compute outside these bounds, in FLOP, is a mistake of unit: 1e6 is less than a second of a 1980s
#: microprocessor, 1e30 a million times the largest training run of 2025.
SMALLEST_COMPUTE, LARGEST_COMPUTE = 1e6, 1e30
FIRST_YEAR, LAST_YEAR = 1950, 2100
#: Error may differ from 1 - value / 100 by this much: scores are printed to a few digits.
VALUE_TOLERANCE = 5e-4
#: Two points always lie on a line; three are the least that can disagree with one.
MIN_ROWS_PER_TASK = 3

#: Metrics of which less is better; 1 - value / 100 would turn them upside down.
_LESS_IS_BETTER = re.compile(
    r"\b([wcte]er|rmse|mae|mse|fid|ppl)\b|\berrors?\b|\bloss\b|\bperplexity\b|\bedit rate\b", re.IGNORECASE
)

_EXPECTED = {
    "compute_positive": "a finite number of FLOP above 0; leave the cell empty if compute is not reported",
    "compute_unit": f"FLOP, {SMALLEST_COMPUTE:g} to {LARGEST_COMPUTE:g}; is this in GFLOP (1e9 FLOP)?",
    "error_range": "a fraction strictly between 0 and 1",
    "error_percent": "a fraction strictly between 0 and 1; is this in percent?",
    "value_range": "percent, strictly between 0 and 100",
    "value_percent": "percent, strictly between 0 and 100; is this a fraction?",
    "year_range": f"a year between {FIRST_YEAR} and {LAST_YEAR}",
    "date_range": f"a date between {FIRST_YEAR} and {LAST_YEAR}",
    "not_blank": "the name of a task",
    "not_nullable": "the name of a task",
}
_SYNONYMS = {
    "task": ("tasks", "benchmark", "dataset"),
    "error": ("err", "error_rate", "errors"),
    "training_compute_flop": (
        "compute",
        "flop",
        "flops",
        "training_compute",
        "compute_flop",
        "training_flop",
        "training_flops",
        "hardware_burden_gflop",
        "training_compute_gflop",
    ),
}


def validate_systems(data: pd.DataFrame | str | PathLike[str]) -> pd.DataFrame:
    """Check a table of systems and give it back with numbers as numbers.

    Parameters
    ----------
    data : DataFrame or path
        A data frame, or the path of a CSV or Parquet file, one row per system, with

        - ``task``: name of the benchmark, any;
        - ``error``: a fraction in (0, 1); or ``metric`` and ``value``, the score in percent, from which
          error = 1 - value / 100. With both, they must agree;
        - ``training_compute_flop``: FLOP, empty where not reported;
        - ``year`` or ``publication_date`` (ISO), both optional; ``system``, optional;
        - ``paper``, optional: systems of one paper may stray from their task's line together;
        - ``compute_in_doubt``, optional: true where the compute is less certain than elsewhere.

        Other columns are kept.

    Returns
    -------
    pandas.DataFrame
        A copy; indexed as given, or by line number for a CSV file. ``error`` and ``training_compute_flop``
        are float64; ``year`` float64, ``publication_date`` timestamps and ``compute_in_doubt`` boolean where
        present.

    Raises
    ------
    DataError
        Listing every problem with its row: the line of a CSV file, the index label of a frame.
    """
    import pandas as pd

    if isinstance(data, pd.DataFrame):
        source = "the data frame"
        check_names(data.columns, source)
        if data.empty:
            raise DataError(f"{source} has no rows; expected one row per system")
        given = data
    elif isinstance(data, str) or hasattr(data, "__fspath__"):
        source, given = str(data), read_table(data)
    else:
        raise DataError(f"found a {type(data).__name__}; expected a pandas DataFrame or the path of a table")
    labels = [_label(label) for label in given.index]
    table = given.reset_index(drop=True)
    table.columns = pd.Index([str(name) for name in table.columns])
    _require_columns(table, source)
    problems = convert(table, labels)
    unread = {(problem.row, problem.column) for problem in problems}
    problems += _check_ranges(table, labels, skip=unread)
    problems += _check_scores(table, labels, skip=unread)
    problems += _check_metrics(table, labels)
    problems += _check_agreement(table, labels)
    problems += _check_repeats(table, labels)
    if problems:
        raise DataError(
            f"{source}: {len(problems)} problem(s) found", sorted(problems, key=_by_place(labels))
        )
    if "error" not in table:
        table["error"] = 1 - table["value"] / 100
    table.index = given.index
    return table


@dataclass(frozen=True, slots=True)
class FitRows:
    """Rows a fit can use, and how many it cannot.

    Attributes
    ----------
    systems : DataFrame
        The rows with compute.
    without_compute : int
        Number of rows left out.
    """

    systems: pd.DataFrame
    without_compute: int


def rows_for_fit(systems: pd.DataFrame, source: str = "the systems") -> FitRows:
    """Drop the rows without compute and check that what is left can bear a slope.

    Parameters
    ----------
    systems : DataFrame
        As `validate_systems` returns it.
    source : str
        What to call the table in an error.

    Raises
    ------
    DataError
        If no row has compute, a task has fewer than 3 rows with it, or it is the same in all rows of a task.
    """
    usable = systems[systems["training_compute_flop"].notna()]
    if usable.empty:
        raise DataError(
            f"{source}: no row has training compute; expected at least 3 rows with it in each task"
        )
    problems = []
    for task, rows in usable.groupby("task", sort=False, observed=True):
        if len(rows) < MIN_ROWS_PER_TASK:
            expected = f"at least {MIN_ROWS_PER_TASK} to fit a slope; add systems or drop the task"
            problems.append(
                Problem(None, "task", f"{len(rows)} row(s) with compute for task {task!r}", expected)
            )
        elif rows["training_compute_flop"].nunique() == 1:
            found = f"the same compute in all {len(rows)} rows of task {task!r}"
            problems.append(
                Problem(None, "training_compute_flop", found, "compute that varies within the task")
            )
    if problems:
        raise DataError(f"{source} cannot bear a fit", problems)
    return FitRows(usable, len(systems) - len(usable))


def _label(label: object) -> int | str:
    try:
        return int(label)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        return str(label)


def _by_place(labels: Sequence[int | str]) -> Callable[[Problem], tuple[int, str]]:
    first = {label: position for position, label in reversed(list(enumerate(labels)))}
    return lambda problem: (-1 if problem.row is None else first.get(problem.row, -1), problem.column or "")


def _require_columns(table: pd.DataFrame, source: str) -> None:
    names = list(table.columns)
    missing = [name for name in ("task", "training_compute_flop") if name not in names]
    if "error" not in names and not {"metric", "value"} <= set(names):
        missing.insert(1 if "task" in missing else 0, "error")
    if not missing:
        return
    problems = []
    for name in missing:
        expected = "this column" if name != "error" else "this column, or metric and value (percent)"
        near = _near(name, names)
        if near:
            expected += f"; is it the column {near!r}? Rename it" + (
                " and convert to FLOP" if "gflop" in near.lower() else ""
            )
        problems.append(Problem(None, name, "no such column", expected))
    found = ", ".join(names)
    hint = (
        " (is the separator a semicolon or a tab? Use commas)"
        if len(names) == 1 and _has_separator(names[0])
        else ""
    )
    raise DataError(f"{source}: columns are missing; found {found}{hint}", problems)


def _has_separator(name: str) -> bool:
    return ";" in name or "\t" in name


def _near(name: str, names: Sequence[str]) -> str | None:
    simple = {candidate.strip().lower().replace(" ", "_").replace("-", "_"): candidate for candidate in names}
    for guess in (name, *_SYNONYMS.get(name, ())):
        if guess in simple:
            return simple[guess]
    close = difflib.get_close_matches(name, list(simple), n=1, cutoff=0.75)
    if not close and name == "training_compute_flop":
        close = [guess for guess in simple if "compute" in guess or "flop" in guess]
    return simple[close[0]] if close else None


def _schema(table: pd.DataFrame) -> pa.DataFrameSchema:
    import pandera.pandas as pa

    def within(low: float, high: float, name: str, *, where: Callable[[Any], Any] | None = None) -> pa.Check:
        """Strictly between; `where` limits the check to the values it holds for."""
        return pa.Check(
            lambda values: ((values > low) & (values < high)) | (False if where is None else ~where(values)),
            name=name,
        )

    def compute_unit(values: Any) -> Any:
        in_range = (values >= SMALLEST_COMPUTE) & (values <= LARGEST_COMPUTE)
        return in_range | (values <= 0) | ~(values < math.inf)

    optional = {
        "error": pa.Column(
            float,
            [
                within(0, 1, "error_range", where=lambda values: values <= 1),
                within(0, 1, "error_percent", where=lambda values: values > 1),
            ],
            nullable=True,
        ),
        "value": pa.Column(
            float,
            [
                within(1, 100, "value_percent", where=lambda values: (values > 0) & (values <= 1)),
                within(0, 100, "value_range"),
            ],
            nullable=True,
        ),
        "year": pa.Column(float, within(FIRST_YEAR - 1, LAST_YEAR + 1, "year_range"), nullable=True),
        "publication_date": pa.Column(
            "datetime64[us]",
            pa.Check(
                lambda dates: (dates.dt.year >= FIRST_YEAR) & (dates.dt.year <= LAST_YEAR), name="date_range"
            ),
            nullable=True,
            coerce=True,
        ),
    }
    return pa.DataFrameSchema(
        {
            "task": pa.Column(
                object, pa.Check(lambda names: names.str.len() > 0, name="not_blank"), coerce=True
            ),
            "training_compute_flop": pa.Column(
                float,
                [
                    pa.Check(lambda values: (values > 0) & (values < math.inf), name="compute_positive"),
                    pa.Check(compute_unit, name="compute_unit"),
                ],
                nullable=True,
            ),
            **{name: column for name, column in optional.items() if name in table},
        }
    )


def _check_ranges(table: pd.DataFrame, labels: Sequence[int | str], skip: Cells) -> list[Problem]:
    """Problems pandera finds, all at once, but for cells already reported."""
    import pandera.pandas as pa

    try:
        _schema(table).validate(table, lazy=True)
    except pa.errors.SchemaErrors as errors:
        problems = []
        for case in errors.failure_cases.to_dict("records"):
            problem = _problem(case, labels)
            if (problem.row, problem.column) not in skip:
                problems.append(problem)
        return problems
    return []


def _problem(case: Mapping[Any, Any], labels: Sequence[int | str]) -> Problem:
    expected = _EXPECTED[str(case["check"])]
    return Problem(labels[int(case["index"])], str(case["column"]), _shown(case["failure_case"]), expected)


def _shown(cell: Any) -> str:
    if isinstance(cell, float) and math.isfinite(cell):
        return f"{cell:g}"
    if cell is None or cell != cell:
        return "nothing"
    return repr(cell) if isinstance(cell, str) else str(cell)


def _check_scores(table: pd.DataFrame, labels: Sequence[int | str], skip: Cells) -> list[Problem]:
    """Rows that report compute but no score, unless the score could not be read."""
    column = "error" if "error" in table else "value"
    unscored = table[column].isna() & table["training_compute_flop"].notna()
    return [
        Problem(label, column, "nothing", "a score; every row with compute needs one")
        for label, missing in zip(labels, unscored, strict=True)
        if missing and (label, column) not in skip
    ]


def _check_metrics(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
    """Rows whose error would be taken from a metric of which less is better."""
    if "error" in table or "metric" not in table:
        return []
    expected = "a score of which more is better; an error rate goes into a column error, as a fraction"
    return [
        Problem(label, "metric", repr(metric), expected)
        for label, metric in zip(labels, table["metric"].astype(str), strict=True)
        if _LESS_IS_BETTER.search(metric.replace("_", " "))
    ]


def _check_agreement(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
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
        for position in range(len(table))
        if wrong.iloc[position]
    ]


def _check_repeats(table: pd.DataFrame, labels: Sequence[int | str]) -> list[Problem]:
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
    for position, key in enumerate(cells.itertuples(index=False, name=None)):
        if math.isnan(table["training_compute_flop"].iloc[position]):
            continue
        if key in first:
            found = f"the same system as row {labels[first[key]]}"
            problems.append(
                Problem(labels[position], None, found, "each system once; delete the repeated row")
            )
        else:
            first[key] = position
    return problems
