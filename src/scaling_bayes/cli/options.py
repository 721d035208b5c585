"""Options that several commands share, and how their texts are read."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import (
    choices_of,
    editions,
    families,
    laws,
    poolings,
    regions,
    scenarios,
    traces,
)
from scaling_bayes.hardware.devices import DEVICE_CLASSES, PRICES
from scaling_bayes.systems.counts import ARITHMETIC, TAKEN

if TYPE_CHECKING:
    from scaling_bayes.projection.scenario import Scenario

#: Name given for no scenario, where there is one by default.
NO_SCENARIO = "none"

Command = Callable[..., Any]


class Commands(click.Group):
    """Commands that refuse an option given twice, unless it is one to repeat.

    Click keeps the last value without a word.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command and look through what it is given."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _refuse_repeated(command, click.Context(command, parent=ctx, info_name=name), rest)
        return name, command, rest


def _refuse_repeated(command: click.Command, context: click.Context, arguments: Sequence[str]) -> None:
    _, _, given = command.make_parser(context).parse_args(list(arguments))
    for option in dict.fromkeys(given):
        if not isinstance(option, click.Option) or option.multiple or given.count(option) < 2:
            continue
        if option.is_flag and not option.secondary_opts:
            continue
        raise click.UsageError(
            f"{' / '.join([*option.opts[-1:], *option.secondary_opts])} is given "
            f"{given.count(option)} times; expected one value.",
            context,
        )


def once[Value](pairs: Iterable[tuple[str, Value]], option: str) -> dict[str, Value]:
    """Values by name, from an option that takes ``NAME=VALUE``.

    Raises
    ------
    click.BadParameter
        If a name is given twice.
    """
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise click.BadParameter(f"{name} is given twice; expected one value.", param_hint=option)
        found[name] = value
    return found


def _one_of(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}"


