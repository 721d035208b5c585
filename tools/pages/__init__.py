"""Generated pages of the documentation; ``python -m tools.pages`` writes or checks them.

Each module of `NAMES` has ``pages(root)``: the text that every file it generates should have, by path
from the root of the checkout. Where only parts of a page are generated, the rest is as it stands there.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

__all__ = ["NAMES", "pages"]

NAMES = (
    "data",
    "hardware_data",
    "language",
    "citation",
    "evidence",
    "prior_predictive",
    "compute_trend",
    "thompson2020",
    "cost",
    "famous",
    "calibration",
    "track_record",
    "history",
    "benchmarks",
    "pictures",
    "examples",
)


def pages(name: str, root: Path) -> dict[Path, str]:
    """Text of each file that a module of `NAMES` generates, by path from the root of the checkout."""
    files: dict[Path, str] = import_module(f"tools.pages.{name}").pages(root)
    return files
