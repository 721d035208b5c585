"""How performance depends on error: the response scale of each law, written once.

Each function takes the array namespace to work in (`numpy`, which also serves xarray objects, or
`pytensor.tensor`), so the same arithmetic runs while fitting and while projecting. `floor` is the
irreducible error, 0 in all laws but `saturating`.
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
        ``performance(error, floor=0.0, xp=numpy)``: error in (floor, 1) to the law's performance scale.
    error : callable
        ``error(performance, floor=0.0, xp=numpy)``: its inverse; 1, the worst there is, where the scale
        would lead to an error above 1.
    log_abs_derivative : callable
        ``log_abs_derivative(error, floor=0.0, xp=numpy)``: natural log of ``|d performance / d error|``, the
        Jacobian that turns a density of performance into a density of error.
    gain : callable
        ``gain(error, floor=0.0)``: ``d performance / d log10(1 / error)``, performance gained per order of
        magnitude of error. It brings slopes of all laws to one scale.
    has_floor : bool
        Whether the law has an irreducible error above 0.
    """

    name: str
    formula: str
    performance: Callable[..., Any]
    error: Callable[..., Any]
    log_abs_derivative: Callable[..., Any]
    gain: Callable[..., Any]
    has_floor: bool = False


def _power_performance(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return -xp.log10(error)


def _power_error(performance: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return 10.0 ** -xp.maximum(performance, 0.0)


def _power_log_abs_derivative(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return -xp.log(error) - float(np.log(LN10))


def _power_gain(error: Any, floor: Any = 0.0) -> Any:
    return 1.0 + 0.0 * error


def _exponential_performance(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return 1.0 / error


def _exponential_error(performance: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return 1.0 / xp.maximum(performance, 1.0)


def _exponential_log_abs_derivative(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return -2.0 * xp.log(error)


def _exponential_gain(error: Any, floor: Any = 0.0) -> Any:
    return LN10 / error


def _logistic_performance(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return xp.log10(1.0 - error) - xp.log10(error)


def _logistic_error(performance: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return 0.5 * (1.0 - xp.tanh(0.5 * LN10 * performance))


def _logistic_log_abs_derivative(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return -xp.log(error) - xp.log1p(-error) - float(np.log(LN10))


def _logistic_gain(error: Any, floor: Any = 0.0) -> Any:
    return 1.0 / (1.0 - error)


def _saturating_performance(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    with np.errstate(divide="ignore"):
        return -xp.log10(xp.maximum((error - floor) / (1.0 - floor), 0.0))


def _saturating_error(performance: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return floor + (1.0 - floor) * 10.0 ** -xp.maximum(performance, 0.0)


def _saturating_log_abs_derivative(error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
    return -xp.log(xp.maximum(error - floor, 1e-300)) - float(np.log(LN10))


def _saturating_gain(error: Any, floor: Any = 0.0) -> Any:
    return error / (error - floor)


LAWS: Mapping[str, Law] = MappingProxyType(
    {
        law.name: law
        for law in (
            Law(
                "power",
                "log10(1 / error)",
                _power_performance,
                _power_error,
                _power_log_abs_derivative,
                _power_gain,
            ),
            Law(
                "exponential",
                "1 / error",
                _exponential_performance,
                _exponential_error,
                _exponential_log_abs_derivative,
                _exponential_gain,
            ),
            Law(
                "logistic",
                "log10((1 - error) / error)",
                _logistic_performance,
                _logistic_error,
                _logistic_log_abs_derivative,
                _logistic_gain,
            ),
            Law(
                "saturating",
                "log10((1 - floor) / (error - floor))",
                _saturating_performance,
                _saturating_error,
                _saturating_log_abs_derivative,
                _saturating_gain,
                has_floor=True,
            ),
        )
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
