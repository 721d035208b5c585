"""The compiled kernel is the PyMC model: density, gradient, variables and posterior."""

from __future__ import annotations

import itertools
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
import pytensor
import pytest
from tests.kernel_sweep import ENDS, disagreement, log_density, points, variables_disagreement
from tests.seeds import seeded
from tests.simulation import SYSTEMS
from tests.some import some
from tests.test_model import OBSERVED, systems

from scaling_bayes import Prior, fit
from scaling_bayes.core.families import FAMILIES
from scaling_bayes.core.laws import LAW_NAMES, LAWS
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import POOLINGS, ModelOptions, SamplerOptions
from scaling_bayes.core.parameters import parameter_names
from scaling_bayes.core.priors import default_priors
from scaling_bayes.model.fit import FitWarning
from scaling_bayes.model.refit_check import resample
from scaling_bayes.model.sampling import kernel, sample
from scaling_bayes.model.sampling.layout import compile_fast, is_fast, lay_out
from scaling_bayes.model.sampling.refitter import Refitter
from scaling_bayes.model.sampling.sample import sample_compiled

pytestmark = pytest.mark.samples

#: Of the switches of `ModelOptions`, each on and off with most others.
SWITCHES = (
    (True, True, True, False, True),
    (True, False, False, True, False),
    (False, True, False, True, False),
    (False, False, True, False, False),
    (True, True, False, False, False),
)
SOME = [
    ModelOptions(law, pooling, *SWITCHES[number % len(SWITCHES)])
    for number, (law, pooling) in enumerate(itertools.product(LAWS, POOLINGS))
]
ALL_ON = ModelOptions("saturating", robust=True)
#: Every family, on parameters that lie on either side of zero, above it, and between two ends.
UNUSUAL = {
    "intercept": Prior("StudentT", nu=4.0, mu=0.1, sigma=0.4),
    "floor_logit_mean": Prior("StudentT", nu=5.0, mu=-1.0, sigma=1.0),
    "floor_logit_sd": Prior("Gamma", alpha=3.0, beta=2.0),
    "slope_log_mean": Prior("StudentT", nu=3.0, mu=-3.0, sigma=0.8),
    "slope_log_sd": Prior("HalfStudentT", nu=3.0, sigma=0.7),
    "noise_log_mean": Prior("Uniform", lower=-5.0, upper=-1.0),
    "noise_log_sd": Prior("InverseGamma", alpha=3.0, beta=1.5),
    "progress_log_sd": Prior("Beta", alpha=2.0, beta=3.0),
    "paper_correlation": Prior("Uniform", lower=0.05, upper=0.95),
    "degrees_of_freedom": Prior("LogNormal", mu=2.0, sigma=0.5),
    "compute_error": Prior("Exponential", lam=3.0),
    "compute_spread": Prior("HalfNormal", sigma=1.0),
    "compute_mean": Prior("Uniform", lower=-3.0, upper=2.0),
}
QUICK = SamplerOptions(100, 200, 2, 0.9, seeded(1))
DOUBLE = numba.types.float64(numba.types.float64)


def priors_of(options: ModelOptions, replaced: dict[str, Prior] = UNUSUAL) -> dict[str, Prior]:
    return {name: replaced.get(name, prior) for name, prior in default_priors(options).items()}


@pytest.mark.parametrize("options", some(SOME, 5), ids=str)
def test_density_and_gradient_are_those_of_the_pymc_model(options: ModelOptions) -> None:
    assert is_fast(default_priors(options))
    assert disagreement(options) < 1e-10


@pytest.mark.parametrize("options", some(ENDS[::5], 7), ids=str)
def test_density_and_gradient_with_floor_bend_and_drift_are_those_of_the_pymc_model(options) -> None:
    assert is_fast(default_priors(options))
    assert disagreement(options, count=2) < 1e-10


