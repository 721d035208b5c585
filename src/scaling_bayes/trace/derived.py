"""What a fit need not store: groups that follow from its draws, data and seed, computed again when asked for.

They are computed by the functions that `fit` takes. The manifest names them in ``derived``, each with the
mean of its values when the fit was made, to which `verify_trace` holds what is computed here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any, Final

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from scaling_bayes.core.parameters import draw_prior
from scaling_bayes.core.predictive import draw_predictive, predict_observed
from scaling_bayes.core.priors import default_priors
from scaling_bayes.errors import TraceError
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.safety import MAX_DECLARED_BYTES
from scaling_bayes.trace.schema import DERIVABLE_GROUPS, annotate, dataset_of, derived_groups, manifest
from scaling_bayes.trace.view import PosteriorView

#: Draws of the prior in every fit.
PRIOR_DRAWS: Final = 1000
#: How nearly a group agrees with what is computed again.
_ROUNDING: Final = 1e-5
#: Predictions of the fits that were made or asked last, by digest: the file of a fit needs them once more.
_KNOWN: Final[dict[str, dict[str, xr.Dataset]]] = {}
_MOST_KNOWN: Final = 2


def stated(groups: Mapping[str, xr.Dataset], names: tuple[str, ...]) -> dict[str, float]:
    """Mean of the finite values of each group, as a manifest states it."""
    return {name: mean_value(groups[name]) for name in names}


def mean_value(dataset: xr.Dataset) -> float:
    """Mean over variables of the mean of their finite values."""
    means = [values.values[np.isfinite(values.values)] for values in dataset.data_vars.values()]
    return float(np.mean([found.mean(dtype=float) if found.size else 0.0 for found in means]))


def remember(tree: xr.DataTree) -> None:
    """Keep the predictions of a fit that has just been made, for when it is written."""
    _keep(tree_digest(tree), {name: dataset_of(tree.children[name]) for name in DERIVABLE_GROUPS[1:]})


def _keep(digest: str, found: Mapping[str, xr.Dataset]) -> None:
    while len(_KNOWN) >= _MOST_KNOWN:
        del _KNOWN[next(iter(_KNOWN))]
    _KNOWN[digest] = {name: dataset.copy(deep=True) for name, dataset in found.items()}


def prior_of(view: PosteriorView, draws: int) -> xr.Dataset:
    """Draws of the prior of a fit, as `fit` made them."""
    # Drawn one after another, in the order of the defaults; a manifest has them by name.
    order = [name for name in default_priors(view.options) if name in view.priors]
    return draw_prior(
        view.options,
        {name: view.priors[name] for name in dict.fromkeys([*order, *view.priors])},
        view.observations,
        draws=draws,
        random_seed=view.seed,
    )


def with_derived(tree: xr.DataTree) -> xr.DataTree:
    """Return a tree as it was stored, with the groups that its manifest says follow from the others.

    Draws of the prior are made at once, predictive draws and log likelihood when their values are first asked
    for.

    Raises
    ------
    TraceError
        If a group is both stored and said to follow, or cannot be computed, or would be larger than a trace.
    """
    names = derived_groups(tree)
    if not names:
        return tree
    both = sorted(names & set(tree.children))
    if both:
        raise TraceError(f"group {both[0]!r} is stored, and said to follow from others; expected either.")
    source = _Source(PosteriorView.of(tree))
    source.refuse_too_large(sum(dataset_of(node).nbytes for node in tree.subtree), names)
    found = {name: source.prior if name == "prior" else source.promised(name) for name in names}
    whole = {name: dataset_of(node) for name, node in tree.children.items()} | found
    complete = xr.DataTree.from_dict({f"/{name}": whole[name] for name in sorted(whole)})
    complete.attrs = dict(tree.attrs)
    return complete


def without_derived(tree: xr.DataTree) -> xr.DataTree:
    """Return what is to be stored of a tree: not the groups that are said to follow from others, and do."""
    names = derived_groups(tree)
    stored = tree.copy()
    for name in names & set(tree.children):
        del stored[name]
    if not names:
        return stored
    source = _Source(PosteriorView.of(stored))
    for name in sorted(names & set(tree.children)):
        kept = dataset_of(tree.children[name])
        if not _follows(kept, source.prior if name == "prior" else source.predicted(name)):
            stored[name] = xr.DataTree(kept)
            content = manifest(stored)
            del content["derived"][name]
            stored.attrs["manifest"] = json.dumps(content, sort_keys=True, ensure_ascii=False)
            source = _Source(PosteriorView.of(stored))  # what follows from it follows from this one
    return stored


def _follows(kept: xr.Dataset, computed: xr.Dataset) -> bool:
    return set(kept.variables) == set(computed.variables) and all(
        values.dims == computed[name].dims
        and values.shape == computed[name].shape
        and (
            np.allclose(values.values, computed[name].values, rtol=_ROUNDING, atol=0.0, equal_nan=True)
            if values.dtype.kind == "f"
            else np.array_equal(values.values, computed[name].values)
        )
        for name, values in kept.variables.items()
    )


@contextmanager
def _refused(what: str) -> Iterator[None]:
    """Say what cannot be computed from a tree that is no fit, whatever stops it."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001  # arrays of odd dimensions raise many kinds
        found = f"{type(error).__name__}: {error!s:.200}"
        raise TraceError(f"the {what} do not follow from the draws and data beside them ({found}).") from None


