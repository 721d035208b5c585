"""One simulation: draw a truth, let the sample grow, fit every model at every size."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.overparameterization.algorithms import FOLDS, Gram, Lasso, MinimumNorm, least_squares

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.overparameterization.settings import Settings

    Floats = NDArray[np.float64]

_ROWS_AT_A_TIME = 2048

#: What a simulation returns, and the dimensions after ``simulation``.
FIELDS = {
    "excess_risk": ("model", "observations"),
    "sweeps": ("observations",),
    "nonzero": ("observations",),
    "penalty": ("observations",),
    "signal": (),
    "omitted": (),
}


@dataclass(frozen=True)
class Truth:
    """True coefficients, and the features the informed models are given."""

    #: Shape (p,).
    coefficients: Floats
    #: Features with an effect, in random order. Shape (s,).
    right: NDArray[np.intp]
    #: The expert's: the first of `right`, then wrong ones. Shape (s,).
    expert: NDArray[np.intp]


def draw_truth(settings: Settings, rng: np.random.Generator) -> Truth:
    """Draw positions and coefficients."""
    p, s = settings.n_parameters, settings.n_nonzero
    order = rng.permutation(p)
    signs = rng.choice([-1.0, 1.0], size=s).astype(np.float64)
    harmonic = 1 / np.arange(1, s + 1)
    laws: dict[str, Callable[[], Floats]] = {
        "equal": lambda: signs,
        "normal": lambda: rng.standard_normal(s),
        "uniform": lambda: rng.uniform(-np.sqrt(3), np.sqrt(3), s),
        "harmonic": lambda: rng.permutation(signs * harmonic / np.sqrt(np.mean(harmonic**2))),
    }
    values = laws[settings.coefficient_law]()
    coefficients = np.zeros(p)
    coefficients[order[:s]] = values
    expert = np.concatenate([order[: settings.n_right], order[s : s + settings.n_wrong]])
    return Truth(coefficients, order[:s], expert)


def simulate(settings: Settings, simulation: int) -> dict[str, Floats]:
    """Run one simulation.

    The excess risk is exact: with independent standard normal features the expected squared difference
    between a prediction and the optimal one is ``|b_hat - b|²``.

    Returns
    -------
    dict
        ``excess_risk`` (model, observations), ``sweeps``, ``nonzero`` and ``penalty`` of the lasso
        (observations, NaN where it is not fitted), ``signal`` ``|b|²`` and ``omitted``, the sum of squares
        of the coefficients the expert lacks.
    """
    for_truth, for_features, for_noise = (
        np.random.default_rng(child)
        for child in np.random.SeedSequence(settings.random_seed, spawn_key=(simulation,)).spawn(3)
    )
    truth = draw_truth(settings, for_truth)
    sizes = settings.observations
    noise = settings.noise_sd * for_noise.standard_normal(sizes[-1])
    lacking = np.setdiff1d(truth.right, truth.expert)
    found = {
        "excess_risk": np.full((len(settings.models), len(sizes)), np.nan),
        **{name: np.full(len(sizes), np.nan) for name in ("sweeps", "nonzero", "penalty")},
        "signal": np.asarray((truth.coefficients**2).sum()),
        "omitted": np.asarray((truth.coefficients[lacking] ** 2).sum()),
    }
    for position, sample in enumerate(_growing_samples(settings, truth, noise, for_features)):
        for row, model in enumerate(settings.models):
            if model == "regularised":
                lasso = sample.lasso(settings, truth)
                coefficients = lasso.coefficients
                found["sweeps"][position] = lasso.sweeps
                found["nonzero"][position] = np.count_nonzero(coefficients)
                found["penalty"][position] = lasso.penalty
            else:
                coefficients = sample.fit(model, truth)
            found["excess_risk"][row, position] = ((coefficients - truth.coefficients) ** 2).sum()
    return found


@dataclass(frozen=True)
class _Sample:
    """The first n observations, in the forms the estimators need."""

    n: int
    informed: Floats
    y: Floats
    gram: Gram | None
    minimum_norm: MinimumNorm | None

    def fit(self, model: str, truth: Truth) -> Floats:
        """Coefficients of a model without penalty."""
        if model == "flexible":
            if self.minimum_norm is not None:
                return self.minimum_norm.solve(self.n)
            assert self.gram is not None
            return self.gram.solve()
        features = truth.right if model == "oracle" else truth.expert
        columns = slice(0, len(features)) if model == "oracle" else slice(len(truth.right), None)
        coefficients = np.zeros_like(truth.coefficients)
        coefficients[features] = least_squares(self.informed[:, columns], self.y)
        return coefficients

    def lasso(self, settings: Settings, truth: Truth) -> Lasso:
        """The regularised model."""
        assert self.gram is not None
        if settings.penalty == "cross_validation":
            return Lasso.cross_validated(self.gram)
        if settings.penalty == "best":
            return Lasso.nearest(self.gram.whole(), truth.coefficients)
        candidates = max(settings.n_parameters, 2)
        penalty = settings.noise_sd * float(np.sqrt(2 * np.log(candidates) / self.n))
        if not isinstance(settings.penalty, str):
            penalty = float(settings.penalty)
        return Lasso.at(self.gram.whole(), penalty)


def _growing_samples(
    settings: Settings, truth: Truth, noise: Floats, rng: np.random.Generator
) -> Iterator[_Sample]:
    """The samples in order of size; rows that can be interpolated are drawn first and kept."""
    p, sizes = settings.n_parameters, settings.observations
    flexible = "flexible" in settings.models
    kept = max((n for n in sizes if n <= p), default=0) if flexible else 0
    first_rows = rng.standard_normal((kept, p))
    needs_gram = "regularised" in settings.models or (flexible and sizes[-1] > p)
    gram = Gram(p, FOLDS if settings.penalty == "cross_validation" else 1) if needs_gram else None
    columns = np.concatenate([truth.right, truth.expert])
    informed, y = np.empty((sizes[-1], len(columns))), np.empty(sizes[-1])
    informed[:kept] = first_rows[:, columns]
    y[:kept] = first_rows @ truth.coefficients + noise[:kept]
    minimum_norm = MinimumNorm(first_rows, y[:kept]) if kept else None
    start = 0
    for size in sizes:
        for begin in range(start, size, _ROWS_AT_A_TIME):
            rows = slice(begin, min(begin + _ROWS_AT_A_TIME, size))
            if rows.stop <= kept:
                x = first_rows[rows]
            else:
                x = rng.standard_normal((rows.stop - rows.start, p))
                informed[rows] = x[:, columns]
                y[rows] = x @ truth.coefficients + noise[rows]
            if gram is not None:
                gram.add(x, y[rows])
        start = size
        interpolating = minimum_norm if size <= kept else None
        yield _Sample(size, informed[:size], y[:size], gram, interpolating)
