"""`calibrate`: the experiments with real fits, few and short."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from tests.models import STRAIGHT
from tests.seeds import seeded
from tests.simulation import SYSTEMS
from tests.synthetic import synthetic_fit

from scaling_bayes import calibrate, cite, save_trace
from scaling_bayes import summary as summarize
from scaling_bayes.batch.job import DIAGNOSTICS
from scaling_bayes.batch.store import open_store
from scaling_bayes.cli import cli
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions, SamplerOptions
from scaling_bayes.core.priors import Prior, default_priors
from scaling_bayes.diagnostics.verification import rederive, verify_trace
from scaling_bayes.errors import OptionError, TraceError
from scaling_bayes.model.evaluate import calibrate as calibrate_module
from scaling_bayes.model.evaluate.calibration_jobs import Model, PriorSBC
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.systems.load import reference_systems
from scaling_bayes.trace.io import open_trace
from scaling_bayes.trace.schema import group, manifest

pytestmark = pytest.mark.samples

PLAIN = {
    **STRAIGHT,
    "pooling": "none",
    "measurement_error": False,
    "algorithmic_progress": False,
    "paper_effect": False,
    "flagged_error": False,
}
#: Few, as every simulation has as many: three tasks with 14 systems each.
FEW = pd.read_csv(SYSTEMS).groupby("task").head(14).head(42)
TASKS = tuple(FEW["task"].unique())
QUICK = {"draws": 50, "tune": 100, "chains": 2, "random_seed": seeded(3), "progressbar": False}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> xr.DataTree:
    store = tmp_path_factory.mktemp("sbc") / "prior.zarr"
    return calibrate("prior_sbc", FEW, simulations=30, store=store, **PLAIN, **QUICK)


def test_a_table_in_another_unit_is_the_same_job() -> None:
    flop = pd.read_csv(SYSTEMS)
    giga = flop.rename(columns={"training_compute_flop": "training_compute"})
    giga["training_compute"] /= 1e9
    sampler = SamplerOptions(draws=10, tune=10, chains=1, target_accept=0.9, random_seed=1)
    expected, _ = calibrate_module._model(flop, {}, PLAIN, None, sampler)
    with pytest.warns(FitWarning, match="converted from GFLOP to FLOP"):
        found, _ = calibrate_module._model(giga, {"unit": "GFLOP"}, PLAIN, None, sampler)
    np.testing.assert_allclose(
        found.observations.log10_compute, expected.observations.log10_compute, rtol=1e-12
    )
    with pytest.raises(OptionError, match="come with the posterior"):
        calibrate("posterior_sbc", unit="GFLOP", posterior=xr.DataTree())


def test_thirty_simulations_are_calibrated(calibrated: xr.DataTree) -> None:
    """The small form of docs/calibration.md; a wrong likelihood or prior fails it by far."""
    summary = summarize(calibrated)
    parameters = summary[~summary["quantity"].str.startswith("training_compute")]
    assert parameters["coverage_90"].mean() == pytest.approx(0.9, abs=0.08)
    assert parameters["coverage_50"].mean() == pytest.approx(0.5, abs=0.12)
    assert (summary["p_value"] > 1e-4).all()
    fits = group(calibrated, "fits")
    assert (fits["failure"] == "").all()
    assert float(fits["rhat"].median()) < 1.2


def test_it_follows_every_parameter_and_the_projections(calibrated: xr.DataTree) -> None:
    quantities = list(group(calibrated, "fits")["quantity"].values)
    tasks = sorted({q.split("[")[1].removesuffix("]") for q in quantities if q.startswith("slope[")})
    assert tasks == [f"task_{number}" for number in range(len(tasks))]
    projections = [q for q in quantities if q.startswith("training_compute[")]
    assert len(projections) == len(tasks) * 3 * 2


def test_a_calibration_is_a_trace(calibrated: xr.DataTree, tmp_path: Path) -> None:
    path = save_trace(calibrated, tmp_path / "sbc.nc")
    verified = verify_trace(path)
    assert set(verified["findings"]["outcome"]) == {"agrees"}
    assert "Calibration of the power law" in cite(path, "apa")
    with pytest.raises(TraceError, match="posterior of kind 'calibration'; expected 'fit'"):
        open_trace(path)
    tree = open_trace(path, kind="calibration")
    tree["summary"]["coverage_90"].values[0] -= 0.01
    assert "differs" in set(rederive(tree)["outcome"])


@pytest.mark.slow  # `test_batch` asks the same of any job
def test_an_interrupted_run_goes_on_and_gives_the_same(
    calibrated: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, made = PriorSBC.run, []

    def once(self: PriorSBC, number: int):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(number)
        return run(self, number)

    arguments = {"simulations": 10, "store": tmp_path / "cut.zarr", **PLAIN, **QUICK}
    monkeypatch.setattr(PriorSBC, "run", once)
    with pytest.raises(KeyboardInterrupt):
        calibrate("prior_sbc", FEW, **arguments)
    monkeypatch.setattr(PriorSBC, "run", run)
    again = calibrate("prior_sbc", FEW, **arguments)
    xr.testing.assert_identical(group(again, "fits"), group(calibrated, "fits").isel(fit=slice(10)))


def test_another_job_does_not_go_on_from_a_store(tmp_path: Path) -> None:
    model = Model(
        ModelOptions(**PLAIN),
        default_priors(ModelOptions(**PLAIN)),
        SamplerOptions(50, 100, 2, 0.95, 3),
        observe(reference_systems(), needs_year=True),
        "digest",
    )
    open_store(tmp_path / "job.zarr", PriorSBC(model, 20))
    with pytest.raises(TraceError, match=r"another job \(.*simulations: found 20, expected 30"):
        open_store(tmp_path / "job.zarr", PriorSBC(model, 30))


def test_a_fit_that_cannot_be_made_is_recorded(tmp_path: Path) -> None:
    """Priors under which errors exceed 1."""
    job = PriorSBC(
        Model(
            ModelOptions(**PLAIN),
            {**default_priors(ModelOptions(**PLAIN)), "intercept": Prior("Normal", mu=-50.0, sigma=0.1)},
            SamplerOptions(50, 100, 2, 0.95, 3),
            observe(reference_systems(), needs_year=True),
            "digest",
        ),
        2,
    )
    from scaling_bayes.batch.execute import execute
    from scaling_bayes.model.evaluate import calibration_jobs as experiments

    store = open_store(tmp_path / "job.zarr", job)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiments, "_ATTEMPTS", 100)
        execute(job, store, progressbar=False)
    assert store.pending == []
    assert "the priors expect impossible errors" in str(store.dataset()["failure"].values[0])


def test_posterior_sbc_draws_truths_from_the_fit_it_is_given(tmp_path: Path) -> None:
    posterior = synthetic_fit(TASKS, **PLAIN)
    with pytest.raises(OptionError, match=r"the posterior has 200 draws"):
        calibrate("posterior_sbc", posterior=posterior, simulations=201, store=tmp_path / "x.zarr", **QUICK)
    tree = calibrate("posterior_sbc", posterior=posterior, simulations=10, store=tmp_path / "p.zarr", **QUICK)
    fits = group(tree, "fits")
    drawn = group(posterior, "posterior")["slope"].sel(task="task_0").values
    truths = fits["truth"].sel(quantity="slope[task_0]").values
    assert np.isin(truths, drawn.astype(np.float32)).all()
    assert np.unique(truths).size == 10
    assert (fits["failure"] == "").all()


def test_leaving_a_paper_out_compares_with_the_fit_to_all(tmp_path: Path) -> None:
    table = FEW.assign(paper=[f"paper {row % 4}" for row in range(len(FEW))])
    tree = calibrate("leave_one_paper_out", table, store=tmp_path / "papers.zarr", **PLAIN, **QUICK)
    fits = group(tree, "fits")
    assert list(fits["fit"].values) == ["(all)", *table["paper"].unique()]
    assert np.isnan(fits["elpd"].values[0])
    assert np.isfinite(fits["elpd"].values[1:]).all()
    summary = summarize(tree)
    assert set(summary["largest_shift_fit"]) <= set(fits["fit"].values)


def test_every_prior_is_swept_both_ways(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fit has one prior changed; what is sampled does not matter here."""
    seen = []

    def recorded(self: Model, observations: object, seed: int):
        seen.append(dict(self.priors))
        return self.draw_prior(20, seed), dict.fromkeys(DIAGNOSTICS, 1.0)

    monkeypatch.setattr(Model, "fit", recorded)
    tree = calibrate("prior_sweep", FEW, store=tmp_path / "sweep.zarr", **PLAIN, **QUICK)
    assert list(group(tree, "fits")["fit"].values) == [
        "(all)",
        *(f"{name} x {width}" for name in ("intercept", "slope", "noise") for width in ("0.5", "2")),
    ]
    default = seen[0]
    changed = [{name for name in default if priors[name] != default[name]} for priors in seen]
    assert changed == [set(), {"intercept"}, {"intercept"}, {"slope"}, {"slope"}, {"noise"}, {"noise"}]
    assert seen[3]["slope"] == default["slope"].widened(0.5)
    assert seen[4]["slope"] == default["slope"].widened(2.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"experiment": "sbc"}, "experiment='sbc' is not valid; expected one of prior_sbc"),
        ({"simulations": 3}, "simulations must be at least 10; found 3"),
        ({"experiment": "posterior_sbc"}, "which needs it"),
        ({"posterior": "fit"}, "posterior is for experiment='posterior_sbc'"),
        ({"lwa": "power"}, "lwa: not an option"),
        ({"random_seed": -1}, "random_seed must be at least 0"),
        ({"workers": 0}, "workers must be at least 1"),
        (
            {"experiment": "posterior_sbc", "posterior": "fit", "law": "power"},
            "come with the posterior",
        ),
    ],
)
def test_bad_options_are_refused(arguments: dict[str, object], message: str, tmp_path: Path) -> None:
    if "posterior" in arguments:
        arguments = {**arguments, "posterior": synthetic_fit(draws=4)}
    with pytest.raises(OptionError, match=message):
        calibrate(**{"store": tmp_path / "x.zarr", "progressbar": False, **arguments})


