"""Many fits of one model to different rows: compiled once, given other data each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scaling_bayes.model.build import build_model, model_data
from scaling_bayes.model.sample import compile_model, sample_compiled
from scaling_bayes.observations import Observations
from scaling_bayes.options import ModelOptions, SamplerOptions
from scaling_bayes.parameters import parameter_names
from scaling_bayes.priors import Prior, default_priors

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Refitter"]


class Refitter:
    """Fits one model, with the same options and priors, to one set of observations after another.

    Parameters
    ----------
    options : ModelOptions
    sampler : SamplerOptions
        Its seed is replaced at each call.
    priors : mapping, optional
        As `default_priors` names them.
    """

    def __init__(
        self, options: ModelOptions, sampler: SamplerOptions, priors: Mapping[str, Prior] | None = None
    ) -> None:
        self.options = options
        self.sampler = sampler
        self.priors = dict(default_priors(options) if priors is None else priors)
        self._compiled: dict[int, Any] = {}

    def __call__(self, observations: Observations, random_seed: int) -> tuple[xr.Dataset, xr.Dataset]:
        """Sample the posterior given some observations.

        Returns
        -------
        tuple of Dataset
            Posterior and sample statistics, as `sample_compiled` gives them.
        """
        n_tasks = len(observations.tasks)
        if n_tasks not in self._compiled:
            self._compiled[n_tasks] = compile_model(build_model(observations, self.options, self.priors))
        compiled = self._compiled[n_tasks]
        known = {variable.name for variable in compiled.shared_var_keys}
        data = {name: values for name, values in model_data(observations).items() if name in known}
        posterior, stats = sample_compiled(
            compiled.with_data(**data),
            parameter_names(self.options, self.priors),
            replace(self.sampler, random_seed=random_seed),
        )
        return posterior.assign_coords(task=list(observations.tasks)), stats
