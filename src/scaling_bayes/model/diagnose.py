"""Compute the checks of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scaling_bayes.diagnostics.convergence import ebfmi, mixing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MAX_RHAT = 1.01
MIN_ESS = 400.0
MIN_EBFMI = 0.3
MAX_TREEDEPTH_SHARE = 0.01


def diagnose(posterior: xr.Dataset, sample_stats: xr.Dataset) -> xr.Dataset:
    """Check a sample: convergence, effective size, divergences, energy.

    Thresholds: R-hat < 1.01 and 400 effective draws, Vehtari et al. 2021, *Rank-normalization, folding, and
    localization: an improved R-hat*; E-BFMI >= 0.3, Betancourt 2016, *Diagnosing suboptimal cotangent
    disintegrations in Hamiltonian Monte Carlo*; no divergent transition.

    Parameters
    ----------
    posterior : Dataset
        Draws, dims (chain, draw, ...).
    sample_stats : Dataset
        With ``diverging``, ``energy`` and ``reached_max_treedepth``.

    Returns
    -------
    Dataset
        Along ``check``; see `scaling_bayes.checks`.
    """
    rows: list[tuple[str, float, str, float, str, str]] = []
    of_scalars = mixing(posterior)
    for name, comparison, threshold, meaning in (
        ("rhat", "<", MAX_RHAT, "chains disagree; sample longer (tune, draws) or look at the parameter"),
        ("ess_bulk", ">=", MIN_ESS, "too few effective draws for a stable median; sample longer"),
        ("ess_tail", ">=", MIN_ESS, "too few effective draws for stable interval ends; sample longer"),
    ):
        value, worst = _worst(of_scalars[name], posterior, largest=comparison == "<")
        rows.append((name, value, comparison, threshold, worst, meaning))
    diverging = sample_stats["diverging"]
    per_chain = diverging.sum("draw")
    rows.append(
        (
            "divergences",
            float(diverging.sum()),
            "<=",
            0.0,
            f"chain {int(per_chain.values.argmax())}" if per_chain.any() else "no chain",
            "part of the posterior is not explored; raise target_accept or use stronger priors",
        )
    )
    energy = ebfmi(sample_stats["energy"].transpose("chain", "draw").values.astype(float))
    rows.append(
        (
            "ebfmi",
            float(energy.min()),
            ">=",
            MIN_EBFMI,
            f"chain {int(energy.argmin())}",
            "momentum resampling explores the tails slowly; look at heavy-tailed parameters",
        )
    )
    rows.append(
        (
            "max_treedepth_share",
            float(sample_stats["reached_max_treedepth"].mean()),
            "<=",
            MAX_TREEDEPTH_SHARE,
            "all chains",
            "trajectories end early, sampling is slow; look at correlated parameters",
        )
    )
    names, values, comparisons, thresholds, worst_of, meanings = zip(*rows, strict=True)
    passed = [_holds(value, comparison, threshold) for _, value, comparison, threshold, _, _ in rows]
    return xr.Dataset(
        {
            "value": ("check", np.array(values)),
            "comparison": ("check", np.array(comparisons, dtype=object)),
            "threshold": ("check", np.array(thresholds)),
            "passed": ("check", np.array(passed, dtype=np.int8)),
            "worst": ("check", np.array(worst_of, dtype=object)),
            "meaning": ("check", np.array(meanings, dtype=object)),
        },
        coords={"check": np.array(names, dtype=object)},
    )


def _holds(value: float, comparison: str, threshold: float) -> bool:
    return {"<": value < threshold, ">=": value >= threshold, "<=": value <= threshold}[comparison]


def _worst(found: Mapping[str, Floats], posterior: xr.Dataset, *, largest: bool) -> tuple[float, str]:
    """Worst value of a statistic of scalars and the parameter (with its label) that has it.

    A statistic that is not a number (a single chain has no R-hat) is the worst value of all.
    """
    worst, where = -np.inf if largest else np.inf, ""
    for name, values in found.items():
        flat = np.ravel(values)
        bad = ~np.isfinite(flat)
        position = int(bad.argmax()) if bad.any() else int(flat.argmax() if largest else flat.argmin())
        value = float("nan") if bad.any() else float(flat[position])
        if np.isnan(value) or (value > worst if largest else value < worst):
            along = [dim for dim in posterior[name].dims if dim not in ("chain", "draw")]
            label = f"[{posterior[along[0]].values[position]}]" if len(along) == 1 else ""
            worst, where = value, f"{name}{label}"
            if np.isnan(value):
                break
    return worst, where
