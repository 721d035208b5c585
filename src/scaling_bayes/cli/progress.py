"""``scaling-bayes progress``: what slopes and progress of a fit say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.options import trace_or_reference
from scaling_bayes.cli.output import echo, open_fit, print_table
from scaling_bayes.cli.question import Machines, for_machines
from scaling_bayes.text import percent_text

if TYPE_CHECKING:
    import pandas as pd

#: Column of the table, and what is written of each quantity.
_COLUMNS: Mapping[str, tuple[str, Callable[[float], float]]] = {
    "compute_growth": ("growth", lambda exponent: 10.0**exponent),
    "gain_per_year": ("gain", float),
    "halving_month": ("months", float),
    "algorithmic_share": ("share, %", lambda share: 100.0 * share),
}


@click.command(short_help="Slopes, growth of compute and algorithmic progress")
@trace_or_reference
@for_machines
def progress(trace: str, machines: Machines) -> None:
    """Print exponents, growth of compute and algorithmic progress.

    Compute grows as (1/error)^k; the exponent is k. Theory says k is at least 4. The gain is the factor by
    which a year of algorithmic progress multiplies compute. Months: the time in which progress halves the
    compute that a result needs. The share of algorithms: progress divided by the sum of progress and growth
    of compute.

    \b
    Example:
      scaling-bayes progress trace.nc
    """
    from scaling_bayes.projection.summarize import summary

    frame = summary(open_fit(trace))
    if not machines.print(frame):
        _print(frame)


def _print(frame: pd.DataFrame) -> None:
    from scaling_bayes.projection.progress import THEORETICAL_EXPONENT

    found = {(row["task"], row["quantity"]): row for row in frame.to_dict(orient="records")}
    tasks = list(dict.fromkeys(frame["task"]))
    below = f"below {THEORETICAL_EXPONENT:g}"
    print_table(
        "Exponent of compute",
        ("task", "exponent", below),
        [
            (
                task,
                _interval(found[task, "exponent"], float),
                percent_text(found[task, "exponent"]["below_bound"], 1),
            )
            for task in tasks
        ],
        right=("exponent", below),
    )
    shown = [name for name in _COLUMNS if name in set(frame["quantity"])]
    if shown:
        columns = [_COLUMNS[name][0] for name in shown]
        print_table(
            "Progress",
            ("task", *columns),
            [(task, *(_interval(found[task, name], _COLUMNS[name][1]) for name in shown)) for task in tasks],
            right=columns,
        )
    echo(f"Median [90 % equal-tailed interval]; {below}: probability.")
    if shown:
        echo(
            "Growth of compute and gain of algorithms: factor a year; months in which the\n"
            "compute a result needs halves; share of algorithms in gain and growth, on the\n"
            "log scale."
        )


def _interval(row: dict[Any, Any], written: Callable[[float], float]) -> str:
    from scaling_bayes.text import interval_text

    median, lower, upper = (written(row[name]) for name in ("median", "lower_90", "upper_90"))
    return interval_text(median, lower, upper)
