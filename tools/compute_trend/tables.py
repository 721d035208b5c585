"""The stored growth tables: written with their sidecars, read back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from scaling_bayes.errors import DataError, OptionError, Problem
from scaling_bayes.files import write_text
from scaling_bayes.intervals import QUANTILES
from scaling_bayes.resources import data_path
from scaling_bayes.trace.digest import frame_digest
from tools.compute_trend.series import SERIES, series_values

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TABLES", "inputs_digest", "load_landmark_systems", "load_trend_table", "sidecar", "write_tables"]

_QUANTILE_COLUMNS = {
    name: ("unit of the quantity", f"{probability:g} quantile of the posterior")
    for name, probability in QUANTILES.items()
}
_SERIES_COLUMNS = {
    "series": ("-", "series, of tools.compute_trend.series"),
    "n_change_points": ("count", "change points of the model"),
    "chosen": ("0 or 1", "whether the model is the one reported"),
}

#: Stored tables: title, and unit and meaning of each column.
TABLES: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = MappingProxyType(
    {
        "models": (
            "Growth over time: models with different numbers of change points",
            {
                "series": _SERIES_COLUMNS["series"],
                "n_points": ("count", "points fitted"),
                "n_change_points": _SERIES_COLUMNS["n_change_points"],
                "elpd": ("nat", "expected log predictive density by PSIS-LOO"),
                "elpd_difference": ("nat", "to the best of the series"),
                "se_difference": ("nat", "standard error of the difference"),
                "largest_pareto_k": ("1", "largest Pareto k; below 0.7 the elpd is reliable"),
                "chosen": _SERIES_COLUMNS["chosen"],
                "rhat": ("1", "largest R-hat"),
                "ess_bulk": ("1", "smallest bulk effective sample size"),
                "divergences": ("count", "divergent transitions"),
                "passed": ("0 or 1", "whether all checks of the sample passed"),
            },
        ),
        "growth": (
            "Growth over time by era, change points, and mean growth over windows",
            {
                **_SERIES_COLUMNS,
                "quantity": ("-", "growth (log10 a year) or change_point (decimal year)"),
                "period": ("-", "era or change by number, all, or window"),
                "start": ("year", "beginning; of an era the median change point"),
                "end": ("year", "end; of an era the median change point"),
                **_QUANTILE_COLUMNS,
                "probability_tenfold": ("1", "probability that growth is at least tenfold a year"),
            },
        ),
        "lines": (
            "Growth over time: the trend of the chosen model",
            {
                "series": _SERIES_COLUMNS["series"],
                "year": ("year", "decimal year"),
                **_QUANTILE_COLUMNS,
            },
        ),
    }
)

_SIDECAR = """\
title = "{title}"
description = "Posterior summaries, written by python -m tools.compute_trend.fit."
producers = ["The scaling_bayes developers"]
citation = "Derived from ml_systems, record_machines, accelerators and landmark_machines of data/hardware"
date_accessed = 2026-11-23
licence_of_facts = "Facts and figures, not protected; the arrangement of this file is under Apache-2.0"
inputs_sha256 = "{inputs}"
sha256 = "{digest}"

[[sources]]
title = "data/hardware, with the sources of each table"
url = "https://epoch.ai/data"
licence = "CC BY 4.0, attribution given"
"""


def inputs_digest() -> str:
    """SHA-256 of the values of every series; logarithms of them differ from processor to processor."""
    return frame_digest(*(series_values(name) for name in SERIES))


def write_tables(root: Path, tables: Mapping[str, pd.DataFrame]) -> list[Path]:
    """Write ``models``, ``growth`` and ``lines`` with their sidecars; return what was written.

    Parameters
    ----------
    root : Path
        The checkout.
    tables : mapping of DataFrame
        One per entry of `TABLES`.

    Raises
    ------
    DataError
        If a table has other columns than are described.
    """
    written = []
    for name, (_, columns) in TABLES.items():
        table = tables[name]
        if list(table.columns) != list(columns):
            problem = Problem(None, None, ", ".join(table.columns), ", ".join(columns))
            raise DataError(f"compute_trend_{name} has other columns than its description", [problem])
        path = root / "data" / f"compute_trend_{name}.csv"
        content = table.to_csv(index=False, float_format="%.5g", lineterminator="\n")
        about = path.with_name(f"{path.stem}.meta.toml")
        write_text(path, content)
        write_text(about, sidecar(name, content.encode(), inputs_digest()))
        written += [path, about]
    return written


def sidecar(name: str, content: bytes, inputs: str) -> str:
    """Text of a table's sidecar.

    Parameters
    ----------
    name : str
        Of `TABLES`.
    content : bytes
        The table as stored.
    inputs : str
        `inputs_digest` of the points it was made from.
    """
    title, columns = TABLES[name]
    text = _SIDECAR.format(title=title, inputs=inputs, digest=hashlib.sha256(content).hexdigest())
    for column, (unit, meaning) in columns.items():
        text += f'\n[[columns]]\nname = "{column}"\nunit = "{unit}"\nmeaning = "{meaning}"\n'
    return text


def load_trend_table(name: str) -> pd.DataFrame:
    """Read one of the stored tables.

    Parameters
    ----------
    name : str
        Of `TABLES`.

    Raises
    ------
    OptionError
        If there is no such table.
    """
    import pandas as pd

    if name not in TABLES:
        raise OptionError(f"no table {name!r}; there are {', '.join(TABLES)}.")
    return pd.read_csv(data_path(f"compute_trend_{name}.csv"))


def load_landmark_systems() -> pd.DataFrame:
    """Read the landmark systems of the 2020 paper: dates, devices, time, hardware burden in FLOP.

    The Evolved Transformer stands twice: as the paper has it, and as measured later.
    """
    import pandas as pd

    return pd.read_csv(data_path("landmark_systems.csv"), parse_dates=["publication_date"])
