"""The section that sets the 2020 paper's numbers beside this fit's."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from scaling_bayes.core.options import STACK
from scaling_bayes.projection.targets import THOMPSON2020_TARGETS
from scaling_bayes.report.blocks import Cell, Details, Power, PowerInterval, Section, Table, TextPart
from scaling_bayes.report.tables import Row, numeric, table_of, task_column
from scaling_bayes.text import format_error, format_number, interval_text, records
from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
from scaling_bayes.thompson2020.lines import fit_line
from scaling_bayes.thompson2020.points import FLOP_PER_GFLOP

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import pandas as pd

    from scaling_bayes.report.facts import Facts

_LOG10_FLOP_PER_GFLOP = math.log10(FLOP_PER_GFLOP)
#: Quantity of the paper's table: what it is called here, its unit, and the paper's unit in that one, log10.
_QUANTITIES = {
    "compute": ("Training compute", "FLOP", _LOG10_FLOP_PER_GFLOP),
    "cost": ("Cost", "USD", 0.0),
    "carbon": ("Carbon", "lb CO2", 0.0),
}
_FORMS = ("polynomial", "exponential")


def least_squares_lines(facts: Facts) -> dict[str, tuple[float, float]]:
    """Slope and intercept of the 2020 lines on log10 FLOP, of the tasks that have one.

    For a fit of the power law, or a stack.
    """
    if facts.fit.options.law not in ("power", STACK):
        return {}
    lines = {task: fit_line(task, "polynomial") for task in facts.fit.tasks if task in THOMPSON2020_TARGETS}
    return {
        task: (line.slope, line.intercept - line.slope * _LOG10_FLOP_PER_GFLOP)
        for task, line in lines.items()
    }


def least_squares_slopes(facts: Facts) -> pd.DataFrame:
    """Slopes of the 2020 lines with 90 % intervals, as `plot_slopes` takes them; only of the power law."""
    import pandas as pd

    names = {"ols_slope": "median", "ols_lower_90": "lower_90", "ols_upper_90": "upper_90"}
    found = slopes_side_by_side(facts.fit) if facts.fit.options.law == "power" else pd.DataFrame()
    if found.empty:
        return pd.DataFrame(columns=["task", *names.values()])
    return found[["task", *names]].rename(columns=names)


def comparison_section(facts: Facts) -> Section | None:
    """Every cell of the paper's target table beside its reproduction and this fit; None without its tasks."""
    if not any(task in THOMPSON2020_TARGETS for task in facts.fit.tasks):
        return None
    cells: dict[tuple[str, float], dict[tuple[str, str], Mapping[Any, Any]]] = {}
    for row in records(side_by_side(facts.fit)):
        if row["task"] in facts.fit.tasks:
            cells.setdefault((row["task"], row["error"]), {})[row["quantity"], row["form"]] = row
    compute, cost, carbon = (_target_table(cells, quantity) for quantity in _QUANTITIES)
    return Section(
        "thompson2020",
        "Beside the 2020 paper",
        "2020 paper",
        (
            TextPart(
                "The 2020 paper read each target off a least-squares line in two forms, without intervals. "
                "This fit's column is its counterpart: where the line of the task, not a single system, "
                "reaches the target, with the algorithms of the end of the data. Compute is hardware burden, "
                "as in the paper."
            ),
            compute,
            Details("Cost and carbon, by the paper's conversions", (cost, carbon)),
            *_slopes(facts),
        ),
    )


def _target_table(
    cells: Mapping[tuple[str, float], Mapping[tuple[str, str], Mapping[Any, Any]]],
    quantity: str,
) -> Table:
    name, unit, offset = _QUANTITIES[quantity]

    def of_form(form: str, write: Callable[[Mapping[Any, Any]], Cell]) -> Callable[[Row], Cell]:
        return lambda row: write(row["forms"][quantity, form])

    def found(row: Row) -> Cell:
        forms = (row["forms"][quantity, form] for form in _FORMS)
        answer = next((cell for cell in forms if cell["bayes_median"] == cell["bayes_median"]), None)
        if answer is None:
            return "other scale"
        return PowerInterval(*(answer[f"bayes_{end}"] + offset for end in ("median", "lower_90", "upper_90")))

    return table_of(
        f"{name} in {unit} of each target of the 2020 paper: its printed power of ten, our recomputation by "
        "least squares, and this fit, median [90 % equal-tailed interval].",
        ({"task": task, "error": error, "forms": forms} for (task, error), forms in cells.items()),
        task_column(28, once=True),
        numeric("Target error", lambda row: format_error(row["error"])),
        *(
            numeric(
                "Printed", of_form(form, lambda cell: f"10^{cell['printed_power_of_ten'] + offset:.0f}"), form
            )
            for form in _FORMS
        ),
        *(
            numeric("Recomputed", of_form(form, lambda cell: Power(cell["log10_value"] + offset)), form)
            for form in _FORMS
        ),
        numeric("This fit", found, "median [90 % interval]"),
    )


def _slopes(facts: Facts) -> tuple[Table, ...]:
    slopes = slopes_side_by_side(facts.fit)
    if slopes.empty:
        return ()

    def interval(median: str, lower: str, upper: str) -> Callable[[Row], Cell]:
        return lambda row: interval_text(row[median], row[lower], row[upper], format_number)

    return (
        table_of(
            "Slope of log10(1 / error) per tenfold compute: least squares on the paper's points with its "
            "90 % confidence interval, and this fit, median [90 % equal-tailed interval].",
            records(slopes),
            task_column(28),
            numeric("Least squares", interval("ols_slope", "ols_lower_90", "ols_upper_90")),
            numeric("This fit", interval("bayes_median", "bayes_lower_90", "bayes_upper_90")),
        ),
    )
