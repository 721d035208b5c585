"""Jobs of many fits that test the model: to simulated data, without each paper, with each prior changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, override

import numpy as np
from scipy.special import logsumexp

from scaling_bayes.batch.job import Result
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import SamplerOptions
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import joint_log_density_of_error
from scaling_bayes.core.simulation import simulate_observations
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import DataError
from scaling_bayes.intervals import QUANTILES, reported
from scaling_bayes.model.evaluate.calibration_model import Model

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Label of the fit to all data, with the priors as they are.
BASELINE: Final = "(all)"
#: Draws among which a true value is ranked: thinned to these, they are nearly independent.
RANKED: Final = 100
#: Factors on the width of each prior.
WIDTHS: Final = (0.5, 2.0)
#: Simulations tried before giving up on one whose errors are all possible.
_ATTEMPTS: Final = 100_000
_BLOCK: Final = 50
_QUANTITY: Final = ("quantity",)
_RANKS: Final = ("truth", "rank", "probability", "mean", "sd")


@dataclass(frozen=True)
class _Calibration:
    """What all these jobs are alike in; see `Job`, which each of them is."""

    model: Model

    name = ""

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return dict.fromkeys(("mean", "sd", *QUANTILES), _QUANTITY)

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        raise NotImplementedError

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """See `Job`."""
        return {"quantity": self.model.quantities}

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Job`."""
        return {"experiment": self.name, **self._own, **self.model.identity}

    @property
    def _own(self) -> dict[str, Any]:
        """What the results depend on besides the model."""
        return {}

    def run(self, number: int) -> Result:
        """See `Job`."""
        raise NotImplementedError


@dataclass(frozen=True)
class _Simulations(_Calibration):
    """Simulation-based calibration: data simulated from true values, and their ranks in fits to these.

    Simulations in which some error would not lie in (0, 1) are drawn anew. That leaves ranks uniform, as it
    depends on the data alone.
    """

    simulations: int

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return {**dict.fromkeys(_RANKS, _QUANTITY), "attempts": ()}

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [str(number) for number in range(self.simulations)]

    @property
    def _own(self) -> dict[str, Any]:
        return {"simulations": self.simulations}

    def run(self, number: int) -> Result:
        """See `Job`."""
        model, seed = self.model, self.model.seed(number)
        rng = generator(seed, Stream.PRIOR_PREDICTIVE)
        for attempt, truth in enumerate(islice(self._truths(number, rng), _ATTEMPTS), start=1):
            simulated = simulate_observations(
                model.options, truth.isel(chain=0, draw=0), model.observations, rng
            )
            if simulated is not None:
                ranks = _ranks(model, truth, self._fitted(simulated), seed, rng)
                return {**ranks, "attempts": np.array(float(attempt))}
        raise DataError(
            f"no simulation in {_ATTEMPTS} had all errors in (0, 1): the priors expect impossible errors."
        )

    def _truths(self, number: int, rng: np.random.Generator) -> Iterator[xr.Dataset]:
        """True values to simulate from, one after another."""
        raise NotImplementedError

    def _fitted(self, simulated: Observations) -> Observations:
        """What is fitted once data are simulated."""
        return simulated


@dataclass(frozen=True)
class PriorSBC(_Simulations):
    """Simulation-based calibration: fits to data simulated from the prior.

    Talts et al. 2018, *Validating Bayesian inference algorithms with simulation-based calibration*: the rank
    of the true value of any quantity among independent posterior draws is uniform.
    """

    name = "prior_sbc"

    @override
    def _truths(self, number: int, rng: np.random.Generator) -> Iterator[xr.Dataset]:
        while True:
            drawn = self.model.draw_prior(_BLOCK, int(rng.integers(2**62)))
            yield from (drawn.isel(draw=[position]) for position in range(_BLOCK))


@dataclass(frozen=True)
class PosteriorSBC(_Simulations):
    """Simulation-based calibration around given data: fits to them and to data simulated after them.

    Säilynoja et al. 2025, *Posterior SBC*: with the true value drawn from the posterior given the data, and
    new data simulated from it, its rank in the posterior given both is uniform.
    """

    truths: xr.Dataset
    posterior_digest: str

    name = "posterior_sbc"

    @property
    def _own(self) -> dict[str, Any]:
        return {"simulations": self.simulations, "posterior": self.posterior_digest}

    @override
    def _truths(self, number: int, rng: np.random.Generator) -> Iterator[xr.Dataset]:
        while True:
            yield self.truths.isel(draw=[number])

    def _fitted(self, simulated: Observations) -> Observations:
        return self.model.observations.joined(simulated)


