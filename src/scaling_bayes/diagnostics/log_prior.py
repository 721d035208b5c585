"""The group `log_prior` of a fit, which ArviZ's functions of prior sensitivity take."""

from __future__ import annotations

import xarray as xr

from scaling_bayes.core.parameters import log_prior
from scaling_bayes.trace.schema import annotate
from scaling_bayes.trace.view import PosteriorView


def add_log_prior(idata: xr.DataTree) -> xr.DataTree:
    """Give a fit with the group ``log_prior`` besides, for ArviZ.

    A trace does not hold it, as it follows from the draws. It is what ``arviz_stats.psense_summary`` and
    ``arviz_plots.plot_psense_dist`` ask for.

    Parameters
    ----------
    idata : DataTree
        From `fit` or `open_trace`, of one law.

    Returns
    -------
    DataTree
        A copy; in ``log_prior``, by the name of each prior, its natural log density at the draws, (chain,
        draw). A prior on a parameter of each task counts once for every task.

    Examples
    --------
    >>> import scaling_bayes as sb
    >>> sorted(sb.add_log_prior(sb.open_trace("reference-2026.12"))["log_prior"])[:3]
    ['bend', 'compute_error', 'compute_growth']
    """
    tree = idata.copy()
    tree["log_prior"] = xr.DataTree(annotate(log_prior_of(PosteriorView.of(idata))))
    return tree


def log_prior_of(view: PosteriorView) -> xr.Dataset:
    """Log density of each prior at the draws of a fit of one law, dims (chain, draw), by the prior's name."""
    return log_prior(view.options, view.priors, view.posterior, view.observations)
