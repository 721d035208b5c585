"""`scorecard`: fits of what was known by a year, scored on the systems that came after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.laws import LAWS, get_law
from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import TARGET_ACCEPT, ModelOptions, SamplerOptions, check_seed
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.diagnostics.forecasts import (
    LEAST_SQUARES,
    Forecast,
    at_references_of,
    forecast,
    least_squares,
    mixture,
    prediction_rows,
)
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.model.evaluate.compare import DEFAULT_FOLDS, check_folds, mean_stacking_weights
from scaling_bayes.model.evaluate.crossvalidate import leave_folds_out, paper_folds
from scaling_bayes.model.evaluate.progressbar import steps
from scaling_bayes.model.sampling.refitter import Refitter

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import NDArray

#: Last calendar year whose systems are fitted.
DEFAULT_CUTOFFS = (2016, 2017, 2018)
#: The stack of all laws, each law alone, the power law without pooling, the 2020 paper's two lines.
FORECASTERS = ("stack", *LAWS, "unpooled", *LEAST_SQUARES)


def scorecard(
    systems: pd.DataFrame | str | PathLike[str] | None = None,
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    cutoffs: Iterable[int] = DEFAULT_CUTOFFS,
    laws: Sequence[str] = tuple(LAWS),
    folds: int = DEFAULT_FOLDS,
    draws: int = 500,
    tune: int = 500,
    chains: int = 4,
    target_accept: float = TARGET_ACCEPT,
    random_seed: int | None = None,
    progressbar: bool = True,
    **switches: bool,
) -> pd.DataFrame:
    """Fit what was published up to each cut-off, and score the predictions of what came after.

    Nothing after a cut-off enters its fits: not the data, not the references of compute, year and error,
    not the stacking weights, which come from cross-validation by paper within the data before it.

    Parameters
    ----------
    systems : DataFrame or path, optional
        As in `fit`; with a date or year in every row. By default `reference_systems()`.
    unit : str, optional
        Unit of the systems' compute, as in `fit`.
    columns : mapping, optional
        Our names of columns to those of the table, as in `fit`.
    cutoffs : iterable of int
        Calendar years, the last one whose systems are fitted.
    laws : sequence of str
        Laws to fit and stack, all by default.
    folds : int
        Folds of the cross-validation that gives the weights, as in `compare`.
    draws, tune, chains, target_accept
        Of each fit, as in `fit`.
    random_seed : int, optional
        Drawn from the system when None.
    progressbar : bool
        Whether to show progress on standard error.
    **switches : bool
        Switches of the model, as in `fit`: ``measurement_error``, ``algorithmic_progress``,
        ``paper_effect``, ``robust``, ``flagged_error``.

    Returns
    -------
    DataFrame
        One row per cut-off, forecaster and later system: ``cutoff``, ``forecaster``, ``task``, ``system``,
        ``paper``, ``year``, ``error``; ``log_score``, natural log of the predictive density of the error;
        ``crps`` of log10 error, orders of magnitude; ``pit``, predictive probability of an error at most the
        observed; ``weight``, the forecaster's part in the stack. Forecasters are `FORECASTERS`: the stack of
        laws, each law, the power law unpooled, and the 2020 paper's least-squares lines with their textbook
        prediction intervals (Student t), which are missing (NaN) where a task has fewer than three systems.

    Raises
    ------
    DataError
        If the systems cannot be fitted, or nothing lies after or before a cut-off.
    OptionError
        If an option is invalid.
    """
    from scaling_bayes.model.fit import table_to_fit

    options = _options(switches)
    check_folds(folds)
    for law in laws:
        get_law(law)
    if random_seed is None:
        random_seed = int(np.random.SeedSequence().generate_state(1)[0])
    check_seed(random_seed)
    sampler = SamplerOptions(draws, tune, chains, target_accept, random_seed)
    table, _ = table_to_fit(systems, unit=unit, columns=columns)
    chosen = _cutoffs(cutoffs)
    splits = [_split(table, cutoff) for cutoff in chosen]
    refitters: dict[ModelOptions, Refitter] = {}

    def refitter(wanted: ModelOptions) -> Refitter:
        return refitters.setdefault(wanted, Refitter(wanted, sampler))

    total = sum(len(laws) * (1 + len(paper_folds(before, folds, random_seed))) + 1 for before, _ in splits)
    frames = []
    with steps("fitting", shown=progressbar, total=total) as step:
        for cutoff, (before, after) in zip(chosen, splits, strict=True):
            done = partial(step, f"up to {cutoff}")
            held_out = paper_folds(before, folds, random_seed)
            forecasts, weights = _forecasts(
                before, after, options, laws, held_out, refitter, random_seed, done
            )
            frames += [_rows(cutoff, name, after, one, weights.get(name)) for name, one in forecasts.items()]
    import pandas as pd

    return pd.concat(frames, ignore_index=True)


def _options(switches: dict[str, bool]) -> ModelOptions:
    try:
        return ModelOptions(**switches)  # type: ignore[arg-type]
    except TypeError:
        known = "measurement_error, algorithmic_progress, paper_effect, robust, flagged_error"
        raise OptionError(f"switches: found {', '.join(switches)}; expected some of {known}.") from None


def _cutoffs(cutoffs: Iterable[int]) -> list[int]:
    chosen = list(cutoffs) if isinstance(cutoffs, Iterable) else [cutoffs]
    wrong = [year for year in chosen if isinstance(year, bool) or not isinstance(year, (int, np.integer))]
    if wrong or not chosen or len(set(chosen)) < len(chosen):
        raise OptionError(f"cutoffs={chosen!r}; expected at least one calendar year, each once.")
    return [int(year) for year in chosen]


def _split(table: pd.DataFrame, cutoff: int) -> tuple[Observations, Observations]:
    """Systems up to the end of a year and those after it, of the tasks that have any before."""
    whole = observe(table, needs_year=True)
    early = whole.year < cutoff + 1
    known = np.isin(whole.task_index, np.unique(whole.task_index[early]))
    if not early.any() or not (known & ~early).any():
        first, last = float(whole.year.min()), float(whole.year.max())
        raise DataError(
            f"cut-off {cutoff}: {int(early.sum())} systems up to its end, {int((~early).sum())} after it; "
            f"expected some on either side (the systems are of {first:.1f} to {last:.1f})."
        )
    before = observe(table[early], needs_year=True)
    return before, at_references_of(before, table[known & ~early], needs_year=True)


def _forecasts(
    before: Observations,
    after: Observations,
    options: ModelOptions,
    laws: Sequence[str],
    held_out: list[NDArray[np.bool_]],
    refitter: Callable[[ModelOptions], Refitter],
    seed: int,
    done: Callable[[], None],
) -> tuple[dict[str, Forecast], dict[str, float]]:
    applicable = before.applicable(options)
    forecasts, elpd = {}, []
    for law in laws:
        of_law = refitter(replace(applicable, law=law, floor=None))
        elpd.append(leave_folds_out(before, of_law, held_out, seed, done).elpd)
        forecasts[law] = _refitted(of_law, before, after, seed)
        done()
    weights = dict(zip(laws, map(float, mean_stacking_weights(np.array(elpd))), strict=True))
    forecasts["unpooled"] = _refitted(refitter(replace(applicable, pooling="none")), before, after, seed)
    done()
    stack = {
        "stack": mixture(
            [forecasts[law] for law in laws],
            list(weights.values()),
            generator(seed, Stream.SCORECARD_LAW),
        )
    }
    lines = {name: least_squares(before, after, law) for name, law in LEAST_SQUARES.items()}
    found = stack | forecasts | lines
    return {name: found[name] for name in ("stack", *laws, "unpooled", *lines)}, weights


def _refitted(refitter: Refitter, before: Observations, after: Observations, seed: int) -> Forecast:
    posterior, _ = refitter(before, seed)
    return forecast(refitter.options.law, posterior, after, generator(seed, Stream.SCORECARD_ERROR))


def _rows(
    cutoff: int, forecaster: str, after: Observations, predicted: Forecast, weight: float | None
) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "cutoff": cutoff,
            **prediction_rows(forecaster, after, predicted),
            "weight": np.nan if weight is None else weight,
        }
    )
