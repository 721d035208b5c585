"""The command that freezes the forecasts of a trace, to be scored later."""

from __future__ import annotations

from pathlib import Path

import click

from scaling_bayes.cli.options import json_option, trace_or_reference
from scaling_bayes.cli.output import open_fit, print_json, say


@click.command(short_help="Freeze forecasts, to be scored later")
@trace_or_reference
@click.option("--format", "file_format", type=click.Choice(["hub"]), default="hub", show_default=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder of the hub; created if needed.",
)
@click.option("--round-id", metavar="DAY", help="Day of the forecast, such as 2026-12-01.  [default: today]")
@click.option("--model", help="Name of the model in the hub.  [default: that of the release]")
@click.option(
    "--year",
    "years",
    type=int,
    multiple=True,
    help="Forecast the end of this year; repeatable.  [default: the next two]",
)
@json_option
def export(
    trace: str,
    file_format: str,  # noqa: ARG001  the only one
    output: Path,
    round_id: str | None,
    model: str | None,
    years: tuple[int, ...],
    as_json: bool,
) -> None:
    """Write what TRACE forecasts as one round of a hub (hubverse): quantiles in a CSV file.

    Lowest error by task, the compute behind it, the cost of a fixed error, the largest run. An existing round
    is never replaced. README.md in the folder says how each is made.

    \b
    Example:
      scaling-bayes export reference-2026.12 --format hub -o forecasts
    """
    from scaling_bayes.archive.hub import export_forecasts

    path = export_forecasts(open_fit(trace), output, round_id=round_id, model=model, years=years or None)
    if as_json:
        print_json({"file": str(path)})
    else:
        say(f"wrote {path}")
