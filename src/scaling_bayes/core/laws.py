"""How performance depends on error: the response scale of each law, written once.

Each function takes the array namespace to work in (`numpy`, which also serves xarray objects, or
`pytensor.tensor`), so the same arithmetic runs while fitting and while projecting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LN10 = float(np.log(10.0))
_TINY = float(np.finfo(float).tiny)
_NEWTON_STEPS = 12
_FLATTEST = 1e-12
#: Performance whose error is, to a float, the floor, and below 0 that of chance.
_FARTHEST = 1e4
#: 1 minus the share at these log odds is the smallest difference from 1 that a float shows.
_LARGEST_LOG_ODDS = 36.0
#: A step of log odds so small that what it leaves, by its square, no float shows.
_ENOUGH = 1e-9
#: Performances whose errors are found together: as many as a processor keeps at hand.
_AT_ONCE = 4096


@dataclass(frozen=True)
class Scale:
    """A one-to-one scale of an error r in (0, 1), larger for smaller errors."""

    #: ``performance(r, xp)``.
    performance: Callable[[Any, Any], Any]
    #: ``error(performance, xp)``, its inverse; 1, the worst there is, where that would exceed 1.
    error: Callable[[Any, Any], Any]
    #: ``log_abs_derivative(r, xp)``: natural log of ``|d performance / d r|``.
    log_abs_derivative: Callable[[Any, Any], Any]
    #: ``gain(r)``: ``d performance / d log10(1 / r)``.
    gain: Callable[[Any], Any]


@dataclass(frozen=True)
class Law:
    """One response scale of the reducible error, linear in log10 compute.

    The reducible error is ``(error - floor) / (chance - floor)``: 0 at the irreducible error ``floor`` (0
    where the model has none), 1 at the error ``chance`` of an answer that knows nothing. Laws whose bend is
    not estimated end at an error of 1, whatever `chance`.
    """

    #: The value of ``law=``.
    name: str
    #: The scale as printed in reports.
    formula: str
    #: Of the reducible error; of a law whose bend is estimated, at a bend of 0.
    scale: Scale
    #: Whether it is a law with an irreducible error, unless a model is asked for without.
    has_floor: bool = False
    #: How much the curve levels off towards chance: 0 not at all, 1 as much as towards the floor; None where
    #: it is estimated.
    bend: float | None = 0.0

    @property
    def is_inverse(self) -> bool:
        """Whether performance is the inverse of the reducible error rather than a logarithm."""
        return self.scale is _INVERSE

    @property
    def is_bent(self) -> bool:
        """Whether the bend is a parameter of the model."""
        return self.bend is None

    def _at(self, bend: Any) -> Scale:
        return bent_scale(bend) if self.is_bent else self.scale

    def _worst(self, chance: Any) -> Any:
        """Error at which the curve ends: that of chance where the law bends towards it, else 1."""
        return chance if self.is_bent else 1.0

    def _reducible(self, error: Any, floor: Any, chance: Any) -> Any:
        return (error - floor) / (self._worst(chance) - floor)

    def performance(
        self, error: Any, floor: Any = 0.0, xp: Any = np, *, chance: Any = 1.0, bend: Any = 0.0
    ) -> Any:
        """Performance of an error; ``inf`` at or below the floor, ``-inf`` at or above chance where bent."""
        with np.errstate(divide="ignore"):
            reducible = xp.maximum(self._reducible(error, floor, chance), 0.0)
            if self.is_bent:
                reducible = xp.minimum(reducible, 1.0)
            return self._at(bend).performance(reducible, xp)

    def error(
        self, performance: Any, floor: Any = 0.0, xp: Any = np, *, chance: Any = 1.0, bend: Any = 0.0
    ) -> Any:
        """Error of a performance, at most that of chance."""
        return floor + (self._worst(chance) - floor) * self._at(bend).error(performance, xp)

    def log_abs_derivative(
        self, error: Any, floor: Any = 0.0, xp: Any = np, *, chance: Any = 1.0, bend: Any = 0.0
    ) -> Any:
        """Natural log of ``|d performance / d error|``: the Jacobian of a density of error."""
        reducible = xp.maximum(self._reducible(error, floor, chance), _TINY)
        return self._at(bend).log_abs_derivative(reducible, xp) - xp.log(self._worst(chance) - floor)

    def gain(self, error: Any, floor: Any = 0.0, *, chance: Any = 1.0, bend: Any = 0.0) -> Any:
        """``d performance / d log10(1 / error)``: performance gained per order of magnitude of error.

        It brings slopes of all laws to one scale.
        """
        return self._at(bend).gain(self._reducible(error, floor, chance)) * error / (error - floor)

    def odds_gain(self, error: Any, floor: Any = 0.0, *, chance: Any = 1.0, bend: Any = 0.0) -> Any:
        """``d performance / d log10((chance - error) / error)``: gain per order of magnitude of the odds.

        On the scale of odds tasks with large and small errors compare: an error of 0.6 cannot fall to a tenth
        as easily as one of 0.06, nor do such errors scatter as much.
        """
        worst = self._worst(chance)
        return self.gain(error, floor, chance=chance, bend=bend) * (worst - error) / worst


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


def bent_scale(bend: Any) -> Scale:
    """Scale ``log10((1 - r)^bend / r)``, between that of the power law (0) and of the logistic (1).

    The form "M4" of Alabdulmohsin, Neyshabur & Zhai 2022, *Revisiting Neural Scaling Laws in Language and
    Vision*.

    Parameters
    ----------
    bend : array_like
        In [0, 1], broadcast against the error or performance.
    """

    def performance(r: Any, xp: Any) -> Any:
        return bend * xp.log10(1.0 - r) - xp.log10(r)

    def log_abs_derivative(r: Any, xp: Any) -> Any:
        return xp.log((1.0 + (bend - 1.0) * r) / (r * (1.0 - r))) - float(np.log(LN10))

    def gain(r: Any) -> Any:
        return (1.0 + (bend - 1.0) * r) / (1.0 - r)

    def error(performance: Any, _: Any) -> Any:
        return _bent_error(performance, bend)

    return Scale(performance, error, log_abs_derivative, gain)


def _bent_error(performance: Any, bend: Any) -> Any:
    """Reducible error at a performance; either may be an xarray object."""
    import xarray as xr

    if isinstance(performance, xr.DataArray) or isinstance(bend, xr.DataArray):
        return xr.apply_ufunc(_bent_error, performance, bend)
    wanted, steepest = np.broadcast_arrays(LN10 * np.clip(performance, -_FARTHEST, _FARTHEST), 1.0 - bend)
    found = np.empty(wanted.shape)
    flat = found.reshape(-1)
    for start in range(0, found.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        flat[part] = _bent_root(wanted.flat[part], steepest.flat[part])
    return found if found.ndim else found[()]


def _bent_root(wanted: NDArray[np.float64], part: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reducible errors at performances times ln 10, by Newton's method; `part` is 1 - bend.

    With u the log odds of r, ``wanted = -u + part log(1 + exp(u))``, convex and falling in u. A step from the
    left of a root of such a function never leaps over it, and -wanted lies on the left.
    """
    log_odds = -wanted
    for _ in range(_NEWTON_STEPS):
        small = np.exp(-np.abs(log_odds))
        share = np.where(log_odds > 0.0, 1.0, small) / (1.0 + small)
        value = part * (np.maximum(log_odds, 0.0) + np.log1p(small)) - log_odds
        step = (value - wanted) / np.maximum(1.0 - part * share, _FLATTEST)
        log_odds = np.minimum(log_odds + step, _LARGEST_LOG_ODDS)
        if np.all((np.abs(step) <= _ENOUGH) | (log_odds == _LARGEST_LOG_ODDS)):
            break
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds > 0.0, 1.0, small) / (1.0 + small)


