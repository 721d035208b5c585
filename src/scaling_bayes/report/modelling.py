"""Sections on the model: fits through the data, slopes, checks, priors and options, calibration."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scaling_bayes.figures.checks import plot_ranks
from scaling_bayes.figures.fits import plot_fits
from scaling_bayes.figures.predictive import plot_posterior_predictive, plot_prior_predictive
from scaling_bayes.figures.reading import records
from scaling_bayes.figures.slopes import plot_slopes
from scaling_bayes.figures.style import task_label
from scaling_bayes.formatting import format_number, format_year
from scaling_bayes.laws import get_law
from scaling_bayes.priors import Prior
from scaling_bayes.report.comparison import least_squares_lines
from scaling_bayes.report.drawing import WIDE, draw
from scaling_bayes.report.parts import Cell, Column, FactsPart, Section, Status, Table, TextPart
from scaling_bayes.report.words import months
from scaling_bayes.schema import VARIABLES, group

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scaling_bayes.report.reading import Facts

__all__ = ["calibration_section", "checks_section", "fits_section", "settings_section", "slopes_section"]

_CONVENTION = "median [90 % equal-tailed interval]"
_SIGNS = {">=": "≥", "<=": "≤"}
_CHECKS = {
    "rhat": "R-hat",
    "ess_bulk": "effective draws, bulk",
    "ess_tail": "effective draws, tails",
    "divergences": "divergences",
    "ebfmi": "E-BFMI",
    "max_treedepth_share": "share at maximal tree depth",
}


def fits_section(facts: Facts) -> Section:
    """Error over compute, one panel per task."""
    reference = f"at the mean year of its systems, {_range(facts)}" if facts.options.needs_year else ""
    lines = least_squares_lines(facts)
    figure = draw(
        "fits",
        "Error against training compute",
        caption=(
            "Error against training compute of the systems of each task, as reported. Line: "
            "posterior median of the "
            f"{facts.options.law} law{' ' + reference if reference else ''}. Bands hold 50 % and 90 "
            "% (equal tails) of new "
            "systems, given their true compute."
            + (" Earlier and later: than that mean year." if reference else "")
            + (" Dashed: the least-squares line of the 2020 paper, on its own points." if lines else "")
        ),
        alt="Scatter plots of error against training compute with fitted line and predictive bands, "
        "one for each of " + ", ".join(task_label(task) for task in facts.tasks),
        function=lambda width: plot_fits(
            facts.idata, columns=3 if width == WIDE else 1, width=width, least_squares=lines or None
        ),
    )
    return Section("fits", "Fits through the data", "Fits", (figure,))


def _range(facts: Facts) -> str:
    years = sorted(float(year) for year in group(facts.idata, "constant_data")["reference_year"].values)
    first, last = format_year(years[0]), format_year(years[-1])
    return first if first == last else f"{first} to {last}"


def slopes_section(facts: Facts) -> Section:
    """Prior and posterior of the slopes, and a table of every task's parameters."""
    figure = draw(
        "slopes",
        "Slopes, prior and posterior",
        caption=(
            "Slope of each task before the data (grey) and after (blue). Dot: posterior median; "
            "bars: 50 % and 90 % "
            "intervals (equal tails). The further left, the more compute each gain costs."
        ),
        alt="Prior and posterior densities of the slope of each task. "
        + "; ".join(
            f"{task_label(task)}: {_interval(facts, 'posterior', task, 'slope')}" for task in facts.tasks
        ),
        function=lambda width: plot_slopes(facts.idata, width=width).get_figure(root=True),  # type: ignore[arg-type, return-value]
    )
    progress = facts.options.algorithmic_progress
    columns = [
        Column("Task"),
        Column("Slope", "gain per tenfold compute", numeric=True),
        Column("Exponent", "1 / slope", numeric=True),
        Column("Noise", "between systems", numeric=True),
    ]
    if progress:
        columns += [
            Column("Algorithmic progress", "powers of ten a year", numeric=True),
            Column("Compute halves", "every … months", numeric=True),
        ]
    quantities = ["slope", "exponent", "noise", *(["progress"] if progress else [])]
    rows: list[tuple[Cell, ...]] = []
    for stage, task in [*(("posterior", task) for task in facts.tasks), ("prior", "")]:
        row: list[Cell] = [task_label(task, 60) if task else "Prior, every task"]
        row += [_interval(facts, stage, task, quantity) for quantity in quantities]
        if progress:
            row.append(months(_quantile(facts, stage, task, "progress", "median")))
        rows.append(tuple(row))
    law = get_law(facts.options.law)
    table = Table(
        f"Posterior of each task's parameters: {_CONVENTION}. Slope and noise are on the scale of "
        f"{law.formula}; progress is "
        "in powers of ten of compute; its halving time is the median.",
        tuple(columns),
        tuple(rows),
    )
    parts: list[Table | TextPart] = [table]
    if facts.options.measurement_error:
        found, believed = (_interval(facts, stage, "", "compute_error") for stage in ("posterior", "prior"))
        parts.append(
            TextPart(
                f"Standard deviation of the error of reported training compute, in powers of ten: {found}; "
                f"prior {believed} ({_CONVENTION})."
            )
        )
    return Section("slopes", "Slopes: what compute buys", "Slopes", (figure, *parts))