@dataclass(frozen=True)
class LeaveOnePaperOut(_Calibration):
    """Fits without each paper, and one with all."""

    name = "leave_one_paper_out"

    @cached_property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [BASELINE, *dict.fromkeys(self._paper_of_row)]

    @cached_property
    def _paper_of_row(self) -> list[str]:
        at = self.model.observations
        return [paper or label for paper, label in zip(at.paper, at.systems, strict=True)]

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return {**super().fields, "elpd": ()}

    def run(self, number: int) -> Result:
        """See `Job`; ``elpd`` is the log density of the errors of the paper left out, together."""
        at = self.model.observations
        left_out = np.array([paper == self.labels[number] for paper in self._paper_of_row])
        seed = self.model.seed(number)
        posterior, diagnostics = self.model.fit(at.subset(~left_out), seed)
        elpd = np.nan
        if left_out.any():
            paper = at.subset(left_out)
            rng = generator(seed, Stream.DRIFT)
            performance = observed_performance(self.model.options.law, posterior, paper, rng=rng)
            density = joint_log_density_of_error(performance, paper.error, paper.paper_index).sum("paper")
            elpd = float(logsumexp(density.values) - np.log(density.size))
        return {**_summary(self.model, posterior, seed), **_arrays(diagnostics), "elpd": np.array(elpd)}


@dataclass(frozen=True)
class PriorSweep(_Calibration):
    """Fits with each prior half and twice as wide, and one with all as they are."""

    name = "prior_sweep"

    @property
    def _own(self) -> dict[str, Any]:
        return {"widths": list(WIDTHS)}

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [BASELINE, *(f"{name} x {width:g}" for name in self.model.priors for width in WIDTHS)]

    def run(self, number: int) -> Result:
        """See `Job`."""
        model = self.model
        if number:
            position, width = divmod(number - 1, len(WIDTHS))
            name = list(model.priors)[position]
            changed = model.priors[name].widened(WIDTHS[width])
            model = replace(model, priors={**model.priors, name: changed})
        seed = model.seed(number)
        posterior, diagnostics = model.fit(model.observations, seed)
        return {**_summary(model, posterior, seed), **_arrays(diagnostics)}


def _ranks(
    model: Model, truth: xr.Dataset, data: Observations, seed: int, rng: np.random.Generator
) -> dict[str, Floats]:
    """Where the true values lie among the draws of a fit to data simulated from them."""
    posterior, diagnostics = model.fit(data, seed)
    true = {label: float(values[0, 0]) for label, values in model.values(truth, seed + 1).items()}
    step = _thinning(model.sampler)
    rows = [
        {
            "truth": true[label],
            "rank": _rank(draws[:, ::step], true[label], rng),
            "probability": _rank(draws, true[label], rng) / draws.size,
            **_moments(draws),
        }
        for label, draws in model.values(posterior, seed).items()
    ]
    return {**_columns(rows), **_arrays(diagnostics)}


def _thinning(sampler: SamplerOptions) -> int:
    return max(1, sampler.chains * sampler.draws // RANKED)


def ranked_draws(sampler: SamplerOptions) -> int:
    """Draws among which true values are ranked, after thinning."""
    return sampler.chains * -(-sampler.draws // _thinning(sampler))


def _rank(draws: Floats, value: float, rng: np.random.Generator) -> float:
    """Number of draws below a value, where equal ones (both infinite) count as below by chance."""
    return float((draws < value).sum() + rng.integers(0, (draws == value).sum() + 1))


def _summary(model: Model, posterior: xr.Dataset, seed: int) -> dict[str, Floats]:
    return _columns(
        [{**_moments(draws), **reported(draws)} for draws in model.values(posterior, seed).values()]
    )


def _moments(draws: Floats) -> dict[str, float]:
    """Mean and standard deviation; NaN where a draw is infinite."""
    finite = bool(np.isfinite(draws).all())
    return {
        "mean": float(draws.mean()) if finite else np.nan,
        "sd": float(draws.std(ddof=1)) if finite else np.nan,
    }


def _columns(rows: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _arrays(scalars: Mapping[str, float]) -> dict[str, Floats]:
    return {name: np.array(value) for name, value in scalars.items()}
