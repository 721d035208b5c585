"""Section on where the data come from: counts, flags, corrections, every system."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scaling_bayes.report.blocks import Cell, Details, FactsPart, Link, Part, Power, Section, Table
from scaling_bayes.report.tables import Row, column, numeric, table_of, task_column
from scaling_bayes.text import error_text, format_error, legible, month_of, records, span_text

if TYPE_CHECKING:
    from collections.abc import Callable

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
        flags = table_of(
            "Flags on the fitted systems: what is known of a row. A system may carry several.",
            records(facts.flags),
            column("Flag", lambda row: legible(row["flag"], 60)),
            numeric("Systems", lambda row: str(row["systems"])),
            column("Meaning", lambda row: row["meaning"], grows=True),
        )
        parts.append(Details(f"Flags ({len(facts.flags)} kinds)", (flags,)))
    corrections = _corrections(facts)
    if corrections is not None:
        parts.append(Details(f"Corrections ({len(corrections.rows)} systems)", (corrections,)))
    parts.append(_systems(facts))
    return Section("data", "Data and where they come from", "Data", tuple(parts))


def _counts(facts: Facts) -> Table:
    def written(name: str) -> Callable[[Row], Cell]:
        return lambda row: str(row[name])

    def errors(row: Row) -> str:
        ends = (format_error(float(f"{row[end]:.3g}")) for end in ("lowest_error", "highest_error"))
        return " to ".join(ends)

    def years(row: Row) -> str:
        return span_text(*(f"{int(row[end])}" for end in ("first_year", "last_year")))

    optional = {"in_thompson2020": "In the 2020 paper", "flagged": "Flagged", "corrected": "Corrected"}
    return table_of(
        "Fitted systems per task.",
        records(facts.by_task),
        task_column(),
        numeric("Systems", written("systems")),
        numeric("Errors", errors, "lowest to highest"),
        numeric(
            f"Training compute, {facts.fit.unit}",
            lambda row: f"10^{row['lowest_log10_compute']:.1f} to 10^{row['highest_log10_compute']:.1f}",
            "lowest to highest",
        ),
        *([numeric("Published", years)] if facts.fit.options.needs_year else []),
        *(numeric(label, written(name)) for name, label in optional.items() if name in facts.by_task),
    )


def _corrections(facts: Facts) -> Table | None:
    frame = facts.systems
    if "correction_reason" not in frame:
        return None
    frame = frame[frame["correction_reason"].astype(str).str.strip() != ""]
    if frame.empty:
        return None

    def reported(row: Row) -> Cell:
        number = _positive(row.get("training_compute_reported_flop"))
        return Power(number) if number is not None else ""

    return table_of(
        "Systems whose reported figures were corrected before fitting.",
        records(frame),
        column("System", _name),
        task_column(40),
        numeric(f"Reported, {facts.fit.unit}", reported),
        numeric(f"Used, {facts.fit.unit}", _compute),
        column("Reason", lambda row: legible(row["correction_reason"]), grows=True),
    )


def _systems(facts: Facts) -> Details:
    listed = facts.systems.head(MOST_SYSTEMS_LISTED)
    left_out = len(facts.systems) - len(listed)
    caption = "Systems fitted, in the order of the data."
    if left_out:
        caption += f" {left_out} more are in the JSON file."

    def paper(row: Row) -> Cell:
        url, title = legible(row.get("paper_url", "")), legible(row["paper"], 160)
        return Link(title or url, url) if url else title

    def flags(row: Row) -> str:
        return legible(str(row["flags"]).replace(";", ", ").replace("_", " "))

    with_year = facts.fit.options.needs_year
    table = table_of(
        caption,
        records(listed),
        column("System", _name),
        task_column(40),
        numeric("Error", lambda row: error_text(row["error"])),
        numeric(f"Training compute, {facts.fit.unit}", _compute),
        *([numeric("Published", lambda row: month_of(row["publication_year"]))] if with_year else []),
        *([column("Paper", paper, grows=True)] if "paper" in listed else []),
        *([column("Flags", flags, grows=True)] if "flags" in listed else []),
    )
    return Details(f"All systems ({len(facts.systems)})", (table,))


def _compute(row: Row) -> Power:
    return Power(row["log10_training_compute_flop"])


def _name(row: Row) -> str:
    return legible(row.get("system_name") or row["label"], 120) or "(no name)"


def _positive(value: Any) -> float | None:
    import math

    number = float(value) if isinstance(value, (int, float)) else math.nan
    return math.log10(number) if number > 0 and math.isfinite(number) else None
