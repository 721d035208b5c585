"""Commands about hardware, prices and what a scenario assumes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of, scenarios
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import json_option, named_scenario, quiet_option, scenario_options
from scaling_bayes.cli.output import interrupts_kept, print_json, print_table, say, written_trace
from scaling_bayes.cli.question import Machines, for_machines, print_assumptions
from scaling_bayes.hardware.editions import EDITION

if TYPE_CHECKING:
    import pandas as pd

CHECK_FAILED = 3


@click.command(short_help="What a scenario assumes, with sources")
@click.argument("name", required=False, shell_complete=choices_of(scenarios))
@scenario_options(default=None)
@for_machines
def scenario(name: str | None, machines: Machines, **options: Any) -> None:
    """Print what the scenario NAME assumes; trend by default.

    \b
    Example:
      scaling-bayes scenario stalled --region FRA --assume pue=1.1
    """
    if name is not None and options["scenario_name"] is not None:
        raise click.UsageError("NAME and --scenario are the same; give one.")
    options["scenario_name"] = name or options["scenario_name"] or "trend"
    chosen = named_scenario(options)
    if not machines.print(chosen.describe()):
        print_assumptions(chosen)


def _devices() -> pd.DataFrame:
    import pandas as pd

    from scaling_bayes.hardware.points import known_devices

    rows = pd.DataFrame([{"device": name, **row} for name, row in known_devices().items()])
    rows["year"] = rows["year"].astype(int)
    return rows[["device", "year", "peak_flop_per_s", "board_power_watt"]]


def _regions() -> pd.DataFrame:
    from scaling_bayes.hardware.grid import region_names

    return region_names()


def _scenarios() -> pd.DataFrame:
    import pandas as pd

    from scaling_bayes.projection.scenario import SCENARIOS, Scenario

    named = {name: Scenario.named(name) for name in SCENARIOS}
    return pd.DataFrame(
        [
            {"scenario": name, "improvement": each.improvement, "region": each.region}
            for name, each in named.items()
        ]
    )


#: What can be listed: a table of names.
_LISTS = {"devices": _devices, "regions": _regions, "scenarios": _scenarios}


@click.command("list", short_help="List devices, regions and scenarios by name")
@click.argument("what", type=click.Choice(list(_LISTS)))
@click.argument("part", required=False)
@for_machines
def list_names(what: str, part: str | None, machines: Machines) -> None:
    """List the devices, regions (grids) or scenarios that options take, or those with PART in the name.

    \b
    Example:
      scaling-bayes list devices H100
      scaling-bayes list regions united
    """
    from scaling_bayes.systems.conventions import same_names

    frame = _LISTS[what]()
    if part is not None:
        frame = frame[frame.iloc[:, 0].isin(same_names(part, frame.iloc[:, 0]))]
    if not machines.print(frame):
        rows = [
            tuple(f"{cell:.4g}" if isinstance(cell, float) else str(cell) for cell in row)
            for row in frame.values
        ]
        columns = [column.replace("_", " ") for column in frame.columns]
        print_table(f"{len(frame)} {what}", columns, rows)


@click.command("hardware-fit", short_help="Fit the trends of hardware and prices")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Trace to write.")
@overwrite_option
@click.option("--before", type=float, help="Use only what was known before this year.")
@click.option("--edition", default=EDITION, show_default=True, help="Edition of the hardware tables.")
@quiet_option
@json_option
def hardware_fit(
    output: Path, overwrite: bool, before: float | None, edition: str, quiet: bool, as_json: bool
) -> int:
    """Fit the hardware trends to the shipped tables and write their posterior.

    \b
    Example:
      scaling-bayes hardware-fit -o hardware.nc
    """
    from scaling_bayes.trace.io import check_writable, save_trace

    refuse_replacing(output, overwrite=overwrite)
    check_writable(output)
    with interrupts_kept():
        from scaling_bayes.diagnostics.checks import failed_checks
        from scaling_bayes.model.hardware import fit_hardware

        years = float("inf") if before is None else before
        tree = fit_hardware(before=years, edition=edition, progressbar=not quiet)
    path = save_trace(tree, output)
    say(f"hardware posterior written to {path}")
    failed = failed_checks(tree)
    if as_json:
        print_json(written_trace(path, failed))
    for sentence in failed:
        say(f"warning: {sentence}")
    return CHECK_FAILED if failed else 0
