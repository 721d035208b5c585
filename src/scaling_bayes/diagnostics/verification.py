"""Whether what a trace states follows from its own draws and data.

The digest says that a file is the one that was written. Here everything in it that was computed from
something else in it is computed again: digest of the data, references, draws of the prior, predictive draws,
log likelihood, checks. What the manifest states of model, priors and seed is held to them by that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.core.laws import LAWS, get_law
from scaling_bayes.core.observations import decimal_year, observe
from scaling_bayes.core.options import STACK
from scaling_bayes.core.predictive import predict_observed
from scaling_bayes.diagnostics.calibration import summarize
from scaling_bayes.diagnostics.convergence import worst_statistics
from scaling_bayes.diagnostics.criticism import computed_data_checks, data_checks
from scaling_bayes.diagnostics.findings import AGREES, CHECKED, DIFFERS, SKIPPED, Finding, close, same
from scaling_bayes.diagnostics.stored import stored_hardware, stored_systems
from scaling_bayes.errors import OptionError, TraceError
from scaling_bayes.systems.counts import ARITHMETIC, count_index, in_arithmetic
from scaling_bayes.systems.fit_rows import rows_for_fit
from scaling_bayes.systems.load import reference_systems, said_to_be
from scaling_bayes.trace.derived import mean_value, prior_of
from scaling_bayes.trace.digest import data_digest, measured_digest
from scaling_bayes.trace.io import open_trace, verified_summary
from scaling_bayes.trace.releases import find_trace, release_of
from scaling_bayes.trace.schema import ANY_KIND, HARDWARE_KIND
from scaling_bayes.trace.view import PosteriorView, TraceView

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

_VERSION: Final = re.compile(r"unknown|[0-9]+[0-9A-Za-z.+!_-]{0,63}")

#: Relative and absolute difference that counts as none between means of a group.
_MEANS: Final = (1e-6, 1e-9)

#: Limits that checks of schema version 1 are held to, as `scaling_bayes.model.diagnose` writes them.
_LIMITS: Final = {
    "rhat": ("<", 1.01),
    "ess_bulk": (">=", 400.0),
    "ess_tail": (">=", 400.0),
    "divergences": ("<=", 0.0),
    "ebfmi": (">=", 0.3),
    "max_treedepth_share": ("<=", 0.01),
}


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
        ``detail``), ``notes`` (list of str: libraries of other versions than those that wrote it), and
        ``proves``, a sentence on what that shows and what it cannot.

    Raises
    ------
    TraceError
        As `open_trace`, or if something stored does not follow; the message lists all of it.
    """
    view = TraceView.of(open_trace(source, kind=ANY_KIND))
    path, _ = find_trace(source)
    findings = rederive(view)
    differing = findings[findings["outcome"] == DIFFERS]
    if len(differing):
        listed = "\n".join(f"  - {row.item}: {row.detail}" for row in differing.itertuples())
        raise TraceError(
            f"{path}: the digest holds, but {len(differing)} of {len(findings)} stored items do not follow "
            f"from the draws and data beside them; do not use it.\n{listed}"
        )
    return {
        **verified_summary(view.tree, path),
        "findings": findings,
        "notes": version_notes(view),
        "proves": _proof(view.digest),
    }


def _proof(digest: str) -> str:
    release = release_of(digest)
    if release is not None:
        return f"its content is that of the released {release.name}, by the index that came with this package"
    return (
        "it agrees with itself, as a forgery made with care would; --refit samples the posterior again, and "
        "who wrote the file only a published digest can show"
    )


def version_notes(view: TraceView) -> list[str]:
    """One sentence for each library here in another version than the one that wrote the trace."""
    from importlib.metadata import PackageNotFoundError, version

    notes = []
    for library, written in view.manifest["versions"].items():
        try:
            here = version(library)
        except PackageNotFoundError:
            continue
        if here != written:
            notes.append(f"written with {library} {written}, read with {here}")
    return notes


