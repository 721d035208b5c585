"""Data the model could have made: one draw of its parameters turned into systems, step by step."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core import equations
from scaling_bayes.core.curves import draw_along
from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.performance import departure
from scaling_bayes.core.predictive import departure_scale

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

#: Errors nearer than this to 1 or to a floor are no errors that a paper reports.
_MARGIN = 1e-9


def simulate_observations(
    options: ModelOptions, parameters: xr.Dataset, design: Observations, rng: np.random.Generator
) -> Observations | None:
    """Errors and reported compute of systems like given ones, from the model as it is told.

    True compute, what a paper's systems share and each system's own departure are drawn one after the other,
    where the likelihood of a fit has them integrated out.

    Parameters
    ----------
    parameters : Dataset
        One value of each parameter of `parameter_names`, without chain and draw.
    design : Observations
        Tasks, years, papers, flags, stated errors of compute and references; without measurement error the
        compute too.

    Returns
    -------
    Observations or None
        None where an error would not lie between 0, or the task's floor, and 1.
    """
    task, years = design.task_index, design.years
    at: dict[str, Any] = {
        str(name): values.values[task] if "task" in values.dims else values.values
        for name, values in parameters.data_vars.items()
    }

    drift = (design.drift_weights * at["drift_step"]).sum(axis=1) if options.drift else 0.0

    def expected(compute: Any) -> NDArray[np.float64]:
        found: NDArray[np.float64] = equations.expected_performance(
            compute, years, intercept=at["intercept"], slope=at["slope"], progress=at.get("progress", 0.0)
        )
        return found + drift

    away = departure(at, design.count_index)
    reported = design.compute
    typical_compute = compute = reported - away
    if options.measurement_error:
        population = {name: at[f"compute_{name}"] for name in ("mean", "growth", "spread")}
        error = at["compute_error"] * np.where(design.flagged, at.get("flagged_error_factor", 1.0), 1.0)
        error = np.where(np.isnan(design.compute_sd), error, design.compute_sd)
        compute = population["mean"] + population["growth"] * years
        compute = compute + population["spread"] * rng.standard_normal(len(task))
        estimated = compute + error * rng.standard_normal(len(task))
        typical_compute, _ = equations.latent_compute(estimated, years, error=error, **population)
        reported = estimated + away
    papers, shared = int(design.paper_index.max()) + 1, at.get("paper_correlation", 0.0)
    if options.curves:
        deviates = rng.standard_normal(len(task))
        common = draw_along(deviates, design.paper_index, reported, at["correlation_length"])
    else:
        common = rng.standard_normal(papers)[design.paper_index]
    strayed = np.sqrt(shared) * common + np.sqrt(1.0 - shared) * rng.standard_normal(len(task))
    performance = expected(compute) + at["noise"] * strayed
    if options.robust:
        # Everything but what is known from the reported compute strays by a Student t distribution.
        typical = expected(typical_compute)
        factor = departure_scale(at["degrees_of_freedom"], papers, rng)[design.paper_index]
        performance = typical + factor * (performance - typical)
    law, floor = get_law(options.law), at.get("floor", np.zeros(len(task)))
    ends = {"chance": design.chance_error[task], "bend": at.get("bend", 0.0)}
    worst = ends["chance"] if law.is_bent else np.ones(len(task))
    if not law.is_bent and not (performance > law.performance(worst - _MARGIN, floor)).all():
        return None
    drawn = law.error(performance, floor, **ends)
    if not ((drawn > np.maximum(floor * (1.0 + _MARGIN), _MARGIN)) & (drawn < worst)).all():
        return None
    return replace(design, error=drawn, log10_compute=reported + design.reference_log10_compute[task])
