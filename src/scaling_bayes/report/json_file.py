"""The report's numbers as plain JSON values."""

from __future__ import annotations

import json
import math
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

SCHEMA_VERSION = 1

_SCHEMA = {
    "version": SCHEMA_VERSION,
    "intervals": "lower_90 and upper_90 end the 90 % equal-tailed interval, lower_50 and upper_50 "
    "the 50 % one",
    "null": "in a projection, an infinite quantile: no compute reaches the target in that many draws "
    "(see unreachable); elsewhere, a value that is not known or not defined",
    "units": "training compute in log10 FLOP, errors as fractions, years as decimal calendar years, "
    "slope and noise in log10 error (slope per log10 FLOP) at the task's reference error, exponent "
    "1 / slope, progress in log10 FLOP a year, floor an error as a fraction, compute_error in log10 FLOP, "
    "flagged_error_factor a factor of it",
    "beyond_data": "how far each target and year lies beyond the data of the fit: years after the last "
    "system, powers of ten below the lowest error and, of the median, above the largest compute of the task; "
    "shares of draws below one FLOP and one cent",
    "laws": "of a stack: weight of each fit, and log density of what was left out of it, in nats",
    "sensitivity": "power-scaling sensitivity of each quantity to all priors, the likelihood and each prior",
    "simulated": "simulation-based calibration: coverage of intervals, bias in posterior standard "
    "deviations, contraction, and p_value of uniform ranks of each quantity",
    "data_checks": "checks of the model against the data; worst is the task or system that sets the value",
    "scorecard": "log_score and gain in nats per 60 systems, crps in log10 error",
}

_COSTS_SCHEMA = {
    "units": f"{_SCHEMA['units']}; log10_cost_usd in log10 USD, log10_energy_kwh in log10 kWh of the "
    "facility, log10_carbon_kg in log10 kg CO2e; required_gain in log10 of a factor; record_machine in "
    "log10 days",
    "costs": "assumptions: what the scenario assumes, with sources; budgets: each alone, with affordability "
    "(share of draws within budget, year by year), first_year (quantiles; null is never within the horizon, "
    "whose share is never), required_gain (none_needed: share that fits already) and routes "
    "(probability_enough; without: with no gain at all); published_routes: their factors and sources; "
    "decomposition: Shapley shares of the variance of log10 cost; not_decomposed: task to reason; "
    "yardsticks: quantity to label to log10",
}
_ROUTE_COLUMNS = ["task", "error", "year", "route", "probability_enough", "probability_enough_without"]


def collect(question: str, facts: Facts, failures: tuple[FailurePart, ...]) -> dict[str, Any]:
    """Everything the report states."""
    manifest = facts.fit.manifest
    return {
        "schema": _SCHEMA if facts.costs is None else _SCHEMA | _COSTS_SCHEMA,
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
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float)) or value is None else str(value)