def together(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


def scenario_options(*, default: str | None = "trend") -> Callable[[Command], Command]:
    """Options that name and change a scenario; without a default there is none unless --scenario is given."""
    return together(
        click.option(
            "--scenario",
            "scenario_name",
            default=default,
            show_default=default is not None,
            shell_complete=choices_of(scenarios),
            help="thompson2020, trend, stalled or accelerated.",
        ),
        click.option(
            "--region",
            shell_complete=choices_of(regions),
            help="Grid: World, a country or its code, or a cloud region; `list regions` has all.",
        ),
        click.option(
            "--device-class",
            shell_complete=choices_of(lambda: DEVICE_CLASSES),
            help=f"{_one_of(DEVICE_CLASSES)}.",
        ),
        click.option(
            "--device",
            help="A device in place of a typical one, by part of its name, with its class; later years have "
            "its successors. `list devices` has all.",
        ),
        click.option(
            "--price",
            shell_complete=choices_of(lambda: PRICES),
            help=f"{_one_of(PRICES)}.",
        ),
        click.option(
            "--improvement-year",
            type=float,
            help="Year in which hardware stalls, or gains at once.  [default: 2030]",
        ),
        click.option(
            "--algorithmic-progress",
            shell_complete=choices_of(lambda: ("continuing", "slow", "fast", "frozen")),
            help="After the data: continuing, slow, fast or frozen.",
        ),
        click.option(
            "--assume",
            multiple=True,
            metavar="NAME=VALUE",
            help="Replace an assumption by a number, or by MEDIAN:LOWER:UPPER (90 % interval); repeatable.",
        ),
    )


#: A default of `fit` that depends on the table.
_BY_TABLE = "  [default: {}, or {} where tasks have 200 rows or more]"


def sampler_options(
    draws: int, tune: int, *, target_accept: float | None = 0.97
) -> Callable[[Command], Command]:
    """Options of a sampler, which by default keeps that many draws of a chain after so many of warm-up.

    Where the target acceptance has no default, that of `fit` is said.
    """
    said = _BY_TABLE.format(0.97, 0.99) if target_accept is None else ""
    return together(
        click.option("--draws", type=int, default=draws, show_default=True, help="Draws kept per chain."),
        click.option("--tune", type=int, default=tune, show_default=True, help="Warm-up draws per chain."),
        click.option("--chains", type=int, default=4, show_default=True, help="Chains."),
        click.option(
            "--target-accept",
            type=float,
            default=target_accept,
            show_default=True,
            help=f"Target acceptance rate.{said}",
        ),
    )


def thin_option(command: Command) -> Command:
    """Draws that `fit` makes for each that it keeps."""
    said = f"Draws made for each one kept.{_BY_TABLE.format(1, 2)}"
    return click.option("--thin", type=int, help=said)(command)


def _switch(name: str, text: str, *, default: bool = True) -> Callable[[Command], Command]:
    return click.option(f"--{name}/--no-{name}", default=default, show_default=True, help=text)


def switch_options(*, robust: bool, drift: bool) -> Callable[[Command], Command]:
    """Switches of the model, as `fit` takes them, the two with these defaults."""
    return together(
        _switch("measurement-error", "Allow for error in reported compute."),
        _switch("algorithmic-progress", "Let the compute that a result needs fall over time."),
        _switch("paper-effect", "Let systems of one paper deviate from the line together."),
        _switch("robust", "Use Student t instead of normal deviations between papers.", default=robust),
        _switch("flagged-error", "Allow larger measurement error where compute is flagged as doubtful."),
        _switch("drift", "Let a task's line drift and break over the years.", default=drift),
    )


def model_options(law: str | None, pooling: str | None) -> Callable[[Command], Command]:
    """Law, pooling and switches of a model; where there is no default, that of the library is said."""
    said = "" if law else "  [default: bounded]", "" if pooling else "  [default: partial]"
    return together(
        click.option(
            "--law",
            default=law,
            show_default=law is not None,
            shell_complete=choices_of(laws),
            help=f"power, exponential, logistic, saturating or bounded.{said[0]}",
        ),
        click.option(
            "--pooling",
            default=pooling,
            show_default=pooling is not None,
            shell_complete=choices_of(poolings),
            help=f"partial, none or complete.{said[1]}",
        ),
        click.option(
            "--floor",
            metavar="PRIOR",
            help="Prior of the irreducible error: task (each task's own), pooled or none.  [default: by law]",
        ),
        click.option(
            "--count",
            metavar="COUNT",
            default=ARITHMETIC,
            show_default=True,
            shell_complete=choices_of(lambda: TAKEN),
            help="Take compute as arithmetic (operations done, converted by compute_count) or as stated.",
        ),
        _switch("count-offsets", "Treat the conversion of burdens to operations as uncertain."),
        _switch(
            "curves",
            "Let what the points of a learning curve (column paper) share vary along compute.",
            default=False,
        ),
        switch_options(robust=True, drift=True),
    )


def _read_columns(
    _context: click.Context, _option: click.Parameter, texts: tuple[str, ...]
) -> dict[str, str] | None:
    """Our names of columns to the table's, None where none is given."""
    pairs = []
    for text in texts:
        ours, separator, theirs = text.partition("=")
        if not separator or not ours.strip() or not theirs.strip():
            raise click.BadParameter(f"found {text!r}; expected OURS=THEIRS, such as error=Score.")
        pairs.append((ours.strip(), theirs))
    return once(pairs, "--column") or None


#: How a table of systems is read.
table_options = together(
    click.option(
        "--unit",
        metavar="UNIT",
        help="Unit of the table's compute: FLOP (default), GFLOP, PFLOP/s-days, '1e21 FLOP', 'log10 FLOP', "
        "or a word of your own, such as steps, for what is no FLOP and has no cost.",
    ),
    click.option(
        "--column",
        "columns",
        multiple=True,
        callback=_read_columns,
        metavar="OURS=THEIRS",
        help="Name of a column in the table: error='Test error', score=Accuracy, or task==speech for every "
        "row; repeatable.",
    ),
)


def _shipped(command: Command) -> Command:
    @functools.wraps(command)
    def chosen(
        *args: Any, systems: Any, family: str | None, edition: str | None, until: int | None, **given: Any
    ) -> Any:
        if family or edition or until is not None:
            if systems is not None:
                raise click.UsageError(
                    "--family, --edition and --until are of the shipped systems; give no table."
                )
            from scaling_bayes.systems.load import reference_systems

            systems = reference_systems(family or "five_tasks", edition=edition, until=until)
        return command(*args, systems=systems, **given)

    return chosen


#: Which shipped systems are fitted where no table is given.
shipped_options = together(
    click.option(
        "--family",
        shell_complete=choices_of(families),
        help="Shipped systems: five_tasks (default) or language.",
    ),
    click.option(
        "--edition", shell_complete=choices_of(editions), help="Edition of the shipped systems of five tasks."
    ),
    click.option(
        "--until", type=int, metavar="YEAR", help="Leave out shipped systems published after that year."
    ),
    _shipped,
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress bar.")
budget_options = together(
    click.option("--budget-usd", type=float, help="Budget in USD."),
    click.option("--carbon-kg", type=float, help="Budget in kg CO2e."),
)
budgets_option = together(
    click.option("--budget-usd", type=float, multiple=True, help="Budget in USD; repeatable."),
    click.option("--carbon-kg", type=float, multiple=True, help="Budget in kg CO2e; repeatable."),
)
#: As text: `Path` would take ``./`` off, and with it what tells a file from a released name.
trace_argument = click.argument("trace", type=click.Path(), shell_complete=traces)


def reference_name() -> str:
    """Name of the released reference fit."""
    from scaling_bayes.trace.releases import REFERENCE_TRACE

    return REFERENCE_TRACE


#: The same, by default the released reference fit.
trace_or_reference = click.argument("trace", type=click.Path(), default=reference_name, shell_complete=traces)
target_option = click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="TASK=ERROR",
    help="Error to reach: imagenet=0.05 or ImageNet=5%; repeatable. By default, of each task: lowest error, "
    "floor of the labels, one between.",
)
year_option = click.option("--year", type=float, help="Year; by default the last in the data.")
years_option = click.option(
    "--year",
    "years",
    type=float,
    multiple=True,
    help="Year to reach the target, with algorithmic progress until then; repeatable.",
)
kind_option = click.option(
    "--kind",
    default="predictive",
    show_default=True,
    shell_complete=choices_of(lambda: ("predictive", "mean")),
    help="predictive (one new system) or mean (the line).",
)
count_option = click.option(
    "--count",
    shell_complete=choices_of(lambda: ("arithmetic", "burden")),
    help="Give compute as operations done (arithmetic) or as device time x peak rate (burden).",
)
exponents_option = click.option(
    "--exponents", is_flag=True, help="Print powers of ten, 10^23.4 [10^18.9, 10^34.0], not words."
)
assumptions_option = click.option("--assumptions", is_flag=True, help="Print what the scenario assumes too.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")


def chosen_scenario(options: dict[str, Any]) -> Scenario | None:
    """The scenario that the options describe; they are taken out of `options`. None without one, or ``none``.

    Raises
    ------
    click.UsageError
        If a scenario is changed but not named.
    """
    from scaling_bayes.projection.scenario import Scenario

    name = options.pop("scenario_name")
    fields = ("region", "device_class", "device", "price", "improvement_year", "algorithmic_progress")
    changes = {field: options.pop(field) for field in fields}
    changes = {field: value for field, value in changes.items() if value is not None}
    changes |= once(map(read_assumption, options.pop("assume")), "--assume")
    if name in (None, NO_SCENARIO):
        if changes:
            raise click.UsageError(f"{', '.join(changes)}: only with a scenario; name one with --scenario.")
        return None
    return Scenario.named(name, **changes)


def named_scenario(options: dict[str, Any]) -> Scenario:
    """As `chosen_scenario`, where a name is always there."""
    chosen = chosen_scenario(options)
    if chosen is None:
        raise click.UsageError("name a scenario with --scenario.")
    return chosen


def read_assumption(text: str) -> tuple[str, Any]:
    """Name and value of ``NAME=VALUE`` or ``NAME=MEDIAN:LOWER:UPPER``."""
    name, _, numbers = text.partition("=")
    try:
        values = [float(number) for number in numbers.split(":")]
        if len(values) == 1:
            return name, values[0]
        median, lower, upper = values
    except ValueError:
        raise click.BadParameter(
            f"found {text!r}; expected NAME=VALUE or NAME=MEDIAN:LOWER:UPPER, such as pue=1.1.",
            param_hint="--assume",
        ) from None
    return name, (median, (lower, upper))


def read_targets(texts: Sequence[str]) -> list[tuple[str, str]] | None:
    """Targets asked for, or None for the default ones."""
    targets = []
    for text in texts:
        task, separator, error = text.rpartition("=")
        if not separator or not task:
            raise click.BadParameter(
                f"found {text!r}; expected TASK=ERROR, such as imagenet=5%.", param_hint="--target"
            )
        targets.append((task, error))
    return targets or None


def refuse_both(*, as_json: bool, as_csv: bool) -> None:
    """Refuse --json and --csv together."""
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
