"""``scaling-bayes replicate``: the 2020 analysis redone, and the Bayesian answer beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import traces as trace_names
from scaling_bayes.cli.options import refuse_both
from scaling_bayes.cli.output import open_fit, print_csv, print_json, print_table, say

if TYPE_CHECKING:
    import pandas as pd

_SHORT_FORMS = {"polynomial": "poly.", "exponential": "exp."}


@click.command(short_help="The 2020 paper's regressions and targets, redone")
@click.argument("trace", type=click.Path(), required=False, shell_complete=trace_names)
@click.option(
    "--kind",
    type=click.Choice(["mean", "predictive"]),
    default="mean",
    show_default=True,
    help="What the Bayesian columns answer: the line, as in the paper, or a new system.",
)
@click.option("--json", "as_json", is_flag=True, help="Print all tables as JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="Print the target table as CSV.")
def replicate(trace: str | None, kind: str, as_json: bool, as_csv: bool) -> None:
    """Print the regressions and target table of Thompson et al. 2020, recomputed.

    With TRACE, each number has the Bayesian median and 90 % interval beside it.

    \b
    Example:
      scaling-bayes replicate trace.nc --csv > targets.csv
    """
    from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
    from scaling_bayes.thompson2020.frontier import quantile_frontier
    from scaling_bayes.thompson2020.lines import regressions
    from scaling_bayes.thompson2020.targets import target_table

    refuse_both(as_json=as_json, as_csv=as_csv)
    idata = None if trace is None else open_fit(trace)
    targets = target_table() if idata is None else side_by_side(idata, kind=kind)
    if as_csv:
        print_csv(targets)
        return
    lines, frontier = regressions(), quantile_frontier()
    slopes = None if idata is None else slopes_side_by_side(idata)
    if as_json:
        content = {"regressions": lines, "frontier": frontier, "targets": targets}
        if slopes is not None:
            content["slopes"] = slopes
        print_json({name: frame.to_dict(orient="records") for name, frame in content.items()})
        return
    _print_regressions(lines)
    _print_frontier(frontier)
    if slopes is not None and len(slopes):
        _print_slopes(slopes)
    _print_targets(targets)
    say(f"{int(targets['agrees'].sum())} of {len(targets)} powers of ten agree with the printed table")


def _print_regressions(lines: pd.DataFrame) -> None:
    from scaling_bayes.thompson2020.points import LABELS

    for form, rows in lines.groupby("form", sort=False):
        print_table(
            f"Least squares of {rows['response'].iloc[0]} on log10 burden in GFLOP ({form})",
            ("task", "n", "slope (SE)", "intercept", "R²", "1/slope"),
            [
                (
                    LABELS[row["task"]],
                    str(row["n"]),
                    f"{row['slope']:.4f} ({row['slope_se']:.4f})",
                    f"{row['intercept']:.4f}",
                    f"{row['r_squared']:.3f}",
                    f"{row['exponent']:.1f}",
                )
                for row in rows.to_dict(orient="records")
            ],
            right=("n", "slope (SE)", "intercept", "R²", "1/slope"),
        )


def _print_frontier(frontier: pd.DataFrame) -> None:
    from scaling_bayes.thompson2020.points import LABELS

    rows = frontier[(frontier["form"] == "polynomial") & (frontier["side"] == "error")]
    print_table(
        "Frontier, 10 % quantile of error (polynomial): slope [90 % interval]",
        ("task", "n", "slope", "1/slope"),
        [
            (
                LABELS[row["task"]],
                str(row["n"]),
                f"{row['slope']:.4f} [{row['lower_90']:.4f}, {row['upper_90']:.4f}]",
                f"{row['exponent']:.1f}",
            )
            for row in rows.to_dict(orient="records")
        ],
        right=("n", "slope", "1/slope"),
    )


def _print_slopes(slopes: pd.DataFrame) -> None:
    from scaling_bayes.thompson2020.points import LABELS

    print_table(
        "Slope: least squares [90 % confidence], posterior median [90 % credible]",
        ("task", "least squares", "posterior"),
        [
            (
                LABELS[row["task"]],
                f"{row['ols_slope']:.4f} [{row['ols_lower_90']:.4f}, {row['ols_upper_90']:.4f}]",
                f"{row['bayes_median']:.4f} [{row['bayes_lower_90']:.4f}, {row['bayes_upper_90']:.4f}]",
            )
            for row in slopes.to_dict(orient="records")
        ],
        right=("least squares", "posterior"),
    )


def _print_targets(targets: pd.DataFrame) -> None:
    from scaling_bayes.text import format_error, month_of
    from scaling_bayes.thompson2020.points import LABELS
    from scaling_bayes.thompson2020.targets import QUANTITIES

    bayesian = "bayes_median" in targets
    year = float(targets["year"].iloc[0]) if bayesian else 0.0
    when = f" in {month_of(year)}" if year else ""
    for quantity, unit in QUANTITIES.items():
        rows = targets[targets["quantity"] == quantity]
        answered = bayesian and rows["bayes_median"].notna().any()
        print_table(
            f"{quantity.capitalize()} in {unit}: printed power of ten, recomputed log10"
            + (f", posterior median{when} [90 %]" if answered else ""),
            ("task", "error", "form", "printed", "recomputed", *(("posterior",) if answered else ())),
            [
                (
                    LABELS[row["task"]],
                    format_error(row["error"]),
                    _SHORT_FORMS[row["form"]],
                    str(row["printed_power_of_ten"]),
                    f"{row['log10_value']:.3f}{'' if row['agrees'] else ' ≠'}",
                    *((_posterior(row),) if answered else ()),
                )
                for row in rows.to_dict(orient="records")
            ],
            right=("error", "printed", "recomputed", "posterior"),
        )


def _posterior(row: Mapping[Any, Any]) -> str:
    if math.isnan(row["bayes_median"]):
        return ""
    return f"{row['bayes_median']:.1f} [{row['bayes_lower_90']:.1f}, {row['bayes_upper_90']:.1f}]"
