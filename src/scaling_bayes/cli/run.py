"""The command about one training run: what it takes, or what a budget buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of, regions, traces
from scaling_bayes.cli.options import once, read_assumption, read_targets, reference_name, together
from scaling_bayes.cli.output import echo, open_fit, print_table, say
from scaling_bayes.cli.question import Machines, for_machines
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from scaling_bayes.cli.options import Command

_AMOUNTS = {
    "flop": "Arithmetic of the run: 3e23, '314 ZFLOP' or '3640 PFLOP/s-days'.",
    "parameters": "Parameters: 7e9 or 7B; with --tokens.",
    "tokens": "Tokens of training: 2e12 or 2T.",
    "active-parameters": "Parameters a token passes through, of a mixture of experts.",
    "device-hours": "Devices times hours.",
    "devices": "Number of devices; with --days, or for the length of the run.",
    "days": "Length of the run in days.",
    "budget-usd": "What do so many USD buy?",
    "energy-kwh": "What does so much energy of the facility do?",
    "carbon-kg": "What can be done for so many kg CO2e?",
}


def _amount_options(command: Command) -> Command:
    options: list[Callable[[Command], Command]] = [
        click.option(f"--{name}", metavar="AMOUNT", help=text) for name, text in _AMOUNTS.items()
    ]
    return together(*options)(command)


@click.command("run", short_help="What one training run costs, emits and reaches")
@_amount_options
@click.option("--target", metavar="TASK=ERROR", help="An error to reach, by the fit of --trace.")
@click.option("--task", "tasks", multiple=True, help="Report which error the run reaches; repeatable.")
@click.option(
    "--trace",
    default=reference_name,
    shell_complete=traces,
    help="Fit for --target and --task; by default the released reference fit.",
)
@click.option("--year", type=float, help="Year of the run.  [default: this year]")
@click.option("--device", help="Device, or a clear part of its name.  [default: those in use]")
@click.option(
    "--device-class", shell_complete=choices_of(lambda: DEVICE_CLASSES), help=f"{', '.join(DEVICE_CLASSES)}."
)
@click.option(
    "--precision",
    help="Peak rate that counts: bf16, fp16, tf32, fp32 or int8.  [default: 16-bit matrix rate]",
)
@click.option(
    "--counted", default="boards", show_default=True, help="What devices are: boards, chips or cores (TPU)."
)
@click.option("--price", shell_complete=choices_of(lambda: PRICES), help=f"{', '.join(PRICES)}.")
@click.option(
    "--region",
    shell_complete=choices_of(regions),
    help="World, a country or its code, or a cloud region.  [default: any]",
)
@click.option("--utilisation", metavar="VALUE", help="Share of the peak rate that is reached: 0.4.")
@click.option("--pue", metavar="VALUE", help="Facility energy over computing energy: 1.1.")
@click.option(
    "--assume",
    multiple=True,
    metavar="NAME=VALUE",
    help="Replace another assumption, such as grid_kg_per_kwh or usd_per_chip_hour; repeatable.",
)
@click.option("--embodied", is_flag=True, help="Include the emission of making the devices.")
@click.option("--random-seed", type=int, default=0, show_default=True, help="Seed of all draws.")
@click.option("--assumptions", is_flag=True, help="Print what is assumed, with sources.")
@click.option("--model-card", is_flag=True, help="Print metadata and a table for a model card, in Markdown.")
@for_machines
def run(
    machines: Machines,
    target: str | None,
    tasks: tuple[str, ...],
    trace: str,
    assume: tuple[str, ...],
    assumptions: bool,
    model_card: bool,
    **given: Any,
) -> None:
    """Print what one training run takes: device-hours, energy, money and carbon, with 90 % intervals.

    Say how large it is in one way: --flop; --parameters and --tokens; --device-hours; --devices and --days; a
    budget; or --target. A VALUE or AMOUNT is a number or MEDIAN:LOWER:UPPER (90 % interval).

    \b
    Example:
      scaling-bayes run --parameters 7B --tokens 2T --device "H100 SXM5" --region FRA
      scaling-bayes run --budget-usd 1e6 --task imagenet
    """
    from scaling_bayes.projection.runs.estimate import estimate_run
    from scaling_bayes.projection.runs.words import model_card as card
    from scaling_bayes.projection.runs.words import run_about, run_shares
    from scaling_bayes.projection.summarize import summary

    for named, asked in (("--json", machines.as_json), ("--csv", machines.as_csv)):
        if model_card and asked:
            raise click.UsageError(f"--model-card and {named} exclude each other.")
    assumed = once(map(read_assumption, assume), "--assume")
    twice = [name for name in assumed if given.get(name) is not None]
    if twice:
        raise click.UsageError(f"{', '.join(twice)}: given as an option and with --assume.")
    idata = open_fit(trace) if target is not None or tasks else None
    answer = estimate_run(
        target=None if target is None else read_targets([target]),
        task=list(tasks) or None,
        trace=idata,
        **{**given, **assumed},
    )
    if model_card:
        echo(card(answer), nl=False)
        return
    frame, about = summary(answer), run_about(answer)
    for note in about["notes"]:
        say(f"note: {note}")
    content = {**about, "quantities": frame.to_dict(orient="records"), "spread": run_shares(answer)}
    if not machines.print(frame, content):
        _print(answer, about, assumptions=assumptions)


def _print(answer: xr.DataTree, about: dict[str, Any], *, assumptions: bool) -> None:
    from scaling_bayes.projection.runs.words import (
        finding,
        quantity_label,
        run_rows,
        spread_sentences,
        yardsticks,
    )
    from scaling_bayes.text import share_text

    rows = run_rows(answer)
    # Where it is most, the words have it.
    told = any(0 < row["unreachable"] <= 0.5 for row in rows)
    print_table(
        finding(answer),
        ("quantity", "median (90 % interval)", *(["unreachable"] if told else [])),
        [
            (
                quantity_label(row),
                row["in_words"],
                *([share_text(row["unreachable"]) if row["unreachable"] else ""] if told else []),
            )
            for row in rows
        ],
        right=("unreachable",) if told else (),
    )
    for sentence in (*spread_sentences(answer), *yardsticks(answer)):
        echo(sentence)
    if assumptions:
        columns = ("assumption", "assumed", "source")
        print_table(
            "Assumed", columns, [tuple(row[name] for name in columns) for row in about["assumptions"]]
        )
