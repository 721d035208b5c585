"""What a report asks of a fit: its years, and the title's target asked in other ways."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scaling_bayes.errors import TargetError
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.project import project
from scaling_bayes.projection.summarize import summary
from scaling_bayes.text import COMPUTE, COST
from scaling_bayes.trace.schema import group, manifest
from scaling_bayes.trace.view import draws_of

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
) -> tuple[float, float] | None:
    """The median for the title's target if algorithms gain slowly, and fast, after the end of the data.

    Slow and fast are the ends of the 90 % interval of progress; all else is as in the median.
    """
    asked = manifest(projected)["projection"]
    last = asked["data"]["last_year"]
    ahead = asked["years"][-1] - (last or math.inf)
    if not asked["progress_continues"] or "progress" not in fit.posterior or ahead <= 0:
        return None
    task, error = target
    data = group(projected, "projection")
    here = (data["target_task"].values == task) & (data["target_error"].values == error)
    draws = data[COST if COST in data else COMPUTE].isel(target=int(here.argmax()), year=-1).values.ravel()
    slow, middle, fast = quantiles(draws_of(fit.posterior, "progress", task), [0.05, 0.5, 0.95])
    median = float(quantiles(draws, [0.5])[0])
    return median + (middle - slow) * ahead, median - (fast - middle) * ahead
