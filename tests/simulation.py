"""Simulated systems with known truth; ``python tests/simulation.py`` writes the pair in tests/data."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from scaling_bayes.core.laws import LAWS

FOLDER = Path(__file__).parent / "data"
SYSTEMS = FOLDER / "simulated_systems.csv"
TRUTH = FOLDER / "simulated_truth.json"


def simulate(n_tasks: int, systems_per_task: int, seed: int) -> tuple[pd.DataFrame, dict[str, object]]:
    """Systems drawn from the reference model, and the parameters they were drawn with.

    Intercepts hold at 1e20 FLOP and mid-2016.
    """
    rng = np.random.default_rng(seed)
    truth = {
        "compute_error": 0.3,
        "slope": rng.lognormal(np.log(0.06), 0.4, n_tasks),
        "noise": rng.lognormal(np.log(0.03), 0.3, n_tasks),
        "progress": rng.lognormal(np.log(0.4), 0.2, n_tasks),
        "intercept": rng.uniform(0.8, 1.4, n_tasks),
    }
    rows = []
    for j in range(n_tasks):
        year = rng.integers(2012, 2021, systems_per_task)
        since = year + 0.5 - 2016.5
        compute = rng.normal(0.4 * since, 1.2)
        performance = (
            truth["intercept"][j]
            + truth["slope"][j] * (compute + truth["progress"][j] * since)
            + rng.normal(0, truth["noise"][j], systems_per_task)
        )
        observed = compute + rng.normal(0, truth["compute_error"], systems_per_task)
        rows.append(
            pd.DataFrame(
                {
                    "task": f"task_{j}",
                    "system": [f"system {j}-{i}" for i in range(systems_per_task)],
                    "year": year,
                    "error": np.round(10.0**-performance, 6),
                    "training_compute_flop": [float(f"{10.0 ** (20 + x):.6e}") for x in observed],
                }
            )
        )
    frame = pd.concat(rows, ignore_index=True)
    plain = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in truth.items()}
    return frame, {"seed": seed, "tasks": [f"task_{j}" for j in range(n_tasks)], **plain}


def simulate_law(law: str, *, systems_per_task: int, seed: int) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Two tasks of one law with exact compute and no progress, and the parameters they were drawn with."""
    rng = np.random.default_rng(seed)
    scale = LAWS[law]
    center = np.array([0.12, 0.35])
    floor = np.array([0.04, 0.2]) if scale.has_floor else np.zeros(2)
    gain = scale.odds_gain(center, floor)
    truth = {"slope": gain * np.array([0.08, 0.15]), "noise": gain * np.array([0.03, 0.05]), "floor": floor}
    rows = []
    for j in range(2):
        compute = rng.uniform(-2.5, 2.5, systems_per_task)
        departure = truth["slope"][j] * compute + rng.normal(0.0, truth["noise"][j], systems_per_task)
        performance = scale.performance(center[j], floor[j]) + departure
        rows.append(
            pd.DataFrame(
                {
                    "task": f"task_{j}",
                    "system": [f"system {j}-{i}" for i in range(systems_per_task)],
                    "error": np.clip(scale.error(performance, floor[j]), 1e-4, 0.999),
                    "training_compute_flop": 10.0 ** (20 + compute),
                }
            )
        )
    return pd.concat(rows, ignore_index=True), truth


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    frame, truth = simulate(n_tasks=6, systems_per_task=40, seed=2026)
    frame.to_csv(SYSTEMS, index=False, lineterminator="\n")
    TRUTH.write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
