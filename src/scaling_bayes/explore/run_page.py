"""The page about one run: its controls, and what `estimate_run` answers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from scaling_bayes.errors import OptionError
from scaling_bayes.explore.page import style_sheet
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.projection.runs.estimate import estimate_run
from scaling_bayes.projection.runs.words import (
    finding,
    quantity_label,
    run_about,
    run_rows,
    spread_sentences,
    yardsticks,
)
from scaling_bayes.report.render import page_templates
from scaling_bayes.report.tables import column, table_of
from scaling_bayes.steering import without_steering
from scaling_bayes.text import legible, task_label
from scaling_bayes.trace.view import PosteriorView

if TYPE_CHECKING:
    import xarray as xr

_FOLDER = Path(__file__).resolve().parent
#: Fields of a run's size, with labels and what stands in them at first.
_SIZES = (
    ("parameters", "Parameters", "7B"),
    ("tokens", "Tokens", "2T"),
    ("active_parameters", "Of these active", ""),
    ("flop", "FLOP", ""),
    ("device_hours", "Device-hours", ""),
    ("devices", "Devices", ""),
    ("days", "Days", ""),
    ("budget_usd", "Budget, USD", ""),
    ("energy_kwh", "Energy, kWh", ""),
    ("carbon_kg", "Carbon, kg CO2e", ""),
)
_VALUES = (
    ("utilisation", "Utilisation"),
    ("pue", "PUE"),
    ("grid_kg_per_kwh", "Grid, kg/kWh"),
    ("usd_per_chip_hour", "USD an hour"),
)
#: Values that are assumptions without an option of their own on the command line.
_ASSUMED = ("grid_kg_per_kwh", "usd_per_chip_hour")
_FIELDS = frozenset(
    {*(name for name, *_ in _SIZES), *(name for name, _ in _VALUES)}
    | {"device", "device_class", "year", "region", "price"}
)


class RunPage:
    """The page about one run, beside that of a trace."""

    def __init__(self, idata: xr.DataTree, trace: str) -> None:
        self._idata, self._trace = idata, trace
        self._tasks = {without_steering(task): task for task in PosteriorView.of(idata).tasks}
        self._templates = page_templates(_FOLDER)

    def whole(self) -> str:
        """The page as the browser loads it."""
        form = self._templates.get_template("run_form.html.j2").render(
            sizes=_SIZES,
            values=_VALUES,
            prices=PRICES,
            classes={name: about.label for name, about in DEVICE_CLASSES.items()},
            tasks=[(shown, task_label(name, 60)) for shown, name in self._tasks.items()],
            trace=legible(self._trace, 120),
        )
        page = self._templates.get_template("page.html.j2")
        return page.render(form=Markup(form), style=Markup(style_sheet()))

    def answered(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """The results as HTML, and as a sentence.

        Raises
        ------
        ScalingBayesError
            If the fields are not those of a run.
        """
        given = {name: text.strip() for name, text in fields.items() if name in _FIELDS and text.strip()}
        asked: dict[str, Any] = dict(given)
        if "year" in given:
            asked["year"] = _year(given["year"])
        task = self._tasks.get(fields.get("reaches", ""), fields.get("reaches", ""))
        if task:
            asked |= {"task": task, "trace": self._idata}
        answer = estimate_run(**asked)
        about, sentence = run_about(answer), finding(answer)
        html = self._templates.get_template("run_results.html.j2").render(
            sentence=sentence,
            table=table_of(
                "Median and 90 % interval of one run.",
                run_rows(answer),
                column("Quantity", quantity_label),
                column("Median (90 % interval)", lambda row: str(row["in_words"]), grows=True),
            ),
            lines=[*spread_sentences(answer), *yardsticks(answer), *about["notes"]],
            assumptions=table_of(
                "Assumptions, as given here.",
                about["assumptions"],
                column("Assumption", lambda row: str(row["assumption"])),
                column("Assumed", lambda row: str(row["assumed"])),
                column("Source", lambda row: str(row["source"]), grows=True),
            ),
            python=self._python(given, task),
            command=self._command(given, task),
        )
        return html, sentence

    def _python(self, given: Mapping[str, str], task: str) -> str:
        said = [f"{name}={text if name == 'year' else repr(text)}" for name, text in given.items()]
        said += [f"trace=open_trace({self._trace!r}), task={task!r}"] if task else []
        names = "estimate_run, open_trace, summary" if task else "estimate_run, summary"
        return f"from scaling_bayes import {names}\n\nprint(summary(estimate_run({', '.join(said)})))"

    def _command(self, given: Mapping[str, str], task: str) -> str:
        words = ["scaling-bayes", "run"]
        for name, text in given.items():
            own = name not in _ASSUMED
            words += [f"--{name.replace('_', '-')}", text] if own else ["--assume", f"{name}={text}"]
        return shlex.join([*words, *(("--trace", self._trace, "--task", task) if task else ())])


def _year(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"Found {text!r} for the year; expected a number such as 2026.") from None
