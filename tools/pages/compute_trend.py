"""The tables of docs/compute_trend.md, from the stored summaries, and the descriptions of these."""

from __future__ import annotations

import math
import tomllib
from pathlib import Path
from typing import Any

from scaling_bayes.errors import DataError, Problem
from tools.compute_trend.claims import (
    claims,
    growth_table,
    published_doubling_times,
    years_for_hardware_gain,
)
from tools.compute_trend.series import SERIES
from tools.compute_trend.tables import (
    TABLES,
    inputs_digest,
    load_landmark_systems,
    load_trend_table,
    sidecar,
)
from tools.pages.refill import filled, markdown_table

__all__ = ["pages"]


def pages(root: Path) -> dict[Path, str]:
    """Text of the page, and of the file beside each stored table.

    Raises
    ------
    DataError
        If the stored tables were made from other points than the present data.
    """
    files, problems = {}, []
    for name in TABLES:
        table = Path("data", f"compute_trend_{name}.csv")
        about = table.with_name(f"{table.stem}.meta.toml")
        made_from = tomllib.loads((root / about).read_text(encoding="utf-8"))["inputs_sha256"]
        if made_from != inputs_digest():
            problems.append(Problem(None, None, f"{table} of other points", "of the present data"))
        files[about] = sidecar(name, (root / table).read_bytes(), made_from)
    if problems:
        raise DataError("fits of growth are out of date; run make compute-trend", problems)
    blocks = {
        "models": _models(),
        "change_points": _change_points(),
        "growth": _growth(),
        "published": _published(),
        "claims": _claims(),
        "years": _years(),
        "landmarks": _landmarks(),
    }
    return files | filled(root, Path("docs", "compute_trend.md"), blocks)


def _three(value: float) -> str:
    if math.isinf(value):
        return "∞"
    if value >= 1e5:
        exponent = math.floor(math.log10(value))
        return f"{value / 10**exponent:.1f}e{exponent}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def _interval(median: float, lower: float, upper: float) -> str:
    if math.isnan(lower):
        return _three(median)
    return f"{_three(median)} [{_three(lower)}, {_three(upper)}]"


def _records(table: Any) -> list[dict[str, Any]]:
    return list(table.to_dict(orient="records"))


def _models() -> str:
    return markdown_table(
        ["series", "points", "change points", "elpd, nats", "to the best (SE)", "largest k", "ESS", "R-hat"],
        [
            [
                SERIES[row["series"]].label,
                str(row["n_points"]),
                f"**{row['n_change_points']}**" if row["chosen"] else str(row["n_change_points"]),
                f"{row['elpd']:.1f}",
                f"{row['elpd_difference']:.1f} ({row['se_difference']:.1f})",
                f"{row['largest_pareto_k']:.2f}",
                f"{row['ess_bulk']:.0f}",
                f"{row['rhat']:.3f}",
            ]
            for row in _records(load_trend_table("models"))
        ],
    )


def _change_points() -> str:
    table = load_trend_table("growth")
    table = table[
        (table["quantity"] == "change_point") & ((table["chosen"] == 1) | (table["series"] == "systems"))
    ]
    return markdown_table(
        ["series", "change points", "change", "year [90 %]"],
        [
            [
                SERIES[row["series"]].label,
                f"**{row['n_change_points']}**" if row["chosen"] else str(row["n_change_points"]),
                row["period"],
                f"{row['median']:.1f} [{row['lower_90']:.1f}, {row['upper_90']:.1f}]",
            ]
            for row in _records(table)
        ],
    )


def _growth() -> str:
    table = growth_table(every_model=True)
    table = table[(table["chosen"] == 1) | (table["series"] == "systems") & (table["n_change_points"] > 0)]
    table = table[(table["n_change_points"] > 0) | (table["period"] == "all")]
    rows = []
    for row in _records(table):
        doubling = [row[f"doubling_year{end}"] for end in ("", "_lower", "_upper")]
        rows.append(
            [
                SERIES[row["series"]].label,
                f"**{row['n_change_points']}**" if row["chosen"] else str(row["n_change_points"]),
                row["period"],
                f"{row['start']:.1f}-{row['end']:.1f}",
                _interval(row["factor"], row["factor_lower"], row["factor_upper"]),
                _interval(*(12.0 * value for value in doubling)),
            ]
        )
    header = ["series", "change points", "period", "years", "factor a year [90 %]", "doubling, months [90 %]"]
    return markdown_table(header, rows)


def _published() -> str:
    return markdown_table(
        ["series", "years", "doubling here, years [90 %]", "published [95 %]", "source"],
        [
            [
                SERIES[row["series"]].label,
                f"{row['start']:.1f}-{row['end']:.1f}",
                _interval(row["median"], row["lower"], row["upper"]),
                _interval(row["published"], row["published_lower"], row["published_upper"]),
                row["citation"],
            ]
            for row in _records(published_doubling_times())
        ],
    )


def _claims() -> str:
    return markdown_table(
        ["claim", "claimed", "measured on", "base", "found [90 %]", "claimed value inside"],
        [
            [
                row["claim"],
                _three(row["claimed"]),
                row["measure"],
                row["base"],
                _interval(row["median"], row["lower"], row["upper"]),
                {True: "yes", False: "no"}.get(row["holds"], "no interval"),
            ]
            for row in _records(claims())
        ],
    )


def _years() -> str:
    return markdown_table(
        ["series", "pace of", "years for a factor of 50,000 [90 %]"],
        [
            [
                SERIES[row["series"]].label,
                f"{row['start']:.1f}-{row['end']:.1f}",
                _interval(row["median"], row["lower"], row["upper"]),
            ]
            for row in _records(years_for_hardware_gain())
        ],
    )


def _landmarks() -> str:
    return markdown_table(
        ["system", "published", "burden, FLOP", "counted", "source"],
        [
            [
                row["system"],
                f"{row['publication_date']:%Y-%m}",
                f"{row['training_compute_flop']:.3g}",
                row["counted"],
                row["citation"],
            ]
            for row in _records(load_landmark_systems())
        ],
    )
