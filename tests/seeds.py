"""Seeds of what the tests sample: the stored ones, or others, as no test may hold for one draw alone."""

from __future__ import annotations

import os

#: Added to every seed of a sampler. Simulated data keep their seeds: they are inputs, not results.
OFFSET = int(os.environ.get("SCALING_BAYES_TEST_SEED_OFFSET", "0"))


def seeded(seed: int) -> int:
    """The seed a test samples with."""
    return seed + OFFSET


#: Of the reference fit that the tests share.
REFERENCE_SEED = seeded(20261123)
