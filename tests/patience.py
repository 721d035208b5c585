"""How long tests wait for another process before it counts as hung."""

from __future__ import annotations

#: Seconds. No test measures time; this only ends one that would wait for ever, however slow the machine.
PATIENCE = 1200.0
