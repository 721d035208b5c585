"""Streams of random numbers: each use of a seed has its own, so that none repeats the numbers of another."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """What random numbers are for. A number keeps its meaning: stored draws depend on it."""

    PRIOR_PREDICTIVE = 0
    POSTERIOR_PREDICTIVE = 1
    DEPARTURE = 2
    PREDICTED_ERROR = 3
    CURVE = 4
    PRIOR = 5
    PERMUTATION = 6
    STACKING_WEIGHT = 7
    SCORECARD_ERROR = 8
    SCORECARD_LAW = 9
    LAW_RECOVERY = 10
    CALIBRATION_FIT = 11
    DRIFT = 12
    RECORD = 13
    COUNT = 14
    WITHOUT_DRIFT = 15
    SCENARIO = 20


def generator(seed: int, stream: Stream, *within: int) -> np.random.Generator:
    """Random numbers of one stream of a seed; `within` tells parts of the stream apart."""
    return np.random.default_rng([seed, stream, *within])


def derived_seed(seed: int, stream: Stream, *within: int) -> int:
    """Seed for a run of its own that follows from `seed`."""
    return int(np.random.SeedSequence([seed, stream, *within]).generate_state(1)[0])
