"""The commands. Everything heavy is imported inside the command that needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from scaling_bayes.cli.answers import afford, decompose, gain, project
from scaling_bayes.cli.calibrate import calibrate
from scaling_bayes.cli.compare import compare
from scaling_bayes.cli.completion import traces as trace_names
from scaling_bayes.cli.cost import hardware_fit, list_names, scenario
from scaling_bayes.cli.data import data
from scaling_bayes.cli.explore import explore
from scaling_bayes.cli.export import export
from scaling_bayes.cli.forecast import forecast
from scaling_bayes.cli.keep import overwrite_option, refuse_replacing, save_or_keep
from scaling_bayes.cli.options import (
    Commands,
    budgets_option,
    chosen_scenario,
    json_option,
    kind_option,
    model_options,
    once,
    quiet_option,
    read_targets,
    sampler_options,
    scenario_options,
    shipped_options,
    table_options,
    target_option,
    thin_option,
    trace_or_reference,
    years_option,
)
from scaling_bayes.cli.output import (
    echo,
    interrupts_kept,
    open_fit,
    print_json,
    print_table,
    say,
    steps_said,
    warnings_said,
    written_trace,
)
from scaling_bayes.cli.overparameterization import overparameterization
from scaling_bayes.cli.progress import progress
from scaling_bayes.cli.replicate import replicate
from scaling_bayes.cli.run import run
from scaling_bayes.cli.score import score
from scaling_bayes.cli.scorecard import scorecard
from scaling_bayes.cli.traces import bundle, cite, traces, verify

CHECK_FAILED = 3


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="scaling_bayes", prog_name="scaling-bayes")
def cli() -> None:
    """How much compute, money and carbon a target error needs, with credible intervals.

    \b
    Example:
      scaling-bayes fit -o trace.nc
      scaling-bayes report trace.nc -o report.html
    """


@cli.command(short_help="Fit a table of systems and write a trace")
@click.argument("systems", type=click.Path(path_type=Path), required=False)
@table_options
@shipped_options
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("trace.nc"),
    show_default=True,
    help="Trace to write.",
)
@overwrite_option
@model_options("bounded", "partial")
@click.option(
    "--prior",
    "priors",
    multiple=True,
    metavar="NAME=MEDIAN:LOWER:UPPER",
    help="Replace a prior by its median and 90 % interval; repeatable.",
)
@sampler_options(1000, 500, target_accept=None)
@thin_option
@click.option("--random-seed", type=int, help="Seed; drawn and stored when not given.")
@click.option("--cores", type=int, help="Chains run at a time; does not change the draws.")
@quiet_option
@json_option
def fit(
    systems: Path | None,
    output: Path,
    overwrite: bool,
    priors: tuple[str, ...],
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Fit SYSTEMS (CSV, TSV, Excel or Parquet; the shipped systems by default) and write a trace.

    Sampler settings are those of the first attempt. If a check of the sample fails, up to three more attempts
    take smaller steps. Exit code 3: a check of the sample still fails. A failed check of the model against
    the data is a warning.

    \b
    Example:
      scaling-bayes fit my_systems.csv -o trace.nc --random-seed 1
    """
    from scaling_bayes.trace.io import check_writable

    refuse_replacing(output, overwrite=overwrite, inputs=[systems])
    check_writable(output)
    replacements = once(map(_prior, priors), "--prior") or None
    with warnings_said(), interrupts_kept():
        say("reading the systems, compiling the model")
        from scaling_bayes.diagnostics.checks import failed_checks
        from scaling_bayes.model.fit import fit as fit_model

        idata = fit_model(systems, priors=replacements, progressbar=not quiet, **options)
    path = save_or_keep(idata, output)
    say(f"trace written to {path}")
    failed = failed_checks(idata)
    if as_json:
        print_json(written_trace(path, failed))
    return CHECK_FAILED if failed else 0


