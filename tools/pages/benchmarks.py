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
LINES = "scaling-bayes fit, straight lines"
FLOOR = "import numpy, pandas, xarray"
PLOTTING = "import xarray, matplotlib.pyplot"
#: What each of the contenders fits; the others fit the default model.
MODELS = {
    FLOOR: "none",
    LINES: "straight lines",
    "Bambi": "straight lines, compute exact",
    "brms": "straight lines, compute exact",
}
#: How many times as fast as these a cold fit is to be.
AIMS = {"pm.sample": 8, "Bambi": 25, "brms": 35}
#: A report, times what it cannot do without; and refits a minute.
REPORT_AIM, REFITS_AIM = 3.5, 500
#: Of whole fits, by their rows and tasks: most seconds of fit and report, most MB of the trace.
FITS_AIMS: dict[tuple[int, int], dict[str, float]] = {
    (6_000, 5): {"fit": 180},
    (2_000, 100): {"fit": 20, "report": 15, "trace": 15},
}
DIFFERENCES = ("root_mean_square_difference", "largest_difference")
WAYS = {
    "kernel": "the kernel, given other rows (what the package does)",
    "compiled_once": "PyMC's model compiled once by nutpie, given other rows",
    "rebuilt": "PyMC's model built and compiled by nutpie for each, compiled code reused",
    "rebuilt_without_cache": "the same, nothing reused",
    "kernel_lines": "the kernel, straight lines",
}


