"""What a job of many fits has to say of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Dimension along the fits of a job.
FIT = "fit"
#: What is recorded of every fit beside its results.
DIAGNOSTICS = ("rhat", "ess", "divergences", "seconds", "memory_mib")

type Result = Mapping[str, NDArray[np.float64]]


class Job(Protocol):
    """Many fits, each of which depends on its number alone.

    A job is pickled to the processes that run it.
    """

    @property
    def name(self) -> str:
        """What the fits are for, in a word."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Everything the results depend on, as JSON can hold it; two jobs are the same if these are."""

    @property
    def labels(self) -> Sequence[str]:
        """Label of each fit."""

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        """Labels along each dimension of the results of one fit."""

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        """Dimensions of each result of one fit, ``DIAGNOSTICS`` left out."""

    def run(self, number: int) -> Result:
        """Make one fit; its results by name, with those of `DIAGNOSTICS`.

        Any exception counts as the failure of this fit alone.
        """


def fingerprint(job: Job) -> str:
    """SHA-256 of a job's identity."""
    return hashlib.sha256(json.dumps(job.identity, sort_keys=True).encode()).hexdigest()