@pytest.mark.slow
def test_a_beta_prior_of_the_bend_and_a_wide_one_of_the_floor() -> None:
    options = ModelOptions("bounded", "none", drift=True)
    priors = default_priors(options) | {
        "bend": Prior("Beta", alpha=1.5, beta=3.0),
        "floor_offset": Prior("Normal", mu=0.5, sigma=2.0),
        "drift_scale": Prior("HalfNormal", sigma=0.1),
    }
    assert disagreement(options, priors) < 1e-10
    other = priors | {"floor_offset": Prior("StudentT", nu=4.0, mu=0.0, sigma=1.0)}
    assert not is_fast(other), "the kernel has a normal offset alone"


def test_priors_of_every_family() -> None:
    used = {prior.family for prior in priors_of(ALL_ON).values()}
    assert used == set(FAMILIES)
    assert disagreement(ALL_ON, priors_of(ALL_ON), count=6) < 1e-10
    assert variables_disagreement(ALL_ON, priors_of(ALL_ON)) < 1e-12


def test_other_rows_and_a_single_task() -> None:
    fewer = OBSERVED.subset(np.arange(OBSERVED.error.size) % 3 > 0)
    assert disagreement(ModelOptions("saturating"), observations=fewer) < 1e-10
    one = observe(systems(n_tasks=1, each=9), needs_year=True)
    assert disagreement(ModelOptions("saturating", "complete"), observations=one) < 1e-10


@pytest.mark.parametrize(
    "options", some([ModelOptions("saturating", "none", robust=True), ModelOptions()], 2), ids=str
)
@pytest.mark.parametrize("stated", some(["some", "all"], 2))
def test_a_row_may_state_the_error_of_its_compute(options: ModelOptions, stated: str) -> None:
    rows = np.arange(OBSERVED.error.size)
    sd = np.where((rows % 2 == 0) | (stated == "all"), 0.05 + 0.1 * rows, np.nan)
    observations = replace(OBSERVED, compute_sd=sd)
    assert (OBSERVED.flagged & (rows % 2 == 0)).any()
    assert (OBSERVED.flagged & (rows % 2 == 1)).any()
    assert disagreement(options, observations=observations) < 1e-10


@pytest.mark.parametrize("pooling", some(POOLINGS, 3))
def test_variables_are_those_of_the_pymc_model(pooling: str) -> None:
    for law in ("exponential", "saturating"):
        assert variables_disagreement(ModelOptions(law, pooling)) < 1e-12
    assert variables_disagreement(ModelOptions("bounded", pooling, drift=True)) < 1e-12


@pytest.mark.parametrize("law", LAW_NAMES)
def test_gradient_against_differences(law: str) -> None:
    options = ModelOptions(law, robust=True, drift=law == "bounded")
    priors = default_priors(options)
    layout, problem = lay_out(OBSERVED, options, priors, parameter_names(options, priors))
    unused = np.empty(layout.start.size)
    for x in points(layout.start, 3):
        gradient = np.empty(x.size)
        log_density(x, gradient, problem)
        for i, step in enumerate(1e-5 * np.eye(x.size)):
            above, below = (log_density(x + sign * step, unused, problem) for sign in (1, -1))
            expected = (above - below) / 2e-5
            assert gradient[i] == pytest.approx(expected, rel=1e-6, abs=1e-7 * np.abs(gradient).max())


def test_digamma() -> None:
    from scipy.special import digamma

    @numba.njit
    def compiled(x):
        return kernel._digamma(x)

    for x in (0.3, 1.0, 2.5, 9.99, 10.0, 40.0, 1e4):
        assert compiled(x) == pytest.approx(float(digamma(x)), rel=1e-13)


def test_what_the_kernel_lacks_is_left_to_pymc() -> None:
    options = ModelOptions("saturating", "none")
    priors = default_priors(options)
    assert is_fast(priors)
    assert not is_fast(priors | {"floor_logit": Prior("Uniform", lower=-3.0, upper=0.0)})


@pytest.mark.slow
def test_the_posterior_is_that_of_the_pymc_model() -> None:
    """`resample` samples from PyMC. Without drift, whose compilation by PyMC takes minutes."""
    few = pd.read_csv(SYSTEMS).groupby("task").head(12).head(24)
    with warnings.catch_warnings():  # whether these draws pass every check is not the question
        warnings.simplefilter("ignore", FitWarning)
        stored = fit(
            few, drift=False, random_seed=seeded(3), draws=500, tune=500, chains=2, progressbar=False
        )
    compared = resample(stored)
    assert compared["agrees"].all(), compared[~compared["agrees"]]