class _Source:
    """Groups of one fit, computed once."""

    def __init__(self, view: PosteriorView) -> None:
        self.view = view

    def __deepcopy__(self, memo: dict[int, Any]) -> _Source:
        return self

    @cached_property
    def prior(self) -> xr.Dataset:
        if "prior" in self.view:
            return self.view.group("prior")
        with _refused("draws of the prior"):
            return annotate(prior_of(self.view, PRIOR_DRAWS), self.view.unit)

    @cached_property
    def digest(self) -> str:
        return tree_digest(self.view.tree)

    def predicted(self, name: str) -> xr.Dataset:
        """Predictive draws, or all there is once the log likelihood is asked for."""
        if name not in _KNOWN.get(self.digest, {}):
            view, prior = self.view, self.prior
            predict = predict_observed if name == "log_likelihood" else draw_predictive
            with _refused("predictions"):
                found = predict(view.law, prior, view.posterior, view.observations, view.seed)
                _keep(self.digest, {name: annotate(dataset) for name, dataset in found.items()})
        return _KNOWN[self.digest][name]

    def refuse_too_large(self, stored: int, names: frozenset[str]) -> None:
        observations, posterior = self.view.observations, self.view.posterior
        systems, tasks = len(observations.systems), len(observations.tasks)
        drawn = posterior.sizes["chain"] * posterior.sizes["draw"]
        years = np.ptp(observations.year) + 2.0
        needed = stored + 8 * PRIOR_DRAWS * tasks * (years + len(self.view.priors))
        needed += 4 * systems * sum(PRIOR_DRAWS if name.startswith("prior") else drawn for name in names)
        if needed > MAX_DECLARED_BYTES:
            raise TraceError(
                f"it stands for over {MAX_DECLARED_BYTES >> 20} MiB ({needed / 2**20:,.0f}); no trace does."
            )

    def promised(self, name: str) -> xr.Dataset:
        """A group of predictive errors that is computed when its values are asked for."""
        draws = self.prior if name == "prior_predictive" else self.view.posterior
        coords = {dim: draws[dim].variable for dim in ("chain", "draw")}
        coords["system"] = self.view.observed["system"].variable
        shape = tuple(coords[dim].size for dim in coords)
        lazy = indexing.LazilyIndexedArray(_Promised(self, name, shape))
        values = indexing.MemoryCachedArray(lazy)  # type: ignore[no-untyped-call]
        return annotate(xr.Dataset({"error": (tuple(coords), values)}, coords=coords))


class _Promised(BackendArray):
    """Errors of a predictive group, as xarray reads an array that is not in memory yet."""

    def __init__(self, source: _Source, name: str, shape: tuple[int, ...]) -> None:
        self._source, self._name, self.shape, self.dtype = source, name, shape, np.dtype(np.float32)

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        return indexing.explicit_indexing_adapter(
            key, self.shape, indexing.IndexingSupport.OUTER_1VECTOR, self._values
        )

    def _values(self, key: tuple[Any, ...]) -> Any:
        return np.array(self._source.predicted(self._name)["error"].values[key])
