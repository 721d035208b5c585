"""The same question as Python and as a command, for copying."""

from __future__ import annotations

import shlex
from typing import Any

from scaling_bayes.explore.settings import COMPUTE_ONLY, Settings

#: Changes of a scenario that have an option of their own on the command line.
_OPTIONS = ("region", "device_class", "device", "price", "algorithmic_progress")


def python_call(settings: Settings, trace: str) -> str:
    """Python that prints the numbers shown for `settings`, from the trace of that name or path."""
    names = ["open_trace", "summary"]
    common = "" if settings.kind == "predictive" else f", kind={settings.kind!r}"
    lines = [f"trace = open_trace({(settings.trace or trace)!r})"]
    if settings.scenario_name != COMPUTE_ONLY:
        names.append("Scenario")
        changes = "".join(f", {name}={number_text(value)}" for name, value in settings.changes)
        lines.append(f"scenario = Scenario.named({settings.scenario_name!r}{changes})")
        common += ", scenario=scenario"
    year, budgets = number_text(settings.year), ""
    if settings.budgets:
        budgets = ", ".join(f"{name}={number_text(amount)}" for name, amount in settings.budgets.items())
    if settings.targets:
        names.append("project")
        lines.append(f"projection = project(trace, {settings.targets!r}, {year}{common})")
        lines.append("print(summary(projection))")
    if settings.targets and budgets:
        names.append("affordability")
        lines.append(f'horizon = project(trace, {settings.targets!r}, "yearly"{common})')
        lines.append(f"answer = affordability(horizon, {budgets})")
        lines.append("print(summary(answer))")
    if budgets:
        names.append("forecast")
        lines.append(f"reached = forecast(trace, {settings.task!r}, {year}{common}, {budgets})")
        lines.append("print(summary(reached))")
    names.sort(key=lambda name: (name[0].islower(), name))
    return "\n".join([f"from scaling_bayes import {', '.join(names)}", "", *lines])


def command_lines(settings: Settings, trace: str) -> str:
    """Commands that print the numbers shown for `settings`, one a line."""
    named = settings.trace or trace
    common = [] if settings.kind == "predictive" else ["--kind", settings.kind]
    if settings.scenario_name != COMPUTE_ONLY:
        common += ["--scenario", settings.scenario_name]
        for name, value in settings.changes:
            if name in _OPTIONS:
                common += [f"--{name.replace('_', '-')}", str(value)]
            else:
                common += ["--assume", f"{name}={number_text(value)}"]
    budgets = []
    for name, amount in settings.budgets.items():
        budgets += [f"--{name.replace('_', '-')}", number_text(amount)]
    lines, year = [], ["--year", number_text(settings.year)]
    if settings.error is not None:
        target = ["--target", f"{settings.task}={settings.error!r}"]
        lines.append(["project", named, *target, *year, *common, *budgets])
        lines += [["afford", named, *target, *common, *budgets]] if budgets else []
    if budgets:
        lines.append(["forecast", named, "--task", settings.task, *year, *common, *budgets])
    return "\n".join(shlex.join(["scaling-bayes", *line]) for line in lines)


def number_text(value: Any) -> str:
    """Write a value so that it reads back as the same: ``2030``, ``100000000``, ``0.43``, ``'FRA'``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e6:
        return str(int(value))
    if isinstance(value, float):
        return repr(value) if not value.is_integer() else _in_powers(value)
    return repr(value)


def _in_powers(value: float) -> str:
    """Write a whole number from a million on as ``1e8``."""
    text = f"{value:.17g}" if float(f"{value:g}") != value else f"{value:g}"
    mantissa, e, exponent = text.partition("e")
    return f"{mantissa}e{int(exponent)}" if e else text
