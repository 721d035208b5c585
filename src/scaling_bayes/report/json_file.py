"""The report's numbers as plain JSON values."""

from __future__ import annotations

import json
import math
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.diagnostics.calibration import calibration_table
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.hardware.tables import load_routes
from scaling_bayes.report.citing import citations
from scaling_bayes.report.progress import literature
from scaling_bayes.text import records

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.report.blocks import FailurePart
    from scaling_bayes.report.cost_facts import Costs
    from scaling_bayes.report.facts import Facts

_ROUTE_COLUMNS = ["task", "error", "year", "route", "probability_enough", "probability_enough_without"]


def _schema(*, with_costs: bool) -> dict[str, Any]:
    """What the entries are, in words, from ``json_schema.toml``."""
    schema = tomllib.loads(Path(__file__).with_name("json_schema.toml").read_text(encoding="utf-8"))
    costs = schema.pop("costs")
    return schema | costs | {"units": schema["units"] + costs["units"]} if with_costs else schema


def collect(question: str, facts: Facts, failures: tuple[FailurePart, ...]) -> dict[str, Any]:
    """Everything the report states."""
    manifest = facts.fit.manifest
    return {
        "schema": _schema(with_costs=facts.costs is not None),
        "question": question,
        "projection": {
            "kind": facts.kind,
            "years": facts.years,
            "progress_continues": facts.progress_continues,
            "scenario": (
                facts.costs.scenario.to_dict()
                if facts.costs
                else "training compute only: no price, energy or hardware trend"
            ),
            "rows": records(facts.projection),
            "by_progress": facts.by_progress,
            "beyond_data": records(facts.beyond_data),
        },
        "parameters": records(facts.parameters),
        "progress": records(facts.progress),
        "literature": records(literature(facts)) if facts.fit.options.algorithmic_progress else [],
        "laws": None if facts.laws is None else records(facts.laws),
        "sensitivity": None if facts.sensitivity is None else records(facts.sensitivity),
        "scorecard": None if facts.scorecard is None else _scorecard(facts.scorecard),
        "simulated": None if facts.simulated is None else records(calibration_table(facts.simulated)),
        "checks": records(facts.checks),
        "data_checks": None if facts.data_checks is None else records(facts.data_checks),
        "options": manifest["model"],
        "priors": manifest["priors"],
        "sampler": manifest["sampler"],
        "versions": manifest["versions"],
        "data": {
            **manifest["data"],
            "tasks": records(facts.by_task),
            "flags": records(facts.flags),
            "systems": records(facts.systems),
        },
        "yardsticks_log10_flop": facts.yardsticks,
        "digest": facts.fit.digest,
        "citation": citations(facts),
        "figures_not_drawn": [{"figure": failure.name, "reason": failure.reason} for failure in failures],
        **({} if facts.costs is None else {"costs": _costs(facts.costs)}),
    }


def _scorecard(scores: pd.DataFrame) -> dict[str, Any]:
    return {
        "by_forecaster": records(score_table(scores)),
        "by_cutoff": records(score_table(scores, ["cutoff", "forecaster"])),
        "by_task": records(score_table(scores, ["task", "forecaster"])),
    }


def _costs(costs: Costs) -> dict[str, Any]:
    return {
        "assumptions": records(costs.assumptions),
        "hardware_digest": costs.hardware_digest,
        "budgets": [
            {
                **budget.asked,
                "affordability": [
                    {
                        "task": task,
                        "error": error,
                        "years": rows["year"].tolist(),
                        "within_budget": rows["within_budget"].tolist(),
                    }
                    for (task, error), rows in costs.affordability[position].groupby(
                        ["task", "error"], sort=False
                    )
                ],
                "first_year": records(costs.first_years[position].drop(columns="note")),
                "required_gain": records(costs.gains[position].drop(columns="note")),
                "routes": records(costs.routes[position][_ROUTE_COLUMNS]),
            }
            for position, budget in enumerate(costs.budgets)
        ],
        "published_routes": records(load_routes()),
        "decomposition": records(costs.decomposition),
        "not_decomposed": costs.not_decomposed,
        "record_machine": records(costs.record_machine.drop(columns="note")),
        "yardsticks": costs.yardsticks,
    }


def as_json(numbers: dict[str, Any]) -> str:
    """Write with sorted keys and no NaN or Infinity, so that the same numbers give the same bytes."""
    text = json.dumps(_finite(numbers), sort_keys=True, indent=1, ensure_ascii=True, allow_nan=False)
    return text + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, str):
        return value
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)
