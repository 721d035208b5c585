"""`stack`: a weighted mixture of fits of several laws, as one tree that can be used like a fit."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.options import STACK, check_choice
from scaling_bayes.core.predictive import predict_observed
from scaling_bayes.errors import OptionError
from scaling_bayes.model.evaluate.compare import Comparison, compare, open_comparable
from scaling_bayes.trace.derived import stated
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.rounding import rounded
from scaling_bayes.trace.schema import DERIVABLE_GROUPS, SCHEMA_VERSION, annotate
from scaling_bayes.trace.view import PosteriorView

_DRAWN = ("prior", "posterior", "sample_stats")


def stack(
    fits: Mapping[str, xr.DataTree | PosteriorView],
    weights: Comparison | Mapping[str, float] | None = None,
    *,
    random_seed: int | None = None,
    progressbar: bool = True,
) -> xr.DataTree:
    """Mix fits of several laws into one, so that which law holds is part of every interval.

    Each chain of the mixture has as many draws as the chains of the fits, taken from them in proportion to
    the weights and evenly along each chain; predictions are drawn from them anew. What is done with a fit
    can be done with the mixture: project, report, save, cite.

    Parameters
    ----------
    fits : mapping of str to DataTree
        As in `compare`, one of each law, with the same switches, priors, chains and draws.
    weights : Comparison or mapping of str to float, optional
        A comparison of the same fits, or their weights, not negative; by default those of ``compare(fits)``.
    random_seed : int, optional
        Seed stored with the mixture, from which projections draw; by default the seed of the first fit.
    progressbar : bool
        Whether to show progress on standard error, when weights are found here.

    Returns
    -------
    DataTree
        As from `fit`, with ``law="stack"`` and a variable ``law`` (chain, draw) in ``posterior`` and
        ``prior``: the position in `LAWS` of the law of each draw. Parameters that some of the laws do not
        have are left out, but for ``floor``, which is 0 where a law has none. ``comparison`` holds each fit's
        weight and what it rests on; ``checks`` are those of the fits with weight, one after another.

    Raises
    ------
    OptionError
        If the fits cannot be mixed, or the weights are not theirs.
    """
    views, seed = open_comparable(fits, random_seed)
    priors = _common_priors(views)
    if weights is None:
        weights = compare(views, random_seed=seed, progressbar=progressbar)
    shares = _shares(views, weights.weights if isinstance(weights, Comparison) else weights)
    groups: dict[str, xr.Dataset] = {name: _mixed(views, shares, name) for name in _DRAWN}
    groups["prior"] = rounded(groups["prior"])
    first = next(iter(views.values()))
    groups |= predict_observed(STACK, groups["prior"], groups["posterior"], first.observations, seed)
    groups |= {name: first.group(name).copy() for name in ("observed_data", "constant_data")}
    weighted = {name: view.group("checks") for name, view in views.items() if shares[name] > 0}
    groups["checks"] = xr.concat(
        [
            checks.assign_coords(check=[f"{name}: {check}" for check in checks["check"].values])
            for name, checks in weighted.items()
        ],
        dim="check",
    )
    groups["comparison"] = _comparison_group(shares, weights)
    tree = xr.DataTree.from_dict(
        {f"/{name}": annotate(groups[name].drop_encoding()) for name in sorted(groups)}
    )
    content = dict(first.manifest)
    content |= {
        "schema_version": SCHEMA_VERSION,
        "derived": stated(groups, DERIVABLE_GROUPS[1:]),
        "model": content["model"] | {"law": STACK, "floor": "none"},
        "priors": priors,
        "sampler": content["sampler"] | {"random_seed": seed},
        "stack": {
            "weights": shares,
            "leave_out": weights.leave_out if isinstance(weights, Comparison) else "",
            "laws": {name: view.law for name, view in views.items()},
            "digests": {name: tree_digest(view.tree) for name, view in views.items()},
        },
    }
    tree.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return tree


def _common_priors(fits: Mapping[str, PosteriorView]) -> dict[str, Any]:
    """Priors of all fits together, once it is sure that the fits can be mixed."""
    first = next(iter(fits))
    priors: dict[str, Any] = {}
    laws: dict[str, str] = {}
    for name, fit in fits.items():
        content, law = fit.manifest, fit.law
        check_choice(f"law of fits[{name!r}]", law, list(LAWS))
        if law in laws:
            raise OptionError(
                f"fits[{name!r}] and fits[{laws[law]!r}] are both of law {law!r}; give one of each."
            )
        laws[law] = name
        for option, value in fit.options.to_dict().items():
            other = getattr(fits[first].options, option)
            if option not in ("law", "floor") and value != other:
                raise OptionError(
                    f"fits[{name!r}] has {option}={value!r}, fits[{first!r}] has {other!r}; "
                    "expected the same in all."
                )
        for parameter, prior in content["priors"].items():
            if priors.setdefault(parameter, prior) != prior:
                raise OptionError(
                    f"fits[{name!r}] has another prior on {parameter} than an earlier fit; fit all laws "
                    "with the same priors."
                )
        for stage in ("prior", "posterior"):
            found, expected = (
                [fits[each].group(stage).sizes[dim] for dim in ("chain", "draw")] for each in (name, first)
            )
            if found != expected:
                raise OptionError(
                    f"fits[{name!r}] has {found[0]} chains of {found[1]} {stage} draws, fits[{first!r}] "
                    f"{expected[0]} of {expected[1]}; sample all alike."
                )
    return priors


def _shares(fits: Iterable[str], weights: Mapping[str, float]) -> dict[str, float]:
    if set(weights) != set(fits):
        raise OptionError(f"weights: found {', '.join(weights)}; expected one for each of {', '.join(fits)}.")
    values = {name: float(weights[name]) for name in fits}
    bad = [f"{name}={value:g}" for name, value in values.items() if not (math.isfinite(value) and value >= 0)]
    total = sum(values.values())
    if bad or total <= 0:
        raise OptionError(
            f"weights: found {', '.join(bad) or 'only zeros'}; expected finite numbers from 0, one above."
        )
    return {name: value / total for name, value in values.items()}


def _counts(shares: Mapping[str, float], draws: int) -> dict[str, int]:
    """Whole numbers of draws nearest the shares, by largest remainder."""
    exact = {name: share * draws for name, share in shares.items()}
    counts = {name: math.floor(value) for name, value in exact.items()}
    most = sorted(exact, key=lambda name: exact[name] - counts[name], reverse=True)
    for name in most[: draws - sum(counts.values())]:
        counts[name] += 1
    return counts


def _mixed(fits: Mapping[str, PosteriorView], shares: Mapping[str, float], name: str) -> xr.Dataset:
    """One group of the mixture: each fit's share of draws, interleaved."""
    datasets = {label: fit.group(name) for label, fit in fits.items()}
    draws = next(iter(datasets.values())).sizes["draw"]
    laws = list(LAWS)
    with_floor = any("floor" in dataset for dataset in datasets.values())
    parts, positions = [], []
    for label, count in _counts(shares, draws).items():
        if not count:
            continue
        at = (np.arange(count) + 0.5) / count
        part = datasets[label].isel(draw=np.floor(at * draws).astype(int))
        if name in ("prior", "posterior"):
            number = laws.index(fits[label].law)
            part["law"] = (("chain", "draw"), np.full((part.sizes["chain"], count), number, dtype=np.int8))
            if with_floor and "floor" not in part:
                part["floor"] = xr.zeros_like(part["slope"])
        parts.append(part)
        positions.append(at)
    shared = [key for key in parts[0].data_vars if all(key in part for part in parts)]
    mixed = xr.concat([part[shared] for part in parts], dim="draw")
    order = np.argsort(np.concatenate(positions), kind="stable")
    return mixed.isel(draw=order).assign_coords(draw=np.arange(draws))


def _comparison_group(shares: Mapping[str, float], weights: Comparison | Mapping[str, float]) -> xr.Dataset:
    data: dict[str, Any] = {"weight": ("fit", np.array(list(shares.values())))}
    if isinstance(weights, Comparison):
        table = weights.table.set_index("fit").loc[list(shares)]
        data |= {
            name: ("fit", table[name].to_numpy(dtype=float))
            for name in ("elpd", "elpd_se", "difference", "difference_se", "worst_pareto_k", "refits")
        }
    return xr.Dataset(data, coords={"fit": np.array(list(shares), dtype=object)})
