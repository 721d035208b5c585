"""How a stored posterior of each kind and schema version is laid out, and how an old one is read."""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.options import STACK, ModelOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import UNBOUNDED
from scaling_bayes.errors import TraceError
from scaling_bayes.systems.counts import OFFSETS
from scaling_bayes.trace.manifest import check_manifest, stated_priors
from scaling_bayes.trace.schema import (
    ANY_KIND,
    CALIBRATION_GROUPS,
    CALIBRATION_KIND,
    CALIBRATION_SCHEMA_VERSION,
    FIT_GROUPS,
    FIT_KIND,
    HARDWARE_GROUPS,
    HARDWARE_KIND,
    HARDWARE_SCHEMA_VERSION,
    OPTIONAL_GROUPS,
    SBC,
    SCHEMA_VERSION,
    dataset_of,
    derived_groups,
    manifest,
)

if TYPE_CHECKING:
    import xarray as xr

#: Dimensions of the variables that every posterior of a kind has, by kind and group.
_VARIABLES: Final[Mapping[str, Mapping[str, Mapping[str, list[str]]]]] = tomllib.loads(
    Path(__file__).with_name("layouts.toml").read_text(encoding="utf-8")
)
_OPTIONAL: Final = {FIT_KIND: OPTIONAL_GROUPS, HARDWARE_KIND: (), CALIBRATION_KIND: ()}
#: Draws among which a true value may be ranked.
_MOST_RANKED: Final = 100_000
#: Versions that are today's layout once opened, and the groups of a kind.
_CURRENT: Final = {
    FIT_KIND: ((1, SCHEMA_VERSION), FIT_GROUPS),
    HARDWARE_KIND: ((HARDWARE_SCHEMA_VERSION,), HARDWARE_GROUPS),
    CALIBRATION_KIND: ((CALIBRATION_SCHEMA_VERSION,), CALIBRATION_GROUPS),
}
#: Variables and labels that are text; every other required one is a number.
_TEXTS: Final = frozenset(
    {
        *("comparison", "worst", "meaning", "system_task", "failure", "largest_shift_fit"),
        *("point_device", "point_trend", "offer_device", "offer_kind", "offer_provider", "offer_trend"),
    }
)
_OPTIONAL_TEXTS: Final = frozenset({"paper", "publication_date", "system_name"})
_OPTIONAL_NUMBERS: Final = frozenset(
    {"training_compute_flop", "year", "chance_error", "floor_log_median", "floor_log_sd"}
)
#: Dimensions of a fit whose labels are the same in every group that has them; draws of the prior are its own.
_SHARED: Final = ("system", "task", "chain", "draw")
_OF_PRIOR: Final = ("prior", "prior_predictive", "log_prior")
#: Variables of a calibration's summary and fits by whether true values are known.
_RANKED: Final = {
    True: (
        {"truth", "rank", "probability"},
        {"coverage_50", "coverage_90", "bias", "contraction", "p_value"},
    ),
    False: (set[str](), {"largest_shift", "largest_shift_fit"}),
}
#: Between which values lie, beside those that are positive.
_COMPUTE, _YEAR, _SHARE = (-100.0, 100.0), (1900.0, 2200.0), (0.0, 1.0)
_RANGES: Final = {
    **dict.fromkeys(("log10_training_compute_flop", "reference_log10_compute"), _COMPUTE),
    **dict.fromkeys(("publication_year", "reference_year"), _YEAR),
    **dict.fromkeys(("reference_error", "chance_error", "floor", "bend", "paper_correlation"), _SHARE),
    **dict.fromkeys(("compute_sd", "floor_log_sd"), (0.0, math.inf)),
    "count_index": (0.0, len(OFFSETS)),
}
_SIGNED: Final = UNBOUNDED | {"drift_step"}
#: What a reference is the mean of, over a task's systems, and how nearly.
_REFERENCES: Final = {
    "log10_training_compute_flop": "reference_log10_compute",
    "publication_year": "reference_year",
}
_CLOSE: Final = 1e-6
#: Prior that each switch of a model brings.
_SWITCHES: Final = {
    "measurement_error": "compute_error",
    "algorithmic_progress": "progress",
    "paper_effect": "paper_correlation",
    "robust": "degrees_of_freedom",
    "flagged_error": "flagged_error_factor",
    "drift": "drift_scale",
    "count_offsets": "offset_burden_fp32",
    "curves": "correlation_length",
}
#: By kind and old schema version, the function that turns a tree of that version into one of the next.
#: A release that raises a schema version adds the reader of the version before, and a file written by it to
#: ``tests/data/traces``.
READERS: dict[tuple[str, int], Callable[[xr.DataTree], xr.DataTree]] = {}