_LOG = Scale(_log_performance, _log_error, _log_derivative, _log_gain)
_INVERSE = Scale(_inverse_performance, _inverse_error, _inverse_derivative, _inverse_gain)
_ODDS = Scale(_odds_performance, _odds_error, _odds_derivative, _odds_gain)

#: Laws of a fixed shape, which `compare`, `stack` and `scorecard` set beside each other.
LAWS: Mapping[str, Law] = MappingProxyType(
    {
        law.name: law
        for law in (
            Law("power", "log10(1 / error)", _LOG),
            Law("exponential", "1 / error", _INVERSE),
            Law("logistic", "log10((1 - error) / error)", _ODDS, bend=1.0),
            Law("saturating", "log10((1 - floor) / (error - floor))", _LOG, has_floor=True),
        )
    }
)
#: The family that holds the power law (bend 0), the saturating (with a floor) and the logistic (bend 1).
BOUNDED = Law(
    "bounded",
    "log10((chance - error)^bend (chance - floor)^(1 - bend) / (error - floor))",
    _LOG,
    has_floor=True,
    bend=None,
)
#: Every value of ``law=``.
LAW_NAMES = (*LAWS, BOUNDED.name)


def get_law(name: str) -> Law:
    """Return the law called `name`.

    Raises
    ------
    OptionError
        If there is no such law; the message lists those there are.
    """
    if name == BOUNDED.name:
        return BOUNDED
    try:
        return LAWS[name]
    except (KeyError, TypeError):
        raise OptionError(f"law={name!r} is not known; expected one of {', '.join(LAW_NAMES)}.") from None
