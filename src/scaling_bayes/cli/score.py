"""``scaling-bayes score``: a frozen forecast against systems it did not see."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.keep import overwrite_option
from scaling_bayes.cli.options import csv_option, json_option, refuse_both, table_options, trace_argument
from scaling_bayes.cli.output import (
    check_figure,
    echo,
    open_fit,
    print_csv,
    print_json,
    print_table,
    say,
    write_figure,
)

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("nats", "CRPS", "50 %", "80 %", "90 %", "systems")
#: Rows that are not scored and are named on standard error; ``--json`` names all.
_MOST_NAMED = 20


@click.command(short_help="Score a frozen forecast on systems it did not see")
@trace_argument
@click.argument("systems", metavar="TABLE", type=click.Path(path_type=Path))
@table_options
@click.option("--task", "tasks", multiple=True, help="Task to score; repeatable. By default all of TRACE.")
@click.option(
    "--drop-fitted", is_flag=True, help="Leave out rows that TRACE was fitted to; refused otherwise."
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Figure to write: a name in .svg, .png or .pdf."
)
@overwrite_option
@json_option
@csv_option
def score(
    trace: str,
    systems: Path,
    unit: str | None,
    columns: dict[str, str] | None,
    tasks: tuple[str, ...],
    drop_fitted: bool,
    output: Path | None,
    overwrite: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Score the forecast that TRACE holds on the systems of TABLE, without fitting.

    TABLE is CSV, TSV, Excel or Parquet. Prints log scores, CRPS and coverage of intervals beside baselines,
    by task and by year. --csv prints every prediction, --json everything.

    \b
    Example:
      scaling-bayes score reference-2026.12 later_systems.csv -o score.svg
    """
    from scaling_bayes.diagnostics.scoring import score as score_trace
    from scaling_bayes.projection.summarize import summary

    refuse_both(as_json=as_json, as_csv=as_csv)
    if output is not None:
        check_figure(output, overwrite=overwrite)
    scores = score_trace(
        open_fit(trace),
        systems,
        unit=unit,
        columns=columns,
        tasks=list(tasks) or None,
        drop_fitted=drop_fitted,
    )
    for sentence in scores.attrs["warnings"]:
        say(f"warning: {sentence}")
    left_out = scores.attrs["left_out"]
    if output is not None:
        from scaling_bayes.figures import plot_score

        write_figure(plot_score(scores), output)
        say(f"figure written to {output}")
    by = {name: summary(scores, by=[name, "forecaster"]) for name in ("task", "year")}
    if as_json:
        print_json(
            {
                "by_forecaster": summary(scores).to_dict(orient="records"),
                **{f"by_{name}": table.to_dict(orient="records") for name, table in by.items()},
                "left_out": left_out,
                "predictions": scores.astype(object).where(scores.notna(), None).to_dict(orient="records"),
            }
        )
        return
    if left_out:
        reasons = [row["reason"] for row in left_out]
        counts = ", ".join(f"{reasons.count(reason)} {reason}" for reason in dict.fromkeys(reasons))
        say(f"note: {len(left_out)} rows are not scored: {counts}.")
        for row in left_out[:_MOST_NAMED]:
            say(f"  - row {row['row']}, {row['task']}: {row['system']}: {row['reason']}")
        if len(left_out) > _MOST_NAMED:
            say(f"  ... and {len(left_out) - _MOST_NAMED} more")
    if as_csv:
        print_csv(scores)
        return
    own = scores["forecaster"].iloc[0]
    _print("Forecast and baselines", "forecaster", summary(scores))
    for name, table in by.items():
        _print(f"Forecast ({own}) by {name}", name, table[table["forecaster"] == own])
    echo(
        "Nats: log density of the observed errors per 60 systems, higher is better. CRPS:\n"
        "in powers of ten of error, lower is better. 50, 80 and 90 %: share of errors\n"
        "inside that equal-tailed interval; for 90 % with its 90 % confidence interval,\n"
        "by papers, for systems of one paper are not independent."
    )


def _print(title: str, first: str, table: pd.DataFrame) -> None:
    print_table(
        title,
        (first, *_COLUMNS),
        [(str(row[first]), *_cells(row)) for row in table.to_dict(orient="records")],
        right=_COLUMNS,
        whole=(first, "90 %"),
        tight=True,
    )


def _cells(row: dict[Any, Any]) -> tuple[str, ...]:
    systems = str(row["systems"])
    if row["not_predicted"]:
        systems += f" of {row['systems'] + row['not_predicted']}"
    if not row["systems"] or math.isnan(row["crps"]):
        return ("", "", "", "", "", systems)
    lower, upper = (100 * row[f"coverage_90_{end}"] for end in ("lower", "upper"))
    return (
        f"{row['log_score']:.1f}",
        f"{row['crps']:.4f}",
        f"{100 * row['coverage_50']:.0f}",
        f"{100 * row['coverage_80']:.0f}",
        f"{100 * row['coverage_90']:.0f} [{lower:.0f}, {upper:.0f}]",
        systems,
    )