def read_layout(tree: xr.DataTree, kind: str) -> xr.DataTree:
    """Give a stored tree in today's layout.

    Parameters
    ----------
    kind : {"fit", "hardware", "calibration", "any"}
        What it must hold.

    Raises
    ------
    TraceError
        If it holds something else, or a version that neither this layout nor a reader knows.
    """
    found = manifest(tree).get("kind", FIT_KIND)
    if found not in list(_CURRENT) or kind not in (ANY_KIND, found):
        expected = " or ".join(map(repr, _CURRENT)) if kind == ANY_KIND else repr(kind)
        raise TraceError(f"it holds a posterior of kind {found!r:.80}; expected {expected}.")
    newest = _CURRENT[found][0]
    while (version := manifest(tree).get("schema_version")) not in newest or type(version) is not int:
        reader = READERS.get((found, version)) if type(version) is int else None
        if reader is None:
            known = [*(old for of_kind, old in READERS if of_kind == found), *newest]
            raise TraceError(
                f"schema version {version!r:.80} is not one this release reads (expected "
                f"{', '.join(map(str, known))}); use the release of scaling_bayes that wrote it, or a "
                "later one."
            )
        tree = reader(tree)
    check_layout(tree)
    return tree


def check_layout(tree: xr.DataTree) -> None:
    """Refuse a tree that is not a posterior in today's layout, complete but for what follows from it."""
    content = manifest(tree)
    kind = content.get("kind", FIT_KIND)
    if kind not in list(_CURRENT):
        raise TraceError(f"it holds a posterior of kind {kind!r:.80}; expected {' or '.join(_CURRENT)}.")
    versions, groups = _CURRENT[kind]
    if content.get("schema_version") not in versions:
        raise TraceError(f"schema version {content.get('schema_version')!r}; expected {versions[-1]}.")
    derived = derived_groups(tree)
    missing = [name for name in groups if name not in tree.children and name not in derived]
    if missing:
        raise TraceError(f"groups missing: {', '.join(missing)}; expected a complete {kind}.")
    extra = [name for name in tree.children if name not in (*groups, *_OPTIONAL[kind])]
    if extra:
        raise TraceError(f"group {extra[0]!r:.80} is not one of a {kind}; expected {', '.join(groups)}.")
    check_manifest(content, kind)
    _check_creation(tree)
    for name, variables, dataset in _required(tree, kind):
        for required, dims in variables.items():
            if required not in dataset or dataset[required].dims != tuple(dims):
                found = f"dimensions {dataset[required].dims}" if required in dataset else "nothing"
                raise TraceError(f"{name}/{required}: found {found}; expected dimensions {tuple(dims)}.")
    draws = dataset_of(tree.children["posterior"]).data_vars if "posterior" in groups else {}
    for variable, values in draws.items():
        if values.dims[:2] != ("chain", "draw") or values.dtype.kind not in "fi":
            raise TraceError(
                f"posterior/{variable}: found {values.dtype} along {values.dims}; expected numbers along "
                "chain, draw."
            )

    _check_labels(tree, kind)
    _check_types(tree, kind)
    if kind == FIT_KIND:
        _check_fit(tree, content)
    elif kind == CALIBRATION_KIND:
        _check_calibration(tree, content)


def _required(tree: xr.DataTree, kind: str) -> Iterator[tuple[str, Mapping[str, list[str]], xr.Dataset]]:
    """Each group that is there, and the dimensions of the variables it must have."""
    for name, variables in _VARIABLES[kind].items():
        if name in tree.children:
            yield name, variables, dataset_of(tree.children[name])


def _check_creation(tree: xr.DataTree) -> None:
    created = str(tree.attrs.get("created", "2000-01-01T00:00:00Z"))
    try:
        datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ")
    except ValueError:
        raise TraceError(
            f"created: found {created!r:.80}; expected a time such as 2026-11-25T09:00:00Z."
        ) from None


def _check_labels(tree: xr.DataTree, kind: str) -> None:
    """Refuse labels that are repeated, or not the same in groups that share them."""
    seen: dict[tuple[str, bool], tuple[str, list[Any]]] = {}
    for name, node in tree.children.items():
        dataset = dataset_of(node)
        for dim, size in dataset.sizes.items():
            if size == 0:
                raise TraceError(f"{name}/{dim}: found no {dim}; expected one at least.")
            labels: list[Any] = dataset[dim].values.tolist() if dim in dataset.coords else list(range(size))
            if len(set(labels)) != size:
                raise TraceError(f"{name}/{dim}: found a label twice; expected each once.")
            key = str(dim), name in _OF_PRIOR and dim in ("chain", "draw")
            if kind == FIT_KIND and dim not in _SHARED:
                continue
            place, expected = seen.setdefault(key, (name, labels))
            if labels != expected:
                raise TraceError(f"{name}/{dim}: found other labels than in {place}; expected the same.")


