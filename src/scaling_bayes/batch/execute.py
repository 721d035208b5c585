"""Run what is left of a job: in this process, on workers of this machine, or on a cluster that is there."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from scaling_bayes.batch.job import Job, fingerprint
from scaling_bayes.batch.store import FAILED, PENDING, Store
from scaling_bayes.errors import OptionError, ScalingBayesError

if TYPE_CHECKING:
    from scaling_bayes.batch.job import Result

#: Fits a worker has waiting beside the one it makes.
_WAITING: Final = 2
#: Seconds to wait for a scheduler that does not answer, and between attempts.
_PATIENCE: Final = 300.0
_PAUSE: Final = 2.0

type Tell = Callable[[Store], None]


class ClusterError(ScalingBayesError):
    """The cluster cannot be reached; what it had finished is kept."""


def execute(
    job: Job,
    store: Store,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    patience: float = _PATIENCE,
    progressbar: bool = True,
) -> None:
    """Make the fits of a job that its store lacks.

    Each fit depends on its number alone, so where and in which order they are made does not change them. A
    fit that fails is recorded and the others go on. A worker that is lost costs the fits it was making,
    which others make again; a lost connection to the scheduler is opened again.

    Parameters
    ----------
    workers : int, optional
        Processes of this machine to start; by default this process does it all.
    scheduler : str, optional
        Address of a running Dask scheduler, such as ``tcp://10.0.0.5:8786``.
    patience : float
        Seconds to try to reach the scheduler before giving up.

    Raises
    ------
    OptionError
        If workers and a scheduler are both asked for, or Dask is not installed.
    ClusterError
        If the scheduler is out of reach for longer than `patience`.
    TraceError
        If another process is at work on the store, or it cannot be written.
    """
    if workers is not None and scheduler is not None:
        raise OptionError("workers and a scheduler exclude each other; expected one of them.")
    if workers is not None and (isinstance(workers, bool) or workers < 1):
        raise OptionError(f"workers must be at least 1; found {workers!r}.")
    with store.writing(), _progress(job, store, shown=progressbar) as tell:
        if workers is None and scheduler is None:
            for number in store.pending:
                _record(store, number, partial(job.run, number))
                tell(store)
            return
        _refuse_without_dask()
        started = _local(workers) if scheduler is None else None
        try:
            address = scheduler if started is None else started.scheduler_address
            _on_cluster(job, store, str(address), patience, tell)
        finally:
            if started is not None:
                started.close()


def _record(store: Store, number: int, make: Callable[[], Result]) -> None:
    try:
        result = make()
    except Exception as error:  # noqa: BLE001 - one fit's failure is a result of the job, not its end
        store.record_failure(number, f"{type(error).__name__}: {error}")
    else:
        store.record(number, result)


def _refuse_without_dask() -> None:
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise OptionError(
            "workers and schedulers need Dask, which is not installed; pip install 'scaling_bayes[cluster]'."
        ) from error


def _local(workers: int | None) -> Any:
    from distributed import LocalCluster

    return LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    )


def _on_cluster(job: Job, store: Store, address: str, patience: float, tell: Tell) -> None:
    """Hand out the pending fits, over as many connections as it takes."""
    from distributed import Client

    # Dask prints a traceback for every lost connection; here it is expected and opened again.
    logging.getLogger("distributed").setLevel(logging.CRITICAL + 1)
    last_heard = time.monotonic()
    while store.pending:
        try:
            with Client(address, timeout=min(patience, 10.0), set_as_default=False) as client:
                for number, future in _finished(client, job, store.pending):
                    _record(store, number, _outcome(future))
                    tell(store)
                    last_heard = time.monotonic()
        except (OSError, TimeoutError, _ConnectionLostError) as error:
            if time.monotonic() - last_heard > patience:
                raise ClusterError(
                    f"the scheduler at {address} did not answer for {patience:.0f} s "
                    f"({type(error).__name__}: {error}); {int((store.status != PENDING).sum())} of "
                    f"{len(store.status)} fits are kept. Check the address, then give the same command again."
                ) from error
            time.sleep(min(_PAUSE, patience))


class _ConnectionLostError(Exception):
    """The scheduler forgot what it was to do."""


def _outcome(future: Any) -> Callable[[], Result]:
    """Give what a fit made, or raises of its own; what cannot be fetched is no failure of the fit."""
    from concurrent.futures import CancelledError

    if future.status == "error":
        raised: Callable[[], Result] = future.result
        return raised
    try:
        result: Result = future.result()
    except CancelledError as error:
        raise _ConnectionLostError(f"{future.key} was cancelled") from error
    return lambda: result


def _finished(client: Any, job: Job, numbers: list[int]) -> Iterator[tuple[int, Any]]:
    """Futures of the fits as they end, never many more submitted than there are workers."""
    from distributed import as_completed

    key, waiting = fingerprint(job)[:16], iter(numbers)
    sent = client.scatter(job, broadcast=False, hash=False)
    number_of: dict[str, int] = {}

    def submit() -> list[Any]:
        threads = sum(client.nthreads().values())
        futures = []
        while len(number_of) < max(threads, 1) * (1 + _WAITING):
            number = next(waiting, None)
            if number is None:
                break
            future = client.submit(_make, sent, number, key=f"{job.name}-{key}-{number}", pure=False)
            number_of[future.key] = number
            futures.append(future)
        return futures

    running = as_completed(submit(), loop=client.loop, raise_errors=False)
    for future in running:
        if future.status not in ("finished", "error"):
            raise _ConnectionLostError(f"{future.key} is {future.status}")
        yield number_of.pop(future.key), future
        for more in submit():
            running.add(more)


def _make(job: Job, number: int) -> Result:
    return job.run(number)


@contextmanager
def _progress(job: Job, store: Store, *, shown: bool) -> Iterator[Tell]:
    """Give a function to call after each fit; the bar has the rate, the time left and the failures."""
    if not shown:
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn(job.name),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}, {task.fields[failures]} failed"),
        TimeRemainingColumn(),
    )
    begun, before = time.monotonic(), int((store.status != PENDING).sum())
    bar_of: AbstractContextManager[Progress] = Progress(*columns, console=Console(stderr=True))
    with bar_of as progress:
        failed = int((store.status == FAILED).sum())
        bar = progress.add_task(
            job.name, total=len(store.status), completed=before, rate="starting", failures=failed
        )

        def tell(store: Store) -> None:
            done = int((store.status != PENDING).sum())
            minutes = max(time.monotonic() - begun, 1e-9) / 60.0
            progress.update(
                bar,
                completed=done,
                rate=f"{(done - before) / minutes:.0f} fits a minute",
                failures=int((store.status == FAILED).sum()),
            )

        yield tell
