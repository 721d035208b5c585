"""How a stored posterior of each kind and schema version is laid out, and how an old one is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.errors import TraceError
from scaling_bayes.schema import (
    ANY_KIND,
    CALIBRATION_GROUPS,
    CALIBRATION_KIND,
    CALIBRATION_SCHEMA_VERSION,
    EXPERIMENTS,
    FIT_GROUPS,
    FIT_KIND,
    HARDWARE_GROUPS,
    HARDWARE_KIND,
    HARDWARE_SCHEMA_VERSION,
    SCHEMA_VERSION,
    dataset_of,
    manifest,
)

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["READERS", "check_layout", "read_layout"]

_CHECKS = dict.fromkeys(("value", "comparison", "threshold", "passed", "worst", "meaning"), ("check",))
_STATS = dict.fromkeys(("diverging", "energy", "reached_max_treedepth"), ("chain", "draw"))
_PREDICTED = {"error": ("chain", "draw", "system")}
#: Dimensions of the variables that every posterior of a kind has, by group.
_VARIABLES: Final[Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]] = MappingProxyType(
    {
        FIT_KIND: {
            "prior_predictive": _PREDICTED,
            "posterior_predictive": _PREDICTED,
            "log_likelihood": _PREDICTED,
            "observed_data": {"error": ("system",)},
            "constant_data": {
                "system_task": ("system",),
                "log10_training_compute_flop": ("system",),
                "publication_year": ("system",),
                "compute_in_doubt": ("system",),
                "paper_index": ("system",),
                "reference_log10_compute": ("task",),
                "reference_year": ("task",),
                "reference_error": ("task",),
            },
            "sample_stats": _STATS,
            "checks": _CHECKS,
        },
        HARDWARE_KIND: {"sample_stats": _STATS, "checks": _CHECKS},
        CALIBRATION_KIND: {
            "fits": {"mean": ("fit", "quantity"), "sd": ("fit", "quantity"), "failure": ("fit",)},
            "summary": {},
        },
    }
)
_CURRENT: Final = {
    FIT_KIND: (SCHEMA_VERSION, FIT_GROUPS),
    HARDWARE_KIND: (HARDWARE_SCHEMA_VERSION, HARDWARE_GROUPS),
    CALIBRATION_KIND: (CALIBRATION_SCHEMA_VERSION, CALIBRATION_GROUPS),
}
#: Entries of the manifest of every kind, and their types.
_ENTRIES: Final[Mapping[str, type]] = MappingProxyType(
    {"priors": dict, "sampler": dict, "data": dict, "versions": dict}
)
#: By kind and old schema version, the function that turns a tree of that version into one of the next.
#: A release that raises a schema version adds the reader of the version before, and a file written by it to
#: ``tests/data/traces``.
READERS: dict[tuple[str, int], Callable[[xr.DataTree], xr.DataTree]] = {}


def read_layout(tree: xr.DataTree, kind: str) -> xr.DataTree:
    """Give a stored tree in today's layout.

    Parameters
    ----------
    tree : DataTree
        As read from a file.
    kind : {"fit", "hardware", "calibration", "any"}
        What it must hold.

    Raises
    ------
    TraceError
        If it holds something else, or a version that neither this layout nor a reader knows.
    """
    found = manifest(tree).get("kind", FIT_KIND)
    if found not in _CURRENT or kind not in (ANY_KIND, found):
        raise TraceError(f"it holds a posterior of kind {found!r}; expected {kind!r}.")
    newest = _CURRENT[found][0]
    while (version := manifest(tree).get("schema_version")) != newest or type(version) is not int:
        reader = READERS.get((found, version)) if type(version) is int else None
        if reader is None:
            known = [*(old for of_kind, old in READERS if of_kind == found), newest]
            raise TraceError(
                f"schema version {version!r:.80} is not one this release reads (expected "
                f"{', '.join(map(str, known))}); use the release of scaling_bayes that wrote it, or a "
                "later one."
            )
        tree = reader(tree)
    check_layout(tree)
    return tree


def check_layout(tree: xr.DataTree) -> None:
    """Refuse a tree that is not a complete posterior in today's layout.

    Raises
    ------
    TraceError
        Naming what is missing or misplaced.
    """
    content = manifest(tree)
    kind = content.get("kind", FIT_KIND)
    if kind not in _CURRENT:
        raise TraceError(f"it holds a posterior of kind {kind!r}; expected {' or '.join(_CURRENT)}.")
    version, groups = _CURRENT[kind]
    if content.get("schema_version") != version:
        raise TraceError(f"schema version {content.get('schema_version')!r}; expected {version}.")
    missing = [name for name in groups if name not in tree.children]
    if missing:
        raise TraceError(f"groups missing: {', '.join(missing)}; expected a complete {kind}.")
    _check_manifest(content, kind)
    for name, variables in _VARIABLES[kind].items():
        dataset = dataset_of(tree.children[name])
        for required, dims in variables.items():
            if required not in dataset or dataset[required].dims != dims:
                found = f"dimensions {dataset[required].dims}" if required in dataset else "nothing"
                raise TraceError(f"{name}/{required}: found {found}; expected dimensions {dims}.")
    draws = dataset_of(tree.children["posterior"]).data_vars if "posterior" in groups else {}
    for variable, values in draws.items():
        if values.dims[:2] != ("chain", "draw") or values.dtype.kind not in "fi":
            raise TraceError(
                f"posterior/{variable}: found {values.dtype} along {values.dims}; expected numbers along "
                "chain, draw."
            )


def _check_manifest(content: Mapping[str, Any], kind: str) -> None:
    entries = _ENTRIES if kind == HARDWARE_KIND else {**_ENTRIES, "model": dict}
    if kind == CALIBRATION_KIND and content.get("experiment") not in EXPERIMENTS:
        raise TraceError(
            f"manifest: found experiment = {content.get('experiment')!r:.80}; expected one of "
            f"{', '.join(EXPERIMENTS)}."
        )
    for name, expected in entries.items():
        if not isinstance(content.get(name), expected):
            raise TraceError(f"manifest: found {name} = {content.get(name)!r:.80}; expected a JSON object.")
    seed = content["sampler"].get("random_seed")
    if type(seed) is not int or seed < 0:
        raise TraceError(f"manifest: found sampler.random_seed = {seed!r:.80}; expected a whole number.")
    if not isinstance(content["data"].get("sha256"), str):
        raise TraceError(
            f"manifest: found data.sha256 = {content['data'].get('sha256')!r:.80}; expected text."
        )
    for name, prior in content["priors"].items():
        if not isinstance(prior, dict) or not all(map(_is_prior_value, prior.values())):
            raise TraceError(
                f"manifest: found priors.{name} = {prior!r:.80}; expected a family and its finite parameters."
            )
    for name, version in content["versions"].items():
        if not isinstance(version, str):
            raise TraceError(f"manifest: found versions.{name} = {version!r:.80}; expected text.")


def _is_prior_value(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, (int, float)) and math.isfinite(value))
