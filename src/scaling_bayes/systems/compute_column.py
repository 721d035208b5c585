"""Which column of a table is the training compute, and in which unit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.systems.cells import shown_cell
from scaling_bayes.systems.units import CANDIDATES, FLOP, Unit, column_unit, read_unit, unclear_power

if TYPE_CHECKING:
    import pandas as pd


#: The operations done, beside a burden: in the unit asked for, as the burden is.
_DONE: Final = "arithmetic_flop"


def asked_unit(unit: object) -> Unit | None:
    """The unit asked for.

    Raises
    ------
    OptionError
        If it is not known.
    """
    if unit is None:
        return None
    found = read_unit(unit) if isinstance(unit, str) and len(unit) < 100 else None
    if found is None and isinstance(unit, str) and (why := unclear_power(unit[:100])):
        raise OptionError(f"unit={shown_cell(unit)} is not clear: {why}.")
    if found is None:
        known = ", ".join(["FLOP", *(candidate.name for candidate in CANDIDATES)])
        raise OptionError(
            f"unit={shown_cell(unit)} is not a known unit of training compute; expected one such as {known}, "
            "or a word of your own for what is no FLOP, such as steps or examples."
        )
    return found


def name_compute(table: pd.DataFrame, asked: Unit | None, source: str) -> tuple[dict[str, Unit], list[str]]:
    """Give the columns of compute their names, in place; the unit of each that is not FLOP, and what to say.

    Raises
    ------
    DataError
        If several columns could be the compute, or a column names another unit than the one asked for.
    """
    units: dict[str, Unit] = {}
    said: list[str] = []
    problems: list[Problem] = []
    candidates: dict[str, list[tuple[str, Unit]]] = {"": [], "low": [], "high": []}
    for name in table.columns:
        found = column_unit(name) if len(name) < 100 else None
        if found is not None and (found[0] is not None or asked is not None):
            candidates[found[1]].append((name, found[0] or FLOP))
    for end, columns in candidates.items():
        target = "training_compute_flop" + (f"_{end}" if end else "")
        exact = [(name, unit) for name, unit in columns if name == target]
        columns = exact or columns
        if len(columns) > 1:
            listed = ", ".join(shown_cell(name) for name, _ in columns)
            problems.append(
                Problem(None, target, f"columns {listed}", "one column of compute; drop the others")
            )
        elif columns:
            name, unit = columns[0]
            if asked is not None and unit not in (FLOP, asked):
                expected = f"{asked.name}, the unit asked for; leave out the unit or rename the column"
                problems.append(Problem(None, name, f"a column in {unit.name}", expected))
            unit = asked if asked is not None and unit == FLOP else unit
            if name != target:
                table.columns = [target if column == name else column for column in table.columns]
            if unit != FLOP:
                units[target] = unit
            if name != target or unit != FLOP:
                if unit.is_own:
                    said.append(
                        f"column {shown_cell(name)} is in {shown_cell(unit.name)}: it is not converted to "
                        "FLOP, and has no cost."
                    )
                    continue
                said.append(f"column {shown_cell(name)} is {_how(unit)}.")
    problems += _operations(table, asked, units, said)
    if problems:
        raise DataError(f"{source}: the unit of compute is not clear", problems)
    return units, said


def _operations(
    table: pd.DataFrame, asked: Unit | None, units: dict[str, Unit], said: list[str]
) -> list[Problem]:
    """Take the operations done in the unit asked for; they cannot stand beside compute that is no FLOP."""
    if asked is None or asked == FLOP or _DONE not in table:
        return []
    if not asked.is_own:
        units[_DONE] = asked
        said.append(f"column {shown_cell(_DONE)} is {_how(asked)} too, as asked.")
        return []
    expected = f"no such column beside compute in {shown_cell(asked.name)}; drop it"
    return [Problem(None, _DONE, "operations, which are FLOP", expected)]


def _how(unit: Unit) -> str:
    if unit == FLOP:
        return "read as FLOP"
    factor = "10 to its power" if math.isnan(unit.factor) else f"times {unit.factor:g}"
    return f"converted from {unit.name} to FLOP ({factor})"
