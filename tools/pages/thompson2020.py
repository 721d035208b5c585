"""Fill the tables of docs/thompson2020.md, and the digests beside this stage's data.

Run ``python -m tools.pages.thompson2020`` after the data changed, with ``--trace TRACE`` to refill
the Bayesian columns too; ``--check`` writes nothing and fails when a committed file differs.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import DataError, Problem, ScalingBayesError
from scaling_bayes.files import write_text
from scaling_bayes.resources import checkout_root
from scaling_bayes.text import format_error
from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
from scaling_bayes.thompson2020.frontier import quantile_frontier
from scaling_bayes.thompson2020.lines import FORMS, regressions
from scaling_bayes.thompson2020.points import LABELS
from scaling_bayes.thompson2020.targets import QUANTITIES, disagreements, target_table
from tools.pages.refill import fill_blocks, markdown_table
from tools.pages.thompson2020_prediction import least_squares_prediction

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

TABLES = ("thompson2020_targets.csv", "wmt14_en_de.csv")
_DIGEST = re.compile(r'^sha256 = "[0-9a-f]*"$', re.MULTILINE)


def classical_blocks() -> dict[str, str]:
    """Tables that need no trace."""
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
    cells = side_by_side(idata)
    cells = cells[(cells["quantity"] == "compute") & cells["bayes_median"].notna()]
    compute = markdown_table(
        ["task", "error", "printed", "recomputed", "posterior median [90 %]"],
        [
            [
                LABELS[row["task"]],
                format_error(row["error"]),
                str(row["printed_power_of_ten"]),
                f"{row['log10_value']:.2f}",
                f"{row['bayes_median']:.1f} [{row['bayes_lower_90']:.1f}, {row['bayes_upper_90']:.1f}]",
            ]
            for row in cells.to_dict(orient="records")
        ],
    )
    slopes = markdown_table(
        ["task", "least squares [90 %]", "posterior median [90 %]"],
        [
            [
                LABELS[row["task"]],
                f"{row['ols_slope']:.4f} [{row['ols_lower_90']:.4f}, {row['ols_upper_90']:.4f}]",
                f"{row['bayes_median']:.4f} [{row['bayes_lower_90']:.4f}, {row['bayes_upper_90']:.4f}]",
            ]
            for row in slopes_side_by_side(idata).to_dict(orient="records")
        ],
    )
    return {"bayesian": compute, "bayesian_slopes": slopes}


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


def stale_files(root: Path, idata: xr.DataTree | None = None) -> dict[Path, str]:
    """Committed files whose content is not what the data give, with the content they should have."""
    page = root / "docs" / "thompson2020.md"
    blocks = classical_blocks() | ({} if idata is None else bayesian_blocks(idata))
    files = {page: fill_blocks(page.read_text(encoding="utf-8"), blocks)}
    for name in TABLES:
        table = root / "data" / name
        digest = hashlib.sha256(table.read_bytes()).hexdigest()
        sidecar = table.with_name(f"{table.stem}.meta.toml")
        files[sidecar] = _DIGEST.sub(f'sha256 = "{digest}"', sidecar.read_text(encoding="utf-8"))
    return {path: text for path, text in files.items() if path.read_text(encoding="utf-8") != text}


def main(arguments: Sequence[str] | None = None) -> int:
    """Fill, or check with ``--check``; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.pages.thompson2020", description=__doc__)
    parser.add_argument("--trace", type=Path, help="fit whose posterior fills the Bayesian columns")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail when a committed file differs"
    )
    options = parser.parse_args(arguments)
    try:
        from scaling_bayes.trace.io import open_trace

        root = checkout_root()
        stale = stale_files(root, None if options.trace is None else open_trace(options.trace))
        if options.check and stale:
            names = [str(path.relative_to(root)) for path in stale]
            raise DataError(
                "files are out of date; run python -m tools.pages.thompson2020",
                [Problem(None, None, name, "the content the data give") for name in names],
            )
        for path, text in stale.items():
            write_text(path, text)
            sys.stdout.write(f"wrote {path.relative_to(root)}\n")
    except ScalingBayesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
