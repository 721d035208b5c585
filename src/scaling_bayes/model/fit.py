"""`fit`: from a table of systems to the labelled posterior."""

from __future__ import annotations

import json
import platform
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.observations import Observations, observe, without_undated_drift
from scaling_bayes.core.options import TARGET_ACCEPT, ModelOptions, SamplerOptions, check_cores, check_seed
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.predictive import predict_observed
from scaling_bayes.core.priors import Prior, default_priors, resolve_priors
from scaling_bayes.diagnostics.checks import failed_checks
from scaling_bayes.diagnostics.criticism import computed_data_checks, doubts
from scaling_bayes.errors import DataError, OptionError
from scaling_bayes.model.constant_data import constant_data
from scaling_bayes.model.exactness import refuse_too_exact
from scaling_bayes.model.sampling.attempts import Attempt, sample_checked
from scaling_bayes.model.sampling.sample import compile_posterior
from scaling_bayes.model.sampling.whiten import MANY_ROWS_TARGET_ACCEPT, MANY_ROWS_THIN, has_many_rows
from scaling_bayes.model.sensitivity import power_scaling
from scaling_bayes.systems.compute_column import asked_unit
from scaling_bayes.systems.counts import ARITHMETIC, in_arithmetic
from scaling_bayes.trace.derived import PRIOR_DRAWS, remember, stated
from scaling_bayes.trace.digest import data_digest
from scaling_bayes.trace.io import most_draws
from scaling_bayes.trace.schema import DERIVABLE_GROUPS, SCHEMA_VERSION, annotate
from scaling_bayes.trace.view import PosteriorView

_LIBRARIES = (
    "scaling_bayes",
    "pymc",
    "pytensor",
    "numba",
    "nutpie",
    "arviz-stats",
    "numpy",
    "pandas",
    "xarray",
)


class FitWarning(UserWarning):
    """A check of the fit did not pass, or the table was not taken as it stands."""


