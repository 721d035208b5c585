"""Measure what the choice of laws rests on: ``python -m tools.evidence.measure``.

Writes ``data/scorecard.csv``, ``data/ingredients.csv``, ``data/law_recovery.csv`` and the tables of
``docs/laws.md`` and ``docs/prior_predictive.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.predictive import draw_error, observed_performance
from scaling_bayes.core.priors import default_priors
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.errors import ScalingBayesError
from scaling_bayes.files import write_text
from scaling_bayes.intervals import reported
from scaling_bayes.model.evaluate.scorecard import scorecard
from scaling_bayes.resources import checkout_root
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.text import format_interval
from tools.evidence.ingredients import HEADLINES, measure_ingredients
from tools.evidence.law_recovery import law_recovery
from tools.pages.refill import fill_blocks, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["main"]

RANDOM_SEED = 20261123
PAGES = (Path("docs", "laws.md"), Path("docs", "prior_predictive.md"))
PRIOR_DRAWS = 4000
_QUANTILES = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
#: Title of each table, and unit and meaning of its columns.
TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "scorecard": (
        "Predictions of later systems by fits of what was published before, with their scores",
        {
            "cutoff": ("year", "Last calendar year whose systems were fitted"),
            "forecaster": ("-", "What predicted"),
            "task": ("-", "Task"),
            "system": ("-", "System predicted"),
            "year": ("year", "Its publication, decimal"),
            "error": ("1", "Its error"),
            "log_score": ("nat", "Natural log of the predictive density of the error"),
            "crps": ("log10 error", "Continuous ranked probability score of log10 error"),
            "pit": ("1", "Predictive probability of an error at most the observed"),
            "weight": ("1", "Weight of the forecaster in the stack"),
        },
    ),
    "ingredients": (
        "Predictive density and headline projections with one ingredient of the model changed at a time",
        {
            "variant": ("-", "What differs from the reference fit"),
            "elpd": ("nat", "Expected log predictive density, 10-fold cross-validation by paper"),
            "difference": ("nat", "To the reference"),
            "difference_se": ("nat", "Standard error of the difference"),
            "weight": ("1", "Weight in the stack of laws"),
            "task": ("-", "Task of the projection"),
            "error": ("1", "Target error"),
            **{
                name: ("log10(FLOP)", f"Training compute: {name.replace('_', ', ')} %") for name in _QUANTILES
            },
            "unreachable": ("1", "Share of draws in which no compute reaches the target"),
        },
    ),
    "law_recovery": (
        "Stacking weights of all laws on data simulated from each",
        {
            "law": ("-", "Law the data were simulated from"),
            "simulation": ("1", "Number of the simulation"),
            **{f"weight_{law}": ("1", f"Weight of the {law} law") for law in LAWS},
            "largest": ("-", "Law with the largest weight"),
            "recovered": ("-", "Whether that is the law of the data or equivalent to it"),
        },
    ),
}
_MAKERS: Mapping[str, Callable[[], pd.DataFrame]] = {
    "scorecard": lambda: scorecard(random_seed=RANDOM_SEED),
    "ingredients": lambda: measure_ingredients(RANDOM_SEED),
    "law_recovery": lambda: law_recovery(20, random_seed=RANDOM_SEED),
}
_SIDECAR = """\
title = "{title}"
description = "Made by python -m tools.evidence.measure from the reference systems, seed {seed}."
producers = ["The scaling_bayes developers"]
citation = "scaling_bayes"
licence = "CC-BY-4.0"
sha256 = "{digest}"
"""


def write_table(root: Path, name: str, table: pd.DataFrame) -> list[Path]:
    """Write a table and the description beside it."""
    title, columns = TABLES[name]
    content = table[list(columns)].to_csv(index=False, float_format="%.6g", lineterminator="\n")
    about = _SIDECAR.format(
        title=title, seed=RANDOM_SEED, digest=hashlib.sha256(content.encode()).hexdigest()
    )
    for column, (unit, meaning) in columns.items():
        about += f'\n[[columns]]\nname = "{column}"\nunit = "{unit}"\nmeaning = "{meaning}"\n'
    path = root / "data" / f"{name}.csv"
    write_text(path, content)
    write_text(path.with_name(f"{name}.meta.toml"), about)
    return [path, path.with_name(f"{name}.meta.toml")]


def filled_pages(root: Path) -> dict[Path, str]:
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
    texts = ((root / page).read_text(encoding="utf-8") for page in PAGES)
    blocks = (laws, {"prior_predictive": _prior_predictive()})
    return {page: fill_blocks(text, block) for page, text, block in zip(PAGES, texts, blocks, strict=True)}


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
            observations.tasks,
            observations.reference_error,
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write, or only refill or check the page; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.evidence.measure", description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="what to measure; all by default")
    parser.add_argument("--page", action="store_true", help="sample nothing; refill the page")
    parser.add_argument("--check", action="store_true", help="sample nothing; fail when the page is stale")
    options = parser.parse_args(arguments)
    try:
        root = checkout_root()
        if not (options.page or options.check):
            for name in options.tables or TABLES:
                for path in write_table(root, name, _MAKERS[name]()):
                    sys.stdout.write(f"wrote {path.relative_to(root)}\n")
        stale = [
            (page, text)
            for page, text in filled_pages(root).items()
            if text != (root / page).read_text(encoding="utf-8")
        ]
        for page, text in stale:
            if not options.check:
                write_text(root / page, text)
            sys.stdout.write(f"{page}: {'stale; run with --page' if options.check else 'written'}\n")
        return int(options.check and bool(stale))
    except ScalingBayesError as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
