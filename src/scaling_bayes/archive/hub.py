"""Freeze the forecasts of a trace as one round of a hub: a file that is written once and scored later.

The format is that of the hubverse (hubverse.io): Reich et al. 2022, *Collaborative hubs: making the most of
predictive epidemic modeling*, American Journal of Public Health 112(6), 839-842.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from scaling_bayes.errors import DataError, OptionError, WriteError
from scaling_bayes.files import write_files
from scaling_bayes.hardware.posterior import hardware_digest, read_hardware
from scaling_bayes.intervals import quantiles
from scaling_bayes.projection.counted import refuse_own_unit
from scaling_bayes.projection.largest_machines import largest_run
from scaling_bayes.projection.records import records
from scaling_bayes.projection.requirement import best_errors
from scaling_bayes.projection.runs.estimate import estimate_run
from scaling_bayes.trace.releases import release_of
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

#: Probability levels of every forecast: the 23 that forecast hubs ask for.
LEVELS: Final = (0.01, 0.025, *(round(0.05 * step, 2) for step in range(1, 20)), 0.975, 0.99)
#: Abbreviation of who forecasts, the first part of a model's name.
TEAM: Final = "scaling_bayes"
_SCHEMA: Final = "https://raw.githubusercontent.com/hubverse-org/schemas/main/v5.0.1/{}-schema.json"
_ABBREVIATION: Final = r"^[a-zA-Z0-9_+]+$"
_LONGEST: Final = 32
_TASK_IDS: Final = ("origin_date", "target", "task", "target_error", "target_end_date")
_LICENCE: Final = "CC-BY-4.0"


@dataclass(frozen=True)
class _Target:
    name: str
    units: str
    meaning: str
    #: Bounds of its values, as a hub states them.
    bounds: Mapping[str, float]


_TARGETS: Final[Mapping[str, _Target]] = {
    "record error": _Target(
        "Lowest error until the date",
        "fraction",
        "Lowest error on the task that any one system has been published with until the date.",
        {"minimum": 0, "maximum": 1},
    ),
    "record compute": _Target(
        "Training compute of the system with the lowest error",
        "log10 FLOP",
        "Training compute, as published, of the system with the lowest error on the task until the date.",
        {},
    ),
    "cost of error": _Target(
        "Cost of training one system to the error",
        "log10 USD",
        "Price, in USD of the date, of the computation that trains one new system to target_error on the "
        "task, rented on demand. Inf where no amount of compute suffices.",
        {},
    ),
    "largest run": _Target(
        "Training compute of the largest run until the date",
        "log10 FLOP",
        "Largest training compute of any system of any task that has been published until the date.",
        {},
    ),
}
#: What stands in a column that says nothing about a target.
_NONE: Final = "none"


def export_forecasts(
    trace: xr.DataTree,
    folder: str | os.PathLike[str],
    *,
    round_id: str | datetime.date | None = None,
    model: str | None = None,
    years: Iterable[int] | None = None,
    hardware: xr.DataTree | None = None,
) -> Path:
    """Write what a trace forecasts as one round of a hub, in the format of the hubverse.

    Quantiles, at the 23 levels of forecast hubs, of what will be known by the end of each year: for each
    task the lowest error, the training compute of the system that has it, and the cost of the lowest error in
    the data of the fit; and the largest training run of all. The ``README.md`` in the folder says how each
    is made, and what it leaves out. The same trace and round give the same bytes.

    Parameters
    ----------
    trace : DataTree
        A fit, from `fit` or `open_trace`.
    folder : path
        A hub, made if it is not there. Rounds and models are added to it; no forecast is ever replaced.
    round_id : str or date, optional
        Day of the forecast, ISO 8601; by default today (UTC). Not before the day of the fit.
    model : str, optional
        Name of the model: letters, digits, ``_`` and ``+``. By default that of the release, or ``fit_`` and
        the start of the digest. It stands for one trace, hardware posterior and version of this package.
    years : iterable of int, optional
        By default the two years after the round's.
    hardware : DataTree, optional
        Posterior of the hardware trends, from `fit_hardware`; by default the shipped one.

    Returns
    -------
    Path
        The file of the round: ``model-output/<team>-<model>/<round>-<team>-<model>.csv``. Beside it are
        ``model-metadata/`` (with the digest of the trace), ``hub-config/`` and ``target-data/``.

    Raises
    ------
    OptionError
        If `round_id`, `model` or `years` is invalid.
    WriteError
        If the round exists, the model is of another trace, or the folder cannot be written.
    DataError
        If the folder has a ``tasks.json`` that is none of a hub.
    TraceError
        If `trace` is no fit, or has no growth of compute over the years.
    TargetError
        If a year ends before the data do.
    """
    view, trends = PosteriorView.of(trace), read_hardware(hardware)
    refuse_own_unit(view, "export to a hub")
    when = _round(round_id, str(trace.attrs.get("created", ""))[:10])
    ends = sorted({int(year) for year in (years or (when.year + 1, when.year + 2))})
    if ends[0] < when.year:
        raise OptionError(f"years: {ends[0]} is over in the round {when}; expected {when.year} or later.")
    hub = Path(folder)
    output = round_file(trace, hub, str(when), model)
    model_id = output.parent.name
    name = model_id.removeprefix(f"{TEAM}-")
    if hub.exists() and not hub.is_dir():
        raise WriteError(f"cannot write to {hub}: it is no folder; expected one, or a name that is free.")
    if os.path.lexists(output):
        raise WriteError(f"{output} exists; a round is never replaced. Name another day, or another folder.")
    metadata = _metadata(view, name, hardware_digest(trends))
    about = hub / "model-metadata" / f"{model_id}.yml"
    if about.exists() and about.read_text(encoding="utf-8") != metadata:
        raise WriteError(
            f"{about} is of another trace, hardware posterior or version of the package. Name another model."
        )
    tasks_file = hub / "hub-config" / "tasks.json"
    tasks = _read_tasks(tasks_file)
    rows = list(_forecasts(view, trends, ends, when))
    _add_round(tasks, when, rows, ends)
    # What a hub's maintainer may change is written once.
    written = {path: text for path, text in _fixed_files(hub) if not path.exists()}
    written |= {about: metadata, tasks_file: _json(tasks), output: _csv(rows)}
    try:
        for path in written:
            path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"cannot write to {hub}: {error.strerror or error}.") from error
    write_files(written)
    return output


def round_file(trace: xr.DataTree, hub: Path, day: str, model: str | None = None) -> Path:
    """File of a trace's forecasts of that day in a hub, which need not be there.

    Raises
    ------
    OptionError
        If `model` is invalid.
    """
    digest = PosteriorView.of(trace).digest
    released = release_of(digest)
    name = model or (re.sub(r"[-.]", "_", released.name) if released else f"fit_{digest[:12]}")
    if not re.fullmatch(_ABBREVIATION, name) or len(name) > _LONGEST:
        raise OptionError(
            f"model={name!r} is not valid; expected at most {_LONGEST} letters, digits, _ and +."
        )
    return hub / "model-output" / f"{TEAM}-{name}" / f"{day}-{TEAM}-{name}.csv"


def _round(given: str | datetime.date | None, created: str) -> datetime.date:
    """Day of a round, not before that of the fit."""
    text = str(datetime.datetime.now(tz=datetime.UTC).date() if given is None else given)
    try:
        day = datetime.date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or str(day) != text:
        raise OptionError(f"round_id={text!r} is not a day; expected such as 2026-12-01.")
    if text < created:
        raise OptionError(f"round_id={text!r} is before the fit ({created}); a forecast follows its fit.")
    return day


def _forecasts(
    view: PosteriorView, hardware: xr.DataTree, years: Sequence[int], when: datetime.date
) -> Iterator[dict[str, Any]]:
    """Rows of a round: task ids, level and value."""

    def rows(target: str, task: str, error: str, year: int, draws: Floats) -> Iterator[dict[str, Any]]:
        ids = (str(when), target, task, error, f"{year}-12-31")
        for level, value in zip(LEVELS, quantiles(draws, LEVELS), strict=True):
            text = "Inf" if np.isposinf(value) else f"{value:.6g}"
            made = {"output_type": "quantile", "output_type_id": f"{level:g}", "value": text}
            yield dict(zip(_TASK_IDS, ids, strict=True)) | made

    best = records(view, years, hardware)
    lowest = best_errors(view.tree, list(view.tasks))
    for task in view.tasks:
        error = f"{lowest[task]:.6g}"
        for year in years:
            at = best.sel(task=task, year=year)
            yield from rows("record error", task, _NONE, year, at["error"].values)
            yield from rows("record compute", task, _NONE, year, at["log10_training_compute_flop"].values)
            run = estimate_run(
                trace=view.tree,
                target={task: float(error)},
                year=year + 1.0,
                hardware=hardware,
                random_seed=view.seed,
            )
            yield from rows(
                "cost of error", task, error, year, run["run"].to_dataset()["log10_cost_usd"].values
            )
    observed = group(hardware, "observed_data")
    known = observed["point_log10_value"].values[observed["point_trend"].values.astype(str) == "largest_run"]
    n = view.posterior.sizes["chain"] * view.posterior.sizes["draw"]
    largest = largest_run(hardware, np.array(years) + 1.0, n, view.seed)
    for year, draws in zip(years, np.maximum(largest, known.max()).T, strict=True):
        yield from rows("largest run", "any", _NONE, year, draws)


def _read_tasks(path: Path) -> dict[str, Any]:
    """``tasks.json`` of a hub, or one without rounds."""
    if not path.exists():
        return {"schema_version": _SCHEMA.format("tasks"), "rounds": []}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        for entry in found["rounds"]:
            for task in entry["model_tasks"]:
                _ = task["task_ids"]["origin_date"]["required"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: not the tasks of a hub that this command wrote ({error!r}). Name another folder."
        ) from error
    return dict(found)


def _add_round(
    tasks: dict[str, Any], when: datetime.date, rows: Sequence[Mapping[str, Any]], years: Sequence[int]
) -> None:
    """Add what a round forecasts to ``tasks.json``, beside what it has."""
    mine = [str(when)]
    entry = next(
        (
            entry
            for entry in tasks["rounds"]
            if any(task["task_ids"]["origin_date"]["required"] == mine for task in entry["model_tasks"])
        ),
        None,
    )
    if entry is None:
        entry = {
            "round_id_from_variable": True,
            "round_id": "origin_date",
            "model_tasks": [],
            "submissions_due": {"start": str(when), "end": str(when)},
        }
        tasks["rounds"].append(entry)
    for of in dict.fromkeys((row["target"], row["task"], row["target_error"]) for row in rows):
        task = _model_task(str(when), *of, [f"{year}-12-31" for year in years])
        if task not in entry["model_tasks"]:
            entry["model_tasks"].append(task)


def _model_task(when: str, target: str, task: str, error: str, ends: list[str]) -> dict[str, Any]:
    about = _TARGETS[target]
    ids: dict[str, list[str]] = {"target": [target], "task": [task], "target_error": [error]}
    optional = {name: {"required": None, "optional": values} for name, values in ids.items()}
    return {
        "task_ids": {
            "origin_date": {"required": [when], "optional": None},
            **optional,
            "target_end_date": {"required": ends, "optional": None},
        },
        "output_type": {
            "quantile": {
                "output_type_id": {"required": list(LEVELS)},
                "value": {"type": "double", **about.bounds},
                "is_required": True,
            }
        },
        "target_metadata": [
            {
                "target_id": target,
                "target_name": about.name,
                "target_units": about.units,
                "target_keys": {"target": target},
                "description": about.meaning,
                "target_type": "continuous",
                "is_step_ahead": False,
            }
        ],
    }


def _metadata(view: PosteriorView, name: str, hardware: str) -> str:
    """Metadata of a model, as YAML of one line for each entry."""
    released = release_of(view.digest)
    entries = {
        "team_name": "The scaling_bayes developers",
        "team_abbr": TEAM,
        "model_name": released.title if released else "A fit of scaling_bayes that was not released",
        "model_abbr": name,
        "model_version": version("scaling_bayes"),
        "license": _LICENCE,
        "designated_model": True,
        "methods": f"Hierarchical Bayesian model of error and training compute; law: {view.law}. "
        "See README.md.",
        "trace_digest": view.digest,
        "hardware_digest": hardware,
        "data_sha256": str(view.manifest["data"]["sha256"]),
    }
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in entries.items())


def _fixed_files(hub: Path) -> Iterator[tuple[Path, str]]:
    """Files of a hub that are the same for every round and model."""
    about = Path(__file__).with_name("hub_readme.md").read_text(encoding="utf-8")
    written = f"Written by `scaling-bayes export`, release {version('scaling_bayes')}, with its first round."
    yield hub / "README.md", f"{about}\n{written}\n"
    yield hub / "target-data" / "oracle-output.csv", ",".join((*_TASK_IDS[1:], "oracle_value")) + "\n"
    admin = {
        "schema_version": _SCHEMA.format("admin"),
        "name": "Forecasts of error, compute and cost of deep learning",
        "maintainer": "The scaling_bayes developers",
        "contact": {"name": "The scaling_bayes developers"},
        "repository": {"host": "github", "owner": "", "name": ""},
        "file_format": ["csv"],
        # Greenwich time the year round: the schema lists zones by place and has no UTC.
        "timezone": "Africa/Abidjan",
    }
    yield hub / "hub-config" / "admin.json", _json(admin)
    text, digest = {"type": "string"}, {"type": "string", "pattern": "^[0-9a-f]{64}$"}
    abbreviation = {"type": "string", "pattern": _ABBREVIATION, "maxLength": _LONGEST}
    properties = {
        "team_name": text,
        "team_abbr": abbreviation,
        "model_name": text,
        "model_abbr": abbreviation,
        "model_version": text,
        "license": {"type": "string", "enum": [_LICENCE]},
        "designated_model": {"type": "boolean"},
        "methods": {"type": "string", "maxLength": 200},
        "trace_digest": digest,
        "hardware_digest": digest,
        "data_sha256": digest,
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Metadata of a model",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "required": list(properties),
    }
    yield hub / "hub-config" / "model-metadata-schema.json", _json(schema)


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