def rederive(trace: xr.DataTree | TraceView) -> pd.DataFrame:
    """Compute again what a trace holds besides draws and data, and compare.

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

    view = TraceView.of(trace)
    if isinstance(view, PosteriorView):
        parts = (_fit_data, _references, _derived, _prior_draws, _predictions, _mixture)
        rows = [*_statement(view), *chain.from_iterable(part(view) for part in parts), *_checks(view)]
        rows += _data_checks(view)
    elif view.kind == HARDWARE_KIND:
        rows = [*_statement(view), *_hardware_data(view), *_checks(view)]
    else:
        rows = [*_statement(view), *_calibration(view)]
    return pd.DataFrame(rows, columns=["item", "outcome", "detail"])


def _statement(view: TraceView) -> Iterator[Finding]:
    """Chains, draws and versions that the manifest states."""
    content = view.manifest
    odd = [name for name, version in content["versions"].items() if not _VERSION.fullmatch(version)]
    yield same("versions", "", ", ".join(f"{name} = {content['versions'][name]!r:.80}" for name in odd))
    if "posterior" in view:
        sizes = view.group("posterior").sizes
        for stated, dim in (("chains", "chain"), ("draws", "draw")):
            yield same(f"sampler/{stated}", content["sampler"][stated], sizes[dim])


def _fit_data(view: PosteriorView) -> Iterator[Finding]:
    stated = view.manifest["data"]
    try:
        table = stored_systems(view)
    except (TraceError, ValueError) as error:
        yield "data/sha256", SKIPPED, str(error)
        return
    yield same("data/n_systems", stated.get("n_systems"), len(table))
    yield same("data/sha256", stated["sha256"], data_digest(table))
    shipped = said_to_be(stated.get("source", ""))
    if shipped:
        yield _shipped(view, shipped, stated["sha256"])


def _shipped(view: PosteriorView, shipped: Sequence[Mapping[str, Any]], sha256: str) -> Finding:
    """Whether rows said to be the shipped ones are; those of another release cannot be known."""
    from scaling_bayes import __version__

    item = "data/source"
    below_chance = view.law != STACK and get_law(view.law).is_bent
    digests = [
        data_digest(rows_for_fit(reference_systems(**each), below_chance=below_chance).systems)
        for each in shipped
    ]
    finding = same(item, sha256 if sha256 in digests else digests[0], sha256)
    written = view.manifest["versions"].get("scaling_bayes")
    if finding[1] == DIFFERS and release_of(view.digest) is not None:
        return item, AGREES, "of a released trace, by the index"
    if finding[1] == DIFFERS and written != __version__:
        return item, SKIPPED, f"said to be the shipped systems of release {written!s:.40}, which are not here"
    return finding


def _hardware_data(view: TraceView) -> Iterator[Finding]:
    stated, tables = view.manifest["data"], stored_hardware(view)
    for name, table in zip(("n_points", "n_offers"), tables, strict=True):
        yield same(f"data/{name}", stated.get(name), len(table))
    yield same("data/sha256", stated["sha256"], measured_digest(*tables))
    for name, table in zip(("point", "offer"), tables, strict=True):
        if "value" in table:
            logarithm = np.log10(table["value"].to_numpy(float))
            yield close(f"observed_data/{name}_log10_value", table["log10_value"].to_numpy(float), logarithm)


def _references(view: PosteriorView) -> Iterator[Finding]:
    constant = view.constant
    if "training_compute_flop" in constant:
        table = stored_systems(view)
        # Not the options: a law that is not known here has counts all the same.
        model = view.manifest["model"]
        if model.get("count") == ARITHMETIC:
            table = in_arithmetic(table)
            if model.get("count_offsets"):
                yield same(
                    "constant_data/count_index",
                    constant["count_index"].values.tolist(),
                    count_index(table).tolist(),
                )
        compute, year = np.log10(table["training_compute_flop"].to_numpy(float)), decimal_year(table)
        if not np.isnan(year).any():
            yield close("constant_data/publication_year", constant["publication_year"].values, year)
        yield close(
            "constant_data/log10_training_compute_flop",
            constant["log10_training_compute_flop"].values,
            compute,
        )
        seen = observe(table, needs_year=False)
        yield same("constant_data/system", seen.systems, tuple(constant["system"].values.tolist()))
        yield close("constant_data/paper_index", constant["paper_index"].values, seen.paper_index)
        yield close("constant_data/reference_error", constant["reference_error"].values, seen.reference_error)
    of_task = constant["system_task"].values[:, None] == constant["task"].values
    for name, of_system in (
        ("reference_log10_compute", "log10_training_compute_flop"),
        ("reference_year", "publication_year"),
    ):
        means = (constant[of_system].values[:, None] * of_task).sum(axis=0) / of_task.sum(axis=0)
        yield close(f"constant_data/{name}", constant[name].values, means)


def _derived(view: PosteriorView) -> Iterator[Finding]:
    """Groups that are not stored: their means, as they were when the fit was made."""
    for name, mean in view.manifest.get("derived", {}).items():
        finding = close(f"{name}/mean", np.array(mean), np.array(mean_value(view.group(name))), _MEANS)
        yield finding if name == "log_likelihood" else _excused(view, finding)


def _excused(view: PosteriorView, finding: Finding) -> Finding:
    """The finding, or that another NumPy may draw other random numbers."""
    other = [note for note in version_notes(view) if "numpy" in note]
    if finding[1] != DIFFERS or not other:
        return finding
    return finding[0], SKIPPED, f"another NumPy may draw other random numbers: {other[0]}"


def _prior_draws(view: PosteriorView) -> Iterator[Finding]:
    """Draws of the prior: from its families, parameters and seed, and the law and pooling of the model."""
    if "prior" in view.manifest.get("derived", {}):
        return
    stored = view.group("prior")
    if view.manifest["model"].get("law") == STACK:
        yield "prior", SKIPPED, "drawn by the fits that are stacked; verify those"
        return
    constant = view.constant
    try:
        options = view.options
        computed = prior_of(view, stored.sizes["draw"])
    except (OptionError, TypeError, KeyError) as error:
        yield "prior", SKIPPED, str(error)
        return
    absent = set(map(str, stored.data_vars)) ^ set(map(str, computed.data_vars))
    if absent:
        yield "prior", DIFFERS, f"{', '.join(sorted(absent))}: in the trace or the model, not in both"
        return
    of_errors = _in_orders_of_error(computed, options.law, constant["reference_error"].values)
    findings = [
        min(
            (
                close(f"prior/{name}", stored[name].values, kind[name].values)
                for kind in (computed, of_errors)
            ),
            key=lambda finding: finding[1] == DIFFERS,
        )
        for name in map(str, stored.data_vars)
    ]
    wrong = [finding for finding in findings if finding[1] == DIFFERS]
    if wrong:
        yield _excused(view, ("prior", DIFFERS, f"{wrong[0][0]} and {len(wrong) - 1} others: {wrong[0][2]}"))
    else:
        yield "prior", AGREES, f"{len(findings)} variables"


def _in_orders_of_error(drawn: xr.Dataset, law: str, reference_error: NDArray[np.float64]) -> xr.Dataset:
    """Draws as the first fits of schema version 1 have them: slopes believed by error, not by its odds."""
    centre = get_law(law).performance(reference_error, drawn.get("floor", 0.0))
    factor = 1.0 / (1.0 - reference_error)
    return drawn.assign(
        slope=drawn["slope"] * factor,
        noise=drawn["noise"] * factor,
        intercept=(drawn["intercept"] - centre) * factor + centre,
    )


def _mixture(view: PosteriorView) -> Iterator[Finding]:
    """Weights of a stack, by the draws of each law; a draw may be rounded either way."""
    content = view.manifest
    if content["model"].get("law") != STACK:
        return
    stack, drawn = content["stack"], view.group("posterior")["law"].values
    stated = {stack["laws"][name]: weight for name, weight in stack["weights"].items()}
    weights = np.array([stated.get(law, 0.0) for law in LAWS])
    shares = (drawn[..., None] == np.arange(len(LAWS))).mean(axis=1)
    expected = np.broadcast_to(weights, shares.shape)
    yield close("stack/weights", expected, shares, (0.0, 1.0 / drawn.shape[1]))
    if "comparison" in view:
        comparison = view.group("comparison")
        names = comparison["fit"].values.tolist()
        yield same("comparison/fit", sorted(stack["weights"]), sorted(names))
        known = np.array([stack["weights"].get(name, np.nan) for name in names])
        yield close("comparison/weight", comparison["weight"].values, known)


def _predictions(view: PosteriorView) -> Iterator[Finding]:
    """Predictive draws and log likelihood."""
    derived = view.manifest.get("derived", {})
    names = [
        name for name in ("prior_predictive", "posterior_predictive", "log_likelihood") if name not in derived
    ]
    if not names:
        return
    try:
        law = view.options.law
    except (OptionError, TypeError) as error:
        yield from ((f"{name}/error", SKIPPED, str(error)) for name in names)
        return
    computed = predict_observed(
        law,
        view.group("prior"),
        view.group("posterior"),
        view.observations,
        view.seed,
    )
    for name in names:
        finding = close(f"{name}/error", view.group(name)["error"].values, computed[name]["error"].values)
        if finding[1] == DIFFERS and name != "log_likelihood" and law == STACK:
            finding = finding[0], SKIPPED, "drawn by the fits that are stacked; verify those"
        yield finding if name == "log_likelihood" else _excused(view, finding)


def _calibration(view: TraceView) -> Iterator[Finding]:
    content, stored = view.manifest, view.group("summary")
    computed = summarize(view.group("fits"), content["experiment"], content["ranked"])
    for name, values in computed.data_vars.items():
        item = f"summary/{name}"
        if values.dtype.kind == "f":
            yield close(item, stored[name].values, values.values)
        else:
            yield same(item, list(stored[name].values.astype(str)), list(values.values.astype(str)))


def _checks(view: TraceView) -> Iterator[Finding]:
    stored = view.group("checks")
    found = dict(worst_statistics(view.group("posterior"), view.group("sample_stats")))
    if view.manifest.get("model", {}).get("law") != STACK:
        for missing in sorted(set(found) - set(stored["check"].values.tolist())):
            yield f"checks/{missing}", DIFFERS, "expected this check, found none"
    for position, check in enumerate(stored["check"].values):
        row = stored.isel(check=position)
        item = f"checks/{check}"
        if check not in found:
            yield item, SKIPPED, "not a check of these draws; of a stack, a check of one of its fits"
            continue
        value = float(row["value"])
        outcome = close(item, np.array(value), np.array(found[check]), CHECKED)
        relation, threshold = str(row["comparison"].values), float(row["threshold"])
        if outcome[1] == AGREES and (relation, threshold) != _LIMITS.get(str(check), (relation, threshold)):
            known = " ".join(map(str, _LIMITS[str(check)]))
            outcome = item, DIFFERS, f"expected {known}, found {relation} {threshold:g}"
        holds = {"<": value < threshold, ">=": value >= threshold, "<=": value <= threshold}.get(relation)
        if outcome[1] == AGREES and (holds is None or holds != bool(row["passed"])):
            outcome = (
                item,
                DIFFERS,
                f"{value:.6g} {relation} {threshold:g}, but passed is {int(row['passed'])}",
            )
        yield outcome


def _data_checks(view: PosteriorView) -> Iterator[Finding]:
    """Checks of the model against the data; they rest on predictive draws."""
    if "data_checks" not in view:
        return
    findings = _same_checks(view, drifting=False)
    if "drift_step" in view.posterior and any(outcome == DIFFERS for _, outcome, _ in findings):
        findings = _same_checks(view, drifting=True)
    for finding in findings:
        yield _excused(view, finding)


def _same_checks(view: PosteriorView, *, drifting: bool) -> list[Finding]:
    stored, computed = data_checks(view), computed_data_checks(view, drifting=drifting)
    value, again = (frame.pop("value").to_numpy(float) for frame in (stored, computed))
    return [
        same("data_checks", computed.to_dict("list"), stored.to_dict("list")),
        close("data_checks/value", value, again, CHECKED),
    ]
