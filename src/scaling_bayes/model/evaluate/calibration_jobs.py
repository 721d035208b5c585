"""Jobs of many fits that test the model: to simulated data, without each paper, with each prior changed."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr
from scipy.special import logsumexp

from scaling_bayes.batch.job import Result
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.predictive import joint_log_density_of_error, observed_performance
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.simulation import simulate_observations
from scaling_bayes.core.streams import Stream, derived_seed, generator
from scaling_bayes.diagnostics.convergence import ess_bulk, rhat
from scaling_bayes.errors import DataError
from scaling_bayes.intervals import QUANTILES, reported
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.projection.requirement import require
from scaling_bayes.projection.targets import Target, default_targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["BASELINE", "LeaveOnePaperOut", "Model", "PosteriorSBC", "PriorSBC", "PriorSweep", "ranked_draws"]

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
_RANKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(("truth", "rank", "probability", "mean", "sd"), _QUANTITY),
        "attempts": (),
    }
)
_SUMMARY: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    dict.fromkeys(("mean", "sd", *QUANTILES), _QUANTITY)
)
#: Compiled models of this process, by what defines them; the last few.
_COMPILED: dict[str, Refitter] = {}
_MOST_COMPILED: Final = 2


@dataclass(frozen=True)
class Model:
    """What is fitted, again and again.

    Attributes
    ----------
    options : ModelOptions
    priors : mapping
        As `default_priors` names them.
    sampler : SamplerOptions
        Its seed is the job's: that of each fit follows from it and the number of the fit.
    observations : Observations
        The systems, or the design that simulated systems share.
    data_sha256 : str
        Digest of the table they come from.
    """

    options: ModelOptions
    priors: Mapping[str, Prior]
    sampler: SamplerOptions
    observations: Observations
    data_sha256: str

    @property
    def identity(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {
            "model": self.options.to_dict(),
            "priors": {name: prior.to_dict() for name, prior in self.priors.items()},
            "sampler": self.sampler.to_dict(),
            "data_sha256": self.data_sha256,
        }

    def seed(self, number: int) -> int:
        """Seed of one fit."""
        return derived_seed(self.sampler.random_seed, Stream.CALIBRATION_FIT, number)

    @cached_property
    def targets(self) -> list[Target]:
        """Targets whose projections are followed: the default ones of the tasks."""
        at = self.observations
        best = {task: float(at.error[at.task_index == i].min()) for i, task in enumerate(at.tasks)}
        return default_targets(at.tasks, best)

    @cached_property
    def quantities(self) -> tuple[str, ...]:
        """Labels of what is followed: every parameter, then the projections."""
        prior = self.draw_prior(1, 0)
        return tuple(self.values(prior, 0))

    def draw_prior(self, draws: int, seed: int) -> xr.Dataset:
        """Draw the parameters from their priors."""
        at = self.observations
        return draw_prior(
            self.options, self.priors, at.tasks, at.reference_error, draws=draws, random_seed=seed
        )

    def values(self, parameters: xr.Dataset, seed: int) -> dict[str, Floats]:
        """Every quantity of parameter draws, by label, each of shape (chain, draw).

        Projections are of training compute, of the line (mean) and of a new system (predictive).
        """
        found: dict[str, Floats] = {}
        for name, values in parameters.data_vars.items():
            if "task" in values.dims:
                ordered = values.transpose("chain", "draw", "task").values
                for position, task in enumerate(self.observations.tasks):
                    found[f"{name}[{task}]"] = ordered[..., position]
            else:
                found[str(name)] = values.transpose("chain", "draw").values
        requirement = require(
            self.options.law, parameters, self._references, self.targets, None, "predictive", seed
        )
        for kind, asked in (("mean", replace(requirement, noise=None)), ("predictive", requirement)):
            compute = asked.log10_compute().isel(year=0)
            for position, target in enumerate(requirement.targets):
                found[f"training_compute[{target.label}, {kind}]"] = compute.values[..., position]
        return found

    @property
    def _references(self) -> xr.Dataset:
        """What requirements are relative to."""
        at = self.observations
        return xr.Dataset(
            {
                "reference_log10_compute": ("task", at.reference_log10_compute),
                "reference_year": ("task", at.reference_year),
                "publication_year": ("system", at.year),
            },
            coords={"task": list(at.tasks)},
        )

    def fit(self, observations: Observations, seed: int) -> tuple[xr.Dataset, dict[str, float]]:
        """Sample a posterior; the draws, and `DIAGNOSTICS`."""
        begun = time.perf_counter()
        posterior, stats = self._refitter()(observations, seed)
        scalars = [
            values.values.reshape(*values.shape[:2], -1)[..., position]
            for values in posterior.data_vars.values()
            for position in range(int(np.prod(values.shape[2:], dtype=int)))
        ]
        return posterior, {
            "rhat": max(map(rhat, scalars)),
            "ess": min(map(ess_bulk, scalars)),
            "divergences": float(stats["diverging"].sum()),
            "seconds": time.perf_counter() - begun,
            "memory_mib": _peak_memory(),
        }

    def _refitter(self) -> Refitter:
        key = repr((self.options, sorted(self.priors.items()), self.sampler))
        if key not in _COMPILED:
            while len(_COMPILED) >= _MOST_COMPILED:
                del _COMPILED[next(iter(_COMPILED))]
            _COMPILED[key] = Refitter(self.options, self.sampler, self.priors)
        return _COMPILED[key]


@dataclass(frozen=True)
class PriorSBC:
    """Simulation-based calibration: fits to data simulated from the prior.

    Talts et al. 2018, *Validating Bayesian inference algorithms with simulation-based calibration*: the rank
    of the true value of any quantity among independent posterior draws is uniform. Simulations in which some
    error would not lie in (0, 1) are drawn anew. That leaves ranks uniform, as it depends on the data alone.
    """

    model: Model
    simulations: int
    name: str = "prior_sbc"

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Job`."""
        return {"experiment": self.name, "simulations": self.simulations, **self.model.identity}

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [str(number) for number in range(self.simulations)]

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """See `Job`."""
        return {"quantity": self.model.quantities}

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return _RANKS

    def run(self, number: int) -> Result:
        """See `Job`."""
        model, seed = self.model, self.model.seed(number)
        rng = generator(seed, Stream.PRIOR_PREDICTIVE)
        for block in range(_ATTEMPTS // _BLOCK):
            drawn = model.draw_prior(_BLOCK, int(rng.integers(2**62)))
            for position in range(_BLOCK):
                truth = drawn.isel(draw=[position])
                simulated = simulate_observations(
                    model.options, truth.isel(chain=0, draw=0), model.observations, rng
                )
                if simulated is not None:
                    ranks = _ranks(model, truth, simulated, seed, rng)
                    return {**ranks, "attempts": np.array(block * _BLOCK + position + 1.0)}
        raise DataError(
            f"no simulation in {_ATTEMPTS} had all errors in (0, 1): the priors expect impossible errors."
        )


@dataclass(frozen=True)
class PosteriorSBC:
    """Simulation-based calibration around given data: fits to them and to data simulated after them.

    Säilynoja et al. 2025, *Posterior SBC*: with the true value drawn from the posterior given the data, and
    new data simulated from it, its rank in the posterior given both is uniform.
    """

    model: Model
    truths: xr.Dataset
    posterior_digest: str
    name: str = "posterior_sbc"

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Job`."""
        return {
            "experiment": self.name,
            "simulations": self.truths.sizes["draw"],
            "posterior": self.posterior_digest,
            **self.model.identity,
        }

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [str(number) for number in range(self.truths.sizes["draw"])]

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """See `Job`."""
        return {"quantity": self.model.quantities}

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return _RANKS

    def run(self, number: int) -> Result:
        """See `Job`."""
        model, seed = self.model, self.model.seed(number)
        rng = generator(seed, Stream.PRIOR_PREDICTIVE)
        truth = self.truths.isel(draw=[number])
        for attempt in range(1, _ATTEMPTS + 1):
            simulated = simulate_observations(
                model.options, truth.isel(chain=0, draw=0), model.observations, rng
            )
            if simulated is not None:
                ranks = _ranks(model, truth, model.observations.joined(simulated), seed, rng)
                return {**ranks, "attempts": np.array(float(attempt))}
        raise DataError(f"no simulation in {_ATTEMPTS} had all errors in (0, 1).")


@dataclass(frozen=True)
class LeaveOnePaperOut:
    """Fits without each paper, and one with all."""

    model: Model
    name: str = "leave_one_paper_out"

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Job`."""
        return {"experiment": self.name, **self.model.identity}

    @cached_property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [BASELINE, *dict.fromkeys(self._paper_of_row)]

    @cached_property
    def _paper_of_row(self) -> list[str]:
        at = self.model.observations
        return [paper or label for paper, label in zip(at.paper, at.systems, strict=True)]

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """See `Job`."""
        return {"quantity": self.model.quantities}

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return {**_SUMMARY, "elpd": ()}

    def run(self, number: int) -> Result:
        """See `Job`; ``elpd`` is the log density of the errors of the paper left out, together."""
        at = self.model.observations
        left_out = np.array([paper == self.labels[number] for paper in self._paper_of_row])
        seed = self.model.seed(number)
        posterior, diagnostics = self.model.fit(at.subset(~left_out), seed)
        elpd = np.nan
        if left_out.any():
            paper = at.subset(left_out)
            performance = observed_performance(self.model.options.law, posterior, paper)
            density = joint_log_density_of_error(performance, paper.error, paper.paper_index).sum("paper")
            elpd = float(logsumexp(density.values) - np.log(density.size))
        return {**_summary(self.model, posterior, seed), **_arrays(diagnostics), "elpd": np.array(elpd)}


@dataclass(frozen=True)
class PriorSweep:
    """Fits with each prior half and twice as wide, and one with all as they are."""

    model: Model
    name: str = "prior_sweep"

    @property
    def identity(self) -> Mapping[str, Any]:
        """See `Job`."""
        return {"experiment": self.name, "widths": list(WIDTHS), **self.model.identity}

    @property
    def labels(self) -> Sequence[str]:
        """See `Job`."""
        return [BASELINE, *(f"{name} x {width:g}" for name in self.model.priors for width in WIDTHS)]

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """See `Job`."""
        return {"quantity": self.model.quantities}

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """See `Job`."""
        return _SUMMARY

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
    true = {label: values[0, 0] for label, values in model.values(truth, seed + 1).items()}
    drawn = model.values(posterior, seed)
    rows: dict[str, list[float]] = {name: [] for name in ("truth", "rank", "probability", "mean", "sd")}
    step = _thinning(model.sampler)
    for label, draws in drawn.items():
        value = float(true[label])
        finite = bool(np.isfinite(draws).all())
        rows["truth"].append(value)
        rows["rank"].append(_rank(draws[:, ::step], value, rng))
        rows["probability"].append(_rank(draws, value, rng) / draws.size)
        rows["mean"].append(float(draws.mean()) if finite else np.nan)
        rows["sd"].append(float(draws.std(ddof=1)) if finite else np.nan)
    return {**{name: np.array(values) for name, values in rows.items()}, **_arrays(diagnostics)}


def _thinning(sampler: SamplerOptions) -> int:
    return max(1, sampler.chains * sampler.draws // RANKED)


def ranked_draws(sampler: SamplerOptions) -> int:
    """Draws among which true values are ranked, after thinning."""
    return sampler.chains * -(-sampler.draws // _thinning(sampler))


def _rank(draws: Floats, value: float, rng: np.random.Generator) -> float:
    """Number of draws below a value, where equal ones (both infinite) count as below by chance."""
    return float((draws < value).sum() + rng.integers(0, (draws == value).sum() + 1))


def _summary(model: Model, posterior: xr.Dataset, seed: int) -> dict[str, Floats]:
    rows: dict[str, list[float]] = {name: [] for name in _SUMMARY}
    for draws in model.values(posterior, seed).values():
        finite = bool(np.isfinite(draws).all())
        rows["mean"].append(float(draws.mean()) if finite else np.nan)
        rows["sd"].append(float(draws.std(ddof=1)) if finite else np.nan)
        for name, value in reported(draws).items():
            rows[name].append(value)
    return {name: np.array(values) for name, values in rows.items()}


def _arrays(scalars: Mapping[str, float]) -> dict[str, Floats]:
    return {name: np.array(value) for name, value in scalars.items()}


def _peak_memory() -> float:
    """Most memory this process has held so far, MiB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
