"""What `fit` promises: the published fits, known truth, the schema, the seed, and plain words on trouble."""

from __future__ import annotations

import inspect
import itertools
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats
from tests.models import STRAIGHT
from tests.seeds import seeded
from tests.simulation import simulate_law
from tests.some import some
from tests.widths import QUANTITIES, widths

from scaling_bayes import (
    DataError,
    OptionError,
    Prior,
    checks,
    fit,
    load_systems,
    open_trace,
    project,
    save_trace,
)
from scaling_bayes.cli.commands import cli
from scaling_bayes.core.laws import LAWS
from scaling_bayes.core.options import DEFAULT_MODEL, POOLINGS
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.model.hardware import fit_hardware
from scaling_bayes.model.refit_check import resample
from scaling_bayes.projection import extrapolation
from scaling_bayes.projection.requirement import best_errors
from scaling_bayes.systems.tasks import load_tasks
from scaling_bayes.trace.rounding import ROUNDING_SHARE
from scaling_bayes.trace.schema import FIT_GROUPS, VARIABLES, manifest

pytestmark = pytest.mark.samples

SYSTEMS = Path(__file__).parent / "data" / "simulated_systems.csv"
TRUTH = SYSTEMS.with_name("simulated_truth.json")

#: Least-squares slopes of log10(1 / error) on log10 burden and standard errors, Thompson et al. 2020 points.
LEAST_SQUARES = {
    "imagenet": (0.0733, 0.0244),
    "ms_coco": (0.0226, 0.0064),
    "squad_1_1": (0.1286, 0.0235),
    "conll_2003": (0.0168, 0.0060),
    "wmt14_en_fr": (0.0237, 0.0069),
}
FLAT = {
    "slope": Prior("HalfNormal", sigma=10),
    "noise": Prior("HalfNormal", sigma=10),
    "intercept": Prior("Normal", mu=0, sigma=100),
}
QUICK = {"draws": 100, "tune": 200, "chains": 2, "progressbar": False}
#: One line for each task, which takes least.
LINES = {**STRAIGHT, "pooling": "none", "measurement_error": False, "algorithmic_progress": False}


