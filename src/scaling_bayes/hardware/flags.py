"""The words of the ``flags`` columns of the hardware tables, and what a reader should do about each."""

from __future__ import annotations

from dataclasses import dataclass

from scaling_bayes.hardware.editions import EDITIONS

_PEAKS = (
    "peak_flop_per_s_fp64",
    "peak_flop_per_s_fp32",
    "peak_flop_per_s_tf32_tensor",
    "peak_flop_per_s_fp16",
    "peak_flop_per_s_fp16_bf16_tensor",
    "peak_op_per_s_int8",
)
_RUN = ("hardware_quantity", "training_time_hours")


@dataclass(frozen=True, slots=True)
class Flag:
    """One word of a vocabulary.

    Attributes
    ----------
    meaning : str
        What is special about a row that carries the word.
    blanks : tuple of str
        Columns whose cells are not to be used in such a row.
    drops : bool
        Whether the whole row is not to be used.
    since : str
        Edition of the tables from which on the consequence holds.
    """

    meaning: str
    blanks: tuple[str, ...] = ()
    drops: bool = False
    since: str = EDITIONS[0]


ACCELERATOR_FLAGS: dict[str, Flag] = {
    "undated": Flag("no release date was published"),
    "date_placeholder": Flag("the source gives 1 January for a year only"),
    "date_suspect": Flag("the year contradicts the launch of the product", blanks=("release_date",)),
    "date_disagrees": Flag("the two lists differ in the year; the dated one is kept"),
    "peak_is_clock": Flag(
        "the FP32 cell repeats the clock in MHz in place of GFLOP/s", blanks=("peak_flop_per_s_fp32",)
    ),
    "peak_suspect": Flag(
        "the FP32 rate contradicts the chip (units times clock)", blanks=("peak_flop_per_s_fp32",)
    ),
    "peak_disagrees": Flag("the two lists differ by over 5 % in FP32 (base or boost clock); boost is kept"),
    "pre_release_copy": Flag("the rates are those of the predecessor, listed before release", _PEAKS, True),
    "no_peak": Flag("no peak rate in any of the formats was published"),
    "virtual_profile": Flag(
        "a slice of a board offered to virtual machines, at the board's power", drops=True
    ),
    "fp16_moved_to_tensor": Flag("the FP16 figure of the source is a matrix-unit rate and stands there"),
    "fp32_is_matrix": Flag("the FP32 rate is that of a matrix unit"),
    "power_suspect": Flag(
        "the power is not that of the board (a recommended supply, or another model)",
        blanks=("board_power_watt",),
    ),
    "power_disagrees": Flag("the two lists differ by over 10 % in power; the dated one is kept"),
    "power_corrected": Flag("300 W in the source is the 80 GB board; the 40 GB board of this row has 250 W"),
    "power_estimated": Flag("the maker gives no rated power; worked out from its efficiency claims"),
    "price_unsourced": Flag("the source names no page for the price"),
    "price_source_mismatch": Flag("the page named for the price is about another device"),
    "price_system_share": Flag("the price of a whole server divided by its number of boards"),
    "price_estimated": Flag("an analyst's estimate, not a list price"),
    "price_reseller": Flag("a reseller's price, not a list price"),
    "price_converted": Flag("converted from another currency"),
    "name_corrected": Flag("the name in the source is a slip; its spelling is among the aliases"),
}

PRICE_FLAGS: dict[str, Flag] = {
    "generic_name": Flag("the source does not say which variant; the most common one stands here"),
    "device_relabelled": Flag("the source names another variant than the offer it cites"),
    "device_unlisted": Flag("the device is not in the accelerators table"),
    "half_board": Flag("a rented K80 is one of the two chips of the board: half its peak rate and power"),
    "host_heavy": Flag(
        "over 1.9 times the cheapest offer of the day: the price is of a large host", drops=True
    ),
    "system_share": Flag("the price of a whole server divided by its number of devices"),
    "whole_system": Flag("the price of a wafer-scale system", drops=True),
    "estimate": Flag("worked out, not a price at which anything was sold", drops=True),
    "currency_converted": Flag("converted from another currency"),
    "late_market": Flag("over three years after release, or a clearance price"),
    "before_release": Flag("dated before the release of the device", drops=True),
    "repeated_offer": Flag(
        "differs from another offer in the number of devices only", drops=True, since="2026.12"
    ),
    "price_outlier": Flag(
        "under a third of every other offer of the device within a year", drops=True, since="2026.12"
    ),
    "price_suspect": Flag("out of line with every other offer of the device", drops=True),
}

GRID_FLAGS: dict[str, Flag] = {
    "zero_reported": Flag("a reported zero, from rounding or missing generation", drops=True),
    "constant_series": Flag("varies by under 1 % over the years: carried forward, not measured"),
}

REGION_FLAGS: dict[str, Flag] = {
    "disagrees_with_grid": Flag("differs by over 1.5 times from the country's grid in 2019"),
    "spot_measurement": Flag("measured in one hour of one day"),
    "market_based": Flag("zero through purchased certificates, not the local grid", drops=True),
    "source_mismatch": Flag("the page named is about another country"),
    "source_missing": Flag("no page is named"),
    "place_corrected": Flag("city or state corrected"),
}

SYSTEM_FLAGS: dict[str, Flag] = {
    "above_peak": Flag("compute above devices x time x peak: they belong to fine-tuning only", blanks=_RUN),
    "far_below_peak": Flag("compute below 0.2 % of devices x time x peak", blanks=_RUN),
    "utilisation_disagrees": Flag("reported and implied utilisation differ by over 2 times"),
    "mixed_hardware": Flag("more than one kind of device"),
    "speculative": Flag("the estimate of compute is a guess"),
    "date_placeholder": Flag("the source gives 1 January for a year only"),
}

EFFICIENCY_FLAGS: dict[str, Flag] = {
    "date_corrected": Flag("the published table has month 1; the day of the arXiv submission stands here"),
    "factor_disagrees": Flag("the published factor is not the quotient of the published compute"),
}

FLAGS: dict[str, dict[str, Flag]] = {
    "accelerators": ACCELERATOR_FLAGS,
    "prices": PRICE_FLAGS,
    "grid_carbon_intensity": GRID_FLAGS,
    "cloud_regions": REGION_FLAGS,
    "ml_systems": SYSTEM_FLAGS,
    "utilisation": SYSTEM_FLAGS,
    "algorithmic_efficiency": EFFICIENCY_FLAGS,
}
