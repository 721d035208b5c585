"""The posterior of the hardware trends: opened."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from scaling_bayes.errors import TraceError
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.releases import HARDWARE_RELEASE
from scaling_bayes.trace.schema import FIT_KIND, HARDWARE_KIND, manifest

if TYPE_CHECKING:
    import xarray as xr


@cache
def open_hardware() -> xr.DataTree:
    """Open and verify the shipped posterior of the hardware trends; treat it as read-only.

    Raises
    ------
    TraceError
        If the file is damaged or altered.
    """
    return open_trace(HARDWARE_RELEASE, kind=HARDWARE_KIND)


def read_hardware(hardware: xr.DataTree | None) -> xr.DataTree:
    """Return a hardware posterior after checking that it is one; the shipped one for None.

    Raises
    ------
    TraceError
        If the tree is something else.
    """
    if hardware is None:
        return open_hardware()
    found = manifest(hardware).get("kind", FIT_KIND)
    if found != HARDWARE_KIND:
        raise TraceError(f"hardware: found a posterior of kind {found!r}; expected one from fit_hardware().")
    return hardware


def hardware_digest(hardware: xr.DataTree) -> str:
    """Digest of a hardware posterior, as its file has it."""
    return str(hardware.attrs.get("digest") or tree_digest(hardware))
