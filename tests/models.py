"""Models that several tests fit."""

from __future__ import annotations

from typing import Any

#: Lines that neither bend, end nor break: the model of the releases of 2026.11.
STRAIGHT: dict[str, Any] = {"law": "power", "robust": False, "drift": False}
