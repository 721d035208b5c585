"""What can be chosen in the experiment, with the defaults of the published one."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from scaling_bayes.errors import OptionError

#: The four models: the right features; all right but some wrong; all features; all features, lasso.
MODELS = ("oracle", "expert", "flexible", "regularised")
#: How the non-zero coefficients are drawn; each law has mean square 1.
COEFFICIENT_LAWS = ("equal", "normal", "uniform", "harmonic")
#: How the lasso's penalty is chosen; a positive number fixes it.
PENALTIES = ("theory", "cross_validation", "best")
#: Numbers of observations of the full run.
OBSERVATIONS = (
    *(12, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700),
    *(900, 1000, 1100, 1250, 1500, 2000, 3000, 5000),
)


@dataclass(frozen=True)
class Settings:
    """One experiment: ``y = x @ b + noise`` with x standard normal and b sparse.

    Raises
    ------
    OptionError
        Listing every setting that cannot be.
    """

    #: Candidate features p.
    n_parameters: int = 1000
    #: Features whose coefficient is not zero, s.
    n_nonzero: int = 10
    #: How many of the expert's s features have coefficient zero in truth.
    n_wrong: int = 1
    #: Standard deviation of the noise, in units of the root mean square of a non-zero coefficient.
    noise_sd: float = 1.0
    #: ``equal``: 1 or -1; ``normal``: standard normal; ``uniform``: on ±√3; ``harmonic``: ±1/j for j = 1 to
    #: s, scaled to mean square 1. Positions are random. One of ``equal``, ``normal``, ``uniform``,
    #: ``harmonic``.
    coefficient_law: str = "equal"
    #: Weight a of the lasso, ``min |y - X b|² / (2 n) + a |b|₁``. ``theory``: noise_sd √(2 log p / n).
    #: ``cross_validation``: five folds. ``best``: the one on the path that is nearest to the truth, which no
    #: user can know. A number is the weight itself. One of ``theory``, ``cross_validation``, ``best``.
    penalty: str | float = "theory"
    #: Sample sizes n, increasing; within a simulation the smaller samples are the first rows of the larger.
    observations: tuple[int, ...] = OBSERVATIONS
    #: Those to fit, of `MODELS`.
    models: tuple[str, ...] = MODELS
    #: Independent repetitions.
    simulations: int = 1000
    #: Simulation i depends on the seed and i only.
    random_seed: int = 20200710

    def __post_init__(self) -> None:
        """Check every setting."""
        object.__setattr__(self, "observations", tuple(self.observations))
        object.__setattr__(self, "models", tuple(self.models))
        problems = [*self._number_problems(), *self._choice_problems()]
        if problems:
            raise OptionError("; ".join(problems) + ".")

    def _number_problems(self) -> list[str]:
        whole = {
            name: getattr(self, name)
            for name in ("n_parameters", "n_nonzero", "n_wrong", "simulations", "random_seed")
        }
        problems = [
            f"{name}={value!r} must be a whole number of at least {least}"
            for (name, value), least in zip(whole.items(), (1, 1, 0, 1, 0), strict=True)
            if not _is_whole(value, least)
        ]
        if problems:
            return problems
        if self.n_nonzero > self.n_parameters:
            problems.append(f"n_nonzero={self.n_nonzero} exceeds n_parameters={self.n_parameters}")
        if self.n_wrong > min(self.n_nonzero, self.n_parameters - self.n_nonzero):
            problems.append(
                f"n_wrong={self.n_wrong} must not exceed n_nonzero={self.n_nonzero} "
                f"nor the {self.n_parameters - self.n_nonzero} features without effect"
            )
        if not (isinstance(self.noise_sd, (int, float)) and 0 < self.noise_sd < math.inf):
            problems.append(f"noise_sd={self.noise_sd!r} must be a finite number above 0")
        sizes = self.observations
        if not sizes or not all(_is_whole(n, 1) for n in sizes) or list(sizes) != sorted(set(sizes)):
            problems.append(f"observations={sizes!r} must be whole numbers above 0, increasing")
        return problems

    def _choice_problems(self) -> list[str]:
        problems = []
        if self.coefficient_law not in COEFFICIENT_LAWS:
            problems.append(
                f"coefficient_law={self.coefficient_law!r}; expected one of {', '.join(COEFFICIENT_LAWS)}"
            )
        named = isinstance(self.penalty, str) and self.penalty in PENALTIES
        fixed = isinstance(self.penalty, (int, float)) and 0 < self.penalty < math.inf
        if not named and not fixed:
            problems.append(
                f"penalty={self.penalty!r}; expected one of {', '.join(PENALTIES)} or a number above 0"
            )
        unknown = [model for model in self.models if model not in MODELS]
        if unknown or not self.models or len(set(self.models)) < len(self.models):
            problems.append(f"models={self.models!r}; expected some of {', '.join(MODELS)}, each once")
        return problems

    @property
    def n_right(self) -> int:
        """Features of the expert that are right."""
        return self.n_nonzero - self.n_wrong

    def of_one_simulation(self) -> dict[str, Any]:
        """All that decides a simulation's numbers, as JSON: everything but how many there are."""
        content = asdict(self)
        del content["simulations"]
        return {**content, "observations": list(self.observations), "models": list(self.models)}


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least
