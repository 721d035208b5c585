"""Numbers, times and names as people read them, and text of others as it can be shown anywhere.

Anywhere is a terminal, JSON, CSV or HTML. Nothing here draws, so nothing here loads matplotlib.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from scaling_bayes.systems.conventions import LANGUAGE_LABELS, TASK_LABELS

if TYPE_CHECKING:
    import pandas as pd

_SUPERSCRIPTS = str.maketrans("-.0123456789", "⁻·⁰¹²³⁴⁵⁶⁷⁸⁹")

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


def error_text(error: float) -> str:
    """A target error, with four significant digits at most."""
    return format_error(float(f"{error:.4g}"))


def percent_text(share: float, digits: int = 0) -> str:
    """Write a share in percent, ``95 %``."""
    return f"{100 * share:.{digits}f} %"


def share_text(share: float) -> str:
    """Write a share of draws in percent, never rounded to all or none."""
    if 0 < share < 0.005:
        return "<1 %"
    return ">99 %" if 0.995 < share < 1 else percent_text(share)


def likelihood(share: float) -> str:
    """A probability in words and in percent: ``likely (72 %)``."""
    words = next(words for least, words in _LIKELIHOODS if round(share, 2) >= least)
    return f"{words} ({share_text(share)})"


def short(value: float) -> str:
    """Write a number with two digits, more where it is large."""
    if not math.isfinite(value):
        return str(value)
    return (
        f"{value:#.2g}"
        if 1e-4 <= abs(value) < 9.95
        else f"{value:,.0f}"
        if 9.95 <= abs(value) < 1e6
        else f"{value:.2g}"
    )


def percent(value: float) -> str:
    """Write a share in percent, without the sign."""
    return short(100.0 * value)


def interval_text(median: float, lower: float, upper: float, write: Callable[[float], str] = short) -> str:
    """Write a median and interval as ``0.31 [0.20, 0.45]``."""
    return f"{write(median)} [{write(lower)}, {write(upper)}]"


def span_text(first: str, last: str) -> str:
    """Two ends as ``1 to 4``, or one where they are the same."""
    return first if first == last else f"{first} to {last}"


def power_of_ten(exponent: float) -> str:
    """Write 10 to a power with superscript digits, ``10²³``, for axes that do not read mathematics."""
    text = f"{exponent:z.1f}".removesuffix(".0")
    return "10" + text.translate(_SUPERSCRIPTS)


def decades(low: float, high: float, most: int = 7) -> list[float]:
    """Whole powers of ten between two exponents, at most `most` of them, evenly spaced."""
    span = max(high - low, 1e-9)
    step = next(
        (s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if span / s <= most), math.ceil(span / most)
    )
    first = math.ceil(low / step - 1e-9) * step
    return [float(first + step * i) for i in range(int((high - first) / step + 1e-9) + 1)]


class Quantity(NamedTuple):
    """What a projection gives the log10 of."""

    name: str
    unit: str
    #: Along an axis.
    axis: str
    #: Units from small to large: log10 of its size, one of it, several of it.
    units: tuple[tuple[float, str, str], ...]
    #: log10 beyond which no number of units means anything to a reader, and what is said instead: of a
    #: median, and of an end of an interval.
    most: float
    beyond: str
    beyond_end: str
    #: Argument of `affordability` that limits it.
    limit: str = ""
    #: Added to a median in a sentence.
    at: str = ""

    def in_words(self, log10_value: float) -> str:
        """An amount: ``6.8 million USD``, ``3 days``, ``more than the world produces in a year``."""
        if math.isnan(log10_value):
            return "not a number"
        if math.isinf(log10_value) and log10_value > 0:
            return UNATTAINABLE
        return self.beyond if log10_value > self.most else " ".join(_amount(log10_value, self.units))

    def stated(self, log10_value: float) -> str:
        """An amount that somebody gave, however large: ``1,000 trillion USD``."""
        return " ".join(_amount(log10_value, self.units))

    def short(self, log10_value: float) -> str:
        """As `in_words`, with fewer of them where no number means anything."""
        if self.most < log10_value < math.inf:
            return self.beyond_end
        return "unattainable" if log10_value == math.inf else self.in_words(log10_value)

    def interval(self, median: float, lower: float, upper: float, unreachable: float = 0.0) -> str:
        """A median and its interval: ``2.9 million USD (12 thousand to 21 billion)``.

        The unit is repeated where the lower end could be taken for as many of the upper one's thousands or
        millions, or of the median's: ``5.3 thousand USD (12 USD to 2.7 million)``.

        Parameters
        ----------
        unreachable : float
            Share of draws in which nothing is enough, said where it is most of them.
        """
        words = self.in_words(median)
        if median == math.inf:
            return f"{words} (probability {share_text(unreachable)})" if unreachable else words
        if median > self.most:
            return words if lower > self.most else f"{words} (at least {self.in_words(lower)})"
        known = [_amount(end, self.units) for end in (median, lower, upper) if end <= self.most]
        one_unit = len({unit.rstrip("s") for _, unit in known}) == 1
        ends = [
            _amount(end, self.units)[0]
            if one_unit and end <= self.most
            else self.short(end).removesuffix(" CO2e")
            for end in (lower, upper)
        ]
        if upper > self.most or (" " in ends[1] and " " not in ends[0]):
            ends[0] = self.short(lower).removesuffix(" CO2e")
        return words if ends[0] == ends[1] else f"{words} ({ends[0]} to {ends[1]})"


#: Least probability of each word.
_LIKELIHOODS = (
    (0.9, "very likely"),
    (0.6, "likely"),
    (0.4, "about even"),
    (0.1, "unlikely"),
    (0.0, "very unlikely"),
)
#: What is said where no amount is enough.
UNATTAINABLE = "not attainable by scaling alone"
_SPANS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0, "year": 31557600.0}
#: What the yardstick machine does in them.
_TIMES = tuple(
    (MACHINE_LOG10_FLOP_PER_SECOND + math.log10(seconds), unit, f"{unit}s")
    for unit, seconds in _SPANS.items()
)
#: By the name of the variable. World output, emissions and generation of 2023 are those of
#: ``data/hardware/yardsticks.csv``.
QUANTITIES: Mapping[str, Quantity] = MappingProxyType(
    {
        "log10_training_compute_flop": Quantity(
            "training compute",
            "FLOP",
            "training compute needed",
            _TIMES,
            MACHINE_LOG10_FLOP_PER_SECOND + UNIVERSE_LOG10_SECONDS,
            "longer than the age of the universe",
            "beyond the age of the universe",
            at=" at 1 exaFLOP/s",
        ),
        "log10_cost_usd": Quantity(
            "cost",
            "USD",
            "cost",
            ((0.0, "USD", "USD"),),
            math.log10(1.05e14),
            "more than the world produces in a year",
            "beyond world output",
            "budget_usd",
        ),
        "log10_energy_kwh": Quantity(
            "energy",
            "kWh",
            "energy of the facility",
            ((0.0, "kWh", "kWh"),),
            math.log10(2.9471e13),
            "more electricity than the world generates in a year",
            "beyond world generation",
        ),
        "log10_carbon_kg": Quantity(
            "carbon",
            "kg CO2e",
            "carbon",
            ((0.0, "kg CO2e", "kg CO2e"), (3.0, "tonne CO2e", "tonnes CO2e")),
            math.log10(3.74e13),
            "more than the world emits in a year",
            "beyond world emissions",
            "carbon_kg",
        ),
    }
)
COMPUTE, COST, ENERGY, CARBON = QUANTITIES


def quantity_of(row: Mapping[Any, Any]) -> Quantity:
    """What a row of `summary` of a projection is of; compute may be in a unit of the user's own."""
    about = QUANTITIES[row["quantity"]]
    unit = str(row.get("unit", "")).removeprefix("log10(").removesuffix(")")
    return about if about.name != QUANTITIES[COMPUTE].name or unit in ("", "FLOP") else quantity_in(unit)


