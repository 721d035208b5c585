"""Run the full experiment and refill the tables of docs/overparameterization.md and docs/theory.md.

Run ``python -m tools.pages.overparameterization``. It takes hours, so ``python -m tools.pages`` does without
it; finished simulations are kept in ``--store``, so that it can be interrupted and goes on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from scaling_bayes.overparameterization.run import run_experiment
from scaling_bayes.overparameterization.settings import Settings
from scaling_bayes.overparameterization.summarize import MEASURES, compare, reaching, summarize_experiment
from tools.command import checkout_root, exit_code, write_files
from tools.pages.overparameterization_growth import cost_of_performance, grow_together
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: Sample sizes of the run in which parameters grow with the data, twice as many.
GROWN_OBSERVATIONS = (100, 200, 400, 800, 1600)
GROWN_SIMULATIONS = 200
#: Range of sample sizes over which the cost of performance is measured at fixed size; above interpolation
#: for the flexible model, where the lasso finds the features for the regularised one.
FIXED_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"oracle": (50, 5000), "expert": (50, 5000), "flexible": (1500, 5000), "regularised": (200, 5000)}
)
_COMPARED = (("flexible", 1500), ("oracle", 15))


def experiment_blocks(results: xr.Dataset) -> dict[str, str]:
    """Tables of the full run."""
    summary = summarize_experiment(results)
    return {
        "performance": _performance(summary),
        "operations": _operations(summary),
        "claims": _claims(results),
        "levels": _levels(summary),
    }


def growth_blocks(results: xr.Dataset, grown: xr.Dataset) -> dict[str, str]:
    """Tables of the cost of performance."""
    import pandas as pd

    fixed = pd.concat(
        [
            cost_of_performance(results.sel(model=[model]), sizes)
            for model, sizes in FIXED_RANGES.items()
            if model in results["model"].values
        ]
    )
    sizes = [int(n) for n in grown["observations"].values]
    ranges = [(sizes[0], sizes[-1]), (sizes[-3:][0], sizes[-1])]
    growing = pd.concat(
        [table for span in ranges for table in (cost_of_performance(grown, span), _one_pass(grown, span))]
    )
    return {
        "fixed_size": _exponents(fixed),
        "growing": _exponents(growing),
        "grown_performance": _performance(summarize_experiment(grown)),
    }


def _one_pass(grown: xr.Dataset, span: tuple[int, int]) -> pd.DataFrame:
    """The regularised model if one sweep were enough: two operations for each parameter and observation."""
    single = grown.sel(model=["regularised"]).copy()
    touched = 2.0 * single["n_parameters"] * single["observations"]
    single["operations"] = touched.broadcast_like(single["operations"]).transpose(*single["operations"].dims)
    return cost_of_performance(single, span).assign(model="regularised, one sweep")


def _by_size(summary: pd.DataFrame, cell: Any) -> str:
    models = list(dict.fromkeys(summary["model"]))
    rows = []
    for n, cells in summary.groupby("observations"):
        of_model = {row["model"]: row for row in cells.to_dict(orient="records")}
        rows.append([str(n), *(cell(of_model[model]) for model in models)])
    return markdown_table(["observations", *models], rows)


def _performance(summary: pd.DataFrame) -> str:
    return _by_size(
        summary, lambda row: f"{row['performance']:.3f} ± {(row['upper_90'] - row['lower_90']) / 2:.3f}"
    )


def _operations(summary: pd.DataFrame) -> str:
    return _by_size(summary, lambda row: f"{row['operations']:.2g}")


def _claims(results: xr.Dataset) -> str:
    rows = []
    one, other = _COMPARED
    for measure in MEASURES:
        mean, lower, upper = compare(results, one, other, measure)
        rows.append(
            [
                f"{one[0]} at {one[1]} − {other[0]} at {other[1]}",
                f"`{measure}`",
                f"{mean:+.3f} [{lower:+.3f}, {upper:+.3f}]",
                "yes" if lower <= 0 <= upper else "no",
            ]
        )
    return markdown_table(
        ["difference in performance", "measure", "mean [90 %]", "within Monte Carlo error"], rows
    )


def _levels(summary: pd.DataFrame) -> str:
    cells = summary.set_index(["model", "observations"])["performance"]
    level = float(cells["oracle", 15])
    models = list(dict.fromkeys(summary["model"]))
    found = [
        [model, f"{reaching(summary, model, level):.0f}", f"{reaching(summary, model, 1.0):.0f}"]
        for model in models
    ]
    header = ["model", f"as the oracle at 15 ({level:.2f})", "performance 1, the expert's limit"]
    return markdown_table(header, found).replace("nan", "under 12").replace("inf", "never")


def _exponents(table: pd.DataFrame) -> str:
    return markdown_table(
        ["model", "observations", "log10 performance per decade of cost [90 %]", "exponent [90 %]"],
        [
            [
                row["model"],
                f"{row['from_observations']} to {row['to_observations']}",
                f"{row['gain']:.3f} [{row['gain_lower_90']:.3f}, {row['gain_upper_90']:.3f}]",
                _exponent(row),
            ]
            for row in table.to_dict(orient="records")
        ],
    )


def _exponent(row: Mapping[Any, Any]) -> str:
    lower, upper = row["exponent_lower_90"], row["exponent_upper_90"]
    if row["exponent"] > 100:
        return "none: performance does not rise"
    return f"{row['exponent']:.2f} [{lower:.2f}, {upper:.2f}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is left, fill the pages, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.pages.overparameterization", description=__doc__)
    parser.add_argument("--store", type=Path, help="folder of the simulations (build/overparameterization)")
    parser.add_argument(
        "--simulations", type=int, default=Settings().simulations, help="repetitions of the full run"
    )
    parser.add_argument("--workers", type=int, help="processes; by default one for each core")
    options = parser.parse_args(arguments)
    chosen = replace(Settings(), simulations=options.simulations)
    run: dict[str, Any] = {"workers": options.workers, "progress": _say_progress}

    def work() -> None:
        root = checkout_root()
        store = options.store or root / "build" / "overparameterization"
        results = run_experiment(chosen, store=store / "full", **run)
        fewer = replace(chosen, simulations=min(GROWN_SIMULATIONS, chosen.simulations))
        grown = grow_together(fewer, GROWN_OBSERVATIONS, store=store / "grown", **run)
        write_files(root, filled(root, Path("docs", "overparameterization.md"), experiment_blocks(results)))
        write_files(root, filled(root, Path("docs", "theory.md"), growth_blocks(results, grown)))

    return exit_code(work)


def _say_progress(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done} of {total} simulations" + ("\n" if done == total else ""))


if __name__ == "__main__":
    sys.exit(main())