def _check_types(tree: xr.DataTree, kind: str) -> None:
    """Refuse text for numbers, numbers for text, and draws and data that are not finite."""
    for name, variables, dataset in _required(tree, kind):
        optional = (_OPTIONAL_TEXTS | _OPTIONAL_NUMBERS) if name == "constant_data" else frozenset()
        for variable in {*variables, *(optional & set(map(str, dataset.data_vars)))}:
            is_text = variable in _TEXTS | _OPTIONAL_TEXTS
            stored = dataset[variable]
            right = (
                all(isinstance(value, str) for value in stored.values.flat)
                if is_text
                else stored.dtype.kind in "iufb"
            )
            if not right:
                raise TraceError(
                    f"{name}/{variable}: found {stored.dtype}; expected {'text' if is_text else 'numbers'}."
                )
            if (
                name in ("observed_data", "constant_data")
                and not is_text
                and variable not in _OPTIONAL_NUMBERS
            ):
                _check_finite(f"{name}/{variable}", stored.values)
    for name in {"posterior", "prior"} & set(tree.children):
        for label, draws in dataset_of(tree.children[name]).data_vars.items():
            if draws.dtype.kind not in "iuf":
                raise TraceError(f"{name}/{label}: found {draws.dtype}; expected numbers.")
            _check_finite(f"{name}/{label}", draws.values)


def _check_finite(place: str, values: Any) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        raise TraceError(
            f"{place}: found {values[bad].flat[0]} in {int(bad.sum())} places; expected finite numbers."
        )


def _check_fit(tree: xr.DataTree, content: Mapping[str, Any]) -> None:
    """Refuse systems of unknown tasks, data outside their range, and parameters of another model."""
    constant, posterior = (dataset_of(tree.children[name]) for name in ("constant_data", "posterior"))
    error = dataset_of(tree.children["observed_data"])["error"].values
    tasks, of_system = set(constant["task"].values.tolist()), set(constant["system_task"].values.tolist())
    if tasks != of_system:
        odd = sorted(map(str, tasks ^ of_system))[0]
        raise TraceError(
            f"constant_data/system_task: found {odd!r:.80} in it or in task alone; expected the same tasks."
        )
    if not ((error > 0) & (error < 1)).all():
        raise TraceError("observed_data/error: found a value outside (0, 1); expected errors as fractions.")
    paper, doubt = constant["paper_index"].values, constant["compute_in_doubt"].values
    if paper.dtype.kind not in "iu" or set(paper.tolist()) != set(range(len(set(paper.tolist())))):
        raise TraceError("constant_data/paper_index: found other than 0, 1, ...; expected numbers of papers.")
    if not np.isin(doubt, (0, 1)).all():
        raise TraceError("constant_data/compute_in_doubt: found other than 0 and 1; expected one of them.")
    for date in constant["publication_date"].values.tolist() if "publication_date" in constant else ():
        if date and not _is_day(date):
            raise TraceError(
                f"constant_data/publication_date: found {date!r:.80}; expected a day such as "
                "2026-11-25, or nothing."
            )
    for name in sorted({"posterior", "prior"} & set(tree.children)):
        found = set(map(str, dataset_of(tree.children[name]).data_vars))
        expected = _parameters(content)
        if found != expected and not (content["model"]["law"] == STACK and found <= expected):
            raise TraceError(
                f"{name}: found {_difference(found, expected)} against the model and priors of the manifest; "
                f"expected {', '.join(sorted(expected))}."
            )
    if "law" in posterior and not np.isin(posterior["law"].values, range(len(LAWS))).all():
        raise TraceError(f"posterior/law: found a number of no law; expected 0 to {len(LAWS) - 1}.")


