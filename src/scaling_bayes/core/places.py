"""Values of tasks, set beside what each of many places is of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from numpy.typing import NDArray


def places_of(task: NDArray[np.object_], tasks: xr.DataArray) -> NDArray[np.intp]:
    """Position of each task, of any shape, among the labels `tasks`."""
    positions = {str(name): number for number, name in enumerate(tasks.values)}
    found = np.array([positions[str(name)] for name in task.ravel()], dtype=np.intp)
    return found.reshape(task.shape)


def at_places(values: xr.DataArray, place: NDArray[np.intp], along: xr.DataArray) -> xr.DataArray:
    """Values of the task at each place, whose dimension ``task`` gives way to those of `along`.

    What ``values.sel(task=...)`` gives, without looking labels up anew for each variable. Values without
    tasks come back as they are.

    Parameters
    ----------
    place : ndarray of int
        Position of the task of each place, of the shape of `along`.
    along : DataArray
        Whatever has the dimensions of the places, and their labels.
    """
    if "task" not in values.dims:
        return values
    kept = [dim for dim in values.dims if dim != "task"]
    labels = {dim: source[dim] for source in (values, along) for dim in source.dims if dim in source.coords}
    labels.pop("task", None)
    # In the order of memory that goes with draws, which an index in brackets would not keep.
    found = values.transpose(*kept, "task").values.take(place, axis=-1)
    return xr.DataArray(found, dims=(*kept, *along.dims), coords=labels)
