"""``scaling-bayes overparameterization``: the experiment of four models on one sparse truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.keep import overwrite_option
from scaling_bayes.cli.options import quiet_option
from scaling_bayes.cli.output import check_figure, print_table, say, write_figure
from scaling_bayes.cli.question import Machines, for_machines

if TYPE_CHECKING:
    import pandas as pd

INTERRUPTED = 130


@click.command(short_help="Simulate what too many parameters cost")
@click.option("--parameters", "n_parameters", type=int, default=1000, show_default=True, help="Features.")
@click.option(
    "--nonzero", "n_nonzero", type=int, default=10, show_default=True, help="Features with an effect."
)
@click.option(
    "--wrong",
    "n_wrong",
    type=int,
    default=1,
    show_default=True,
    help="Wrong features among those of the expert.",
)
@click.option(
    "--noise-sd", type=float, default=1.0, show_default=True, help="Standard deviation of the noise."
)
@click.option(
    "--coefficients",
    "coefficient_law",
    default="equal",
    show_default=True,
    shell_complete=choices_of(lambda: ("equal", "normal", "uniform", "harmonic")),
    help="equal, normal, uniform or harmonic.",
)
@click.option(
    "--penalty",
    default="theory",
    show_default=True,
    shell_complete=choices_of(lambda: ("theory", "cross_validation", "best")),
    help="theory, cross_validation, best or a number.",
)
@click.option("--observations", metavar="N,N,...", help="Sample sizes; by default 20 from 12 to 5000.")
@click.option("--simulations", type=int, default=1000, show_default=True, help="Independent repetitions.")
@click.option("--random-seed", type=int, default=20200710, show_default=True, help="Seed.")
@click.option(
    "--measure",
    default="excess",
    show_default=True,
    shell_complete=choices_of(lambda: ("excess", "prediction")),
    help="Performance: excess or prediction.",
)
@click.option(
    "--store", type=click.Path(path_type=Path), help="Folder for finished blocks, resumed if it exists."
)
@click.option("--workers", type=int, help="Processes; by default one for each core.")
@click.option("--figure", type=click.Path(path_type=Path), help="Figure to write, such as figure.svg.")
@overwrite_option
@quiet_option
@for_machines
def overparameterization(
    penalty: str,
    observations: str | None,
    measure: str,
    store: Path | None,
    workers: int | None,
    figure: Path | None,
    overwrite: bool,
    quiet: bool,
    machines: Machines,
    **settings: Any,
) -> int:
    """Simulate four regression models on a sparse truth and print how well each does.

    If interrupted, rerun with the same --store to resume.

    \b
    Example:
      scaling-bayes overparameterization --store build/experiment --figure figure.svg
    """
    from scaling_bayes.overparameterization.run import run_experiment
    from scaling_bayes.overparameterization.settings import Settings
    from scaling_bayes.overparameterization.summarize import summarize_experiment

    if observations is not None:
        settings["observations"] = _sizes(observations)
    if figure is not None:
        check_figure(figure, overwrite=overwrite)
    chosen = Settings(penalty=_penalty(penalty), **settings)
    try:
        results = _run(run_experiment, chosen, store, workers, quiet)
    except KeyboardInterrupt:
        if store is None:
            raise
        say(f"interrupted; finished blocks are in {store}, and the same command resumes there")
        return INTERRUPTED
    summary = summarize_experiment(results, measure)
    if figure is not None:
        from scaling_bayes.overparameterization.figures import plot_experiment

        write_figure(plot_experiment(summary), figure)
        say(f"figure written to {figure}")
    if not machines.print(summary):
        _print(summary, chosen.simulations)
    return 0


def _run(run: Any, settings: Any, store: Path | None, workers: int | None, quiet: bool) -> Any:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), disable=quiet) as bar:
        task = bar.add_task("simulations", total=settings.simulations)
        return run(
            settings,
            store=store,
            workers=workers,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )


def _sizes(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}; expected whole numbers such as 15,100,1500.", param_hint="--observations"
        ) from None


def _penalty(text: str) -> str | float:
    try:
        return float(text)
    except ValueError:
        return text


def _print(summary: pd.DataFrame, simulations: int) -> None:
    models = list(dict.fromkeys(summary["model"]))
    rows = []
    for n, cells in summary.groupby("observations"):
        of_model = cells.set_index("model")
        rows.append((str(n), *(_cell(of_model.loc[model]) for model in models)))
    print_table(
        f"Mean performance over {simulations} simulations, ± half of its 90 % Monte Carlo interval",
        ("n", *models),
        rows,
        right=("n", *models),
    )


def _cell(row: Any) -> str:
    return f"{row['performance']:.3f} ± {(row['upper_90'] - row['lower_90']) / 2:.3f}"
