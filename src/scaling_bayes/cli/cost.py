"""Commands about hardware, prices and what a scenario assumes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import json_option, named_scenario, quiet_option, scenario_options
from scaling_bayes.cli.output import interrupts_kept, print_json, print_table, say, written_trace
from scaling_bayes.cli.question import Machines, for_machines

if TYPE_CHECKING:
    from scaling_bayes.projection.scenario import Scenario

CHECK_FAILED = 3


def print_assumptions(chosen: Scenario) -> None:
    """Print what a scenario assumes, as a table."""
    print_table(
        f"Scenario {chosen.name} assumes (median [90 % interval])",
        ("assumption", "assumed", "source"),
        [
            (row["assumption"], row["assumed"], row["source"])
            for row in chosen.describe().to_dict(orient="records")
        ],
    )


@click.command(short_help="What a scenario assumes, with sources")
@scenario_options()
@for_machines
def scenario(machines: Machines, **options: Any) -> None:
    """Print what a scenario assumes.

    \b
    Example:
      scaling-bayes scenario --scenario stalled --region FRA --assume pue=1.1
    """
    chosen = named_scenario(options)
    if not machines.print(chosen.describe()):
        print_assumptions(chosen)


@click.command("hardware-fit", short_help="Fit the trends of hardware and prices")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Trace to write.")
@overwrite_option
@click.option("--before", type=float, help="Use only what was known before this year.")
@quiet_option
@json_option
def hardware_fit(output: Path, overwrite: bool, before: float | None, quiet: bool, as_json: bool) -> int:
    """Fit the hardware trends to the shipped tables and write their posterior.

    \b
    Example:
      scaling-bayes hardware-fit -o hardware.nc
    """
    from scaling_bayes.trace.io import check_writable, save_trace

    refuse_replacing(output, overwrite=overwrite)
    check_writable(output)
    from scaling_bayes.diagnostics.checks import failed_checks

    with interrupts_kept():
        from scaling_bayes.model.hardware import fit_hardware

        tree = fit_hardware(before=float("inf") if before is None else before, progressbar=not quiet)
    path = save_trace(tree, output)
    say(f"hardware posterior written to {path}")
    failed = failed_checks(tree)
    if as_json:
        print_json(written_trace(path, failed))
    for sentence in failed:
        say(f"warning: {sentence}")
    return CHECK_FAILED if failed else 0
