"""Prior distributions as data: named, printable, storable, and free of PyMC."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.families import FAMILIES
from scaling_bayes.core.options import DEFAULT_MODEL, ModelOptions
from scaling_bayes.errors import OptionError
from scaling_bayes.systems.counts import OFFSETS
from scaling_bayes.systems.fit_rows import ERROR_OF_AN_ESTIMATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_POSITIVE_PARAMETERS = {"sigma", "nu", "lam", "alpha", "beta"}
_Z90 = 1.6448536269514722


@dataclass(frozen=True)
class Prior:
    """A prior distribution, by family and parameters.

    Parameters
    ----------
    family : str
        One of `FAMILIES`, named and parametrised as in PyMC.
    **parameters : float
        Every parameter of the family.

    Raises
    ------
    OptionError
        If the family is unknown, or a parameter is missing, superfluous or out of range.

    Examples
    --------
    >>> Prior("LogNormal", mu=-1.0, sigma=0.5)
    Prior('LogNormal', mu=-1.0, sigma=0.5)
    """

    family: str
    parameters: Mapping[str, float] = field(default_factory=dict)

    def __init__(self, family: str, **parameters: float) -> None:
        if family not in FAMILIES:
            raise OptionError(f"prior family {family!r} is not known; expected one of {', '.join(FAMILIES)}.")
        names = FAMILIES[family].parameters
        if set(parameters) != set(names):
            found = ", ".join(parameters) or "none"
            raise OptionError(f"a {family} prior takes {', '.join(names)}; found {found}.")
        values = {name: _as_float(f"{family} {name}", parameters[name]) for name in names}
        for name in _POSITIVE_PARAMETERS & set(names):
            if values[name] <= 0:
                raise OptionError(f"{name} of a {family} prior must be above 0; found {values[name]:g}.")
        if family == "Uniform" and values["lower"] >= values["upper"]:
            raise OptionError(
                f"a Uniform prior needs lower < upper; found {values['lower']:g} and {values['upper']:g}."
            )
        object.__setattr__(self, "family", family)
        object.__setattr__(self, "parameters", values)

    @property
    def is_positive(self) -> bool:
        """Whether the distribution puts no mass at or below zero."""
        if self.family == "Uniform":
            return self.parameters["lower"] >= 0
        return FAMILIES[self.family].is_positive

    @classmethod
    def from_interval(cls, median: float, lower: float, upper: float, *, positive: bool = True) -> Prior:
        """Prior with the given median and (nearly) the given 90 % interval.

        Log-normal when `positive`, else normal; the scale is the interval's width over 2 x 1.645, on the
        log scale for the log-normal. An interval lopsided around the median is matched in width.

        Raises
        ------
        OptionError
            Unless ``lower < median < upper`` (and ``0 < lower`` when `positive`).
        """
        low, mid, high = (_as_float("interval", v) for v in (lower, median, upper))
        if not low < mid < high or (positive and low <= 0):
            raise OptionError(
                f"a (median, (lower, upper)) prior needs {'0 < ' if positive else ''}lower < median < upper; "
                f"found median {mid:g}, interval [{low:g}, {high:g}]."
            )
        if positive:
            return cls("LogNormal", mu=math.log(mid), sigma=(math.log(high) - math.log(low)) / (2 * _Z90))
        return cls("Normal", mu=mid, sigma=(high - low) / (2 * _Z90))

    def widened(self, factor: float) -> Prior:
        """Return the prior with its scale times `factor`, around the same place.

        The place is the location of a normal or t, the median of a log-normal, the middle of a uniform, and
        the mean of a gamma or beta, whose variance then goes with the square of `factor` (of a beta nearly).
        Half-normal, half-t, exponential and inverse gamma stretch from 0.

        Raises
        ------
        OptionError
            If `factor` is not above 0.
        """
        if not factor > 0:
            raise OptionError(f"the factor on a prior's width must be above 0; found {factor!r}.")
        p = dict(self.parameters)
        if "sigma" in p:
            p["sigma"] *= factor
        elif self.family == "Uniform":
            middle, half = (p["lower"] + p["upper"]) / 2, (p["upper"] - p["lower"]) / 2
            p = {"lower": middle - factor * half, "upper": middle + factor * half}
        elif self.family == "Exponential":
            p["lam"] /= factor
        elif self.family == "InverseGamma":
            p["beta"] *= factor
        else:
            p = {name: value / factor**2 for name, value in p.items()}
        return Prior(self.family, **p)

    def draw(self, rng: np.random.Generator, shape: int | tuple[int, ...]) -> NDArray[np.float64]:
        """Independent draws, in an array of the given shape."""
        drawn: NDArray[np.float64] = FAMILIES[self.family].draw(rng, shape, **self.parameters)
        return drawn

    def log_density(self, value: Any) -> NDArray[np.float64]:
        """Natural log of the density, value by value; ``-inf`` outside the support."""
        density: NDArray[np.float64] = FAMILIES[self.family].log_density(value, **self.parameters)
        return density

    def to_dict(self) -> dict[str, Any]:
        """Plain form, for a trace's manifest."""
        return {"family": self.family, **self.parameters}

    def __repr__(self) -> str:
        inner = ", ".join(f"{k}={v!r}" for k, v in self.parameters.items())
        return f"Prior({self.family!r}, {inner})"

    def __str__(self) -> str:
        return f"{self.family}({', '.join(f'{k}={v:.4g}' for k, v in self.parameters.items())})"

    def __hash__(self) -> int:
        return hash((self.family, tuple(self.parameters.items())))


