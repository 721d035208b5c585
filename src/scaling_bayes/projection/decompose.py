"""`decompose`: how much of a projection's spread comes from parameters, noise, hardware, price and grid."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core import equations
from scaling_bayes.core.options import check_choice
from scaling_bayes.core.streams import Stream, generator
from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.projection.conversion import conversions, trend_paths
from scaling_bayes.projection.counted import counted, per_operation
from scaling_bayes.projection.projected import ProjectionView
from scaling_bayes.projection.requirement import Requirement, require_of
from scaling_bayes.projection.runs.words import run_shares
from scaling_bayes.projection.scenario import Scenario
from scaling_bayes.projection.scenario_draws import DRAWN_GROUPS, TrendDraws, draw_inputs
from scaling_bayes.projection.targets import Target, read_targets
from scaling_bayes.systems.counts import ARITHMETIC

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Order = NDArray[np.intp]

QUANTITIES = ("log10_training_compute_flop", "log10_cost_usd", "log10_energy_kwh", "log10_carbon_kg")
PARAMETERS, NOISE, DRIFT = "fit parameters", "noise between systems", "drift"
#: Parameters of the fit whose share alone is reported beside the shares that sum.
ALONE = ("slope", "intercept", "progress")
_BINS = 50
#: Quantile to which more extreme draws are set, and so many parts of a row in which it is sought.
_TAIL = 0.001
_PARTS = 64
#: Times that what is unknown is drawn anew; shares are good to about 0.01.
_REPEATS = 8


def decompose(
    projection: xr.DataTree,
    *,
    targets: Any = None,
    quantity: str = "log10_cost_usd",
    hardware: xr.DataTree | None = None,
) -> pd.DataFrame:
    """Shares of the variance of a log10 quantity, by source.

    The sources are independent of each other by construction, so Shapley effects (Owen 2014, *Sobol' indices
    and Shapley value*) are well defined and sum to 1: the share of a source is its average contribution to
    the explained variance over all orders in which the sources could become known. Explained variance of a
    set of sources is the covariance of the quantity with itself where everything else is drawn anew. Draws
    beyond the 0.1 % and 99.9 % quantiles are set to these quantiles first, lest a few decide the variance.

    *drift* is how lines wander and break after the data: the steps to come, in units of their scale, which
    is a parameter of the fit as the steps until then are. ``slope``, ``intercept`` and ``progress`` depend
    on each other in the posterior, so they form one source; beside it stands what each alone would explain
    (variance of the mean in fifty bins of equal count, less what bins explain by chance). Those do not sum
    to the share of the source.

    Parameters
    ----------
    projection : DataTree
        From `project`; of several years, the last. Without a scenario only ``log10_training_compute_flop``
        can be decomposed. Or a run, from `estimate_run`: then the other arguments do not matter.
    targets : mapping, DataFrame or iterable of pairs, optional
        Some of the targets of the projection, written as for `project`; by default all.
    quantity : str
        One of `QUANTITIES`.
    hardware : DataTree, optional
        The posterior of the hardware trends that the projection was made with; by default the shipped one.

    Returns
    -------
    pandas.DataFrame
        One row per target and source: ``task``, ``error``, ``note``, ``year``, ``quantity``, ``source``,
        ``share`` (Shapley; NaN for the parameters alone), ``share_alone`` (variance explained if only this
        were known), ``share_if_fixed`` (variance that would go if this were fixed last, all else unknown
        staying as it is), ``sd`` (standard deviation of the quantity, orders of magnitude). Of a run one row
        per ``quantity`` and ``source`` with ``share`` (covariance of the source's part with the quantity,
        over its variance) and ``sd``.

    Raises
    ------
    OptionError
        If `quantity` is unknown or needs a scenario, or the target is unreachable in some draws, whose
        variance is infinite, or takes the least compute of its task in all.
    TargetError
        If a target is not in the projection.
    TraceError
        If it is not a projection, or `hardware` not what it was made with.
    """
    import pandas as pd

    if "sources" in getattr(projection, "children", {}):
        return pd.DataFrame(run_shares(projection))
    check_choice("quantity", quantity, QUANTITIES)
    view = ProjectionView.of(projection, "decompose")
    seed, kind = view.seed, str(view.asked["kind"])
    view.refuse_impossible(view.data.isel(year=[-1]))
    n = view.data.sizes["chain"] * view.data.sizes["draw"]
    asked = _requirement(view, targets)
    inputs: dict[str, Any] = {}
    conversion: Callable[[dict[str, Order]], Floats] = _unconverted
    if quantity != QUANTITIES[0]:
        inputs = draw_inputs(
            view.scenario,
            view.hardware(hardware),
            n,
            seed,
            kind=kind,
            of_operations=counted(view.fit) == ARITHMETIC,
        )
        conversion = _conversion(view.scenario, inputs, asked.year.values, quantity)
    sources = _sources(asked, inputs)
    of_input = set(DRAWN_GROUPS.values())
    rng = generator(seed, Stream.PERMUTATION)
    fresh = [{source: rng.permutation(n) for source in sources} for _ in range(_REPEATS)]

    def repeated(compute: Callable[[dict[str, Order]], Floats], kept: frozenset[str]) -> Floats:
        """With what is not kept drawn anew, shape (repeat, draw)."""
        orders = ({s: np.arange(n) if s in kept else again[s] for s in sources} for again in fresh)
        return np.array([compute(order) for order in orders])

    @functools.cache
    def converted(kept: frozenset[str]) -> Floats:
        return repeated(conversion, kept)

    rows = []
    for position, target in enumerate(asked.targets):
        computation = _computation(asked, position)
        computed = functools.cache(functools.partial(repeated, computation))

        def value(kept: frozenset[str], computed: Callable[..., Floats] = computed) -> Floats:
            return computed(kept - of_input) + converted(kept & of_input)

        everything = value(frozenset(sources))[0]
        if not np.isfinite(everything).all():
            raise OptionError(
                f"{target.label} is unreachable in some draws; its variance is infinite. Ask a larger error."
            )
        shares, sd = _shapley(value, sources)
        if sd == 0.0:
            raise OptionError(
                f"{target.label} takes the least compute of its task in every draw, so nothing varies. "
                "Ask for a smaller error or an earlier year."
            )
        about = {
            "task": target.task,
            "error": target.error,
            "note": target.note,
            "year": float(asked.year[0]),
            "quantity": quantity,
        }
        rows += [{**about, "source": source, **shares[source], "sd": sd} for source in sources]
        whole = _clipped(everything)
        for name in ALONE:
            if name in asked.parameters:
                known = asked.parameters[name].isel(target=position).values.ravel()
                alone = _explained_by(known, whole)
                rows.append(
                    {
                        **about,
                        "source": f"{name} alone",
                        "share": math.nan,
                        "share_alone": alone,
                        "share_if_fixed": math.nan,
                        "sd": sd,
                    }
                )
    return pd.DataFrame(rows)


def _requirement(view: ProjectionView, targets: Any) -> Requirement:
    """What the projection asked, of some of its targets in its last year."""
    chosen = view.targets
    if targets is not None:
        at = {(each.task, each.error): each for each in chosen}
        wanted = [(each.task, each.error) for each in read_targets(targets, view.fit.tasks)]
        absent = [Target(*each).label for each in wanted if each not in at]
        if absent:
            raise TargetError(
                f"targets: {', '.join(absent)} not in the projection; it has "
                f"{', '.join(each.label for each in chosen)}."
            )
        chosen = tuple(at[each] for each in wanted)
    fit, last = view.fit, float(view.data["year"][-1])
    return require_of(
        fit,
        chosen,
        None if last == float(fit.constant["publication_year"].max()) else last,
        str(view.asked["kind"]),
        view.seed,
        progress=str(view.asked["algorithmic_progress"]),
    )


def _sources(asked: Requirement, inputs: dict[str, Any]) -> list[str]:
    drifts = asked.drift is not None and asked.drift.goes_on
    drawn = {PARAMETERS: True, NOISE: asked.noise is not None, DRIFT: drifts}
    of_inputs = dict.fromkeys(DRAWN_GROUPS[name] for name in inputs if name in DRAWN_GROUPS)
    return [*(source for source, there in drawn.items() if there), *of_inputs]


def _computation(asked: Requirement, position: int) -> Callable[[dict[str, Order]], Floats]:
    """log10 compute of a target in the first year, each source of the fit in its own order of draws."""

    def of_target(values: xr.DataArray) -> Floats:
        chosen = values.isel(target=position) if "target" in values.dims else values
        chosen = chosen.isel(year=0) if "year" in chosen.dims else chosen
        return (
            chosen.transpose("chain", "draw", ...).values.ravel() if "chain" in chosen.dims else chosen.values
        )

    at = {name: of_target(values) for name, values in asked.parameters.items()}
    performance = of_target(asked.performance)
    noise = None if asked.noise is None else of_target(asked.noise)
    least = of_target(asked.least)
    drift = None
    if asked.drift is not None:
        drift = [part[..., 0].ravel() for part in asked.drift.of_target(position)]
    year, later = (np.ravel(values.values)[0] for values in (asked.progress_year, asked.later_progress))

    def compute(order: dict[str, Order]) -> Floats:
        known = order[PARAMETERS]

        def draws(values: Floats) -> Floats:
            return values[known] if values.ndim else values

        reached = draws(performance)
        if drift is not None:
            steps, ahead, scale = drift
            reached = reached - (draws(steps) + ahead[order.get(DRIFT, known)] * draws(scale))
        if noise is not None:
            reached = reached - draws(at["noise"]) * noise[order[NOISE]]
        required: Floats = draws(at["reference_log10_compute"]) + equations.required_compute(
            reached,
            year - draws(at["reference_year"]),
            intercept=draws(at["intercept"]),
            slope=draws(at["slope"]),
            progress=draws(at["progress"]) if "progress" in at else 0.0,
        )
        bounded: Floats = np.maximum(required - later, least)
        return bounded

    return compute


def _unconverted(_: dict[str, Order]) -> Floats:
    """Compute is what it is."""
    return np.zeros(1)


def _conversion(
    scenario: Scenario, inputs: dict[str, Any], year: Floats, quantity: str
) -> Callable[[dict[str, Order]], Floats]:
    """What turns log10 compute into the quantity, with each group of inputs in its own order of draws."""
    # The paths of the trends, made once: in another order of draws they are the same in that order.
    paths = trend_paths(scenario, inputs, year)
    drawn = {name: values for name, values in inputs.items() if not isinstance(values, TrendDraws)} | paths
    groups = {**DRAWN_GROUPS, **dict.fromkeys(paths, DRAWN_GROUPS["energy"])}

    def convert(order: dict[str, Order]) -> Floats:
        moved = {name: values[order[groups[name]]] for name, values in drawn.items()}
        converted = per_operation(conversions(scenario, moved, year), scenario, moved, year)
        found = {name: values[:, 0] for name, values in converted.items()}
        if quantity == "log10_cost_usd":
            return -found["log10_flop_per_usd"]
        if quantity == "log10_energy_kwh":
            return -found["log10_flop_per_kwh"]
        return found["log10_kg_per_kwh"] - found["log10_flop_per_kwh"]

    return convert


def _clipped(values: Floats) -> Floats:
    """Values of shape (..., draw), within the quantiles of their rows as `numpy.quantile` has them."""
    rows = values.reshape(-1, values.shape[-1])
    last = rows.shape[1] - 1
    below, above = int(last * _TAIL), int(last * (1.0 - _TAIL))
    lowest = _between(_smallest(rows, below + 2)[:, -2:], last * _TAIL - below)
    highest = _between(-_smallest(-rows, last - above + 1)[:, :-3:-1], last * (1.0 - _TAIL) - above)
    return np.minimum(np.maximum(rows, lowest), highest).reshape(values.shape)


def _between(ends: Floats, weight: float) -> Floats:
    """Values at a weight between two ends, shape (row, 2), rounded as NumPy does; shape (row, 1)."""
    low, high = ends[:, :1], ends[:, 1:]
    return low + weight * (high - low) if weight < 0.5 else high - (1.0 - weight) * (high - low)


def _smallest(rows: Floats, count: int) -> Floats:
    """The smallest values of each row, ascending, shape (row, count); for few of many in a fifth of the time.

    They are among those not above the least values of `count` of the parts of a row.
    """
    width = rows.shape[1] // _PARTS
    if not width or count > _PARTS:
        return np.sort(rows, axis=1)[:, :count]
    least = rows[:, : width * _PARTS].reshape(len(rows), width, _PARTS).min(axis=1)
    few = np.flatnonzero(rows <= np.partition(least, count - 1, axis=1)[:, count - 1 : count])
    row, values = few // rows.shape[1], rows.reshape(-1)[few]
    starts = np.searchsorted(row, np.arange(len(rows)))[:, np.newaxis]
    found: Floats = values[np.lexsort((values, row))][starts + np.arange(count)]
    return found


def _shapley(
    value: Callable[[frozenset[str]], Floats], sources: list[str]
) -> tuple[dict[str, dict[str, float]], float]:
    """Shapley shares, first-order shares and last-in shares of each source, and the standard deviation."""
    everything = frozenset(sources)
    whole = _clipped(value(everything)[0])
    total = float(np.var(whole))
    centred = whole - whole.mean()
    explained = {frozenset[str](): 0.0, everything: total}
    for size in range(1, len(sources)):
        for kept in map(frozenset, itertools.combinations(sources, size)):
            explained[kept] = float((_clipped(value(kept)) @ centred).mean()) / (len(whole) - 1)
    scale = total if total > 0 else 1.0
    shares = {}
    count = len(sources)
    for source in sources:
        share = 0.0
        for kept, known in explained.items():
            if source not in kept:
                weight = math.factorial(len(kept)) * math.factorial(count - len(kept) - 1)
                share += weight / math.factorial(count) * (explained[kept | {source}] - known)
        shares[source] = {
            "share": share / scale,
            "share_alone": explained[frozenset({source})] / scale,
            "share_if_fixed": (total - explained[everything - {source}]) / scale,
        }
    return shares, math.sqrt(total)


def _explained_by(known: Floats, values: Floats) -> float:
    """Share of the variance of `values` between bins of `known`, corrected for the number of bins."""
    bins = np.array_split(values[np.argsort(known, kind="stable")], _BINS)
    within = sum(float(np.var(each)) * len(each) for each in bins) / (len(values) - len(bins))
    total = float(np.var(values)) * len(values) / (len(values) - 1)
    return max(0.0, 1 - within / total) if total > 0 else 0.0
