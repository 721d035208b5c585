"""How well did predictions turn out? Scores of single predictions, and their summary."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import DataError
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.resources import data_path
from scaling_bayes.text import legible

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

#: Probabilities of the equal-tailed intervals whose coverage is reported.
COVERAGES = (0.5, 0.8, 0.9)
#: Forecasters that are drawn: the mixture, the fit without pooling, the 2020 paper's line.
FORECASTERS_DRAWN = ("stack", "unpooled", "least_squares_power")
#: Log scores are reported per so many systems.
PER_SYSTEMS = 60
#: The edition of the systems whose `scorecard` is shipped.
SCORED_EDITION = "2026.11"
#: The forecaster over which the gain is taken: the 2020 paper's method.
BASELINE = "least_squares_power"


_FORECASTERS: Mapping[str, str] = MappingProxyType(
    {
        "stack": "stack",
        "power": "power law",
        "exponential": "exponential law",
        "logistic": "logistic law",
        "saturating": "saturating law",
        "unpooled": "unpooled",
        "least_squares_power": "least squares",
        "least_squares_exponential": "least squares of 1 / error",
        "thompson2020_power": "2020 paper's line",
        "thompson2020_exponential": "2020 paper's line of 1 / error",
        "naive": "trend of the record",
        "persistence": "record so far",
    }
)


def forecaster_label(name: str) -> str:
    """Return the name of a forecaster of the scorecard as readers know it."""
    return _FORECASTERS.get(name) or legible(name, 28)


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


def coverage_interval(
    inside: NDArray[np.bool_], cluster: NDArray[np.intp], probability: float = CI_PROB
) -> tuple[float, float]:
    """Confidence interval of the share of systems inside, where those of one paper are not independent.

    Clopper-Pearson limits at an effective number of systems: the share's binomial variance over its variance
    between papers, corrected for the few papers that tell of it (Korn & Graubard 1998, *Confidence intervals
    for proportions with small expected number of positive counts estimated from survey data*, Survey
    Methodology 24: 193-201). The effective number is at most that of the systems; where all or none are
    inside it is Kish's for systems of a paper that all fall alike, the square of the sum of the papers'
    sizes over the sum of their squares.

    Parameters
    ----------
    inside : ndarray of bool, shape (system,)
        At least one.
    cluster : ndarray of int, shape (system,)
        Number of each system's paper.
    probability : float
        Of the interval, equal tails.

    Returns
    -------
    tuple of float
        Lower and upper limit; 0 and 1 where all are of one paper.
    """
    from scipy import stats

    n, share = inside.size, float(inside.mean())
    sizes = np.unique(cluster, return_counts=True)[1]
    freedom = sizes.size - 1
    if freedom == 0:
        return 0.0, 1.0
    variance = _cluster_se(inside.astype(float), cluster) ** 2
    effective = share * (1 - share) / variance if variance > 0 else n**2 / float((sizes**2).sum())
    tail = (1 - probability) / 2
    effective = min(effective, n) * float(stats.t.ppf(tail, n - 1) / stats.t.ppf(tail, freedom)) ** 2
    hits, misses = effective * share, effective * (1 - share)
    lower = float(stats.beta.ppf(tail, hits, misses + 1)) if share > 0 else 0.0
    upper = float(stats.beta.ppf(1 - tail, hits + 1, misses)) if share < 1 else 1.0
    return lower, upper


def _cluster_se(values: NDArray[np.float64], cluster: NDArray[np.intp]) -> float:
    """Standard error of a mean whose values are independent between papers only; NaN for one paper.

    Cochran 1977, *Sampling Techniques*, 3rd ed., section 9A.2: between papers' sums of departures.
    """
    _, number = np.unique(cluster, return_inverse=True)
    sums = np.bincount(number, weights=values - values.mean())
    papers = sums.size
    if papers < 2:
        return math.nan
    return float(np.sqrt(papers / (papers - 1) * (sums**2).sum()) / values.size)


def _clusters(papers: pd.Series[Any]) -> NDArray[np.intp]:
    """Number the papers; a row that names none is a paper of its own."""
    import pandas as pd

    names = papers.fillna("").astype(str)
    keys = names.where(names != "", [f"\0{row}" for row in range(len(names))])
    return pd.factorize(keys)[0].astype(np.intp)


def score_table(scores: pd.DataFrame, by: str | Sequence[str] = "forecaster") -> pd.DataFrame:
    """Mean scores and coverage of predictions by some of their columns; columns as `summary` says.

    Raises
    ------
    DataError
        If columns are missing.
    """
    import pandas as pd

    columns = [by] if isinstance(by, str) else list(by)
    missing = [name for name in [*columns, "forecaster", "task", "system", "log_score"] if name not in scores]
    if missing:
        raise DataError(
            f"scores: columns {', '.join(missing)} missing; expected a table from score or scorecard."
        )
    if "year" in columns:
        years = np.floor(scores["year"]).astype("Int64")
        scores = scores.assign(year=years).sort_values("year", kind="stable")
    keys = [name for name in ("cutoff", "task", "system") if name in scores]
    baseline = scores[scores["forecaster"] == BASELINE].set_index(keys)["log_score"]
    line = baseline.reindex(pd.MultiIndex.from_frame(scores[keys])).to_numpy()
    scores = scores.assign(gain=scores["log_score"].to_numpy() - line)
    rows = []
    for values, group in scores.groupby(columns, sort=False):
        gain = group["gain"].to_numpy()
        predicted = group[group["log_score"].notna()]
        row = dict(zip(columns, values if isinstance(values, tuple) else (values,), strict=True))
        row |= {
            "systems": len(predicted),
            "not_predicted": len(group) - len(predicted),
            "log_score": PER_SYSTEMS * float(predicted["log_score"].mean()),
            "gain": PER_SYSTEMS * float(np.nanmean(gain)) if np.isfinite(gain).any() else math.nan,
            "crps": float(predicted["crps"].mean()),
        }
        for probability in COVERAGES:
            row[f"coverage_{round(100 * probability)}"] = float(inside(predicted["pit"], probability).mean())
        if "paper" in scores:
            row |= _by_papers(predicted, gain[group["log_score"].notna()])
        rows.append(row)
    return pd.DataFrame(rows)


def inside(pit: pd.Series[Any], probability: float) -> pd.Series[bool]:
    """Whether errors lie in the equal-tailed interval of that probability, from their `pit`."""
    return (pit - 0.5).abs() <= probability / 2


def _by_papers(predicted: pd.DataFrame, gain: NDArray[np.float64]) -> dict[str, float]:
    """How sure the scores of a group are, when only papers are independent of each other."""
    if predicted.empty:
        return {"papers": 0}
    cluster = _clusters(predicted["paper"])
    both = ~np.isnan(gain)
    found = {
        "papers": int(cluster.max()) + 1,
        "gain_se": PER_SYSTEMS * _cluster_se(gain[both], cluster[both]) if both.any() else math.nan,
    }
    for probability in COVERAGES:
        within = inside(predicted["pit"], probability).to_numpy()
        name = f"coverage_{round(100 * probability)}"
        found[f"{name}_lower"], found[f"{name}_upper"] = coverage_interval(within, cluster)
    return found


def load_scorecard() -> pd.DataFrame:
    """Every prediction of the shipped scorecard: `scorecard` of the reference systems, as released.

    Returns
    -------
    DataFrame
        As from `scorecard`.
    """
    import pandas as pd

    return pd.read_csv(data_path("scorecard.csv"))