def test_draws_depend_on_the_seed_alone() -> None:
    """Not on cores, on what was sampled before, or on a chain's neighbours."""
    options = ModelOptions()
    priors = default_priors(options)
    names = parameter_names(options, priors)
    compiled = compile_fast(OBSERVED, options, priors, names)
    once, _ = sample_compiled(compiled, names, QUICK, cores=1)
    again, _ = sample_compiled(compiled, names, QUICK)
    fewer = OBSERVED.subset(np.arange(OBSERVED.error.size) > 2)
    refitter = Refitter(options, QUICK)
    other, _ = refitter(fewer, QUICK.random_seed)
    refitted, _ = refitter(OBSERVED, QUICK.random_seed)
    assert once.equals(again)
    assert once.equals(refitted)
    assert not once.equals(other)
    assert not np.array_equal(once["slope"][0], once["slope"][1])


FIT = """
import sys, warnings
from scaling_bayes import fit
warnings.simplefilter("ignore")
posterior = fit(random_seed=1, draws=100, tune=200, chains=2, progressbar=False)["posterior"]
assert not {"pymc", "pytensor"} & set(sys.modules), "neither is loaded"
print(posterior.to_dataset().to_dict())
"""


@pytest.mark.slow
def test_draws_are_the_same_whether_the_kernel_was_on_disk_or_not(tmp_path: Path) -> None:
    def draws(**environment: str) -> str:
        found = subprocess.run(
            [sys.executable, "-c", FIT],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, **environment},
        )
        return found.stdout

    first = draws(NUMBA_CACHE_DIR=str(tmp_path))
    assert list(tmp_path.rglob("*.nbc")), "the kernel is kept"
    assert first == draws(NUMBA_CACHE_DIR=str(tmp_path))


def double(x: float) -> float:
    return 2.0 * x


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A compiled function in a cache of its own; gives the path of one file of it by its suffix."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert kernel._c_function(double, DOUBLE).cache_hits == 0
    assert kernel._c_function(double, DOUBLE).cache_hits == 1

    def find(suffix: str) -> Path:
        (path,) = tmp_path.rglob(f"*{suffix}")
        return path

    return find


@pytest.mark.parametrize("suffix", [".nbi", ".nbc", ".sha256"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: (
            content[:200] + bytes([content[200] ^ 1]) + content[201:]
            if len(content) > 200
            else content[:20] + b"\xff" + content[21:]
        ),
        lambda content: b"\x80\x04cos\nsystem\n.",
        None,
    ],
    ids=["empty", "half", "one byte short", "one bit", "something else", "gone"],
)
def test_a_damaged_file_of_the_cache_is_compiled_again(suffix: str, damage: Any, kept: Any) -> None:
    path = kept(suffix)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    again = kernel._c_function(double, DOUBLE)
    assert again.cache_hits == 0
    assert again.ctypes(4.0) == 8.0
    assert kernel._c_function(double, DOUBLE).cache_hits == 1


def test_nowhere_to_keep_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available for file")

    monkeypatch.setattr(kernel, "FunctionCache", nowhere)
    assert kernel._c_function(double, DOUBLE).ctypes(4.0) == 8.0


def test_a_full_disk_leaves_the_kernel_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernel, "write_text", full)
    assert kernel._c_function(double, DOUBLE).ctypes(4.0) == 8.0


def test_a_damaged_cache_of_pytensor_is_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads it is nutpie's compilation, which then raises whatever pickle does."""
    asked = []

    def compile_model(model: object) -> str:
        asked.append(pytensor.config.numba__cache)
        if asked[-1]:
            raise pickle.UnpicklingError("pickle data was truncated")
        return "compiled"

    monkeypatch.setattr("scaling_bayes.model.sampling.sample.nutpie.compile_pymc_model", compile_model)
    monkeypatch.setenv("SCALING_BAYES_COMPILE_CACHE", "1")
    assert sample.compile_model(object()) == "compiled"
    assert asked == [True, False]
