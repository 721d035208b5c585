"""The choices that define a model, checked once."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scaling_bayes.core.laws import get_law
from scaling_bayes.errors import OptionError
from scaling_bayes.systems.counts import ARITHMETIC, TAKEN

POOLINGS = ("partial", "none", "complete")
#: The law of a tree whose draws are a weighted mixture of fits of several laws.
STACK = "stack"


def check_choice(name: str, value: object, choices: Sequence[str]) -> None:
    """Refuse a value that is not among the choices."""
    if value not in choices:
        raise OptionError(f"{name}={value!r} is not valid; expected one of {', '.join(choices)}.")


def _check_bool(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise OptionError(f"{name} must be True or False; found {value!r}.")


def check_count(name: str, value: object, minimum: int) -> None:
    """Refuse a value that is not a whole number of at least `minimum`."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise OptionError(f"{name} must be a whole number; found {value!r}.") from None
    if isinstance(value, bool) or number < minimum:
        raise OptionError(f"{name} must be at least {minimum}; found {value!r}.")


def check_cores(value: object) -> None:
    """Refuse a number of chains to run at a time, unless it is None, for all of them."""
    if value is not None:
        check_count("cores", value, 1)


def check_seed(value: object) -> None:
    """Refuse a random seed that is not a whole number in [0, 2**63)."""
    check_count("random_seed", value, 0)
    if int(value) >= 2**63:  # type: ignore[call-overload]
        raise OptionError(f"random_seed must be below 2**63; found {value!r}.")


_SWITCHES = (
    "measurement_error",
    "algorithmic_progress",
    "paper_effect",
    "robust",
    "flagged_error",
    "drift",
    "count_offsets",
    "curves",
)
#: Where the irreducible error's prior is from: the task's own, one that tasks share, or no such error.
FLOORS = ("task", "pooled", "none")


@dataclass(frozen=True)
class ModelOptions:
    """Which model: law, pooling of the task-level parameters, and the switches."""

    #: One of `LAW_NAMES`, or ``stack`` in a mixture of laws.
    law: str = "power"
    #: Whether tasks share a distribution of slope, progress and floor, nothing, or one value. Noise is as the
    #: rest, but for complete pooling, where it is pooled partially. One of ``partial``, ``none``,
    #: ``complete``.
    pooling: str = "partial"
    #: Whether log10 compute is observed with error.
    measurement_error: bool = True
    #: Whether the compute a result needs falls over calendar time.
    algorithmic_progress: bool = True
    #: Whether the systems of one paper stray from their task's line together.
    paper_effect: bool = True
    #: Whether papers stray by a Student t distribution rather than a normal one.
    robust: bool = False
    #: Whether measurement error is wider where a row's compute is flagged; only with measurement error.
    flagged_error: bool = True
    #: Prior of the irreducible error: of each task from outside knowledge, shared, or no such error. One of
    #: ``task``, ``pooled``, ``none``.
    floor: str | None = None
    #: Whether each task's line wanders and breaks, by a heavy-tailed step a year.
    drift: bool = False
    #: In which count compute is taken, one of `counts.TAKEN`: operations done, or whatever the table states.
    count: str = "stated"
    #: Whether what was taken off to convert a count is uncertain, alike in all rows of that count.
    count_offsets: bool = False
    #: Whether what a paper's systems share wanders along compute, as in learning curves.
    curves: bool = False

    def __post_init__(self) -> None:
        """Refuse values that name no model."""
        if self.law != STACK:
            get_law(self.law)
        check_choice("pooling", self.pooling, POOLINGS)
        if self.floor is None:
            default = {"saturating": "pooled", "bounded": "task"}.get(self.law, "none")
            object.__setattr__(self, "floor", default)
        check_choice("floor", self.floor, FLOORS)
        check_choice("count", self.count, TAKEN)
        for switch in _SWITCHES:
            _check_bool(switch, getattr(self, switch))
        if self.curves and not self.paper_effect:
            raise OptionError(
                "curves=True lets what the points of a curve share wander along compute; it needs "
                "paper_effect=True."
            )

    def pooling_of(self, parameter: str) -> str:
        """Pooling of one task-level parameter.

        Under complete pooling noise still differs by task. Errors of translation scatter a fifth as much as
        those of image classification, and with one value for both the posterior has a second mode, in which
        measurement error of a factor of ten stands in for the difference.
        """
        return "partial" if parameter == "noise" and self.pooling == "complete" else self.pooling

    @property
    def has_floor(self) -> bool:
        """Whether there is an irreducible error above 0."""
        return self.floor != "none"

    @property
    def needs_year(self) -> bool:
        """Whether the model uses the publication year."""
        return self.measurement_error or self.algorithmic_progress or self.drift

    def to_dict(self) -> dict[str, Any]:
        """Plain form, for a trace's manifest."""
        return asdict(self)


#: What `fit` takes where nothing is said, and `ModelOptions` has otherwise.
DEFAULT_MODEL: Mapping[str, Any] = {
    "law": "bounded",
    "robust": True,
    "drift": True,
    "count": ARITHMETIC,
    "count_offsets": True,
}

#: Of every sampler but those of calibration's simulations (docs/model.md, "Sampling").
TARGET_ACCEPT = 0.97


@dataclass(frozen=True)
class SamplerOptions:
    """How the posterior is sampled; every setting explicit, none left to a library's default."""

    draws: int
    tune: int
    chains: int
    target_accept: float
    random_seed: int
    max_tree_depth: int = 10
    adaptation: str = "draw_diag"
    #: Draws made for each that is kept.
    thin: int = 1

    def __post_init__(self) -> None:
        """Refuse values the sampler cannot work with."""
        check_count("draws", self.draws, 4)
        check_count("tune", self.tune, 10)
        check_count("chains", self.chains, 1)
        check_count("thin", self.thin, 1)
        check_seed(self.random_seed)
        accept = self.target_accept
        if not isinstance(accept, (int, float)) or isinstance(accept, bool) or not 0 < accept < 1:
            raise OptionError(f"target_accept must lie between 0 and 1; found {accept!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain form, for a trace's manifest; ``thin`` where draws were thinned."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("thin", 1)}
