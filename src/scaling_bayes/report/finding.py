"""What a report found, in words: its title, the line of checks, and a verdict on each target."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.options import STACK
from scaling_bayes.text import (
    COMPUTE,
    COST,
    QUANTITIES,
    UNATTAINABLE,
    answer_in_words,
    compute_in_words,
    error_text,
    format_year,
    legible,
    likelihood,
    month_of,
    quantity_of,
    share_text,
    task_label,
)
from scaling_bayes.trace.releases import release_of

if TYPE_CHECKING:
    from scaling_bayes.report.cost_facts import Budget
    from scaling_bayes.report.facts import Facts
    from scaling_bayes.report.tables import Row

#: What the error of a metric is.
ERRORS = {
    "top_1_accuracy": "images whose first guess is wrong",
    "box_ap": "100 % minus box AP",
    "f1": "100 % minus F1",
    "bleu": "100 % minus BLEU",
    "accuracy": "answers that are wrong",
    "exact match": "answers that are wrong",
    "pass@1": "programs that fail",
}
#: How a finding begins, by the law.
LAWS_HOLD = {
    "power": "If a power law holds",
    "exponential": "If an exponential law holds",
    "logistic": "If a logistic law holds",
    "saturating": "If a law with a floor holds",
    "bounded": "If error falls from chance to a floor",
}
#: Share of draws from which something is told as the rule.
_MOST = 0.5


def told_quantity(facts: Facts) -> str:
    """The quantity that the finding is about: cost, or compute where there is no scenario."""
    return COMPUTE if facts.costs is None else COST


def rows_of(facts: Facts, year: float, quantity: str | None = None) -> list[dict[str, Any]]:
    """Rows of the finding's quantity in a year, in the order of the targets."""
    return facts.rows_shown.get((quantity or told_quantity(facts), year), [])


def headline(facts: Facts) -> dict[str, Any]:
    """The row that the title tells: the first of `next_targets`."""
    return row_of(rows_of(facts, facts.year), facts.next_targets[0])


def row_of(rows: list[dict[str, Any]], target: tuple[str, float]) -> dict[str, Any]:
    """The row of a task and error."""
    return next(row for row in rows if (row["task"], row["error"]) == target)


def title(facts: Facts) -> str:
    """The finding, as a sentence."""
    several = f"By a mixture of {0 if facts.laws is None else len(facts.laws)} laws"
    return target_sentence(headline(facts), LAWS_HOLD.get(facts.fit.options.law, several), facts.year)


def target_sentence(row: Row, law: str, year: float) -> str:
    """What a row of `summary` of a projection says, as a sentence without its full stop."""
    words = answer_in_words(row)
    target = f"{task_label(row['task'], 40)} error to {error_text(row['error'])}"
    when = f" in {month_of(year)}" if year else ""
    if row["median"] == math.inf:
        return f"{law}, getting {target} is {words}"
    verb = "would cost" if row["quantity"] == COST else "would take"
    about = "about " if row["median"] <= quantity_of(row).most else ""
    amount, bracket, ends = words.partition(" (")
    return f"{law}, getting {target} {verb} {about}{amount}{quantity_of(row).at}{when}{bracket}{ends}"


def lead(facts: Facts) -> str:
    """The same target in other years, and what the interval is."""
    row = headline(facts)
    verbs, about = (
        ("have cost", "cost") if facts.costs else ("have taken", "take"),
        quantity_of(row),
    )
    told: dict[str, list[float]] = {}
    for year in facts.years_shown:
        median = row_of(rows_of(facts, year), facts.next_targets[0])["median"]
        at = about.at if median <= about.most else ""
        told.setdefault(about.in_words(median) + at, []).append(year)
    text = ""
    for words, years in told.items():
        others = [month_of(year) for year in years if year != facts.year]
        if facts.year in years:
            text += f"The same holds for {' and '.join(others)}. " if others else ""
            continue
        when = f"In {others[0]}" if years[0] < facts.year else f"By {others[0]}, if trends hold,"
        what = f"be {words}" if words == UNATTAINABLE else f"{verbs[years[0] > facts.year]} {words}"
        text += f"{when} it would {what}. "
    if 0 < row["unreachable"] <= _MOST:
        text += f"With {share_text(row['unreachable'])} probability no amount of compute is enough. "
    who = "one new system" if facts.kind == "predictive" else "the typical system"
    return f"{text}Brackets hold the middle 90 % of the probability, for {who} of the task."


def status(facts: Facts) -> list[str]:
    """Checks, data, law and date: what stands under the title."""
    failed = failed_checks(facts)
    checks = "checks failed" if any(failed) else f"all {_counted(facts)} checks passed"
    last = facts.last_year
    until = "" if last is None else f", to {month_of(last)}"
    scenario = [] if facts.costs is None else [f"scenario {legible(facts.costs.scenario.name, 60)}"]
    return [
        checks,
        f"{plural(len(facts.systems), 'system')} of {plural(len(facts.fit.tasks), 'task')}{until}",
        _law(facts),
        *scenario,
        f"fitted {month_of(facts.fitted)}",
    ]