@pytest.mark.parametrize("family", ["Normal", "LogNormal", "HalfNormal", "Uniform", "Gamma", "Beta"])
def test_a_widened_prior_keeps_its_place(family: str) -> None:
    prior = {
        "Normal": Prior("Normal", mu=1.0, sigma=2.0),
        "LogNormal": Prior("LogNormal", mu=0.5, sigma=0.3),
        "HalfNormal": Prior("HalfNormal", sigma=2.0),
        "Uniform": Prior("Uniform", lower=1.0, upper=3.0),
        "Gamma": Prior("Gamma", alpha=20.0, beta=4.0),
        "Beta": Prior("Beta", alpha=40.0, beta=60.0),
    }[family]
    rng = np.random.default_rng(5)
    narrow, wide = (prior.widened(factor).draw(rng, 40_000) for factor in (0.5, 1.0))
    if family == "LogNormal":
        narrow, wide = np.log(narrow), np.log(wide)
    if family != "HalfNormal":
        assert np.median(narrow) == pytest.approx(np.median(wide), abs=0.1 * wide.std())
    assert narrow.std() == pytest.approx(0.5 * wide.std(), rel=0.05)


def test_the_command_prints_writes_and_goes_on(
    calibrated: xr.DataTree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def recorded(experiment: str, systems: object, **options: object) -> xr.DataTree:
        asked.update(experiment=experiment, systems=systems, **options)
        return calibrated

    monkeypatch.setattr(calibrate_module, "calibrate", recorded)
    command = ["calibrate", "prior_sbc", "--law", "logistic", "--no-paper-effect", "--workers", "2"]
    done = CliRunner(env={"COLUMNS": "80"}).invoke(cli, [*command, "-o", str(tmp_path / "c.nc")])
    assert done.exit_code == 0, done.output
    assert asked["law"] == "logistic"
    assert asked["paper_effect"] is False
    assert asked["workers"] == 2
    assert "measurement_error" not in asked
    assert "30 simulations, 0 failed" in done.output
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert manifest(open_trace(tmp_path / "c.nc", kind="calibration"))["experiment"] == "prior_sbc"
    printed = CliRunner().invoke(cli, ["calibrate", "prior_sbc", "--json"])
    assert json.loads(printed.stdout)["summary"][0]["quantity"].startswith("intercept[")

    def interrupted(*arguments: object, **options: object) -> xr.DataTree:
        raise KeyboardInterrupt

    monkeypatch.setattr(calibrate_module, "calibrate", interrupted)
    stopped = CliRunner().invoke(cli, ["calibrate", "prior_sbc"], standalone_mode=False)
    assert stopped.return_value == 130
    assert "goes on from there" in stopped.stderr