def unchecked_fit(systems: pd.DataFrame | None = None, **options) -> xr.DataTree:
    """A fit compared within Monte Carlo error, whatever its own checks say of these draws."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return fit(systems, **{"random_seed": seeded(1), "progressbar": False, **options})


def quick_fit(systems: pd.DataFrame | None = None, **options) -> xr.DataTree:
    return unchecked_fit(systems, **{**QUICK, **options})


def test_unpooled_fit_agrees_with_the_published_least_squares() -> None:
    systems = load_systems(edition="2026.11")
    idata = unchecked_fit(
        systems[systems["in_thompson2020"]],
        **LINES,
        paper_effect=False,
        flagged_error=False,
        priors=FLAT,
    )
    slope = idata["posterior"]["slope"].mean(("chain", "draw"))
    assert set(slope["task"].values) == set(LEAST_SQUARES)
    for task, (estimate, standard_error) in LEAST_SQUARES.items():
        assert abs(float(slope.sel(task=task)) - estimate) < 0.15 * standard_error


def test_reference_fit_passes_every_check(reference_fit: xr.DataTree) -> None:
    frame = checks(reference_fit)
    assert list(frame["check"]) == [
        "rhat",
        "ess_bulk",
        "ess_tail",
        "divergences",
        "ebfmi",
        "max_treedepth_share",
    ]
    assert frame["passed"].all(), frame


def test_tree_has_the_groups_and_names_of_the_schema(reference_fit: xr.DataTree) -> None:
    assert {*FIT_GROUPS, "sensitivity", "data_checks"} == set(reference_fit.children)
    posterior = reference_fit["posterior"]
    assert posterior["slope"].dims == ("chain", "draw", "task")
    assert {"slope", "intercept", "noise", "progress", "compute_error"} <= set(posterior.data_vars)
    assert {"paper_correlation", "flagged_error_factor"} <= set(posterior.data_vars)
    assert set(posterior.data_vars) <= set(VARIABLES)
    assert set(reference_fit["prior"].data_vars) == set(posterior.data_vars)
    assert all(variable.attrs["units"] for variable in posterior.data_vars.values())
    for name in ("log_likelihood", "posterior_predictive"):
        assert reference_fit[name]["error"].dims == ("chain", "draw", "system")


def test_known_truth_is_recovered() -> None:
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    idata = unchecked_fit(pd.read_csv(SYSTEMS), **STRAIGHT, draws=500, tune=500, chains=2)
    posterior = idata["posterior"].to_dataset()
    # The truth's intercepts hold at 1e20 FLOP and mid-2016, the fit's at each task's own reference.
    constant = idata["constant_data"]
    shift = (
        constant["reference_log10_compute"]
        - 20
        + posterior["progress"] * (constant["reference_year"] - 2016.5)
    )
    posterior["intercept"] = posterior["intercept"] - posterior["slope"] * shift
    inside, z_scores = [], []
    for name in ("slope", "noise", "progress", "intercept", "compute_error"):
        draws = posterior[name]
        low, high = draws.quantile(0.005, ("chain", "draw")), draws.quantile(0.995, ("chain", "draw"))
        value = np.asarray(truth[name])
        inside += list(np.atleast_1d((low.values <= value) & (value <= high.values)))
        z_scores += list(
            np.atleast_1d((draws.mean(("chain", "draw")) - value) / draws.std(("chain", "draw")))
        )
    assert all(inside)
    assert np.std(z_scores) < 1.5
    slope = posterior["slope"].mean(("chain", "draw")).values
    assert np.corrcoef(slope, truth["slope"])[0, 1] > 0.98


@pytest.mark.parametrize("law", some(LAWS, 3))
def test_known_truth_of_each_law_is_recovered(law: str) -> None:
    """Slope and floor of two tasks lie within their 99 % intervals."""
    systems, truth = simulate_law(law, systems_per_task=190, seed=2026)
    idata = quick_fit(systems, **{**LINES, "law": law}, draws=400, tune=400)
    posterior = idata["posterior"].to_dataset()
    for name in ("slope", "noise", *(["floor"] if LAWS[law].has_floor else [])):
        low, high = posterior[name].quantile([0.005, 0.995], ("chain", "draw"))
        error = 0.14 * (high - low)  # three Monte Carlo errors of either end, of 400 independent draws
        assert ((low - error <= truth[name]) & (truth[name] <= high + error)).all(), name
        assert (high < 2.0 * low + 0.1 * truth[name]).all() or name == "floor", "the interval says something"


@pytest.mark.slow
def test_integrating_compute_out_equals_sampling_it() -> None:
    """The model with one explicit latent compute per system has the same posterior."""
    import pymc as pm
    import pytensor.tensor as pt
    from arviz_stats import ess

    from scaling_bayes.core.options import SamplerOptions
    from scaling_bayes.model.sampling.sample import sample_posterior

    systems = pd.read_csv(SYSTEMS).groupby("task").head(12)
    systems = systems[systems["task"].isin(["task_0", "task_1"])]
    priors = {"noise": Prior("LogNormal", mu=np.log(0.05), sigma=0.5)}
    marginal = unchecked_fit(systems, **STRAIGHT, pooling="none", priors=priors)
    constant = marginal["constant_data"]
    tasks = list(constant["task"].values)
    index = [tasks.index(task) for task in constant["system_task"].values]
    reference = constant["reference_error"].values
    above = {"intercept": -np.log10(reference), "slope": 0.0, "noise": 0.0}
    observed = (
        constant["log10_training_compute_flop"].values - constant["reference_log10_compute"].values[index]
    )
    year = constant["publication_year"].values - constant["reference_year"].values[index]
    prior = {name: Prior(**spec) for name, spec in manifest(marginal)["priors"].items()}
    with pm.Model(coords={"task": tasks}) as model:
        draw = {
            name: getattr(pm, p.family)(
                f"{name}_stated" if name in above else name,
                **p.parameters,
                dims=() if name == "compute_error" else "task",
            )
            for name, p in prior.items()
        }
        for name, level in above.items():  # stated in orders of magnitude of odds at the reference error
            draw[name] = pm.Deterministic(name, level + (1.0 - reference) * draw[name], dims="task")
        offset = pm.Normal("offset", 0, 1, shape=len(index))
        latent = (
            draw["compute_mean"][index]
            + draw["compute_growth"][index] * year
            + draw["compute_spread"][index] * offset
        )
        pm.Normal("compute", latent, draw["compute_error"], observed=observed)
        pm.Normal(
            "performance",
            draw["intercept"][index] + draw["slope"][index] * (latent + draw["progress"][index] * year),
            draw["noise"][index] * pt.ones(len(index)),
            observed=-np.log10(marginal["observed_data"]["error"].values),
        )
    explicit, _ = sample_posterior(model, list(prior), SamplerOptions(800, 800, 4, 0.97, seeded(2)))
    for name in prior:
        ours, theirs = marginal["posterior"][name], explicit[name]
        error = np.hypot(
            ours.std(("chain", "draw")) / np.sqrt(ess(ours.to_dataset())[name]),
            theirs.std(("chain", "draw")) / np.sqrt(ess(theirs.to_dataset())[name]),
        )
        difference = np.abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw")))
        assert (difference < 4 * error).all(), (name, (difference / error).values)


def test_log_likelihood_is_the_density_of_each_error_given_the_others_of_its_paper() -> None:
    """By scipy, from the covariance of each paper: joint density over that of the others."""
    reference_fit = open_trace("reference-2026.11")  # normal papers around straight lines
    constant = reference_fit["constant_data"].to_dataset()
    error = reference_fit["observed_data"]["error"].values
    stored = reference_fit["log_likelihood"]["error"]
    task = constant["system_task"].values
    posterior = reference_fit["posterior"].to_dataset()
    log_jacobian = -np.log(error) - np.log(np.log(10))
    for chain, draw in [(0, 0), (1, 500), (3, 999)]:
        at = posterior.isel(chain=chain, draw=draw)
        mean, own, shared = (part(at, constant, task) for part in (expected, own_variance, shared_variance))
        residual = -np.log10(error) - mean
        for paper in np.unique(constant["paper_index"]):
            rows = np.flatnonzero(constant["paper_index"].values == paper)
            covariance = np.diag(own[rows]) + shared[rows[0]]
            together = stats.multivariate_normal(cov=covariance).logpdf(residual[rows])
            for position, row in enumerate(rows):
                others = np.delete(np.arange(rows.size), position)
                without = 0.0
                if others.size:
                    without = stats.multivariate_normal(cov=covariance[np.ix_(others, others)]).logpdf(
                        residual[rows][others]
                    )
                found = float(stored.isel(chain=chain, draw=draw, system=row))
                assert found == pytest.approx(together - without + log_jacobian[row], rel=1e-5, abs=1e-5)


def compute_of(at: xr.Dataset, constant: xr.Dataset, task: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of true compute, relative to the task's reference."""
    of = at.sel(task=task)
    observed = (
        constant["log10_training_compute_flop"].values
        - constant["reference_log10_compute"].sel(task=task).values
    )
    year = constant["publication_year"].values - constant["reference_year"].sel(task=task).values
    doubt = constant["compute_in_doubt"].values == 1
    error = float(at["compute_error"]) * np.where(doubt, float(at["flagged_error_factor"]), 1.0)
    precision = 1 / of["compute_spread"].values ** 2 + 1 / error**2
    center = of["compute_mean"].values + of["compute_growth"].values * year
    mean = (center / of["compute_spread"].values ** 2 + observed / error**2) / precision
    return mean + of["progress"].values * year, 1 / precision


