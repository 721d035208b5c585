"""Draw from the posterior of a model with nutpie's NUTS, compiled by the kernel or from PyMC."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.priors import Prior
from scaling_bayes.model.sampling.draw import draw, nutpie
from scaling_bayes.model.sampling.layout import compile_fast, is_fast
from scaling_bayes.model.sampling.whiten import compile_whitened, has_many_rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pymc as pm
    import xarray as xr

    from scaling_bayes.core.observations import Observations

#: nutpie's names of the sampler statistics, and the schema's.
SAMPLE_STATS = {
    "diverging": "diverging",
    "energy": "energy",
    "logp": "lp",
    "step_size": "step_size",
    "depth": "tree_depth",
    "n_steps": "n_steps",
    "mean_tree_accept": "acceptance_rate",
    "maxdepth_reached": "reached_max_treedepth",
}


def reuses_compiled_code() -> bool:
    """Whether to reuse PyTensor's compiled code between processes: ``SCALING_BAYES_COMPILE_CACHE=1``.

    What PyMC samples then starts about three times faster, but its draws differ between the first process
    that compiles a model and those after it, as rounding does. Off by default, so that a seed always gives
    the same draws.
    """
    return os.environ.get("SCALING_BAYES_COMPILE_CACHE") == "1"


def compile_posterior(
    observations: Observations,
    options: ModelOptions,
    priors: Mapping[str, Prior],
    names: Sequence[str],
    *,
    by_pymc: bool = False,
) -> Any:
    """Compile the model of a fit for nutpie: the kernel's where it has it, else PyMC's.

    Parameters
    ----------
    priors : mapping
        As `default_priors` names them.
    names : sequence of str
        Variables to draw, as `parameter_names` gives them.
    by_pymc : bool
        Whether to leave the kernel aside: to hold its posterior to that of the definition.
    """
    if is_fast(priors) and not by_pymc:
        by_kernel = compile_whitened if has_many_rows(observations, options, priors) else compile_fast
        return by_kernel(observations, options, priors, names)
    from scaling_bayes.model.build import build_model

    return compile_model(build_model(observations, options, priors))


def compile_model(model: pm.Model) -> Any:
    """Compile a PyMC model for nutpie; the result can be given other data of the same variables."""
    import pytensor

    if reuses_compiled_code():
        # A damaged file of the cache can raise anything; what the model raises comes again below.
        with suppress(Exception), pytensor.config.change_flags(numba__cache=True):
            return nutpie.compile_pymc_model(model)
    with pytensor.config.change_flags(numba__cache=False):
        return nutpie.compile_pymc_model(model)


def sample_posterior(
    model: pm.Model,
    names: Sequence[str],
    options: SamplerOptions,
    *,
    cores: int | None = None,
    progressbar: bool = False,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Posterior draws of the named variables and the sampler's statistics.

    As `sample_compiled`, from a model not compiled yet.
    """
    return sample_compiled(compile_model(model), names, options, cores=cores, progressbar=progressbar)


def sample_compiled(
    compiled: Any,
    names: Sequence[str],
    options: SamplerOptions,
    *,
    cores: int | None = None,
    progressbar: bool = False,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Posterior draws of the named variables and the sampler's statistics.

    The draws depend on the seed alone, not on `cores`.

    Returns
    -------
    tuple of Dataset
        Posterior and sample statistics, dims (chain, draw, ...).
    """
    with _progress(options, shown=progressbar) as callback:
        draw_batches, stat_batches = draw(compiled, options, cores=cores, callback=callback)
    tuning = [batch.column("tuning").true_count for batch in stat_batches]
    posterior = _dataset(draw_batches, tuning, names, compiled.coords)
    stats = _dataset(stat_batches, tuning, list(SAMPLE_STATS), {}).rename(SAMPLE_STATS)
    for flag in ("diverging", "reached_max_treedepth"):
        stats[flag] = stats[flag].astype(np.int8)
    for count in ("tree_depth", "n_steps"):
        stats[count] = stats[count].astype(np.int64)
    return (posterior, stats) if options.thin == 1 else _thinned(posterior, stats, options.thin)


def _thinned(posterior: xr.Dataset, stats: xr.Dataset, thin: int) -> tuple[xr.Dataset, xr.Dataset]:
    """Every so-maniest draw of each chain; a draw that diverged leaves its mark on the one kept after it."""
    blocks = stats.coarsen(draw=thin)
    marks = {name: blocks.max()[name].values for name in ("diverging", "reached_max_treedepth")}
    marks["n_steps"] = blocks.sum()["n_steps"].values
    kept = [
        one.isel(draw=slice(thin - 1, None, thin)).assign_coords(draw=np.arange(one.sizes["draw"] // thin))
        for one in (posterior, stats)
    ]
    return kept[0], kept[1].assign({name: (("chain", "draw"), values) for name, values in marks.items()})


def _dataset(
    batches: Sequence[pa.RecordBatch], tuning: Sequence[int], names: Sequence[str], coords: Mapping[str, Any]
) -> xr.Dataset:
    """Columns of nutpie's Arrow trace, a batch for each chain, without the warm-up.

    nutpie's way to ArviZ takes 0.05 s, a fifth of a short refit.
    """
    import pandas as pd
    import xarray as xr

    variables = {}
    for name in names:
        field = batches[0].schema.field(name)
        dims, shape = (
            [part for part in (field.metadata or {}).get(key, b"").decode().split(",") if part]
            for key in (b"dims", b"shape")
        )
        chains = []
        for batch, first in zip(batches, tuning, strict=True):
            column = batch.column(name).slice(first)
            values = column.flatten() if shape else column
            chains.append(
                values.to_numpy(zero_copy_only=False).reshape(len(column), *(int(size) for size in shape))
            )
        variables[name] = (("chain", "draw", *dims), np.stack(chains))
    found = xr.Dataset(variables)
    counted: dict[str, Any] = {dim: np.arange(found.sizes[dim]) for dim in ("chain", "draw")}
    labels: dict[str, Any] = {str(dim): pd.Index(coords[str(dim)]) for dim in found.dims if dim in coords}
    return found.assign_coords(counted | labels)


@contextmanager
def _progress(options: SamplerOptions, *, shown: bool) -> Iterator[Callable[[Any], None] | None]:
    """Give a callback that shows one bar for all chains on standard error."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("sampling {task.fields[chains]} chains"),
        BarColumn(),
        TextColumn("{task.completed:.0f}/{task.total:.0f} draws, {task.fields[divergences]} divergences"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    total = options.chains * (options.tune + options.draws * options.thin)
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task("sampling", total=total, chains=options.chains, divergences=0)

        def callback(chains: Any) -> None:
            progress.update(
                bar,
                completed=sum(chain.finished_draws for chain in chains),
                divergences=sum(chain.divergences for chain in chains),
            )

        yield callback
        progress.update(bar, completed=total)
