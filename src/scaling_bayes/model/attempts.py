"""Sample a posterior, check it, and try once more with smaller steps where the checks fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from scaling_bayes.model.diagnose import MIN_ESS, diagnose
from scaling_bayes.model.sample import sample_compiled
from scaling_bayes.options import SamplerOptions

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Attempt", "sample_checked"]


class Attempt(NamedTuple):
    """One run of the sampler.

    Attributes
    ----------
    sampler : SamplerOptions
        Its settings.
    posterior, sample_stats : Dataset
        As `sample_compiled` gives them.
    checks : Dataset
        As `diagnose` gives them.
    """

    sampler: SamplerOptions
    posterior: xr.Dataset
    sample_stats: xr.Dataset
    checks: xr.Dataset

    @property
    def failed(self) -> list[str]:
        """Names of the checks that failed."""
        return [str(name) for name in self.checks["check"].values[self.checks["passed"].values == 0]]

    @property
    def badness(self) -> tuple[int, float]:
        """How many checks failed, and how many transitions diverged: the fewer the better."""
        return len(self.failed), float(self.sample_stats["diverging"].sum())

    def to_dict(self) -> dict[str, Any]:
        """Plain form, for a trace's manifest."""
        return {**self.sampler.to_dict(), "failed_checks": self.failed}


def sample_checked(
    compiled: Any,
    names: Sequence[str],
    sampler: SamplerOptions,
    *,
    cores: int | None = None,
    progressbar: bool = False,
) -> list[Attempt]:
    """Sample; where a check fails, sample a second time with a smaller step and a longer warm-up.

    Posteriors of a few systems have narrow parts, which steps of the usual size jump over. There is no
    second attempt where the first asked for too few draws to pass: one chain, or fewer than 800.

    Parameters
    ----------
    compiled, names, cores, progressbar
        As `sample_compiled` takes them.
    sampler : SamplerOptions
        Settings of the first attempt.

    Returns
    -------
    list of Attempt
        One, or two with the better last.
    """

    def attempt(settings: SamplerOptions) -> Attempt:
        posterior, stats = sample_compiled(compiled, names, settings, cores=cores, progressbar=progressbar)
        return Attempt(settings, posterior, stats, diagnose(posterior, stats))

    first = attempt(sampler)
    if not first.failed or sampler.chains < 2 or sampler.chains * sampler.draws < 2 * MIN_ESS:
        return [first]
    more_draws = not {"ess_bulk", "ess_tail"}.isdisjoint(first.failed)
    second = attempt(_more_careful(sampler, more_draws=more_draws))
    return sorted([first, second], key=lambda one: one.badness, reverse=True)


def _more_careful(sampler: SamplerOptions, *, more_draws: bool) -> SamplerOptions:
    """Settings with a rejection rate of a quarter, and the warm-up that its smaller steps need."""
    return replace(
        sampler,
        draws=2 * sampler.draws if more_draws else sampler.draws,
        tune=2 * sampler.tune,
        target_accept=1.0 - (1.0 - sampler.target_accept) / 4.0,
    )
