"""Learning curves: points whose departures from the line wander along compute."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest, multivariate_normal, multivariate_t
from tests.kernel_sweep import CURVES, OF_CURVES, disagreement
from tests.seeds import seeded
from tests.test_model import parameters_inside, potentials

from scaling_bayes import DataError, OptionError, fit
from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.performance import Performance, observed_performance
from scaling_bayes.core.predictive import (
    draw_error,
    given_curves,
    joint_log_density_of_error,
    log_density_given_paper,
    log_density_of_error,
)
from scaling_bayes.core.simulation import simulate_observations
from scaling_bayes.systems.load import reference_systems

OPTIONS = [
    ModelOptions("power", "none", curves=True),
    ModelOptions("bounded", robust=True, drift=True, count_offsets=True, curves=True),
    ModelOptions("saturating", measurement_error=False, robust=True, curves=True),
]
each_model = pytest.mark.parametrize("options", OPTIONS, ids=lambda options: options.law)


def covariance(performance: Performance, at: dict[str, int], rows: np.ndarray) -> np.ndarray:
    """Of the residuals of some systems in one draw, entry by entry."""
    shared = performance.shared_sd.isel(at).values[rows] ** 2
    total = performance.sd.isel(at).values[rows] ** 2
    apart = np.abs(np.subtract.outer(CURVES.compute[rows], CURVES.compute[rows]))
    together = np.equal.outer(OF_CURVES[rows], OF_CURVES[rows])
    length = float(performance.correlation_length.isel(at))
    return np.diag(total - shared) + together * shared * np.exp(-apart / length)


@pytest.mark.long
@each_model
def test_kernel_and_pymc_and_the_predictions_have_one_likelihood(options: ModelOptions) -> None:
    assert disagreement(options, observations=CURVES, count=2) < 1e-10
    drawn = parameters_inside(options, CURVES, 2)
    performance = observed_performance(options.law, drawn, CURVES)
    found = joint_log_density_of_error(performance, CURVES.error, OF_CURVES)
    evaluate = potentials(options, CURVES)
    for draw in range(2):
        at = {"chain": 0, "draw": draw}
        assert evaluate(drawn.isel(at))[0] == pytest.approx(float(found.isel(at).sum()), rel=1e-8)
        residual = performance.residual(CURVES.error).isel(at).values
        jacobian = performance.log_jacobian(CURVES.error)
        jacobian = jacobian.isel({dim: n for dim, n in at.items() if dim in jacobian.dims}).values
        for paper in range(4):
            rows = np.flatnonzero(paper == OF_CURVES)
            shape = covariance(performance, at, rows)
            exact = (
                multivariate_t(shape=shape, df=float(performance.degrees_of_freedom.isel(at)))
                if options.robust
                else multivariate_normal(cov=shape)
            ).logpdf(residual[rows])
            assert float(found.isel(at)[paper]) == pytest.approx(exact + jacobian[rows].sum(), rel=1e-8)


@each_model
def test_a_point_given_its_curve_is_all_over_the_others(options: ModelOptions) -> None:
    """So are the likelihood of leave-one-out and the prediction of a point of a known curve."""
    drawn = parameters_inside(options, CURVES, 3)
    together = observed_performance(options.law, drawn, CURVES)
    pointwise = log_density_given_paper(together, CURVES.error, OF_CURVES)
    every = joint_log_density_of_error(together, CURVES.error, OF_CURVES).sum("paper")
    for row in (0, 5, 13):
        new = np.arange(OF_CURVES.size) == row
        others, point = CURVES.subset(~new), CURVES.subset(new)
        rest = observed_performance(options.law, drawn, others)
        without = joint_log_density_of_error(rest, others.error, others.paper_index).sum("paper")
        np.testing.assert_allclose(pointwise[..., row], every - without, rtol=1e-7)
        alone = observed_performance(options.law, drawn, point)
        task = [CURVES.tasks[CURVES.task_index[row]]]
        conditioned = given_curves(options.law, drawn, others, alone, task, point.paper)
        found = log_density_of_error(conditioned, point.error)[..., 0]
        np.testing.assert_allclose(found, every - without, rtol=1e-7)
        unseen = given_curves(options.law, drawn, others, alone, task, [""])
        assert unseen is alone


def test_replications_and_simulations_wander_as_the_likelihood_says() -> None:
    options = ModelOptions("logistic", measurement_error=False, curves=True)
    drawn = parameters_inside(options, CURVES, 1)
    for name, value in (("correlation_length", 0.7), ("paper_correlation", 0.8)):
        drawn[name] = xr.full_like(drawn[name], value)
    rng = np.random.default_rng(seeded(3))
    many = drawn.isel(draw=np.zeros(300, dtype=int)).assign_coords(draw=np.arange(300))
    performance = observed_performance(options.law, many, CURVES)
    replicated = draw_error(performance, rng, OF_CURVES).values[0]
    simulated = [simulate_observations(options, drawn.isel(chain=0, draw=0), CURVES, rng) for _ in range(300)]
    made = [each.error for each in simulated if isinstance(each, Observations)]
    factor = np.linalg.cholesky(covariance(performance, {"chain": 0, "draw": 0}, np.arange(OF_CURVES.size)))
    for errors in (replicated, np.array(made)):
        assert len(errors) > 290
        residual = LAWS[options.law].performance(errors) - performance.mean.values[0, 0]
        white = np.linalg.solve(factor, residual.T).T
        assert kstest(white.ravel(), "norm").pvalue > 1e-3
        assert abs(np.corrcoef(white.T) - np.eye(OF_CURVES.size)).max() < 0.3


def test_curves_need_papers() -> None:
    with pytest.raises(OptionError, match="paper_effect=True"):
        ModelOptions(curves=True, paper_effect=False)
    alone = reference_systems().groupby("task").head(4).drop(columns="paper")
    with pytest.raises(DataError, match="column paper"):
        fit(alone, curves=True, unit="FLOP", progressbar=False)