def _as_float(what: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise OptionError(f"{what} must be a number; found {value!r}.") from None
    if not math.isfinite(number):
        raise OptionError(f"{what} must be finite; found {number}.")
    return number


def as_prior(name: str, value: Any, *, positive: bool) -> Prior:
    """Read a user's prior: a `Prior`, a ``(median, (lower, upper))`` pair, a dict or a PreliZ distribution.

    Parameters
    ----------
    name : str
        The parameter it is for, used in messages.
    value : Prior, tuple, mapping or PreliZ distribution
        The pair gives the median and the 90 % interval; the mapping is `Prior.to_dict`'s form.
    positive : bool
        Whether the parameter must be positive: a pair becomes log-normal, and a family that reaches
        below zero is refused.

    Raises
    ------
    OptionError
        If `value` is none of these, or puts mass below zero where the parameter is positive.
    """
    try:
        prior = _read_prior(value, positive=positive)
    except OptionError as error:
        raise OptionError(f"priors[{name!r}]: {error}") from None
    if positive and not prior.is_positive:
        families = ", ".join(name for name, family in FAMILIES.items() if family.is_positive)
        raise OptionError(
            f"priors[{name!r}]: {prior} reaches below 0; {name} is positive: use one of {families}."
        )
    return prior


def _read_prior(value: Any, *, positive: bool) -> Prior:
    if isinstance(value, Prior):
        return value
    if isinstance(value, Mapping) and "family" in value:
        return Prior(**value)
    if (
        isinstance(value, tuple)
        and len(value) == 2
        and isinstance(value[1], (tuple, list))
        and len(value[1]) == 2
    ):
        return Prior.from_interval(value[0], value[1][0], value[1][1], positive=positive)
    if hasattr(value, "params_dict"):
        return _from_preliz(value)
    raise OptionError(
        f"found {value!r}; expected Prior(family, ...), (median, (lower, upper)) or a PreliZ distribution."
    )


def _from_preliz(distribution: Any) -> Prior:
    """Read a PreliZ distribution, in whichever of its parametrisations it was given."""
    family = type(distribution).__name__
    names = FAMILIES[family].parameters if family in FAMILIES else ()
    if names and not getattr(distribution, "is_frozen", True):
        raise OptionError(f"found {family} without parameters; expected numbers for {', '.join(names)}.")
    return Prior(family, **{name: getattr(distribution, name) for name in names})


#: Spread of a task's log slope, noise and progress, and of the log odds of its floor, around the centre
#: where nothing is pooled.
_UNPOOLED_TASK_SD = {"slope": 0.8, "noise": 0.7, "progress": 0.3, "floor": 1.0}

#: Skewness g and tail h of the steps of drift (`equations.drift_step`): breaks are rare and large, and tasks
#: leap ahead rather than fall back.
DRIFT_SHAPE = (0.8, 0.15)

#: Parameters that may lie on either side of zero; all others are positive.
UNBOUNDED = frozenset(
    {
        *("intercept", "compute_mean", "compute_growth", "floor_logit_mean", "floor_logit", "floor_offset"),
        *(f"offset_{count}" for count in OFFSETS),
    }
)


def _is_positive(name: str, unbounded: Collection[str]) -> bool:
    return name not in unbounded and not name.endswith("_log_mean")


def default_priors(options: ModelOptions | None = None) -> dict[str, Prior]:
    """Priors of a model, by the name of the parameter they are on.

    Slope and noise are in orders of magnitude of the odds of an error, e / (1 - e), at the task's reference
    error (per tenfold compute, for the slope), whatever the law; the model multiplies by the law's gain there
    (`Law.odds_gain`), so that one belief serves all laws and tasks. For small errors odds and error are the
    same. The intercept is in the same unit, relative to the reference error. Pooled
    parameters (slope, noise, progress) have ``<name>_log_mean`` and ``<name>_log_sd`` under partial
    pooling, and one prior of their own otherwise, with the same centre and about the same spread; the
    irreducible error of the saturating law is pooled likewise, as the log odds of its share of the
    reference error.

    Sources: slope, centred where performance is the 20th root of compute, wide enough for the bound of the
    4th root (slope 0.25) and for the 60th root (Thompson et al. 2020, table of fits); progress, a 9-month
    halving of the compute a result needs (0.40 orders of magnitude a year, 95 % interval 4 to 25 months,
    Erdil & Besiroglu 2022; the 16-month halving of Hernandez & Brown 2020 is 0.23); compute_error, median
    0.35 dex, 90 % interval 0.2 to 0.6, the spread of independent estimates of one system's training compute;
    flagged_error_factor, because estimates of one system's compute differ by up to 20 times
    where something is known to be wrong, which is about twice that spread; compute_growth, training compute
    doubling every 6 months (0.6 dex a year, Sevilla et al. 2022), wide enough for no growth within a task.
    Rates of progress differ between tasks (image classification 0.23 to 0.40, translation 0.60 in Hernandez
    & Brown 2020) but by far less than slopes may, and published systems of a task span at least a factor of
    two in compute: progress_log_sd and compute_spread keep away from zero, where the data could not tell
    compute from time or from its own error. floor_logit_mean, an irreducible error of 30 % of the reference
    error: at least 6 % of the ImageNet validation labels are wrong (Northcutt et al. 2021), where the
    reference error is 21 %; 90 % interval 8 to 69 %.
    With drift, which takes part of what later systems gain, the mean rate of progress has median 0.33 and 90
    % interval 0.2 to 0.54 (between the 16 months of Hernandez & Brown 2020 and the 8 of Ho et al. 2024), and
    tasks spread by 0.19 to 1.3, as language tasks do; slopes spread by 0.19 to 1.3 and noise by 0.15 to 1.1,
    away from zero too, as no two tasks have the same metric. drift_scale, yearly steps of 0.06 orders of
    magnitude of odds times Tukey's g-and-h (`DRIFT_SHAPE`): in a year one task in six leaps by more than
    0.1, and one in eighteen by more than 0.3. floor_offset, in standard deviations of what is known
    of each task's floor (`load_tasks`). bend, nearer to the logistic law than to the power law, as errors
    that begin near chance ask for.
    degrees_of_freedom, Juarez & Steel 2010. paper_correlation favours neither end. correlation_length, of
    learning curves whose neighbouring residuals correlate by 0.24 to 0.74: a quarter of an order of magnitude
    apart, and with 0.8 to 1 of the variance shared, these are lengths of 0.2 to 3 dex. Noise, intercept and
    compute_mean are weakly informative on the scale of log10 odds and log10 FLOP.

    Parameters
    ----------
    options : ModelOptions, optional
        Which model, from ``scaling_bayes.core.options``; by default that of the reference fit.

    Returns
    -------
    dict
        A `Prior` by name; `fit` takes replacements of some of them in ``priors``.

    Examples
    --------
    >>> print(default_priors()["compute_error"])
    LogNormal(mu=-1.05, sigma=0.334)
    """
    options = options or ModelOptions(**DEFAULT_MODEL)
    centers = {
        "slope": (0.05, 0.8, Prior("HalfNormal", sigma=0.8)),
        "noise": (0.07, 0.7, Prior("HalfNormal", sigma=0.7)),
    }
    if options.drift:
        centers["slope"] = (0.05, 0.8, Prior("LogNormal", mu=math.log(0.5), sigma=0.6))
        centers["noise"] = (0.07, 0.7, Prior("LogNormal", mu=math.log(0.4), sigma=0.6))
    if options.algorithmic_progress:
        centers["progress"] = (0.4, 0.4, Prior("LogNormal", mu=math.log(0.25), sigma=0.5))
        if options.drift:
            centers["progress"] = (0.33, 0.3, Prior("LogNormal", mu=math.log(0.5), sigma=0.6))
    priors: dict[str, Prior] = {"intercept": Prior("Normal", mu=0.0, sigma=0.5)}
    for name, (center, mean_sd, task_sd) in centers.items():
        if options.pooling_of(name) == "partial":
            priors[f"{name}_log_mean"] = Prior("Normal", mu=math.log(center), sigma=mean_sd)
            priors[f"{name}_log_sd"] = task_sd
        else:
            spread = math.hypot(mean_sd, _UNPOOLED_TASK_SD[name])
            priors[name] = Prior("LogNormal", mu=math.log(center), sigma=spread)
    priors |= _shape_priors(options)
    priors |= _paper_priors(options)
    if options.measurement_error:
        priors["compute_error"] = Prior.from_interval(ERROR_OF_AN_ESTIMATE, 0.2, 0.6)
        if options.flagged_error:
            priors["flagged_error_factor"] = Prior.from_interval(2.0, 1.0, 4.0)
        priors["compute_mean"] = Prior("Normal", mu=0.0, sigma=1.0)
        priors["compute_growth"] = Prior("Normal", mu=0.5, sigma=0.5)
        priors["compute_spread"] = Prior("LogNormal", mu=math.log(0.8), sigma=0.5)
    if options.count_offsets:
        priors |= {f"offset_{count}": Prior("Normal", mu=mu, sigma=sd) for count, (mu, sd) in OFFSETS.items()}
    return priors


def _paper_priors(options: ModelOptions) -> dict[str, Prior]:
    """Priors of how the systems of a paper stray together, where the model has them."""
    priors = {}
    if options.paper_effect:
        priors["paper_correlation"] = Prior("Beta", alpha=2.0, beta=2.0)
    if options.curves:
        priors["correlation_length"] = Prior("LogNormal", mu=math.log(0.7), sigma=1.0)
    if options.robust:
        priors["degrees_of_freedom"] = Prior("Gamma", alpha=2.0, beta=0.1)
    return priors


def _shape_priors(options: ModelOptions) -> dict[str, Prior]:
    """Priors of floor, bend and drift, where the model has them."""
    priors = {}
    if options.floor == "task":
        priors["floor_offset"] = Prior("Normal", mu=0.0, sigma=1.0)
    if options.law == "bounded":
        priors["bend"] = Prior("Beta", alpha=2.0, beta=1.0)
    if options.drift:
        priors["drift_scale"] = Prior("LogNormal", mu=math.log(0.06), sigma=0.7)
    if options.floor == "pooled":
        center = math.log(0.3 / 0.7)
        if options.pooling == "partial":
            priors["floor_logit_mean"] = Prior("Normal", mu=center, sigma=1.0)
            priors["floor_logit_sd"] = Prior("LogNormal", mu=0.0, sigma=0.5)
        else:
            priors["floor_logit"] = Prior(
                "Normal", mu=center, sigma=math.hypot(1.0, _UNPOOLED_TASK_SD["floor"])
            )
    return priors


def resolve_priors(
    defaults: Mapping[str, Prior],
    replacements: Mapping[str, Any] | None,
    *,
    unbounded: Collection[str] = UNBOUNDED,
) -> dict[str, Prior]:
    """Defaults with the user's replacements in their place.

    Parameters
    ----------
    defaults : mapping
        Every prior of the model, by parameter.
    replacements : mapping, optional
        In the forms of `as_prior`.
    unbounded : collection of str
        Parameters that may lie below zero; the others are positive.

    Raises
    ------
    OptionError
        For a name that the model does not have; the message lists the valid ones.
    """
    if replacements is None:
        return dict(defaults)
    if not isinstance(replacements, Mapping):
        raise OptionError(f"priors must map names to priors; found {type(replacements).__name__}.")
    unknown = [str(name) for name in replacements if name not in defaults]
    if unknown:
        raise OptionError(
            f"priors: {', '.join(map(repr, unknown))} not in this model; "
            f"its priors are {', '.join(defaults)}."
        )
    return {
        name: as_prior(name, replacements[name], positive=_is_positive(name, unbounded))
        if name in replacements
        else default
        for name, default in defaults.items()
    }
