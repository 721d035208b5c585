"""Commands about money, energy and carbon."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.options import (
    budget_options,
    budgets_option,
    csv_option,
    json_option,
    kind_option,
    named_scenario,
    quiet_option,
    read_targets,
    refuse_both,
    scenario_options,
    target_option,
    trace_argument,
)
from scaling_bayes.cli.output import (
    interrupts_kept,
    open_fit,
    print_csv,
    print_json,
    print_table,
    say,
    written_trace,
)

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario

__all__ = [
    "afford",
    "decompose",
    "gain",
    "hardware_fit",
    "print_costs",
    "say_extrapolation",
    "scenario",
]

CHECK_FAILED = 3
#: Units that say which quantity is meant: compute, cost, energy, carbon.
_UNITS = {
    "log10_training_compute_flop": "FLOP",
    "log10_cost_usd": "USD",
    "log10_energy_kwh": "kWh",
    "log10_carbon_kg": "kg CO2e",
}
_year_option = click.option("--year", type=float, help="Year; by default the last in the data.")


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


def say_extrapolation(projection: xr.DataTree, chosen: Scenario | None) -> None:
    """Say how far a projection goes beyond the data."""
    from scaling_bayes.projection.extrapolation import extrapolation_sentences

    for sentence in extrapolation_sentences(projection, chosen):
        say(f"note: {sentence}")


def print_costs(frame: pd.DataFrame, chosen: Scenario, kind: str) -> None:
    """Print a summary of compute, cost, energy and carbon, then what it assumes."""
    from scaling_bayes.text import format_interval

    budget = ("in budget",) if "within_budget" in frame else ()
    print_table(
        f"What a target needs, {kind}: median [90 % equal-tailed interval]",
        ("target", "unit", "value", "unreachable", *budget),
        [
            (
                target,
                _UNITS[row["quantity"]],
                format_interval(row["median"], row["lower_90"], row["upper_90"]),
                f"{row['unreachable']:.0%}",
                *(f"{row['within_budget']:.0%}" for _ in budget),
            )
            for target, row in _with_targets(frame)
        ],
        right=("unreachable", *budget),
        whole=("unit", "value"),
        tight=True,
    )
    print_assumptions(chosen)


def _with_targets(frame: pd.DataFrame) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Each row with what stands beside it: the task, below it error and year, then nothing."""
    from scaling_bayes.text import format_error, format_year

    for _, rows in frame.groupby(["task", "error", "year"], sort=False):
        first = rows.iloc[0]
        stub = [str(first["task"]), f"{format_error(first['error'])}, {format_year(first['year'])}"]
        for position, row in enumerate(rows.to_dict(orient="records")):
            yield stub[position] if position < len(stub) else "", row


def _print(frame: pd.DataFrame, *, as_json: bool, as_csv: bool) -> bool:
    """Print for machines; False where it is for people."""
    if as_json:
        print_json(frame.to_dict(orient="records"))
    elif as_csv:
        print_csv(frame)
    return as_json or as_csv


@click.command(short_help="What a scenario assumes, with sources")
@scenario_options()
@json_option
@csv_option
def scenario(as_json: bool, as_csv: bool, **options: Any) -> None:
    """Print what a scenario assumes.

    \b
    Example:
      scaling-bayes scenario --scenario stalled --region FRA --assume pue=1.1
    """
    refuse_both(as_json=as_json, as_csv=as_csv)
    chosen = named_scenario(options)
    if not _print(chosen.describe(), as_json=as_json, as_csv=as_csv):
        print_assumptions(chosen)


