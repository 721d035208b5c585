"""Whether what a trace states follows from its own draws and data.

The digest says that a file is the one that was written. Here everything in it that was computed from
something else in it is computed again: digest of the data, references, predictive draws, log likelihood,
checks.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.calibration import summarize
from scaling_bayes.convergence import ebfmi, ess_bulk, ess_tail, rhat
from scaling_bayes.digest import data_digest, frame_digest
from scaling_bayes.errors import OptionError, TraceError
from scaling_bayes.observations import decimal_year, observations_of
from scaling_bayes.options import STACK, ModelOptions
from scaling_bayes.predictive import predict_observed
from scaling_bayes.releases import find_trace
from scaling_bayes.schema import (
    ANY_KIND,
    CALIBRATION_KIND,
    FIT_KIND,
    HARDWARE_KIND,
    group,
    manifest,
)
from scaling_bayes.traces import open_trace, verified_summary

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

__all__ = ["AGREES", "DIFFERS", "SKIPPED", "rederive", "stored_hardware", "stored_systems", "verify_trace"]

AGREES, DIFFERS, SKIPPED = "agrees", "differs", "not re-derived"

#: Relative and absolute differences that count as none: of values stored as float32, and of checks, which a
#: trace may hold for draws rounded to float32 after they were checked.
_STORED: Final = (1e-6, 1e-5)
_CHECKED: Final = (1e-4, 1e-9)

_Finding = tuple[str, str, str]


def verify_trace(source: str | os.PathLike[str]) -> dict[str, Any]:
    """Verify a trace: its digest, and that what it states follows from its draws and data.

    Parameters
    ----------
    source : str or path
        Name of a released trace, or path of a file of any kind.

    Returns
    -------
    dict
        ``path``, ``digest``, ``created``, the ``manifest``, ``findings`` (DataFrame: ``item``, ``outcome``,
        ``detail``) and ``notes`` (list of str: libraries of other versions than those that wrote it).

    Raises
    ------
    TraceError
        As `open_trace`, or if something stored does not follow; the message lists all of it.
    """
    tree = open_trace(source, kind=ANY_KIND)
    path, _ = find_trace(source)
    findings = rederive(tree)
    differing = findings[findings["outcome"] == DIFFERS]
    if len(differing):
        listed = "\n".join(f"  - {row.item}: {row.detail}" for row in differing.itertuples())
        raise TraceError(
            f"{path}: the digest holds, but {len(differing)} of {len(findings)} stored items do not follow "
            f"from the draws and data beside them; do not use it.\n{listed}"
        )
    return {**verified_summary(tree, path), "findings": findings, "notes": version_notes(tree)}


def version_notes(tree: xr.DataTree) -> list[str]:
    """One sentence for each library here in another version than the one that wrote the trace."""
    from importlib.metadata import PackageNotFoundError, version

    notes = []
    for library, written in manifest(tree)["versions"].items():
        try:
            here = version(library)
        except PackageNotFoundError:
            continue
        if here != written:
            notes.append(f"written with {library} {written}, read with {here}")
    return notes


def rederive(tree: xr.DataTree) -> pd.DataFrame:
    """Compute again what a trace holds besides draws and data, and compare.

    Parameters
    ----------
    tree : DataTree
        From `open_trace`, `fit` or `fit_hardware`.

    Returns
    -------
    DataFrame
        One row per item: ``item``, ``outcome`` (agrees, differs, not re-derived) and ``detail``: the largest
        difference, what was expected and found, or why it could not be computed.

    Raises
    ------
    TraceError
        If the tree is not a posterior of this package.
    """
    import pandas as pd

    parts = {
        FIT_KIND: (_fit_data, _references, _predictions, _checks),
        HARDWARE_KIND: (_hardware_data, _checks),
        CALIBRATION_KIND: (_calibration,),
    }[manifest(tree).get("kind", FIT_KIND)]
    rows = [finding for part in parts for finding in part(tree)]
    return pd.DataFrame(rows, columns=["item", "outcome", "detail"])


def stored_systems(tree: xr.DataTree) -> pd.DataFrame:
    """Return the systems a fit was made from, as its data group keeps them.

    Raises
    ------
    TraceError
        If the fit does not keep the compute of its systems.
    """
    import pandas as pd

    constant = group(tree, "constant_data")
    if "training_compute_flop" not in constant:
        raise TraceError("the fit does not keep training_compute_flop; expected one written by this release.")
    names = {"task": "system_task", "system": "system_name", "compute_sd_dex": "compute_sd"} | {
        name: name
        for name in ("paper", "training_compute_flop", "compute_in_doubt", "year", "publication_date")
    }
    frame = pd.DataFrame(
        {column: constant[name].values for column, name in names.items() if name in constant}
    )
    frame["compute_in_doubt"] = frame["compute_in_doubt"].astype(bool)
    frame.insert(2, "error", group(tree, "observed_data")["error"].values)
    if "publication_date" in frame:
        frame["publication_date"] = pd.to_datetime(frame["publication_date"].replace("", None))
    return frame


def stored_hardware(tree: xr.DataTree) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Points and offers that a hardware posterior was made from, as its data group keeps them."""
    import pandas as pd

    observed = group(tree, "observed_data")
    points, offers = (
        pd.DataFrame(
            {
                str(name).removeprefix(f"{dim}_"): values.values
                for name, values in observed.data_vars.items()
                if values.dims == (dim,)
            }
        )
        for dim in ("point", "offer")
    )
    return points, offers


