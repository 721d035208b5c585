"""The commands that answer a question about a fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import click

from scaling_bayes.cli.completion import choices_of
from scaling_bayes.cli.options import budget_options, budgets_option, year_option, years_option
from scaling_bayes.cli.output import print_csv, print_json, print_table, say
from scaling_bayes.cli.question import Question, question
from scaling_bayes.text import QUANTITIES, percent_text, quantity_of

if TYPE_CHECKING:
    import pandas as pd


@question(
    years_option, budget_options, short_help="What a target needs: compute, cost, carbon", scenario=None
)
def project(
    asked: Question, years: tuple[float, ...], budget_usd: float | None, carbon_kg: float | None
) -> None:
    """Print the training compute that each target error needs.

    With a scenario, cost, energy and carbon too, and with a budget the probability to stay within it. Amounts
    are in words; compute is the time that a machine doing 1 exaFLOP/s would take.

    \b
    Example:
      scaling-bayes project trace.nc --target ImageNet=5% --year 2030 --scenario trend
    """
    from scaling_bayes.projection.affordability import share_within_budget
    from scaling_bayes.projection.reached import reached_sentences
    from scaling_bayes.projection.summarize import summary

    budget = budget_usd is not None or carbon_kg is not None
    if asked.scenario is None and budget:
        raise click.UsageError("a budget needs a scenario; name one with --scenario.")
    projection = asked.project(list(years) or None)
    frame = summary(projection)
    if budget:
        frame = frame.merge(share_within_budget(projection, budget_usd, carbon_kg))
    for sentence in reached_sentences(projection):
        say(f"note: {sentence}")
    if asked.print(frame):
        return
    _print(frame, asked)


def _print(frame: pd.DataFrame, asked: Question) -> None:
    """Print a summary, each quantity of a target on a line of its own."""
    from scaling_bayes.text import share_text

    some = frame["unreachable"] > 0
    shares = (
        {"unreachable": "unreachable"}
        if (some & (asked.exponents | (frame["unreachable"] <= 0.5))).any()
        else {}
    )
    if "within_budget" in frame:
        shares["in budget"] = "within_budget"
    brackets = "[90 % equal-tailed interval]" if asked.exponents else "(90 % equal-tailed interval)"
    in_time = not asked.exponents and any(quantity_of(row).at for row in frame.to_dict(orient="records"))
    time = "; compute as time at 1 exaFLOP/s" if in_time else ""
    print_table(
        f"What a target needs, {asked.kind}: median {brackets}{time}",
        ("target", "quantity", "value", *shares),
        [
            (
                target,
                _quantity(row, asked),
                asked.amount(row),
                *(share_text(row[name]) for name in shares.values()),
            )
            for target, row in _with_targets(frame)
        ],
        right=tuple(shares),
        # An interval without an end takes the room of the names beside it.
        whole=("value", *shares) if asked.exponents else ("target", "quantity", *shares),
        tight=True,
    )
    asked.print_assumptions()


def _quantity(row: dict[Any, Any], asked: Question) -> str:
    about = quantity_of(row)
    name = about.name.removeprefix("training ")
    return f"{name}, {about.unit}" if asked.exponents else name


def _target(row: Mapping[Any, Any]) -> str:
    from scaling_bayes.text import format_error, task_label

    return f"{task_label(str(row['task']))} {format_error(row['error'])}"


def _with_targets(frame: pd.DataFrame) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Each row with what stands beside it: the target, below it the year, then nothing."""
    from scaling_bayes.text import month_of

    for _, rows in frame.groupby(["task", "error", "year"], sort=False):
        first = rows.iloc[0]
        year = f"in {month_of(first['year'])}" if first["year"] else ""
        stub = [_target(first.to_dict()), year]
        if len(rows) == 1:
            stub = [f"{stub[0]}\n{year}"]
        for position, row in enumerate(rows.to_dict(orient="records")):
            yield stub[position] if position < len(stub) else "", row


@question(
    budgets_option,
    click.option("--from", "start", type=int, default=2020, show_default=True, help="First year."),
    click.option("--until", type=int, default=2100, show_default=True, help="Last year, the horizon."),
    short_help="When a target first fits a budget, and how surely",
)
def afford(
    asked: Question, start: int, until: int, budget_usd: tuple[float, ...], carbon_kg: tuple[float, ...]
) -> None:
    """Print when each target first fits the budget, and how likely it never does.

    Each --budget-usd is answered separately. With --carbon-kg too, both limits must hold.

    \b
    Example:
      scaling-bayes afford trace.nc --target imagenet=0.05 --budget-usd 1e8
    """
    import pandas as pd

    from scaling_bayes.projection.affordability import affordability, read_budget
    from scaling_bayes.projection.summarize import summary
    from scaling_bayes.report.cost_facts import Budget

    for name, amounts in (("--budget-usd", budget_usd), ("--carbon-kg", carbon_kg)):
        if len(set(amounts)) < len(amounts):
            raise click.BadParameter("the same budget is given twice.", param_hint=name)
    budgets = [read_budget(usd, kg) for usd, kg in product(budget_usd or [None], carbon_kg or [None])]
    if until <= start:
        raise click.BadParameter(
            f"found {until}; expected a year after --from {start}.", param_hint="--until"
        )
    projection = asked.project(range(start, until + 1))
    frames = [summary(affordability(projection, **budget)) for budget in budgets]
    told = [frame.assign(**budget) for frame, budget in zip(frames, budgets, strict=True)]
    if asked.print(pd.concat(told, ignore_index=True)):
        return
    for frame, budget in zip(frames, budgets, strict=True):
        label = " and ".join(Budget(name, amount).label for name, amount in budget.items())
        _print_first_years(frame, label, until)
    asked.print_assumptions()


