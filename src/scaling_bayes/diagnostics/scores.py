"""How well did predictions turn out? Scores of single predictions, and their summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import DataError
from scaling_bayes.resources import data_path

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Probabilities of the equal-tailed intervals whose coverage is reported.
COVERAGES = (0.5, 0.8, 0.9)
#: Forecasters that are drawn: the mixture, the fit without pooling, the 2020 paper's line.
FORECASTERS_DRAWN = ("stack", "unpooled", "least_squares_power")
#: Log scores are reported per so many systems.
PER_SYSTEMS = 60


def crps(draws: NDArray[np.float64], observed: NDArray[np.float64]) -> NDArray[np.float64]:
    """Continuous ranked probability score of draws, ``E|X - y| - E|X - X'| / 2``.

    Gneiting & Raftery 2007, *Strictly proper scoring rules*, equation 21, for the distribution that gives
    each draw the same weight; the second term from the ordered draws.

    Parameters
    ----------
    draws : ndarray, shape (draw, system)
    observed : ndarray, shape (system,)

    Returns
    -------
    ndarray, shape (system,)
        In the unit of the draws; smaller is better.
    """
    n = draws.shape[0]
    ordered = np.sort(draws, axis=0)
    rank = 2.0 * np.arange(1, n + 1) - n - 1.0
    spread = (rank[:, np.newaxis] * ordered).sum(axis=0) / n**2
    score: NDArray[np.float64] = np.abs(draws - observed).mean(axis=0) - spread
    return score


def score_table(scores: pd.DataFrame, by: str | Sequence[str] = "forecaster") -> pd.DataFrame:
    """Mean scores and coverage of predictions by some of their columns; columns as `summary` says.

    Raises
    ------
    DataError
        If columns are missing.
    """
    import pandas as pd

    columns = [by] if isinstance(by, str) else list(by)
    missing = [
        name for name in [*columns, "forecaster", "cutoff", "system", "log_score"] if name not in scores
    ]
    if missing:
        raise DataError(f"scores: columns {', '.join(missing)} missing; expected a table from scorecard.")
    keys = ["cutoff", "task", "system"]
    baseline = scores[scores["forecaster"] == "least_squares_power"].set_index(keys)["log_score"]
    rows = []
    for values, group in scores.groupby(columns, sort=False):
        predicted = group[group["log_score"].notna()]
        line = baseline.reindex(pd.MultiIndex.from_frame(group[keys])).to_numpy()
        gain = group["log_score"].to_numpy() - line
        row = dict(zip(columns, values if isinstance(values, tuple) else (values,), strict=True))
        row |= {
            "systems": len(predicted),
            "not_predicted": len(group) - len(predicted),
            "log_score": PER_SYSTEMS * float(predicted["log_score"].mean()),
            "gain": PER_SYSTEMS * float(np.nanmean(gain)) if np.isfinite(gain).any() else float("nan"),
            "crps": float(predicted["crps"].mean()),
        }
        for probability in COVERAGES:
            inside = (predicted["pit"] - 0.5).abs() <= probability / 2
            row[f"coverage_{round(100 * probability)}"] = float(inside.mean())
        rows.append(row)
    return pd.DataFrame(rows)


def load_scorecard() -> pd.DataFrame:
    """Every prediction of the shipped scorecard: `scorecard` of the reference systems, as released.

    Returns
    -------
    DataFrame
        As from `scorecard`.
    """
    import pandas as pd

    return pd.read_csv(data_path("scorecard.csv"))
