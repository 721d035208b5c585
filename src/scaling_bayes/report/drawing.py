"""Pictures for the report, in a wide and a narrow form; what cannot be drawn is named, with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scaling_bayes import figures
from scaling_bayes.report.blocks import FailurePart, FigurePart
from scaling_bayes.text import legible

if TYPE_CHECKING:
    from scaling_bayes.figures.svg import Drawn

#: Inches. At these widths the type keeps its size on a desktop page and on a phone.
WIDE, NARROW = 8.9, 4.17


def draw(
    name: str, title: str, *, caption: str, alt: str, function: Callable[[float], Drawn]
) -> FigurePart | FailurePart:
    """Draw a picture in both widths.

    Parameters
    ----------
    function : callable
        ``function(width)``: the figure, `width` inches wide, or its only axes.
    """
    try:
        wide, narrow = (
            figures.to_svg(function(width), name=f"{name}-{form}", alt=alt)
            for width, form in ((WIDE, "wide"), (NARROW, "narrow"))
        )
    except Exception as error:  # noqa: BLE001 - whatever stops a picture, the report goes on and says so
        return FailurePart(name, title, legible(f"{type(error).__name__}: {error}", 500))
    return FigurePart(name, caption, wide, narrow)
