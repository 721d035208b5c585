"""A real Dask cluster on loopback, and what may happen to it.

``python -m tests.cluster 40`` runs forty simulations of prior_sbc on two worker processes, kills a worker,
drops the connections to the scheduler, kills the client and starts it again, and compares the results with
those of one process.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.patience import PATIENCE

REPOSITORY = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Proxy:
    """Passes TCP connections on, until told to drop them all."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._server.getsockname()[1])
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> int:
        """Close every connection; how many there were."""
        dropped, self._open = self._open, []
        for each in dropped:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        return len(dropped) // 2

    def _accept(self) -> None:
        while True:
            client, _ = self._server.accept()
            server = socket.create_connection(("127.0.0.1", self._target))
            self._open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(2**16):
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)


def _start(*arguments: str, log: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Cluster:
    """``dask scheduler`` and two ``dask worker``, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.address = f"tcp://127.0.0.1:{port}"
        self._folder = folder
        self._processes = [
            _start(
                "scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard",
                log=folder / "scheduler.log",
            )
        ]  # fmt: skip
        self.proxy = Proxy(port)
        self.workers = [self.add_worker(), self.add_worker()]

    def add_worker(self) -> subprocess.Popen[bytes]:
        worker = _start(
            "worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard",
            log=self._folder / f"worker-{len(self._processes)}.log",
        )  # fmt: skip
        self._processes.append(worker)
        return worker

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                self.kill(process)


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    running = Cluster(folder)
    try:
        yield running
    finally:
        running.close()


def done(store: Path) -> int:
    """Fits in a store, as another process sees it."""
    folder = store / "status" / "c"
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def wait_for(store: Path, count: int) -> None:
    until = time.monotonic() + PATIENCE
    while done(store) < count:
        assert time.monotonic() < until, f"only {done(store)} of {count} fits in {PATIENCE:.0f} s"
        time.sleep(0.02)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("simulations", type=int)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    from scaling_bayes import calibrate

    count, folder = options.simulations, options.folder
    folder.mkdir(parents=True, exist_ok=True)
    common = ["--simulations", str(count), "--random-seed", "5", "--quiet"]
    begun = time.monotonic()
    alone = calibrate(
        "prior_sbc", simulations=count, random_seed=5, store=folder / "alone.zarr", progressbar=False
    )
    print(f"one process: {count} fits in {time.monotonic() - begun:.0f} s", flush=True)
    store = folder / "cluster.zarr"
    with cluster(folder) as running:
        command = [
            sys.executable, "-m", "scaling_bayes", "calibrate", "prior_sbc", *common,
            "--store", str(store), "--scheduler", f"tcp://127.0.0.1:{running.proxy.port}",
        ]  # fmt: skip
        client = subprocess.Popen(command)
        wait_for(store, count // 5)
        running.kill(running.workers[0])
        running.add_worker()
        print(f"worker killed after {done(store)} fits", flush=True)
        wait_for(store, 2 * count // 5)
        print(f"{running.proxy.drop()} connections dropped after {done(store)} fits", flush=True)
        wait_for(store, 3 * count // 5)
        client.kill()
        client.wait()
        print(f"client killed after {done(store)} fits", flush=True)
        subprocess.run(command, check=True)
    together = calibrate("prior_sbc", simulations=count, random_seed=5, store=store, progressbar=False)
    for name, values in alone["fits"].to_dataset().data_vars.items():
        np.testing.assert_array_equal(values, together["fits"][name])
    print(f"{done(store)} fits, each equal to that of the one process")


if __name__ == "__main__":
    main()