def source_of(facts: Facts, *, priced: bool = False) -> str:
    """Where the numbers of a picture are from: the fit, and where they are `priced` the scenario and year."""
    release = release_of(facts.fit.digest)
    name = f"fit {facts.fit.digest[:12]}" if release is None else release.name
    last = f" to {month_of(facts.last_year)}" if facts.last_year else ""
    scenario = ""
    if priced and facts.costs is not None:
        scenario = f"Scenario {legible(facts.costs.scenario.name, 30)}. "
    return f"{scenario}Source: scaling_bayes, {name}; {len(facts.systems)} systems{last}."


def _law(facts: Facts) -> str:
    return "mixture of laws" if facts.fit.options.law == STACK else f"{facts.fit.options.law} law"


def failed_checks(facts: Facts) -> tuple[list[str], list[str]]:
    """Checks that did not pass: of the sample, and of the model against the data."""
    sample, data = facts.checks, facts.data_checks
    return (
        sample.loc[~sample["passed"].astype(bool), "check"].astype(str).tolist(),
        [] if data is None else data.loc[~data["passed"].astype(bool), "check"].astype(str).tolist(),
    )


def warning(facts: Facts) -> tuple[str, str] | None:
    """What must be said before any number, and the checks that it is about."""
    sample, data = failed_checks(facts)
    if sample:
        return "Do not quote these numbers: the sampler had not converged.", ", ".join(sample + data)
    if data:
        return "Quote with care: the model does not describe some of the data.", ", ".join(data)
    return None


def _counted(facts: Facts) -> int:
    return len(facts.checks) + (0 if facts.data_checks is None else len(facts.data_checks))


def floor_of(facts: Facts, task: str) -> tuple[float, float, float] | None:
    """Error below which the labels of a known task are believed to be wrong, with its 90 % interval."""
    return facts.floors.get(task)


def target_text(row: Row) -> str:
    """A task and an error: ``ImageNet, 7 %``."""
    return f"{task_label(row['task'], 40)}, {error_text(row['error'])}"


def below_floor(facts: Facts, row: Row) -> bool:
    """Whether a target is not above the noise that the labels are believed to have."""
    floor = floor_of(facts, row["task"])
    return floor is not None and row["error"] <= floor[0]


def reached_text(facts: Facts, row: Row) -> tuple[str, str]:
    """Who reached a target, and with what; empty where nobody is known to have."""
    found = facts.reached_of.get((row["task"], row["error"]))
    if found is None:
        return "", ""
    year = found["publication_year"]
    when = f", {format_year(math.floor(year))}" if year else ""
    compute, said = found["log10_training_compute_flop"], []
    if math.isfinite(compute):
        said.append(compute_in_words(compute, facts.fit.unit).removesuffix(QUANTITIES[COMPUTE].at))
    if not found["in_fit"]:
        said.append("not in this fit")
    return f"{legible(found['system'], 40)}{when}", ", ".join(said)


def verdict(facts: Facts, row: Row) -> str:
    """How near a target is, in a few words."""
    floor = floor_of(facts, row["task"])
    about = quantity_of(row)
    if reached_text(facts, row)[0]:
        return "reached"
    if floor is not None and row["error"] < floor[1]:
        return f"below the noise of the labels ({_percent(floor[1])} to {_percent(floor[2])})"
    if row["unreachable"] > _MOST:
        return "not by scaling alone"
    doubt = ", if labels allow it" if floor is not None and row["error"] < floor[0] else ""
    if largest_budget(facts) is None or facts.costs is None:
        return (about.beyond if row["median"] > about.most else "") + doubt.removeprefix(", ")
    first = facts.costs.first_year_of[largest_budget(facts), row["task"], row["error"]]
    if not math.isfinite(first["median"]):
        return f"not by {format_year(first['horizon'])}{doubt}"
    if first["median"] <= facts.year:
        return f"within reach{doubt}"
    return f"even odds by {math.ceil(first['median']):.0f}{doubt}"


def chance(facts: Facts, row: Row) -> str:
    """How probable it is that the largest budget is enough in the year of the finding: ``likely (72 %)``."""
    budget = largest_budget(facts)
    if budget is None or facts.costs is None or reached_text(facts, row)[0]:
        return ""
    shares = facts.costs.within_budget[budget, row["task"], row["error"]]
    until = [share for year, share in shares if year <= facts.year]
    return likelihood(until[-1]) if until else ""


def largest_budget(facts: Facts) -> Budget | None:
    """The largest budget of money, or the first of carbon; None where there is no cost."""
    if facts.costs is None:
        return None
    money = [budget for budget in facts.costs.budgets if budget.limits == "budget_usd"]
    return max(money, key=lambda budget: budget.amount, default=facts.costs.budgets[0])


def _percent(error: float) -> str:
    return error_text(float(f"{error:.2g}"))


def plural(count: int, word: str) -> str:
    """A count with its noun: ``1 task``, ``5 tasks``."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
