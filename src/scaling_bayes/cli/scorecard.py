"""``scaling-bayes scorecard``: fits of what was known by a year, scored on what came after."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import (
    csv_option,
    json_option,
    quiet_option,
    refuse_both,
    sampler_options,
    switch_options,
    table_options,
)
from scaling_bayes.cli.output import (
    echo,
    interrupts_kept,
    print_csv,
    print_json,
    print_table,
    say,
    warnings_said,
)
from scaling_bayes.text import percent_text

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("forecaster", "gain", "CRPS", "50 %", "80 %", "90 %", "systems")


@click.command(short_help="Score predictions of later systems from earlier ones")
@click.argument("systems", type=click.Path(path_type=Path), required=False)
@table_options
@click.option(
    "--cutoff",
    "cutoffs",
    type=int,
    multiple=True,
    metavar="YEAR",
    help="Last year whose systems are fitted; repeatable. By default 2016, 2017 and 2018.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="CSV to write, every prediction a row.")
@overwrite_option
@click.option(
    "--by",
    multiple=True,
    type=click.Choice(["forecaster", "cutoff", "task"]),
    help="Score each cut-off or task apart; repeatable. By default forecasters only.",
)
@switch_options(robust=False, drift=False)
@sampler_options(500, 500)
@click.option("--random-seed", type=int, help="Seed; drawn when not given.")
@quiet_option
@json_option
@csv_option
def scorecard(
    systems: Path | None,
    cutoffs: tuple[int, ...],
    output: Path | None,
    overwrite: bool,
    by: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Fit what was published up to each cut-off and score predictions of the SYSTEMS that came after.

    SYSTEMS is a table with dates (CSV, TSV, Excel or Parquet); the shipped systems by default. Forecasters
    are the stack of all laws, each law, the power law unpooled, and the 2020 paper's least-squares lines.
    Many fits: minutes for each cut-off.

    \b
    Example:
      scaling-bayes scorecard --cutoff 2017 --by task -o predictions.csv --random-seed 1
    """
    from scaling_bayes.files import check_writable, write_text
    from scaling_bayes.projection.summarize import summary as summarize
    from scaling_bayes.steering import csv_text

    refuse_both(as_json=as_json, as_csv=as_csv)
    if output is not None:
        refuse_replacing(output, overwrite=overwrite, inputs=[systems])
        check_writable(output)
    if cutoffs:
        options["cutoffs"] = cutoffs
    with warnings_said(), interrupts_kept():
        say("reading the systems, compiling the models")
        from scaling_bayes.model.evaluate.scorecard import scorecard as score

        scores = score(systems, progressbar=not quiet, **options)
    if output is not None:
        write_text(output, csv_text(scores))
        say(f"{len(scores)} predictions written to {output}")
    apart = [name for name in dict.fromkeys(by) if name != "forecaster"]
    summary = summarize(scores, by=[*apart, "forecaster"])
    if as_json:
        print_json(summary.to_dict(orient="records"))
    elif as_csv:
        print_csv(summary)
    else:
        _print(summary, apart)


def _print(summary: pd.DataFrame, apart: list[str]) -> None:
    """One table, or one for each cut-off or task."""
    groups: list[tuple[str, pd.DataFrame]] = [("", summary)]
    if apart:
        groups = [
            (f", {', '.join(f'{name} {value}' for name, value in zip(apart, values, strict=True))}", rows)
            for values, rows in summary.groupby(apart, sort=False)
        ]
    for title, rows in groups:
        print_table(
            f"Predictions of later systems, scored{title}",
            _COLUMNS,
            [_cells(row) for row in rows.to_dict(orient="records")],
            right=_COLUMNS[1:],
        )
    echo(
        "Gain: log density over the least-squares power line, nats per 60 systems; CRPS\n"
        "in powers of ten of error; 50, 80 and 90 %: errors inside that equal-tailed\n"
        "interval; systems: predicted, of all."
    )


def _cells(row: dict[Any, Any]) -> tuple[str, ...]:
    shares = (percent_text(row[f"coverage_{probability}"]) for probability in (50, 80, 90))
    return (
        str(row["forecaster"]),
        "" if math.isnan(row["gain"]) else f"{row['gain']:+.1f}" if row["gain"] else "0",
        f"{row['crps']:.4f}",
        *shares,
        f"{row['systems']} of {row['systems'] + row['not_predicted']}",
    )
