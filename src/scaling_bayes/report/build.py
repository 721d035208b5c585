"""`build_report`: from a fit to the parts of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from scaling_bayes.report.answer import answer_section, lead
from scaling_bayes.report.comparison import comparison_section
from scaling_bayes.report.modelling import (
    calibration_section,
    checks_section,
    fits_section,
    settings_section,
    slopes_section,
)
from scaling_bayes.report.numbers import collect
from scaling_bayes.report.parts import Details, FailurePart, Part, Report
from scaling_bayes.report.provenance import citation_section, data_section
from scaling_bayes.report.reading import read_facts

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["QUESTION", "build_report"]

QUESTION = "How much training compute does a target error need?"


def build_report(
    idata: xr.DataTree,
    *,
    targets: Any = None,
    years: float | Iterable[float] | None = None,
    kind: str = "predictive",
) -> Report:
    """Project a fit and collect what there is to tell.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`. It is not changed.
    targets, years, kind
        As in `project`.

    Returns
    -------
    Report
        A picture that cannot be drawn is a `FailurePart` in its place, and in ``failures``.

    Raises
    ------
    TargetError, OptionError, TraceError
        As `project`.
    """
    facts = read_facts(idata, targets, years, kind)
    comparison = comparison_section(facts)
    sections = (
        answer_section(facts),
        fits_section(facts),
        slopes_section(facts),
        *([comparison] if comparison else []),
        checks_section(facts),
        data_section(facts),
        settings_section(facts),
        calibration_section(facts),
        citation_section(facts),
    )
    failures = tuple(
        part for section in sections for part in _all(section.parts) if isinstance(part, FailurePart)
    )
    return Report(
        title=QUESTION,
        lead=lead(facts),
        sections=sections,
        numbers=collect(QUESTION, facts, failures),
        projection=facts.projection,
        failures=failures,
    )


def _all(parts: Iterable[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        if isinstance(part, Details):
            yield from _all(part.parts)
