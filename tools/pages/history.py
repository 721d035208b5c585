"""``data/traces/history.json``: what reports tell of released fits that the fits do not know themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import scaling_bayes as sb
from scaling_bayes.core.observations import decimal_year
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.projection.today import project_today
from scaling_bayes.report.history import HISTORY
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.text import COST
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE, read_index
from scaling_bayes.trace.view import PosteriorView

__all__ = ["pages"]

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
            "previous": _previous(name),
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


def _previous(name: str) -> dict[str, Any]:
    """What the release before says of the targets that are next for this one, with its own hardware."""
    stem = name.rpartition("-")[0]
    names = [each.name for each in read_index() if each.at_hand]
    before = max(each for each in names if each.rpartition("-")[0] == stem and each < name)
    fit, now = PosteriorView.of(open_trace(before)), PosteriorView.of(open_trace(name))
    asked = project_today(now, None, None, "predictive", sb.Scenario.named("trend"))
    targets = [(target.task, target.error) for target in next_targets(asked)]
    year = float(sb.summary(asked)["year"].iloc[0])
    hardware = open_trace(f"hardware-{before.rpartition('-')[2]}")
    table = sb.summary(sb.project(fit, targets, year, scenario="trend", hardware=hardware))
    kept = table.loc[table["quantity"] == COST, ["task", "error", "year", "median"]]
    return {
        "release": before,
        "model": fit.manifest["model"],
        "systems": int(fit.observations.year.size),
        "last_year": round(float(fit.observations.year.max()), 2),
        "answers": kept.round({"median": 2}).to_dict("records"),
    }