def spread(values: Sequence[float], digits: int = 1) -> str:
    """Median, and range."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


def ratio(values: Sequence[float], to: Sequence[float]) -> str:
    """Median and range of the ratios within rounds."""
    ratios = _ratios(values, to)
    return f"{statistics.median(ratios):.3g} ({min(ratios):.3g} to {max(ratios):.3g})"


def _ratios(values: Sequence[float], to: Sequence[float]) -> list[float]:
    return [a / b for a, b in zip(values, to, strict=True)]


def _machine(results: Mapping[str, Any]) -> str:
    machine, versions = results["machine"], dict(results["versions"])
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    absent, runs = results["not_installed"], len(results["cold"][OURS]["seconds"])
    left_out = f" Not installed, so left out: {', '.join(absent)}." if absent else ""
    apart = " Bambi is in an environment of its own." if results["peers_apart"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory']}, {machine['system']}; load "
        f"{machine['load_before']} before the start. {listed}.{apart}{left_out}\n\n"
        f"Medians, with the range in brackets; ratios are those within a round. Cold fits: {runs} runs; "
        f"fits in one process: {len(results['warm'][OURS]['seconds'])}; "
        f"with empty caches: {len(results['caches']['empty'])}.\n"
    )


def aims(side: Mapping[str, Any], refits: Mapping[str, Any], growth: Mapping[str, Any]) -> str:
    """What a fit and a report are held to, and what they take."""
    rows: list[tuple[str, str, str, bool]] = []
    seconds = {name: found["seconds"] for name, found in side["cold"].items()}
    for name in (name for name in AIMS if name in seconds):
        times = {
            what: statistics.median(_ratios(seconds[name], seconds[ours]))
            for what, ours in (("", OURS), ("ours of straight lines ", LINES), (f"`{FLOOR}` alone ", FLOOR))
            if ours != LINES or name in MODELS
        }
        measured = "; ".join(f"{what}{value:.3g}" for what, value in times.items())
        met = times[""] >= AIMS[name]
        rows.append((f"a cold fit, times as fast as {name}", f"{AIMS[name]} or more", measured, met))
    report, plotting = (side["starts"][name] for name in ("scaling-bayes report", PLOTTING))
    met = statistics.median(_ratios(report, plotting)) <= REPORT_AIM
    rows.append((f"a report, times `{PLOTTING}`", f"{REPORT_AIM} or less", ratio(report, plotting), met))
    a_minute, of_lines = (
        60 / statistics.median(refits["against_rebuilding"]["seconds"][way])
        for way in ("kernel", "kernel_lines")
    )
    measured = f"{a_minute:,.0f}; straight lines {of_lines:,.0f}"
    rows.append(("refits a minute", f"{REFITS_AIM} or more", measured, a_minute >= REFITS_AIM))
    for found in growth["fits"]:
        size = f"{found['rows']:,} rows of {found['tasks']} tasks"
        most = FITS_AIMS.get((found["rows"], found["tasks"]), {})
        taken = {
            "fit": found["fit"]["seconds"],
            "report": found["report"]["seconds"],
            "trace": found["trace_mb"],
        }
        for what, aim in most.items():
            unit = "MB" if what == "trace" else "seconds"
            rows.append(
                (
                    f"{size}: {unit} of the {what}",
                    f"{aim:g} or less",
                    f"{taken[what]:,.1f}",
                    taken[what] <= aim,
                )
            )
        if most:
            failed = found["failed_checks"]
            rows.append((f"{size}: checks failed", "none", ", ".join(failed) or "none", not failed))
    header = ("what", "aim", "measured", "met")
    return markdown_table(header, [(*row, "yes" if met else "**no**") for *row, met in rows])


def _cold(results: Mapping[str, Any]) -> str:
    cold = results["cold"]
    rows = [
        (
            name,
            MODELS.get(name, "the default"),
            spread(found["seconds"]),
            spread(found["cpu_seconds"]),
            *(
                "1" if name == ours else ratio(found["seconds"], cold[ours]["seconds"])
                for ours in (OURS, LINES)
            ),
            f"{found['mib']:,.0f}",
        )
        for name, found in cold.items()
    ]
    header = (
        "",
        "model",
        "seconds",
        "CPU seconds",
        "times ours",
        "times ours, straight lines",
        "memory, MiB",
    )
    return markdown_table(header, rows)


def _empty(results: Mapping[str, Any]) -> str:
    caches = results["caches"]
    rows = [
        ("empty", spread(caches["empty"]), ratio(caches["empty"], caches["full"])),
        ("as the first fit left them", spread(caches["full"]), "1"),
    ]
    return markdown_table(("caches on disk", "seconds of a fit", "times"), rows)


def _warm(results: Mapping[str, Any]) -> str:
    ours = results["warm"][OURS]["effective_draws_per_second"]
    rows = [
        (
            name,
            spread(found["seconds"], 2),
            spread(found["effective_draws"], 0),
            spread(found["effective_draws_per_second"], 0),
            "1" if name == OURS else ratio(ours, found["effective_draws_per_second"]),
            *("" if name == OURS else f"{found[what]:.1f}" for what in DIFFERENCES),
        )
        for name, found in results["warm"].items()
    ]
    header = (
        "the default model",
        "seconds",
        "effective draws",
        "effective draws a second",
        "ours, times theirs",
        "root mean square",
        "largest",
    )
    compared = results["warm"][OURS]["parameters"]
    return markdown_table(header, rows) + (
        f"\nThe last two columns are differences of {compared} posterior means from ours, in standard errors "
        "of both.\n"
    )


def _refits(results: Mapping[str, Any]) -> str:
    measured = results["against_rebuilding"]
    seconds, steps = measured["seconds"], measured["steps_a_draw"]
    rows = [
        (
            words,
            f"{60 / statistics.median(seconds[way]):,.1f}",
            "" if way == "kernel_lines" else ratio(seconds["rebuilt"], seconds[way]),
            spread(steps[way], 0),
        )
        for way, words in WAYS.items()
    ]
    return markdown_table(("refits by", "a minute", "times rebuilding", "steps a draw"), rows)


def _workers(results: Mapping[str, Any]) -> str:
    rows = [
        (words, f"{found['per_minute_one']:,.0f}", f"{found['per_minute_two']:,.0f}", f"{found['ratio']:.2f}")
        for words, found in (
            ("the default model", results["workers"]["default"]),
            ("straight lines", results["workers"]["lines"]),
        )
    ]
    header = ("refits a minute", "one worker", "two workers", "times")
    return markdown_table(header, rows)


def _why(refits: Mapping[str, Any], cores: int) -> str:
    """What a refit by the kernel consists of."""
    measured = refits["against_rebuilding"]
    seconds, steps = (statistics.median(measured[what]["kernel"]) for what in ("seconds", "steps_a_draw"))
    gradients = measured["draws_a_fit"] * steps
    return (
        f"A refit by the kernel makes {measured['draws_a_fit']:,} draws of {steps:,.0f} steps, "
        f"{gradients:,.0f} gradients, if the warm-up takes as many. On {cores} cores that is "
        f"{1e6 * cores * seconds / gradients:,.1f} µs of a core for each, all else included.\n"
    )


def _starts(results: Mapping[str, Any]) -> str:
    found = results["starts"]
    against = dict.fromkeys(("import scaling_bayes", FLOOR, "import nutpie"), "import numpy")
    against["scaling-bayes report"] = PLOTTING
    rows = [
        (
            f"`{name}`",
            spread(seconds, 2),
            f"{ratio(seconds, found[against[name]])} of `{against[name]}`" if name in against else "",
        )
        for name, seconds in found.items()
    ]
    return markdown_table(("a process that does", "seconds", "times"), rows)


def _growth(results: Mapping[str, Any]) -> str:
    rows = []
    for row in results["gradient"]:
        kernel, pymc = (statistics.median(row["microseconds"][way]) for way in ("kernel", "pymc"))
        rows.append(
            (
                f"{row['rows']:,}",
                f"{row['tasks']:,}",
                f"{kernel:,.1f}",
                f"{1000 * kernel / row['rows']:,.0f}",
                f"{pymc:,.1f}",
            )
        )
    return markdown_table(("rows", "tasks", "kernel, µs", "kernel, ns a row", "PyMC, µs"), rows)


def _fits(results: Mapping[str, Any]) -> str:
    rows = [
        (
            f"{row['rows']:,}",
            f"{row['tasks']:,}",
            *(
                f"{row[what][figure]:,.{digits}f}"
                for what in ("fit", "report")
                for figure, digits in (("seconds", 1), ("cpu_seconds", 1), ("mib", 0))
            ),
            f"{row['trace_mb']:,.1f}",
            f"{row['steps_a_draw']:,.0f}",
            str(row["attempts"]),
            f"{row['checks'] - len(row['failed_checks'])} of {row['checks']}",
        )
        for row in results["fits"]
    ]
    header = (
        *("rows", "tasks", "fit, s", "CPU, s", "memory, MiB", "report, s", "CPU, s", "memory, MiB"),
        *("trace, MB", "steps a draw", "attempts", "checks passed"),
    )
    return markdown_table(header, rows)


@styled
def draw(results: Mapping[str, Any]) -> Figure:
    """Seconds of one cold fit, shortest first: range and median."""
    rows = sorted(results["cold"].items(), key=lambda row: -statistics.median(row[1]["seconds"]))
    figure = new_figure(7.2, 0.36 * len(rows) + 0.6)
    ax = figure.add_subplot()
    lowest, highest = (end(end(found["seconds"]) for _, found in rows) for end in (min, max))
    ax.set_xscale("log")
    ax.set_xlim(min(1, 0.8 * lowest), 3 * highest)
    for place, (name, found) in enumerate(rows):
        seconds = found["seconds"]
        middle = statistics.median(seconds)
        color = COLORS["blue"] if name in (OURS, LINES) else COLORS["muted"]
        ax.plot(
            [min(seconds), max(seconds)], [place, place], color=color, lw=5, alpha=0.35, solid_capstyle="butt"
        )
        ax.plot([middle], [place], "o", color=color, ms=6)
        label = name + (" (straight lines)" if name in ("Bambi", "brms") else "")
        ax.annotate(
            f"{label}, {middle:.1f} s",
            (max(seconds), place),
            (9, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    bare(ax)
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if lowest <= tick <= 3 * highest]
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
        "aims": aims(side, refits, growth),
        "cold": _cold(side),
        "empty": _empty(side),
        "warm": _warm(side),
        "refits": _refits(refits),
        "why": _why(refits, int(refits["machine"]["cores"])),
        "workers": _workers(refits),
        "starts": _starts(side),
        "growth": _growth(growth),
        "fits": _fits(growth),
    }
    alt = "Seconds of one cold fit: " + ", ".join(
        f"{name} {np.median(found['seconds']):.1f}" for name, found in side["cold"].items()
    )
    memory = draw_memory(refits["memory"]["mib"])
    return filled(root, Path("docs", "side_by_side.md"), blocks) | {
        IMAGES / "side_by_side.svg": to_svg(draw(side), name="side_by_side", alt=alt),
        IMAGES / "refits.svg": to_svg(memory, name="refits", alt="Memory held over the refits"),
    }
