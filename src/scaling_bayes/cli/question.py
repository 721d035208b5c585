"""The builder of commands that answer a question: open a trace, project it, say how far it goes, print."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.options import (
    Command,
    assumptions_option,
    chosen_scenario,
    count_option,
    csv_option,
    exponents_option,
    json_option,
    kind_option,
    named_scenario,
    read_targets,
    refuse_both,
    scenario_options,
    target_option,
    together,
    trace_or_reference,
)
from scaling_bayes.cli.output import open_fit, print_csv, print_json, print_table, say
from scaling_bayes.text import answer_in_words, format_interval

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from scaling_bayes.projection.scenario import Scenario


@dataclass(frozen=True)
class Machines:
    """What is printed for machines, where it is asked for."""

    as_json: bool
    as_csv: bool

    def print(self, frame: pd.DataFrame, content: Any = None) -> bool:
        """Print a table as CSV or JSON, or other content as JSON; False where it is for people."""
        if self.as_json:
            print_json(frame.to_dict(orient="records") if content is None else content)
        elif self.as_csv:
            print_csv(frame)
        return self.as_json or self.as_csv


def for_machines(command: Command) -> Command:
    """Give a command --json and --csv, which exclude each other, as `Machines`."""

    @functools.wraps(command)
    def asked(*args: Any, as_json: bool, as_csv: bool, **given: Any) -> Any:
        refuse_both(as_json=as_json, as_csv=as_csv)
        return command(*args, machines=Machines(as_json, as_csv), **given)

    return together(json_option, csv_option)(asked)


def print_assumptions(chosen: Scenario) -> None:
    """Print what a scenario assumes, as a table."""
    print_table(
        f"Scenario {chosen.name} assumes (median [90 % interval])",
        ("assumption", "assumed", "source"),
        [
            (row["assumption"], row["assumed"], row["source"])
            for row in chosen.describe().to_dict(orient="records")
        ],
    )


@dataclass(frozen=True)
class Question(Machines):
    """What every command that answers a question is given."""

    #: Name or path.
    trace: str
    #: ``TASK=ERROR``; the default targets where there is none.
    targets: tuple[str, ...]
    kind: str
    scenario: Scenario | None
    #: In which count compute is told; None for that of the fit.
    count: str | None
    #: Whether amounts are printed as powers of ten.
    exponents: bool
    #: Whether what the scenario assumes is printed.
    assumptions: bool

    @property
    def assumed(self) -> Scenario:
        """The scenario, for commands that always have one."""
        if self.scenario is None:
            raise click.UsageError("name a scenario with --scenario.")
        return self.scenario

    def amount(self, row: Mapping[Any, Any]) -> str:
        """Median and interval of a row of `summary` of a projection, in words or as powers of ten."""
        if self.exponents:
            return format_interval(row["median"], row["lower_90"], row["upper_90"])
        return answer_in_words(row)

    def print_assumptions(self) -> None:
        """Print what the scenario assumes, where that is asked for."""
        if self.assumptions:
            print_assumptions(self.assumed)

    def project(self, years: float | Iterable[float] | None) -> xr.DataTree:
        """Open the trace and project it, saying its failed checks and how far years that are named go."""
        from scaling_bayes.projection.extrapolation import extrapolation_sentences
        from scaling_bayes.projection.project import project

        idata = open_fit(self.trace)
        tree = project(
            idata, read_targets(self.targets), years, self.kind, scenario=self.scenario, count=self.count
        )
        if not isinstance(years, range):
            for sentence in extrapolation_sentences(tree, self.scenario):
                say(f"note: {sentence}")
        return tree


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
        def command(trace: str, targets: tuple[str, ...], kind: str, machines: Machines, **given: Any) -> Any:
            shown = {name: given.pop(name) for name in ("count", "exponents", "assumptions")}
            chosen = chosen_scenario(given) if scenario is None else named_scenario(given)
            asked = Question(machines.as_json, machines.as_csv, trace, targets, kind, chosen, **shown)
            return answer(asked, **given)

        shared = (
            *(kind_option, scenario_options(default=scenario)),
            *(count_option, exponents_option, assumptions_option, for_machines),
        )
        all_options = together(trace_or_reference, target_option, *options, *shared)
        return click.command(short_help=short_help)(all_options(command))

    return decorate
