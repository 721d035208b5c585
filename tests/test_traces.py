"""Traces: what is written comes back, what was changed is refused, nothing half-written is left."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.seeds import REFERENCE_SEED
from tests.synthetic import synthetic_fit

from scaling_bayes import TraceError, data_checks, open_trace, project, save_trace, verify_trace
from scaling_bayes.trace import derived
from scaling_bayes.trace.digest import tree_digest
from scaling_bayes.trace.hdf5 import read_here
from scaling_bayes.trace.io import _tree
from scaling_bayes.trace.netcdf import netcdf_bytes
from scaling_bayes.trace.rounding import ROUNDING_SHARE, rounded
from scaling_bayes.trace.schema import DERIVABLE_GROUPS, manifest


def test_round_trip(reference_fit: xr.DataTree, tmp_path: Path) -> None:
    """Written, opened, verified and written again, it is the same."""
    path = save_trace(reference_fit, tmp_path / "trace.nc")
    assert list(tmp_path.iterdir()) == [path]
    again = open_trace(path)
    for name in reference_fit.children:
        assert again[name].to_dataset().identical(reference_fit[name].to_dataset()), name
    assert manifest(again) == manifest(reference_fit)
    assert tree_digest(again) == again.attrs["digest"]
    assert path.stat().st_size < 1.5e6
    assert verify_trace(path)["digest"] == again.attrs["digest"]
    assert open_trace(save_trace(again, tmp_path / "again.nc")).attrs["digest"] == again.attrs["digest"]


SMALL = Path(__file__).with_name("data") / "traces" / "fit-schema-2.nc"


def test_what_follows_is_not_stored_nor_computed_before_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked = []
    monkeypatch.setattr(derived, "_KNOWN", {})
    predict = derived.predict_observed
    monkeypatch.setattr(derived, "predict_observed", lambda *of: asked.append(1) or predict(*of))
    with SMALL.open("rb") as file:
        assert not set(read_here(file).groups) & set(DERIVABLE_GROUPS)
    tree = open_trace(SMALL)
    project(tree, {"imagenet": 0.1})
    assert set(DERIVABLE_GROUPS) < set(tree.children)
    assert data_checks(tree)["passed"].dtype == bool
    assert not asked
    total = tree["log_likelihood"]["error"].sum() + tree["posterior_predictive"]["error"].sum()
    assert np.isfinite(total)
    again = open_trace(save_trace(tree, tmp_path / "again.nc"))
    assert again["log_likelihood"]["error"].identical(tree["log_likelihood"]["error"])
    assert asked == [1]


@pytest.mark.parametrize("longest", ["short", "a text of many letters, some of them Greek: αβγ " * 4])
def test_another_reader_of_netcdf_reads_a_trace(longest: str, tmp_path: Path) -> None:
    """xarray with h5netcdf, of a trace large enough for its texts to be packed."""
    tree = synthetic_fit(("imagenet", "my task"))
    names = [f"{number} {longest}" for number in range(1000)]
    notes = xr.Dataset(
        {"note": ("remark", names), "half": ("remark", np.arange(1000) / 2)}, {"remark": names}
    )
    written = {
        "/posterior": tree["posterior"].to_dataset(),
        "/notes": notes,
        "/bare": xr.Dataset({"x": ("n", [1])}),
    }
    kept = xr.DataTree.from_dict(written)
    kept.attrs["manifest"] = "{}"
    (tmp_path / "trace.nc").write_bytes(netcdf_bytes(kept))
    with xr.open_datatree(tmp_path / "trace.nc", engine="h5netcdf") as found:
        assert found.attrs["manifest"] == "{}"
        for path, dataset in written.items():
            xr.testing.assert_identical(found[path].to_dataset().load(), dataset)
    with (tmp_path / "trace.nc").open("rb") as file:
        for path, dataset in written.items():
            xr.testing.assert_equal(_tree(read_here(file))[path].to_dataset(), dataset)


def test_a_group_that_no_longer_follows_is_stored(tmp_path: Path) -> None:
    tree = open_trace(SMALL)
    tree["log_likelihood"]["error"].values[:] += 1.0
    again = open_trace(save_trace(tree, tmp_path / "edited.nc"))
    xr.testing.assert_identical(again["log_likelihood"].to_dataset(), tree["log_likelihood"].to_dataset())
    assert again.attrs["digest"] == tree_digest(again) != open_trace(SMALL).attrs["digest"]
    with pytest.raises(TraceError, match="log_likelihood/error"):
        verify_trace(tmp_path / "edited.nc")


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda m: m["derived"].update(prior=0.0), "prior/mean"),
        (lambda m: m["derived"].update(log_likelihood=0.0), "log_likelihood/mean"),
        (lambda m: m["derived"].update(posterior=0.0), "expected means of prior"),
        (lambda m: m["derived"].pop("log_likelihood"), "groups missing: log_likelihood"),
        (lambda m: m.pop("derived"), "groups missing: prior"),
        (lambda m: m["priors"]["floor_offset"].update(mu=50.0), "lies above the errors"),
    ],
)
def test_what_is_said_to_follow_must(
    edit: Callable[[dict[str, Any]], object], message: str, tmp_path: Path
) -> None:
    with SMALL.open("rb") as file:
        tree = _tree(read_here(file))
    content = manifest(tree)
    content["versions"]["numpy"] = np.__version__  # another one is excused
    edit(content)
    tree.attrs["manifest"] = json.dumps(content)
    tree.attrs["digest"] = tree_digest(tree)
    (tmp_path / "forged.nc").write_bytes(bytes(tree.to_netcdf(engine="h5netcdf")))
    with pytest.raises(TraceError, match=message):
        verify_trace(tmp_path / "forged.nc")


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(1e-6, 1e6),
    centre=st.floats(-1e3, 1e3),
    name=st.sampled_from(["slope", "floor"]),
    seed=st.integers(0, 99),
)
def test_draws_are_rounded_far_below_their_spread(scale: float, centre: float, name: str, seed: int) -> None:
    drawn = np.random.default_rng(seed).standard_t(3, (2, 100, 3)) * scale + centre * scale
    laws = np.ones((2, 100), dtype=int)
    draws = xr.Dataset({name: (("chain", "draw", "task"), drawn), "law": (("chain", "draw"), laws)})
    kept = rounded(draws)
    error = np.abs(kept[name] - draws[name])
    assert (error <= ROUNDING_SHARE * draws[name].std(("chain", "draw"))).all()
    assert (error <= ROUNDING_SHARE * abs(draws[name])).all()
    assert kept["law"].identical(draws["law"])
    assert name != "floor" or (abs(kept[name]) <= abs(draws[name])).all()


def test_manifest_says_what_a_citation_needs(reference_fit: xr.DataTree) -> None:
    content = manifest(reference_fit)
    assert content["model"] == {
        "law": "power",
        "pooling": "partial",
        "measurement_error": True,
        "algorithmic_progress": True,
        "paper_effect": True,
        "robust": False,
        "flagged_error": True,
        "floor": "none",
        "drift": False,
        "count": "arithmetic",
        "count_offsets": True,
        "curves": False,
    }
    assert content["sampler"]["random_seed"] == REFERENCE_SEED
    assert content["data"]["n_systems"] == reference_fit["observed_data"].sizes["system"]
    assert len(content["data"]["sha256"]) == 64
    assert {"pymc", "nutpie", "scaling_bayes"} <= set(content["versions"])
    assert content["priors"]["compute_error"]["family"] == "LogNormal"


def test_digest_covers_content_and_not_order(reference_fit: xr.DataTree) -> None:
    digest = tree_digest(reference_fit)
    shuffled = xr.DataTree.from_dict(
        {f"/{name}": reference_fit[name].to_dataset() for name in reversed(list(reference_fit.children))}
    )
    shuffled.attrs = dict(reference_fit.attrs)
    assert tree_digest(shuffled) == digest
    changed = reference_fit.copy(deep=True)
    changed["posterior"]["slope"].values[0, 0, 0] += 1e-12
    assert tree_digest(changed) != digest


def test_other_files_are_refused(tmp_path: Path) -> None:
    text = tmp_path / "trace.nc"
    text.write_text("task,error\n")
    other = tmp_path / "other.nc"
    xr.Dataset({"x": ("n", [1.0])}).to_netcdf(other, engine="h5netcdf")
    for path, message in (
        (text, "not a readable"),
        (other, "is a variable outside a group"),
        (tmp_path, "is a folder"),
        (tmp_path / "missing.nc", "No such file"),
    ):
        with pytest.raises(TraceError, match=message):
            open_trace(path)


def test_unwritable_paths_are_refused(tmp_path: Path) -> None:
    for path, message in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "trace.nc", "no folder"),
        (Path("/proc/trace.nc"), "cannot write"),
        (tmp_path / ("x" * 300), "cannot write"),
    ):
        with pytest.raises(TraceError, match=message):
            save_trace(synthetic_fit(), path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device without space")
def test_a_full_disk_leaves_nothing(reference_fit: xr.DataTree, tmp_path: Path) -> None:
    """A file size limit stands in for a full disk: the write fails half-way."""
    save_trace(reference_fit, tmp_path / "trace.nc")
    before = (tmp_path / "trace.nc").read_bytes()
    script = (
        "import resource, signal, sys\n"
        "from scaling_bayes import TraceError, open_trace, save_trace\n"
        "tree = open_trace(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))\n"
        "try:\n"
        "    save_trace(tree, sys.argv[1])\n"
        "except TraceError as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "trace.nc")], capture_output=True, text=True, check=True
    )
    assert "cannot write" in run.stdout
    assert [p.name for p in tmp_path.iterdir()] == ["trace.nc"]
    assert (tmp_path / "trace.nc").read_bytes() == before


@pytest.mark.parametrize("tree", [xr.DataTree(), None])
def test_only_fits_are_saved(tree, tmp_path: Path) -> None:
    with pytest.raises(TraceError):
        save_trace(tree, tmp_path / "trace.nc")
    assert list(tmp_path.iterdir()) == []


def test_reading_and_projecting_need_no_sampler(reference_trace: Path) -> None:
    script = (
        "import sys\n"
        "for name in ('pymc', 'pytensor', 'nutpie', 'arviz', 'arviz_base', 'arviz_stats'):\n"
        "    sys.modules[name] = None\n"
        "from scaling_bayes import checks, open_trace, project, summary\n"
        "tree = open_trace(sys.argv[1])\n"
        "checks(tree)\n"
        "print(repr(summary(project(tree))['median'].tolist()))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(reference_trace)], capture_output=True, text=True, check=True
    )
    from scaling_bayes import summary

    assert run.stdout.strip() == repr(summary(project(open_trace(reference_trace)))["median"].tolist())
