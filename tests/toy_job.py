"""A job whose fits cost nothing but time, for tests of the engine."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ToyJob:
    count: int
    seconds: float = 0.0
    fails: tuple[int, ...] = ()
    log: str = ""
    seed: int = 0
    name: str = "toy"

    @property
    def identity(self) -> Mapping[str, Any]:
        return {"experiment": self.name, "count": self.count, "seed": self.seed, "fails": list(self.fails)}

    @property
    def labels(self) -> Sequence[str]:
        return [f"fit {number}" for number in range(self.count)]

    @property
    def coordinates(self) -> Mapping[str, Sequence[str]]:
        return {"quantity": ("a", "b")}

    @property
    def fields(self) -> Mapping[str, tuple[str, ...]]:
        return {"value": ("quantity",), "total": ()}

    def run(self, number: int) -> Mapping[str, np.ndarray]:
        time.sleep(self.seconds)
        if self.log:
            with Path(self.log).open("a") as log:
                log.write(f"{number} {os.getpid()}\n")
        if number in self.fails:
            raise ValueError(f"no fit {number}, ünmöglich")
        drawn = np.random.default_rng([self.seed, number]).standard_normal(2)
        scalars = dict.fromkeys(("rhat", "ess", "divergences", "seconds", "memory_mib"), np.array(1.0))
        return {"value": drawn, "total": drawn.sum(), **scalars}
