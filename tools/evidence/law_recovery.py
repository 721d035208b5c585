"""Does stacking find the law that made the data? Simulations from each law, weighed by all."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from arviz_stats import loo

from scaling_bayes.core.laws import LAWS, get_law
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import log_density_given_paper
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.model.evaluate.compare import mean_stacking_weights
from scaling_bayes.model.evaluate.progressbar import steps
from scaling_bayes.model.sampling.refitter import Refitter

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EQUIVALENT", "law_recovery", "simulate_systems"]

#: Laws that hold where another does: a power law is a saturating one without a floor.
EQUIVALENT = {"power": ("power", "saturating")}


def simulate_systems(law: str, rng: np.random.Generator, *, tasks: int, per_task: int) -> pd.DataFrame:
    """Systems of a field in which one law holds.

    Each task starts from an error between 0.4 and 0.6 at its lowest compute, with a slope there of 0.1 to
    0.2 orders of magnitude of error per tenfold compute, and spans some eight orders of compute, so that
    laws can be told apart. Noise is 0.02 orders of magnitude there, measurement error 0.2, progress 0.3 a
    year, an irreducible error 0.08 to 0.16.

    Parameters
    ----------
    law : str
    rng : Generator
    tasks, per_task : int
        How many tasks, and systems of each.

    Returns
    -------
    DataFrame
        ``task``, ``system``, ``year``, ``error`` and ``training_compute_flop``, as `fit` takes them.
    """
    import pandas as pd

    scale = get_law(law)
    frames = []
    for number in range(tasks):
        start = rng.uniform(0.4, 0.6)
        floor = rng.uniform(0.08, 0.16) if scale.has_floor else 0.0
        year = rng.uniform(2012.0, 2020.0, per_task)
        compute = 0.4 * (year - 2016.0) + 1.5 * rng.standard_normal(per_task)
        progressed = compute + 0.3 * (year - 2016.0)
        performance = scale.performance(start, floor) + scale.gain(start, floor) * (
            rng.uniform(0.1, 0.2) * (progressed - progressed.min()) + 0.02 * rng.standard_normal(per_task)
        )
        error = np.minimum(scale.error(performance, floor), 0.999)
        frames.append(
            pd.DataFrame(
                {
                    "task": f"task {number}",
                    "system": [f"{number}-{row}" for row in range(per_task)],
                    "year": np.floor(year),
                    "error": error,
                    "training_compute_flop": 10.0 ** (20.0 + compute + 0.2 * rng.standard_normal(per_task)),
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def law_recovery(
    simulations: int = 20,
    *,
    tasks: int = 5,
    per_task: int = 40,
    random_seed: int,
    progressbar: bool = True,
) -> pd.DataFrame:
    """Simulate from each law, fit all, and weigh them by PSIS leave-one-out.

    Parameters
    ----------
    simulations : int
        Of each law.
    tasks, per_task : int
        As in `simulate_systems`.
    random_seed : int
    progressbar : bool
        Whether to show progress on standard error.

    Returns
    -------
    DataFrame
        One row per simulation: ``law`` that holds, ``simulation``, the ``weight_<law>`` of each law,
        ``largest``, and ``recovered``, whether that is the law that holds or one of its `EQUIVALENT`.
    """
    import pandas as pd

    sampler = SamplerOptions(400, 400, 2, 0.9, random_seed)
    options = ModelOptions(paper_effect=False, flagged_error=False)
    refitters = {law: Refitter(replace(options, law=law), sampler) for law in LAWS}
    rows = []
    with steps("fitting", shown=progressbar, total=len(LAWS) ** 2 * simulations) as step:
        for position, law in enumerate(LAWS):
            for simulation in range(simulations):
                rng = generator(random_seed, Stream.LAW_RECOVERY, position, simulation)
                observations = observe(
                    simulate_systems(law, rng, tasks=tasks, per_task=per_task), needs_year=True
                )
                elpd = []
                for refitter in refitters.values():
                    posterior, _ = refitter(observations, random_seed + simulation)
                    performance = observed_performance(refitter.options.law, posterior, observations)
                    density = log_density_given_paper(
                        performance, observations.error, observations.paper_index
                    )
                    elpd.append(_leave_one_out(density))
                    step(f"data of the {law} law")
                weights = dict(zip(LAWS, map(float, mean_stacking_weights(np.array(elpd))), strict=True))
                largest = max(weights, key=weights.__getitem__)
                rows.append(
                    {
                        "law": law,
                        "simulation": simulation,
                        **{f"weight_{name}": weight for name, weight in weights.items()},
                        "largest": largest,
                        "recovered": largest in EQUIVALENT.get(law, (law,)),
                    }
                )
    return pd.DataFrame(rows)


def _leave_one_out(density: xr.DataArray) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    tree = xr.DataTree.from_dict(
        {"/log_likelihood": xr.Dataset({"error": density}), "/posterior": xr.Dataset()}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pareto k; a few poor terms of 200 do not decide the weights
        found = loo(tree, pointwise=True, var_name="error", reff=1.0)
    values: np.ndarray[tuple[int], np.dtype[np.float64]] = found.elpd_i.values
    return values
