"""The section on progress: how fast compute grew, what algorithms added, and what others found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scaling_bayes.hardware.tables import load_table
from scaling_bayes.report.blocks import Cell, Column, Link, Section, Table, TextPart
from scaling_bayes.report.tables import CONVENTION, Row, column, numeric, quantile, table_of, task_column
from scaling_bayes.text import interval_text, legible, percent, records, short, task_label

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from scaling_bayes.report.facts import Facts

#: Rows of the table of literature values: task, and at what the progress was measured.
_LITERATURE = {
    "imagenet_compute_halving": ("imagenet", "all errors"),
    "algorithmic_progress_imagenet_year_control": ("imagenet", "all errors, year as a control"),
    "imagenet_alexnet_level_halving": ("imagenet", "the error of AlexNet"),
    "imagenet_resnet50_level_gain": ("imagenet", "the error of ResNet-50"),
    "wmt14_en_fr_seq2seq_level_gain": ("wmt14_en_fr", "the score of Seq2Seq"),
    "wmt14_en_fr_gnmt_level_gain": ("wmt14_en_fr", "the score of GNMT"),
}
_COLUMNS: dict[str, tuple[Column, Callable[[float], str]]] = {
    "compute_growth": (Column("Growth of compute", "powers of ten a year", numeric=True), short),
    "algorithmic_progress": (
        Column("Algorithmic progress", "powers of ten a year", numeric=True),
        short,
    ),
    "gain_per_year": (Column("Algorithmic progress", "factor a year", numeric=True), short),
    "halving_month": (Column("Compute halves", "every … months", numeric=True), short),
    "algorithmic_share": (Column("Share of algorithms", "%", numeric=True), percent),
}


def literature(facts: Facts) -> pd.DataFrame:
    """Published progress on tasks of the fit, as a factor a year and as the months of a halving.

    Returns
    -------
    DataFrame
        ``task``, ``at``, ``period_start``, ``period_end``, ``gain_per_year`` and ``halving_month``, each
        with ``_lower`` and ``_upper`` (NaN where no interval was published), ``interval_prob``,
        ``citation``, ``url``.
    """
    import pandas as pd

    table = load_table("literature_intervals").drop_duplicates("quantity")
    published = {row["quantity"]: row for row in records(table)}
    rows = []
    for quantity, (task, at) in _LITERATURE.items():
        source = published.get(quantity)
        if source is None or task not in facts.fit.tasks:
            continue
        gain = _gain_per_year(source["median"], source)
        lower, upper = sorted(_gain_per_year(source[end], source) for end in ("lower", "upper"))
        rows.append(
            {
                "task": task,
                "at": at,
                "period_start": float(source["period_start"]),
                "period_end": float(source["period_end"]),
                "gain_per_year": gain,
                "gain_per_year_lower": lower,
                "gain_per_year_upper": upper,
                "halving_month": _halving(gain),
                "halving_month_lower": _halving(upper),
                "halving_month_upper": _halving(lower),
                "interval_prob": float(source["interval_prob"]),
                "citation": str(source["citation"]),
                "url": str(source["url"]),
            }
        )
    return pd.DataFrame(rows)


def _gain_per_year(value: float, source: dict[str, Any]) -> float:
    if source["unit"] == "month":
        return float(2.0 ** (12.0 / value))
    if source["unit"] == "factor":
        return float(value ** (1.0 / (source["period_end"] - source["period_start"])))
    return float(value)


def _halving(gain: float) -> float:
    return 12.0 * math.log(2.0) / math.log(gain)


def progress_section(facts: Facts) -> Section | None:
    """Growth of compute and algorithmic progress per task; None without progress in the model."""
    if not facts.fit.options.algorithmic_progress:
        return None
    shown = [name for name in _COLUMNS if name in set(facts.progress["quantity"])]
    if "algorithmic_progress" not in shown:
        shown.remove("gain_per_year")
        shown.insert(0, "gain_per_year")
    found = {(row["task"], row["quantity"]): row for row in records(facts.progress)}
    rows: list[tuple[Cell, ...]] = []
    for task in facts.fit.tasks:
        cells = []
        for name in shown:
            row = found[task, name]
            cells.append(interval_text(row["median"], row["lower_90"], row["upper_90"], _COLUMNS[name][1]))
        rows.append((task_label(task, 60), *cells))
    rows.append(("Prior, all tasks", *_prior(facts, shown)))
    text = "A year of algorithmic progress multiplies compute by the factor (“compute-equivalent gain”)."
    if "algorithmic_share" in shown:
        text += (
            " Growth of compute and progress enter a task's line as a sum; the share of algorithms is "
            "progress over that sum, and leaves 0 to 100 % in draws in which compute fell."
        )
    parts: list[Table | TextPart] = [
        Table(
            f"Growth of the compute of each task's systems, and algorithmic progress: {CONVENTION}.",
            (Column("Task"), *(_COLUMNS[name][0] for name in shown)),
            tuple(rows),
        ),
        TextPart(text),
    ]
    published = literature(facts)
    if len(published):
        parts.append(_literature_table(published))
    return Section("progress", "Progress: compute and algorithms", "Progress", tuple(parts))


def _prior(facts: Facts, shown: list[str]) -> list[str]:
    """Prior of progress in each column's unit; nothing where the quantity is no parameter."""
    median, lower, upper = (
        quantile(facts, "prior", "", "progress", name) for name in ("median", "lower_90", "upper_90")
    )
    texts = {
        "algorithmic_progress": interval_text(median, lower, upper),
        "gain_per_year": interval_text(10.0**median, 10.0**lower, 10.0**upper),
        "halving_month": interval_text(_halving(10.0**median), _halving(10.0**upper), _halving(10.0**lower)),
    }
    return [texts.get(name, "") for name in shown]


def _literature_table(published: pd.DataFrame) -> Table:
    return table_of(
        "Algorithmic progress as others found it, converted to a factor a year and to months. Intervals are "
        "those published, with their probability, not the 90 % equal-tailed intervals of this fit.",
        records(published),
        task_column(),
        column("Measured at", lambda row: row["at"]),
        numeric("Progress", lambda row: _published(row, "gain_per_year"), "factor a year"),
        numeric("Compute halves", lambda row: _published(row, "halving_month"), "every … months"),
        numeric("Years", lambda row: f"{row['period_start']:.0f} to {row['period_end']:.0f}"),
        column("Source", lambda row: Link(legible(row["citation"], 160), row["url"]), grows=True),
    )


def _published(row: Row, name: str) -> str:
    lower, upper = row[f"{name}_lower"], row[f"{name}_upper"]
    if lower != lower:
        return short(row[name])
    return f"{interval_text(row[name], lower, upper)} ({100 * row['interval_prob']:.0f} %)"