def check_values(tree: xr.DataTree) -> None:
    """Refuse values that no fit has: a compute of 10^400 FLOP, a negative slope, a reference elsewhere.

    After the digest, which finds what was changed since a file was written.
    """
    if manifest(tree).get("kind", FIT_KIND) != FIT_KIND:
        return
    for group in sorted({"constant_data", "posterior", "prior"} & set(tree.children)):
        for name, values in dataset_of(tree.children[group]).data_vars.items():
            signed = group == "constant_data" or name in _SIGNED or str(name).endswith("_log_mean")
            low, high = _RANGES.get(str(name), (-math.inf if signed else 0.0, math.inf))
            outside = (values.values < low) | (values.values > high) if values.dtype.kind in "iuf" else None
            if outside is not None and str(name) in ("publication_year", "reference_year"):
                outside &= values.values != 0.0  # of a task none of whose years is known
            if outside is not None and outside.any():
                raise TraceError(
                    f"{group}/{name}: found {values.values[outside].flat[0]:.6g} in {int(outside.sum())} "
                    f"places; expected {low:g} to {high:g}."
                )
    as_stated = manifest(tree)["model"].get("count", "stated") == "stated"
    _check_references(dataset_of(tree.children["constant_data"]), as_stated=as_stated)


def _check_references(constant: xr.Dataset, *, as_stated: bool) -> None:
    """Refuse references that are not the means of the tasks' systems, and compute that is given twice."""
    of_task = constant["system_task"].values[:, np.newaxis] == constant["task"].values
    expected = {
        reference: (constant[name].values[:, np.newaxis] * of_task).sum(axis=0) / of_task.sum(axis=0)
        for name, reference in _REFERENCES.items()
    }
    if as_stated and "training_compute_flop" in constant and (constant["training_compute_flop"] > 0).all():
        expected["log10_training_compute_flop"] = np.log10(constant["training_compute_flop"].values)
    for name, values in expected.items():
        wrong = ~np.isclose(constant[name].values, values, rtol=0.0, atol=_CLOSE)
        if wrong.any():
            raise TraceError(
                f"constant_data/{name}: found {constant[name].values[wrong][0]:.6g}; expected "
                f"{values[wrong][0]:.6g}, by the systems beside it."
            )


def _difference(found: set[str], expected: set[str]) -> str:
    parts = (("no", expected - found), ("also", found - expected))
    return " and ".join(f"{word} {', '.join(sorted(names))[:120]}" for word, names in parts if names)


def _parameters(content: Mapping[str, Any]) -> set[str]:
    """Parameters of the posterior that a manifest states."""
    options, priors = ModelOptions(**content["model"]), dict(stated_priors(content))
    for switch, prior in _SWITCHES.items():
        stated = getattr(options, switch)
        if stated != any(name.startswith(prior) for name in priors):
            raise TraceError(
                f"manifest: found {switch} = {stated} {'without' if stated else 'with'} a prior of {prior}; "
                "expected both or neither."
            )
    if (options.pooling == "partial") != ("slope_log_mean" in priors):
        raise TraceError(f"manifest: found pooling = {options.pooling!r} with priors of another pooling.")
    names = set(parameter_names(options, priors))
    if options.law != STACK:
        return names
    return {*(name for name in names if not name.startswith("floor_")), "law", "floor"}


def _is_day(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).strftime("%Y-%m-%d") == text
    except ValueError:
        return False


def _check_calibration(tree: xr.DataTree, content: Mapping[str, Any]) -> None:
    fits, summary = (dataset_of(tree.children[name]) for name in CALIBRATION_GROUPS)
    of_fits, of_summary = _RANKED[content["experiment"] in SBC]
    for name, dataset, wanted in (("fits", fits, of_fits | {"rhat"}), ("summary", summary, of_summary)):
        missing = sorted(wanted - set(map(str, dataset.data_vars)))
        if missing:
            raise TraceError(f"{name}/{missing[0]}: found nothing; expected it in {content['experiment']}.")
    for name in ("truth", "rank", "probability", "rhat"):
        if name in fits and (
            fits[name].dtype.kind not in "iuf" or fits[name].dims != fits["mean"].dims[: fits[name].ndim]
        ):
            raise TraceError(
                f"fits/{name}: found {fits[name].dtype} along {fits[name].dims}; expected numbers."
            )
    ranked = content.get("ranked")
    if type(ranked) is not int or not 0 < ranked <= _MOST_RANKED:
        raise TraceError(f"manifest: found ranked = {ranked!r:.80}; expected a whole number above 0.")
    if "rank" in fits:
        ranks = fits["rank"].values[np.isfinite(fits["rhat"].values)]
        if not ((ranks >= 0) & (ranks <= ranked) & (ranks == np.floor(ranks))).all():
            raise TraceError(f"fits/rank: found other than whole numbers from 0 to {ranked}; expected those.")
    found = {label.partition("[")[0] for label in map(str, fits["quantity"].values)} - {"training_compute"}
    followed = _parameters(content) - {"drift_step"}
    if found != followed:
        raise TraceError(
            f"fits/quantity: found {_difference(found, followed)} against the model and priors "
            "stated; expected its parameters."
        )
