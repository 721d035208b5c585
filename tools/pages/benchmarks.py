"""The tables and figures of the benchmarks, from what was measured: ``benchmarks/results``."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.figures import to_svg
from scaling_bayes.figures.style import COLORS, bare, finish, new_figure, numeric_ticks, styled
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["pages"]

IMAGES = Path("docs", "images")
OURS = "scaling-bayes fit"
SMALLER = ("Bambi", "brms")
WAYS = {
    "kernel": "the kernel, given other rows (what the package does)",
    "compiled_once": "PyMC's model compiled once by nutpie, given other rows",
    "rebuilt": "PyMC's model built and compiled by nutpie for each, compiled code reused",
    "rebuilt_without_cache": "the same, nothing reused",
}


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def ratio(values: Sequence[float], to: Sequence[float]) -> str:
    """Median and range of the ratios within rounds."""
    ratios = [a / b for a, b in zip(values, to, strict=True)]
    return f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"


def _machine(results: Mapping[str, Any]) -> str:
    machine, versions = results["machine"], dict(results["versions"])
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    absent, runs = results["not_installed"], len(results["cold"][OURS]["seconds"])
    left_out = f" Not installed, so left out: {', '.join(absent)}." if absent else ""
    apart = " NumPyro and Bambi are in an environment of their own." if results["peers_apart"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}; load "
        f"{machine['load_before']} before the start. {listed}.{apart}{left_out}\n\n"
        f"Medians, with the range in brackets, of {runs} runs; ratios are those "
        "within a round.\n"
    )


def _cold(results: Mapping[str, Any]) -> str:
    ours = results["cold"][OURS]["seconds"]
    rows = [
        (
            name,
            "a smaller one" if name in SMALLER else "the same",
            spread(found["seconds"]),
            "1" if name == OURS else ratio(found["seconds"], ours),
            f"{found['mib']:,.0f}",
        )
        for name, found in results["cold"].items()
    ]
    return markdown_table(("", "model", "seconds", "times ours", "memory, MiB"), rows)


def _empty(results: Mapping[str, Any]) -> str:
    ours = results["empty_caches"][OURS]["seconds"]
    rows = [
        (name, spread(found["seconds"]), "1" if name == OURS else ratio(found["seconds"], ours))
        for name, found in results["empty_caches"].items()
    ]
    return markdown_table(("caches on disk empty", "seconds", "times ours"), rows)


def _warm(results: Mapping[str, Any]) -> str:
    ours = results["warm"][OURS]["effective_draws_per_second"]
    rows = [
        (
            name,
            spread(found["seconds"], 2),
            spread(found["effective_draws"], 0),
            spread(found["effective_draws_per_second"], 0),
            "1" if name == OURS else ratio(ours, found["effective_draws_per_second"]),
            "" if name == OURS else f"{found['largest_difference']:.1f}",
        )
        for name, found in results["warm"].items()
    ]
    header = (
        "the same model",
        "seconds",
        "effective draws",
        "effective draws a second",
        "ours, times theirs",
        "largest difference of a posterior mean, standard errors",
    )
    return markdown_table(header, rows)


def _refits(results: Mapping[str, Any]) -> str:
    seconds = results["against_rebuilding"]["seconds"]
    rows = [
        (
            words,
            f"{60 / statistics.median(seconds[way]):,.1f}",
            "1" if way == "rebuilt" else ratio(seconds["rebuilt"], seconds[way]),
        )
        for way, words in WAYS.items()
    ]
    return markdown_table(("refits by", "a minute", "times rebuilding"), rows)


def _starts(results: Mapping[str, Any]) -> str:
    found = results["starts"]
    against = {
        "import scaling_bayes": "import numpy",
        "import nutpie": "import numpy",
        "scaling-bayes report": "import xarray, matplotlib.pyplot",
    }
    rows = [
        (
            f"`{name}`" if name.startswith("import") else f"`{name} reference-2026.11`",
            spread(seconds, 2),
            f"{ratio(seconds, found[against[name]])} of `{against[name]}`" if name in against else "",
        )
        for name, seconds in found.items()
    ]
    return markdown_table(("a process that does", "seconds", "times"), rows)


def _growth(results: Mapping[str, Any]) -> str:
    fits = {(row["rows"], row["tasks"]): row for row in results["fit"]}
    rows = []
    for row in results["gradient"]:
        kernel, pymc = (statistics.median(row["microseconds"][way]) for way in ("kernel", "pymc"))
        fit = fits.get((row["rows"], row["tasks"]))
        rows.append(
            (
                f"{row['rows']:,}",
                f"{row['tasks']:,}",
                f"{kernel:,.1f}",
                f"{1000 * kernel / row['rows']:,.0f}",
                f"{pymc:,.1f}",
                f"{fit['seconds']:,.1f}" if fit else "",
            )
        )
    header = ("rows", "tasks", "kernel, µs", "kernel, ns a row", "PyMC, µs", "short fit, s")
    return markdown_table(header, rows)


def _limits(results: Mapping[str, Any]) -> str:
    largest = max(results["gradient"], key=lambda row: row["rows"])
    seconds = 1e-6 * statistics.median(largest["microseconds"]["kernel"])
    steps = max(row["steps_a_draw"] for row in results["fit"])
    hours = 8_000 * steps * seconds / int(results["machine"]["cores"]) / 3600
    return (
        f"At {largest['rows']:,} rows and {largest['tasks']} tasks a fit of 4 x (1,000 + 1,000) draws at "
        f"{steps:.0f} steps each would take {hours:.1f} hours on this machine: it runs, but is no longer "
        "instant. Memory does not stop it: the kernel keeps a few numbers a row.\n"
    )


@styled
def draw(results: Mapping[str, Any]) -> Figure:
    """Seconds of one cold fit, shortest first: range and median."""
    rows = sorted(results["cold"].items(), key=lambda row: -statistics.median(row[1]["seconds"]))
    figure = new_figure(7.2, 0.36 * len(rows) + 0.6)
    ax = figure.add_subplot()
    highest = max(max(found["seconds"]) for _, found in rows)
    ax.set_xscale("log")
    ax.set_xlim(1, 3 * highest)
    for place, (name, found) in enumerate(rows):
        seconds = found["seconds"]
        middle = statistics.median(seconds)
        color = COLORS["blue"] if name == OURS else COLORS["muted"]
        ax.plot(
            [min(seconds), max(seconds)], [place, place], color=color, lw=5, alpha=0.35, solid_capstyle="butt"
        )
        ax.plot([middle], [place], "o", color=color, ms=6)
        label = name + (" (a smaller model)" if name in SMALLER else "")
        ax.annotate(
            f"{label}, {middle:.1f} s",
            (max(seconds), place),
            (9, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    bare(ax)
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= 3 * highest]
    numeric_ticks(ax, "x", ticks, [str(tick) for tick in ticks])
    ax.set_ylim(-0.6, len(rows) - 0.4)
    ax.set_xlabel("seconds of one fit, from the command to the file (log scale)")
    return figure


@styled
def draw_memory(held: Sequence[float]) -> Figure:
    """Memory after every refit, MiB."""
    figure = new_figure(8.9, 2.2)
    ax = figure.add_subplot()
    ax.plot(np.arange(1, len(held) + 1), held, color=COLORS["blue"], lw=1.0)
    ax.set_ylim(0, 1.15 * max(held))
    ax.set_xlabel("refits in one process")
    ax.set_ylabel("resident memory, MiB")
    finish(ax)
    return figure


def pages(root: Path) -> dict[Path, str]:
    """Text of the page and of its figures."""
    side, refits, growth = (
        json.loads((root / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("side_by_side", "refits", "growth")
    )
    blocks = {
        "machine": _machine(side),
        "cold": _cold(side),
        "empty": _empty(side),
        "warm": _warm(side),
        "refits": _refits(refits),
        "starts": _starts(side),
        "growth": _growth(growth),
        "limits": _limits(growth),
    }
    alt = "Seconds of one cold fit: " + ", ".join(
        f"{name} {np.median(found['seconds']):.1f}" for name, found in side["cold"].items()
    )
    memory = draw_memory(refits["memory"]["mib"])
    return filled(root, Path("docs", "side_by_side.md"), blocks) | {
        IMAGES / "side_by_side.svg": to_svg(draw(side), name="side_by_side", alt=alt),
        IMAGES / "refits.svg": to_svg(memory, name="refits", alt="Memory held over the refits"),
    }
