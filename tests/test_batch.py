"""Jobs of many fits: kept, resumed, and the same wherever they are made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.cluster import cluster, free_port, wait_for
from tests.patience import PATIENCE
from tests.toy_job import ToyJob

from scaling_bayes.batch.execute import ClusterError, execute
from scaling_bayes.batch.store import DONE, FAILED, open_store
from scaling_bayes.errors import OptionError, TraceError

REPOSITORY = Path(__file__).resolve().parent.parent


def run_alone(job: ToyJob, path: Path) -> xr.Dataset:
    store = open_store(path, job)
    execute(job, store, progressbar=False)
    return store.dataset()


def test_results_have_their_labels_and_failures_their_reason(tmp_path: Path) -> None:
    results = run_alone(ToyJob(6, fails=(2,)), tmp_path / "toy.zarr")
    assert results["value"].dims == ("fit", "quantity")
    assert results["fit"].values.tolist() == [f"fit {number}" for number in range(6)]
    assert results["failure"].values.tolist()[2] == "ValueError: no fit 2, ünmöglich"
    assert np.isnan(results["value"].sel(fit="fit 2")).all()
    assert (results["failure"].values == "").sum() == 5
    np.testing.assert_allclose(results["total"], results["value"].sum("quantity", skipna=False))


def test_an_interrupted_job_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    job, log = ToyJob(9, fails=(7,)), tmp_path / "log"

    class Interrupted(ToyJob):
        def run(self, number: int):
            if number == 4:
                raise KeyboardInterrupt
            return super().run(number)

    store = open_store(tmp_path / "cut.zarr", job)
    with pytest.raises(KeyboardInterrupt):
        execute(Interrupted(9, fails=(7,)), store, progressbar=False)
    assert store.pending == [4, 5, 6, 7, 8]
    resumed = run_alone(ToyJob(9, fails=(7,), log=str(log)), tmp_path / "cut.zarr")
    assert [line.split()[0] for line in log.read_text().splitlines()] == ["4", "5", "6", "7", "8"]
    xr.testing.assert_identical(resumed, run_alone(job, tmp_path / "whole.zarr"))


def test_what_is_recorded_stays(tmp_path: Path) -> None:
    job = ToyJob(2)
    store = open_store(tmp_path / "toy.zarr", job)
    store.record(0, job.run(0))
    store.record(0, job.run(1))
    store.record_failure(0, "late")
    assert store.status.tolist() == [DONE, 0]
    np.testing.assert_array_equal(store.dataset()["value"][0], job.run(0)["value"])
    store.record_failure(1, "x" * 1000)
    assert store.status.tolist() == [DONE, FAILED]


def test_a_store_of_another_job_is_refused_and_kept(tmp_path: Path) -> None:
    run_alone(ToyJob(3), tmp_path / "toy.zarr")
    with pytest.raises(TraceError, match=r"another job \(seed: found 0, expected 1\)"):
        open_store(tmp_path / "toy.zarr", ToyJob(3, seed=1))
    assert open_store(tmp_path / "toy.zarr", ToyJob(3)).pending == []


@pytest.mark.parametrize("kind", ["folder", "file", "other zarr"])
def test_a_path_that_is_no_store_is_refused_and_kept(tmp_path: Path, kind: str) -> None:
    import zarr

    path = tmp_path / "mine"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
        (path / "thesis.tex").write_text("precious")
    else:
        zarr.open_group(path, mode="w").attrs["mine"] = 1
    before = sorted(path.rglob("*"))
    with pytest.raises(TraceError, match=r"mine exists and is not"):
        open_store(path, ToyJob(3))
    assert sorted(path.rglob("*")) == before


def test_a_store_can_be_opened_with_xarray(tmp_path: Path) -> None:
    run_alone(ToyJob(3), tmp_path / "toy.zarr")
    opened = xr.open_zarr(tmp_path / "toy.zarr", consolidated=False)
    assert opened["value"].dims == ("fit", "quantity")


def test_workers_and_scheduler_exclude_each_other(tmp_path: Path) -> None:
    store = open_store(tmp_path / "toy.zarr", ToyJob(3))
    with pytest.raises(OptionError, match="exclude each other"):
        execute(ToyJob(3), store, workers=2, scheduler="tcp://x:1")
    with pytest.raises(OptionError, match="at least 1; found 0"):
        execute(ToyJob(3), store, workers=0)


@pytest.mark.parametrize(("module", "workers"), [("zarr", None), ("distributed", 2)])
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, workers: int | None
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(OptionError, match=r"pip install 'scaling_bayes\[cluster\]'"):
        execute(ToyJob(2), open_store(tmp_path / "toy.zarr", ToyJob(2)), workers=workers, progressbar=False)


def test_a_scheduler_out_of_reach_is_an_error_that_says_what_is_kept(tmp_path: Path) -> None:
    store = open_store(tmp_path / "toy.zarr", ToyJob(3))
    store.record(0, ToyJob(3).run(0))
    with pytest.raises(ClusterError, match=r"1 of 3 fits are kept"):
        execute(ToyJob(3), store, scheduler=f"tcp://127.0.0.1:{free_port()}", patience=0.5, progressbar=False)


CLIENT = """
import sys
from pathlib import Path
from scaling_bayes.batch.execute import execute
from scaling_bayes.batch.store import open_store
from tests.toy_job import ToyJob

job = ToyJob(60, 0.1, fails=(11,), log=sys.argv[3])
execute(job, open_store(Path(sys.argv[1]), job), scheduler=sys.argv[2], progressbar=False)
"""


def test_a_cluster_survives_a_lost_worker_lost_connections_and_a_lost_client(tmp_path: Path) -> None:
    """``tests/cluster.py`` does the same with real fits."""
    store, log = tmp_path / "cluster.zarr", tmp_path / "log"
    with cluster(tmp_path) as running:
        address = f"tcp://127.0.0.1:{running.proxy.port}"
        command = [sys.executable, "-c", CLIENT, str(store), address, str(log)]
        client = subprocess.Popen(command, cwd=REPOSITORY)
        wait_for(store, 8)
        running.kill(running.workers[0])
        running.add_worker()
        wait_for(store, 20)
        assert running.proxy.drop() >= 1
        wait_for(store, 35)
        client.kill()
        client.wait()
        subprocess.run(command, cwd=REPOSITORY, check=True, timeout=PATIENCE)
    made_by = {line.split()[1] for line in log.read_text().splitlines()}
    assert len(made_by) == 3
    found = open_store(store, ToyJob(60, fails=(11,)))
    assert found.pending == []
    alone = run_alone(ToyJob(60, fails=(11,)), tmp_path / "alone.zarr")
    xr.testing.assert_identical(found.dataset(), alone)


def test_workers_of_this_machine_give_the_same(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from scaling_bayes.batch.execute import execute\n"
        "from scaling_bayes.batch.store import open_store; from tests.toy_job import ToyJob\n"
        "if __name__ == '__main__':\n"
        "    job = ToyJob(12, fails=(3,), log=sys.argv[2])\n"
        "    execute(job, open_store(Path(sys.argv[1]), job), workers=2, progressbar=True)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    run = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "two.zarr"), str(tmp_path / "log")],
        env=environment, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "fits a minute, 1 failed" in run.stderr
    assert str(os.getpid()) not in (tmp_path / "log").read_text()
    found = open_store(tmp_path / "two.zarr", ToyJob(12, fails=(3,)))
    xr.testing.assert_identical(found.dataset(), run_alone(ToyJob(12, fails=(3,)), tmp_path / "one.zarr"))
