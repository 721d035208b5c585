"""Measure what the choice of laws rests on: ``python -m tools.evidence.measure``.

Writes the files of `TABLES` in ``data/``, and the pages that show them.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.laws import LAWS
from scaling_bayes.diagnostics.scores import BASELINE
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.files import write_text
from scaling_bayes.model.evaluate.scorecard import scorecard
from scaling_bayes.model.fit import fit
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.view import PosteriorView
from tools.command import checkout_root, exit_code, write_files
from tools.evidence.ingredients import VARIANTS, ingredients, sampling
from tools.evidence.language_misses import language_misses
from tools.evidence.law_recovery import law_recovery
from tools.pages import pages
from tools.pages.history import release_steps

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]

RANDOM_SEED = 20261123
_QUANTILES = ("lower_90", "lower_50", "median", "upper_50", "upper_90")
#: Columns of scores of later systems.
_LATER: Mapping[str, tuple[str, str]] = {
    "cutoff": ("year", "Last calendar year whose systems were fitted"),
    "forecaster": ("-", "What predicted"),
    "task": ("-", "Task"),
    "system": ("-", "System predicted"),
    "paper": ("-", "Its paper or release"),
    "year": ("year", "Its publication, decimal"),
    "error": ("1", "Its error"),
    "log_score": ("nat", "Natural log of the predictive density of the error"),
    "crps": ("log10 error", "Continuous ranked probability score of log10 error"),
    "pit": ("1", "Predictive probability of an error at most the observed"),
}
#: Title of each table, and unit and meaning of its columns.
TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "scorecard": (
        "Predictions of later systems by fits of what was published before, with their scores",
        {name: about for name, about in _LATER.items() if name != "paper"}
        | {"weight": ("1", "Weight of the forecaster in the stack")},
    ),
    "five_task_cutoffs": (
        "Predictions of later systems by the default and other models, fitted to what was published before",
        _LATER,
    ),
    "language_cutoffs": (
        "Predictions of later language models by fits of what was published before, with their scores",
        _LATER,
    ),
    "language_misses": (
        "Later language models in the 90 % intervals of fits of what was published before, by benchmark",
        {
            "asked": ("-", "Scores fitted and predicted: any, or with the usual number of examples alone"),
            "cutoff": ("year", "Last calendar year whose systems were fitted"),
            "task": ("-", "Task"),
            "systems": ("1", "Later systems"),
            "inside": ("1", "Of these in their 90 % interval"),
            "probability_low": ("1", "Probability that fewer than 75 % are, were the model right"),
        },
    ),
    "ingredients": (
        "Predictive density and headline projections with one ingredient of the model changed at a time",
        {
            "variant": ("-", "What differs from the default; fitted to the five tasks to 2019"),
            "elpd": ("nat", "Expected log predictive density, PSIS leave-one-out"),
            "difference": ("nat", "To the default"),
            "difference_se": ("nat", "Standard error of the difference"),
            "poor": ("1", "Systems whose Pareto k is above 0.7"),
            "log_score": ("nat", "Log score of the systems of 2020 to 2022, per 60"),
            "crps": ("log10 error", "Their continuous ranked probability score, mean"),
            "coverage_90": ("1", "Share of them in the 90 % interval"),
            "task": ("-", "Task of the projection"),
            "error": ("1", "Target error"),
            **{
                name: ("log10(FLOP)", f"Training compute: {name.replace('_', ', ')} %") for name in _QUANTILES
            },
            "unreachable": ("1", "Share of draws in which no compute reaches the target"),
        },
    ),
    "sampling": (
        "How the models sample at default settings, one seed each, and the default with three",
        {
            "table": ("-", "Systems fitted"),
            "variant": ("-", "What differs from the default"),
            "seed": ("1", "Random seed"),
            "rhat": ("1", "Largest R-hat"),
            "ess_bulk": ("1", "Smallest effective sample size, bulk"),
            "ess_tail": ("1", "Smallest effective sample size, tails"),
            "divergences": ("1", "Divergent transitions"),
            "failed": ("-", "Checks that failed"),
            "attempts": ("1", "Attempts it took"),
            "cpu_seconds": ("s", "Time of processor, with warm-up, checks and predictions"),
        },
    ),
    "release_steps": (
        "What the model of the release before says of the systems of a release",
        {
            "release": ("-", "Release whose systems are fitted"),
            "task": ("-", "Task of the projection"),
            "error": ("1", "Target error"),
            "year": ("year", "Year priced"),
            "median": ("log10(USD)", "Cost, scenario trend: median"),
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
#: Last years of the fits whose forecasts of later systems are scored.
_CUTOFFS = {"five_tasks": range(2016, 2022), "language": range(2021, 2024)}
#: What is fitted until each: the default, the same unpooled, and the straight lines of 2026.11.
_FORECASTERS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "five_tasks": {
        "bounded": {},
        "unpooled": {"pooling": "none"},
        "power": VARIANTS["straight lines of 2026.11"],
    },
    "language": {"bounded": {}},
}
#: The edition of the five tasks that is scored.
_EDITION = "2026.12"


def cutoffs(family: str) -> pd.DataFrame:
    """Scores of fits of a family's systems until each cut-off on the later ones.

    Those of the five tasks with the baselines that the last of the fits has beside it. Without pooling
    tasks of one or two systems are left out.
    """
    import pandas as pd

    edition = _EDITION if family == "five_tasks" else None
    every = reference_systems(family, edition=edition)
    parts = []
    for cutoff in _CUTOFFS[family]:
        before = reference_systems(family, edition=edition, until=cutoff)
        later = every[~every["publication_date"].le(before["publication_date"].max())]
        for name, options in _FORECASTERS[family].items():
            enough = before.groupby("task")["task"].transform("size") >= (3 if name == "unpooled" else 1)
            fitted = fit(before[enough], draws=500, random_seed=RANDOM_SEED, progressbar=False, **options)
            view = PosteriorView.of(fitted)
            scores = score(fitted, later[later["task"].isin(view.tasks)], drop_fitted=True)
            own = scores["forecaster"] == view.law
            kept = own | scores["forecaster"].isin([BASELINE, "naive"]) & (name == "power")
            named = scores["forecaster"].where(~own, name)
            parts.append(scores.assign(cutoff=cutoff, forecaster=named)[kept])
    return pd.concat(parts, ignore_index=True)


_MAKERS: Mapping[str, Callable[[], pd.DataFrame]] = {
    "scorecard": lambda: scorecard(random_seed=RANDOM_SEED),
    "five_task_cutoffs": lambda: cutoffs("five_tasks"),
    "language_cutoffs": lambda: cutoffs("language"),
    "language_misses": lambda: language_misses(_CUTOFFS["language"], RANDOM_SEED),
    "ingredients": ingredients,
    "sampling": sampling,
    "release_steps": lambda: release_steps(RANDOM_SEED),
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write tables and pages; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.evidence.measure", description=__doc__)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES], help="what to measure; all by default")
    options = parser.parse_args(arguments)

    def work() -> None:
        root = checkout_root()
        for name in options.tables or TABLES:
            for path in write_table(root, name, _MAKERS[name]()):
                sys.stdout.write(f"wrote {path.relative_to(root)}\n")
        write_files(root, pages("evidence", root))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