def _fit_data(tree: xr.DataTree) -> Iterator[_Finding]:
    stated = manifest(tree)["data"]
    try:
        table = stored_systems(tree)
    except (TraceError, ValueError) as error:
        yield "data/sha256", SKIPPED, str(error)
        return
    yield _same("data/n_systems", stated.get("n_systems"), len(table))
    yield _same("data/sha256", stated["sha256"], data_digest(table))


def _hardware_data(tree: xr.DataTree) -> Iterator[_Finding]:
    stated, tables = manifest(tree)["data"], stored_hardware(tree)
    for name, table in zip(("n_points", "n_offers"), tables, strict=True):
        yield _same(f"data/{name}", stated.get(name), len(table))
    yield _same("data/sha256", stated["sha256"], frame_digest(*tables))


def _references(tree: xr.DataTree) -> Iterator[_Finding]:
    constant = group(tree, "constant_data")
    if "training_compute_flop" in constant:
        table = stored_systems(tree)
        compute, year = np.log10(table["training_compute_flop"].to_numpy(float)), decimal_year(table)
        if not np.isnan(year).any():
            yield _close("constant_data/publication_year", constant["publication_year"].values, year)
        yield _close(
            "constant_data/log10_training_compute_flop",
            constant["log10_training_compute_flop"].values,
            compute,
        )
    of_task = constant["system_task"].values[:, None] == constant["task"].values
    for name, of_system in (
        ("reference_log10_compute", "log10_training_compute_flop"),
        ("reference_year", "publication_year"),
    ):
        means = (constant[of_system].values[:, None] * of_task).sum(axis=0) / of_task.sum(axis=0)
        yield _close(f"constant_data/{name}", constant[name].values, means)


def _predictions(tree: xr.DataTree) -> Iterator[_Finding]:
    """Predictive draws and log likelihood."""
    names = ("prior_predictive", "posterior_predictive", "log_likelihood")
    try:
        law = ModelOptions(**manifest(tree)["model"]).law
    except (OptionError, TypeError) as error:
        yield from ((f"{name}/error", SKIPPED, str(error)) for name in names)
        return
    computed = predict_observed(
        law,
        group(tree, "prior"),
        group(tree, "posterior"),
        observations_of(group(tree, "constant_data"), group(tree, "observed_data")),
        manifest(tree)["sampler"]["random_seed"],
    )
    other = [note for note in version_notes(tree) if "numpy" in note]
    for name in names:
        finding = _close(f"{name}/error", group(tree, name)["error"].values, computed[name]["error"].values)
        if finding[1] == DIFFERS and name != "log_likelihood" and law == STACK:
            finding = finding[0], SKIPPED, "drawn by the fits that are stacked; verify those"
        elif finding[1] == DIFFERS and name != "log_likelihood" and other:
            finding = finding[0], SKIPPED, f"another NumPy may draw other random numbers: {other[0]}"
        yield finding