def expected(at: xr.Dataset, constant: xr.Dataset, task: np.ndarray) -> np.ndarray:
    of = at.sel(task=task)
    return of["intercept"].values + of["slope"].values * compute_of(at, constant, task)[0]


def shared_variance(at: xr.Dataset, constant: xr.Dataset, task: np.ndarray) -> np.ndarray:
    return float(at["paper_correlation"]) * at["noise"].sel(task=task).values ** 2


def own_variance(at: xr.Dataset, constant: xr.Dataset, task: np.ndarray) -> np.ndarray:
    of = at.sel(task=task)
    from_compute = of["slope"].values ** 2 * compute_of(at, constant, task)[1]
    return (1 - float(at["paper_correlation"])) * of["noise"].values ** 2 + from_compute


@pytest.mark.slow
def test_reparametrised_pooling_is_the_textbook_model() -> None:
    """A normal hyper-prior takes the reparametrised path, a Student t with many degrees of freedom not."""
    systems = pd.read_csv(SYSTEMS).groupby("task").head(6)
    options = {"measurement_error": False, "algorithmic_progress": False, "random_seed": seeded(3)}
    ours = unchecked_fit(systems, **options)
    textbook = unchecked_fit(
        systems,
        draws=2000,
        target_accept=0.99,
        priors={
            "slope_log_mean": Prior("StudentT", nu=1e6, mu=np.log(0.05), sigma=0.8),
            "noise_log_mean": Prior("StudentT", nu=1e6, mu=np.log(0.07), sigma=0.7),
        },
        **options,
    )
    for name in ("slope", "noise", "slope_log_mean", "slope_log_sd", "noise_log_mean", "noise_log_sd"):
        for group in ("prior", "posterior"):
            a, b = ours[group][name], textbook[group][name]
            scale = np.maximum(a.std(("chain", "draw")), 1e-12)
            limit = 0.25 if group == "prior" else 0.2
            shift = np.abs(a.median(("chain", "draw")) - b.median(("chain", "draw"))) / scale
            assert (shift < limit).all(), (group, name, shift.values)


