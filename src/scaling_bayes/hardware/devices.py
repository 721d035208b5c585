"""Classes of devices and kinds of prices, in the one table that everything else reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class DeviceClass:
    """A class of devices that have trends of their own."""

    #: For readers.
    label: str
    #: Precision whose peak rate counts. One of ``FP32``, ``bf16``.
    peak: str
    #: Classes that speed up and slow down together. One of ``gpu``, ``tpu``.
    family: str


#: By name in the accelerators table, whose other devices are ``other``.
DEVICE_CLASSES: Mapping[str, DeviceClass] = MappingProxyType(
    {
        "gpu_datacenter": DeviceClass("data-centre GPUs", "FP32", "gpu"),
        "gpu_consumer": DeviceClass("consumer GPUs", "FP32", "gpu"),
        "gpu_workstation": DeviceClass("workstation GPUs", "FP32", "gpu"),
        "tpu": DeviceClass("TPUs", "bf16", "tpu"),
    }
)
#: Rent, by commitment, and the purchase price.
PRICES = ("cloud_on_demand", "cloud_1_year", "cloud_3_year", "purchase")
