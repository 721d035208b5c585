"""The labelled tree every stage shares: groups, dimensions, variables, units, manifest."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from scaling_bayes.errors import TraceError

if TYPE_CHECKING:
    import xarray as xr

#: Version of the layout of a stored fit. Raised when a reader of the old one could not read the new. Fits of
#: version 1 have all groups in the file, and are the same when opened.
SCHEMA_VERSION = 2

#: Groups every fit has; the first eight are ArviZ's schema, `checks` is ours.
FIT_GROUPS = (
    "prior",
    "prior_predictive",
    "posterior",
    "posterior_predictive",
    "log_likelihood",
    "observed_data",
    "constant_data",
    "sample_stats",
    "checks",
)

#: Groups that need not be stored: the manifest names in ``derived`` those that follow from the others.
DERIVABLE_GROUPS = ("prior", "prior_predictive", "posterior_predictive", "log_likelihood")

#: Groups that a fit may have besides: of power-scaling sensitivity, checks of the model against the data, of
#: a stack's fits, and for ArviZ.
OPTIONAL_GROUPS = ("sensitivity", "data_checks", "comparison", "log_prior")

#: Kinds of stored posterior: the entry `kind` of the manifest, absent in a fit.
FIT_KIND = "fit"
HARDWARE_KIND = "hardware"
CALIBRATION_KIND = "calibration"
#: Not a kind: whichever a file holds.
ANY_KIND = "any"

#: Version of the layout of a stored hardware posterior, and the groups it has.
HARDWARE_SCHEMA_VERSION = 1
HARDWARE_GROUPS = ("posterior", "observed_data", "sample_stats", "checks")

#: Version of the layout of a stored calibration, and the groups it has.
CALIBRATION_SCHEMA_VERSION = 1
CALIBRATION_GROUPS = ("fits", "summary")
#: Experiments of many fits; the first two are simulation-based calibration.
EXPERIMENTS = ("prior_sbc", "posterior_sbc", "leave_one_paper_out", "prior_sweep")
SBC = EXPERIMENTS[:2]

#: Digits of a whole number in a manifest; 64 bits take 20.
_LONGEST_WHOLE_NUMBER: Final = 20

with Path(__file__).with_name("variables.csv").open(encoding="utf-8", newline="") as _file:
    #: Unit and meaning of every variable in a tree.
    VARIABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
        {row["name"]: (row["units"], row["long_name"]) for row in csv.DictReader(_file)}
    )


def annotate(dataset: xr.Dataset, unit: str = "FLOP") -> xr.Dataset:
    """Give each known variable its ``units`` and ``long_name``; other attributes are dropped.

    Compute is in `unit`.
    """
    dataset.attrs = {}
    for name, variable in dataset.variables.items():
        variable.attrs = {}
        if name in VARIABLES:
            units, long_name = VARIABLES[str(name)]
            variable.attrs = {"units": units.replace("FLOP", unit), "long_name": long_name}
    return dataset


def unit_of(content: Mapping[str, Any]) -> str:
    """What a manifest says that compute is counted in: FLOP, or a unit of the user's own."""
    return str(content.get("data", {}).get("unit", "FLOP"))


def group(idata: xr.DataTree, name: str) -> xr.Dataset:
    """One group of a tree as a dataset.

    Raises
    ------
    TraceError
        If the tree has no such group; the message lists those it has.
    """
    children = getattr(idata, "children", None)
    if children is None:
        raise TraceError(
            f"expected an xarray.DataTree from fit() or open_trace(); found {type(idata).__name__}."
        )
    if name not in children:
        found = ", ".join(children) or "none"
        raise TraceError(
            f"the tree has no group {name!r} (found: {found}); expected one from fit() or open_trace()."
        )
    return dataset_of(children[name])


def dataset_of(node: xr.DataTree) -> xr.Dataset:
    """Return a node's own variables, without those of its parents."""
    dataset: xr.Dataset = node.to_dataset(inherit=False)
    return dataset


def manifest(idata: xr.DataTree) -> dict[str, Any]:
    """Law, options, priors, sampler settings, data digest and versions of a fit.

    Raises
    ------
    TraceError
        If the tree carries no readable manifest.
    """
    text = getattr(idata, "attrs", {}).get("manifest")
    try:
        content = json.loads(
            str(text),
            parse_constant=_refuse,
            parse_float=_finite,
            parse_int=_moderate,
            object_pairs_hook=_unrepeated,
        )
        str(text).encode()
        json.dumps(content, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise TraceError(
            "the tree has no readable manifest; expected a fit of this package, from fit() or open_trace()."
        ) from None
    if not isinstance(content, dict):
        raise TraceError(f"the manifest is a {type(content).__name__}; expected a JSON object.")
    return content


def derived_groups(tree: xr.DataTree) -> frozenset[str]:
    """Groups of a tree that follow from the others, by its manifest; none where it states none."""
    try:
        return frozenset(json.loads(str(tree.attrs.get("manifest"))).get("derived", ()))
    except (AttributeError, TypeError, ValueError, RecursionError):
        return frozenset()


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _moderate(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_WHOLE_NUMBER else _refuse(text)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else _refuse("an entry twice")


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which JSON does not have, and what readers of JSON take differently."""
    raise ValueError(constant)