def fit(
    systems: pd.DataFrame | str | PathLike[str] | None = None,
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    law: str = "bounded",
    pooling: str = "partial",
    measurement_error: bool = True,
    algorithmic_progress: bool = True,
    paper_effect: bool = True,
    robust: bool = True,
    flagged_error: bool = True,
    floor: str | None = None,
    drift: bool = True,
    count: str = ARITHMETIC,
    count_offsets: bool = True,
    curves: bool = False,
    priors: Mapping[str, Any] | None = None,
    draws: int = 1000,
    tune: int = 500,
    chains: int = 4,
    target_accept: float | None = None,
    thin: int | None = None,
    random_seed: int | None = None,
    cores: int | None = None,
    progressbar: bool = True,
) -> xr.DataTree:
    """Fit the hierarchical scaling model to systems with known error and training compute.

    Performance is linear in log10 training compute within each task; slopes, noise and
    algorithmic progress are pooled across tasks on the log scale; compute is taken as measured with error,
    and systems of one paper as related, both integrated out. Sampled with nutpie's NUTS; where a check of
    the sample fails, again with smaller steps and a longer warm-up, and the best attempt is kept.

    Parameters
    ----------
    systems : DataFrame or path, optional
        Systems to fit, as `validate_systems` accepts them. By default `reference_systems()`. Rows without
        training compute, and with an error of exactly 0 or 1, are left out with a warning that counts them.
        Rows that differ in compute only are estimates for one system and are combined. A task of one or two
        systems is fitted by pooling.
    unit : str, optional
        Unit of the systems' compute, as for `validate_systems`; FLOP by default. In one of your own, such as
        steps or examples, all that the fit says of compute is, and nothing has a cost.
    columns : mapping, optional
        Our names of columns to those of the table, as for `validate_systems`.
    law : {"power", "exponential", "logistic", "saturating", "bounded"}
        What is linear in log10 compute: ``log10(1 / error)``, ``1 / error``, ``log10((1 - error) / error)``,
        ``log10((1 - floor) / (error - floor))`` with an irreducible error ``floor`` for each task, or
        ``log10((chance - error)^bend (chance - floor)^(1 - bend) / (error - floor))``, whose errors lie
        between the floor and that of chance, and whose ``bend`` is estimated.
    pooling : {"partial", "none", "complete"}
        Whether tasks share a distribution of slope, noise, progress and floor, share nothing, or share one
        value (but of noise: `ModelOptions.pooling_of`).
    measurement_error : bool
        Whether log10 compute is observed with error.
    algorithmic_progress : bool
        Whether the compute a result needs falls over calendar time.
    paper_effect : bool
        Whether systems of one paper stray from their task's line together. Dropped where no paper has two.
    robust : bool
        Whether papers stray by a Student t distribution instead of a normal one.
    flagged_error : bool
        Whether compute is less certain in rows whose ``compute_in_doubt`` is true. Dropped where none is.
    floor : {"task", "pooled", "none"}, optional
        Prior of the irreducible error, in any law: from outside knowledge of each task (`load_tasks`), one
        that the tasks share, or no such error. By default ``task`` in the bounded law, ``pooled`` in the
        saturating law, and ``none`` in the others.
    drift : bool
        Whether each task's line wanders and breaks over the years, by heavy-tailed steps that are larger up
        than down. They go on in projections, whose intervals widen with the year. Dropped where no system
        has a year and nothing else in the model needs one.
    count : {"arithmetic", "stated"}
        What compute is taken as: operations done, to which a row's is converted as far as its
        ``compute_count`` says how it was counted (`scaling_bayes.systems.counts.in_arithmetic`); or whatever
        the table states.
    count_offsets : bool
        Whether what is taken off to convert a count is uncertain, alike in all rows of that count. Dropped
        where nothing is converted.
    curves : bool
        For learning curves: whether what the systems of one paper share wanders along compute. ``paper`` is
        then the name of the curve. The correlation of two points' shared departures falls with their distance
        in log10 compute, as an Ornstein-Uhlenbeck process, over ``correlation_length`` dex.
    priors : mapping, optional
        Replacements by parameter name: a `Prior`, a ``(median, (lower, upper))`` pair with the ends of the
        90 % interval, or a PreliZ distribution. `default_priors` names them.
    draws, tune : int
        Draws kept and warm-up draws, per chain.
    chains : int
        Number of chains.
    target_accept : float, optional
        Target acceptance rate of NUTS, in (0, 1). By default 0.97, or 0.99 where tasks have 200 rows or more
        on average, no points of curves: these are sampled in other coordinates. Draws, warm-up and acceptance
        rate are those of the first attempt.
    thin : int, optional
        Draws made for each that is kept, evenly along each chain: for many tasks, whose draws take much room.
        By default 1, or 2 with the same 200 rows.
    random_seed : int, optional
        Seed of everything random. Drawn from the system when None; stored either way.
    cores : int, optional
        Chains run at a time; all by default. Does not change the draws.
    progressbar : bool
        Whether to show progress on standard error.

    Returns
    -------
    DataTree
        Groups ``prior``, ``prior_predictive``, ``posterior``, ``posterior_predictive``, ``log_likelihood``,
        ``observed_data``, ``constant_data``, ``sample_stats``, ``checks`` and ``sensitivity``
        (`power_scaling`). Posterior variables ``slope``, ``intercept``, ``noise`` (chain, draw, task), on the
        law's performance scale, ``progress`` where it is in the model (orders of magnitude of compute a year)
        and ``floor`` where the law has one. ``log_likelihood`` is the log density of each error given the
        other systems of its paper, whatever the law. ``attrs["manifest"]`` records options, priors, seed,
        sampler settings (with ``attempts`` where there were several), data digest and versions as JSON,
        and in ``left_out`` why ``sensitivity`` is missing, where it could not be computed.

    Raises
    ------
    DataError
        If the systems cannot be fitted, or are too exact for the model; every problem is listed.
    OptionError
        If an option, prior or sampler setting is invalid, a trace has no room for the draws, or the priors
        exclude what the table says.

    Warns
    -----
    FitWarning
        For each check that does not pass, of the sample or of the model against the data; for rows left out
        and columns not used; for what was converted or guessed; for further attempts; for an optional part
        that failed.
    """
    get_law(law)
    switches = measurement_error, algorithmic_progress, paper_effect, robust, flagged_error
    of_counts = count, count_offsets and count == ARITHMETIC
    options = ModelOptions(law, pooling, *switches, floor, drift, *of_counts, curves)
    check_cores(cores)
    if random_seed is not None:
        check_seed(random_seed)
    seed = int(np.random.SeedSequence().generate_state(1)[0]) if random_seed is None else int(random_seed)
    acceptance = TARGET_ACCEPT if target_accept is None else target_accept
    sampler = SamplerOptions(draws, tune, chains, acceptance, seed, thin=1 if thin is None else thin)
    table, source = table_to_fit(
        systems, unit=unit, columns=columns, pooling=pooling, below_chance=get_law(law).is_bent
    )
    options = without_undated_drift(options, table)
    converted = in_arithmetic(table) if options.count == ARITHMETIC else table
    own_unit = asked_unit(unit)
    counted_in = own_unit.name if own_unit is not None and own_unit.is_own else "FLOP"
    observations = observe(converted, needs_year=options.needs_year)
    options = observations.applicable(options)
    if curves and not options.curves:
        raise DataError(
            "curves=True: no two rows of a task are of one curve; expected a column paper with the name of "
            "each row's curve."
        )
    notes = _unused(observations, options)
    chosen_priors = resolve_priors(default_priors(options), priors)
    if pooling == "partial" and len(observations.tasks) < 2:
        raise DataError(
            f"pooling='partial' needs at least 2 tasks; found only {observations.tasks[0]!r}. "
            "Use pooling='none', or add the shipped tasks to yours."
        )
    refuse_too_exact(observations, options, chosen_priors)
    prior = draw_prior(options, chosen_priors, observations, draws=PRIOR_DRAWS, random_seed=seed)
    names = list(map(str, prior.data_vars))
    numbers = sum(values[0, 0].size for values in prior.values()) + 2 * len(observations.systems)
    if has_many_rows(observations, options, chosen_priors):
        acceptance = MANY_ROWS_TARGET_ACCEPT if target_accept is None else target_accept
        thin = MANY_ROWS_THIN if thin is None else thin
        sampler = replace(sampler, target_accept=acceptance, thin=thin)
    attempts = sample_checked(
        compile_posterior(observations, options, chosen_priors, names),
        names,
        sampler,
        most_draws=most_draws(numbers, draws, chains),
        cores=cores,
        progressbar=progressbar,
    )
    sampler, posterior, sample_stats, sample_checks = attempts[-1]
    notes += _said_of(attempts)

    constant = constant_data(observations, options, table)
    groups = predict_observed(options.law, prior, posterior, observations, seed)
    groups |= {
        "prior": prior,
        "posterior": posterior,
        "sample_stats": sample_stats,
        "observed_data": xr.Dataset(
            {"error": ("system", observations.error)}, coords={"system": list(observations.systems)}
        ),
        "constant_data": constant,
        "checks": sample_checks,
    }
    idata = xr.DataTree.from_dict({f"/{name}": annotate(groups[name], counted_in) for name in sorted(groups)})
    content = _manifest(options, attempts, chosen_priors, table, source)
    content["derived"] = stated(groups, DERIVABLE_GROUPS)
    if counted_in != "FLOP":
        content["data"]["unit"] = counted_in
    idata.attrs["manifest"] = _as_json(content)
    view = PosteriorView.of(idata)
    try:
        idata["sensitivity"] = xr.DataTree(annotate(power_scaling(view)))
    except Exception as error:  # noqa: BLE001  whatever stops an optional part, the fit is kept
        reason = f"{type(error).__name__}: {error}"
        idata.attrs["manifest"] = _as_json(content | {"left_out": {"sensitivity": reason}})
        notes.append(f"The sensitivity to the priors could not be computed and is left out ({reason}).")
    with suppress(Exception):  # `doubts` says why there are none
        checked = computed_data_checks(view).set_index("check").to_xarray()
        idata["data_checks"] = xr.DataTree(annotate(checked.assign(passed=checked["passed"].astype(np.int8))))
    remember(idata)
    for sentence in (*notes, *failed_checks(view), *doubts(view)):
        warnings.warn(sentence, FitWarning, stacklevel=2)
    return idata


