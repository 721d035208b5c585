"""`resample`: a stored posterior sampled again from what its file holds, and compared.

Options, priors, sampler settings and data are the trace's own; only the seed is another, and a fit is sampled
from the PyMC model that defines it, not by the kernel. What is compared is the mean and three quantiles of
every parameter, in units of their Monte Carlo errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from arviz_stats import mcse

from scaling_bayes.core.options import STACK, SamplerOptions, check_cores
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.diagnostics.findings import DIFFERS
from scaling_bayes.diagnostics.stored import stored_hardware
from scaling_bayes.diagnostics.verification import rederive
from scaling_bayes.errors import TraceError
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.model.build import build_model
from scaling_bayes.model.sampling.sample import sample_posterior
from scaling_bayes.trace.view import PosteriorView, TraceView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

#: Probability that a faithful trace is called different, over all comparisons together.
FALSE_ALARM: Final = 1e-3
_QUANTILES: Final = (0.5 - CI_PROB / 2, 0.5, 0.5 + CI_PROB / 2)


def resample(
    tree: xr.DataTree, *, random_seed: int | None = None, cores: int | None = None, progressbar: bool = False
) -> pd.DataFrame:
    """Sample a posterior again and compare it with the stored draws.

    Parameters
    ----------
    tree : DataTree
        From `open_trace`; a fit or a hardware posterior.
    random_seed : int, optional
        By default the one after the seed of the trace.
    cores : int, optional
        Chains run at a time.
    progressbar : bool
        Whether to show progress on standard error.

    Returns
    -------
    DataFrame
        One row per scalar parameter and statistic (``mean``, and the ends and median of the 90 % interval):
        ``parameter``, ``statistic``, ``stored`` and ``again`` in the parameter's unit, ``monte_carlo_error``
        of their difference, ``difference`` in units of it, ``limit``, ``agrees``. The limit is a normal
        quantile shared out over all rows, so that a faithful trace fails anywhere in one of 1,000 runs.

    Raises
    ------
    OptionError
        If `cores` is below 1.
    TraceError
        If the trace's data are not those its manifest names, or it was stacked from others.
    """
    import pandas as pd
    from scipy.stats import norm

    check_cores(cores)
    view = TraceView.of(tree)
    if view.manifest.get("model", {}).get("law") == STACK:
        raise TraceError("it is a stack of fits, which is not sampled; sample those again.")
    data = rederive(view).query(
        "item == 'data/sha256' and outcome == @DIFFERS", local_dict={"DIFFERS": DIFFERS}
    )
    if len(data):
        raise TraceError(f"its data are not those it was made from ({data['detail'].iloc[0]}).")
    stored = view.group("posterior")
    again = _sample(view, random_seed, cores, progressbar)
    first, second = _statistics(stored), _statistics(again.transpose(*stored.dims)[list(stored.data_vars)])
    frame = pd.DataFrame(
        {
            "parameter": first["parameter"],
            "statistic": first["statistic"],
            "stored": first["value"],
            "again": second["value"],
            "monte_carlo_error": np.hypot(first["error"], second["error"]),
        }
    )
    frame["difference"] = (frame["again"] - frame["stored"]) / frame["monte_carlo_error"]
    frame["limit"] = float(norm.isf(FALSE_ALARM / (2 * len(frame))))
    frame["agrees"] = frame["difference"].abs() <= frame["limit"]
    return frame


def _sample(view: TraceView, random_seed: int | None, cores: int | None, progressbar: bool) -> xr.Dataset:
    settings = {name: value for name, value in view.manifest["sampler"].items() if name != "name"}
    settings["random_seed"] = settings["random_seed"] + 1 if random_seed is None else random_seed
    sampler = SamplerOptions(**settings)
    if isinstance(view, PosteriorView):
        model = build_model(view.observations, view.options, view.priors)
        names = parameter_names(view.options, view.priors)
    else:
        from scaling_bayes.model.hardware import PARAMETERS, build_hardware_model

        model, names = build_hardware_model(*stored_hardware(view), view.priors), list(PARAMETERS)
    posterior, _ = sample_posterior(model, names, sampler, cores=cores, progressbar=progressbar)
    return posterior


def _statistics(posterior: xr.Dataset) -> dict[str, Any]:
    """Mean and quantiles of every scalar, with their Monte Carlo errors."""
    draws = posterior.astype(float)
    rows: dict[str, list[Any]] = {"parameter": [], "statistic": [], "value": [], "error": []}
    wanted = [("mean", draws.mean(("chain", "draw")), mcse(draws, method="mean"))]
    wanted += [
        (
            f"{100 * prob:.0f} %",
            draws.quantile(prob, ("chain", "draw")),
            mcse(draws, method="quantile", prob=prob),
        )
        for prob in _QUANTILES
    ]
    for statistic, values, errors in wanted:
        for name in draws.data_vars:
            for position, value in np.ndenumerate(values[name].values):
                labels = [
                    str(values[name].coords[dim].values[index])
                    for dim, index in zip(values[name].dims, position, strict=True)
                ]
                rows["parameter"].append(f"{name}[{', '.join(labels)}]" if labels else str(name))
                rows["statistic"].append(statistic)
                rows["value"].append(float(value))
                rows["error"].append(float(errors[name].values[position]))
    return {name: np.array(column) for name, column in rows.items()}
