"""What each control of the page offers, read once from a trace and the shipped tables."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scaling_bayes.hardware.devices import DEVICE_CLASSES
from scaling_bayes.hardware.points import known_devices
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.projection.reached import next_targets
from scaling_bayes.projection.requirement import KINDS, best_errors
from scaling_bayes.projection.scenario import SCENARIOS, Scenario
from scaling_bayes.projection.today import project_today, time_fitted
from scaling_bayes.text import task_label
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

#: Mantissas of the errors that the slider stops at, in every decade.
_MANTISSAS = (1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2, 2.2, 2.5, 2.8, 3, 3.5, 4, 4.5, 5, 5.5, 6, 6.5, 7, 8, 9)
#: Highest error of the slider, and the highest lowest one, in percent.
_MOST, _LEAST = 95.0, 0.1
#: First and last year of the slider; the last is the horizon of years="yearly".
_YEARS = (2012, 2100)
#: Classes whose single chips can be chosen, newest first.
_CHIPS = ("gpu_datacenter", "tpu")
#: Amounts that the slider of the budget stops at.
BUDGET_STEPS = tuple(float(f"{m}e{k}") for k in range(3, 16) for m in (1, 2, 5))


@dataclass(frozen=True)
class TaskChoice:
    """A task: its name, how readers know it, its lowest observed error, and the error asked first, in %."""

    name: str
    label: str
    lowest: float
    asked: float


@dataclass(frozen=True)
class Choices:
    """What the controls offer."""

    tasks: tuple[TaskChoice, ...]
    #: Asked first: that of a report's title.
    first: TaskChoice
    #: Stops of the slider, in percent.
    errors: tuple[float, ...]
    #: First and last of the slider.
    years: tuple[int, int]
    #: Asked first.
    year: int
    device_classes: tuple[str, ...]
    #: Class to devices, newest first.
    chips: dict[str, tuple[str, ...]]
    #: Grids.
    countries: tuple[str, ...]
    clouds: tuple[str, ...]
    #: For each scenario, the controls that it leaves without effect, as it has values of its own.
    fixed: dict[str, tuple[str, ...]]


def read_choices(idata: xr.DataTree) -> Choices:
    """Read what a fit and the shipped tables let one choose.

    Raises
    ------
    TraceError
        If `idata` is not a fit.
    """
    names = [str(task) for task in group(idata, "posterior")["task"].values]
    lowest = best_errors(idata, names)
    last_year = float(group(idata, "constant_data")["publication_year"].max())
    fit = PosteriorView.of(idata)
    leading = next_targets(project_today(fit, None, None, KINDS[0], None))
    asked = {target.task: target.error for target in leading}
    tasks = tuple(
        TaskChoice(
            name,
            task_label(name, 60),
            float(f"{100 * lowest[name]:.4g}"),
            float(f"{100 * asked[name]:.4g}"),
        )
        for name in names
    )
    last = math.ceil(last_year)
    regions = list(dict.fromkeys(load_table("grid_carbon_intensity", usable=True)["region"]))
    regions.sort(key=lambda name: (name != "World", name))
    clouds = sorted(set(load_table("cloud_regions", usable=True)["region"]))
    return Choices(
        tasks=tasks,
        errors=error_steps(min(task.lowest for task in tasks)),
        years=(_YEARS[0], max(_YEARS[1], last)),
        first=next(task for task in tasks if task.name == leading[0].task),
        year=max(int(time_fitted(fit)), last),
        device_classes=tuple(DEVICE_CLASSES),
        chips={each: _newest_first(each) for each in _CHIPS},
        countries=tuple(regions),
        clouds=tuple(clouds),
        fixed={name: _fixed(Scenario.named(name)) for name in SCENARIOS},
    )


def error_steps(lowest: float) -> tuple[float, ...]:
    """Stops of the slider of errors, in percent: evenly spread on a log scale, from well below `lowest`.

    Examples
    --------
    >>> error_steps(9.1)[:3], error_steps(9.1)[-1]
    ((0.1, 0.11, 0.12), 95.0)
    """
    first = math.floor(math.log10(min(_LEAST, lowest / 10)))
    steps = [float(f"{m}e{k}") for k in range(first, 2) for m in _MANTISSAS]
    return tuple(step for step in (*steps, _MOST) if step <= _MOST)


def _newest_first(device_class: str) -> tuple[str, ...]:
    rows = [
        (row["year"], name) for name, row in known_devices().items() if row["device_class"] == device_class
    ]
    return tuple(name for _, name in sorted(rows, reverse=True))


def _fixed(scenario: Scenario) -> tuple[str, ...]:
    by_control = {"price": "usd_per_chip_hour", "hardware": "chip_watt", "grid": "grid_kg_per_kwh"}
    return tuple(control for control, name in by_control.items() if name in scenario.replacements)
