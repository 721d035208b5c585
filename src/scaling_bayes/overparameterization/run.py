"""Run an experiment: in blocks, on all cores, kept as they come, so that it can stop and go on."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.errors import OptionError
from scaling_bayes.files import replacing, write_text
from scaling_bayes.overparameterization.operations import model_operations
from scaling_bayes.overparameterization.settings import Settings
from scaling_bayes.overparameterization.simulate import FIELDS, simulate

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Block = dict[str, NDArray[np.float64]]

#: Simulations computed and stored together; a few seconds of one core at the default settings.
BLOCK_SIZE = 10
_SETTINGS_FILE = "settings.json"


def run_experiment(
    settings: Settings | None = None,
    *,
    store: str | os.PathLike[str] | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run the experiment, or what is left of it.

    Simulation i draws from a stream of its own, decided by the seed and i, and linear algebra runs on one
    thread in each process, so the numbers do not depend on the number of workers, on interruptions or on
    order.

    Parameters
    ----------
    settings : Settings, optional
        By default those of the published experiment.
    store : path, optional
        Folder for finished blocks, made if missing. A run that finds blocks there takes them and computes
        the rest; more simulations may be asked for later. By default nothing is stored.
    workers : int, optional
        Processes; by default one for each core. With 1 everything runs in this process. Scripts that ask for
        more need the guard ``if __name__ == "__main__":``, as the processes are spawned.
    progress : callable, optional
        Called with the simulations done and asked for, at the start and after each block.

    Returns
    -------
    Dataset
        ``excess_risk`` ``|b_hat - b|²`` and ``operations`` (simulation, model, observations), ``sweeps``,
        ``nonzero`` and ``penalty`` of the lasso (simulation, observations), ``signal`` ``|b|²`` and
        ``omitted`` (simulation); the settings are in the attribute ``settings`` as JSON.

    Raises
    ------
    OptionError
        If `workers` is below 1, the store holds another experiment, or scikit-learn is missing and needed.
    """
    settings = Settings() if settings is None else settings
    count = _available_cores() if workers is None else workers
    if not isinstance(count, int) or count < 1:
        raise OptionError(f"workers={workers!r} must be a whole number of at least 1.")
    folder = None if store is None else _open_store(Path(store), settings)
    blocks = {start: _load(folder, settings, start) for start in range(0, settings.simulations, BLOCK_SIZE)}
    left = [start for start, block in blocks.items() if block is None]
    _tell(progress, settings, len(blocks) - len(left), len(blocks))
    for done, (start, block) in enumerate(
        _computed(settings, left, count), start=len(blocks) - len(left) + 1
    ):
        if folder is not None:
            _save(folder, settings, start, block)
        blocks[start] = block
        _tell(progress, settings, done, len(blocks))
    complete = [block for block in blocks.values() if block is not None]
    return _dataset(settings, {name: np.concatenate([block[name] for block in complete]) for name in FIELDS})


def _available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _tell(progress: Callable[[int, int], None] | None, settings: Settings, done: int, blocks: int) -> None:
    if progress is not None:
        progress(settings.simulations if done == blocks else done * BLOCK_SIZE, settings.simulations)


def _computed(settings: Settings, starts: list[int], workers: int) -> Iterator[tuple[int, Block]]:
    """Blocks as they are finished."""
    if workers == 1 or len(starts) < 2:
        with _limit_threads():
            for start in starts:
                yield start, _block(settings, start)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    pool = ProcessPoolExecutor(min(workers, len(starts)), get_context("spawn"), _start_worker)
    try:
        futures = {pool.submit(_block, settings, start): start for start in starts}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """Make a worker leave interrupts to its parent, end with it, and keep to one thread."""
    import signal
    import threading

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_threads()


def _end_with_parent() -> None:
    """Wait for the end of the parent, however it ends; else a worker would wait for work for ever."""
    from multiprocessing import parent_process

    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _limit_threads() -> Any:
    """Keep linear algebra on one thread for as long as the returned limit is not undone.

    The libraries are loaded first, as a limit only reaches those that are.
    """
    import scipy.linalg.lapack  # noqa: F401

    try:
        import sklearn.linear_model  # noqa: F401
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise OptionError(
            "the experiment needs scikit-learn and threadpoolctl; install scaling-bayes[experiments]."
        ) from None
    return threadpool_limits(limits=1)


def _simulations(settings: Settings, start: int) -> range:
    return range(start, min(start + BLOCK_SIZE, settings.simulations))


def _block(settings: Settings, start: int) -> Block:
    found = [simulate(settings, simulation) for simulation in _simulations(settings, start)]
    return {name: np.stack([one[name] for one in found]) for name in FIELDS}


def _open_store(folder: Path, settings: Settings) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OptionError(f"store={str(folder)!r} cannot be made: {error.strerror or error}.") from error
    path, asked = folder / _SETTINGS_FILE, settings.of_one_simulation()
    if not path.exists():
        if any(folder.iterdir()):
            raise OptionError(f"store={str(folder)!r} holds other files; expected an empty or a new folder.")
        write_text(path, json.dumps(asked, indent=2) + "\n")
        return folder
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise OptionError(f"{path} is not readable JSON; use another folder.") from None
    different = [
        f"{name} is {stored.get(name)!r} there, {asked.get(name)!r} asked"
        for name in sorted({*stored, *asked})
        if stored.get(name) != asked.get(name)
    ]
    if different:
        raise OptionError(
            f"store={str(folder)!r} holds another experiment ({'; '.join(different)}); use another folder."
        )
    return folder


def _path(folder: Path, settings: Settings, start: int) -> Path:
    numbers = _simulations(settings, start)
    return folder / f"simulations-{numbers.start:06d}-{numbers.stop - 1:06d}.npz"


def _save(folder: Path, settings: Settings, start: int, block: Block) -> None:
    with replacing(_path(folder, settings, start)) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **block)  # type: ignore[arg-type]


def _load(folder: Path | None, settings: Settings, start: int) -> Block | None:
    """A stored block; None where there is none, or one that cannot be read, which is then computed again."""
    if folder is None:
        return None
    try:
        with np.load(_path(folder, settings, start), allow_pickle=False) as stored:
            block = {name: stored[name] for name in FIELDS}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    sizes = {"model": len(settings.models), "observations": len(settings.observations)}
    expected = {
        name: (len(_simulations(settings, start)), *(sizes[dim] for dim in dims))
        for name, dims in FIELDS.items()
    }
    return block if all(block[name].shape == shape for name, shape in expected.items()) else None


def _dataset(settings: Settings, fields: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    data = xr.Dataset(
        {name: (("simulation", *dims), fields[name]) for name, dims in FIELDS.items()},
        coords={
            "simulation": np.arange(settings.simulations),
            "model": list(settings.models),
            "observations": list(settings.observations),
        },
    )
    data["operations"] = xr.zeros_like(data["excess_risk"])
    for model in settings.models:
        for k, n in enumerate(settings.observations):
            of_fit = model_operations(settings, model, n, fields["sweeps"][:, k], fields["nonzero"][:, k])
            data["operations"].loc[{"model": model, "observations": n}] = of_fit
    data["excess_risk"].attrs = {"units": "squared coefficients", "long_name": "excess risk, |b_hat - b|²"}
    data["operations"].attrs = {"units": "1", "long_name": "operations of one fit"}
    data.attrs["settings"] = json.dumps({**settings.of_one_simulation(), "simulations": settings.simulations})
    return data
