"""Check a table of systems, the user's or ours, and report everything wrong with it at once."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.systems.cells import convert, shown_cell
from scaling_bayes.systems.columns import READ, SCORE, name_columns, sense_of_names
from scaling_bayes.systems.compute_column import asked_unit, name_compute
from scaling_bayes.systems.frames import is_table, read_frame
from scaling_bayes.systems.read_table import check_names, read_table, shown
from scaling_bayes.systems.rules import (
    LESS_IS_BETTER,
    MORE_IS_BETTER,
    MOST_LISTED,
    check_agreement,
    check_chance,
    check_metrics,
    check_operations,
    check_ranges,
    check_repeats,
    check_scores,
    check_sense,
    check_times,
    check_uncertainty,
    turn_scores,
)
from scaling_bayes.systems.units import slug

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

_SYNONYMS = {
    "task": ("tasks", "benchmark", "dataset"),
    "error": ("err", "error_rate", "errors", "loss", "perplexity"),
    "training_compute_flop": ("compute", "flop", "flops", "training_compute", "petaflop"),
}
#: Columns that a missing one follows from, and how.
_SOURCES = (
    (
        "error",
        MORE_IS_BETTER,
        "a score is no error: error = 1 - score, as fractions",
    ),
    (
        "training_compute_flop",
        re.compile(r"[a-z0-9_]*(hours?|days?|cost|usd|params|parameters|tokens)"),
        "it is no number of operations: FLOP = seconds x devices x FLOP/s of one x share of them used",
    ),
)


@dataclass(frozen=True, slots=True)
class CheckedSystems:
    """A sound table of systems, and what is to be said of it."""

    #: As `validate_systems` returns it.
    systems: pd.DataFrame
    #: What was decided for the user, as sentences: conversions, guesses, cells that contradict each other.
    warnings: tuple[str, ...]
    #: What was passed over or read in a particular way.
    notes: tuple[str, ...]
    #: Columns that the model does not read.
    unused: tuple[str, ...]


def validate_systems(
    data: Any, *, unit: str | None = None, columns: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Check a table of systems and give it back with numbers as numbers.

    Parameters
    ----------
    data : DataFrame or path
        The path of a CSV, TSV, Excel (extra ``excel``) or Parquet file, or a data frame: of pandas, polars,
        Arrow, or any library that hands out Arrow data or follows the dataframe interchange protocol. One row
        per system, with

        - ``task``: name of the benchmark, any;
        - ``error``: a fraction in [0, 1]; or ``metric`` and ``value``, the score in percent, from which
          error = 1 - value / 100. With both, they must agree. A fit leaves out errors of exactly 0 and 1;
        - ``training_compute_flop``: FLOP, empty where not reported. A column that names another unit, such as
          ``training_compute_pflop_s_days`` or ``log10_training_compute_flop``, is converted;
        - ``year`` or ``publication_date`` (ISO), both optional; ``system``, optional. A whole year, and
          a date that is only a year, stand for the middle of the year; a year and month for the 15th;
        - ``paper``, optional: systems of one paper may stray from their task's line together;
        - ``compute_in_doubt``, optional: true where the compute is less certain than elsewhere;
        - ``compute_sd_dex``, optional: standard deviation of the row's log10 compute; or
          ``training_compute_flop_low`` and ``training_compute_flop_high``, the ends of a 90 % interval;
        - ``chance_error``, optional: error of an answer that knows nothing, one for each task.
        - ``compute_count``, optional: how the compute was counted, ``arithmetic`` or a burden
          (`scaling_bayes.systems.counts.in_arithmetic`); ``precision`` of a burden's training;
          ``arithmetic_flop``, the operations done, in the same unit.

        Other columns are kept. In tables of Epoch AI the columns are found by Epoch's names.
    columns : mapping, optional
        Our names to those of the table, where they differ: ``{"error": "Test error"}``. Beside the names
        above, ``score`` is a fraction of which more is better, so that error = 1 - score; and a text after
        ``=`` stands in every row: ``{"task": "=speech"}``.
    unit : str, optional
        Unit of the compute of a column that does not name another: ``"GFLOP"``, ``"PFLOP/s-days"``,
        ``"1e21 FLOP"``, ``"log10 FLOP"`` or any other that `find_unit` knows. FLOP by default. Any other
        word, such as ``"steps"`` or ``"1e6 examples"``, is a unit of your own, which is not converted.

    Returns
    -------
    pandas.DataFrame
        A copy; indexed as given, or by line number for a CSV file. ``error`` and ``training_compute_flop``
        are float64; ``year``, ``compute_sd_dex`` and ``chance_error`` float64, ``publication_date``
        timestamps and ``compute_in_doubt`` boolean where present. ``attrs["warnings"]``, ``attrs["notes"]``
        and ``attrs["unused_columns"]`` list what was decided, passed over and not used.

    Raises
    ------
    DataError
        Listing every problem with its row: the line of a CSV file, the index label of a frame.
    OptionError
        If `unit`, or a name of `columns`, is not known.
    """
    checked = check_systems(data, unit=unit, columns=columns)
    checked.systems.attrs = {
        "warnings": list(checked.warnings),
        "notes": list(checked.notes),
        "unused_columns": list(checked.unused),
    }
    return checked.systems


