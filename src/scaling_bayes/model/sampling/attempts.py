"""Sample a posterior, check it, and try again with smaller steps where the checks fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from scaling_bayes.core.options import SamplerOptions
from scaling_bayes.model.diagnose import MIN_ESS, diagnose
from scaling_bayes.model.sampling.sample import sample_compiled
from scaling_bayes.trace.rounding import rounded

if TYPE_CHECKING:
    import xarray as xr

#: Attempts at most.
ATTEMPTS = 4
#: Warm-up at most, in that of the first attempt.
_LONGEST_TUNE = 4


class Attempt(NamedTuple):
    """One run of the sampler."""

    #: Its settings.
    sampler: SamplerOptions
    #: As `sample_compiled` gives them, `rounded`.
    posterior: xr.Dataset
    sample_stats: xr.Dataset
    #: As `diagnose` gives them.
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
    most_draws: int | None = None,
    cores: int | None = None,
    progressbar: bool = False,
) -> list[Attempt]:
    """Sample; where a check fails, sample again with a smaller step and a longer warm-up.

    Posteriors of a few systems have narrow parts, which steps of the usual size jump over: where slope and
    noise of a task are both small, its intercept is known far better than usual. There is no second attempt
    where the first asked for too few draws to pass: one chain, or fewer than 800.

    Parameters
    ----------
    compiled, names, cores, progressbar
        As `sample_compiled` takes them.
    sampler : SamplerOptions
        Settings of the first attempt.
    most_draws : int, optional
        Draws per chain that no attempt exceeds.

    Returns
    -------
    list of Attempt
        In order, but with the best last: the one with the fewest failed checks and divergences.
    """

    def attempt(settings: SamplerOptions) -> Attempt:
        drawn = sample_compiled(compiled, names, settings, cores=cores, progressbar=progressbar)
        posterior, stats = map(rounded, drawn)
        return Attempt(settings, posterior, stats, diagnose(posterior, stats))

    made = [attempt(sampler)]
    if sampler.chains < 2 or sampler.chains * sampler.draws < 2 * MIN_ESS:
        return made
    while made[-1].failed and len(made) < ATTEMPTS:
        made.append(attempt(_more_careful(made[-1], _LONGEST_TUNE * sampler.tune, most_draws)))
    best = min(made, key=lambda one: one.badness)
    return [*(one for one in made if one is not best), best]


def _more_careful(last: Attempt, longest_tune: int, most_draws: int | None) -> SamplerOptions:
    """A sixth of the rejections and twice the warm-up; twice the draws where they were too few."""
    sampler, more_draws = last.sampler, not {"ess_bulk", "ess_tail"}.isdisjoint(last.failed)
    draws = 2 * sampler.draws if more_draws else sampler.draws
    return replace(
        sampler,
        draws=draws if most_draws is None else min(draws, most_draws),
        tune=min(2 * sampler.tune, longest_tune),
        target_accept=1.0 - (1.0 - sampler.target_accept) / 6.0,
    )
