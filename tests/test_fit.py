"""What `fit` promises: the published fits, known truth, the schema, the seed, and plain words on trouble."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from scaling_bayes import DataError, OptionError, Prior, checks, fit, load_systems
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.schema import FIT_GROUPS, VARIABLES, manifest

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


def quick_fit(systems: pd.DataFrame | None = None, **options) -> xr.DataTree:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)
        return fit(systems, **{"random_seed": 1, **QUICK, **options})


def test_unpooled_fit_agrees_with_the_published_least_squares() -> None:
    systems = load_systems()
    idata = fit(
        systems[systems["in_thompson2020"]],
        pooling="none",
        measurement_error=False,
        algorithmic_progress=False,
        priors=FLAT,
        random_seed=1,
        progressbar=False,
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
    assert set(FIT_GROUPS) == set(reference_fit.children)
    posterior = reference_fit["posterior"]
    assert posterior["slope"].dims == ("chain", "draw", "task")
    assert {"slope", "intercept", "noise", "progress", "compute_error"} <= set(posterior.data_vars)
    assert set(posterior.data_vars) <= set(VARIABLES)
    assert set(reference_fit["prior"].data_vars) == set(posterior.data_vars)
    assert all(variable.attrs["units"] for variable in posterior.data_vars.values())
    for name in ("log_likelihood", "posterior_predictive"):
        assert reference_fit[name]["error"].dims == ("chain", "draw", "system")


def test_known_truth_is_recovered() -> None:
    truth = json.loads(TRUTH.read_text(encoding="utf-8"))
    idata = fit(pd.read_csv(SYSTEMS), random_seed=1, progressbar=False)
    assert checks(idata)["passed"].all()
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


def test_integrating_compute_out_equals_sampling_it() -> None:
    """The model with one explicit latent compute per system has the same posterior."""
    import pymc as pm
    import pytensor.tensor as pt
    from arviz_stats import ess

    from scaling_bayes.model.sample import sample_posterior
    from scaling_bayes.options import SamplerOptions

    systems = pd.read_csv(SYSTEMS).groupby("task").head(12)
    systems = systems[systems["task"].isin(["task_0", "task_1"])]
    priors = {"noise": Prior("LogNormal", mu=np.log(0.05), sigma=0.5)}
    marginal = fit(systems, pooling="none", priors=priors, random_seed=1, progressbar=False)
    constant = marginal["constant_data"]
    tasks = list(constant["task"].values)
    index = [tasks.index(task) for task in constant["system_task"].values]
    observed = (
        constant["log10_training_compute_flop"].values - constant["reference_log10_compute"].values[index]
    )
    year = constant["publication_year"].values - constant["reference_year"].values[index]
    prior = {name: Prior(**spec) for name, spec in manifest(marginal)["priors"].items()}
    with pm.Model(coords={"task": tasks}) as model:
        draw = {
            name: getattr(pm, p.family)(name, **p.parameters, dims=() if name == "compute_error" else "task")
            for name, p in prior.items()
        }
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
    explicit, _ = sample_posterior(model, list(prior), SamplerOptions(1500, 1500, 4, 0.97, 2))
    for name in prior:
        ours, theirs = marginal["posterior"][name], explicit[name]
        error = np.hypot(
            ours.std(("chain", "draw")) / np.sqrt(ess(ours.to_dataset())[name]),
            theirs.std(("chain", "draw")) / np.sqrt(ess(theirs.to_dataset())[name]),
        )
        difference = np.abs(ours.mean(("chain", "draw")) - theirs.mean(("chain", "draw")))
        assert (difference < 4 * error).all(), (name, (difference / error).values)


def test_log_likelihood_is_pymcs_on_the_scale_of_error() -> None:
    import pymc as pm
    import pytensor

    from scaling_bayes.model.build import build_model
    from scaling_bayes.observations import observe
    from scaling_bayes.options import ModelOptions
    from scaling_bayes.priors import default_priors

    systems = pd.read_csv(SYSTEMS).groupby("task").head(5)
    idata = quick_fit(systems)
    options = ModelOptions()
    model = build_model(
        observe(systems, needs_year=True),
        options,
        default_priors(pooling="partial", measurement_error=True, algorithmic_progress=True),
    )
    names = ["slope", "intercept", "noise", "progress", "compute_error"]
    names += ["compute_mean", "compute_growth", "compute_spread"]
    density = pytensor.function(
        [model[name] for name in names],
        pm.logp(model["performance"], model["observed_performance"]),
    )
    error = idata["observed_data"]["error"].values
    log_jacobian = -np.log(error) - np.log(np.log(10))
    for chain, draw in [(0, 0), (1, 50), (0, 99)]:
        at = idata["posterior"].to_dataset().isel(chain=chain, draw=draw)
        expected = density(*(at[name].values for name in names)) + log_jacobian
        found = idata["log_likelihood"]["error"].isel(chain=chain, draw=draw).values
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=2e-6)


def test_reparametrised_pooling_is_the_textbook_model() -> None:
    """A normal hyper-prior takes the reparametrised path, a Student t with many degrees of freedom not."""
    systems = pd.read_csv(SYSTEMS).groupby("task").head(6)
    options = {"measurement_error": False, "algorithmic_progress": False, "random_seed": 3}
    ours = fit(systems, progressbar=False, **options)
    textbook = fit(
        systems,
        progressbar=False,
        draws=3000,
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


def test_same_seed_same_draws_on_one_core_or_two() -> None:
    systems = pd.read_csv(SYSTEMS).groupby("task").head(5)
    first, again = quick_fit(systems, cores=1), quick_fit(systems, cores=2)
    for name in FIT_GROUPS:
        assert first[name].to_dataset().identical(again[name].to_dataset())
    assert first.attrs == again.attrs


def test_same_seed_same_draws_whatever_was_compiled_before(tmp_path: Path) -> None:
    """A process that finds PyTensor's compiled code and one that does not draw the same."""
    script = (
        "import pandas as pd, scaling_bayes as sb\n"
        f"systems = pd.read_csv({str(SYSTEMS)!r})\n"
        "options = dict(pooling='none', measurement_error=False, algorithmic_progress=False)\n"
        "tree = sb.fit(systems, draws=50, tune=100, chains=1, random_seed=1, progressbar=False, **options)\n"
        "print(tree['posterior']['slope'].values.tobytes().hex())\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SCALING_BAYES_COMPILE_CACHE"}
    environment["PYTENSOR_FLAGS"] = f"base_compiledir={tmp_path}"
    first, again = (
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    )
    assert first
    assert first == again


