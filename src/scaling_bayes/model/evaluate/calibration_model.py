"""What a calibration fits, again and again: a model with its priors, sampler and systems."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import xarray as xr

from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.priors import Prior
from scaling_bayes.core.streams import Stream, derived_seed
from scaling_bayes.diagnostics.convergence import ess_bulk, rhat
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.projection.requirement import require
from scaling_bayes.projection.targets import Target, default_targets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Compiled models of this process, by what defines them; the last few.
_COMPILED: dict[str, Refitter] = {}
_MOST_COMPILED: Final = 2


@dataclass(frozen=True)
class Model:
    """What is fitted, again and again."""

    options: ModelOptions
    #: As `default_priors` names them.
    priors: Mapping[str, Prior]
    #: Its seed is the job's: that of each fit follows from it and the number of the fit.
    sampler: SamplerOptions
    #: The systems, or the design that simulated systems share.
    observations: Observations
    #: Digest of the table they come from.
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
        return draw_prior(self.options, self.priors, self.observations, draws=draws, random_seed=seed)

    def values(self, parameters: xr.Dataset, seed: int) -> dict[str, Floats]:
        """Every quantity of parameter draws, by label, each of shape (chain, draw).

        Projections are of training compute, of the line (mean) and of a new system (predictive).
        """
        found: dict[str, Floats] = {}
        for name, values in parameters.data_vars.items():
            if "drift_year" in values.dims:
                continue
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
                "reference_error": ("task", at.reference_error),
                "chance_error": ("task", at.chance_error),
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
            "rhat": float(max(map(rhat, scalars))),
            "ess": float(min(map(ess_bulk, scalars))),
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


def _peak_memory() -> float:
    """Most memory this process has held so far, MiB; NaN where the system does not tell."""
    try:
        import resource
    except ImportError:
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
