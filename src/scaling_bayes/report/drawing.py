"""Pictures for the report, in a wide and a narrow form; what cannot be drawn is named, with the reason."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from scaling_bayes import figures
from scaling_bayes.report.blocks import FailurePart, FigurePart
from scaling_bayes.steering import csv_text
from scaling_bayes.text import legible

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.figures.svg import Drawn

#: Inches. At these widths the type keeps its size on a desktop page and on a phone.
WIDE, NARROW = 8.9, 4.17
_DPI = 150
#: A colour of the page, and the one in print.
_VARIABLE = re.compile(r"var\(--fig-[\w]+, (#[0-9a-f]{6})\)")


def draw(
    name: str,
    title: str,
    *,
    caption: str,
    alt: str,
    function: Callable[[float], Drawn],
    table: pd.DataFrame | None = None,
) -> FigurePart | FailurePart:
    """Draw a picture in both widths.

    Parameters
    ----------
    function : callable
        ``function(width)``: the figure, `width` inches wide, or its only axes.
    table : DataFrame, optional
        Its numbers; with them it can be taken away as SVG, PNG and CSV.
    """
    try:
        drawn = function(WIDE)
        wide = figures.to_svg(drawn, name=f"{name}-wide", alt=alt)
        files = () if table is None else _files(drawn, wide, table)
        narrow = figures.to_svg(function(NARROW), name=f"{name}-narrow", alt=alt)
    except Exception as error:  # noqa: BLE001 - whatever stops a picture, the report goes on and says so
        return FailurePart(name, title, legible(f"{type(error).__name__}: {error}", 500))
    return FigurePart(name, caption, wide, narrow, files)


def _png(drawn: Drawn) -> bytes:
    from scaling_bayes.figures.style import styled

    png = io.BytesIO()
    figure: Any = drawn.get_figure(root=True)
    smallest = {"optimize": True}
    styled(figure.savefig)(png, format="png", dpi=_DPI, metadata={"Software": None}, pil_kwargs=smallest)
    return png.getvalue()


def _files(drawn: Drawn, svg: str, table: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """A picture and its numbers as data addresses: SVG, PNG, CSV."""
    contents = {
        "svg": ("image/svg+xml", _VARIABLE.sub(r"\1", svg).encode()),
        "png": ("image/png", _png(drawn)),
        "csv": ("text/csv", csv_text(table).encode()),
    }
    return tuple(
        (suffix, f"data:{kind};base64,{base64.b64encode(content).decode()}")
        for suffix, (kind, content) in contents.items()
    )