def test_a_seed_is_drawn_and_stored_when_none_is_given() -> None:
    systems = pd.read_csv(SYSTEMS).groupby("task").head(5)
    options = {"pooling": "none", "measurement_error": False, "algorithmic_progress": False}
    first = quick_fit(systems, random_seed=None, **options)
    seed = manifest(first)["sampler"]["random_seed"]
    again = quick_fit(systems, random_seed=seed, **options)
    other = quick_fit(systems, random_seed=seed + 1, **options)
    assert first["posterior"].to_dataset().identical(again["posterior"].to_dataset())
    assert not np.array_equal(first["posterior"]["slope"], other["posterior"]["slope"])


@pytest.mark.parametrize("pooling", ["partial", "none", "complete"])
@pytest.mark.parametrize("measurement_error", [True, False])
@pytest.mark.parametrize("algorithmic_progress", [True, False])
def test_every_combination_of_options_fits(pooling, measurement_error, algorithmic_progress) -> None:
    idata = quick_fit(
        pooling=pooling,
        measurement_error=measurement_error,
        algorithmic_progress=algorithmic_progress,
    )
    posterior = idata["posterior"]
    assert ("progress" in posterior.data_vars) == algorithmic_progress
    assert ("compute_error" in posterior.data_vars) == measurement_error
    assert ("slope_log_sd" in posterior.data_vars) == (pooling == "partial")
    assert posterior["slope"].sizes["task"] == 5
    spread = posterior["slope"].std("task").max()
    assert (spread < 1e-12) == (pooling == "complete")
    assert np.isfinite(idata["log_likelihood"]["error"]).all()


def test_trouble_is_said_in_plain_words() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(
            pooling="none",
            measurement_error=False,
            algorithmic_progress=False,
            random_seed=1,
            **{**QUICK, "draws": 50},
        )
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
        idata = fit(systems, pooling="none", random_seed=1, **QUICK)
    said = [str(w.message) for w in caught if w.category is FitWarning]
    assert "2 systems have no training compute and are left out; 28 are fitted." in said
    assert idata["observed_data"].sizes["system"] == 28


BAD_OPTIONS = [
    ({"law": "quadratic"}, "law='quadratic'"),
    ({"pooling": "some"}, "expected one of partial, none, complete"),
    ({"measurement_error": 1}, "measurement_error must be True or False"),
    ({"algorithmic_progress": "yes"}, "algorithmic_progress must be True or False"),
    ({"draws": 0}, "draws must be at least 4"),
    ({"draws": 10.5}, "draws must be a whole number"),
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
    (table(error=[0.5, 0.4, 0.3, 0.0] * 2), "strictly between 0 and 1"),
    (table(training_compute_flop=[1e18, 1e19, np.inf, 1e20] * 2), "finite"),
    (table(training_compute_flop=[np.nan] * 8), "no row has training compute"),
    ("no_such_file.csv", "no_such_file.csv"),
]


@pytest.mark.parametrize(("systems", "message"), BAD_SYSTEMS)
def test_bad_systems(systems, message: str) -> None:
    with pytest.raises(DataError, match=message):
        fit(systems)
