"""Measure what the choice of laws rests on: ``python -m tools.evidence.measure``.

Writes ``data/scorecard.csv``, ``data/language_cutoffs.csv``, ``data/ingredients.csv``,
``data/law_recovery.csv`` and the tables of ``docs/laws.md`` and ``docs/prior_predictive.md``.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scaling_bayes.core.laws import LAWS
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.files import write_text
from scaling_bayes.model.evaluate.scorecard import scorecard
from scaling_bayes.model.fit import fit
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.view import PosteriorView
from tools.command import checkout_root, exit_code, write_files
from tools.evidence.ingredients import measure_ingredients
from tools.evidence.law_recovery import law_recovery
from tools.pages import pages

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["main"]

RANDOM_SEED = 20261123
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
    "language_cutoffs": (
        "Predictions of later language models by fits of what was published before, with their scores",
        {
            "cutoff": ("year", "Last calendar year whose models were fitted"),
            "forecaster": ("-", "What predicted"),
            "task": ("-", "Benchmark"),
            "system": ("-", "Model predicted"),
            "paper": ("-", "Its release"),
            "year": ("year", "Its publication, decimal"),
            "error": ("1", "Its error"),
            "log_score": ("nat", "Natural log of the predictive density of the error"),
            "crps": ("log10 error", "Continuous ranked probability score of log10 error"),
            "pit": ("1", "Predictive probability of an error at most the observed"),
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
#: Last years of the fits whose forecasts of later language models are scored.
_CUTOFFS = (2021, 2022, 2023)


def language_cutoffs() -> pd.DataFrame:
    """Scores of the default model, fitted to language models until each cut-off, on the later ones."""
    import pandas as pd

    every = reference_systems("language")
    parts = []
    for cutoff in _CUTOFFS:
        before = reference_systems("language", until=cutoff)
        later = every[~every["publication_date"].le(before["publication_date"].max())]
        fitted = fit(before, draws=500, random_seed=RANDOM_SEED, progressbar=False)
        known = later[later["task"].isin(PosteriorView.of(fitted).tasks)]
        scores = score(fitted, known, drop_fitted=True)
        parts.append(scores[scores["forecaster"] == PosteriorView.of(fitted).law].assign(cutoff=cutoff))
    return pd.concat(parts, ignore_index=True)


_MAKERS: Mapping[str, Callable[[], pd.DataFrame]] = {
    "scorecard": lambda: scorecard(random_seed=RANDOM_SEED),
    "language_cutoffs": language_cutoffs,
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