def _calibration(tree: xr.DataTree) -> Iterator[_Finding]:
    content, stored = manifest(tree), group(tree, "summary")
    computed = summarize(group(tree, "fits"), content["experiment"], content["ranked"])
    for name, values in computed.data_vars.items():
        item = f"summary/{name}"
        if values.dtype.kind == "f":
            yield _close(item, stored[name].values, values.values)
        else:
            yield _same(item, list(stored[name].values.astype(str)), list(values.values.astype(str)))


def _checks(tree: xr.DataTree) -> Iterator[_Finding]:
    stored = group(tree, "checks")
    found = dict(_statistics(group(tree, "posterior"), group(tree, "sample_stats")))
    for position, check in enumerate(stored["check"].values):
        row = stored.isel(check=position)
        item = f"checks/{check}"
        if check not in found:
            yield item, SKIPPED, "not a check of these draws; of a stack, a check of one of its fits"
            continue
        value = float(row["value"])
        outcome = _close(item, np.array(value), np.array(found[check]), _CHECKED)
        relation, threshold = str(row["comparison"].values), float(row["threshold"])
        holds = {"<": value < threshold, ">=": value >= threshold, "<=": value <= threshold}.get(relation)
        if outcome[1] == AGREES and (holds is None or holds != bool(row["passed"])):
            outcome = (
                item,
                DIFFERS,
                f"{value:.6g} {relation} {threshold:g}, but passed is {int(row['passed'])}",
            )
        yield outcome


def _statistics(posterior: xr.Dataset, stats: xr.Dataset) -> Iterator[tuple[str, float]]:
    functions: tuple[tuple[str, Callable[[NDArray[np.float64]], float], Callable[..., Any]], ...] = (
        ("rhat", rhat, np.max),
        ("ess_bulk", ess_bulk, np.min),
        ("ess_tail", ess_tail, np.min),
    )
    scalars = [
        draws[..., position]
        for values in posterior.data_vars.values()
        for draws in [values.values.astype(float).reshape(*values.shape[:2], -1)]
        for position in range(draws.shape[2])
    ]
    for name, function, worst in functions:
        yield name, float(worst([function(draws) for draws in scalars]))
    yield "divergences", float(stats["diverging"].sum())
    yield "ebfmi", float(ebfmi(stats["energy"].values.astype(float)).min())
    yield "max_treedepth_share", float(stats["reached_max_treedepth"].mean())


def _same(item: str, expected: object, found: object) -> _Finding:
    if expected == found:
        return item, AGREES, str(found)
    return item, DIFFERS, f"expected {expected!s:.80}, found {found}"


def _close(
    item: str, stored: NDArray[Any], computed: NDArray[Any], within: tuple[float, float] = _STORED
) -> _Finding:
    if stored.shape != computed.shape:
        return item, DIFFERS, f"expected shape {computed.shape}, found {stored.shape}"
    relative, absolute = within
    both = np.isnan(stored) & np.isnan(computed)
    with np.errstate(invalid="ignore"):
        excess = np.where(both | (stored == computed), 0.0, np.abs(stored - computed))
    allowed = np.where(both, 0.0, absolute + relative * np.abs(computed))
    bad = ~(excess <= allowed)
    if not bad.any():
        return item, AGREES, f"largest difference {excess.max(initial=0.0):.1e} in {stored.size} values"
    where = np.unravel_index(int(bad.argmax()), bad.shape) if bad.ndim else ()
    detail = f"expected {computed[where]:.8g}, found {stored[where]:.8g}"
    place = f"first at {tuple(map(int, where))}" if where else "the only one"
    return item, DIFFERS, f"{int(bad.sum())} of {bad.size} values, {place}: {detail}"
