"""Read a number as people and spreadsheets write it: decimal comma, thousands separators, percent signs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Final, Literal

#: What `read_number` gives for a comma or point that may separate decimals or thousands.
AMBIGUOUS: Final = "ambiguous"
_SPACES: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2019": "'", "\u2212": "-"})
_NUMBER: Final = re.compile(r"([+-]?)(\d[\d., ']*)((?:[eE][+-]?\d+)?)")
_USUAL: Final = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAY_GROUP: Final = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")
#: No number of a table is written with more characters; Python's own limit is on digits of whole numbers.
_LONGEST: Final = 400


def read_number(text: str, decimal: Literal[",", "."] | None = None) -> float | str | None:
    """The number in a text.

    Parameters
    ----------
    text : str
        Such as ``0.31``, ``0,31``, ``1.234.567,8``, ``1 000 000``, ``2e17``.
    decimal : {",", "."}, optional
        The table's decimal sign, where its other cells show it: decides ``1,234``.

    Returns
    -------
    float, "ambiguous" or None
        None where the text is no number. Infinite numbers pass.

    Examples
    --------
    >>> read_number("1.234.567,5")
    1234567.5
    >>> read_number("1,234"), read_number("1,234", ",")
    ('ambiguous', 1.234)
    """
    if decimal is None and len(text) < _LONGEST and _USUAL.fullmatch(text):
        return float(text)
    text = text.strip().translate(_SPACES)
    if len(text) > _LONGEST or "_" in text:
        return None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return _plain(text)
    sign, body, exponent = match.groups()
    if not exponent and _MAY_GROUP.fullmatch(body):
        mark = body.strip("0123456789")
        if (mark == "," and decimal is None) or (mark == "." and decimal == ","):
            return AMBIGUOUS
        if mark == "," and decimal == ".":
            return _plain(sign + body.replace(",", ""))
    body = _with_point(body) or ""
    return _plain(sign + body + exponent) if body else None


def decimal_sign(texts: Iterable[str]) -> Literal[",", "."] | None:
    """The decimal sign that the cells of a table show beyond doubt, None where they show none or both."""
    found = {sign for text in texts if (sign := _shown_sign(text.strip().translate(_SPACES)))}
    return found.pop() if len(found) == 1 else None


def _shown_sign(text: str) -> Literal[",", "."] | None:
    """The decimal sign of one cell with a comma; a point alone shows none, for every program writes it."""
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST and "," in text else None
    if match is None or (not match[3] and _MAY_GROUP.fullmatch(match[2])):
        return None
    body = match[2]
    if _with_point(body) is None:
        return None
    return "," if body.count(",") == 1 and body.rfind(",") > body.rfind(".") else "."


def _with_point(body: str) -> str | None:
    """Digits with separators as digits with at most one point, None where the separators are out of place."""
    commas, points = body.count(","), body.count(".")
    if commas and points:
        decimal = "," if body.rfind(",") > body.rfind(".") else "."
        group = "." if decimal == "," else ","
    elif commas > 1 or points > 1:
        decimal, group = "", "," if commas else "."
    else:
        decimal, group = ("," if commas else "."), ""
    whole, mark, part = body.partition(decimal) if decimal else (body, "", "")
    for separator in (group, " ", "'"):
        if separator and separator in whole:
            if not re.fullmatch(rf"\d{{1,3}}(?:{re.escape(separator)}\d{{3}})+", whole):
                return None
            whole = whole.replace(separator, "")
    if not whole.isdecimal() or (mark == "," and not part) or (part and not part.isdecimal()):
        return None
    return f"{whole}.{part}" if part else whole


def _plain(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return None if math.isnan(number) else number
