"""Data simulated from the model have the distribution that the likelihood says."""

from __future__ import annotations

from functools import cache, reduce

import numpy as np
import pytest
import xarray as xr
from scipy.stats import kstest, multivariate_normal
from tests.some import some

from scaling_bayes.core.laws import LAW_NAMES, LAWS, get_law
from scaling_bayes.core.observations import Observations
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.performance import Performance, observed_performance
from scaling_bayes.core.predictive import joint_log_density_of_error
from scaling_bayes.core.simulation import simulate_observations

pytestmark = pytest.mark.long

SIMULATIONS = 1000


def design(law: str) -> Observations:
    """Two tasks of four systems; the first two of each are of one paper."""
    rng = np.random.default_rng(1)
    task = np.repeat([0, 1], 4)
    return Observations(
        tasks=("one", "two"),
        systems=tuple(map(str, range(8))),
        task_index=task,
        error=np.full(8, 0.2),
        log10_compute=20.0 + rng.standard_normal(8),
        year=2015.0 + rng.uniform(-2, 2, 8),
        flagged=np.arange(8) % 3 == 0,
        compute_sd=np.full(8, np.nan),
        count_index=np.zeros(8, dtype=int),
        paper=("",) * 8,
        paper_index=np.array([0, 0, 1, 2, 3, 3, 4, 5]),
        reference_log10_compute=np.array([20.0, 20.5]),
        reference_year=np.array([2015.0, 2015.5]),
        reference_error=np.array([0.2, 0.3]),
        chance_error=np.array([0.9, 0.75]),
        floor_log_median=np.log([0.05, 0.1]),
        floor_log_sd=np.array([0.3, 0.3]),
    )


def parameters(options: ModelOptions) -> xr.Dataset:
    law = get_law(options.law)
    floor = np.array([0.05, 0.1]) if options.has_floor else 0.0
    reference = np.array([0.2, 0.3])
    bend = {"bend": np.array([0.3, 0.9])} if law.is_bent else {}
    ends = {"chance": design(options.law).chance_error, **bend}
    gain = law.gain(reference, floor, **ends)
    by_task = {
        "intercept": law.performance(reference, floor, **ends),
        "slope": np.array([0.06, 0.04]) * gain,
        "noise": np.array([0.02, 0.03]) * gain,
    }
    scalars = {}
    if options.algorithmic_progress:
        by_task["progress"] = np.array([0.3, 0.5])
    if options.measurement_error:
        by_task |= {name: np.array([0.1, -0.2]) for name in ("compute_mean", "compute_growth")}
        by_task["compute_spread"] = np.array([0.5, 0.8])
        scalars |= {"compute_error": 0.3, "flagged_error_factor": 2.0}
    if options.has_floor:
        by_task["floor"] = floor
    by_task |= bend
    if options.paper_effect:
        scalars["paper_correlation"] = 0.6
    if options.robust:
        scalars["degrees_of_freedom"] = 4.0
    return xr.Dataset(
        {**{name: ("task", values) for name, values in by_task.items()}, **scalars},
        coords={"task": ["one", "two"]},
    )


@cache
def simulations(options: ModelOptions) -> list[Observations]:
    rng, at = np.random.default_rng(2), parameters(options)
    made = [simulate_observations(options, at, design(options.law), rng) for _ in range(SIMULATIONS)]
    found = [each for each in made if each is not None]
    assert len(found) > 0.99 * SIMULATIONS
    return found


def together(options: ModelOptions) -> tuple[Performance, Observations]:
    """All simulations as systems of one table, and what the truth says of them."""
    joined = simulations(options)
    while len(joined) > 1:
        joined = [
            reduce(Observations.joined, joined[first : first + 2]) for first in range(0, len(joined), 2)
        ]
    at = parameters(options).expand_dims(("chain", "draw"))
    return observed_performance(options.law, at, joined[0]), joined[0]


def per_simulation(values: xr.DataArray, dim: str = "system") -> np.ndarray:
    """Values of each simulation's systems or papers, shape (simulation, system)."""
    return values.transpose(..., dim).values.reshape(
        -1, 8 if dim == "system" else len(design("power").paper_sizes)
    )


@pytest.mark.parametrize("law", some(LAW_NAMES, 2))
@pytest.mark.parametrize("measurement_error", some([True, False], 2))
def test_errors_are_spread_as_the_joint_density_says(law: str, measurement_error: bool) -> None:
    """The squared distance from the mean, in the covariance of the likelihood, is chi-square per paper."""
    options = ModelOptions(law, measurement_error=measurement_error)
    performance, rows = together(options)
    residuals = per_simulation(performance.residual(rows.error))
    variances, shared = per_simulation(performance.sd**2), per_simulation(performance.shared_sd**2)
    density = per_simulation(joint_log_density_of_error(performance, rows.error, rows.paper_index), "paper")
    jacobian = per_simulation(performance.log_jacobian(rows.error))
    squares = []
    for number, residual in enumerate(residuals):
        covariance = np.diag(variances[number])
        for one, other in ((0, 1), (4, 5)):
            covariance[one, other] = covariance[other, one] = shared[number, one]
        squares.append(residual @ np.linalg.solve(covariance, residual))
        exact = multivariate_normal(np.zeros(8), covariance).logpdf(residual) + jacobian[number].sum()
        assert density[number].sum() == pytest.approx(exact, rel=1e-9)
    assert kstest(squares, "chi2", (8,)).pvalue > 1e-3


def test_reported_compute_has_the_spread_of_the_population_and_its_own_error() -> None:
    options = ModelOptions()
    at, plan = parameters(options), design("power")
    compute = np.array([each.compute for each in simulations(options)])
    task = plan.task_index
    mean = at["compute_mean"].values[task] + at["compute_growth"].values[task] * plan.years
    error = 0.3 * np.where(plan.flagged, 2.0, 1.0)
    sd = np.sqrt(at["compute_spread"].values[task] ** 2 + error**2)
    for z in ((compute - mean) / sd).T:
        assert kstest(z, "norm").pvalue > 1e-4


def test_robust_papers_stray_by_a_student_t_together() -> None:
    performance, rows = together(ModelOptions(robust=True))
    standard = per_simulation(performance.residual(rows.error) / performance.sd)
    assert kstest(standard[:, 3], "t", (4,)).pvalue > 1e-3
    large = np.abs(standard) > 3
    of_one, apart = (large[:, 0] & large[:, 1]).sum(), (large[:, 0] & large[:, 3]).sum()
    assert of_one > 3 * max(apart, 1)


def test_an_impossible_error_makes_no_simulation() -> None:
    options = ModelOptions(measurement_error=False)
    at = parameters(options)
    at["intercept"] = at["intercept"] - 5.0
    assert simulate_observations(options, at, design("power"), np.random.default_rng(1)) is None


@pytest.mark.parametrize("law", some(LAWS, 2))
def test_simulated_errors_are_errors(law: str) -> None:
    for simulated in simulations(ModelOptions(law))[:200]:
        assert ((simulated.error > 0) & (simulated.error < 1)).all()
        if get_law(law).has_floor:
            assert (simulated.error > np.array([0.05, 0.1])[simulated.task_index]).all()