@pytest.mark.parametrize("cores", [0, -3, 1.5, True])
@pytest.mark.parametrize("sampled", [fit, fit_hardware, lambda cores: resample(None, cores=cores)])
def test_chains_to_run_at_a_time_are_checked_before_the_work(sampled, cores):
    with pytest.raises(OptionError, match="cores must be"):
        sampled(cores=cores)


def test_a_seed_that_was_drawn_gives_the_same_again_on_one_core_or_two_and_another_does_not() -> None:
    systems = pd.read_csv(SYSTEMS).groupby("task").head(5)
    first = quick_fit(systems, random_seed=None, cores=1, **LINES)
    seed = manifest(first)["sampler"]["random_seed"]
    again = quick_fit(systems, random_seed=seed, cores=2, **LINES)
    other = quick_fit(systems, random_seed=seed + 1, **LINES)
    for name in FIT_GROUPS:
        assert first[name].to_dataset().identical(again[name].to_dataset())
    assert first.attrs == again.attrs
    assert not np.array_equal(first["posterior"]["slope"], other["posterior"]["slope"])


#: Every pooling and pair of switches, and in turn every law, with and without the others.
COMBINATIONS = [
    (law, pooling, *switches, number % 2 == 0)
    for number, (law, (pooling, *switches)) in enumerate(
        zip(
            itertools.cycle(LAWS),
            itertools.product(POOLINGS, (True, False), (True, False)),
            strict=False,
        )
    )
]


@pytest.mark.parametrize(
    ("law", "pooling", "measurement_error", "algorithmic_progress", "robust"), some(COMBINATIONS, 5)
)
def test_every_combination_of_options_fits(
    law, pooling, measurement_error, algorithmic_progress, robust
) -> None:
    idata = quick_fit(
        law=law,
        pooling=pooling,
        measurement_error=measurement_error,
        algorithmic_progress=algorithmic_progress,
        robust=robust,
    )
    posterior = idata["posterior"].to_dataset()
    assert ("progress" in posterior) == algorithmic_progress
    assert ("compute_error" in posterior) == measurement_error
    assert ("flagged_error_factor" in posterior) == measurement_error
    assert ("degrees_of_freedom" in posterior) == robust
    assert ("floor" in posterior) == (law == "saturating")
    assert ("slope_log_sd" in posterior) == (pooling == "partial")
    assert ("noise_log_sd" in posterior) == (pooling != "none")
    assert set(idata["prior"].data_vars) == set(posterior)
    assert posterior["slope"].sizes["task"] == 5
    reference = idata["constant_data"]["reference_error"]
    in_odds = posterior["slope"] / LAWS[law].odds_gain(reference, posterior.get("floor", 0.0))
    spread = (in_odds.std("task") / in_odds.mean("task")).max()
    assert (spread < ROUNDING_SHARE) == (pooling == "complete")  # one slope, rounded in each task
    assert np.isfinite(idata["log_likelihood"]["error"]).all()
    assert np.isfinite(idata["sensitivity"]["power_scaling"]).all()


