"""Sections on what the answer rests on: the laws of a stack and their weights, the priors."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from scaling_bayes.core.laws import get_law
from scaling_bayes.core.options import STACK
from scaling_bayes.report.blocks import Section, TextPart
from scaling_bayes.report.tables import Row, column, numeric, table_of
from scaling_bayes.text import legible, records, task_label

if TYPE_CHECKING:
    import pandas as pd

    from scaling_bayes.report.facts import Facts

#: Sensitivity from which a quantity counts as sensitive (Kallioinen et al. 2024).
SENSITIVE = 0.05
_LEFT_OUT = {"paper": "papers", "system": "systems", "task": "tasks, but for their earliest systems,"}


def law_in_words(facts: Facts) -> str:
    """The law and what it takes as linear in log10 compute; in a stack every law."""
    if facts.fit.options.law != STACK:
        law = get_law(facts.fit.options.law)
        return f"{law.name}: {law.formula} is linear in log10 compute"
    laws = {} if facts.laws is None else dict(zip(facts.laws["law"], facts.laws["weight"], strict=True))
    named = "; ".join(f"{name} {weight:.2f} ({get_law(name).formula})" for name, weight in laws.items())
    return f"stack of laws by weight, each linear in log10 compute: {named}"


def laws_section(facts: Facts) -> Section | None:
    """Weights of the laws in a stack and what they rest on; None for a fit of one law."""
    if facts.laws is None:
        return None
    frame = facts.laws
    left_out = _LEFT_OUT.get(facts.fit.manifest["stack"].get("leave_out", ""))
    compared = "difference" in frame
    columns = [
        column("Law", lambda row: legible(row["fit"], 40)),
        numeric("Weight", lambda row: f"{row['weight']:.2f}"),
    ]
    if compared:
        columns += [
            numeric("Difference", _difference, "to the best, nats"),
            numeric(
                "Log score",
                lambda row: f"{row['elpd']:.1f} ± {row['elpd_se']:.1f}",
                "nats ± standard error",
            ),
        ]
    if compared and frame["worst_pareto_k"].notna().any():
        columns += [
            numeric("Worst Pareto k", lambda row: _number(row["worst_pareto_k"], 2)),
            numeric("Refits", lambda row: f"{row['refits']:.0f}"),
        ]
    columns.append(column("Linear in log10 compute", lambda row: get_law(row["law"]).formula, grows=True))
    caption = "Laws of the stack and their weights."
    if compared and left_out:
        caption += (
            f" Log score: log density of the errors of {left_out} left out of each fit, summed; higher is "
            "better."
        )
    text = "Each draw of the stack follows one law, and each law has draws in proportion to its weight"
    text += (
        f": the mean of the stacking weights given how well mixtures of the laws predict {left_out} left out."
        if left_out
        else "."
    )
    return Section(
        "laws",
        "Laws and weights",
        "Laws",
        (TextPart(text), table_of(caption, records(frame), *columns)),
    )


def _difference(row: Row) -> str:
    if row["difference"] == 0 and row["difference_se"] == 0:
        return "0"
    return f"{row['difference']:.1f} ± {row['difference_se']:.1f}".replace("-", "−")


def sensitivity_section(facts: Facts) -> Section | None:
    """How far priors and data decide slopes, progress and projections; None where the fit does not say."""
    if facts.sensitivity is None:
        return None
    frame = facts.sensitivity
    single = frame.drop(columns=["quantity", "prior", "likelihood"])
    rows = [{**row, "single": _largest(single.iloc[position])} for position, row in enumerate(records(frame))]
    return Section(
        "sensitivity",
        "Sensitivity to priors and data",
        "Sensitivity",
        (
            TextPart(
                "How fast the posterior of a quantity moves as all priors, the likelihood, or one prior is "
                "made stronger or weaker (power scaling, Kallioinen et al. 2024): 0 is not at all, and from "
                f"{SENSITIVE} a quantity counts as sensitive. Where it is sensitive to a prior and not to "
                "the likelihood, the prior decides."
            ),
            table_of(
                "Power-scaling sensitivity of slopes, progress and training compute (predictive, algorithms "
                "of the end of the data). The prior with the largest value is named as under Priors and "
                "options.",
                rows,
                column("Quantity", lambda row: _quantity(row["quantity"], facts.fit.tasks)),
                numeric("All priors", lambda row: _number(row["prior"], 3)),
                numeric("Likelihood", lambda row: _number(row["likelihood"], 3)),
                column("Most influential prior", lambda row: row["single"][0]),
                numeric("Its sensitivity", lambda row: _number(row["single"][1], 3)),
            ),
        ),
    )


def _quantity(name: str, tasks: tuple[str, ...]) -> str:
    """A quantity such as ``compute[imagenet 5 %]`` in words: ``Compute, ImageNet 5 %``."""
    kind, _, of = name.removesuffix("]").partition("[")
    task = max((task for task in tasks if of == task or of.startswith(f"{task} ")), key=len, default="")
    target = legible(of.removeprefix(task), 20)
    label = f"{task_label(task, 60)} {target}".strip() if task else legible(of, 60)
    return f"{legible(kind.capitalize(), 40)}, {label}"


def _largest(single: pd.Series[Any]) -> tuple[str, float]:
    known = {str(name): float(value) for name, value in single.items() if math.isfinite(value)}
    name = max(known, key=known.__getitem__, default="")
    return name, known.get(name, math.nan)


def _number(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if math.isfinite(value) else "not defined"
