"""What a comparison of something stored with the same computed again found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

AGREES, DIFFERS, SKIPPED = "agrees", "differs", "not re-derived"

#: Relative and absolute differences that count as none: of values stored as float32, and of checks, which a
#: trace may hold for draws rounded to float32 after they were checked.
STORED: Final = (1e-6, 1e-5)
CHECKED: Final = (1e-4, 1e-9)

#: Item, outcome and detail.
Finding = tuple[str, str, str]


def same(item: str, expected: object, found: object) -> Finding:
    """Whether two values are the same."""
    if expected == found:
        return item, AGREES, str(found)
    return item, DIFFERS, f"expected {expected!s:.80}, found {found}"


def close(
    item: str, stored: NDArray[Any], computed: NDArray[Any], within: tuple[float, float] = STORED
) -> Finding:
    """Whether two arrays agree, to a relative and an absolute difference."""
    if stored.shape != computed.shape:
        return item, DIFFERS, f"expected shape {computed.shape}, found {stored.shape}"
    relative, absolute = within
    both = np.isnan(stored) & np.isnan(computed)
    with np.errstate(invalid="ignore"):
        excess = np.where(both | (stored == computed), 0.0, np.abs(stored - computed))
    allowed = np.where(both, 0.0, absolute + relative * np.abs(computed))
    bad = ~(excess <= allowed)
    if not bad.any():
        return item, AGREES, f"largest difference {excess.max(initial=0.0):.1e} in {stored.size} values"
    where = np.unravel_index(int(bad.argmax()), bad.shape) if bad.ndim else ()
    detail = f"expected {computed[where]:.8g}, found {stored[where]:.8g}"
    place = f"first at {tuple(map(int, where))}" if where else "the only one"
    return item, DIFFERS, f"{int(bad.sum())} of {bad.size} values, {place}: {detail}"
