"""The tables and figures of docs/calibration.md, from the released calibrations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.diagnostics.calibration import calibration_table, is_projection
from scaling_bayes.figures.sbc import plot_sbc
from scaling_bayes.figures.svg import to_svg
from scaling_bayes.text import percent_text
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import read_index
from scaling_bayes.trace.schema import CALIBRATION_KIND, SBC, group, manifest
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["pages"]

PAGE = Path("docs", "calibration.md")
_LISTED = 10


def pages(root: Path) -> dict[Path, str]:
    """Text of the page and of its figures, by path.

    Calibrations of the newest release lead; of earlier ones there is a line each.
    """
    released = {
        release.name: open_trace(release.name)
        for release in read_index()
        if release.kind == CALIBRATION_KIND and release.at_hand
    }
    every = {name: tree for name, tree in released.items() if manifest(tree)["experiment"] in SBC}
    newest = max(map(_month, every))
    ranked = {name: tree for name, tree in every.items() if _month(name) == newest}
    earlier = {name: tree for name, tree in every.items() if name not in ranked}
    shifts = {
        experiment: max(
            (name for name, tree in released.items() if manifest(tree)["experiment"] == experiment),
            key=_month,
        )
        for experiment in ("leave_one_paper_out", "prior_sweep")
    }
    papers, priors = (released[name] for name in shifts.values())
    said_papers, said_priors = (f"`{name}`: {_model(released[name])}.\n\n" for name in shifts.values())
    blocks = {
        "finding": _finding(ranked),
        "coverage": _coverage(ranked),
        "least": _least(ranked),
        "sampling": _sampling(ranked),
        "recovery": _recovery(calibration_table(next(iter(ranked.values())))),
        "papers": said_papers + _shifts(papers, "without"),
        "elpd": _elpd(papers),
        "priors": said_priors + _shifts(priors, "with the prior"),
        "earlier": _coverage(earlier) if earlier else "There are none.\n",
        "figures": "\n".join(f"![Ranks and coverage in {name}](images/{name}.svg)\n" for name in ranked),
    }
    figures = {
        PAGE.parent / "images" / f"{name}.svg": to_svg(
            plot_sbc(tree), name=name, alt=f"Ranks and coverage in {name}"
        )
        for name, tree in ranked.items()
    }
    return filled(root, PAGE, blocks) | figures


def _month(name: str) -> str:
    """The month of a release, as 2026.12."""
    return name.rpartition("-")[2]


def _model(tree: xr.DataTree) -> str:
    """What was calibrated, in words."""
    about = manifest(tree)
    model = about["model"]
    on = [name for name in ("drift", "robust") if model.get(name)]
    words = {"drift": "with drift", "robust": "Student t papers"}
    return ", ".join(
        [
            f"{model['law']} law",
            *(words[name] for name in on),
            f"{about['data']['n_systems']} systems",
        ]
    )


def _parts(tree: xr.DataTree) -> Iterator[tuple[str, pd.DataFrame]]:
    summary = calibration_table(tree)
    projected = np.array([is_projection(name) for name in summary["quantity"]])
    yield "parameters", summary[~projected]
    yield "projections", summary[projected]


def _finding(ranked: dict[str, xr.DataTree]) -> str:
    """What the first of the calibrations found, in a sentence."""
    name, tree = next(iter(ranked.items()))
    held = [
        f"{100 * part['coverage_90'].mean():.1f} % of the time for the {len(part)} {kind}"
        for kind, part in _parts(tree)
    ]
    simulations = tree["fits"].sizes["fit"]
    return (
        f"**In {simulations} simulations, 90 % intervals held the true value {' and '.join(held)}** "
        f"(`{name}`: {_model(tree)}).\n"
    )


def _coverage(ranked: dict[str, xr.DataTree]) -> str:
    rows = []
    for name, tree in ranked.items():
        total = sum(len(part) for _, part in _parts(tree))
        for kind, part in _parts(tree):
            rows.append(
                [
                    f"`{name}`",
                    _model(tree),
                    str(tree["fits"].sizes["fit"]),
                    f"{len(part)} {kind}",
                    percent_text(part["coverage_50"].mean(), 1),
                    percent_text(part["coverage_90"].mean(), 1),
                    str(int((part["p_value"] < 0.05).sum())),
                    str(int((part["p_value"] < 0.05 / total).sum())),
                    f"{part['p_value'].min():.4f}",
                ]
            )
    header = ["calibration", "of", "simulations", "quantities", "in 50 %", "in 90 %", "outside own band"]
    return markdown_table([*header, "outside the common band", "least p"], rows)


def _least(ranked: dict[str, xr.DataTree]) -> str:
    rows = [
        [
            f"`{name}`",
            f"`{row['quantity']}`",
            f"{row['p_value']:.4f}",
            percent_text(row["coverage_50"], 1),
            percent_text(row["coverage_90"], 1),
            f"{row['bias']:+.2f}" if np.isfinite(row["bias"]) else "not defined",
        ]
        for name, tree in ranked.items()
        for row in calibration_table(tree)
        .round({"p_value": 4})
        .sort_values(["p_value", "quantity"])
        .head(3)
        .to_dict("records")
    ]
    return markdown_table(["calibration", "quantity", "p", "in 50 %", "in 90 %", "bias, posterior sd"], rows)


def _sampling(ranked: dict[str, xr.DataTree]) -> str:
    rows = []
    for name, tree in ranked.items():
        fits = group(tree, "fits")
        rows.append(
            [
                f"`{name}`",
                "{chains} x {draws} after {tune}".format_map(manifest(tree)["sampler"]),
                str(int((fits["failure"] != "").sum())),
                f"{float(fits['attempts'].mean()):.1f}",
                f"{float(fits['rhat'].quantile(0.5)):.3f}",
                f"{float(fits['rhat'].max()):.3f}",
                str(int((fits["rhat"] > 1.05).sum())),
                f"{float(fits['ess'].quantile(0.5)):.0f}",
                str(int((fits["divergences"] > 0).sum())),
            ]
        )
    header = ["calibration", "chains x draws after warm-up", "failed fits"]
    header += [
        "simulations drawn for one with possible errors",
        "median R-hat",
        "largest R-hat",
        "fits above 1.05",
        "median ESS",
        "fits with divergences",
    ]
    return markdown_table(header, rows)


def _recovery(summary: pd.DataFrame) -> str:
    summary = summary.assign(name=summary["quantity"].str.replace(r"\[.*", "", regex=True))
    rows = [
        [
            f"`{name}`",
            str(len(part)),
            percent_text(part["coverage_50"].mean(), 1),
            percent_text(part["coverage_90"].mean(), 1),
            f"{part['bias'].mean():+.2f}" if part["bias"].notna().all() else "",
            f"{part['contraction'].min():.2f} to {part['contraction'].max():.2f}"
            if part["contraction"].notna().any()
            else "",
        ]
        for name, part in summary.groupby("name", sort=False)
    ]
    return markdown_table(
        ["quantity", "number", "in 50 %", "in 90 %", "bias, mean over quantities", "contraction"], rows
    )


def _shifts(tree: xr.DataTree, word: str) -> str:
    summary = calibration_table(tree).dropna(subset=["largest_shift"])
    order = summary["largest_shift"].abs().sort_values(ascending=False).index
    rows = [
        [f"`{row['quantity']}`", f"{row['largest_shift']:+.2f}", str(row["largest_shift_fit"])]
        for row in summary.loc[order].head(_LISTED).to_dict("records")
    ]
    return markdown_table(["quantity", "shift, sd of the fit to all", word], rows)


def _elpd(tree: xr.DataTree) -> str:
    fits = group(tree, "fits").isel(fit=slice(1, None))
    order = np.argsort(fits["elpd"].values)[:5]
    return markdown_table(
        ["paper", "log density of its errors given all others, nats"],
        [[str(fits["fit"].values[row]), f"{float(fits['elpd'].values[row]):.1f}"] for row in order],
    )
