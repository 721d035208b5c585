"""Pictures drawn from released traces and data: targets, systems of the language tasks, growth over time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import scaling_bayes as sb
from scaling_bayes.figures import to_svg
from scaling_bayes.figures.style import FigureError
from scaling_bayes.report.answer import answer_section
from scaling_bayes.report.blocks import FigurePart
from scaling_bayes.report.cost_facts import read_budgets
from scaling_bayes.report.facts import read_facts
from scaling_bayes.systems.load import load_systems
from scaling_bayes.trace.releases import REFERENCE_TRACE
from scaling_bayes.trace.view import PosteriorView
from tools.compute_trend.figure import plot_compute_trend
from tools.pages.counts_picture import plot_counts
from tools.pages.systems_picture import plot_systems
from tools.tables.cells import read_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["pages"]

IMAGES = Path("docs", "images")


def pages(root: Path) -> dict[Path, str]:
    """Text of each picture."""
    labels = {row["task"]: row["label"] for row in read_cells(root / "data" / "language_tasks.csv")}
    view = PosteriorView.of(sb.open_trace(REFERENCE_TRACE))
    facts = read_facts(view, None, None, "predictive", sb.Scenario.named("trend"), read_budgets(None, None))
    (chart,) = (part for part in answer_section(facts).parts if isinstance(part, FigurePart))
    systems = "Error of every system against its training compute, one panel per task"
    return {
        IMAGES / "targets.svg": chart.wide,
        IMAGES / "targets-narrow.svg": chart.narrow,
        IMAGES / "language_systems.svg": to_svg(
            plot_systems(load_systems(family="language"), labels), name="language_systems", alt=systems
        ),
        IMAGES / "systems_by_count.svg": to_svg(plot_counts(), alt="Error against training compute by task"),
        IMAGES / "compute_trend.svg": to_svg(
            _figure(plot_compute_trend()), alt="Training compute and hardware since 1950"
        ),
    }


def _figure(ax: Axes) -> Figure:
    figure = ax.get_figure(root=True)
    if figure is None:
        raise FigureError("the axes belong to no figure.")
    return figure
