"""Jobs of many fits: kept, resumed, and the same wherever they are made."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.cluster import cluster, free_port, wait_for
from tests.patience import PATIENCE
from tests.some import some
from tests.toy_job import ToyJob

from scaling_bayes.batch.execute import ClusterError, execute
from scaling_bayes.batch.store import DONE, FAILED, StoreWarning, open_store
from scaling_bayes.errors import OptionError, TraceError

REPOSITORY = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.long


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


@pytest.mark.slow
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


# Damage


def finished(
    tmp_path: Path, count: int = 4, fails: tuple[int, ...] = (1,)
) -> tuple[Path, ToyJob, xr.Dataset]:
    job = ToyJob(count, fails=fails)
    path = tmp_path / "toy.zarr"
    files, dataset = made(job)
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path, job, dataset


@cache
def made(job: ToyJob) -> tuple[dict[Path, bytes], xr.Dataset]:
    """Files and results of a finished store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "toy.zarr")
        dataset = run_alone(job, path).load()
        return {
            file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()
        }, dataset


def deleted(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


#: One of each fit.
CHUNKS = ["value/c/0/0", "total/c/1", "rhat/c/2", "failure/c/3/0", "digest/c/4/0", "status/c/5"]


@pytest.mark.parametrize("damage", some([deleted, emptied, cut, flipped], 3))
def test_damaged_records_are_made_again_and_said(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path, job, expected = finished(tmp_path, 7, fails=(3,))
    for chunk in CHUNKS:
        damage(path / chunk)
    # A fit without its status is as if it had not been made yet.
    said = "'fit 4' cannot" if damage in (deleted, flipped) else "'fit 4'(, 'fit 5'| and 1 more) cannot"
    with pytest.warns(StoreWarning, match=rf"toy\.zarr: fits 'fit 0', .*{said} be read as written"):
        store = open_store(path, job)
    assert store.pending == [0, 1, 2, 3, 4, 5]
    execute(job, store, progressbar=False)
    xr.testing.assert_identical(store.dataset(), expected)
    again = open_store(path, job)
    assert again.pending == []
    xr.testing.assert_identical(again.dataset(), expected)


def test_a_record_of_another_fit_is_no_record(tmp_path: Path) -> None:
    path, job, expected = finished(tmp_path, fails=())
    for name in ("value", "total", "digest"):
        for file in (path / name / "c").rglob("*"):
            if file.is_file() and file.relative_to(path / name / "c").parts[0] == "0":
                file.write_bytes(Path(str(file).replace("/c/0", "/c/2")).read_bytes())
    with pytest.warns(StoreWarning, match="'fit 0'"):
        xr.testing.assert_identical(run_alone(job, path), expected)


def test_damage_while_a_job_runs_is_never_counted(tmp_path: Path) -> None:
    path, job, expected = finished(tmp_path)
    store = open_store(path, job)
    flipped(path / "value/c/3/0")
    with pytest.raises(TraceError, match=r"toy\.zarr: fit 'fit 3' cannot be read as written; give the same"):
        store.dataset()
    with pytest.warns(StoreWarning):
        xr.testing.assert_identical(run_alone(job, path), expected)


@pytest.mark.parametrize("damage", [deleted, emptied, cut])
@pytest.mark.parametrize("name", ["value", "status", "failure", "digest"])
def test_a_damaged_description_is_an_error_that_names_store_and_fits(
    tmp_path: Path, name: str, damage: Callable[[Path], None]
) -> None:
    path, job, _ = finished(tmp_path)
    damage(path / name / "zarr.json")
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with pytest.raises(TraceError, match=rf"toy\.zarr is damaged: .*{name}.*'fit 0' to 'fit 3'"):
        open_store(path, job)
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"zarr_format": 3, "node_type": "group"}'])
def test_a_store_without_its_own_description_is_refused(tmp_path: Path, text: str) -> None:
    path, job, _ = finished(tmp_path)
    (path / "zarr.json").write_text(text)
    with pytest.raises(TraceError, match=r"toy\.zarr exists and is not"):
        open_store(path, job)


def test_an_array_of_another_shape_is_refused(tmp_path: Path) -> None:
    path, job, _ = finished(tmp_path)
    file = path / "value" / "zarr.json"
    content = json.loads(file.read_text())
    content["shape"] = [10**9, 10**6]
    file.write_text(json.dumps(content))
    with pytest.raises(TraceError, match=r"'value'.*expected float64 of shape \(4, 2\)"):
        open_store(path, job)


def made_before_digests(path: Path) -> None:
    shutil.rmtree(path / "digest")
    content = json.loads((path / "zarr.json").read_text())
    del content["attributes"]["scaling_bayes_digests"]
    (path / "zarr.json").write_text(json.dumps(content))


def test_a_store_of_before_digests_goes_on_and_gets_them(tmp_path: Path) -> None:
    path, job, expected = finished(tmp_path)
    made_before_digests(path)
    xr.testing.assert_identical(run_alone(job, path), expected)
    (path / "value/c/0/0").unlink()
    with pytest.warns(StoreWarning) as said:
        xr.testing.assert_identical(run_alone(job, path), expected)
    messages = [str(each.message) for each in said]
    assert any("'fit 0' cannot be read as written" in message for message in messages)
    assert any("its 3 finished fits have no digest, and are taken as they are" in each for each in messages)
    flipped(path / "value/c/2/0")
    with pytest.warns(StoreWarning, match="'fit 2'"):
        xr.testing.assert_identical(run_alone(job, path), expected)


# Several processes


STARTER = """
import sys, time
from pathlib import Path
from scaling_bayes.batch.execute import execute
from scaling_bayes.batch.store import open_store
from scaling_bayes.errors import TraceError
from tests.toy_job import ToyJob

job = ToyJob(4, 0.02, log=sys.argv[2])
time.sleep(max(0.0, float(sys.argv[3]) - time.time()))
try:
    execute(job, open_store(Path(sys.argv[1]), job), progressbar=False)
except TraceError as error:
    print(error)
    sys.exit(1)
"""


@pytest.mark.slow
def test_of_several_started_together_one_makes_the_store_and_no_fit_is_lost(tmp_path: Path) -> None:
    store, log = tmp_path / "one.zarr", tmp_path / "log"
    command = [sys.executable, "-c", STARTER, str(store), str(log), str(time.time() + 3.0)]
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'src'}"}
    clients = [
        subprocess.Popen(
            command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    found = [(client.communicate(timeout=120), client.returncode) for client in clients]
    for (out, talk), code in found:
        assert "Traceback" not in talk, talk
        assert (code, out) == (0, "") or (code == 1 and "another process is at work on" in out)
    assert 0 in {code for _, code in found}
    assert sorted(line.split()[0] for line in log.read_text().splitlines()) == list("0123")
    assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".new")] == []
    alone = run_alone(ToyJob(4), tmp_path / "alone.zarr")
    xr.testing.assert_identical(open_store(store, ToyJob(4)).dataset(), alone)


def test_a_store_in_use_is_not_written(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    job = ToyJob(2)
    first, second = (open_store(tmp_path / "toy.zarr", job) for _ in range(2))
    with first.writing(), pytest.raises(TraceError, match=r"another process is at work on .*toy\.zarr"):
        execute(job, second, progressbar=False)
    execute(job, second, progressbar=False)
    assert second.pending == []


def test_another_store_made_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, job = tmp_path / "toy.zarr", ToyJob(3)
    real = Path.rename

    def late(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", real)
        run_alone(job, path)
        return real(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert open_store(path, job).pending == []
    assert sorted(each.name for each in tmp_path.iterdir()) == ["toy.zarr"]
