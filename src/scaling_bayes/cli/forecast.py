"""The command that asks which error a compute or a budget reaches, and by when."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.keep import overwrite_option
from scaling_bayes.cli.options import (
    assumptions_option,
    budgets_option,
    kind_option,
    named_scenario,
    scenario_options,
    trace_or_reference,
)
from scaling_bayes.cli.output import check_figure, open_fit, print_table, say, write_figure
from scaling_bayes.cli.question import Machines, for_machines, print_assumptions

if TYPE_CHECKING:
    import xarray as xr


@click.command("forecast", short_help="Which error a budget or compute reaches, by when")
@trace_or_reference
@click.option("--task", "tasks", multiple=True, help="Task, by name or label; repeatable. By default all.")
@budgets_option
@click.option(
    "--flop",
    multiple=True,
    metavar="AMOUNT",
    help="Training compute, counted as TRACE does, in place of a budget: 1e23, '314 ZFLOP'; repeatable.",
)
@click.option(
    "--year",
    "years",
    type=float,
    multiple=True,
    help="Year; repeatable. By default this year and the next three that end in 0 or 5.",
)
@kind_option
@scenario_options()
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Figure to write, of every year between: a name in .svg, .png or .pdf.",
)
@overwrite_option
@assumptions_option
@for_machines
def forecast(
    machines: Machines,
    trace: str,
    tasks: tuple[str, ...],
    budget_usd: tuple[float, ...],
    carbon_kg: tuple[float, ...],
    flop: tuple[str, ...],
    years: tuple[float, ...],
    kind: str,
    output: Path | None,
    overwrite: bool,
    assumptions: bool,
    **options: Any,
) -> None:
    """Print which error a budget, or an amount of compute, reaches in each year.

    Intervals are for one new system. Each --budget-usd is answered separately; with --carbon-kg too, both
    limits must hold.

    \b
    Example:
      scaling-bayes forecast trace.nc --task ImageNet --budget-usd 1e6 --year 2030
    """
    from scaling_bayes.projection.forecast import amount_label, forecast_sentences
    from scaling_bayes.projection.forecast import forecast as forecast_error
    from scaling_bayes.projection.summarize import summary
    from scaling_bayes.text import format_year, records, task_label

    if not (flop or budget_usd or carbon_kg):
        raise click.UsageError("give what is spent: --budget-usd, --carbon-kg, or --flop.")
    if output is not None:
        check_figure(output, overwrite=overwrite)
    chosen = named_scenario(options)
    given: dict[str, Any] = {"flop": flop, "budget_usd": budget_usd, "carbon_kg": carbon_kg}
    given = {name: list(amounts) for name, amounts in given.items() if amounts}
    idata = open_fit(trace)

    def asked(when: list[float] | None) -> xr.DataTree:
        return forecast_error(idata, list(tasks) or None, when, kind, scenario=chosen, **given)

    chosen_years = list(years) or _years(idata, needed="flop" not in given)
    answer = asked(chosen_years)
    for sentence in (*forecast_sentences(answer), *chosen.sentences(chosen_years or [])):
        say(f"note: {sentence}")
    frame = summary(answer)
    if output is not None:
        from scaling_bayes.figures import plot_forecast

        shown = frame
        if chosen_years and len(chosen_years) > 1:
            first, last = int(min(chosen_years)), int(max(chosen_years))
            shown = summary(asked([float(year) for year in range(first, last + 1)]))
        write_figure(plot_forecast(shown, title=f"Error reached, scenario {chosen.name}, {kind}"), output)
        say(f"figure written to {output}")
    if machines.print(frame):
        return
    amounts = [name for name in given if name in frame]
    for _, rows in frame.groupby(amounts, sort=False):
        print_table(
            f"Error that {amount_label(records(rows)[0])} reaches, {kind}: median "
            "(90 % equal-tailed interval)",
            ("task", "year", "error"),
            [
                ("" if again else task_label(row["task"]), format_year(row["year"]), row["in_words"])
                for row, again in zip(records(rows), rows["task"].duplicated(), strict=True)
            ],
            whole=("error",),
            tight=True,
        )
    if assumptions:
        print_assumptions(chosen)


def _years(idata: xr.DataTree, *, needed: bool) -> list[float] | None:
    """Years of the table: the present one and three round ones; None where a fit without years needs none."""
    from scaling_bayes.projection.extrapolation import reach_of
    from scaling_bayes.trace.view import PosteriorView

    if not needed and reach_of(PosteriorView.of(idata))["last_year"] is None:
        return None
    now = datetime.datetime.now(tz=datetime.UTC).year
    first = 5 * (now // 5 + 1)
    return [float(year) for year in (now, first, first + 5, first + 10)]