@click.command(short_help="When a target first fits a budget, and how surely")
@trace_argument
@target_option
@budgets_option
@click.option("--from", "start", type=int, default=2020, show_default=True, help="First year.")
@click.option("--until", type=int, default=2100, show_default=True, help="Last year, the horizon.")
@kind_option
@scenario_options()
@json_option
@csv_option
def afford(
    trace: str,
    targets: tuple[str, ...],
    start: int,
    until: int,
    budget_usd: tuple[float, ...],
    carbon_kg: tuple[float, ...],
    kind: str,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Print when each target first fits the budget, and how likely it never does.

    Each --budget-usd is asked about apart. With --carbon-kg too, both limits must hold.

    \b
    Example:
      scaling-bayes afford trace.nc --target imagenet=0.05 --budget-usd 1e8
    """
    import pandas as pd

    from scaling_bayes.projection.affordability import (
        affordable_in,
        ascending,
        read_budget,
        summarize_first_year,
    )
    from scaling_bayes.projection.project import project_over
    from scaling_bayes.report.cost_facts import Budget

    refuse_both(as_json=as_json, as_csv=as_csv)
    chosen = named_scenario(options)
    for name, amounts in (("--budget-usd", budget_usd), ("--carbon-kg", carbon_kg)):
        if len(set(amounts)) < len(amounts):
            raise click.BadParameter("the same budget is given twice.", param_hint=name)
    budgets = [read_budget(usd, kg) for usd, kg in product(budget_usd or [None], carbon_kg or [None])]
    idata = open_fit(trace)
    years = ascending(range(start, until + 1), idata)
    tree = project_over(idata, read_targets(targets), years, kind, scenario=chosen)
    frames = [summarize_first_year(affordable_in(tree, **budget)) for budget in budgets]
    if as_json or as_csv:
        told = [frame.assign(**budget) for frame, budget in zip(frames, budgets, strict=True)]
        _print(pd.concat(told, ignore_index=True), as_json=as_json, as_csv=as_csv)
        return
    for frame, budget in zip(frames, budgets, strict=True):
        label = " and ".join(Budget(name, amount).label for name, amount in budget.items())
        _print_first_years(frame, label, until)
    print_assumptions(chosen)


def _print_first_years(frame: pd.DataFrame, budget: str, until: int) -> None:
    from scaling_bayes.text import format_error, format_year

    def year(value: float) -> str:
        return "never" if value == float("inf") else format_year(value)

    print_table(
        f"First year within {budget}: median [90 % equal-tailed interval]",
        ("task", "error", "first year", f"never by {until}"),
        [
            (
                str(row["task"]),
                format_error(row["error"]),
                f"{year(row['median'])} [{year(row['lower_90'])}, {year(row['upper_90'])}]",
                f"{row['never']:.0%}",
            )
            for row in frame.to_dict(orient="records")
        ],
        right=("error", f"never by {until}"),
        whole=("error", "first year"),
    )


@click.command(short_help="By what factor things must improve for a budget")
@trace_argument
@target_option
@budget_options
@_year_option
@kind_option
@scenario_options()
@json_option
@csv_option
def gain(
    trace: str,
    targets: tuple[str, ...],
    budget_usd: float | None,
    carbon_kg: float | None,
    year: float | None,
    kind: str,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Print by what factor price, energy or algorithms must improve, and which routes would do.

    \b
    Example:
      scaling-bayes gain trace.nc --target imagenet=0.05 --budget-usd 1e6
    """
    from scaling_bayes.projection.affordability import read_budget
    from scaling_bayes.projection.project import project
    from scaling_bayes.projection.required_gain import compare_routes, required_gain_in, summarize_gain
    from scaling_bayes.text import format_error, format_interval

    refuse_both(as_json=as_json, as_csv=as_csv)
    chosen = named_scenario(options)
    budgets = read_budget(budget_usd, carbon_kg)
    tree = project(open_fit(trace), read_targets(targets), year, kind, scenario=chosen)
    say_extrapolation(tree, chosen)
    answer = required_gain_in(tree, **budgets)
    needed, routes = summarize_gain(answer), compare_routes(answer)
    if as_json:
        print_json({"gain": needed.to_dict(orient="records"), "routes": routes.to_dict(orient="records")})
        return
    if as_csv:
        print_csv(needed)
        return
    print_table(
        "Factor by which one lever alone must improve: median [90 % interval]",
        ("task", "error", "lever", "factor", "none needed"),
        [
            (
                str(row["task"]),
                format_error(row["error"]),
                row["lever"],
                format_interval(row["median"], row["lower_90"], row["upper_90"]),
                f"{row['none_needed']:.0%}",
            )
            for row in needed.to_dict(orient="records")
        ],
        right=("error", "none needed"),
        whole=("error", "factor"),
    )
    _print_routes(routes)
    print_assumptions(chosen)


def _print_routes(routes: pd.DataFrame) -> None:
    """One table for each target; where the factors come from, once, below."""
    from scaling_bayes.text import format_error

    for (task, _), rows in routes.groupby(["task", "error"], sort=False):
        print_table(
            f"{task} {format_error(rows['error'].iloc[0])}, published routes, each alone and in full: "
            f"probability that it is enough ({rows['probability_enough_without'].iloc[0]:.0%} without any)",
            ("route", "factor", "of", "enough"),
            [
                (
                    row["route"].replace("_", " "),
                    _factor(row["factor_low"], row["factor_high"]),
                    row["improves"].replace("_", " times "),
                    f"{row['probability_enough']:.0%}",
                )
                for row in rows.to_dict(orient="records")
            ],
            right=("factor", "enough"),
            whole=("factor", "of"),
            tight=True,
        )
    sources = routes.drop_duplicates("route")
    print_table(
        "Sources of the factors",
        ("route", "source"),
        [(row["route"].replace("_", " "), row["citation"]) for row in sources.to_dict(orient="records")],
        tight=True,
    )


def _factor(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


@click.command(short_help="What the spread of an answer comes from")
@trace_argument
@target_option
@_year_option
@kind_option
@click.option(
    "--quantity",
    default="log10_cost_usd",
    show_default=True,
    shell_complete=choices_of(lambda: _UNITS),
    help="What to decompose: a column of project.",
)
@scenario_options()
@json_option
@csv_option
def decompose(
    trace: str,
    targets: tuple[str, ...],
    year: float | None,
    kind: str,
    quantity: str,
    as_json: bool,
    as_csv: bool,
    **options: Any,
) -> None:
    """Print how much of the spread comes from parameters, noise, hardware, price and grid.

    \b
    Example:
      scaling-bayes decompose trace.nc --target imagenet=0.05 --year 2030
    """
    from scaling_bayes.projection.decompose import decompose as decompose_trace
    from scaling_bayes.projection.project import project
    from scaling_bayes.text import format_error

    refuse_both(as_json=as_json, as_csv=as_csv)
    chosen = named_scenario(options)
    idata, asked = open_fit(trace), read_targets(targets)
    frame = decompose_trace(idata, asked, year, kind, quantity=quantity, scenario=chosen)
    say_extrapolation(project(idata, asked, year, kind, scenario=chosen), chosen)
    if _print(frame, as_json=as_json, as_csv=as_csv):
        return
    print_table(
        f"Shares of the variance of {quantity} (Shapley; they sum to 1)",
        ("task", "error", "source", "share", "alone"),
        [
            (
                str(row["task"]),
                format_error(row["error"]),
                row["source"],
                "" if row["share"] != row["share"] else f"{max(row['share'], 0):.1%}",
                f"{max(row['share_alone'], 0):.1%}",
            )
            for row in frame.to_dict(orient="records")
        ],
        right=("error", "share", "alone"),
    )


@click.command("hardware-fit", short_help="Fit the trends of hardware and prices")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Trace to write.")
@click.option("--before", type=float, help="Use only what was known before this year.")
@quiet_option
@json_option
def hardware_fit(output: Path, before: float | None, quiet: bool, as_json: bool) -> int:
    """Fit the hardware trends to the shipped tables and write their posterior.

    \b
    Example:
      scaling-bayes hardware-fit -o hardware.nc
    """
    from scaling_bayes.trace.io import check_writable, save_trace

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
