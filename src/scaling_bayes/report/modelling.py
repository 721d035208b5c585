"""Sections on the model: fits through the data, slopes, checks, priors and options."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scaling_bayes import figures
from scaling_bayes.core.options import STACK
from scaling_bayes.core.priors import Prior
from scaling_bayes.projection.progress import THEORETICAL_EXPONENT
from scaling_bayes.report.blocks import Cell, FactsPart, Part, Section, Status, Table, TextPart
from scaling_bayes.report.comparison import least_squares_lines, least_squares_slopes
from scaling_bayes.report.drawing import WIDE, draw
from scaling_bayes.report.finding import source_of
from scaling_bayes.report.laws import law_in_words
from scaling_bayes.report.tables import (
    CONVENTION,
    Row,
    Shown,
    column,
    estimate,
    numeric,
    table_of,
    task_column,
)
from scaling_bayes.text import format_number, format_year, legible, percent, records, span_text, task_label
from scaling_bayes.trace.schema import VARIABLES
from scaling_bayes.trace.view import split_check

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from scaling_bayes.report.facts import Facts

#: Columns of the systems that their picture shows.
_DRAWN = ["task", "label", "error", "log10_training_compute_flop", "publication_year", "paper"]
#: Tasks beyond these have no panel in the page, lest it grow without bound.
MOST_PANELS = 24
_SIGNS = {">=": "≥", "<=": "≤"}
_CHECKS = {
    "rhat": "R-hat",
    "ess_bulk": "effective draws, bulk",
    "ess_tail": "effective draws, tails",
    "divergences": "divergences",
    "ebfmi": "E-BFMI",
    "max_treedepth_share": "share at maximal tree depth",
    "wrong_sign": "wrong sign",
    "lack_of_fit": "lack of fit",
    "outlier": "outlier",
    "influence": "influence",
}
_COMMON = {
    "compute_error": "Error of reported compute, standard deviation in powers of ten",
    "flagged_error_factor": "Factor by which that error is wider where compute is in doubt",
    "paper_correlation": "Correlation of systems of one paper",
    "correlation_length": "Compute over which points of one curve are correlated",
    "degrees_of_freedom": "Degrees of freedom between papers (Student t)",
}


def fits_section(facts: Facts) -> Section:
    """Error over compute, one panel per task."""
    drawn = facts.fit.tasks[:MOST_PANELS]
    left_out = (
        f" Of {len(facts.fit.tasks)} tasks the first {MOST_PANELS} are drawn; plot_fits draws any other."
        if len(facts.fit.tasks) > MOST_PANELS
        else ""
    )
    reference = f"at the mean year of its systems, {_range(facts)}" if facts.fit.options.needs_year else ""
    lines = least_squares_lines(facts)
    figure = draw(
        "fits",
        "Error against training compute",
        caption=(
            "Error against training compute of the systems of each task, as reported. Line: "
            f"posterior median of {_law_name(facts)}{' ' + reference if reference else ''}. Bands hold "
            "50 % and 90 % (equal tails) of new systems, given their true compute."
            + (
                " Each system stands at its own year, earlier or later than that mean year."
                if reference
                else ""
            )
            + (" Dashed: the least-squares line of the 2020 paper, on its own points." if lines else "")
            + left_out
        ),
        alt="Scatter plots of error against training compute with fitted line and predictive bands, "
        "one for each of " + ", ".join(task_label(task) for task in drawn),
        function=lambda width: figures.plot_fits(
            facts.fit,
            tasks=drawn,
            columns=3 if width == WIDE else 1,
            width=width,
            least_squares=lines or None,
        ),
        table=facts.systems.filter(items=_DRAWN),
        source=source_of(facts),
    )
    return Section("fits", "Fits through the data", "Fits", (figure,))


def _range(facts: Facts) -> str:
    years = sorted(float(year) for year in facts.fit.constant["reference_year"].values)
    return span_text(format_year(years[0]), format_year(years[-1]))


def _law_name(facts: Facts) -> str:
    return "all laws, by weight," if facts.fit.options.law == STACK else f"the {facts.fit.options.law} law"


def slopes_section(facts: Facts) -> Section:
    """Prior and posterior of the slopes, and tables of the parameters of each task and of all."""
    where = (
        ""
        if facts.fit.options.law == "power"
        else ", at the task's reference error (the geometric mean of its systems)"
    )
    alone = least_squares_slopes(facts)
    figure = draw(
        "slopes",
        "Slopes, prior and posterior",
        caption=(
            f"Slope of each task, in powers of ten of error per tenfold compute{where}, "
            "before the data (grey) and after (blue). Dot: posterior median; "
            "bars: 50 % and 90 % "
            "intervals (equal tails). The further left, the more compute each gain costs."
            + (
                " Orange: unpooled, the least-squares slope of each task alone on the 2020 paper's points, "
                "with its 90 % confidence interval; numbers under 2020 paper."
                if len(alone)
                else ""
            )
        ),
        alt="Prior and posterior densities of the slope of each task. "
        + "; ".join(
            f"{task_label(task)}: {estimate(facts, 'posterior', task, 'slope')}" for task in facts.fit.tasks
        ),
        function=lambda width: figures.plot_slopes(
            facts.fit, unpooled=alone if len(alone) else None, width=width
        ),
        table=facts.parameters[facts.parameters["quantity"] == "slope"],
        source=source_of(facts),
    )
    below = facts.progress[facts.progress["quantity"] == "exponent"].set_index("task")["below_bound"]
    bound = f"{THEORETICAL_EXPONENT:g}"

    def of_task(quantity: str) -> Callable[[Row], Cell]:
        return lambda row: estimate(facts, row["stage"], row["task"], quantity)

    table = table_of(
        f"Posterior of each task's slope and noise, in powers of ten of error{where}: {CONVENTION}. "
        f"An exponent below {bound} is less than statistics allows where error is a root mean squared "
        "difference (Thompson et al. 2020, section 2).",
        [
            *({"stage": "posterior", "task": task} for task in facts.fit.tasks),
            {"stage": "prior", "task": ""},
        ],
        column("Task", lambda row: task_label(row["task"], 60) if row["task"] else "Prior, all tasks"),
        numeric("Slope", of_task("slope"), "per tenfold compute"),
        numeric("Exponent", of_task("exponent"), "1 / slope"),
        numeric(
            f"Exponent below {bound}",
            lambda row: f"{100 * below[row['task']]:.3g} %" if row["task"] else "",
            "probability",
        ),
        numeric("Noise", of_task("noise"), "between systems"),
    )
    return Section(
        "slopes", "Slopes: what compute buys", "Slopes", (figure, table, *_floors(facts), *_common(facts))
    )


def _floors(facts: Facts) -> tuple[Table, ...]:
    """Irreducible error of each task, where a law has one."""
    known = facts.parameters[facts.parameters["quantity"] == "floor"]
    if known["stage"].nunique() < len(("prior", "posterior")):
        return ()
    stacked = ", in the draws of the saturating law" if facts.fit.options.law == STACK else ""

    def floor(stage: str) -> Callable[[Row], Cell]:
        return lambda row: estimate(facts, stage, row["task"], "floor", percent)

    return (
        table_of(
            f"Irreducible error of each task{stacked}: {CONVENTION}.",
            ({"task": task} for task in facts.fit.tasks),
            task_column(),
            numeric("Posterior", floor("posterior"), "%"),
            numeric("Prior", floor("prior"), "%"),
        ),
    )


def _common(facts: Facts) -> tuple[Table, ...]:
    """Parameters that all tasks have in common, as far as they are in the model."""
    known = [name for name in _COMMON if name in set(facts.parameters["quantity"])]
    if not known:
        return ()

    def of_all(stage: str) -> Callable[[Row], Cell]:
        return lambda row: estimate(facts, stage, "", row["name"])

    return (
        table_of(
            f"Parameters that all tasks have in common: {CONVENTION}.",
            ({"name": name} for name in known),
            column("Parameter", lambda row: _COMMON[row["name"]]),
            numeric("Posterior", of_all("posterior")),
            numeric("Prior", of_all("prior")),
        ),
    )


def checks_section(facts: Facts) -> Section:
    """Return the checks of the fit, as values against thresholds."""
    stacked = facts.fit.options.law == STACK
    previous = ""

    def fit(row: Row) -> str:
        nonlocal previous
        same, previous = split_check(row["check"])[0] == previous, split_check(row["check"])[0]
        return "" if same else legible(previous, 40)

    figure = draw(
        "ranks",
        "Agreement of the chains",
        caption="Ranks of the draws of each chain, for the parameters that set the checks above. "
        "Flat lines near 1: chains agree."
        + (" Of all fits in the stack the worst, among the draws of its law." if stacked else ""),
        alt="Rank histograms by chain of the parameters with the worst R-hat and effective sample sizes",
        function=lambda width: figures.plot_ranks(facts.fit, width=width),
        table=facts.checks,
        source=source_of(facts),
    )
    caption = "Checks of the sampler: R-hat, effective sample sizes, divergences, energy and tree depth."
    caption += " Each fit in the stack was sampled and checked for itself." if stacked else ""
    table = _checks_table(
        caption, facts.checks, "worst over the fit", *([column("Fit", fit)] if stacked else [])
    )
    return Section("checks", "Checks of the fit", "Checks", (table, *_against_data(facts), figure))


def _against_data(facts: Facts) -> tuple[Part, ...]:
    """Table of the checks of the model against the data; where there is none, `Facts.unread` says why."""
    if facts.data_checks is None:
        return ()
    caption = (
        "Checks of the model against the data: would it make systems like these? The p-values allow for the "
        "number of tasks or systems tested."
    )
    return (_checks_table(caption, facts.data_checks, "p-value; shift in standard deviations", longest=60),)


def _checks_table(
    caption: str, checks: pd.DataFrame, value: str, *first: Shown, longest: int | None = None
) -> Table:
    """A table of checks; what they mean only where one did not pass."""

    def name(row: Row) -> str:
        check = split_check(row["check"])[1]
        return _CHECKS.get(check, str(row["check"]))

    def limit(row: Row) -> str:
        return f"{_SIGNS.get(row['comparison'], row['comparison'])} {row['threshold']:g}"

    def meaning(row: Row) -> str:
        return "" if row["passed"] else str(row["meaning"])

    return table_of(
        caption,
        records(checks),
        *first,
        column("Check", name),
        numeric("Value", lambda row: _value(row["value"]), value),
        numeric("Threshold", limit),
        column("Result", lambda row: Status(bool(row["passed"]))),
        column("Worst parameter", lambda row: legible(row["worst"], longest)),
        *([] if checks["passed"].all() else [column("What it means", meaning, grows=True)]),
    )


def settings_section(facts: Facts) -> Section:
    """Priors, options, sampler settings and library versions."""
    model, sampler = facts.fit.manifest["model"], facts.fit.manifest["sampler"]
    options: list[tuple[str, Cell]] = [("law", law_in_words(facts))]
    options += [(name, _plain(value)) for name, value in model.items() if name != "law"]
    priors = table_of(
        "Prior of each parameter, in PyMC's names and parameters.",
        ({"name": name, "prior": prior} for name, prior in facts.fit.manifest["priors"].items()),
        column("Parameter", lambda row: row["name"]),
        column("Prior", lambda row: _prior(row["prior"])),
        column("What it is", lambda row: VARIABLES.get(row["name"], ("", ""))[1], grows=True),
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
                tuple((name, _plain(value)) for name, value in facts.fit.manifest["versions"].items()),
                compact=True,
            ),
        ),
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
