"""Characters that steer a display or a spreadsheet: escaped, left out, or kept from being a formula."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

#: What makes a spreadsheet take a cell for a formula.
_FORMULA = tuple("=+-@＝＋－＠")
#: Control, format and surrogate characters, separators of lines and paragraphs.
_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
#: Format characters that only join letters, as Persian and emoji need.
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"


def visible(text: object, keep: str = "\n\t") -> str:
    r"""Write the characters that steer a display as escapes, ``\x1b``: colours, titles, reading direction.

    Parameters
    ----------
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
    import numpy as np

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
    if text.isprintable():
        return []
    plain = text.replace("\N{NO-BREAK SPACE}", "")
    for character in keep:
        plain = plain.replace(character, "")
    if plain.isprintable():
        return []
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
