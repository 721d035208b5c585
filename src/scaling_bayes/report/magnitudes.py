"""Powers of ten and years in plain words."""

from __future__ import annotations

import math
from collections.abc import Iterable

__all__ = [
    "MACHINE_LOG10_FLOP_PER_SECOND",
    "UNIVERSE_LOG10_SECONDS",
    "days_in_words",
    "in_words",
    "kilograms_in_words",
    "month_of",
    "months",
    "share_in_words",
    "usd_in_words",
    "when",
]

#: The yardstick machine: 1 exaFLOP/s, the speed of the record machine of 2022 (Frontier, TOP500).
MACHINE_LOG10_FLOP_PER_SECOND = 18.0
#: Age of the universe, 13.787e9 years (Planck Collaboration 2018, *Cosmological parameters*), in seconds.
UNIVERSE_LOG10_SECONDS = math.log10(13.787e9 * 365.25 * 86400)

_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
#: A span this close below a unit, in log10, is told in that unit: 364.9 days are a year.
_NEARLY = 0.002
_SPANS = ((1.0, "second"), (60.0, "minute"), (3600.0, "hour"), (86400.0, "day"), (31557600.0, "year"))


def in_words(log10_flop: float) -> str:
    """Time the yardstick machine would take: ``3 days``, ``40 thousand years``."""
    if math.isnan(log10_flop):
        return "not a number"
    if math.isinf(log10_flop):
        return "no amount of time"
    return _span(log10_flop - MACHINE_LOG10_FLOP_PER_SECOND)


def days_in_words(log10_days: float) -> str:
    """A length of time: ``3 days``, ``40 thousand years``."""
    if math.isinf(log10_days):
        return "no amount of time"
    return _span(log10_days + math.log10(86400.0))


def usd_in_words(log10_usd: float) -> str:
    """An amount of money: ``6.8 million USD``, ``10^30.6 USD``."""
    return _amount(log10_usd, "USD")


def kilograms_in_words(log10_kg: float) -> str:
    """A mass of CO2e: ``900 kg CO2e``, ``1.3 thousand tonnes CO2e``."""
    return _amount(log10_kg, "kg CO2e") if log10_kg < 3 else _amount(log10_kg - 3, "tonnes CO2e")


def share_in_words(log10_share: float, whole: str) -> str:
    """A share of a yearly total: ``4 % of``, ``84 ×``; empty below a thousandth."""
    if log10_share < -3 or math.isinf(log10_share):
        return ""
    if log10_share < 0:
        return f"{_two_digits(100 * 10.0**log10_share)}\N{NO-BREAK SPACE}% of {whole}"
    if log10_share >= 5.95:
        return f"10^{log10_share:.0f}\N{NO-BREAK SPACE}× {whole}"
    return _counted(10.0**log10_share, "×", "×").replace(" ", "\N{NO-BREAK SPACE}") + f" {whole}"


def _amount(log10_value: float, unit: str) -> str:
    if math.isinf(log10_value):
        return f"no amount of {unit}"
    if log10_value < 0:
        return f"less than 1 {unit.replace('tonnes', 'tonne')}"
    if log10_value < 14.95:
        return _counted(10.0**log10_value, unit, unit)
    return f"10^{log10_value:.1f} {unit}"


def _span(seconds: float) -> str:
    if seconds < 0:
        return "less than a second"
    ages = seconds - UNIVERSE_LOG10_SECONDS
    if ages >= 5.95:
        return f"10^{ages:.0f} ages of the universe"
    if ages >= 0:
        return _counted(10.0**ages, "age of the universe", "ages of the universe")
    length, unit = max(
        (span for span in _SPANS if math.log10(span[0]) <= seconds + _NEARLY), key=lambda span: span[0]
    )
    return _counted(10.0**seconds / length, unit, f"{unit}s")


def _counted(count: float, one: str, many: str) -> str:
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e4, "thousand")):
        if float(f"{count:.2g}") >= size:
            scale = 1e3 if word == "thousand" else size
            return f"{_two_digits(count / scale)} {word} {many}"
    number = _two_digits(count)
    return f"{number} {one if number == '1' else many}"


def _two_digits(count: float) -> str:
    return f"{float(f'{count:.2g}'):,g}" if count < 1e6 else f"{count:,.0f}"


def months(log10_per_year: float) -> str:
    """Months in which the compute a result needs halves, at that many orders of magnitude a year."""
    return _two_digits(12.0 * math.log10(2.0) / log10_per_year)


def month_of(year: float) -> str:
    """Write a decimal year as ``2030`` or ``July 2020``."""
    if abs(year - round(year)) < 1e-6:
        return f"{round(year)}"
    return f"{_MONTHS[int((year % 1) * 12)]} {int(year)}"


def when(years: Iterable[float]) -> str:
    """The year or years a projection is for, in words."""
    return " and ".join(month_of(year) for year in years)
