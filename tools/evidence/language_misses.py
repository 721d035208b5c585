"""How many benchmarks a model that is right would miss, and what one way of asking changes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import draw_error
from scaling_bayes.diagnostics.forecasts import at_references_of
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.model.fit import fit
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.view import PosteriorView
from tools.pages.language import LOW, OTHER_SHOTS

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.core.observations import Observations


def language_misses(cutoffs: Sequence[int], random_seed: int) -> pd.DataFrame:
    """Coverage of each benchmark's later systems, and how often a model that is right would have less.

    Systems of a benchmark share its drift, so that they fall inside their intervals together or not. Each
    draw of the forecast is taken for the truth in turn; errors of one paper are drawn together.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    every = reference_systems("language")
    for asked in ("any", "usual"):
        kept = every[~every["flags"].str.contains(OTHER_SHOTS)] if asked == "usual" else every
        for cutoff in cutoffs:
            early = kept["publication_date"].dt.year <= cutoff
            view = PosteriorView.of(fit(kept[early], random_seed=random_seed, progressbar=False))
            later = kept[~early & kept["task"].isin(view.tasks)]
            after = at_references_of(view.observations, later, needs_year=True)
            rows += [{"asked": asked, "cutoff": cutoff, **row} for row in _by_task(view, after, random_seed)]
    return pd.DataFrame(rows)


def _by_task(view: PosteriorView, after: Observations, random_seed: int) -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(random_seed)
    performance = observed_performance(view.law, view.posterior, after, rng=rng)
    size = after.error.size
    alone, together = (
        np.asarray(draw_error(performance, rng, paper).values).reshape(-1, size)
        for paper in (None, after.paper_index)
    )
    tail = (1.0 - CI_PROB) / 2.0
    low, high = np.quantile(alone, [tail, 1.0 - tail], axis=0)
    held, would_hold = ((low <= error) & (error <= high) for error in (after.error, together))
    for number, task in enumerate(after.tasks):
        own = after.task_index == number
        if own.any():
            fewer = would_hold[:, own].mean(axis=1) < LOW
            yield {
                "task": task,
                "systems": int(own.sum()),
                "inside": int(held[own].sum()),
                "probability_low": float(fewer.mean()),
            }