@pytest.mark.parametrize(
    ("law", "floor", "drift"),
    some(
        [
            ("bounded", "none", True),
            ("power", "none", True),
            ("exponential", "none", True),
            ("logistic", "none", True),
            ("saturating", "none", True),
            ("logistic", "pooled", False),
            ("power", "task", True),
        ],
        7,
    ),
)
def test_any_law_fits_with_any_floor_and_with_drift(law, floor, drift, monkeypatch) -> None:
    """Where nothing cuts them off, intervals widen with the year: in every task, law and scenario."""
    idata = quick_fit(law=law, floor=floor, drift=drift)
    posterior, constant = idata["posterior"].to_dataset(), idata["constant_data"].to_dataset()
    assert set(idata["prior"].data_vars) == set(posterior)
    assert ("floor" in posterior) == (floor != "none")
    assert ("floor_logit_mean" in posterior) == (floor == "pooled")
    assert ("bend" in posterior) == ("chance_error" in constant) == (law == "bounded")
    assert ("floor_log_median" in constant) == (floor == "task")
    assert ("drift_step" in posterior) == ("drift_scale" in posterior) == drift
    assert np.isfinite(idata["log_likelihood"]["error"]).all()
    assert np.isfinite(idata["sensitivity"]["power_scaling"]).all()
    if drift:
        year = constant["publication_year"]
        assert posterior["drift_year"].values[0] <= year.min()
        assert posterior["drift_year"].values[-1] + 1.0 > year.max()
        monkeypatch.setattr(extrapolation, "load_tasks", lambda: load_tasks().assign(one_pass_flop=np.nan))
        easiest = best_errors(idata, posterior["task"].values.tolist())
        for scenario in ("trend", "stalled", "accelerated"):
            tree = project(idata, easiest, range(2020, 2051, 10), scenario=scenario)
            for quantity in QUANTITIES:
                found = widths(tree, quantity)
                assert found.shape == (5, 4)
                assert (np.diff(found, axis=-1) > 0).all()


def test_trouble_is_said_in_plain_words() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(random_seed=seeded(1), **LINES, **{**QUICK, "draws": 50})
    sentences = [str(w.message) for w in caught if w.category is FitWarning]
    assert any(
        re.match(r"ess_bulk is \d+.* expected >= 400: too few effective draws", sentence)
        for sentence in sentences
    )


def test_rows_without_compute_are_counted() -> None:
    systems = pd.read_csv(SYSTEMS).groupby("task").head(5).reset_index(drop=True)
    systems.loc[:1, "training_compute_flop"] = np.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        idata = fit(systems, random_seed=seeded(1), **LINES, **QUICK)
    said = [str(w.message) for w in caught if w.category is FitWarning]
    assert "2 systems have no training compute and are left out; 28 are fitted." in said
    assert idata["observed_data"].sizes["system"] == 28


def test_a_table_without_years_is_fitted_where_time_is_switched_off(tmp_path: Path) -> None:
    """As its refusal says. Drift, which is on by default, is dropped; with some years it is not."""
    systems = pd.read_csv(SYSTEMS).groupby("task").head(5).reset_index(drop=True)
    timeless = {"measurement_error": False, "algorithmic_progress": False, "draws": 20}
    idata = quick_fit(systems.drop(columns="year"), **timeless)
    assert manifest(idata)["model"]["drift"] is False
    assert "drift_step" not in idata["posterior"]
    stored = open_trace(save_trace(idata, tmp_path / "undated.nc"))
    assert np.isfinite(project(stored, {"task_0": 0.1})["projection"]["log10_training_compute_flop"]).any()
    systems.loc[0, "year"] = np.nan
    with pytest.raises(DataError, match="drift=False needs none"):
        quick_fit(systems, **timeless)