def quantity_in(unit: str) -> Quantity:
    """An amount of another unit, such as compute in one of the user's own."""
    about = QUANTITIES[COMPUTE]
    beyond = f"over 1,000,000 trillion {unit}"
    return about._replace(
        unit=unit, units=((0.0, unit, unit),), most=18.0, beyond=beyond, beyond_end=beyond, at=""
    )


def compute_in_words(log10_compute: float, unit: str) -> str:
    """Compute of a system: ``3 days at 1 exaFLOP/s``, or in a unit of the user's own ``12 million steps``."""
    about = QUANTITIES[COMPUTE] if unit == "FLOP" else quantity_in(unit)
    return about.in_words(log10_compute) + about.at


def in_words(log10_flop: float) -> str:
    """Time the yardstick machine would take: ``3 days``, ``40 thousand years``."""
    return QUANTITIES[COMPUTE].in_words(log10_flop)


def amount_in_words(log10_value: float, unit: str) -> str:
    """An amount of a unit: ``6.8 million m3``."""
    return " ".join(_amount(log10_value, ((0.0, unit, unit),)))


def days_in_words(log10_days: float) -> str:
    """A length of time: ``3 days``, ``40 thousand years``."""
    return in_words(log10_days + math.log10(86400.0) + MACHINE_LOG10_FLOP_PER_SECOND)


