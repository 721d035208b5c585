"""The tables of docs/thompson2020.md, from its data and the released reference fit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.text import format_error, month_of
from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
from scaling_bayes.thompson2020.frontier import quantile_frontier
from scaling_bayes.thompson2020.lines import FORMS, regressions
from scaling_bayes.thompson2020.points import LABELS
from scaling_bayes.thompson2020.targets import QUANTITIES, disagreements, target_table
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE
from scaling_bayes.trace.view import PosteriorView
from tools.pages.refill import filled, markdown_table
from tools.pages.thompson2020_prediction import least_squares_prediction

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["bayesian_blocks", "pages"]


def pages(root: Path) -> dict[Path, str]:
    """Text of docs/thompson2020.md."""
    blocks = _classical_blocks() | bayesian_blocks(open_trace(REFERENCE_TRACE))
    return filled(root, Path("docs", "thompson2020.md"), blocks)


def _classical_blocks() -> dict[str, str]:
    table = target_table()
    return {
        "regressions": _regressions(),
        "frontier": _frontier(),
        "targets": _targets(table),
        "disagreements": _disagreements(disagreements(table)),
        "prediction": _prediction(),
    }


def bayesian_blocks(idata: xr.DataTree) -> dict[str, str]:
    """Tables that set the posterior of a fit beside the paper."""
    view, cells = PosteriorView.of(idata), side_by_side(idata)
    cells = cells[(cells["quantity"] == "compute") & cells["bayes_median"].notna()]
    year = float(cells["year"].iloc[0])
    inside = cells["log10_value"].between(cells["bayes_lower_90"], cells["bayes_upper_90"])
    counts = [
        f"{inside[rows.index].sum()} of the {len(rows)} {form} cells"
        for form, rows in cells.groupby("form", sort=False)
    ]
    about = (
        f"Posterior of the reference fit (seed {view.seed}, {view.law} law)"
        f"{f' in {month_of(year)}' if year else ''}. The recomputed value lies in its 90 % interval in "
        f"{' and in '.join(counts)}.\n"
    )
    compute = markdown_table(
        ["task", "error", "form", "printed", "recomputed", "posterior median [90 %]"],
        [
            [
                LABELS[row["task"]],
                format_error(row["error"]),
                row["form"],
                str(row["printed_power_of_ten"]),
                f"{row['log10_value']:.2f}",
                f"{row['bayes_median']:.1f} [{row['bayes_lower_90']:.1f}, {row['bayes_upper_90']:.1f}]",
            ]
            for row in cells.to_dict(orient="records")
        ],
    )
    found = slopes_side_by_side(idata)
    slopes = markdown_table(
        ["task", "least squares [90 %]", "posterior median [90 %]"],
        [
            [
                LABELS[row["task"]],
                f"{row['ols_slope']:.4f} [{row['ols_lower_90']:.4f}, {row['ols_upper_90']:.4f}]",
                f"{row['bayes_median']:.4f} [{row['bayes_lower_90']:.4f}, {row['bayes_upper_90']:.4f}]",
            ]
            for row in found.to_dict(orient="records")
        ],
    )
    if found.empty:
        slopes = f"The slope of the {view.law} law is on another scale than those of the paper.\n"
    return {"bayesian_about": about, "bayesian": compute, "bayesian_slopes": slopes}


def _regressions() -> str:
    return markdown_table(
        ["task", "form", "n", "slope (SE)", "p", "intercept", "R²", "1/slope"],
        [
            [
                LABELS[row["task"]],
                row["form"],
                str(row["n"]),
                f"{row['slope']:.4f} ({row['slope_se']:.4f})",
                f"{row['slope_p_value']:.2g}",
                f"{row['intercept']:.4f}",
                f"{row['r_squared']:.3f}",
                f"{row['exponent']:.3g}",
            ]
            for row in regressions().to_dict(orient="records")
        ],
    )


def _frontier() -> str:
    frontier = quantile_frontier()
    return markdown_table(
        ["task", "side", "n", "beyond", "slope [90 %]", "1/slope"],
        [
            [
                LABELS[row["task"]],
                row["side"],
                str(row["n"]),
                str(row["n_beyond"]),
                f"{row['slope']:.4f} [{row['lower_90']:.4f}, {row['upper_90']:.4f}]",
                f"{row['exponent']:.3g}",
            ]
            for row in frontier[frontier["form"] == "polynomial"].to_dict(orient="records")
        ],
    )


def _targets(table: pd.DataFrame) -> str:
    header = ["task", "error", "form", *(f"{name}, {unit}" for name, unit in QUANTITIES.items())]
    rows = []
    for _, cells in table.groupby(["task", "error", "form"], sort=False):
        of_quantity: dict[str, Any] = {row["quantity"]: row for row in cells.to_dict(orient="records")}
        first = of_quantity["compute"]
        target = [LABELS[first["task"]], format_error(first["error"]), first["form"]]
        rows.append([*target, *(_cell(of_quantity[name]) for name in QUANTITIES)])
    return markdown_table(header, rows)


def _cell(cell: dict[str, Any]) -> str:
    text = f"{cell['printed_power_of_ten']} / {cell['log10_value']:.3f}"
    return text if cell["agrees"] else f"**{text}**"


def _disagreements(table: pd.DataFrame) -> str:
    return markdown_table(
        ["task", "error", "form", "quantity", "printed", "recomputed log10"],
        [
            [
                LABELS[row["task"]],
                format_error(row["error"]),
                row["form"],
                f"{row['quantity']}, {row['unit']}",
                str(row["printed_power_of_ten"]),
                f"{row['log10_value']:.3f}",
            ]
            for row in table.to_dict(orient="records")
        ],
    )


def _prediction() -> str:
    rows = []
    for task in list(LABELS)[:-1]:
        for form in FORMS:
            for row in least_squares_prediction(task, form).to_dict(orient="records"):
                interval = f"{row['median']:.1f} [{row['lower']:.1f}, {row['upper']:.1f}]".replace("inf", "∞")
                rows.append([LABELS[task], form, format_error(row["error"]), interval])
    return markdown_table(["task", "form", "error", "one new system, log10 GFLOP [90 %]"], rows)
