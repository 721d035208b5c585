"""Many fits of one model to different rows, without compiling it each time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import Prior, default_priors
from scaling_bayes.model.sampling.layout import is_fast
from scaling_bayes.model.sampling.sample import compile_posterior, sample_compiled

if TYPE_CHECKING:
    import xarray as xr


class Refitter:
    """Fits one model, with the same options and priors, to one set of observations after another.

    Parameters
    ----------
    sampler : SamplerOptions
        Its seed is replaced at each call.
    priors : mapping, optional
        As `default_priors` names them.
    by_pymc : bool
        As in `compile_posterior`.
    """

    def __init__(
        self,
        options: ModelOptions,
        sampler: SamplerOptions,
        priors: Mapping[str, Prior] | None = None,
        *,
        by_pymc: bool = False,
    ) -> None:
        self.options = options
        self.sampler = sampler
        self.priors = dict(default_priors(options) if priors is None else priors)
        self._names = parameter_names(self.options, self.priors)
        self._by_pymc = by_pymc or not is_fast(self.priors)
        self._compiled: dict[tuple[int, bool], Any] = {}

    def __call__(self, observations: Observations, random_seed: int) -> tuple[xr.Dataset, xr.Dataset]:
        """Sample the posterior given some observations.

        Returns
        -------
        tuple of Dataset
            Posterior and sample statistics, as `sample_compiled` gives them.
        """
        posterior, stats = sample_compiled(
            self._model(observations),
            self._names,
            replace(self.sampler, random_seed=random_seed),
        )
        return posterior.assign_coords(task=list(observations.tasks)), stats

    def _model(self, observations: Observations) -> Any:
        """Give the compiled model of some observations; PyMC's is compiled once for each form of data."""
        if not self._by_pymc:
            return compile_posterior(observations, self.options, self.priors, self._names)
        from scaling_bayes.model.build import model_data

        form = len(observations.tasks), observations.has_compute_sd
        if form not in self._compiled:
            self._compiled[form] = compile_posterior(
                observations, self.options, self.priors, self._names, by_pymc=True
            )
        compiled = self._compiled[form]
        known = {variable.name for variable in compiled.shared_var_keys}
        return compiled.with_data(
            **{name: values for name, values in model_data(observations).items() if name in known}
        )
