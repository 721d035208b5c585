"""``scaling-bayes calibrate``: many fits that test a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scaling_bayes.cli.completion import choices_of, experiments
from scaling_bayes.cli.completion import traces as trace_names
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing
from scaling_bayes.cli.options import (
    model_options,
    quiet_option,
    shipped_options,
    table_options,
)
from scaling_bayes.cli.output import interrupts_kept, print_table, say, warnings_said
from scaling_bayes.cli.question import Machines, for_machines
from scaling_bayes.text import percent_text

if TYPE_CHECKING:
    import pandas as pd

INTERRUPTED = 130
#: Quantities listed one by one.
_SHOWN = 10


@click.command(short_help="Simulate and refit many times: do intervals hold?")
@click.argument("experiment", metavar="EXPERIMENT", shell_complete=choices_of(experiments))
@click.argument("systems", type=click.Path(path_type=Path), required=False)
@table_options
@shipped_options
@click.option("--simulations", type=int, default=500, show_default=True, help="Number of simulations.")
@click.option(
    "--posterior",
    metavar="TRACE",
    shell_complete=trace_names,
    help="posterior_sbc: the fit whose posterior true values are drawn from.",
)
@model_options(None, None)
@click.option(
    "--store",
    type=click.Path(path_type=Path),
    help="Folder of the results (Zarr), resumed if it exists; by default named after the experiment.",
)
@click.option("--workers", type=int, help="Local worker processes (default: run in this process).")
@click.option("--scheduler", metavar="ADDRESS", help="Running Dask scheduler, such as tcp://10.0.0.5:8786.")
@click.option("--draws", type=int, help="Draws kept per chain.  [default: 500 for simulations, else 1000]")
@click.option("--tune", type=int, help="Warm-up draws per chain.  [default: as draws]")
@click.option("--chains", type=int, help="Chains.  [default: 2 for simulations, else 4]")
@click.option(
    "--target-accept", type=float, help="Target acceptance rate.  [default: 0.95 for simulations, else 0.97]"
)
@click.option("--random-seed", type=int, default=0, show_default=True, help="Seed of all fits.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Trace to write, with every result.")
@overwrite_option
@quiet_option
@for_machines
def calibrate(
    experiment: str,
    systems: Path | None,
    posterior: str | None,
    output: Path | None,
    overwrite: bool,
    quiet: bool,
    machines: Machines,
    **options: Any,
) -> int:
    """Test a model by many fits.

    \b
    EXPERIMENT is one of
      prior_sbc            fits to data simulated from the prior: are intervals right?
      posterior_sbc        the same, around the systems of a fit (--posterior)
      leave_one_paper_out  fits without each paper: does the result depend on one?
      prior_sweep          fits with each prior half and twice as wide

    SYSTEMS is a table (CSV, TSV, Excel or Parquet); the reference systems by default. If interrupted, rerun
    the same command to resume from its --store. Needs the extra: pip install 'scaling_bayes[cluster]'.

    \b
    Example:
      scaling-bayes calibrate prior_sbc --simulations 500 --workers 2 -o calibration.nc
    """
    from scaling_bayes.projection.summarize import summary as summarize
    from scaling_bayes.trace.io import check_writable, open_trace, save_trace
    from scaling_bayes.trace.schema import group

    if output is not None:
        refuse_replacing(output, overwrite=overwrite, inputs=[systems, posterior])
        check_writable(output)
    parent = None if posterior is None else open_trace(posterior)
    source = click.get_current_context().get_parameter_source
    given = {
        name: value
        for name, value in options.items()
        if source(name) is not ParameterSource.DEFAULT or name in ("simulations", "random_seed")
    }
    try:
        with warnings_said(), interrupts_kept():
            say("reading the systems, compiling the model")
            from scaling_bayes.model.evaluate.calibrate import calibrate as run

            tree = run(experiment, systems, posterior=parent, progressbar=not quiet, **given)
    except KeyboardInterrupt:
        say("interrupted; what was finished is kept, and the same command goes on from there")
        return INTERRUPTED
    if output is not None:
        say(f"calibration written to {save_trace(tree, output)}")
    summary = summarize(tree)
    fits, failed = tree["fits"].sizes["fit"], int((group(tree, "fits")["failure"] != "").sum())
    if not machines.print(summary, {"fits": fits, "failed": failed, "summary": summary.to_dict("records")}):
        (_print_ranks if "p_value" in summary else _print_shifts)(summary, fits, failed)
    return 0


def _print_ranks(summary: pd.DataFrame, fits: int, failed: int) -> None:
    least = summary.sort_values("p_value").head(_SHOWN)
    print_table(
        f"Simulation-based calibration, {fits} simulations, {failed} failed",
        ("quantities", "number", "in 50 %", "in 90 %", "outside their 95 % band", "least p"),
        [
            (
                name,
                str(len(rows)),
                percent_text(rows["coverage_50"].mean(), 1),
                percent_text(rows["coverage_90"].mean(), 1),
                str(int((rows["p_value"] < 0.05).sum())),
                f"{rows['p_value'].min():.2g}",
            )
            for name, rows in summary.groupby(summary["quantity"].map(_sort_of), sort=False)
        ],
        right=("number", "in 50 %", "in 90 %", "outside their 95 % band", "least p"),
    )
    print_table(
        "Quantities whose ranks are least uniform",
        ("quantity", "p", "in 50 %", "in 90 %", "bias", "contraction"),
        [
            (
                str(row["quantity"]),
                f"{row['p_value']:.2g}",
                percent_text(row["coverage_50"], 1),
                percent_text(row["coverage_90"], 1),
                f"{row['bias']:+.2f}",
                f"{row['contraction']:.2f}",
            )
            for row in least.to_dict("records")
        ],
        right=("p", "in 50 %", "in 90 %", "bias", "contraction"),
    )


def _sort_of(quantity: str) -> str:
    from scaling_bayes.diagnostics.calibration import is_projection

    return "projections" if is_projection(quantity) else "parameters"


def _print_shifts(summary: pd.DataFrame, fits: int, failed: int) -> None:
    largest = summary.reindex(summary["largest_shift"].abs().sort_values(ascending=False).index).head(_SHOWN)
    print_table(
        f"Largest shifts of a posterior mean, in standard deviations, over {fits} fits, {failed} failed",
        ("quantity", "shift", "fit"),
        [
            (str(row["quantity"]), f"{row['largest_shift']:+.2f}", str(row["largest_shift_fit"]))
            for row in largest.to_dict("records")
        ],
        right=("shift",),
    )
