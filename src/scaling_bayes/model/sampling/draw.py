"""Run nutpie, so that it can be interrupted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from scaling_bayes.core.options import SamplerOptions, check_cores
from scaling_bayes.errors import OptionError
from scaling_bayes.model.sampling.nutpie_alone import import_nutpie

nutpie = import_nutpie()


def draw(
    compiled: Any,
    options: SamplerOptions,
    *,
    cores: int | None = None,
    callback: Callable[[Any], None] | None = None,
    coordinates: bool = False,
) -> tuple[list[pa.RecordBatch], list[pa.RecordBatch]]:
    """Draws and statistics of each chain, warm-up among them.

    Parameters
    ----------
    compiled
        A model compiled for nutpie.
    callback : callable, optional
        Is told how far the chains are.
    coordinates : bool
        Whether the statistics have ``unconstrained_draw``, what was sampled.

    Raises
    ------
    OptionError
        If `cores` is below 1, or there is nowhere to begin: the priors exclude what the table says.
    """
    check_cores(cores)
    sampler = nutpie.sample(
        compiled,
        draws=options.draws * options.thin,
        tune=options.tune,
        chains=options.chains,
        cores=None if cores is None else min(cores, options.chains),
        seed=options.random_seed,
        target_accept=options.target_accept,
        maxdepth=options.max_tree_depth,
        adaptation=options.adaptation,
        save_warmup=False,
        store_unconstrained=coordinates,
        progress_bar=False,
        progress_callback=callback,
        return_raw_trace=True,
        blocking=False,
    )
    try:
        trace = sampler.wait().get_arrow_trace()
    except BaseException as error:
        # Blocking, nutpie would take an interrupt for the end and return what it has.
        sampler.cancel()
        if isinstance(error, RuntimeError) and "initialization points failed" in str(error):
            raise OptionError(
                "priors: found no point at which the model has a density; expected priors that leave room "
                "for the table's errors. A prior with ends, such as Uniform, may exclude them all: widen it, "
                "or leave it at its default."
            ) from None
        raise
    draws, stats = ([pa.record_batch(batch) for batch in batches] for batches in trace)
    return draws, stats
