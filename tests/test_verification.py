"""What a file states must follow from its own draws and data, whoever computed its digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import arviz_stats
import numpy as np
import pytest
import xarray as xr
from tests.some import some

from scaling_bayes.diagnostics.convergence import ebfmi, ess_bulk, ess_tail, rhat
from scaling_bayes.diagnostics.findings import AGREES, DIFFERS, SKIPPED
from scaling_bayes.diagnostics.verification import rederive, verify_trace
from scaling_bayes.errors import TraceError
from scaling_bayes.trace.digest import cited_digest, tree_digest
from scaling_bayes.trace.io import open_trace, save_trace
from scaling_bayes.trace.schema import HARDWARE_KIND

pytestmark = pytest.mark.long
TRACE = Path(__file__).with_name("data") / "traces" / "fit-schema-1.nc"
NEW_TRACE = TRACE.with_name("fit-schema-2.nc")


@pytest.mark.parametrize("chains", [2, 4])
@pytest.mark.parametrize("draws", [11, 50, 401])
@pytest.mark.parametrize("autocorrelation", [-0.6, 0.0, 0.95])
def test_checks_computed_a_second_time_are_those_of_arviz(
    chains: int, draws: int, autocorrelation: float
) -> None:
    rng = np.random.default_rng(1)
    values = rng.standard_normal((chains, draws))
    for position in range(1, draws):
        values[:, position] += autocorrelation * values[:, position - 1]
    data = xr.Dataset({"x": (("chain", "draw"), values)})
    assert rhat(values) == pytest.approx(float(arviz_stats.rhat(data)["x"]), rel=1e-9)
    assert ess_bulk(values) == pytest.approx(float(arviz_stats.ess(data)["x"]), rel=1e-9)
    tail = arviz_stats.ess(data, method="tail", prob=(0.05, 0.95))
    assert ess_tail(values) == pytest.approx(float(tail["x"]), rel=1e-9)
    assert ebfmi(values) == pytest.approx(np.asarray(arviz_stats.bfmi(data["x"])), rel=1e-9)


def test_many_scalars_are_judged_as_each_alone() -> None:
    """Also those with equal draws, and those of which nothing can be told."""
    values = np.random.default_rng(1).standard_normal((3, 2, 4, 51)).cumsum(axis=-1)
    values[0, 0] = np.round(values[0, 0])
    values[1, 1], values[2, 0, 0, 3] = 2.0, np.nan
    for statistic in (rhat, ess_bulk, ess_tail):
        together = statistic(values)
        assert together.shape == (3, 2)
        for place in np.ndindex(3, 2):
            np.testing.assert_array_equal(together[place], statistic(values[place]))


def test_draws_that_cannot_be_judged_give_nan_or_their_number() -> None:
    assert np.isnan(rhat(np.ones((1, 20))))
    assert np.isnan(rhat(np.full((2, 20), np.nan)))
    assert np.isnan(ess_bulk(np.full((2, 20), np.inf)))
    assert ess_tail(np.ones((2, 20))) == 40


@pytest.mark.parametrize("name", [TRACE, NEW_TRACE, "reference-2026.11", "hardware-2026.11"])
def test_everything_stored_follows(name: str | Path) -> None:
    verified = verify_trace(name)
    assert set(verified["findings"]["outcome"]) == {AGREES}
    assert verified["digest"] == open_trace(name).attrs["digest"]
    assert len(verified["findings"]) in (12, 22, 23, 24)


def of_manifest(change: Callable[[dict], object]) -> Callable[[xr.DataTree], None]:
    def edit(tree: xr.DataTree) -> None:
        content = json.loads(tree.attrs["manifest"])
        change(content)
        tree.attrs["manifest"] = json.dumps(content)

    return edit


def written_with_this_numpy(manifest: dict) -> None:
    manifest["versions"]["numpy"] = np.__version__


def of_value(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Callable[[xr.DataTree], None]:
    def edit(tree: xr.DataTree) -> None:
        group, variable = name.split("/")
        dataset = tree[group].to_dataset()
        dataset[variable] = dataset[variable].copy(data=change(dataset[variable].values))
        tree[group] = xr.DataTree(dataset)

    return edit


def first(value: object) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        changed = values.copy()
        changed.flat[0] = value
        return changed

    return change


#: Edits by someone who knows how to compute the digest, and what no longer follows.
FORGED: dict[str, tuple[Callable[[xr.DataTree], None], str]] = {
    "a draw": (of_value("posterior/slope", first(0.5)), "log_likelihood/error"),
    "every draw": (of_value("posterior/intercept", lambda v: v * 0.9), "posterior_predictive/error"),
    "a prior draw": (of_value("prior/slope", first(0.5)), "prior_predictive/error"),
    "the likelihood": (of_value("log_likelihood/error", lambda v: v + 1e-3), "log_likelihood/error"),
    "a prediction": (of_value("posterior_predictive/error", first(0.5)), "posterior_predictive/error"),
    "an observed error": (of_value("observed_data/error", first(0.5)), "data/sha256"),
    "a compute": (of_value("constant_data/training_compute_flop", first(1e20)), "data/sha256"),
    "a log compute": (
        of_value("constant_data/log10_training_compute_flop", first(20.0)),
        "constant_data/log10_training_compute_flop",
    ),
    "a year": (of_value("constant_data/publication_year", first(2001.0)), "constant_data/publication_year"),
    "a reference": (of_value("constant_data/reference_year", first(2001.0)), "constant_data/reference_year"),
    "a name": (of_value("constant_data/system_name", first("another")), "data/sha256"),
    "the R-hat": (of_value("checks/value", first(1.0)), "checks/rhat"),
    "a verdict": (of_value("checks/passed", lambda v: 1 - v), "checks/rhat"),
    "a divergence": (of_value("sample_stats/diverging", lambda v: 1 - v), "checks/divergences"),
    "the seed": (of_manifest(lambda m: m["sampler"].update(random_seed=2)), "prior_predictive/error"),
    "the data's digest": (of_manifest(lambda m: m["data"].update(sha256="0" * 64)), "data/sha256"),
    "a prior's width": (of_manifest(lambda m: m["priors"]["compute_error"].update(sigma=0.5)), "prior"),
    "the width of an intercept": (of_manifest(lambda m: m["priors"]["intercept"].update(sigma=0.6)), "prior"),
    "the law": (of_manifest(lambda m: m["model"].update(law="exponential")), "log_likelihood/error"),
    "the pooling": (of_manifest(lambda m: m["model"].update(pooling="complete")), "prior"),
    "the chains": (of_manifest(lambda m: m["sampler"].update(chains=3)), "sampler/chains"),
    "the source": (
        of_manifest(lambda m: m["data"].update(source="scaling_bayes.reference_systems()")),
        "data/source",
    ),
    "a version": (of_manifest(lambda m: m["versions"].update(numpy="<b>")), "versions"),
    "a limit": (of_value("checks/threshold", first(9.0)), "checks/rhat"),
    "a paper": (of_value("constant_data/paper_index", lambda v: v[::-1].copy()), "constant_data/paper_index"),
    "the count": (of_manifest(lambda m: m["data"].update(n_systems=9)), "data/n_systems"),
}


@pytest.mark.parametrize("name", some(FORGED, 3))
def test_an_edit_does_not_follow(name: str) -> None:
    edit, item = FORGED[name]
    tree = open_trace(TRACE)
    of_manifest(written_with_this_numpy)(tree)  # another one would excuse other random numbers
    edit(tree)
    findings = rederive(tree)
    assert item in set(findings[findings["outcome"] == DIFFERS]["item"])


def test_a_forged_digest_does_not_make_an_edit_follow(tmp_path: Path) -> None:
    tree = open_trace(TRACE)
    FORGED["the R-hat"][0](tree)
    path = save_trace(tree, tmp_path / "forged.nc")
    with pytest.raises(
        TraceError, match=r"the digest holds, but 1 of 22 stored items do not follow"
    ) as caught:
        verify_trace(path)
    assert "- checks/rhat: 1 of 1 values, the only one: expected 1." in str(caught.value)


MISSHAPEN: dict[str, tuple[Callable[[xr.DataTree], None], str]] = {
    "no errors": (
        lambda tree: tree.__setitem__("observed_data", xr.DataTree()),
        "observed_data/error: found nothing",
    ),
    "text for draws": (
        lambda tree: tree.__setitem__(
            "posterior", xr.DataTree(xr.Dataset({"slope": (("chain", "draw"), np.array([["a"]], object))}))
        ),
        "expected numbers along chain, draw",
    ),
    "prior without a number": (of_manifest(lambda m: m["priors"].update(x=[1])), "priors.x"),
    "versions that are numbers": (of_manifest(lambda m: m["versions"].update(numpy=2)), "versions.numpy"),
    "no data digest": (of_manifest(lambda m: m["data"].pop("sha256")), "data.sha256"),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_what_is_not_laid_out_as_a_fit_is_neither_written_nor_read(name: str, tmp_path: Path) -> None:
    edit, message = MISSHAPEN[name]
    tree = open_trace(TRACE)
    edit(tree)
    with pytest.raises(TraceError, match=message):
        save_trace(tree, tmp_path / "trace.nc")


def test_other_versions_are_a_note_and_excuse_other_random_numbers() -> None:
    tree = open_trace(TRACE)
    of_manifest(lambda m: (m["versions"].update(numpy="1.0"), m["sampler"].update(random_seed=2)))(tree)
    outcomes = rederive(tree).set_index("item")["outcome"]
    assert outcomes["posterior_predictive/error"] == SKIPPED
    assert outcomes["log_likelihood/error"] == AGREES


def test_a_law_this_release_does_not_know_is_said_and_the_rest_verified() -> None:
    tree = open_trace(TRACE)
    of_manifest(lambda m: m["model"].update(law="cubic"))(tree)
    outcomes = rederive(tree).set_index("item")["outcome"]
    assert outcomes["log_likelihood/error"] == SKIPPED
    assert outcomes["checks/rhat"] == AGREES


def test_an_old_version_is_read_by_its_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.trace import schema_versions as layouts

    tree = open_trace(TRACE)
    of_manifest(lambda m: m.update(schema_version=0))(tree)
    monkeypatch.setattr(layouts, "check_layout", lambda tree: None)
    monkeypatch.setattr("scaling_bayes.trace.io.check_layout", lambda tree: None)
    path = save_trace(tree, tmp_path / "old.nc")
    with pytest.raises(TraceError, match=r"schema version 0 is not one this release reads \(expected 1, 2\)"):
        open_trace(path)

    def reader(old: xr.DataTree) -> xr.DataTree:
        new = old.copy()
        of_manifest(lambda m: m.update(schema_version=1))(new)
        return new

    monkeypatch.setitem(layouts.READERS, ("fit", 0), reader)
    opened = open_trace(path)
    assert json.loads(opened.attrs["manifest"])["schema_version"] == 1
    assert cited_digest(opened) == opened.attrs["digest"] != tree_digest(opened)
    assert cited_digest(open_trace(save_trace(opened, tmp_path / "new.nc"))) == tree_digest(open_trace(TRACE))


@pytest.mark.slow
def test_sampling_again_agrees_and_other_draws_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    from scaling_bayes.model.refit_check import resample

    frame = resample(open_trace("reference-2026.11"))
    assert frame["agrees"].all()
    assert set(frame["statistic"]) == {"mean", "5 %", "50 %", "95 %"}
    assert {"slope[imagenet]", "compute_error"} <= set(frame["parameter"])
    assert 4 < frame["limit"].iloc[0] < 5

    tree = open_trace("reference-2026.11")
    again = tree["posterior"].to_dataset().copy(deep=True)
    monkeypatch.setattr("scaling_bayes.model.refit_check._sample", lambda *_: again)
    assert resample(tree)["difference"].abs().max() == 0
    again["slope"].values[:] *= 1.05
    apart = resample(tree)
    assert set(apart[~apart["agrees"]]["parameter"].str.split("[").str[0]) == {"slope"}
    of_manifest(lambda m: m["data"].update(sha256="0" * 64))(tree)
    with pytest.raises(TraceError, match="its data are not those it was made from"):
        resample(tree)


def test_the_hardware_model_is_built_from_what_its_trace_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sampler itself takes minutes; here it is given draws and only the model is built."""
    from scaling_bayes.model import refit_check as module

    tree = open_trace("hardware-2026.11", kind=HARDWARE_KIND)
    posterior = tree["posterior"].to_dataset()
    built = []

    def sample(model: object, names: object, sampler: object, **_: object) -> tuple[xr.Dataset, None]:
        built.append((model, sampler))
        return posterior, None

    monkeypatch.setattr(module, "sample_posterior", sample)
    assert module.resample(tree, random_seed=7)["agrees"].all()
    ((model, sampler),) = built
    assert sampler.random_seed == 7
    assert [variable.name for variable in model.observed_RVs] == ["points", "offers"]