def check_systems(
    data: Any, *, unit: str | None = None, columns: Mapping[str, str] | None = None
) -> CheckedSystems:
    """Check a table as `validate_systems` does, and gather what is to be said of it."""
    import pandas as pd

    asked = asked_unit(unit)
    warnings: list[str] = []
    notes: list[str] = []
    maybe_header: int | None = None
    if isinstance(data, pd.DataFrame):
        source = "the data frame"
        check_names(data.columns, source)
        if data.empty:
            raise DataError(f"{source} has no rows; expected one row per system")
        given = data
    elif isinstance(data, str) or hasattr(data, "__fspath__"):
        source, read = shown(str(data)), read_table(data)
        given = read.cells
        warnings += read.warnings
        notes += read.notes
        maybe_header = read.maybe_header
    elif is_table(data):
        source = f"the {type(data).__module__.partition('.')[0]} {type(data).__name__}"
        given, left_out = read_frame(data, source)
        check_names(given.columns, source)
        notes += left_out
        if given.empty:
            raise DataError(f"{source} has no rows; expected one row per system")
    else:
        raise DataError(
            f"found a {type(data).__name__}; expected a pandas DataFrame or the path of a table, or a table "
            f"of polars or Arrow{'; call its collect() first' if hasattr(data, 'collect') else ''}"
        )
    columns_given = [str(name) for name in given.columns]
    table, named, said = name_columns(given.set_axis(columns_given, axis=1), columns, source)
    notes += said
    said, in_percent = sense_of_names(named, source)
    warnings += said
    index = table.index
    labels = [_label(label) for label in index]
    table = table.reset_index(drop=True)
    table.attrs = {}
    units, said = name_compute(table, asked, source)
    warnings += said
    _require_columns(table, source, columns_given, maybe_header)
    given_names = list(table.columns)
    problems, read_as = convert(table, labels, in_percent)
    notes += read_as
    written = {name: list(table[name]) for name in units}
    for name, of_column in units.items():
        table[name] = table[name].map(of_column.to_flop, na_action="ignore").astype("float64")
    unread = {(problem.row, problem.column) for problem in problems}
    if SCORE in named:
        wrong = turn_scores(table, labels)
        problems += wrong
        unread |= {(problem.row, problem.column) for problem in wrong}
    problems += check_ranges(table, labels, unread, units, written)
    problems += check_uncertainty(table, labels)
    problems += check_scores(table, labels, skip=unread)
    problems += check_metrics(table, labels)
    problems += check_agreement(table, labels)
    problems += check_chance(table, labels)
    problems += check_repeats(table, labels)
    if problems:
        theirs = {"error": named[SCORE]} if SCORE in named else {}
        theirs |= {ours: name for ours, name in named.items() if not name.startswith("=")}
        problems = [replace(each, column=theirs.get(each.column or "", each.column)) for each in problems]
        # What was converted or guessed before may be why.
        said = [f"; {sentence.rstrip('.')}" for sentence in warnings]
        raise DataError(
            f"{source}: {len(problems)} problem(s) found{''.join(said)}",
            sorted(problems, key=_by_place(labels)),
        )
    if "error" not in table:
        table["error"] = 1 - table["value"] / 100
    said, same = check_sense(table, has_unit=asked is not None or bool(units))
    warnings += said
    notes += same
    warnings += check_operations(table, labels)
    said, placed = check_times(table, labels)
    warnings += said
    notes += placed
    table.index = index
    if "compute_sd_dex" in table and table["compute_sd_dex"].notna().any():
        sd = table["compute_sd_dex"].dropna()
        notes.append(
            f"{len(sd)} rows have their own uncertainty of compute: a standard deviation of log10 compute "
            f"of {sd.min():.2g} to {sd.max():.2g} dex."
        )
    unused = tuple(name for name in given_names if name not in (*READ, *named))
    notes += _meant(unused, given_names)
    return CheckedSystems(table, tuple(warnings), tuple(notes), unused)


