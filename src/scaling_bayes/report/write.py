"""`write_report`: the report and its numbers as files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scaling_bayes.errors import OptionError
from scaling_bayes.files import check_writable, write_files
from scaling_bayes.report.build import build_report
from scaling_bayes.report.json_file import as_json
from scaling_bayes.report.render import render_html
from scaling_bayes.steering import csv_text

if TYPE_CHECKING:
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.trace.view import PosteriorView

#: Bytes in which the files of a report show what they are.
_BEGIN = 2**16


def _refuse_other(path: Path, *marks: bytes) -> None:
    """Refuse to replace a file that is not of an earlier report, such as the table that was fitted."""
    if path.is_file():
        with path.open("rb") as file:
            begin = file.read(_BEGIN)
        if not all(mark in begin for mark in marks):
            raise OptionError(
                f"{path} exists and is not part of a report, which would be written there; give the report "
                "another name."
            )


def write_report(
    idata: xr.DataTree | PosteriorView,
    path: str | os.PathLike[str],
    *,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
    scenario: Scenario | str | None = "trend",
    budget_usd: float | Iterable[float] | None = None,
    carbon_kg: float | Iterable[float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Path]:
    """Write the report on a fit: one HTML file, and its numbers beside it.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    path : path
        HTML file to write. ``<stem>.json`` (everything the report states) and ``<stem>.csv`` (the
        projection's summary, as `summary` gives it) are written in the same folder. The same
        fit gives the same bytes. Those of an earlier report are replaced, once all are written: all or none.
    targets, years, kind, scenario, budget_usd, carbon_kg, progress
        As in `build_report`.

    Returns
    -------
    list of Path
        The HTML, JSON and CSV files.

    Raises
    ------
    OptionError
        If the path is not one of a report, or a table or JSON of something else stands beside it.
    WriteError
        If a file cannot be written; then none is.
    TargetError, TraceError
        As `project`.
    """
    html = Path(path)
    data, table = html.with_suffix(".json"), html.with_suffix(".csv")
    if html.suffix not in (".html", ".htm"):
        raise OptionError(
            f"a report is written to an .html file, and .json and .csv beside it; found {html}."
        )
    for one in (html, data, table):
        check_writable(one)
    _refuse_other(html, b'<meta name="generator" content="scaling_bayes">')
    _refuse_other(data, b'"checks": [', b'"threshold"')
    _refuse_other(table, b"lower_90", b"unreachable")
    report = build_report(
        idata,
        targets=targets,
        years=years,
        kind=kind,
        scenario=scenario,
        budget_usd=budget_usd,
        carbon_kg=carbon_kg,
        progress=progress,
    )
    write_files(
        {
            html: render_html(report),
            data: as_json(report.numbers),
            table: csv_text(report.projection),
        }
    )
    return [html, data, table]
