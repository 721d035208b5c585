"""Sections on calibration: on the data that were fitted, on simulations, and on what came after a cut-off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes import figures
from scaling_bayes.diagnostics.calibration import calibration_table, is_projection
from scaling_bayes.diagnostics.scores import COVERAGES, FORECASTERS_DRAWN, forecaster_label, score_table
from scaling_bayes.intervals import reported
from scaling_bayes.report.blocks import Cell, Details, Section, Table
from scaling_bayes.report.drawing import draw
from scaling_bayes.report.finding import source_of
from scaling_bayes.report.tables import Row, column, numeric, table_of, task_column
from scaling_bayes.text import records, task_label

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from scaling_bayes.report.facts import Facts

#: Probability outside a band of 95 %.
_BAND = 0.05
_SCORED = "Predictions of the same later systems, scored"


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
        function=lambda width: figures.plot_prior_predictive(facts.fit, width=width),
        table=_expected(facts),
        source=source_of(facts),
    )
    posterior = draw(
        "posterior-predictive",
        "Calibration on the fitted data",
        caption=(
            "Calibration on the fitted data (optimistic). Left or above: ranks of the "
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
        function=lambda width: figures.plot_posterior_predictive(facts.fit, width=width),
        table=facts.by_task,
        source=source_of(facts),
    )
    table = table_of(
        "Share of the observed errors inside the posterior predictive interval (equal-tailed) of "
        "each probability.",
        records(facts.by_task),
        task_column(),
        numeric("Systems", lambda row: str(row["systems"])),
        numeric("In 50 % interval", lambda row: f"{100 * row['coverage_50']:.0f} %"),
        numeric("In 90 % interval", lambda row: f"{100 * row['coverage_90']:.0f} %"),
    )
    return Section(
        "calibration", "What the model expects, and what was seen", "Calibration", (prior, posterior, table)
    )


def _expected(facts: Facts) -> pd.DataFrame:
    """Quantiles of the errors expected of the systems of each task before any was seen."""
    import pandas as pd

    draws = {task: facts.fit.predictive_draws("prior", task).ravel() for task in facts.fit.tasks}
    return pd.DataFrame([{"task": task, **reported(errors)} for task, errors in draws.items()])


def simulated_section(facts: Facts) -> Section | None:
    """Whether intervals hold where the truth is known; None without a released calibration of this model."""
    if facts.simulated is None:
        return None
    simulated = facts.simulated
    summary = calibration_table(simulated)
    of_projection = np.array([is_projection(name) for name in summary["quantity"]])
    parts = [("Parameters", summary[~of_projection]), ("Projections", summary[of_projection])]
    fits = simulated.group("fits").sizes["fit"]
    failed = int(np.count_nonzero(simulated.group("fits")["failure"].values != ""))
    figure = draw(
        "simulated",
        "Simulation-based calibration",
        caption=(
            f"{fits} times parameters were drawn from the prior, data of the same systems, years and papers "
            "simulated from them, and the model fitted to these. Ranks: of the true values among posterior "
            "draws, cumulated, less what is expected; a line for each quantity, and the band holds 95 % of "
            "lines from end to end if the model is calibrated. Coverage: share of true values inside "
            "intervals (equal tails) of each probability, on the dashed line if calibrated."
        ),
        alt="Empirical distributions of ranks of true values, and coverage of intervals. "
        + "; ".join(
            f"{name}: {100 * rows['coverage_90'].mean():.1f} % inside the 90 % interval"
            for name, rows in parts
        ),
        function=lambda width: figures.plot_sbc(simulated, width=width),
        table=summary,
        source=source_of(facts),
    )
    table = table_of(
        f"Simulation-based calibration, {fits} simulations, {failed} failed. Outside: quantities whose ranks "
        f"leave their own 95 % band; about one in twenty is expected by chance. Smallest p: of uniform "
        "ranks, over the quantities.",
        [{"name": name, "of": rows} for name, rows in parts],
        column("Quantities", lambda row: row["name"]),
        numeric("Number", lambda row: str(len(row["of"]))),
        numeric("In 50 % interval", lambda row: f"{100 * row['of']['coverage_50'].mean():.1f} %"),
        numeric("In 90 % interval", lambda row: f"{100 * row['of']['coverage_90'].mean():.1f} %"),
        numeric("Outside", lambda row: str(int((row["of"]["p_value"] < _BAND).sum()))),
        numeric("Smallest p", lambda row: f"{row['of']['p_value'].min():.2g}"),
    )
    return Section("simulated", "Calibration where the truth is known", "Simulations", (figure, table))


def scorecard_section(facts: Facts) -> Section | None:
    """How predictions of later systems turned out; None where the shipped scorecard is not of these data."""
    if facts.scorecard is None:
        return None
    scores = facts.scorecard
    drawn = [name for name in FORECASTERS_DRAWN if name in set(scores["forecaster"])]
    years = [str(year) for year in sorted(scores["cutoff"].unique())]
    until = " and ".join([*([", ".join(years[:-1])] if years[:-1] else []), years[-1]])
    figure = draw(
        "scorecard",
        "Calibration out of time",
        caption=(
            f"Predictions of systems published after the end of {until}, each from what was known by then. "
            "Left or above: share of observed errors inside intervals (equal tails) of each probability, on "
            "the dashed line if calibrated. Right or below: ranks of the observed errors among predicted "
            "ones, flat if calibrated; systems are ranked from predicted too high to predicted too low."
        ),
        alt="Coverage of intervals and rank histograms of predictions out of time. "
        + "; ".join(
            f"{forecaster_label(row['forecaster'])}: {100 * row['coverage_90']:.0f} % in the 90 % interval"
            for row in records(score_table(scores))
            if row["forecaster"] in drawn
        ),
        function=lambda width: figures.plot_calibration(scores, forecasters=drawn, width=width),
        table=score_table(scores),
        source=source_of(facts),
    )
    caption = (
        f"{_SCORED}. Gain: log density of the observed errors over that of the 2020 paper's least-squares "
        "power line, on the systems both predict; higher is better. CRPS: mean, in powers of ten of error; "
        "lower is better. In 50, 80 and 90 %: share of observed errors in that equal-tailed interval."
    )
    few = scores[scores["forecaster"].isin(drawn)]
    details = [
        Details(
            title,
            (
                _scores_table(
                    f"{_SCORED}, {title.lower()}.",
                    score_table(few, [column, "forecaster"]),
                    column,
                ),
            ),
        )
        for title, column in (("By cut-off", "cutoff"), ("By task", "task"))
    ]
    return Section(
        "scorecard",
        "Out of time: what came later",
        "Out of time",
        (figure, _scores_table(caption, score_table(scores)), *details),
    )


def _scores_table(caption: str, frame: pd.DataFrame, by: str | None = None) -> Table:
    first = {
        "cutoff": column("End of", task_column(once=True)[1]),
        "task": task_column(once=True),
    }
    rows = records(frame if by is None else frame.assign(task=frame[by].astype(str)))

    def covered(probability: float) -> Callable[[Row], Cell]:
        name = f"coverage_{round(100 * probability)}"
        return lambda row: _known(row[name], f"{100 * row[name]:.0f} %")

    return table_of(
        caption,
        rows,
        *([first[by]] if by else []),
        column("Forecaster", lambda row: forecaster_label(row["forecaster"])),
        numeric("Gain", _gain, "nats per 60 systems"),
        numeric("CRPS", lambda row: _known(row["crps"], f"{row['crps']:.4f}")),
        *(numeric(f"In {100 * probability:.0f} %", covered(probability)) for probability in COVERAGES),
        numeric("Systems", lambda row: f"{row['systems']}"),
        numeric("Not predicted", lambda row: f"{row['not_predicted']}"),
    )


def _gain(row: Row) -> str:
    return _known(row["gain"], f"{row['gain']:+.1f}".replace("-", "−") if row["gain"] else "0")


def _known(value: float, text: str) -> str:
    return "not defined" if value != value else text