def _print_first_years(frame: pd.DataFrame, budget: str, until: int) -> None:
    from scaling_bayes.report.answer import first_year_text
    from scaling_bayes.text import records, share_text

    start = frame["start"].iloc[0]
    earlier = f"; {start:g} means then or earlier" if (frame["lower_90"] <= start).any() else ""
    print_table(
        f"First year within {budget}: median (90 % equal-tailed interval){earlier}",
        ("target", "first year", f"never by {until}"),
        [(_target(row), first_year_text(row), share_text(row["never"])) for row in records(frame)],
        right=(f"never by {until}",),
        whole=("target", "first year"),
    )


@question(budget_options, year_option, short_help="By what factor things must improve for a budget")
def gain(asked: Question, budget_usd: float | None, carbon_kg: float | None, year: float | None) -> None:
    """Print by what factor price, energy or algorithms must improve, and which routes would suffice.

    \b
    Example:
      scaling-bayes gain trace.nc --target imagenet=0.05 --budget-usd 1e6
    """
    from scaling_bayes.projection.affordability import read_budget
    from scaling_bayes.projection.required_gain import compare_routes, required_gain
    from scaling_bayes.projection.summarize import summary
    from scaling_bayes.text import format_interval, share_text, times_in_words

    def factor(row: dict[Any, Any]) -> str:
        ends = row["median"], row["lower_90"], row["upper_90"]
        if asked.exponents:
            return format_interval(*ends)
        median, lower, upper = map(times_in_words, ends)
        return f"{median} ({lower} to {upper})"

    budgets = read_budget(budget_usd, carbon_kg)
    answer = required_gain(asked.project(year), **budgets)
    needed, routes = summary(answer), compare_routes(answer)
    if asked.as_json:
        print_json({"gain": needed.to_dict(orient="records"), "routes": routes.to_dict(orient="records")})
        return
    if asked.as_csv:
        print_csv(needed)
        return
    print_table(
        "Factor by which one lever alone must improve: median and 90 % interval",
        ("target", "lever", "factor", "none needed"),
        [
            (_target(row), row["lever"].replace("_", " "), factor(row), share_text(row["none_needed"]))
            for row in needed.to_dict(orient="records")
        ],
        right=("none needed",),
        whole=("factor",) if asked.exponents else (),
    )
    _print_routes(routes, asked)
    asked.print_assumptions()


def _print_routes(routes: pd.DataFrame, asked: Question) -> None:
    """One table for each target; with --assumptions where the factors come from, once, below."""
    from scaling_bayes.text import share_text, span_text

    for _, rows in routes.groupby(["task", "error"], sort=False):
        without = share_text(rows["probability_enough_without"].iloc[0])
        print_table(
            f"{_target(rows.iloc[0].to_dict())}, published routes, each alone and in full: "
            f"probability that it is enough ({without} without any)",
            ("route", "factor", "of", "enough"),
            [
                (
                    row["route"].replace("_", " "),
                    span_text(f"{row['factor_low']:g}", f"{row['factor_high']:g}"),
                    row["improves"].replace("_", " times "),
                    share_text(row["probability_enough"]),
                )
                for row in rows.to_dict(orient="records")
            ],
            right=("factor", "enough"),
            whole=("factor", "of"),
            tight=True,
        )
    if not asked.assumptions:
        return
    sources = routes.drop_duplicates("route")
    print_table(
        "Sources of the factors",
        ("route", "source"),
        [(row["route"].replace("_", " "), row["citation"]) for row in sources.to_dict(orient="records")],
        tight=True,
    )


@question(
    year_option,
    click.option(
        "--quantity",
        default="log10_cost_usd",
        show_default=True,
        shell_complete=choices_of(lambda: QUANTITIES),
        help="What to decompose: a column of project.",
    ),
    short_help="What the spread of an answer comes from",
)
def decompose(asked: Question, year: float | None, quantity: str) -> None:
    """Print how much of the spread comes from parameters, noise, hardware, price and grid.

    \b
    Example:
      scaling-bayes decompose trace.nc --target imagenet=0.05 --year 2030
    """
    from scaling_bayes.projection.decompose import decompose as decompose_projection

    frame = decompose_projection(asked.project(year), quantity=quantity)
    if asked.print(frame):
        return
    print_table(
        f"Shares of the variance of log10 {QUANTITIES[quantity].name} (Shapley; they sum to 1)",
        ("target", "source", "share", "alone"),
        [
            (
                _target(row),
                row["source"],
                "" if row["share"] != row["share"] else percent_text(max(row["share"], 0), 1),
                percent_text(max(row["share_alone"], 0), 1),
            )
            for row in frame.to_dict(orient="records")
        ],
        right=("share", "alone"),
    )