def test_what_fit_does_by_default_is_stated_once() -> None:
    asked = inspect.signature(fit).parameters
    assert {name: asked[name].default for name in DEFAULT_MODEL} == dict(DEFAULT_MODEL)
    command = {option.name: option.default for option in cli.commands["fit"].params}
    assert {name: command[name] for name in (*DEFAULT_MODEL, "draws", "tune", "target_accept")} == {
        name: asked[name].default for name in (*DEFAULT_MODEL, "draws", "tune", "target_accept")
    }


BAD_OPTIONS = [
    ({"law": "quadratic"}, "law='quadratic'"),
    ({"pooling": "some"}, "expected one of partial, none, complete"),
    ({"measurement_error": 1}, "measurement_error must be True or False"),
    ({"algorithmic_progress": "yes"}, "algorithmic_progress must be True or False"),
    ({"paper_effect": None}, "paper_effect must be True or False"),
    ({"robust": "t"}, "robust must be True or False"),
    ({"flagged_error": 0}, "flagged_error must be True or False"),
    ({"floor": "some"}, "expected one of task, pooled, none"),
    ({"floor": False}, "expected one of task, pooled, none"),
    ({"drift": 1}, "drift must be True or False"),
    ({"law": "stack"}, "law='stack' is not known"),
    ({"draws": 0}, "draws must be at least 4"),
    ({"draws": 10.5}, "draws must be a whole number"),
    ({"draws": 200_000}, r"need [0-9,]+ MiB; a trace holds at most 512 MiB. Keep at most [0-9]+ draws"),
    ({"tune": -1}, "tune must be at least"),
    ({"chains": True}, "chains must be"),
    ({"chains": 0}, "chains must be at least 1"),
    ({"target_accept": 1.0}, "between 0 and 1"),
    ({"target_accept": float("nan")}, "between 0 and 1"),
    ({"target_accept": "high"}, "between 0 and 1"),
    ({"random_seed": -1}, "random_seed must be at least 0"),
    ({"random_seed": 1.5}, "random_seed must be a whole number"),
    ({"random_seed": 2**63}, "below"),
    ({"priors": {"slopes": Prior("HalfNormal", sigma=1)}}, "its priors are intercept"),
]


@pytest.mark.parametrize(("options", "message"), BAD_OPTIONS)
def test_bad_options(options, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        fit(**options)


def table(**columns) -> pd.DataFrame:
    good = {
        "task": ["a"] * 4 + ["b"] * 4,
        "error": [0.5, 0.4, 0.3, 0.2] * 2,
        "training_compute_flop": [1e18, 1e19, 1e20, 1e21] * 2,
        "year": [2015, 2016, 2017, 2018] * 2,
    }
    return pd.DataFrame({**good, **columns})


BAD_SYSTEMS = [
    (table().head(1), "at least 3"),
    (table().head(4), "pooling='partial' needs at least 2 tasks"),
    (table(year=[None] * 8), "no year"),
    (table(training_compute_flop=[1e20] * 8, error=np.linspace(0.1, 0.5, 8)), "compute that varies"),
    (table(error=[0.5] * 4 + [0.3] * 4), "the same error in all 4 rows of task 'a'"),
    (table(chance_error=[0.9] * 4 + [0.9, None, 0.8, 0.9]), r"chance_error': found 0\.8; expected 0\.9"),
    (table(error=[0.5, 0.4, 0.3, -0.1] * 2), "strictly between 0 and 1"),
    (table(training_compute_flop=[1e18, 1e19, np.inf, 1e20] * 2), "finite"),
    (table(training_compute_flop=[np.nan] * 8), "no row has training compute"),
    ("no_such_file.csv", "no_such_file.csv"),
]


@pytest.mark.parametrize(("systems", "message"), BAD_SYSTEMS)
def test_bad_systems(systems, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit(systems)
