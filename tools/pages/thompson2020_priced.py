"""The paper's target table through this package's own scenario: its lines, our conversions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.hardware.posterior import open_hardware
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.conversion import conversions
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.scenario_draws import draw_inputs
from scaling_bayes.thompson2020.points import FLOP_PER_GFLOP
from scaling_bayes.thompson2020.targets import target_table

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["scenario_table"]


def scenario_table() -> pd.DataFrame:
    """Price the paper's least-squares lines with ``scenario="thompson2020"``.

    Returns
    -------
    pandas.DataFrame
        The 90 rows of `target_table`; ``log10_value``, ``power_of_ten``, ``agrees`` are the scenario's.
    """
    table = target_table()
    scenario = Scenario.named("thompson2020")
    inputs = draw_inputs(scenario, open_hardware(), 1, 0, kind="mean")
    found = {
        name: float(values[0, 0])
        for name, values in conversions(scenario, inputs, np.array([2020.0])).items()
    }
    pound = math.log10(float(load_table("thompson2020_conversions").set_index("name")["value"]["kg_per_lb"]))
    carbon = found["log10_kg_per_kwh"] - found["log10_flop_per_kwh"] - pound
    per_flop = {
        "compute": -math.log10(FLOP_PER_GFLOP),
        "cost": -found["log10_flop_per_usd"],
        "carbon": carbon,
    }
    keys = ["task", "error", "form"]
    compute = table[table["quantity"] == "compute"].set_index(keys)["log10_value"]
    log10_flop = compute.loc[list(table[keys].itertuples(index=False, name=None))].to_numpy() + math.log10(
        FLOP_PER_GFLOP
    )
    table["log10_value"] = log10_flop + table["quantity"].map(per_flop).to_numpy(float)
    table["power_of_ten"] = np.floor(table["log10_value"]).astype(int)
    table["agrees"] = table["power_of_ten"] == table["printed_power_of_ten"]
    return table
