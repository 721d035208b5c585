"""Numbers as people read them: powers of ten, intervals, errors in percent."""

from __future__ import annotations

import math

__all__ = ["format_error", "format_interval", "format_number", "format_power_of_ten", "format_year"]


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
