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
_TINY = float(np.finfo(float).tiny)


@dataclass(frozen=True)
class Scale:
    """A one-to-one scale of an error r in (0, 1), larger for smaller errors.

    Attributes
    ----------
    performance : callable
        ``performance(r, xp)``.
    error : callable
        ``error(performance, xp)``, its inverse; 1, the worst there is, where that would exceed 1.
    log_abs_derivative : callable
        ``log_abs_derivative(r, xp)``: natural log of ``|d performance / d r|``.
    gain : callable
        ``gain(r)``: ``d performance / d log10(1 / r)``.
    """

    performance: Callable[[Any, Any], Any]
    error: Callable[[Any, Any], Any]
    log_abs_derivative: Callable[[Any, Any], Any]
    gain: Callable[[Any], Any]


@dataclass(frozen=True)
class Law:
    """One response scale of the reducible error ``(error - floor) / (1 - floor)``, linear in log10 compute.

    In laws without an irreducible error ``floor`` is 0 and the reducible error is the error.

    Attributes
    ----------
    name : str
        The value of ``law=``.
    formula : str
        The scale as printed in reports.
    scale : Scale
        Of the reducible error.
    has_floor : bool
        Whether the law has an irreducible error above 0.
    """

    name: str
    formula: str
    scale: Scale
    has_floor: bool = False

    def performance(self, error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
        """Performance of an error; ``inf`` at or below the floor."""
        with np.errstate(divide="ignore"):
            return self.scale.performance(xp.maximum((error - floor) / (1.0 - floor), 0.0), xp)

    def error(self, performance: Any, floor: Any = 0.0, xp: Any = np) -> Any:
        """Error of a performance, at most 1."""
        return floor + (1.0 - floor) * self.scale.error(performance, xp)

    def log_abs_derivative(self, error: Any, floor: Any = 0.0, xp: Any = np) -> Any:
        """Natural log of ``|d performance / d error|``: the Jacobian of a density of error."""
        reducible = xp.maximum((error - floor) / (1.0 - floor), _TINY)
        return self.scale.log_abs_derivative(reducible, xp) - xp.log(1.0 - floor)

    def gain(self, error: Any, floor: Any = 0.0) -> Any:
        """``d performance / d log10(1 / error)``: performance gained per order of magnitude of error.

        It brings slopes of all laws to one scale.
        """
        return self.scale.gain((error - floor) / (1.0 - floor)) * error / (error - floor)

    def odds_gain(self, error: Any, floor: Any = 0.0) -> Any:
        """``d performance / d log10((1 - error) / error)``: gain per order of magnitude of the odds.

        On the scale of odds tasks with large and small errors compare: an error of 0.6 cannot fall to a tenth
        as easily as one of 0.06, nor do such errors scatter as much.
        """
        return self.gain(error, floor) * (1.0 - error)


def _log_performance(r: Any, xp: Any) -> Any:
    return -xp.log10(r)


def _log_error(performance: Any, xp: Any) -> Any:
    return 10.0 ** -xp.maximum(performance, 0.0)


def _log_derivative(r: Any, xp: Any) -> Any:
    return -xp.log(r) - float(np.log(LN10))


def _log_gain(r: Any) -> Any:
    return 1.0 + 0.0 * r


def _inverse_performance(r: Any, xp: Any) -> Any:
    return xp.reciprocal(r)


def _inverse_error(performance: Any, xp: Any) -> Any:
    return 1.0 / xp.maximum(performance, 1.0)


def _inverse_derivative(r: Any, xp: Any) -> Any:
    return -2.0 * xp.log(r)


def _inverse_gain(r: Any) -> Any:
    return LN10 / r


def _odds_performance(r: Any, xp: Any) -> Any:
    return xp.log10(1.0 - r) - xp.log10(r)


def _odds_error(performance: Any, xp: Any) -> Any:
    return 0.5 * (1.0 - xp.tanh(0.5 * LN10 * performance))


def _odds_derivative(r: Any, xp: Any) -> Any:
    return -xp.log(r) - xp.log1p(-r) - float(np.log(LN10))


def _odds_gain(r: Any) -> Any:
    return 1.0 / (1.0 - r)


_LOG = Scale(_log_performance, _log_error, _log_derivative, _log_gain)
_INVERSE = Scale(_inverse_performance, _inverse_error, _inverse_derivative, _inverse_gain)
_ODDS = Scale(_odds_performance, _odds_error, _odds_derivative, _odds_gain)

LAWS: Mapping[str, Law] = MappingProxyType(
    {
        law.name: law
        for law in (
            Law("power", "log10(1 / error)", _LOG),
            Law("exponential", "1 / error", _INVERSE),
            Law("logistic", "log10((1 - error) / error)", _ODDS),
            Law("saturating", "log10((1 - floor) / (error - floor))", _LOG, has_floor=True),
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
