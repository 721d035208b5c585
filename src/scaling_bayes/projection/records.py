"""The lowest error of a task by the end of a year: the best of the systems that the fit expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from scaling_bayes.core.performance import measurement_error
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import TargetError, TraceError
from scaling_bayes.hardware.assumptions import ASSUMPTIONS
from scaling_bayes.projection.counted import counted
from scaling_bayes.projection.extrapolation import HORIZON, reach_of
from scaling_bayes.projection.largest_machines import largest_run
from scaling_bayes.projection.predict import errors_of_papers
from scaling_bayes.systems.counts import ARITHMETIC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scaling_bayes.trace.view import PosteriorView

    Floats = NDArray[np.float64]

#: Years before the end of the data in which a task's papers are counted, at most and at least.
_COUNTED_YEARS = (1.0, 5.0)
#: Pseudo-count of Jeffreys' prior of the rate of papers.
_PRIOR_PAPERS = 0.5
#: Steps of this length fill a year evenly, however many there are.
_GOLDEN = (5**0.5 - 1) / 2


def records(view: PosteriorView, years: Sequence[int], hardware: xr.DataTree) -> xr.Dataset:
    """Lowest error of each task until the end of each year, and the compute of the system that has it.

    In each draw, the best of the data and of systems that the model makes after them. Papers come at the rate
    of the last five years of the data (Poisson, with a Gamma posterior of the rate), each with as many
    systems as those had on average. Their compute grows as the fit has it, up to the largest run of the day;
    their errors follow from it and the year. Systems of one paper depart from the line together.

    Parameters
    ----------
    years : sequence of int
        Ascending calendar years, none before the end of the data.
    hardware : DataTree
        Posterior of the hardware trends, for the largest run.

    Returns
    -------
    Dataset
        ``error`` and ``log10_training_compute_flop`` (as it would be reported), dims (chain, draw, task,
        year).

    Raises
    ------
    TargetError
        If a year ends before the data do, or is beyond the horizon.
    TraceError
        If the fit has no model of compute over time.
    """
    last = reach_of(view)["last_year"]
    if last is None or "compute_growth" not in view.posterior:
        raise TraceError(
            "records: the fit has no growth of compute over the years; expected one with "
            "measurement_error=True and the years of its systems."
        )
    if min(years) + 1 <= last or max(years) >= HORIZON:
        raise TargetError(
            f"years: found {', '.join(map(str, years))}; expected years that end after the data "
            f"({last:.1f}) and before {HORIZON:.0f}."
        )
    found = [_record(view, hardware, task, number, last, years) for number, task in enumerate(view.tasks)]
    dims = ("task", "year", "chain", "draw")
    names = ("error", "log10_training_compute_flop")
    return xr.Dataset(
        {name: (dims, np.stack(each)) for name, each in zip(names, zip(*found, strict=True), strict=True)},
        {"task": list(view.tasks), "year": list(years)},
    ).transpose("chain", "draw", "task", "year")


def _record(
    view: PosteriorView, hardware: xr.DataTree, task: str, number: int, last: float, years: Sequence[int]
) -> tuple[Floats, Floats]:
    """Error and log10 compute of the record of a task, each of shape (year, chain, draw)."""
    points, rows = view.points(task), view.systems_of(task)
    best = int(points.error.argmin())
    shape = tuple(view.posterior.sizes[dim] for dim in ("chain", "draw"))
    span = float(np.clip(last - points.year.min(), *_COUNTED_YEARS))
    recent = points.year > last - span
    papers = view.observations.paper_index[rows]
    count = np.unique(papers[recent]).size
    each = max(round(recent.sum() / count), 1) if count else 1
    rng = generator(view.seed, Stream.RECORD, number)
    rate = rng.gamma(count + _PRIOR_PAPERS, 1 / span, (*shape, 1))

    ends = np.arange(np.floor(last) + 1.0, years[-1] + 2.0)
    length = np.diff(ends, prepend=last)
    published = rng.poisson(rate * length)
    # Places for the papers of the draw with most of them; in other draws some stay empty.
    most = np.maximum(published.max(axis=(0, 1)), 1)
    paper = np.repeat(np.arange(most.sum()), each)
    period = np.repeat(np.arange(ends.size), most * each)
    place = paper - (np.cumsum(most) - most)[period]
    when = ends[period] - length[period] * np.mod(0.5 + _GOLDEN * place, 1.0)
    new, reported = _systems(view, hardware, task, when, paper, rng)
    new = np.where(place < published[..., period], new, np.inf)

    error = np.concatenate([np.full((*shape, 1), points.error[best]), new], axis=-1)
    compute = np.concatenate([np.full((*shape, 1), points.log10_compute[best]), reported], axis=-1)
    first = [error[..., : 1 + (when < year + 1).sum()].argmin(axis=-1) for year in years]
    lowest, of_it = (
        np.stack([np.take_along_axis(values, at[..., np.newaxis], -1)[..., 0] for at in first])
        for values in (error, compute)
    )
    return lowest, of_it


def _systems(
    view: PosteriorView,
    hardware: xr.DataTree,
    task: str,
    when: Floats,
    paper: NDArray[np.intp],
    rng: np.random.Generator,
) -> tuple[Floats, Floats]:
    """Errors of new systems and their log10 compute as reported, each of shape (chain, draw, system)."""
    at, reference = view.posterior, view.constant.sel(task=task)
    mean, growth, spread = (
        at[name].sel(task=task).transpose("chain", "draw").values[..., np.newaxis].astype(float)
        for name in ("compute_mean", "compute_growth", "compute_spread")
    )
    expected = mean + growth * (when - float(reference["reference_year"]))
    compute = float(reference["reference_log10_compute"]) + expected
    compute = compute + spread * rng.standard_normal(compute.shape)
    share = None if counted(view) == ARITHMETIC else ASSUMPTIONS["utilisation"].default
    n = compute.shape[0] * compute.shape[1]
    largest = largest_run(hardware, when, n, view.seed, utilisation=share)
    compute = np.minimum(compute, largest.reshape(compute.shape))
    wrong = measurement_error(at, None, None).transpose("chain", "draw").values[..., np.newaxis]
    reported = compute + wrong * rng.standard_normal(compute.shape)
    return errors_of_papers(view, task, compute, when, paper, rng), reported