def checks_section(facts: Facts) -> Section:
    """Return the checks of the fit, as values against thresholds."""
    rows: list[tuple[Cell, ...]] = [
        (
            _CHECKS.get(row["check"], row["check"]),
            _value(row["value"]),
            f"{_SIGNS.get(row['comparison'], row['comparison'])} {row['threshold']:g}",
            Status(bool(row["passed"])),
            row["worst"],
            "" if row["passed"] else row["meaning"],
        )
        for row in records(facts.checks)
    ]
    columns = [
        Column("Check"),
        Column("Value", "worst over the fit", numeric=True),
        Column("Must be", numeric=True),
        Column("Result"),
        Column("Set by"),
        Column("What it means", grows=True),
    ]
    if facts.checks["passed"].all():
        columns, rows = columns[:-1], [row[:-1] for row in rows]
    figure = draw(
        "ranks",
        "Agreement of the chains",
        caption="Ranks of the draws of each chain, for the parameters that set the checks above. "
        "Flat lines near 1: chains agree.",
        alt="Rank histograms by chain of the parameters with the worst R-hat and effective sample sizes",
        function=lambda width: plot_ranks(facts.idata, width=width),
    )
    caption = "Checks of the sampler: R-hat, effective sample sizes, divergences, energy and tree depth."
    return Section(
        "checks", "Checks of the fit", "Checks", (Table(caption, tuple(columns), tuple(rows)), figure)
    )


def settings_section(facts: Facts) -> Section:
    """Priors, options, sampler settings and library versions."""
    model, sampler = facts.manifest["model"], facts.manifest["sampler"]
    law = get_law(facts.options.law)
    options: list[tuple[str, Cell]] = [
        ("law", f"{facts.options.law}: {law.formula} is linear in log10 compute")
    ]
    options += [(name, _plain(value)) for name, value in model.items() if name != "law"]
    priors = Table(
        "Prior of each parameter, in PyMC's names and parameters.",
        (Column("Parameter"), Column("Prior"), Column("What it is", grows=True)),
        tuple(
            (name, _prior(stored), VARIABLES.get(name, ("", ""))[1])
            for name, stored in facts.manifest["priors"].items()
        ),
    )
    heading = TextPart("Options", "heading")
    return Section(
        "settings",
        "Priors and options",
        "Priors",
        (
            heading,
            FactsPart(tuple(options)),
            TextPart("Priors", "heading"),
            priors,
            TextPart("Sampler", "heading"),
            FactsPart(tuple((name, _plain(value)) for name, value in sampler.items()), compact=True),
            TextPart("Versions", "heading"),
            FactsPart(
                tuple((name, _plain(value)) for name, value in facts.manifest["versions"].items()),
                compact=True,
            ),
        ),
    )


def calibration_section(facts: Facts) -> Section:
    """Prior and posterior predictive distributions beside the observed errors."""
    prior = draw(
        "prior-predictive",
        "Errors expected before the data",
        caption=(
            "Errors the model expects of the systems before it sees any error. Grey dot and bars: "
            "median, 50 % and 90 % "
            "intervals (equal tails); blue ticks: observed errors."
        ),
        alt="Prior predictive intervals of error for each task, with the observed errors as ticks",
        function=lambda width: plot_prior_predictive(facts.idata, width=width).get_figure(root=True),  # type: ignore[arg-type, return-value]
    )
    posterior = draw(
        "posterior-predictive",
        "Calibration on the fitted data",
        caption=(
            "Calibration on the data that were fitted, which flatters. Left or above: ranks of the "
            "observed errors among "
            "predicted ones, flat if calibrated; the band holds 90 % of chance variation in each "
            "bin. Right or below: share "
            "of observed errors inside intervals of each probability, on the dashed line if calibrated."
        ),
        alt="Histogram of ranks of observed errors in the posterior predictive distribution, and "
        "coverage of intervals. "
        + "; ".join(
            f"{task_label(row['task'])}: {100 * row['coverage_90']:.0f} % inside the 90 % interval"
            for row in records(facts.by_task)
        ),
        function=lambda width: plot_posterior_predictive(facts.idata, width=width),
    )
    table = Table(
        "Share of the observed errors inside the posterior predictive interval (equal-tailed) of "
        "each probability.",
        (
            Column("Task"),
            Column("Systems", numeric=True),
            Column("In 50 % interval", numeric=True),
            Column("In 90 % interval", numeric=True),
        ),
        tuple(
            (
                task_label(row["task"], 60),
                str(row["systems"]),
                f"{100 * row['coverage_50']:.0f} %",
                f"{100 * row['coverage_90']:.0f} %",
            )
            for row in records(facts.by_task)
        ),
    )
    return Section(
        "calibration", "What the model expects, and what was seen", "Calibration", (prior, posterior, table)
    )


def _quantile(facts: Facts, stage: str, task: str, quantity: str, name: str) -> float:
    frame = facts.parameters
    rows = frame[(frame["stage"] == stage) & (frame["task"] == task) & (frame["quantity"] == quantity)]
    return float(rows[name].iloc[0])


def _interval(facts: Facts, stage: str, task: str, quantity: str) -> str:
    median, lower, upper = (
        _short(_quantile(facts, stage, task, quantity, name)) for name in ("median", "lower_90", "upper_90")
    )
    return f"{median} [{lower}, {upper}]"


def _short(value: float) -> str:
    if not math.isfinite(value):
        return str(value)
    return (
        f"{value:#.2g}"
        if 1e-4 <= abs(value) < 9.95
        else f"{value:,.0f}"
        if 9.95 <= abs(value) < 1e6
        else f"{value:.2g}"
    )


def _value(value: float) -> str:
    if math.isnan(value):
        return "not defined"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.4g}"


def _prior(stored: Mapping[str, float | str]) -> str:
    family, parameters = stored["family"], {k: float(v) for k, v in stored.items() if k != "family"}
    try:
        return str(Prior(str(family), **parameters))
    except Exception:  # noqa: BLE001 - a prior of a later release is still printed as it is stored
        return f"{family}({', '.join(f'{k}={format_number(v)}' for k, v in parameters.items())})"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value}"
