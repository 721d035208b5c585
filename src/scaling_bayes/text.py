"""Numbers as people read them, and text of others as it can be shown: in a terminal, JSON, CSV or HTML."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "csv_text",
    "format_error",
    "format_interval",
    "format_number",
    "format_power_of_ten",
    "format_year",
    "json_text",
    "steered_by",
    "visible",
    "without_steering",
]

#: Control, format and surrogate characters, separators of lines and paragraphs.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Format characters that only join letters, as Persian and emoji need.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"
#: What makes a spreadsheet take a cell for a formula.
_FORMULA = tuple("=+-@＝＋－＠")


def format_power_of_ten(log10_value: float, digits: int = 1) -> str:
    """Write a log10 value as ``10^23.4``; an infinite one as ``unreachable``."""
    if math.isnan(log10_value):
        return "not a number"
    if math.isinf(log10_value):
        return "unreachable" if log10_value > 0 else "0"
    return f"10^{log10_value:z.{digits}f}"


def format_interval(median: float, lower: float, upper: float, digits: int = 1) -> str:
    """Write a log10 median and interval as ``10^23.4 [10^18.9, 10^34.0]``.

    One word where all three are ``unreachable``.
    """
    if math.inf == median == lower == upper:
        return format_power_of_ten(median)
    median_text, lower_text, upper_text = (format_power_of_ten(v, digits) for v in (median, lower, upper))
    return f"{median_text} [{lower_text}, {upper_text}]"


def format_error(error: float) -> str:
    """Write an error as percent, ``4.621 %``."""
    return f"{error * 100:.6g} %"


def format_number(value: float) -> str:
    """Write a number with three significant digits, ``0.0541``."""
    return f"{value:.3g}"


def format_year(year: float) -> str:
    """Write a decimal year, ``2020`` or ``2020.5``; year 0, of systems without one, as ``none``."""
    if year == 0:
        return "none"
    return f"{year:.1f}".removesuffix(".0")


def visible(text: object, keep: str = "\n\t") -> str:
    r"""Write the characters that steer a display as escapes, ``\x1b``: colours, titles, reading direction.

    Parameters
    ----------
    text : object
        Written as ``str`` does.
    keep : str
        Characters that stay.
    """
    return _with_steering(str(text), lambda c: c.encode("unicode_escape").decode(), keep)


def without_steering(text: str, keep: str = "\n\t") -> str:
    """Leave out the characters that steer a display."""
    return _with_steering(text, lambda _: "", keep)


def json_text(text: str) -> str:
    """Write the characters that steer a display as JSON escapes; the value of the JSON stays the same."""
    return _with_steering(text, lambda c: json.dumps(c)[1:-1], "\n")


def csv_text(frame: pd.DataFrame) -> str:
    """Write a table as CSV that a spreadsheet takes for data: numbers in full precision, no cell a formula.

    A text that begins as a formula does gets an apostrophe before it, and control characters are escapes.
    """

    def cell(value: object) -> object:
        if not isinstance(value, str):
            return value
        shown = visible(value, keep="")
        return f"'{shown}" if shown.lstrip().startswith(_FORMULA) and not _is_number(shown) else shown

    written = frame.rename(columns=cell)
    for position, dtype in enumerate(frame.dtypes):
        if dtype.kind not in "biufcmM":
            written.isetitem(
                position, np.array([cell(value) for value in frame.iloc[:, position]], dtype=object)
            )
    return str(written.to_csv(index=False, lineterminator="\n"))


def steered_by(text: str, keep: str = "\n\t") -> list[str]:
    """Characters of a text that steer a display, each once."""
    return [c for c in dict.fromkeys(text) if c not in keep and _steers(c)]


def _steers(character: str) -> bool:
    return unicodedata.category(character) in _STEERING and character not in _JOINERS


def _with_steering(text: str, written: Callable[[str], str], keep: str) -> str:
    found = steered_by(text, keep)
    return text.translate({ord(c): written(c) for c in found}) if found else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
