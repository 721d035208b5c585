"""The labelled tree every stage shares: groups, dimensions, variables, units, manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from scaling_bayes.errors import TraceError

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "ANY_KIND",
    "CALIBRATION_GROUPS",
    "CALIBRATION_KIND",
    "CALIBRATION_SCHEMA_VERSION",
    "EXPERIMENTS",
    "FIT_GROUPS",
    "FIT_KIND",
    "HARDWARE_GROUPS",
    "HARDWARE_KIND",
    "HARDWARE_SCHEMA_VERSION",
    "OPTIONAL_GROUPS",
    "SBC",
    "SCHEMA_VERSION",
    "VARIABLES",
    "annotate",
    "dataset_of",
    "group",
    "manifest",
]

#: Version of the layout of a stored fit. Raised when a reader of the old one could not read the new.
SCHEMA_VERSION = 1

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

#: Groups that a fit may have besides: of power-scaling sensitivity, of a stack's fits, and for ArviZ.
OPTIONAL_GROUPS = ("sensitivity", "comparison", "log_prior")

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

_DEX = "log10(FLOP)"
_DEX_PER_YEAR = "log10(FLOP) / year"

#: Unit and meaning of every variable in a tree.
VARIABLES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "law": ("1", "position in LAWS of the law of a draw"),
        "slope": ("performance / log10(FLOP)", "gain in performance per tenfold training compute"),
        "intercept": ("performance", "performance at the task's reference compute and year"),
        "noise": ("performance", "standard deviation of systems around their task's line"),
        "progress": (_DEX_PER_YEAR, "algorithmic progress, orders of magnitude of compute a year"),
        "floor": ("1", "irreducible error of the saturating law"),
        "slope_log_mean": (
            "1",
            "mean over tasks of the natural log of slope, in orders of magnitude of odds",
        ),
        "slope_log_sd": ("1", "standard deviation over tasks of the natural log of slope"),
        "noise_log_mean": (
            "1",
            "mean over tasks of the natural log of noise, in orders of magnitude of odds",
        ),
        "noise_log_sd": ("1", "standard deviation over tasks of the natural log of noise"),
        "floor_logit_mean": (
            "1",
            "mean over tasks of the log odds of floor as a share of the reference error",
        ),
        "floor_logit_sd": ("1", "standard deviation over tasks of the log odds of floor as a share"),
        "floor_logit": ("1", "log odds of floor as a share of the reference error"),
        "paper_correlation": ("1", "correlation of systems of one paper around their task's line"),
        "degrees_of_freedom": ("1", "degrees of freedom of papers around their task's line"),
        "progress_log_mean": ("1", "mean over tasks of the natural log of progress"),
        "progress_log_sd": ("1", "standard deviation over tasks of the natural log of progress"),
        "compute_error": (_DEX, "standard deviation of the measurement error of log10 training compute"),
        "flagged_error_factor": ("1", "factor by which compute_error is wider where compute is in doubt"),
        "compute_mean": (_DEX, "mean of true log10 compute at the reference year, relative to the reference"),
        "compute_growth": (_DEX_PER_YEAR, "growth of true log10 compute of a task's systems"),
        "compute_spread": (_DEX, "standard deviation of true log10 compute around its growth line"),
        "error": ("1", "error, 1 - performance metric as a fraction"),
        "log10_training_compute_flop": (_DEX, "log10 of training compute"),
        "publication_year": ("year", "decimal year of publication"),
        "reference_log10_compute": (_DEX, "log10 training compute to which the task is centred"),
        "reference_year": ("year", "decimal year to which the task is centred"),
        "reference_error": ("1", "geometric mean error of the task, at which slopes of laws are compared"),
        "compute_in_doubt": ("1", "1 where the system's training compute is in doubt"),
        "compute_sd": (_DEX, "standard deviation of log10 training compute; missing where none is given"),
        "paper_index": ("1", "number of the system's paper within its task"),
        "power_scaling": ("1", "power-scaling sensitivity of a quantity to a part of the posterior"),
        "weight": ("1", "stacking weight of a fit"),
        "log10_cost_usd": ("log10(USD)", "log10 of the price of the computation"),
        "log10_energy_kwh": ("log10(kWh)", "log10 of the energy drawn by the facility, PUE included"),
        "log10_carbon_kg": ("log10(kg CO2e)", "log10 of the emission from generating that energy"),
        "log10_flop_per_usd": ("log10(FLOP / USD)", "log10 of the burden a dollar buys"),
        "log10_flop_per_kwh": (
            "log10(FLOP / kWh)",
            "log10 of the burden a kWh of the facility's energy does",
        ),
        "log10_kg_per_kwh": ("log10(kg CO2e / kWh)", "log10 of the carbon intensity of the electricity"),
        "level": ("unit of the trend's quantity, log10", "log10 value of a trend in 2020"),
        "doubling_year": ("year", "doubling time of a trend at pace 1"),
        "pace": ("1", "speed of a group of trends in a period, relative to its doubling time"),
        "device_sd": ("unit of the trend's quantity, log10", "standard deviation of devices around a trend"),
        "pace_sd": ("1", "standard deviation of the natural log of pace"),
        "class_sd": ("1", "standard deviation over device classes of the natural log of doubling time"),
        "correlation": ("1", "correlation of log doubling times of price and energy"),
        "commitment_gain": ("log10(FLOP / USD)", "gain from committing to a cloud device for years"),
        "provider_sd": ("log10(FLOP / USD)", "standard deviation of cloud providers"),
        "offer_sd": ("log10(FLOP / USD)", "standard deviation of offers of one device by one provider"),
        "age_gain": ("log10(FLOP / USD) / year", "gain of a rented device per year since its release"),
        "log10_headroom": ("1", "log10 of the limit of energy efficiency over the trend in 2023"),
        "unreachable": ("1", "1 where no amount of compute reaches the target"),
        "truth": ("unit of the quantity", "true value of a quantity in a simulation"),
        "rank": ("1", "number of thinned posterior draws below the true value"),
        "probability": ("1", "share of posterior draws below the true value"),
        "mean": ("unit of the quantity", "posterior mean; missing where some draws are infinite"),
        "sd": ("unit of the quantity", "posterior standard deviation"),
        **{
            name: ("unit of the quantity", f"posterior quantile: {name.replace('_', ', ')} %")
            for name in ("lower_90", "lower_50", "upper_50", "upper_90")
        },
        "median": ("unit of the quantity", "posterior median"),
        "elpd": ("nat", "log predictive density of the paper left out"),
        "attempts": ("1", "simulations drawn until all errors lay in (0, 1)"),
        "rhat": ("1", "largest R-hat of a parameter"),
        "ess": ("1", "smallest bulk effective sample size of a parameter"),
        "divergences": ("1", "divergent transitions"),
        "failure": ("1", "why a fit could not be made; empty where it was"),
        "coverage_50": ("1", "share of true values in the 50 % equal-tailed interval"),
        "coverage_90": ("1", "share of true values in the 90 % equal-tailed interval"),
        "bias": ("1", "median of posterior mean minus true value, in posterior standard deviations"),
        "contraction": ("1", "1 - posterior variance over prior variance, both robust"),
        "p_value": ("1", "probability that uniform ranks depart from uniformity as far"),
        "largest_shift": ("1", "largest shift of the mean, in standard deviations of the fit to all data"),
        "largest_shift_fit": ("1", "fit that has the largest shift"),
    }
)


def annotate(dataset: xr.Dataset) -> xr.Dataset:
    """Give each known variable its ``units`` and ``long_name``; other attributes are dropped."""
    dataset.attrs = {}
    for name, variable in dataset.variables.items():
        variable.attrs = {}
        if name in VARIABLES:
            units, long_name = VARIABLES[str(name)]
            variable.attrs = {"units": units, "long_name": long_name}
    return dataset


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


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _moderate(text: str) -> int:
    return int(text) if len(text) <= _LONGEST_WHOLE_NUMBER else _refuse(text)


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(pairs) if len(dict(pairs)) == len(pairs) else _refuse("an entry twice")


def _refuse(constant: str) -> NoReturn:
    """Refuse NaN and Infinity, which JSON does not have, and what readers of JSON take differently.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(constant)
