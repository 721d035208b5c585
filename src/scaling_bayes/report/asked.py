"""What a report asks of a fit: its years, and the title's target asked in other ways."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scaling_bayes.errors import TargetError
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.conversion import add_costs
from scaling_bayes.projection.project import project
from scaling_bayes.projection.requirement import ask
from scaling_bayes.projection.scenario import PROGRESS_RATES
from scaling_bayes.projection.summarize import summary
from scaling_bayes.text import COMPUTE, COST
from scaling_bayes.trace.schema import group, manifest

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario
    from scaling_bayes.trace.view import PosteriorView

#: The year beside that of the finding.
_LATER = 2030.0


def with_other_years(
    fit: PosteriorView, projected: xr.DataTree, table: pd.DataFrame, kind: str, scenario: Scenario | None
) -> pd.DataFrame:
    """What the finding tells of the same targets at the end of the data and in 2030, below a table.

    Where several years are asked, those alone.
    """
    import pandas as pd
    import xarray as xr

    asked, data = manifest(projected)["projection"], group(projected, "projection")
    last = asked["data"]["last_year"]
    if len(asked["years"]) > 1 or last is None:
        return table
    targets = list(zip(data["target_task"].values, data["target_error"].values, strict=True))
    notes = table.drop_duplicates(["task", "error"]).set_index(["task", "error"])["note"]
    frames = [table]
    told = COST if COST in data else COMPUTE
    for year in {last, _LATER} - set(asked["years"]):
        if year >= last:
            try:
                later = project(fit, targets, year, kind, scenario=scenario)
            except TargetError:  # progress cannot go on until then
                continue
            later["projection"] = xr.DataTree(group(later, "projection")[[told]])
            frames.append(summary(later))
    found = pd.concat(frames, ignore_index=True)
    found["note"] = [notes[task, error] for task, error in zip(found["task"], found["error"], strict=True)]
    return found


def by_progress(
    fit: PosteriorView, projected: xr.DataTree, target: tuple[str, float]
) -> dict[str, float] | None:
    """The median for the title's target at each of `PROGRESS_RATES` after the end of the data.

    All else is as in the projection; the median is of log10 USD, or of log10 compute without a scenario.
    """
    asked = manifest(projected)["projection"]
    last, year = asked["data"]["last_year"], asked["years"][-1]
    if not asked["progress_continues"] or "progress" not in fit.posterior or year <= (last or math.inf):
        return None
    told = COST if COST in group(projected, "projection") else COMPUTE
    found = {}
    for name in PROGRESS_RATES:
        other = ask(fit, [target], year, asked["kind"], asked["random_seed"], progress=name)
        data = other.log10_compute().to_dataset(name=COMPUTE)
        if told == COST:
            data = add_costs(data, group(projected, "hardware").isel(year=[-1]))
        found[name] = float(quantiles(data[told].values.ravel(), [0.5])[0])
    return found
