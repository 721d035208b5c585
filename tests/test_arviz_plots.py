"""Every function of arviz-plots draws a released fit, or it is said why a fit is not what it takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from tests.some import some

from scaling_bayes import add_log_prior, open_trace
from scaling_bayes.trace.releases import REFERENCE_TRACE

pytestmark = pytest.mark.long

azp = pytest.importorskip("arviz_plots", reason="arviz-plots is not installed")

SOME = {"var_names": ["slope", "noise_log_sd"]}
#: Functions that draw a fit, with what they are told besides.
OF_A_FIT: dict[str, dict[str, Any]] = {
    "plot_autocorr": SOME,
    "plot_bf": SOME,
    "plot_convergence_dist": SOME,
    "plot_dgof": SOME,
    "plot_dgof_dist": SOME,
    "plot_dist": SOME,
    "plot_energy": {},
    "plot_ess": SOME,
    "plot_ess_evolution": SOME,
    "plot_forest": SOME,
    "plot_lm": {"x": "training_compute_flop", "y": "error", "plot_dim": "system"},
    "plot_loo_interval": {},
    "plot_loo_pava": {},
    "plot_loo_pit": {},
    "plot_mcse": SOME,
    "plot_pair": SOME,
    "plot_pair_focus": {**SOME, "focus_var": "slope_log_sd"},
    "plot_parallel": SOME,
    "plot_ppc_censored": {},
    "plot_ppc_dist": {},
    "plot_ppc_dist_pit": {},
    "plot_ppc_interval": {},
    "plot_ppc_pava": {},
    "plot_ppc_pit": {},
    "plot_ppc_tstat": {},
    "plot_prior_posterior": SOME,
    "plot_rank": SOME,
    "plot_rank_dist": SOME,
    "plot_ridge": SOME,
    "plot_trace": SOME,
    "plot_trace_dist": SOME,
}
#: The others, and what they take.
OF_OTHER_THINGS = {
    "plot_compare": "the table of arviz_stats.compare, tested below",
    "plot_khat": "what arviz_stats.loo gives, tested below",
    "plot_ecdf_pit": "a tree of simulation-based calibration",
    "plot_ppc_pava_residuals": "outcomes of two values; errors are continuous",
    "plot_ppc_rootogram": "counts; errors are continuous",
    "plot_psense_dist": "a group log_prior, which add_log_prior adds, tested below",
    "plot_psense_quantities": "a group log_prior, which add_log_prior adds, tested below",
}


@cache
def fit(name: str = REFERENCE_TRACE) -> Any:
    """Every tenth draw of it, as what is drawn is not the question."""
    return open_trace(name).isel(draw=slice(None, None, 10), missing_dims="ignore")


@pytest.fixture(autouse=True)
def drawing() -> Iterator[None]:
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    before = mpl.get_backend()
    plt.switch_backend("agg")
    with warnings.catch_warnings():
        # About the draws and the reference value 0, not about the tree.
        warnings.simplefilter("ignore")
        yield
    plt.close("all")
    plt.switch_backend(before)


@pytest.mark.parametrize("name", some(OF_A_FIT, 8))
def test_a_fit_is_drawn(name: str) -> None:
    assert getattr(azp, name)(fit(), backend="matplotlib", **OF_A_FIT[name]) is not None


def test_comparisons_of_fits_are_drawn() -> None:
    azs = pytest.importorskip("arviz_stats")
    assert azp.plot_khat(azs.loo(fit(), pointwise=True), backend="matplotlib") is not None
    table = azs.compare(
        {law: fit(f"{name}-2026.11") for law, name in (("power", "reference"), ("logistic", "logistic"))}
    )
    assert azp.plot_compare(table, backend="matplotlib") is not None


@pytest.mark.parametrize("name", ["plot_psense_dist", "plot_psense_quantities"])
def test_sensitivity_to_priors_is_drawn(name: str) -> None:
    assert getattr(azp, name)(add_log_prior(fit()), backend="matplotlib", **SOME) is not None


def test_no_function_is_forgotten() -> None:
    there = {name for name in dir(azp) if name.startswith("plot_") and callable(getattr(azp, name))}
    assert there == {*OF_A_FIT, *OF_OTHER_THINGS}
