"""How a fit counts compute, operations done or time at peak rate, and what that means for its price."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.options import check_choice
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import OptionError
from scaling_bayes.hardware.points import known_devices
from scaling_bayes.projection.devices import dense_peak, matrix_gains, places_near
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.resources import data_path
from scaling_bayes.systems.counts import ARITHMETIC, OFFSETS
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Time of the devices x their peak rate: FP32 of GPUs, 16 bits of TPUs.
BURDEN = "burden"
#: What a projection may be counted in.
COUNTED = (ARITHMETIC, BURDEN)


@cache
def _arithmetic_tasks() -> frozenset[str]:
    lines = data_path("language_tasks.csv").read_text(encoding="utf-8").splitlines()
    return frozenset(line.partition(",")[0] for line in lines[1:])


def counted(view: PosteriorView) -> str:
    """How the compute of a fit is counted, one of `COUNTED`.

    A fit that takes compute as it is stated has burdens, but for language models.
    """
    if view.options.count == ARITHMETIC or set(view.tasks) <= _arithmetic_tasks():
        return ARITHMETIC
    return BURDEN


def read_count(count: str | None, view: PosteriorView) -> str:
    """Read the count that a projection is asked in, by default that of the fit.

    Raises
    ------
    OptionError
        If there is no such count, or the fit took burdens as they stood, which cannot be told apart.
    """
    own = counted(view)
    if count is None:
        return own
    check_choice("count", count, COUNTED)
    if count == ARITHMETIC and own == BURDEN:
        raise OptionError(
            "count='arithmetic': the fit took compute as its table states it, in burdens of several kinds. "
            "Fit with count='arithmetic'."
        )
    return count


def refuse_own_unit(view: PosteriorView, what: str) -> None:
    """Refuse what needs operations in a fit whose compute is in a unit of the user's own.

    Raises
    ------
    OptionError
        If it is.
    """
    if view.unit != "FLOP":
        raise OptionError(
            f"{what} needs compute in FLOP; the fit has it in {view.unit!r}, of which neither price nor "
            "energy is known. Fit with compute in FLOP, or ask for compute alone: scenario=None, "
            "--scenario none."
        )


def offset(view: PosteriorView, count: str, seed: int) -> Floats | float:
    """log10 of compute in a count over compute as the fit counts it, shape (chain, draw).

    A burden is that of GPUs at FP32 peak: `scaling_bayes.systems.counts.OFFSETS`, as far as the fit knows.
    """
    if count == counted(view):
        return 0.0
    if "offset_burden_fp32" in view.posterior:
        found: Floats = view.posterior["offset_burden_fp32"].transpose("chain", "draw").values
        return found
    median, sd = OFFSETS["burden_fp32"]
    shape = [view.posterior.sizes[dim] for dim in ("chain", "draw")]
    return median + sd * generator(seed, Stream.COUNT).standard_normal(shape)


def per_operation(
    converted: Mapping[str, Floats], scenario: Scenario, inputs: Mapping[str, Any], years: Floats
) -> dict[str, Floats]:
    """What a dollar buys and a kilowatt-hour does in operations, where `conversions` says it in burdens.

    Operations are the burden times the share of the peak rate that a run uses, and times what the device's
    rate at matrices in 16 bits is above its FP32 rate.

    Parameters
    ----------
    converted : mapping
        From `conversions`, shape (draw, year).
    inputs : mapping
        From `draw_inputs`: ``utilisation`` and ``device_rank``, without which nothing changes.
    years : ndarray, shape (year,)
    """
    if "utilisation" not in inputs:
        return dict(converted)
    done = np.log10(np.minimum(inputs["utilisation"], 1.0))[:, np.newaxis]
    done = done + _matrix_gain(scenario, inputs["device_rank"], years)
    of_flop = ("log10_flop_per_usd", "log10_flop_per_kwh")
    return {name: values + done if name in of_flop else values for name, values in converted.items()}


def _matrix_gain(scenario: Scenario, rank: Floats, years: Floats) -> Floats:
    """log10 of the matrix rate over that which burdens count, of the hardware of each year, (draw, year).

    That of the named device, none of an own rate, else of the devices of the training runs published nearest
    to the year, whichever is at the draw's rank among them.
    """
    if "peak_flop_per_s" in scenario.replacements:
        return np.zeros((len(rank), len(years)))
    if scenario.device is not None:
        peak, counted_at = dense_peak(scenario.device), known_devices()[scenario.device]["peak_flop_per_s"]
        return np.full((len(rank), len(years)), np.log10(peak / float(counted_at)))
    until = scenario.improvement_year
    if until is not None and scenario.improvement == "none":
        years = np.full_like(years, until)
    elif until is not None and scenario.improvement == "stalled":
        years = np.minimum(years, until)
    gains = [_gains(scenario.device_class, float(year)) for year in years]
    return np.stack([each[np.minimum((rank * len(each)).astype(int), len(each) - 1)] for each in gains], 1)


@cache
def _gains(device_class: str, year: float) -> Floats:
    """log10 of the matrix rate over the rate of burdens, of the devices in use in a year, in order."""
    return np.sort(matrix_gains(device_class)[places_near(device_class, None, year)])
