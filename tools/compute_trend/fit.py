"""Growth by era, with the change points estimated.

``python -m tools.compute_trend.fit`` samples every model and writes the tables and the page that report it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import xarray as xr
from arviz_stats import loo
from scipy import stats

from scaling_bayes.core.options import TARGET_ACCEPT, SamplerOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.intervals import reported
from scaling_bayes.model.build import distribution
from scaling_bayes.model.diagnose import diagnose
from scaling_bayes.model.sampling.sample import sample_posterior
from tools.command import checkout_root, exit_code, write_files
from tools.compute_trend.lines import average_growth, rise
from tools.compute_trend.series import SERIES, series_points
from tools.compute_trend.tables import write_tables
from tools.pages import pages

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "TrendFit",
    "build_trend_model",
    "compare_change_points",
    "fit_trend",
    "growth_by_era",
    "growth_priors",
    "make_tables",
]

TREND_SEED = 20261123
#: Difference in elpd below which LOO does not tell models apart, in nats: Sivula, Magnusson & Vehtari 2020,
#: *Uncertainty in Bayesian leave-one-out cross-validation based model comparison*.
INDISTINCT = 4.0
_LINE_POINTS = 120
_FEW_POINTS = 600


@dataclass(frozen=True)
class TrendFit:
    """A fitted trend.

    Attributes
    ----------
    points : DataFrame
        What was fitted: ``year``, ``log10_value``.
    posterior : Dataset
        ``level`` (log10 value at the mean year), ``growth`` (era, log10 a year), ``change_point`` (change,
        decimal year), ``spread`` (log10) and ``tail`` (degrees of freedom), dims (chain, draw, ...).
    log_likelihood : DataArray
        Dims (chain, draw, point).
    checks : Dataset
        As `diagnose` gives them.
    """

    points: pd.DataFrame
    posterior: xr.Dataset
    log_likelihood: xr.DataArray
    checks: xr.Dataset

    @property
    def growth(self) -> list[NDArray[np.float64]]:
        """Growth of each era, log10 a year, shape (draw,) each."""
        return _split(self.posterior, "growth")

    @property
    def change_points(self) -> list[NDArray[np.float64]]:
        """Decimal year of each change point, shape (draw,) each."""
        return _split(self.posterior, "change_point")

    def line(self, year: NDArray[np.float64]) -> NDArray[np.float64]:
        """Log10 value of the trend, shape (draw, year)."""
        origin = float(self.points["year"].mean())
        growth = [value[:, np.newaxis] for value in self.growth]
        changes = [value[:, np.newaxis] for value in self.change_points]
        level = self.posterior["level"].values.reshape(-1, 1)
        value: NDArray[np.float64] = (
            level + rise(year, origin, growth, changes) - rise(origin, origin, growth, changes)
        )
        return value


def _split(posterior: xr.Dataset, name: str) -> list[NDArray[np.float64]]:
    if name not in posterior:
        return []
    values = np.asarray(posterior[name].values, dtype=float)
    return list(values.reshape(-1, values.shape[-1]).T)


def growth_priors() -> Mapping[str, Prior]:
    """Priors of a trend.

    ``growth``: 0.25 dex a year, 90 % in -0.4 to 0.9: a doubling a year in the middle, shrinkage and a
    doubling in 4 months at the ends. The published growth rates of training compute (Sevilla et al. 2022) and
    of accelerators (Epoch, Hobbhahn & Besiroglu 2022) come from earlier versions of the same tables, so they
    are not used as priors but compared with. ``spread``: a factor of 3 to 300 for most of the systems of one
    time. ``tail``: Juarez & Steel 2010, *Model-based clustering of non-Gaussian panel data*.
    """
    return MappingProxyType(
        {
            "growth": Prior("Normal", mu=0.25, sigma=0.4),
            "spread": Prior("HalfNormal", sigma=1.5),
            "tail": Prior("Gamma", alpha=2.0, beta=0.1),
        }
    )


def build_trend_model(points: pd.DataFrame, n_change_points: int) -> pm.Model:
    """Build a continuous piecewise linear trend of ``log10_value`` over ``year`` with Student-t noise.

    The shares of the time span that the eras take are Dirichlet(2, ..., 2), so every change point is
    possible over the whole span, an empty era is not.
    """
    priors = growth_priors()
    year = points["year"].to_numpy(dtype=float)
    value = points["log10_value"].to_numpy(dtype=float)
    origin, first, span = float(year.mean()), float(year.min()), float(np.ptp(year))
    coords = {"era": list(range(n_change_points + 1)), "change": list(range(n_change_points))}
    with pm.Model(coords=coords) as model:
        level = pm.Normal("level", float(value.mean()), 5.0)
        growth = distribution("growth", priors["growth"], dims="era")
        changes: list[Any] = []
        if n_change_points:
            shares = pm.Dirichlet("shares", np.full(n_change_points + 1, 2.0), dims="era")
            change = pm.Deterministic(
                "change_point", first + span * shares.cumsum()[:n_change_points], dims="change"
            )
            changes = [change[k] for k in range(n_change_points)]
        rates = [growth[k] for k in range(n_change_points + 1)]
        pm.StudentT(
            "points",
            nu=distribution("tail", priors["tail"]) + 1.0,
            mu=level + rise(year, origin, rates, changes) - rise(origin, origin, rates, changes),
            sigma=distribution("spread", priors["spread"]),
            observed=value,
        )
    return model


def fit_trend(
    points: pd.DataFrame,
    n_change_points: int,
    *,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = TARGET_ACCEPT,
    random_seed: int = TREND_SEED,
    cores: int | None = None,
) -> TrendFit:
    """Fit a trend with a given number of change points.

    Parameters
    ----------
    points : DataFrame
        ``year`` (decimal) and ``log10_value``; see `series_points`.
    n_change_points : int
        0 or more.
    draws, tune, chains, target_accept, random_seed, cores
        As in `fit`.

    Returns
    -------
    TrendFit

    Raises
    ------
    OptionError
        If a setting is invalid.
    """
    sampler = SamplerOptions(draws, tune, chains, target_accept, random_seed)
    names = ["level", "growth", "spread", "tail", *(["change_point"] if n_change_points else [])]
    posterior, sample_stats = sample_posterior(
        build_trend_model(points, n_change_points), names, sampler, cores=cores
    )
    fitted = TrendFit(points, posterior, xr.DataArray(), diagnose(posterior, sample_stats))
    size = (chains, draws, len(points))
    density: Any = stats.t.logpdf(
        points["log10_value"].to_numpy(dtype=float),
        df=posterior["tail"].values.reshape(-1, 1) + 1.0,
        loc=fitted.line(points["year"].to_numpy(dtype=float)),
        scale=posterior["spread"].values.reshape(-1, 1),
    )
    log_likelihood = xr.DataArray(density.reshape(size), dims=("chain", "draw", "point"))
    return TrendFit(points, posterior, log_likelihood, fitted.checks)


def compare_change_points(fits: Sequence[TrendFit]) -> pd.DataFrame:
    """Compare fits of the same points by PSIS-LOO and choose one.

    Chosen is the fewest change points whose elpd is less than `INDISTINCT` below the best.

    Parameters
    ----------
    fits : sequence of TrendFit
        With 0, 1, ... change points.

    Returns
    -------
    DataFrame
        ``n_change_points``, ``elpd`` (nats), ``elpd_difference`` to the best, ``se_difference``,
        ``largest_pareto_k``, ``chosen`` (0 or 1), ``rhat``, ``ess_bulk``, ``divergences``,
        ``passed`` (0 or 1).
    """
    import pandas as pd

    scores = []
    for one in fits:
        groups = {
            "posterior": one.posterior,
            "log_likelihood": xr.Dataset({"points": one.log_likelihood}),
        }
        with warnings.catch_warnings():  # high Pareto k is reported in the table instead
            warnings.simplefilter("ignore", UserWarning)
            scores.append(loo(xr.DataTree.from_dict(groups), pointwise=True))
    elpd = np.array([float(score.elpd) for score in scores])
    best = int(elpd.argmax())
    chosen = int(np.argmax(elpd > elpd[best] - INDISTINCT))
    rows = []
    for position, (one, score) in enumerate(zip(fits, scores, strict=True)):
        apart = np.asarray(score.elpd_i.values - scores[best].elpd_i.values, dtype=float)
        check = one.checks["value"].to_series()
        rows.append(
            {
                "n_change_points": len(one.change_points),
                "elpd": elpd[position],
                "elpd_difference": elpd[position] - elpd[best],
                "se_difference": float(np.sqrt(apart.size * apart.var())),
                "largest_pareto_k": float(score.pareto_k.max()),
                "chosen": int(position == chosen),
                "rhat": check["rhat"],
                "ess_bulk": check["ess_bulk"],
                "divergences": int(check["divergences"]),
                "passed": int(one.checks["passed"].values.all()),
            }
        )
    return pd.DataFrame(rows)


def growth_by_era(fitted: TrendFit, windows: Sequence[tuple[float, float]]) -> pd.DataFrame:
    """Growth in the estimated eras, the change points, and mean growth over given windows.

    Returns
    -------
    DataFrame
        ``quantity`` (``growth`` in log10 a year, ``change_point`` in decimal years), ``period``, ``start``,
        ``end`` (of an era: median change points), the quantiles of `QUANTILES`, and ``probability_tenfold``,
        that growth is at least tenfold a year.
    """
    import pandas as pd

    year = fitted.points["year"]
    growth, changes = fitted.growth, fitted.change_points
    edges = [float(year.min()), *(float(np.median(change)) for change in changes), float(year.max())]
    rows: list[dict[str, Any]] = []
    for position, change in enumerate(changes):
        rows.append({"quantity": "change_point", "period": f"change {position + 1}", **reported(change)})
    for position, draws in enumerate(growth):
        period = f"era {position + 1}"
        rows.append(_growth_row(period, edges[position], edges[position + 1], draws))
    for start, end in ((edges[0], edges[-1]), *windows):
        draws = average_growth(start, end, growth, changes)
        rows.append(_growth_row("all" if start == edges[0] else "window", start, end, draws))
    return pd.DataFrame(rows)


def _growth_row(period: str, start: float, end: float, draws: NDArray[np.float64]) -> dict[str, Any]:
    return {
        "quantity": "growth",
        "period": period,
        "start": start,
        "end": end,
        **reported(draws),
        "probability_tenfold": float((draws >= 1.0).mean()),
    }


def make_tables(
    names: Sequence[str] = tuple(SERIES), *, progress: bool = False, **sampler: Any
) -> dict[str, pd.DataFrame]:
    """Fit every model of the named series.

    Parameters
    ----------
    names : sequence of str
        Of `SERIES`.
    progress : bool
        Whether to say on standard error what is being fitted.
    **sampler
        For `fit_trend`; by default, enough draws for each model.

    Returns
    -------
    dict of DataFrame
        ``models``, ``growth`` and ``lines``, as their sidecars describe them.
    """
    import pandas as pd

    tables: dict[str, list[pd.DataFrame]] = {"models": [], "growth": [], "lines": []}
    for name in names:
        points = series_points(name)
        fits = []
        for n_change_points in range(SERIES[name].most_change_points + 1):
            if progress:
                sys.stderr.write(f"{name}: {n_change_points} change points, {len(points)} points\n")
            settings = sampler or _enough_draws(len(points), n_change_points)
            fits.append(fit_trend(points, n_change_points, **settings))
        models = compare_change_points(fits)
        models.insert(0, "series", name)
        models.insert(1, "n_points", len(points))
        tables["models"].append(models)
        for fitted, chosen in zip(fits, models["chosen"], strict=True):
            growth = growth_by_era(fitted, SERIES[name].windows)
            growth.insert(0, "series", name)
            growth.insert(1, "n_change_points", len(fitted.change_points))
            growth.insert(2, "chosen", chosen)
            tables["growth"].append(growth)
        tables["lines"].append(_line(name, fits[int(models["chosen"].argmax())]))
    return {name: pd.concat(frames, ignore_index=True) for name, frames in tables.items()}


def _enough_draws(n_points: int, n_change_points: int) -> dict[str, Any]:
    """More draws where few points leave several places for a change point, which chains must visit."""
    if n_change_points and n_points < _FEW_POINTS:
        return {"draws": 4000, "tune": 2000, "chains": 8}
    return {}


def _line(name: str, fitted: TrendFit) -> pd.DataFrame:
    import pandas as pd

    year = np.linspace(fitted.points["year"].min(), fitted.points["year"].max(), _LINE_POINTS)
    lines = fitted.line(year)
    columns = [reported(lines[:, position]) for position in range(year.size)]
    return pd.DataFrame({"series": name, "year": year, **pd.DataFrame(columns)})


def main() -> int:
    """Fit and write; return the exit code."""

    def work() -> None:
        root = checkout_root()
        for path in write_tables(root, make_tables(progress=True)):
            sys.stdout.write(f"wrote {path.relative_to(root)}\n")
        for name in ("compute_trend", "pictures"):
            write_files(root, pages(name, root))

    return exit_code(work)


if __name__ == "__main__":
    sys.exit(main())
