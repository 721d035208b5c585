"""Units of training compute: what they are in FLOP, and how the name of a column states one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_SECONDS: Final = {"day": 86_400.0, "hour": 3_600.0}
#: SI prefixes (BIPM, The International System of Units, 9th edition, table 7), short and whole.
_PREFIXES: Final = {
    "": 0,
    "k": 3,
    "m": 6,
    "g": 9,
    "t": 12,
    "p": 15,
    "e": 18,
    "z": 21,
    "y": 24,
    "kilo": 3,
    "mega": 6,
    "giga": 9,
    "tera": 12,
    "peta": 15,
    "exa": 18,
    "zetta": 21,
    "yotta": 24,
}
_SHORT: Final = {3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E", 21: "Z", 24: "Y", 0: ""}
_PREFIX: Final = "|".join(sorted(filter(None, _PREFIXES), key=len, reverse=True))
_LOG: Final = re.compile(r"log_?10(?:_(?:of_)?flops?)?")
_POWER: Final = re.compile(r"(?:1e|10_|1e_|x10_)(\d{1,2})(?:_flops?)?")
#: ``1e-3``, ``10^-3``: `slug` would lose the sign. And ``10e3``, ten thousand or, as some mean it, 10^3.
_NEGATIVE: Final = re.compile(r"(?:1e|10e|10\s*\^?)\s*[-\u2212]\s*\d{1,2}(?!\d)", re.IGNORECASE)
_TEN_E: Final = re.compile(r"(?<!\d)10e\+?(\d{1,2})(?!\d)", re.IGNORECASE)
_PLAIN: Final = re.compile(rf"({_PREFIX})?flops?")
#: "PFLOP/s-days", "petaflops-days", "pfs-days", and the "PF-days" of Kaplan et al. 2020.
_TIMES: Final = re.compile(rf"({_PREFIX})?(?:flop_s|flops|flop_per_s|flop_per_second|flop|f|fs)_(day|hour)s?")
_STEM: Final = re.compile(r"(?:training_compute|train_compute|hardware_burden|training|compute)(?:_|$)")
#: Names of operations, of rates and of logarithms: a unit of FLOP that is not written as we know it.
_LIKE_FLOP: Final = re.compile(
    r"flop|/\s*s(ec(ond)?)?\b|per[ _]s(ec(ond)?)?\b|^log|\bop(eration)?s?\b|\b[kmgtpezy]?fs?\b"
)
#: Characters of the name of a user's own unit.
LONGEST_NAME: Final = 40
_END: Final = re.compile(r"_(low|lower|high|upper)$")


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of training compute."""

    #: As it is written in messages.
    name: str
    #: FLOP in one of it; NaN for ``log10 FLOP``, which is no multiple; 1 for a unit of the user's own, which
    #: is not converted.
    factor: float
    #: Whether it is the user's own, such as steps or examples: no amount of FLOP.
    is_own: bool = field(default=False, repr=False)

    @property
    def to_flop(self) -> Callable[[float], float]:
        """The function from a number in this unit to FLOP; infinite where that is no finite number."""
        return _power_of_ten if math.isnan(self.factor) else lambda number: number * self.factor


def _power_of_ten(exponent: float) -> float:
    try:
        return float(10.0**exponent)
    except OverflowError:
        return math.inf


FLOP: Final = Unit("FLOP", 1.0)
_LOG10: Final = Unit("log10 FLOP", math.nan)
#: Units in which tables state training compute, for messages. A PFLOP/s-day is 1e15 operations a second for
#: 86,400 s (Amodei and Hernandez, "AI and Compute", 2018; Kaplan et al., arXiv:2001.08361, section 1.3).
CANDIDATES: Final = (
    Unit("GFLOP", 1e9),
    Unit("PFLOP", 1e15),
    Unit("PFLOP/s-days", 1e15 * 86_400),
    Unit("1E21 FLOP", 1e21),
    _LOG10,
)


