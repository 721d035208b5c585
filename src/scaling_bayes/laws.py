"""How performance depends on error: the response scale of each law, written once.

Each function takes the array namespace to work in (`numpy`, which also serves xarray objects, or
`pytensor.tensor`), so the same arithmetic runs while fitting and while projecting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from scaling_bayes.errors import OptionError

__all__ = ["LAWS", "Law", "get_law"]

LN10 = float(np.log(10.0))


@dataclass(frozen=True)
class Law:
    """One response scale, linear in log10 compute.

    Attributes
    ----------
    name : str
        The value of ``law=``.
    formula : str
        The scale as printed in reports.
    performance : callable
        ``performance(error, xp=numpy)``: error in (0, 1) to the law's performance scale.
    error : callable
        ``error(performance)``: its inverse, in plain operators.
    log_abs_derivative : callable
        ``log_abs_derivative(error, xp=numpy)``: natural log of ``|d performance / d error|``, the
        Jacobian that turns a density of performance into a density of error.
    """

    name: str
    formula: str
    performance: Callable[..., Any]
    error: Callable[..., Any]
    log_abs_derivative: Callable[..., Any]


def _power_performance(error: Any, xp: Any = np) -> Any:
    return -xp.log10(error)


def _power_error(performance: Any) -> Any:
    return 10.0**-performance


def _power_log_abs_derivative(error: Any, xp: Any = np) -> Any:
    return -xp.log(error) - float(np.log(LN10))


LAWS: Mapping[str, Law] = MappingProxyType(
    {
        "power": Law(
            "power",
            "log10(1 / error)",
            _power_performance,
            _power_error,
            _power_log_abs_derivative,
        ),
    }
)


def get_law(name: str) -> Law:
    """Return the law called `name`.

    Raises
    ------
    OptionError
        If there is no such law; the message lists those there are.
    """
    try:
        return LAWS[name]
    except (KeyError, TypeError):
        raise OptionError(f"law={name!r} is not known; expected one of {', '.join(LAWS)}.") from None
