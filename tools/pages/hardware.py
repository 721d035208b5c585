"""The tables of docs/cost_and_carbon.md that need no fit: hardware posterior beside published figures."""

from __future__ import annotations

from typing import Any

import pandas as pd

from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.resources import data_path
from scaling_bayes.systems.conventions import TASK_LABELS
from scaling_bayes.text import format_error, percent_text
from tools.pages.known_runs import check_against_reality, summarize_reality
from tools.pages.refill import markdown_table
from tools.pages.thompson2020_priced import scenario_table
from tools.releases.trends import doubling_times

__all__ = ["PUBLISHED", "hardware_blocks"]

#: Our trend, the published interval beside it, and the years it is of.
PUBLISHED = (
    ("energy gpu_datacenter", "fp32_flop_per_joule_doubling_2008_2020", 2008.5, 2020.9),
    ("energy gpu_datacenter", "fp32_flop_per_joule_doubling_2008_2026", 2008.5, 2026.0),
    ("energy tpu", "tensor16_flop_per_joule_doubling", 2017.4, 2026.0),
    ("purchase gpu_datacenter", "flop_per_s_per_usd_doubling_all_gpus", 2006.0, 2021.0),
    ("purchase gpu_datacenter", "flop_per_s_per_usd_doubling_ml_gpus", 2006.0, 2021.0),
    ("purchase gpu_datacenter", "flop_per_s_per_usd_doubling_top_gpus", 2006.0, 2021.0),
    ("purchase gpu_datacenter", "fp32_flop_per_s_per_release_usd_doubling_2008_2026", 2008.5, 2024.0),
    ("purchase gpu_consumer", "flop_per_s_per_usd_doubling_all_gpus", 2006.0, 2021.0),
    ("cloud gpu_datacenter", "flop_per_s_per_usd_doubling_ml_gpus", 2006.0, 2021.0),
    ("largest_run", "training_compute_doubling_deep_learning", 2010.0, 2022.0),
)


def hardware_blocks() -> dict[str, str]:
    """Tables that need no fit."""
    reality = check_against_reality()
    table = scenario_table()
    wrong = table[~table["agrees"]]
    return {
        "count": f"{int(table['agrees'].sum())} of {len(table)} cells agree.\n\n"
        + markdown_table(
            ["task", "error", "form", "quantity", "printed power of ten", "recomputed log10"],
            [
                [
                    TASK_LABELS[row["task"]],
                    format_error(row["error"]),
                    row["form"],
                    f"{row['quantity']}, {row['unit']}",
                    str(row["printed_power_of_ten"]),
                    f"{row['log10_value']:.3f}",
                ]
                for row in wrong.to_dict(orient="records")
            ],
        ),
        "doubling": _doubling(),
        "hindcast": _hindcast(),
        "reality": _reality(summarize_reality(reality)),
        "runs": _runs(reality),
        "assumptions": _assumptions(Scenario.named("trend")),
    }


def _interval(row: dict[Any, Any], digits: int = 2) -> str:
    return f"{row['median']:.{digits}f} [{row['lower_90']:.{digits}f}, {row['upper_90']:.{digits}f}]"


def _doubling() -> str:
    literature = load_table("literature_intervals").set_index("quantity")
    rows = []
    for label, name, start, end in PUBLISHED:
        ours = doubling_times(open_hardware(), max(start, 1990.0), end).set_index("trend").loc[label]
        published = literature.loc[name]
        years = published["median"] * (1 / 12 if published["unit"] == "month" else 1.0)
        text = f"{years:.2f}"
        overlap = "no interval published"
        if published["lower"] == published["lower"]:
            text += f" [{published['lower']:.2f}, {published['upper']:.2f}]"
            apart = ours["lower_90"] > published["upper"] or ours["upper_90"] < published["lower"]
            overlap = "no" if apart else "yes"
        span = f"{start:.0f}-{end:.0f}"
        rows.append([label, span, _interval(dict(ours)), text, overlap, str(published["citation"])])
    return markdown_table(
        ["trend", "years", "posterior, years [90 %]", "published [95 %]", "overlap", "source"], rows
    )


def _hindcast() -> str:
    table = pd.read_csv(data_path("traces/hardware-hindcast-2019.csv"))
    return markdown_table(
        ["trend", "n", "in 50 % interval", "in 90 % interval", "median miss, orders of magnitude"],
        [
            [
                row["trend"],
                str(row["n"]),
                percent_text(row["coverage_50"]),
                percent_text(row["coverage_90"]),
                f"{row['median_miss']:+.2f}",
            ]
            for row in table.to_dict(orient="records")
        ],
    )


def _reality(summary: pd.DataFrame) -> str:
    return markdown_table(
        ["quantity", "runs", "published / predicted median: median over runs [90 %]", "in 90 % interval"],
        [
            [
                row["quantity"],
                str(row["n"]),
                f"{row['median_ratio']:.2f} [{row['ratio_lower_90']:.2f}, {row['ratio_upper_90']:.2f}]",
                percent_text(row["coverage_90"]),
            ]
            for row in summary.to_dict(orient="records")
        ],
    )


def _runs(reality: pd.DataFrame) -> str:
    largest = load_table("ml_systems").nlargest(60, "training_compute_flop")["system"]
    priced = (reality["quantity"] == "cost_usd, purchase") & reality["system"].isin(largest)
    shown = reality[reality["quantity"].isin(["energy", "carbon"]) | priced]
    return markdown_table(
        ["run", "device", "quantity", "published", "predicted [90 %]", "ratio"],
        [
            [
                row["system"],
                row["device"],
                f"{row['quantity']}, {row['unit']}"
                if row["quantity"] in ("energy", "carbon")
                else "cost, USD",
                f"{10 ** row['log10_published']:.3g}",
                f"{10 ** row['median']:.3g} [{10 ** row['lower_90']:.2g}, {10 ** row['upper_90']:.2g}]",
                f"{row['ratio']:.2f}",
            ]
            for row in shown.to_dict(orient="records")
        ],
    )


def _assumptions(scenario: Scenario) -> str:
    rows = scenario.describe().to_dict(orient="records")
    return markdown_table(
        ["assumption", "assumed, median [90 %]", "source"],
        [[row["assumption"], row["assumed"], row["source"]] for row in rows],
    )
