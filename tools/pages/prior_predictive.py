"""The tables of docs/prior_predictive.md: what the priors expect, and what the answers owe to them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from scaling_bayes.core.laws import LAW_NAMES, get_law
from scaling_bayes.core.observations import Observations, observe
from scaling_bayes.core.options import DEFAULT_MODEL, ModelOptions
from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.performance import observed_performance
from scaling_bayes.core.predictive import draw_error
from scaling_bayes.core.priors import default_priors
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.intervals import reported
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS
from scaling_bayes.systems.counts import in_arithmetic
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.text import percent_text, task_label
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView
from tools.pages.refill import filled, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

__all__ = ["pages"]

PAGE: Final = Path("docs", "prior_predictive.md")
RELEASE: Final = "reference-2026.12"
SENSITIVE: Final = "five-tasks-2019-2026.12"
_DRAWS: Final = 4000
_SEED: Final = 20261123
#: How near to 100 % an error counts as that: whether it is rounded there is the processor's affair.
_ROUNDING: Final = 1e-6
#: Steps of a year, orders of magnitude of odds, that count as breaks.
_BREAKS: Final = (0.1, 0.3)
#: Parts of the posterior whose power-scaling is shown: their heading, and the names of its components.
_COMPONENTS: Final = {
    "all priors": ("prior",),
    "data": ("likelihood",),
    "floor": ("floor_offset",),
    "drift": ("drift_scale",),
    "progress": ("progress_log_mean", "progress_log_sd"),
    "slope": ("slope_log_mean", "slope_log_sd"),
    "counts": ("offset_burden_fp32", "offset_burden_mixed", "offset_burden_tpu"),
}


def pages(root: Path) -> dict[Path, str]:
    """Text of the page."""
    observations = observe(in_arithmetic(reference_systems(edition="2026.12")), needs_year=True)
    drawn = {law: _Drawn(law, observations) for law in LAW_NAMES}
    default = drawn[str(DEFAULT_MODEL["law"])]
    blocks = {
        "prior_predictive": _expected(default),
        "breaks": _breaks(default),
        "floors": _floors(default),
        "laws": _laws(drawn),
        "sensitivity": _sensitivity(),
    }
    return filled(root, PAGE, blocks)


class _Drawn:
    """Draws from the prior of a law with the other ingredients of the default, and the errors they give."""

    def __init__(self, law: str, observations: Observations) -> None:
        options = observations.applicable(ModelOptions(**{**DEFAULT_MODEL, "law": law}))
        self.observations = observations
        self.prior = draw_prior(
            options, default_priors(options), observations, draws=_DRAWS, random_seed=_SEED
        )
        performance = observed_performance(law, self.prior, observations)
        self.error: Floats = draw_error(performance, generator(_SEED, Stream.PRIOR_PREDICTIVE)).values

    def by_task(self) -> Iterator[tuple[str, Floats, Floats]]:
        """Each task with the errors expected of its systems, and those observed."""
        for number, task in enumerate(self.observations.tasks):
            rows = self.observations.task_index == number
            yield task, self.error[..., rows], self.observations.error[rows]


def _inside(expected: Floats, observed: Floats) -> int:
    found = reported(expected)
    return int(((observed >= found["lower_90"]) & (observed <= found["upper_90"])).sum())


def _expected(drawn: _Drawn) -> str:
    rows = [
        [
            task_label(task),
            *(f"{100 * np.quantile(expected, q):.3g}" for q in (0.05, 0.25, 0.5, 0.75, 0.95)),
            f"{100 * observed.min():.3g} to {100 * observed.max():.3g}",
            f"{_inside(expected, observed)} of {observed.size}",
        ]
        for task, expected, observed in drawn.by_task()
    ]
    return markdown_table(
        ["task", "5 %", "25 %", "median", "75 %", "95 %", "observed, %", "inside 90 %"], rows
    )


def _steps(parameters: xr.Dataset, observations: Observations) -> Floats:
    """Steps of drift in orders of magnitude of odds, (draw, task, year)."""
    flat = parameters.stack(sample=["chain", "draw"])
    floor, bend = (flat[name].transpose("sample", "task").values for name in ("floor", "bend"))
    law = get_law(str(DEFAULT_MODEL["law"]))
    gain = law.odds_gain(observations.reference_error, floor, chance=observations.chance_error, bend=bend)
    steps = flat["drift_step"].transpose("sample", "task", "drift_year").values
    found: Floats = steps / gain[..., np.newaxis]
    return found


def _breaks(drawn: _Drawn) -> str:
    """Steps that the prior expects in a year and at most in ten, and the largest found in each task."""
    steps = _steps(drawn.prior, drawn.observations)
    ten = steps[..., :10]
    rows = []
    for name, values in (
        ("prior, a year", steps),
        ("prior, largest of ten years", ten.max(-1)),
        ("prior, sum of ten years", ten.sum(-1)),
    ):
        rows.append([name, *_of(values), *(percent_text((values > least).mean()) for least in _BREAKS)])
    view = PosteriorView.of(open_trace(RELEASE))
    found = _steps(view.posterior, view.observations)
    years = view.posterior["drift_year"].values
    for number, task in enumerate(view.tasks):
        of_task = found[:, number]
        year = int(np.median(of_task, axis=0).argmax())
        rows.append(
            [
                f"found, {task_label(task)}, {years[year]:.0f}",
                *_of(of_task[:, year]),
                *(percent_text((of_task[:, year] > least).mean()) for least in _BREAKS),
            ]
        )
    header = ["step, orders of magnitude of odds", "5 %", "median", "95 %"]
    return markdown_table([*header, *(f"above {least}" for least in _BREAKS)], rows)


def _of(values: Floats) -> list[str]:
    return [f"{value:+.2f}" for value in np.quantile(values, (0.05, 0.5, 0.95))]


def _floors(drawn: _Drawn) -> str:
    """Prior of each task's floor beside the lowest error, and what it says of the goals of 2020."""
    rows = []
    for number, (task, _, observed) in enumerate(drawn.by_task()):
        floor = drawn.prior["floor"].sel(task=task).values.ravel()
        median, lower, upper = np.quantile(floor, (0.5, 0.05, 0.95))
        goals = THOMPSON2020_TARGETS[drawn.observations.tasks[number]][1:]
        rows.append(
            [
                task_label(task),
                f"{100 * median:.2g} ({100 * lower:.2g} to {100 * upper:.2g})",
                f"{100 * observed.min():.3g}",
                *(f"{100 * goal:g} %: {percent_text((floor >= goal).mean())}" for goal in goals),
            ]
        )
    header = ["task", "floor, % (90 %)", "lowest error, %", "first goal: below the floor"]
    return markdown_table([*header, "second goal: below the floor"], rows)