def slug(name: str) -> str:
    """A name in lower case, with one underscore for anything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def find_unit(text: str) -> Unit | None:
    """The unit that a text names, None where it names none; rates such as GFLOP/s are none.

    Examples
    --------
    >>> find_unit("PFLOP/s-days").factor
    8.64e+19
    >>> find_unit("1e21 FLOP").factor
    1e+21
    >>> find_unit("log10 FLOP").name
    'log10 FLOP'
    >>> find_unit("GFLOP/s") is None
    True
    """
    if unclear_power(text):
        return None
    name = slug(text)
    if _LOG.fullmatch(name):
        return _LOG10
    if match := _POWER.fullmatch(name):
        return Unit(f"1E{int(match[1])} FLOP", float(f"1e{match[1]}"))
    if match := _PLAIN.fullmatch(name):
        power = _PREFIXES[match[1] or ""]
        return Unit(f"{_SHORT[power]}FLOP", float(f"1e{power}"))
    if match := _TIMES.fullmatch(name):
        power = _PREFIXES[match[1] or ""]
        return Unit(f"{_SHORT[power]}FLOP/s-{match[2]}s", float(f"1e{power}") * _SECONDS[match[2]])
    return None


def unclear_power(text: str) -> str | None:
    """What is wrong with the power of ten in the name of a unit, and what to write; None if it is clear.

    Examples
    --------
    >>> unclear_power("10e3 FLOP")
    '10e3 is 1e4 as computers read it, and 10^3 to some; write 1e4 or 1e3'
    """
    if match := _NEGATIVE.search(text):
        return f"{match[0]} is less than 1; a unit is a multiple of FLOP: divide the numbers themselves"
    if match := _TEN_E.search(text):
        power = int(match[1])
        return (
            f"{match[0]} is 1e{power + 1} as computers read it, and 10^{power} to some; "
            f"write 1e{power + 1} or 1e{power}"
        )
    return None


def read_unit(text: str) -> Unit | None:
    """The unit that a text names, else the user's own; None for what looks like FLOP or a rate and is not.

    Examples
    --------
    >>> read_unit("1e6 examples")
    Unit(name='1e6 examples', factor=1.0)
    >>> read_unit("GFLOP/s") is None
    True
    """
    known, name = find_unit(text), " ".join(text.split())
    if known is not None:
        return known
    words = (
        bool(re.search(r"[^\W\d_]", _TEN_E.sub("", _NEGATIVE.sub("", name))))
        and name.isprintable()
        and len(name) <= LONGEST_NAME
    )
    return Unit(name, 1.0, is_own=True) if words and not _LIKE_FLOP.search(name.lower()) else None


def column_unit(column: str) -> tuple[Unit | None, str] | None:
    """Which unit a column of training compute names, and which end of an interval it is.

    Returns
    -------
    tuple of Unit or None and {"", "low", "high"}, or None
        The unit is None where the column names compute without one. None where it is no such column.

    Examples
    --------
    >>> column_unit("training_compute_pflop_s_days")[0].factor
    8.64e+19
    >>> column_unit("log10_training_compute_flop_low")
    (Unit(name='log10 FLOP', factor=nan), 'low')
    >>> column_unit("compute_in_doubt") is None
    True
    """
    name = slug(column)
    end = ""
    if match := _END.search(name):
        name, end = name[: match.start()], "low" if match[1].startswith("low") else "high"
    logarithm = re.match(r"log_?10_(?:of_)?", name)
    name = name[logarithm.end() :] if logarithm else name
    stem = _STEM.match(name)
    if stem is None:
        return None
    rest = name[stem.end() :]
    if not rest:
        if stem[0] == "training":
            return None
        return (_LOG10 if logarithm else None), end
    unit = None if unclear_power(column) else find_unit(rest)
    if unit is None or (logarithm and unit != FLOP):
        return None
    return (_LOG10 if logarithm else unit), end