def _label(label: object) -> int | str:
    try:
        return int(label)  # type: ignore[call-overload, no-any-return]
    except (TypeError, ValueError):
        return shown(str(label), 80)


def _by_place(labels: Sequence[int | str]) -> Callable[[Problem], tuple[int, str]]:
    first = {label: position for position, label in reversed(list(enumerate(labels)))}
    return lambda problem: (-1 if problem.row is None else first.get(problem.row, -1), problem.column or "")


def _require_columns(
    table: pd.DataFrame, source: str, given: Sequence[str], maybe_header: int | None
) -> None:
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
            expected += f"; is it the column {shown_cell(near)}? Then say so, {_say(name, near)}"
            if name == "training_compute_flop":
                expected += " if it is in FLOP, or else state its unit"
            elif (
                name == "error"
                and LESS_IS_BETTER.search(near.replace("_", " "))
                and "err" not in near.lower()
            ):
                expected += (
                    " only if it is a share of wrong answers: the model cannot take a loss or perplexity"
                )
        for wanted, written, advice in () if near else _SOURCES:
            found = [column for column in names if wanted == name and written.fullmatch(slug(column[:100]))]
            expected += f"; of the column {shown_cell(found[0])}, {advice}" if found else ""
            expected += f" ({_say(SCORE, found[0])})" if found and wanted == "error" else ""
        if not near and name == "task":
            expected += f"; for a table of one task, {_say(name, '=NAME')}"
        problems.append(Problem(None, name, "no such column", expected))
    listed = ", ".join(shown(name, 60) for name in given[:MOST_LISTED])
    more = f" and {len(given) - MOST_LISTED} more" if len(given) > MOST_LISTED else ""
    commented = (
        ""
        if maybe_header is None
        else f". Line {maybe_header} starts with # and was passed over as a comment; if it is the header, "
        "delete the #"
    )
    raise DataError(f"{source}: columns are missing; found {listed}{more}{commented}", problems)


def _say(ours: str, theirs: str) -> str:
    """How a user names a column, in the shell and in Python."""
    return f"--column {shlex.quote(f'{ours}={theirs}')} or columns={{{ours!r}: {theirs!r}}}"


def _meant(unused: Sequence[str], names: Sequence[str]) -> list[str]:
    """Columns that the model does not read, and which of them may be meant for one it would."""
    if not unused:
        return []
    listed = ", ".join(shown(name, 60) for name in unused[:MOST_LISTED])
    more = f" and {len(unused) - MOST_LISTED} more" if len(unused) > MOST_LISTED else ""
    said = [f"columns that the model does not use: {listed}{more}."]
    absent = [name for name in READ if name not in names]
    for name in unused[:MOST_LISTED]:
        for near in difflib.get_close_matches(slug(name[:100]), absent, n=1, cutoff=0.75):
            said.append(f"is the column {shown_cell(name)} meant as {near!r}? Then say {_say(near, name)}.")
    return said


def _near(name: str, names: Sequence[str]) -> str | None:
    simple = {candidate.strip().lower().replace(" ", "_").replace("-", "_"): candidate for candidate in names}
    for guess in (name, *_SYNONYMS.get(name, ())):
        if guess in simple:
            return simple[guess]
    close = difflib.get_close_matches(name, [guess for guess in simple if len(guess) < 100], n=1, cutoff=0.75)
    if not close and name == "training_compute_flop":
        close = [guess for guess in simple if "compute" in guess or "flop" in guess]
    return simple[close[0]] if close else None