def _laws(every: dict[str, _Drawn]) -> str:
    rows = []
    for law, drawn in every.items():
        inside = sum(_inside(expected, observed) for _, expected, observed in drawn.by_task())
        worst = (drawn.error >= 1 - _ROUNDING).mean()
        rows.append([law, f"{inside} of {drawn.observations.error.size}", f"{100 * worst:.2g}"])
    return markdown_table(["law", "inside 90 %", "at the worst (100 %), % of draws"], rows)


def _sensitivity() -> str:
    """Power-scaling of the default fit: of each kind of quantity the largest over tasks."""
    found = group(open_trace(SENSITIVE), "sensitivity")["power_scaling"]
    names = [str(name) for name in found["quantity"].values]
    goals = [
        {f"compute[{task} {100 * errors[place]:.6g} %]" for task, errors in THOMPSON2020_TARGETS.items()}
        for place in range(3)
    ]
    kinds = {
        "slope": {name for name in names if name.startswith("slope[")},
        "progress": {name for name in names if name.startswith("progress[")},
        "compute for the best error of 2020": goals[0],
        "compute for the first goal": goals[1],
        "compute for the second goal": goals[2],
    }
    rows = []
    for kind, members in kinds.items():
        of_kind = found.isel(quantity=[name in members for name in names])
        assert of_kind.sizes["quantity"] == len(THOMPSON2020_TARGETS)
        rows.append(
            [kind]
            + [f"{float(of_kind.sel(component=list(parts)).max()):.2f}" for parts in _COMPONENTS.values()]
        )
    return markdown_table(["quantity", *_COMPONENTS], rows)
