"""The tables of docs/laws.md and docs/prior_predictive.md, from the stored results and the priors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import draw_error
from scaling_bayes.core.priors import default_priors
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.intervals import reported
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.text import format_interval
from tools.evidence.ingredients import HEADLINES
from tools.evidence.measure import RANDOM_SEED
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["pages"]

PRIOR_DRAWS = 4000


def pages(root: Path) -> dict[Path, str]:
    """Text of each page with its tables as the stored results, and the priors, have them."""
    scores = pd.read_csv(root / "data" / "scorecard.csv")
    ingredients = pd.read_csv(root / "data" / "ingredients.csv")
    laws = {
        "scores": _scores(scores, "forecaster"),
        "scores_by_cutoff": _scores(
            scores[scores["forecaster"].isin(["stack", "power", "unpooled", "least_squares_power"])],
            ["cutoff", "forecaster"],
        ),
        "scores_by_task": _scores(
            scores[scores["forecaster"].isin(["stack", "least_squares_power"])], ["task", "forecaster"]
        ),
        "weights": _weights(scores),
        "ingredients": _ingredients(ingredients),
        "headlines": _headlines(ingredients),
        "law_recovery": _recovery(pd.read_csv(root / "data" / "law_recovery.csv")),
    }
    prior = {"prior_predictive": _prior_predictive()}
    return filled(root, Path("docs", "laws.md"), laws) | filled(
        root, Path("docs", "prior_predictive.md"), prior
    )


def _records(frame: pd.DataFrame) -> Iterable[Mapping[Any, Any]]:
    return frame.to_dict(orient="records")


def _scores(scores: pd.DataFrame, by: str | list[str]) -> str:
    columns = [by] if isinstance(by, str) else by
    header = [*columns, "systems", "not predicted", "log score", "over the 2020 line", "CRPS"]
    return markdown_table(
        [*header, "in 50 %", "in 80 %", "in 90 %"],
        [
            [
                *(str(TASK_LABELS.get(row[name], row[name])) for name in columns),
                str(row["systems"]),
                str(row["not_predicted"]),
                f"{row['log_score']:.1f}",
                "" if pd.isna(row["gain"]) else f"{row['gain']:+z.1f}",
                f"{row['crps']:.4f}",
                *(f"{row[f'coverage_{probability}']:.3f}" for probability in (50, 80, 90)),
            ]
            for row in _records(score_table(scores, by))
        ],
    )


def _weights(scores: pd.DataFrame) -> str:
    weighted = scores[scores["weight"].notna()]
    table = weighted.groupby(["cutoff", "forecaster"], sort=False)["weight"].first().unstack()
    return markdown_table(
        ["up to", *map(str, table.columns)],
        [[str(cutoff), *(f"{value:.2f}" for value in row)] for cutoff, row in table.iterrows()],
    )


def _ingredients(table: pd.DataFrame) -> str:
    return markdown_table(
        ["variant", "elpd, nats", "difference", "its standard error", "weight in the stack"],
        [
            [
                row["variant"],
                f"{row['elpd']:.1f}",
                f"{row['difference']:+z.1f}",
                f"{row['difference_se']:.1f}",
                "" if pd.isna(row["weight"]) else f"{row['weight']:.2f}",
            ]
            for row in _records(table.drop_duplicates("variant"))
        ],
    )


def _headlines(table: pd.DataFrame) -> str:
    rows = []
    for variant, group in table.groupby("variant", sort=False):
        by_task = {row["task"]: row for row in _records(group)}
        rows.append(
            [str(variant)]
            + [
                format_interval(row["median"], row["lower_90"], row["upper_90"])
                for row in (by_task[task] for task in HEADLINES)
            ]
        )
    header = [f"{TASK_LABELS[task]} {100 * error:g} %" for task, error in HEADLINES.items()]
    return markdown_table(["variant", *header], rows)


def _recovery(table: pd.DataFrame) -> str:
    header = ["data of", "simulations", "law or its equivalent has the largest weight"]
    return markdown_table(
        [*header, *(f"mean weight of {law}" for law in LAWS)],
        [
            [
                str(law),
                str(len(group)),
                f"{int(group['recovered'].sum())} of {len(group)}",
                *(f"{group[f'weight_{name}'].mean():.2f}" for name in LAWS),
            ]
            for law, group in table.groupby("law", sort=False)
        ],
    )


def _prior_predictive() -> str:
    """Errors that the priors of each law expect of the reference systems, beside those observed."""
    observations = observe(reference_systems(), needs_year=True)
    rows = []
    for law in LAWS:
        options = observations.applicable(ModelOptions(law))
        prior = draw_prior(
            options,
            default_priors(options),
            observations,
            draws=PRIOR_DRAWS,
            random_seed=RANDOM_SEED,
        )
        performance = observed_performance(law, prior, observations)
        drawn = draw_error(performance, generator(RANDOM_SEED, Stream.PRIOR_PREDICTIVE)).values
        for number, task in enumerate(observations.tasks):
            of_task = observations.task_index == number
            expected, observed = reported(drawn[..., of_task]), observations.error[of_task]
            inside = (observed >= expected["lower_90"]) & (observed <= expected["upper_90"])
            rows.append(
                [
                    law,
                    str(TASK_LABELS[task]),
                    *(
                        f"{100 * expected[name]:.3g}"
                        for name in ("lower_90", "lower_50", "median", "upper_50")
                    ),
                    f"{100 * expected['upper_90']:.3g}",
                    f"{100 * observed.min():.3g} to {100 * observed.max():.3g}",
                    f"{int(inside.sum())} of {observed.size}",
                    f"{100 * (drawn[..., of_task] >= 1).mean():.2g}",
                ]
            )
    header = ["law", "task", "5 %", "25 %", "median", "75 %", "95 %", "observed, %", "inside 90 %"]
    return markdown_table([*header, "at the worst (100 %), % of draws"], rows)
