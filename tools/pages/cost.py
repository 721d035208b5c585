"""The tables of docs/cost_and_carbon.md, of the released reference fit and the hardware posterior."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.hardware.equations import JOULE_PER_KWH
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.affordability import affordability
from scaling_bayes.projection.decompose import decompose
from scaling_bayes.projection.largest_machines import largest_run_year, record_machine_time
from scaling_bayes.projection.project import YEARLY, project
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.projection.required_gain import compare_routes, required_gain
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.summarize import summary
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.text import format_error, format_interval, format_year, percent_text
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE
from scaling_bayes.trace.schema import group
from tools.pages.hardware import hardware_blocks
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["pages"]

EXAMPLE = {"imagenet": 0.07}
#: What every draw reaches, so that its variance is finite.
REACHED = {"imagenet": 0.0906, "ms_coco": 0.369, "squad_1_1": 0.039}
BUDGET_USD, CARBON_KG = 1e8, 1e7
#: Medians of the default assumptions, for the arithmetic on paper.
SERVER, PUE = 1.1, 1.25
ALTERNATIVES = ("trend", "stalled", "accelerated")
FROZEN = Scenario(name="trend, algorithms frozen", algorithmic_progress="frozen")


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/cost_and_carbon.md."""
    blocks = hardware_blocks() | _fit_blocks(open_trace(REFERENCE_TRACE))
    return filled(root, Path("docs", "cost_and_carbon.md"), blocks)


def _fit_blocks(idata: xr.DataTree) -> dict[str, str]:
    """Tables that a fit answers."""
    return {
        "answers": _answers(idata),
        "arithmetic": _arithmetic(idata),
        "affordable": _affordable(idata),
        "gain": _gain(idata),
        "routes": _routes(idata),
        "machines": _machines(idata),
        "shares": _shares(idata),
    }


def _next(idata: xr.DataTree) -> dict[str, float]:
    """The next target of each task."""
    return {target.task: target.error for target in next_targets(project(idata, years=2026))}


def _answers(idata: xr.DataTree) -> str:
    rows = []
    asked: list[tuple[str | Scenario, float | None]] = [("thompson2020", None)]
    asked += [(scenario, 2030.0) for scenario in (*ALTERNATIVES, FROZEN)]
    for scenario, year in asked:
        frame = summary(project(idata, EXAMPLE, year, scenario=scenario))
        values = {row["quantity"]: row for row in frame.to_dict(orient="records")}
        first = next(iter(values.values()))
        name = scenario if isinstance(scenario, str) else scenario.name
        rows.append(
            [
                name,
                format_year(first["year"]),
                *(
                    format_interval(row["median"], row["lower_90"], row["upper_90"])
                    for row in values.values()
                ),
            ]
        )
    return markdown_table(["scenario", "year", "FLOP", "USD", "kWh", "kg CO2e"], rows)


def _arithmetic(idata: xr.DataTree) -> str:
    tree = project(idata, EXAMPLE, 2030, "mean", scenario="trend")
    data = group(tree, "projection").median(("chain", "draw")).squeeze()
    used = group(tree, "hardware").median(("chain", "draw")).squeeze()
    compute = float(data["log10_training_compute_flop"])
    per_usd, per_kwh, per_kg = (
        float(used[name]) for name in ("log10_flop_per_usd", "log10_flop_per_kwh", "log10_kg_per_kwh")
    )
    cost, energy, carbon = (
        float(data[name]) for name in ("log10_cost_usd", "log10_energy_kwh", "log10_carbon_kg")
    )
    board = per_kwh - np.log10(JOULE_PER_KWH / (SERVER * PUE))
    steps = [
        ("compute", "median of the draws", f"10^{compute:.2f} FLOP", ""),
        ("a dollar buys", "matrix rate x utilisation x 3600 s/h / (USD/h)", f"10^{per_usd:.2f} FLOP/USD", ""),
        (
            "cost",
            f"10^{compute:.2f} FLOP / (10^{per_usd:.2f} FLOP/USD)",
            f"10^{compute - per_usd:.2f} USD",
            f"10^{cost:.2f} USD",
        ),
        (
            "a kWh of the facility does",
            f"10^{board:.2f} FLOP/J at the board, as used, x 3.6e6 J/kWh / (server {SERVER} x PUE {PUE})",
            f"10^{per_kwh:.2f} FLOP/kWh",
            "",
        ),
        (
            "energy",
            f"10^{compute:.2f} FLOP / (10^{per_kwh:.2f} FLOP/kWh)",
            f"10^{compute - per_kwh:.2f} kWh",
            f"10^{energy:.2f} kWh",
        ),
        ("a kWh emits", "grid of 2030", f"{10**per_kg:.3f} kg CO2e/kWh = 10^{per_kg:.2f}", ""),
        (
            "carbon",
            f"10^{compute - per_kwh:.2f} kWh x 10^{per_kg:.2f} kg CO2e/kWh",
            f"10^{compute - per_kwh + per_kg:.2f} kg CO2e",
            f"10^{carbon:.2f} kg CO2e",
        ),
    ]
    return markdown_table(["step", "from", "on paper", "median of the draws"], steps)


