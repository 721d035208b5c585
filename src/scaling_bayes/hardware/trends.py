"""Which trends there are, what is believed about them beforehand, and where that is from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.core.priors import Prior
from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.equations import BASE_YEAR, PERIOD_YEARS

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Quantities with a trend: unit, meaning.
QUANTITIES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "energy": ("log10(FLOP / J)", "peak rate over board power"),
        "purchase": ("log10(FLOP/s / USD)", "peak rate over purchase price at release"),
        "cloud": ("log10(FLOP / USD)", "peak rate x 3600 s over price per chip-hour on demand"),
        "largest_run": ("log10(FLOP)", "training compute of the largest run so far"),
        "record_machine": ("log10(FLOP/s)", "Linpack Rmax of the first machine of TOP500"),
    }
)
HARDWARE_QUANTITIES = ("energy", "purchase", "cloud")
COMMITMENTS = ("cloud_1_year", "cloud_3_year")


@dataclass(frozen=True)
class Trend:
    """One trend of the hardware model."""

    #: One of `QUANTITIES`.
    quantity: str
    #: As in the accelerators table; empty for machines and runs.
    device_class: str
    #: Centre of the prior of the level at `BASE_YEAR`, in the unit of the quantity. Only the order of
    #: magnitude is meant: the prior has a standard deviation of 1.
    level: float

    @property
    def label(self) -> str:
        """Name in the posterior, such as ``energy gpu_datacenter``."""
        return f"{self.quantity} {self.device_class}".strip()

    @property
    def pace_group(self) -> str:
        """Trends that speed up and slow down together: GPUs of all classes, TPUs."""
        if not self.device_class:
            return self.quantity
        return f"{self.quantity} {DEVICE_CLASSES[self.device_class].family}"


TRENDS = (
    Trend("energy", "gpu_datacenter", 10.5),
    Trend("energy", "gpu_consumer", 10.5),
    Trend("energy", "gpu_workstation", 10.5),
    Trend("energy", "tpu", 11.5),
    Trend("purchase", "gpu_datacenter", 9.5),
    Trend("purchase", "gpu_consumer", 10.0),
    Trend("purchase", "gpu_workstation", 9.5),
    Trend("cloud", "gpu_datacenter", 16.5),
    Trend("cloud", "gpu_consumer", 17.0),
    Trend("cloud", "gpu_workstation", 17.0),
    Trend("cloud", "tpu", 17.0),
    Trend("largest_run", "", 23.5),
    Trend("record_machine", "", 17.5),
)


def trends_of(*quantities: str) -> list[Trend]:
    """The trends of some quantities, in order."""
    return [trend for trend in TRENDS if trend.quantity in quantities]


def pace_groups() -> list[str]:
    """Groups of trends that share their pace, in order."""
    return list(dict.fromkeys(trend.pace_group for trend in TRENDS))


def period_edges(first: float, last: float) -> NDArray[np.float64]:
    """Edges of the periods, aligned to `BASE_YEAR`, that together hold `first` to `last`."""
    low = int(np.floor((first - BASE_YEAR) / PERIOD_YEARS))
    high = int(np.ceil((last - BASE_YEAR) / PERIOD_YEARS))
    edges: NDArray[np.float64] = BASE_YEAR + PERIOD_YEARS * np.arange(low, high + 1, dtype=np.float64)
    return edges


#: Edges of the periods whose pace is fitted; the pace of others is drawn anew.
FITTED_PERIODS = period_edges(1990.0, 2026.0)


def default_hardware_priors() -> dict[str, Prior]:
    """Priors of the hardware model by parameter.

    Sources. ``cloud_`` and ``purchase_doubling_year``: 2.46 years for FLOP/s per dollar of all GPUs, widened
    to hold 2.07 (ML GPUs) to 2.95 (top GPUs), Hobbhahn & Besiroglu 2022, and wider still because their GPUs
    and ours overlap: their published intervals used as they are would count the same price tags twice.
    ``energy_doubling_year``: 2.6 years since 2000, Koomey & Naffziger 2016 (Electronic Design), processors
    that are not in our table; the published fits to our own table are left out on purpose.
    ``largest_run_doubling_year``: 6 months, Sevilla et al. 2022, widened for the same reason.
    ``record_machine_doubling_year``: about 1.1 years until 2013 and over 2 since (TOP500), both held.
    ``energy_headroom``: 200x over chips of 2023, 30 to 1000, Ho, Erdil & Besiroglu 2023.
    ``pace_sd``: trends break. In natural log, energy efficiency changed pace by 0.5 around 2000 (1.57 to 2.6
    years, Koomey & Naffziger), TOP500 by 0.8 around 2013, training compute by 1.2 around 2010 (20 to 6
    months, Sevilla et al.). The rest is weakly informative.
    """
    return {
        "energy_doubling_year": Prior.from_interval(2.6, 1.6, 4.2),
        "purchase_doubling_year": Prior.from_interval(2.46, 1.5, 4.0),
        "cloud_doubling_year": Prior.from_interval(2.46, 1.2, 5.0),
        "largest_run_doubling_year": Prior.from_interval(0.5, 0.3, 0.85),
        "record_machine_doubling_year": Prior.from_interval(1.5, 0.8, 2.8),
        "correlation": Prior("Uniform", lower=0.0, upper=1.0),
        "class_sd": Prior.from_interval(0.2, 0.07, 0.55),
        "pace_sd": Prior.from_interval(0.45, 0.25, 0.8),
        "device_sd": Prior.from_interval(0.25, 0.08, 0.8),
        "provider_sd": Prior("HalfNormal", sigma=0.3),
        "offer_sd": Prior("HalfNormal", sigma=0.2),
        "commitment_gain": Prior("HalfNormal", sigma=0.3),
        "age_gain": Prior("Normal", mu=0.03, sigma=0.05),
        "energy_headroom": Prior.from_interval(200.0, 40.0, 1000.0),
    }
