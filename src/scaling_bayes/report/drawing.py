"""Pictures for the report, in a wide and a narrow form; what cannot be drawn is named, with the reason."""

from __future__ import annotations

import base64
import re
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scaling_bayes import figures
from scaling_bayes.figures import style
from scaling_bayes.figures.sheet import light
from scaling_bayes.report.blocks import FailurePart, FigurePart
from scaling_bayes.steering import csv_text
from scaling_bayes.text import legible

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.figures.svg import Drawn

#: Inches. At these widths the type keeps its size on a desktop page and on a phone.
WIDE, NARROW = 8.9, 4.17
_DPI = 120
#: Bytes from which a drawing, of many panels, is not given a second time: its PNG is.
_LARGE = 90_000
#: A colour or the font of the page, and what stands for it elsewhere.
_VARIABLE = re.compile(r"var\(--fig-\w+, (#[0-9a-f]{6}|sans-serif)\)")


def draw(
    name: str,
    title: str,
    *,
    caption: str,
    alt: str,
    function: Callable[[float], Drawn],
    table: pd.DataFrame,
    source: str,
) -> FigurePart | FailurePart:
    """Draw a picture in both widths.

    Parameters
    ----------
    function : callable
        ``function(width)``: the figure, `width` inches wide, or its only axes.
    table : DataFrame
        Its numbers; with them it can be taken away as SVG, PNG and CSV.
    source : str
        Fit, scenario and year, written into the picture with the title; empty where it has its own.
    """
    try:
        with light():
            drawn, small = function(WIDE), function(NARROW)
            for each in (drawn, small) if source else ():
                style.framed(each, title, source)
        wide = figures.to_svg(drawn, name=f"{name}-wide", alt=alt)
        narrow = figures.to_svg(small, name=f"{name}-narrow", alt=alt)
        files = _files(drawn, wide, table)
    except Exception as error:  # noqa: BLE001 - whatever stops a picture, the report goes on and says so
        return FailurePart(name, title, legible(f"{type(error).__name__}: {error}", 500))
    return FigurePart(name, caption, wide, narrow, files)


def _files(drawn: Drawn, svg: str, table: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """A picture and its numbers as data addresses: SVG, PNG, CSV."""
    printed = _VARIABLE.sub(r"\1", svg)
    drawing = f"data:image/svg+xml,{_quoted(printed)}"
    sheet: Any = drawn.get_figure(root=True)
    return (
        *([("svg", drawing)] if len(drawing) < _LARGE else ()),
        ("png", f"data:image/png;base64,{base64.b64encode(sheet.png(_DPI)).decode()}"),
        ("csv", f"data:text/csv;charset=utf-8,{_quoted(csv_text(table.map(_short)))}"),
    )


def _short(value: Any) -> Any:
    """A number with five significant digits: what a picture shows."""
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe=" ,;:/=()*!@$+-._~")