def _affordable(idata: xr.DataTree) -> str:
    rows = []
    scenarios: list[str | Scenario] = [*ALTERNATIVES, FROZEN]
    for scenario in scenarios:
        answer = affordability(project(idata, _next(idata), YEARLY, scenario=scenario), budget_usd=BUDGET_USD)
        for row in summary(answer).to_dict(orient="records"):
            rows.append(
                [
                    scenario if isinstance(scenario, str) else scenario.name,
                    TASK_LABELS[row["task"]],
                    format_error(row["error"]),
                    " ".join([_year(row["median"]), f"[{_year(row['lower_90'])}, {_year(row['upper_90'])}]"]),
                    percent_text(row["never"]),
                ]
            )
    return markdown_table(["scenario", "task", "error", "first year [90 %]", "never by 2100"], rows)


def _year(year: float) -> str:
    return "never" if year == float("inf") else format_year(year)


def _gain(idata: xr.DataTree) -> str:
    projection = project(idata, _next(idata), 2026, scenario=FROZEN)
    answer = required_gain(projection, budget_usd=BUDGET_USD, carbon_kg=CARBON_KG)
    return markdown_table(
        ["task", "error", "lever", "factor [90 %]", "none needed"],
        [
            [
                TASK_LABELS[row["task"]],
                format_error(row["error"]),
                row["lever"],
                format_interval(row["median"], row["lower_90"], row["upper_90"]),
                percent_text(row["none_needed"]),
            ]
            for row in summary(answer).to_dict(orient="records")
        ],
    )


def _routes(idata: xr.DataTree) -> str:
    projection = project(idata, EXAMPLE, 2026, scenario=FROZEN)
    answer = required_gain(projection, budget_usd=BUDGET_USD, carbon_kg=CARBON_KG)
    return markdown_table(
        ["route", "improves", "factor", "probability that it is enough", "without it", "source"],
        [
            [
                row["route"],
                row["improves"],
                f"{row['factor_low']:g} to {row['factor_high']:g}",
                percent_text(row["probability_enough"], 1),
                percent_text(row["probability_enough_without"], 1),
                f"{row['citation']}{': ' + row['route_note'] if row['route_note'] else ''}",
            ]
            for row in compare_routes(answer).to_dict(orient="records")
        ],
    )


def _machines(idata: xr.DataTree) -> str:
    machine = record_machine_time(project(idata, _next(idata), 2026, scenario=FROZEN))
    days = group(machine, "record_machine")["log10_days"]
    meets = summary(largest_run_year(project(idata, _next(idata), YEARLY, scenario=FROZEN)))
    rows = []
    for position, row in enumerate(meets.to_dict(orient="records")):
        values = days.isel(target=position, year=0)
        low, middle, high = quantiles(values.values, [0.05, 0.5, 0.95]).tolist()
        rows.append(
            [
                TASK_LABELS[row["task"]],
                format_error(row["error"]),
                format_interval(middle, low, high),
                " ".join([_year(row["median"]), f"[{_year(row['lower_90'])}, {_year(row['upper_90'])}]"]),
            ]
        )
    return markdown_table(
        ["task", "error", "days on the record machine of 2026 [90 %]", "largest run gets there [90 %]"], rows
    )


def _shares(idata: xr.DataTree) -> str:
    projection = project(idata, REACHED, 2030, scenario="trend")
    tables = [decompose(projection, quantity=q) for q in ("log10_cost_usd", "log10_carbon_kg")]
    rows = []
    for table in tables:
        for (task, quantity), part in table.groupby(["task", "quantity"], sort=False):
            for row in part.to_dict(orient="records"):
                share = "" if row["share"] != row["share"] else percent_text(max(row["share"], 0.0), 1)
                rows.append(
                    [
                        str(quantity).removeprefix("log10_").removesuffix("_usd").removesuffix("_kg"),
                        f"{TASK_LABELS[str(task)]}, {format_error(row['error'])}",
                        row["source"],
                        share,
                        percent_text(max(row["share_alone"], 0.0), 1),
                        f"{row['sd']:.2f}",
                    ]
                )
    return markdown_table(
        ["quantity", "target", "source", "share (Shapley, sums to 1)", "known alone", "sd of log10"], rows
    )