def _said_of(attempts: Sequence[Attempt]) -> list[str]:
    """Which attempts there were, and how the one that is kept did."""
    if len(attempts) == 1:
        return []
    kept = attempts[-1]
    others = "; ".join(
        f"target_accept {one.sampler.target_accept:.4g} fails {', '.join(one.failed)}"
        for one in attempts[:-1]
    )
    outcome = f"fails {', '.join(kept.failed)}" if kept.failed else "passes every check"
    said = (
        f"The fit was sampled {len(attempts)} times: {others}; kept are the draws with target_accept "
        f"{kept.sampler.target_accept:.4g} ({kept.sampler.tune} warm-up and {kept.sampler.draws} draws per "
        f"chain), which {outcome}."
    )
    return [said]


def _unused(observations: Observations, options: ModelOptions) -> list[str]:
    stated = int((~np.isnan(observations.compute_sd)).sum())
    if not stated or options.measurement_error:
        return []
    return [f"The stated uncertainty of compute of {stated} systems is not used: measurement_error=False."]


def table_to_fit(
    systems: pd.DataFrame | str | PathLike[str] | None,
    *,
    unit: str | None = None,
    columns: Mapping[str, str] | None = None,
    pooling: str | None = None,
    below_chance: bool = False,
) -> tuple[pd.DataFrame, str]:
    """Rows to fit, by default the reference systems, and where they come from.

    Raises
    ------
    DataError
        If they cannot inform a fit with that pooling.
    OptionError
        If `unit` or `columns` is not known, or there is no table.

    Warns
    -----
    FitWarning
        For rows that are left out or combined, and for what was converted or guessed.
    """
    from scaling_bayes.systems.fit_rows import rows_for_fit
    from scaling_bayes.systems.load import reference_systems, shipped_source
    from scaling_bayes.systems.schema import CheckedSystems, check_systems

    if systems is None:
        for name, given in (("unit", unit), ("columns", columns)):
            if given is not None:
                raise OptionError(f"{name} is of a table of your own; none was given.")
        systems = reference_systems()
    is_path = isinstance(systems, (str, PathLike))
    source = Path(systems).name if isinstance(systems, (str, PathLike)) else type(systems).__name__
    shipped = shipped_source(systems) if unit is None and columns is None else None
    if shipped and isinstance(systems, pd.DataFrame):
        source, checked = shipped, CheckedSystems(systems, (), (), ())
    else:
        checked = check_systems(systems, unit=unit, columns=columns)
    for sentence in checked.warnings:
        warnings.warn(sentence, FitWarning, stacklevel=3)
    rows = rows_for_fit(
        checked.systems,
        source if is_path else "the data frame",
        pooling=pooling,
        below_chance=below_chance,
    )
    for sentence in rows.sentences():
        warnings.warn(sentence, FitWarning, stacklevel=3)
    return rows.systems, source


def _manifest(
    options: ModelOptions,
    attempts: Sequence[Attempt],
    priors: Mapping[str, Prior],
    table: pd.DataFrame,
    source: str,
) -> dict[str, Any]:
    content = {
        "schema_version": SCHEMA_VERSION,
        "model": options.to_dict(),
        "priors": {name: prior.to_dict() for name, prior in priors.items()},
        "sampler": {"name": "nutpie", **attempts[-1].sampler.to_dict()},
        "data": {"source": source, "n_systems": len(table), "sha256": data_digest(table)},
        "versions": {"python": platform.python_version(), **library_versions()},
    }
    if len(attempts) > 1:
        content["attempts"] = [attempt.to_dict() for attempt in attempts]
    return content


def _as_json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide the numbers, for manifests."""
    found = {}
    for library in _LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            found[library] = "unknown"
    return found
