"""``data/traces/history.json``: what reports tell of released fits that the fits do not know themselves."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import scaling_bayes as sb
from scaling_bayes.core.observations import decimal_year
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.projection.today import project_today
from scaling_bayes.report.history import HISTORY
from scaling_bayes.systems.counts import ARITHMETIC
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.text import COST
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE, read_index
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pages", "release_steps"]

#: The release by which each fit of today is judged: the same model, on what was known earlier.
_EARLIER = {REFERENCE_TRACE: "five-tasks-2019-2026.12"}
_LANGUAGE = "language-2026.12"


def pages(root: Path) -> dict[Path, str]:
    """Text of the file."""
    history: dict[str, Any] = {}
    for name, earlier in _EARLIER.items():
        known = PosteriorView.of(open_trace(earlier))
        systems = reference_systems(edition=name.rpartition("-")[2])
        until = float(known.observations.year.max())
        later = systems[decimal_year(systems) >= np.floor(until) + 1]
        scores = score(known, later, drop_fitted=True)
        history[name] = {
            "scored": _scored(scores[scores["forecaster"] == known.law], int(until)),
            "previous": _previous(name, pd.read_csv(root / "data" / "release_steps.csv")),
        }
    cutoffs = pd.read_csv(root / "data" / "language_cutoffs.csv")
    last = int(cutoffs["cutoff"].max())
    history[_LANGUAGE] = {"scored": _scored(cutoffs[cutoffs["cutoff"] == last], last)}
    return {Path("data", HISTORY): json.dumps(history, indent=1) + "\n"}


def _scored(scores: pd.DataFrame, until: int) -> dict[str, Any]:
    row = score_table(scores).iloc[0]
    shares = {"coverage_90": "coverage_90", "lower": "coverage_90_lower", "upper": "coverage_90_upper"}
    found = {name: round(float(row[column]), 3) for name, column in shares.items()}
    return {"until": f"the end of {until}", "systems": int(row["systems"]), **found}


def _before(name: str) -> str:
    """The release before."""
    stem = name.rpartition("-")[0]
    names = [each.name for each in read_index() if each.at_hand]
    return max(each for each in names if each.rpartition("-")[0] == stem and each < name)


def _costs(name: str, fit: PosteriorView, hardware: xr.DataTree | None = None) -> pd.DataFrame:
    """What a fit says that the targets cost which are next for a release."""
    asked = project_today(
        PosteriorView.of(open_trace(name)), None, None, "predictive", sb.Scenario.named("trend")
    )
    targets = [(target.task, target.error) for target in next_targets(asked)]
    year = float(sb.summary(asked)["year"].iloc[0])
    table = sb.summary(sb.project(fit, targets, year, scenario="trend", hardware=hardware))
    return table.loc[table["quantity"] == COST, ["task", "error", "year", "median"]].round({"median": 2})


def _compute_factor(before: PosteriorView, now: PosteriorView) -> float:
    """How many times as much compute the systems of both had before: the median."""
    was, known = (
        dict(zip(x.systems, x.log10_compute, strict=True)) for x in (before.observations, now.observations)
    )
    moved = [was[system] - known[system] for system in was.keys() & known.keys()]
    return round(float(10 ** np.median(moved)), 2)


def release_steps(random_seed: int) -> pd.DataFrame:
    """What the model of the release before says of today's systems: the step between the two releases."""
    found = []
    for name in _EARLIER:
        options = asdict(ModelOptions(**PosteriorView.of(open_trace(_before(name))).manifest["model"]))
        counted = {"count": ARITHMETIC, "count_offsets": True}
        systems = reference_systems(edition=name.rpartition("-")[2])
        fitted = sb.fit(systems, **(options | counted), random_seed=random_seed, progressbar=False)
        found.append(_costs(name, PosteriorView.of(fitted)).assign(release=name))
    return pd.concat(found)


def _previous(name: str, steps: pd.DataFrame) -> dict[str, Any]:
    """What the release before says of the targets that are next for this one, with its own hardware."""
    before = _before(name)
    fit = PosteriorView.of(open_trace(before))
    hardware = open_trace(f"hardware-{before.rpartition('-')[2]}")
    step = steps[steps["release"] == name].rename(columns={"median": "its_model_on_new_data"})
    kept = _costs(name, fit, hardware).merge(step.drop(columns="release"))
    return {
        "release": before,
        "model": fit.manifest["model"],
        "systems": int(fit.observations.year.size),
        "compute_factor": _compute_factor(fit, PosteriorView.of(open_trace(name))),
        "last_year": round(float(fit.observations.year.max()), 2),
        "answers": kept.to_dict("records"),
    }
