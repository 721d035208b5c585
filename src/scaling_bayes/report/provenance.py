"""Section on where the data come from: counts, flags, corrections, every system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import (
    Cell,
    Column,
    Details,
    FactsPart,
    Link,
    Part,
    Power,
    Section,
    Table,
)
from scaling_bayes.text import error_text, format_error, legible, month_of, records, span_text, task_label

if TYPE_CHECKING:
    from scaling_bayes.report.facts import Facts

#: Systems beyond this many are left to the JSON file.
MOST_SYSTEMS_LISTED = 500


def data_section(facts: Facts) -> Section:
    """What was fitted: counts, digest, flags, corrections, and every system."""
    data = facts.fit.manifest["data"]
    pairs: list[tuple[str, Cell]] = [
        ("systems fitted", f"{len(facts.systems)}"),
        ("source", legible(data.get("source", "unknown"), 200)),
        ("SHA-256 of the data", legible(data.get("sha256", "unknown"), 80)),
        ("SHA-256 of this fit", facts.fit.digest),
    ]
    parts: list[Part] = [FactsPart(tuple(pairs)), _counts(facts)]
    if len(facts.flags):
        flags = Table(
            "Flags on the fitted systems: what is known of a row. A system may carry several.",
            (Column("Flag"), Column("Systems", numeric=True), Column("Meaning", grows=True)),
            tuple((legible(r["flag"], 60), str(r["systems"]), r["meaning"]) for r in records(facts.flags)),
        )
        parts.append(Details(f"Flags ({len(facts.flags)} kinds)", (flags,)))
    corrections = _corrections(facts)
    if corrections is not None:
        parts.append(Details(f"Corrections ({len(corrections.rows)} systems)", (corrections,)))
    parts.append(_systems(facts))
    return Section("data", "Data and where they come from", "Data", tuple(parts))


def _counts(facts: Facts) -> Table:
    columns = [
        Column("Task"),
        Column("Systems", numeric=True),
        Column("Errors", "lowest to highest", numeric=True),
        Column("Training compute, FLOP", "lowest to highest", numeric=True),
    ]
    if facts.fit.options.needs_year:
        columns.append(Column("Published", numeric=True))
    optional = {"in_thompson2020": "In the 2020 paper", "flagged": "Flagged", "corrected": "Corrected"}
    shown = [name for name in optional if name in facts.by_task]
    columns += [Column(optional[name], numeric=True) for name in shown]
    rows: list[tuple[Cell, ...]] = []
    for row in records(facts.by_task):
        lowest, highest = (
            format_error(float(f"{row[end]:.3g}")) for end in ("lowest_error", "highest_error")
        )
        cells: list[Cell] = [
            task_label(row["task"], 60),
            str(row["systems"]),
            f"{lowest} to {highest}",
            f"10^{row['lowest_log10_compute']:.1f} to 10^{row['highest_log10_compute']:.1f}",
        ]
        if facts.fit.options.needs_year:
            cells.append(span_text(*(f"{int(row[end])}" for end in ("first_year", "last_year"))))
        rows.append((*cells, *(str(row[name]) for name in shown)))
    return Table("Fitted systems per task.", tuple(columns), tuple(rows))


def _corrections(facts: Facts) -> Table | None:
    frame = facts.systems
    if "correction_reason" not in frame:
        return None
    rows: list[tuple[Cell, ...]] = []
    for row in records(frame[frame["correction_reason"].astype(str).str.strip() != ""]):
        reported = _positive(row.get("training_compute_reported_flop"))
        rows.append(
            (
                _name(row),
                task_label(row["task"], 40),
                Power(reported) if reported is not None else "",
                Power(row["log10_training_compute_flop"]),
                legible(row["correction_reason"]),
            )
        )
    if not rows:
        return None
    columns = (
        Column("System"),
        Column("Task"),
        Column("Reported, FLOP", numeric=True),
        Column("Used, FLOP", numeric=True),
        Column("Reason", grows=True),
    )
    return Table("Systems whose reported figures were corrected before fitting.", columns, tuple(rows))


def _systems(facts: Facts) -> Details:
    listed = records(facts.systems.head(MOST_SYSTEMS_LISTED))
    columns = [
        Column("System"),
        Column("Task"),
        Column("Error", numeric=True),
        Column("Training compute, FLOP", numeric=True),
    ]
    with_year = facts.fit.options.needs_year
    if with_year:
        columns.append(Column("Published", numeric=True))
    optional = {"paper": "Paper", "flags": "Flags"}
    shown = [name for name in optional if name in facts.systems]
    columns += [Column(optional[name], grows=True) for name in shown]
    rows: list[tuple[Cell, ...]] = []
    for row in listed:
        cells: list[Cell] = [
            _name(row),
            task_label(row["task"], 40),
            error_text(row["error"]),
            Power(row["log10_training_compute_flop"]),
        ]
        if with_year:
            cells.append(month_of(row["publication_year"]))
        if "paper" in shown:
            url = legible(row.get("paper_url", ""))
            title = legible(row["paper"], 160)
            cells.append(Link(title or url, url) if url else title)
        if "flags" in shown:
            cells.append(legible(str(row["flags"]).replace(";", ", ").replace("_", " ")))
        rows.append(tuple(cells))
    left_out = len(facts.systems) - len(listed)
    caption = "Systems fitted, in the order of the data."
    if left_out:
        caption += f" {left_out} more are in the JSON file."
    return Details(f"All systems ({len(facts.systems)})", (Table(caption, tuple(columns), tuple(rows)),))


def _name(row: dict[str, Any]) -> str:
    return legible(row.get("system_name") or row["label"], 120) or "(no name)"


def _positive(value: Any) -> float | None:
    import math

    number = float(value) if isinstance(value, (int, float)) else math.nan
    return math.log10(number) if number > 0 and math.isfinite(number) else None
