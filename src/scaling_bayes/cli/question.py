"""The builder of commands that answer a question: open a trace, project it, say how far it goes, print."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.options import (
    Command,
    chosen_scenario,
    csv_option,
    json_option,
    kind_option,
    named_scenario,
    read_targets,
    refuse_both,
    scenario_options,
    target_option,
    together,
    trace_argument,
)
from scaling_bayes.cli.output import open_fit, print_csv, print_json, say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario


@dataclass(frozen=True)
class Question:
    """What every command that answers a question is given."""

    #: Name or path.
    trace: str
    #: ``TASK=ERROR``; the default targets where there is none.
    targets: tuple[str, ...]
    kind: str
    scenario: Scenario | None
    #: What it prints for machines.
    as_json: bool
    as_csv: bool

    @property
    def assumed(self) -> Scenario:
        """The scenario, for commands that always have one."""
        if self.scenario is None:
            raise click.UsageError("name a scenario with --scenario.")
        return self.scenario

    def project(self, years: float | Iterable[float] | None) -> xr.DataTree:
        """Open the trace and project it, saying its failed checks and how far years that are named go."""
        from scaling_bayes.projection.extrapolation import extrapolation_sentences
        from scaling_bayes.projection.project import project

        idata = open_fit(self.trace)
        tree = project(idata, read_targets(self.targets), years, self.kind, scenario=self.scenario)
        if not isinstance(years, range):
            for sentence in extrapolation_sentences(tree, self.scenario):
                say(f"note: {sentence}")
        return tree

    def print(self, frame: pd.DataFrame) -> bool:
        """Print a table for machines; False where it is for people."""
        return print_for_machines(frame, as_json=self.as_json, as_csv=self.as_csv)


def question(
    *options: Callable[[Command], Command], short_help: str, scenario: str | None = "trend"
) -> Callable[[Command], click.Command]:
    """Make a command of a function that takes a `Question` and the values of `options`.

    Parameters
    ----------
    scenario : str, optional
        Scenario by default; with None it does without one.
    """

    def decorate(answer: Command) -> click.Command:
        @functools.wraps(answer)
        def command(
            trace: str, targets: tuple[str, ...], kind: str, as_json: bool, as_csv: bool, **given: Any
        ) -> Any:
            refuse_both(as_json=as_json, as_csv=as_csv)
            chosen = chosen_scenario(given) if scenario is None else named_scenario(given)
            return answer(Question(trace, targets, kind, chosen, as_json, as_csv), **given)

        shared = (kind_option, scenario_options(default=scenario), json_option, csv_option)
        all_options = together(trace_argument, target_option, *options, *shared)
        return click.command(short_help=short_help)(all_options(command))

    return decorate


def print_for_machines(frame: pd.DataFrame, *, as_json: bool, as_csv: bool) -> bool:
    """Print a table as JSON or CSV; False where it is for people."""
    if as_json:
        print_json(frame.to_dict(orient="records"))
    elif as_csv:
        print_csv(frame)
    return as_json or as_csv
