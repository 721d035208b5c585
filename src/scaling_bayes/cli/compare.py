"""``scaling-bayes compare``: which law predicts best, and the mixture of all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.completion import traces as trace_names
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing, save_or_keep
from scaling_bayes.cli.options import quiet_option
from scaling_bayes.cli.output import interrupts_kept, print_table, say, warnings_said
from scaling_bayes.cli.question import Machines, for_machines

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

_COLUMNS = ("fit", "elpd", "difference", "weight", "optimal", "worst k", "refits")


@click.command(short_help="Compare fits by cross-validation")
@click.argument(
    "traces",
    metavar="TRACE...",
    nargs=-1,
    required=True,
    type=click.Path(),
    shell_complete=trace_names,
)
@click.option(
    "--leave-out",
    default="paper",
    show_default=True,
    shell_complete=choices_of(lambda: ("paper", "system", "task")),
    help="What is left out: paper, system or task.",
)
@click.option("--folds", type=int, default=10, show_default=True, help="Folds, where papers are left out.")
@click.option("--random-seed", type=int, help="Seed of folds and refits; by default that of the first TRACE.")
@click.option(
    "-o",
    "--stack",
    "stacked",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the mixture of the fits, by weight, as a trace.",
)
@overwrite_option
@quiet_option
@for_machines
def compare(
    traces: tuple[str, ...],
    leave_out: str,
    folds: int,
    random_seed: int | None,
    stacked: Path | None,
    overwrite: bool,
    quiet: bool,
    machines: Machines,
) -> None:
    """Compare fits of the same systems by what they predict of systems left out.

    Each fit is sampled again without the papers (systems, tasks) it is to predict. Prints the log density of
    what was left out (elpd, nats), its difference to the best fit, and stacking weights: the mean over all
    weights, and the optimum. A mixture of all fits (--stack) projects and reports like any trace.

    \b
    Example:
      scaling-bayes compare power.nc exponential.nc logistic.nc --stack stack.nc
    """
    from scaling_bayes.trace.io import check_writable, open_trace

    if stacked is not None:
        refuse_replacing(stacked, overwrite=overwrite, inputs=traces)
        check_writable(stacked)
    fits = _named(traces, [open_trace(path) for path in traces])
    with warnings_said(), interrupts_kept():
        say("compiling the models")
        from scaling_bayes.model.evaluate.compare import compare as compare_fits
        from scaling_bayes.model.evaluate.stack import stack

        if stacked is not None:
            # Fits that cannot be mixed are refused before the long work; the weights do not matter.
            stack(fits, dict.fromkeys(fits, 1.0), random_seed=random_seed)
        found = compare_fits(
            fits, leave_out=leave_out, folds=folds, random_seed=random_seed, progressbar=not quiet
        )
    content = {"leave_out": found.leave_out, "fits": found.table.to_dict(orient="records")}
    if not machines.print(found.table, content):
        _print(found.table, found.leave_out)
    if stacked is not None:
        # Last, so that what fails here does not cost the comparison.
        with warnings_said():
            mixture = stack(fits, found, random_seed=random_seed)
        say(f"trace of the mixture written to {save_or_keep(mixture, stacked)}")


def _named(paths: Sequence[str], trees: Sequence[xr.DataTree]) -> dict[str, xr.DataTree]:
    """Each fit by its law; where two have the same law by file name, and at last by path."""
    from scaling_bayes.trace.schema import manifest

    for names in (
        [str(manifest(tree)["model"]["law"]) for tree in trees],
        [Path(path).name.removesuffix(".nc") for path in paths],
        list(paths),
    ):
        if len(set(names)) == len(names):
            return dict(zip(names, trees, strict=True))
    raise click.UsageError("a trace is given twice; give each once.")


def _print(table: pd.DataFrame, leave_out: str) -> None:
    print_table(
        f"Log density of each {leave_out} left out, in nats: sum ± standard error, higher is better",
        _COLUMNS,
        [_cells(row) for row in table.to_dict(orient="records")],
        right=_COLUMNS[1:],
    )


def _cells(row: dict[Any, Any]) -> tuple[str, ...]:
    best = row["difference"] == 0 and row["difference_se"] == 0
    return (
        str(row["fit"]),
        f"{row['elpd']:.1f} ± {row['elpd_se']:.1f}",
        "0" if best else f"{row['difference']:.1f} ± {row['difference_se']:.1f}",
        f"{row['weight']:.2f}",
        f"{row['optimal_weight']:.2f}",
        "" if math.isnan(row["worst_pareto_k"]) else f"{row['worst_pareto_k']:.2f}",
        f"{row['refits']:.0f}",
    )
