"""What each ingredient of the model does: one fit of each variant, how it samples, predicts and projects."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from arviz_stats import loo

from scaling_bayes.core.laws import LAWS
from scaling_bayes.diagnostics.psis import GOOD_PARETO_K
from scaling_bayes.diagnostics.scores import score_table
from scaling_bayes.diagnostics.scoring import score
from scaling_bayes.model.fit import FitWarning, fit
from scaling_bayes.projection.project import project
from scaling_bayes.projection.summarize import summary
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["CHECKS", "DEFAULT", "HEADLINES", "VARIANTS", "ingredients", "sampling"]

#: The first goal of each task in the 2020 paper's target table.
HEADLINES = {task: goals[1] for task, goals in THOMPSON2020_TARGETS.items()}
DEFAULT = "default"
#: One change each from the default of `fit`.
VARIANTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        **{f"{law} law": {"law": law} for law in LAWS},
        "no pooling": {"pooling": "none"},
        "complete pooling": {"pooling": "complete"},
        "floors pooled": {"floor": "pooled"},
        "no floors": {"floor": "none"},
        "no drift": {"drift": False},
        "no algorithmic progress": {"algorithmic_progress": False},
        "no measurement error": {"measurement_error": False},
        "no wider error where in doubt": {"flagged_error": False},
        "no paper effect": {"paper_effect": False},
        "normal papers": {"robust": False},
        "compute as stated": {"count": "stated"},
        "offsets of counts certain": {"count_offsets": False},
        "papers as curves": {"curves": True},
        "straight lines of 2026.11": {"law": "power", "drift": False, "robust": False, "count": "stated"},
    }
)
_CUTOFF = 2019
#: The first is what variants are fitted to.
_TABLES: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        f"five tasks to {_CUTOFF}": {"edition": "2026.12", "until": _CUTOFF},
        "five tasks": {"edition": "2026.12"},
        "language": {"family": "language"},
    }
)
_FIRST = next(iter(_TABLES))
#: Table, variant and seed of each fit.
RUNS = (
    *((table, DEFAULT, seed) for table in _TABLES for seed in (1, 2, 3)),
    *((_FIRST, variant, 1) for variant in VARIANTS),
)
CHECKS = ("rhat", "ess_bulk", "ess_tail", "divergences")


def timed_fit(table: str, variant: str, seed: int) -> tuple[xr.DataTree, float]:
    """Fit at default settings; with the seconds of processor it took."""
    systems = reference_systems(**_TABLES[table])
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # what it warns of is what is measured
        tree = fit(systems, random_seed=seed, progressbar=False, **VARIANTS.get(variant, {}))
    return tree, time.process_time() - began


def of_fit(run: tuple[str, str, int], tree: xr.DataTree, seconds: float) -> dict[str, Any]:
    """Checks of the sample; of a fit of the first table with the first seed also what it predicts."""
    table, variant, seed = run
    checks = group(tree, "checks")
    found: dict[str, Any] = {
        "sampling": {
            "table": table,
            "variant": variant,
            "seed": seed,
            **{name: float(checks["value"].sel(check=name)) for name in CHECKS},
            "failed": " ".join(map(str, checks["check"].values[checks["passed"].values == 0])),
            "attempts": len(manifest(tree).get("attempts", [None])),
            "cpu_seconds": seconds,
        }
    }
    if (table, seed) == (_FIRST, 1):
        every = reference_systems(edition="2026.12")
        scores = score(tree, every[every["year"].astype(float) >= _CUTOFF + 1], drop_fitted=True)
        (scored,) = score_table(scores[scores["forecaster"] == manifest(tree)["model"]["law"]]).to_dict(
            "records"
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pareto k, which are counted
            estimated = loo(tree, pointwise=True, var_name="error")
        found["elpd"] = estimated.elpd_i.values
        found["poor"] = int((estimated.pareto_k.values > GOOD_PARETO_K).sum())
        found["score"] = {name: scored[name] for name in ("log_score", "crps", "coverage_90")}
        found["headlines"] = (
            summary(project(tree, HEADLINES))
            .drop(columns=["note", "year", "quantity", "unit"])
            .to_dict("records")
        )
    return found


@cache
def _measured() -> tuple[dict[str, Any], ...]:
    return tuple(of_fit(run, *timed_fit(*run)) for run in RUNS)


def sampling(measured: tuple[dict[str, Any], ...] | None = None) -> pd.DataFrame:
    """How each fit of `RUNS` sampled: a row each."""
    import pandas as pd

    return pd.DataFrame([one["sampling"] for one in measured or _measured()])


def ingredients(measured: tuple[dict[str, Any], ...] | None = None) -> pd.DataFrame:
    """How each variant predicts, and projects the headline targets: a row for each of these.

    ``elpd`` (nats) is by PSIS leave-one-out, each system given the others of its paper; ``poor``, of how many
    systems Pareto k is above 0.7. ``log_score``, ``crps`` and ``coverage_90`` are those of the later systems.
    """
    import pandas as pd

    return pd.DataFrame(list(_rows([one for one in measured or _measured() if "elpd" in one])))


def _rows(measured: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    (reference,) = (one["elpd"] for one in measured if one["sampling"]["variant"] == DEFAULT)
    for one in measured:
        difference = one["elpd"] - reference
        entry = {
            "variant": one["sampling"]["variant"],
            "elpd": float(one["elpd"].sum()),
            "difference": float(difference.sum()),
            "difference_se": float(difference.size**0.5 * difference.std()),
            "poor": one["poor"],
            **one["score"],
        }
        yield from (entry | row for row in one["headlines"])
