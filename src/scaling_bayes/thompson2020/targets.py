"""The paper's target table: the power of ten it prints beside the value recomputed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from scaling_bayes.errors import DataError, Problem
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.resources import data_path
from scaling_bayes.thompson2020.lines import fit_line
from scaling_bayes.thompson2020.points import FLOP_PER_GFLOP, regression_points

if TYPE_CHECKING:
    import pandas as pd

#: Quantities of the table and their units, as the paper has them.
QUANTITIES = {"compute": "GFLOP", "cost": "USD", "carbon": "lb CO2"}
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Conversions:
    """What turns a burden into dollars and pounds of CO2."""

    log10_flop_per_usd: float
    log10_flop_per_lb_co2: float

    def convert(self, log10_gflop: float, quantity: str) -> float:
        """log10 of a quantity of `QUANTITIES`, in its unit, from log10 burden in GFLOP."""
        log10_flop = log10_gflop + math.log10(FLOP_PER_GFLOP)
        return {
            "compute": log10_gflop,
            "cost": log10_flop - self.log10_flop_per_usd,
            "carbon": log10_flop - self.log10_flop_per_lb_co2,
        }[quantity]


def conversions() -> Conversions:
    """The conversions that give back the cost and carbon columns of the table.

    FLOP per dollar is the peak rate of a P100 for an hour over its price; FLOP per pound the burden of the
    Transformer-base run over its emission. Both from Strubell, Ganesh and McCallum (2019, arXiv:1906.02243);
    the ingredients stand in ``data/hardware/thompson2020_conversions.csv``.
    """
    table = load_table("thompson2020_conversions").set_index("name")["value"]
    rate = float(table["p100_peak"])
    seconds = float(table["transformer_base_hours"]) * _SECONDS_PER_HOUR
    per_usd = rate * _SECONDS_PER_HOUR / float(table["p100_price"])
    per_pound = rate * float(table["transformer_base_gpus"]) * seconds / float(table["transformer_base_co2"])
    return Conversions(math.log10(per_usd), math.log10(per_pound))


def printed_targets() -> pd.DataFrame:
    """The printed table, with the source of each cell.

    Raises
    ------
    DataError
        If a cell names a quantity or unit that is not the table's.
    """
    import pandas as pd

    path = data_path("thompson2020_targets.csv")
    table = pd.read_csv(path, keep_default_na=False)
    problems = [
        Problem(line, "unit", repr(unit), f"{QUANTITIES.get(quantity, 'a quantity of the table')}")
        for line, (quantity, unit) in enumerate(zip(table["quantity"], table["unit"], strict=True), start=2)
        if QUANTITIES.get(quantity) != unit
    ]
    if problems:
        raise DataError(f"{path.name} cannot be compared with", problems)
    return table


def target_table() -> pd.DataFrame:
    """Every cell of the paper's target table beside our recomputation.

    Returns
    -------
    pandas.DataFrame
        90 rows, five tasks x three errors x two forms x compute, cost, carbon: ``task``, ``error``, ``form``,
        ``quantity``, ``unit``, ``printed_power_of_ten``, ``log10_value`` (recomputed), ``power_of_ten`` (its
        floor) and ``agrees``.
    """
    points = regression_points()
    table = printed_targets().drop(columns=["citation", "url"])
    convert = conversions()
    lines = {
        (task, form): fit_line(task, form, points)
        for task, form in table[["task", "form"]].drop_duplicates().itertuples(index=False, name=None)
    }
    table["log10_value"] = [
        convert.convert(float(lines[task, form].burden(error)), quantity)
        for task, error, form, quantity in zip(
            table["task"], table["error"], table["form"], table["quantity"], strict=True
        )
    ]
    table["power_of_ten"] = np.floor(table["log10_value"]).astype(int)
    table["agrees"] = table["power_of_ten"] == table["printed_power_of_ten"]
    return table


def disagreements(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """The cells of `target_table` whose power of ten is not the printed one."""
    table = target_table() if table is None else table
    return table[~table["agrees"]].reset_index(drop=True)