def times_in_words(log10_factor: float) -> str:
    """A factor: ``3.2``, ``40 thousand``, ``over 1,000 trillion``."""
    return "over 1,000 trillion" if log10_factor > 15 else _amount(log10_factor, ((0.0, "", ""),))[0]


def answer_in_words(row: Mapping[Any, Any]) -> str:
    """A row of `summary` of a projection: ``2.9 million USD (12 thousand to 21 billion)``."""
    median, lower, upper = (row[end] for end in ("median", "lower_90", "upper_90"))
    return quantity_of(row).interval(median, lower, upper, row["unreachable"])


def _amount(log10_value: float, units: tuple[tuple[float, str, str], ...]) -> tuple[str, str]:
    """Number and unit of an amount."""
    if log10_value == -math.inf:
        return "0", units[0][2]
    size, one, many = [unit for unit in units if unit[0] <= log10_value + _NEARLY or unit is units[0]][-1]
    count = 10.0 ** (log10_value - size)
    if count < 0.00995:
        return "under 0.01", many
    for scale, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e4, "thousand")):
        if float(f"{count:.2g}") >= scale:
            return f"{_two_digits(count / (1e3 if word == 'thousand' else scale))} {word}", many
    number = _two_digits(count)
    return number, one if number == "1" else many


def _two_digits(count: float) -> str:
    return f"{float(f'{count:.2g}'):,g}" if count < 1e6 else f"{count:,.0f}"


def month_of(year: float) -> str:
    """Write a decimal year as ``2030`` or ``July 2020``."""
    if abs(year - round(year)) < 1e-6:
        return f"{round(year)}"
    return f"{_MONTHS[int((year % 1) * 12)]} {int(year)}"


def when(years: Iterable[float]) -> str:
    """The year or years a projection is for, in words."""
    return " and ".join(month_of(year) for year in years)


def legible(text: object, longest: int | None = None) -> str:
    """Text fit for a page: no control characters, nothing UTF-8 cannot hold, at most `longest` characters."""
    known = str(text).encode("utf-8", "replace").decode("utf-8")
    plain = "".join(character if character.isprintable() else " " for character in known).strip()
    if longest is not None and len(plain) > longest:
        plain = plain[: longest - 1].rstrip() + "…"
    return plain


def task_label(task: str, longest: int | None = 28) -> str:
    """Return the name of a task as readers know it; a task of the user's keeps its own."""
    return TASK_LABELS.get(task) or LANGUAGE_LABELS.get(task) or legible(task, longest) or "(no name)"


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as dictionaries of plain values."""
    names, columns = [str(name) for name in frame.columns], [_plain(column) for _, column in frame.items()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: pd.Series[Any]) -> list[Any]:
    values = column.to_numpy(dtype=object).tolist()
    if column.dtype != object:
        return values
    return [value.item() if hasattr(value, "item") else value for value in values]
