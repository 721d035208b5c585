"""Tables written column by column: a header, and what each row shows under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Column, PowerInterval, Table
from scaling_bayes.text import error_text, interval_text, month_of, short, task_label

if TYPE_CHECKING:
    from scaling_bayes.report.facts import Facts

CONVENTION = "median [90 % equal-tailed interval]"

type Row = Mapping[str, Any]
type Shown = tuple[Column, Callable[[Row], Cell]]


def column(header: str, cell: Callable[[Row], Cell], note: str = "", *, grows: bool = False) -> Shown:
    """A column of text."""
    return Column(header, note, grows=grows), cell


def numeric(header: str, cell: Callable[[Row], Cell], note: str = "") -> Shown:
    """A column of numbers."""
    return Column(header, note, numeric=True), cell


def table_of(
    caption: str, rows: Iterable[Row], *columns: Shown, muted: Callable[[Row], bool] | None = None
) -> Table:
    """One row of a table for each of `rows`; those that are `muted` are shown grey."""
    rows = list(rows)
    return Table(
        caption,
        tuple(each for each, _ in columns),
        tuple(tuple(cell(row) for _, cell in columns) for row in rows),
        tuple(position for position, row in enumerate(rows) if muted is not None and muted(row)),
    )


def task_column(longest: int | None = 60, *, once: bool = False) -> Shown:
    """The task; `once` leaves out one that is that of the row above."""
    previous: object = None

    def cell(row: Row) -> str:
        nonlocal previous
        repeated, previous = once and row["task"] == previous, row["task"]
        return "" if repeated else task_label(str(row["task"]), longest)

    return column("Task", cell)


def target_columns(*, with_year: bool = False) -> list[Shown]:
    """Task, where it is not that of the row above, target error and, where there are several, year."""
    year = [numeric("Year", lambda row: month_of(row["year"]))] if with_year else []
    return [task_column(once=True), numeric("Target error", lambda row: error_text(row["error"])), *year]


def median_and_90(row: Row) -> PowerInterval:
    """Median and 90 % interval of a row of quantiles of an exponent."""
    return PowerInterval(row["median"], row["lower_90"], row["upper_90"])


def half_of_draws(row: Row) -> PowerInterval:
    """The 50 % interval of a row of quantiles of an exponent."""
    return PowerInterval(None, row["lower_50"], row["upper_50"])


def quantile(facts: Facts, stage: str, task: str, quantity: str, name: str) -> float:
    """One quantile of ``facts.parameters``."""
    return float(facts.quantiles_of[stage, task, quantity][name])


def estimate(
    facts: Facts,
    stage: str,
    task: str,
    quantity: str,
    write: Callable[[float], str] = short,
) -> str:
    """Median and interval of a parameter before or after the data."""
    median, lower, upper = (
        quantile(facts, stage, task, quantity, name) for name in ("median", "lower_90", "upper_90")
    )
    return interval_text(median, lower, upper, write)