@cli.command(short_help="Write a trace's report: HTML, JSON and CSV")
@trace_or_reference
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("report.html"),
    show_default=True,
    help="HTML to write; .json and .csv are written beside it.",
)
@target_option
@years_option
@kind_option
@scenario_options()
@budgets_option
@quiet_option
@json_option
def report(
    trace: str,
    output: Path,
    targets: tuple[str, ...],
    years: tuple[float, ...],
    budget_usd: tuple[float, ...],
    carbon_kg: tuple[float, ...],
    kind: str,
    quiet: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write the report on TRACE: one HTML file, and the same numbers as JSON and CSV.

    Without TRACE it reports on the released reference fit, with the same numbers for everyone. The default
    year is that of the fit, beside the end of the data and 2030. With --scenario none it reports training
    compute only. By default budgets are 10 million and 1 billion USD, and 10 thousand tonnes CO2e.

    \b
    Example:
      scaling-bayes report trace.nc -o report.html --budget-usd 1e8
    """
    from scaling_bayes.files import check_writable
    from scaling_bayes.report import write_report

    chosen = chosen_scenario(options)
    if chosen is None and (budget_usd or carbon_kg):
        raise click.UsageError("a budget needs a scenario; name one with --scenario.")
    check_writable(output)
    idata = open_fit(trace)
    with warnings_said(), steps_said(quiet=quiet) as tell:
        written = write_report(
            idata,
            output,
            targets=read_targets(targets),
            years=list(years) or None,
            kind=kind,
            scenario=chosen,
            budget_usd=list(budget_usd) or None,
            carbon_kg=list(carbon_kg) or None,
            progress=tell,
        )
    if as_json:
        print_json({path.suffix.removeprefix("."): str(path) for path in written})
        return
    for path in written:
        echo(str(path))


@cli.command(short_help="Check a table of systems")
@click.argument("systems", type=click.Path(path_type=Path))
@table_options
@json_option
def validate(systems: Path, unit: str | None, columns: dict[str, str] | None, as_json: bool) -> None:
    """Validate SYSTEMS (CSV, TSV, Excel or Parquet) and print what a fit would use, or every problem.

    What was converted, left out or not used, and options the fit will need, are printed to standard error.

    \b
    Example:
      scaling-bayes validate my_systems.csv
    """
    import numpy as np

    from scaling_bayes.core.observations import decimal_year
    from scaling_bayes.systems.fit_rows import rows_for_fit
    from scaling_bayes.systems.schema import check_systems

    checked = check_systems(systems, unit=unit, columns=columns)
    frame = checked.systems
    for sentence in checked.warnings:
        say(f"warning: {sentence}")
    for sentence in checked.notes:
        say(f"note: {sentence}")
    rows = rows_for_fit(frame, str(systems))
    usable = rows.systems
    for sentence in rows.sentences():
        say(f"note: {sentence}")
    without_year = int(np.isnan(decimal_year(usable)).sum())
    if without_year:
        say(
            f"note: {without_year} of {len(usable)} systems with compute have no year; "
            "a fit needs --no-algorithmic-progress --no-measurement-error --no-drift, or the years."
        )
    if usable["task"].nunique() == 1:
        say("note: a fit of one task needs --pooling none, or the shipped tasks beside it.")
    fitted = usable["task"].value_counts()
    counts, systems_in_all = [], 0
    for task, of_task in frame.groupby("task", sort=False):
        known = of_task[of_task["training_compute_flop"].notna()]
        between = of_task["error"].between(0, 1, inclusive="neither")
        repeated = int(between[known.index].sum()) - int(fitted.get(task, 0))
        systems_in_all += len(of_task) - repeated
        counts.append(
            {
                "task": str(task),
                "systems": len(of_task) - repeated,
                "with_compute": len(known) - repeated,
                "lowest_error": float(of_task["error"][between if between.any() else of_task.index].min()),
            }
        )
    if as_json:
        print_json(counts)
    else:
        print_table(
            f"{systems}: {systems_in_all} systems",
            ("task", "systems", "with compute", "lowest error"),
            [
                (str(c["task"]), str(c["systems"]), str(c["with_compute"]), f"{c['lowest_error']:.4g}")
                for c in counts
            ],
            right=("systems", "with compute", "lowest error"),
        )


@cli.command(short_help="What a trace holds")
@click.argument("trace", type=click.Path(), required=False, shell_complete=trace_names)
@json_option
def info(trace: str | None, as_json: bool) -> None:
    """Print what TRACE holds: options, data, seed, checks; without TRACE, the shipped data.

    \b
    Example:
      scaling-bayes info trace.nc
    """
    content = _shipped_info() if trace is None else _trace_info(trace)
    if as_json:
        print_json(content)
        return
    for key, value in content.items():
        if isinstance(value, list):
            for item in value:
                echo(f"{key}: " + ", ".join(f"{k} {v}" for k, v in item.items()))
        elif isinstance(value, dict):
            echo(f"{key}: " + ", ".join(f"{k}={v}" for k, v in value.items()))
        else:
            echo(f"{key}: {value}")


def _shipped_info() -> dict[str, Any]:
    from importlib.metadata import version

    from scaling_bayes.systems.load import load_systems, reference_systems

    systems, reference = load_systems(), reference_systems()
    tasks = [
        {
            "task": str(task),
            "systems": len(rows),
            "with_compute": int(rows["training_compute_flop"].notna().sum()),
            "in_reference_fit": int((reference["task"] == task).sum()),
        }
        for task, rows in systems.groupby("task", sort=False)
    ]
    return {"scaling_bayes": version("scaling_bayes"), "systems": len(systems), "tasks": tasks}


def _trace_info(trace: str) -> dict[str, Any]:
    from scaling_bayes.diagnostics.checks import checks
    from scaling_bayes.diagnostics.criticism import data_checks, doubts
    from scaling_bayes.trace.io import open_trace, verified_summary

    idata = open_trace(trace)
    columns = ["check", "value", "comparison", "threshold", "passed"]
    summary = verified_summary(idata, trace)
    against_data: Any
    try:
        against_data = data_checks(idata)[[*columns, "worst"]].to_dict(orient="records")
    except Exception:  # noqa: BLE001  `doubts` says why
        against_data = [{"not made": sentence} for sentence in doubts(idata)]
    return {
        "path": summary["path"],
        "digest": summary["digest"],
        "created": summary["created"],
        **summary["manifest"],
        "checks": checks(idata)[columns].to_dict(orient="records"),
        "data_checks": against_data,
    }


def _prior(text: str) -> tuple[str, tuple[float, tuple[float, float]]]:
    name, _, numbers = text.partition("=")
    try:
        median, lower, upper = (float(number) for number in numbers.split(":"))
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}; expected NAME=MEDIAN:LOWER:UPPER, such as compute_error=0.35:0.2:0.6.",
            param_hint="--prior",
        ) from None
    return name, (median, (lower, upper))


for command in (
    *(
        project,
        forecast,
        run,
        scenario,
        list_names,
        afford,
        gain,
        decompose,
        hardware_fit,
        replicate,
        overparameterization,
    ),
    *(compare, score, scorecard, calibrate, progress, explore),
    *(traces, verify, cite, bundle, export, data),
):
    cli.add_command(command)
