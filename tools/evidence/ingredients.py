"""What each ingredient of the model does to its predictions and projections."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.laws import LAWS
from scaling_bayes.model.evaluate.compare import compare, mean_stacking_weights
from scaling_bayes.model.evaluate.stack import stack
from scaling_bayes.model.fit import fit
from scaling_bayes.projection.project import project
from scaling_bayes.projection.summarize import summary as summarize
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["HEADLINES", "VARIANTS", "measure_ingredients"]

#: The first goal of each task in the 2020 paper's target table.
HEADLINES = {task: goals[1] for task, goals in THOMPSON2020_TARGETS.items()}
#: One change each from the reference fit.
VARIANTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "reference": {},
        "no pooling": {"pooling": "none"},
        "complete pooling": {"pooling": "complete"},
        "no measurement error": {"measurement_error": False},
        "no wider error where in doubt": {"flagged_error": False},
        "no algorithmic progress": {"algorithmic_progress": False},
        "no paper effect": {"paper_effect": False},
        "robust": {"robust": True},
        "exponential": {"law": "exponential"},
        "logistic": {"law": "logistic"},
        "saturating": {"law": "saturating"},
    }
)
_OF_LAW = {law: "reference" if law == "power" else law for law in LAWS}
STACKED = "stack of laws"


def measure_ingredients(random_seed: int, *, progressbar: bool = True) -> pd.DataFrame:
    """Cross-validate every variant by paper, and project the headline targets with it.

    Parameters
    ----------
    random_seed : int
    progressbar : bool
        Whether to show progress on standard error.

    Returns
    -------
    DataFrame
        One row per variant (and the stack of laws) and headline target: ``variant``, ``elpd`` (nats, K-fold
        by paper), ``difference`` to the reference, ``difference_se``, ``weight`` in the stack, ``task``,
        ``error``, the quantiles of the predictive log10 FLOP, and ``unreachable``.
    """
    import pandas as pd

    fits = {
        name: fit(random_seed=random_seed, progressbar=progressbar, **options)
        for name, options in VARIANTS.items()
    }
    compared = compare(fits, random_seed=random_seed, progressbar=progressbar)
    pointwise = {name: compared.pointwise["elpd"].sel(fit=name).values for name in fits}
    by_law = np.array([pointwise[name] for name in _OF_LAW.values()])
    weights = dict(zip(_OF_LAW, map(float, mean_stacking_weights(by_law)), strict=True))
    pointwise[STACKED] = np.log(np.array(list(weights.values())) @ np.exp(by_law))
    trees = fits | {STACKED: stack({law: fits[name] for law, name in _OF_LAW.items()}, weights)}
    law_of_variant = {name: law for law, name in _OF_LAW.items()}
    rows = []
    for name, elpd in pointwise.items():
        difference = elpd - pointwise["reference"]
        entry = {
            "variant": name,
            "elpd": float(elpd.sum()),
            "difference": float(difference.sum()),
            "difference_se": float(np.sqrt(difference.size * difference.var())),
            "weight": weights.get(law_of_variant.get(name, ""), float("nan")),
        }
        summary = summarize(project(trees[name], HEADLINES)).drop(
            columns=["note", "year", "quantity", "unit"]
        )
        rows += [entry | row for row in summary.to_dict(orient="records")]
    return pd.DataFrame(rows)
