"""What ordinary least squares says of a target: the burden, with the textbook interval."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from scaling_bayes.errors import OptionError, TargetError
from scaling_bayes.intervals import CI_PROB
from scaling_bayes.thompson2020.lines import Line, fit_line

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["KINDS", "inverse_interval", "least_squares_prediction"]

KINDS = ("predictive", "mean")


def least_squares_prediction(
    task: str,
    form: str,
    errors: float | Iterable[float] | None = None,
    *,
    kind: str = "predictive",
    ci_prob: float = CI_PROB,
    points: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Burden a target error needs by ordinary least squares, with an equal-tailed interval.

    The interval inverts the prediction (or confidence) band of the line (Fieller 1954; Draper & Smith,
    Applied Regression Analysis, 3rd ed., section 3.2): each end is where the band's edge meets the target.
    An edge whose slope has the other sign than the line never meets it, so that end is infinite; this
    happens to the upper end as soon as the slope cannot be told from zero at the level asked.

    Parameters
    ----------
    task : str
        A task of `points`.
    form : {"polynomial", "exponential"}
    errors : float or iterable of float, optional
        Target errors, fractions; by default those of the paper's table for the task.
    kind : {"predictive", "mean"}
        The burden of one new system, or where the line itself reaches the target.
    ci_prob : float
        Probability of the interval, in (0, 1).
    points : pandas.DataFrame, optional
        With ``task``, ``error`` and ``log10_burden_gflop``; by default the points of the paper.

    Returns
    -------
    pandas.DataFrame
        ``task``, ``form``, ``error``, ``kind``, ``ci_prob``, ``median`` (the point estimate), ``lower`` and
        ``upper``, the last three log10 burden in GFLOP.

    Raises
    ------
    OptionError
        If the task, form or kind is unknown, or `ci_prob` is not in (0, 1).
    TargetError
        If an error is not in (0, 1), or none is given for a task without a target table.
    """
    import pandas as pd

    if kind not in KINDS:
        raise OptionError(f"kind={kind!r} is not known; expected one of {', '.join(KINDS)}.")
    if not 0 < ci_prob < 1:
        raise OptionError(f"ci_prob={ci_prob!r} must lie between 0 and 1, both excluded.")
    line = fit_line(task, form, points)
    rows = []
    for error in _errors(task, errors):
        lower, upper = inverse_interval(line, error, ci_prob, new_system=kind == "predictive")
        rows.append(
            {
                "task": task,
                "form": form,
                "error": error,
                "kind": kind,
                "ci_prob": ci_prob,
                "median": float(line.burden(error)),
                "lower": lower,
                "upper": upper,
            }
        )
    return pd.DataFrame(rows)


def inverse_interval(line: Line, error: float, ci_prob: float, *, new_system: bool) -> tuple[float, float]:
    """Ends of the interval of log10 burden in GFLOP at which `line` reaches `error`; they may be infinite.

    With d the response above its mean, u the burden above its mean, S its sum of squares, s the residual
    standard deviation, c = [1 +] 1/n and t the quantile of Student's t, the ends solve ``(d - slope u)**2 =
    t**2 s**2 (c + u**2 / S)``.
    """
    from scipy.stats import t as student

    quantile = float(student.ppf((1 + ci_prob) / 2, line.degrees_of_freedom))
    above = line.slope * (float(line.burden(error)) - line.mean_log10_burden)
    spread = (quantile * line.residual_sd) ** 2
    constant = above**2 - spread * (float(new_system) + 1 / line.n)
    quadratic = line.slope**2 - spread / line.sum_of_squares
    discriminant = (line.slope * above) ** 2 - quadratic * constant
    if quadratic == 0 or discriminant < 0:
        return -math.inf, math.inf
    root = math.sqrt(discriminant)
    low, high = sorted(
        line.mean_log10_burden + (line.slope * above + sign * root) / quadratic for sign in (-1, 1)
    )
    if quadratic > 0:
        return low, high
    rises = above * line.slope > 0
    return (high, math.inf) if rises else (-math.inf, low)


def _errors(task: str, errors: float | Iterable[float] | None) -> list[float]:
    from scaling_bayes.projection.targets import THOMPSON2020_TARGETS

    if errors is None:
        if task not in THOMPSON2020_TARGETS:
            raise TargetError(f"task {task!r} has no targets in the paper's table; name the errors to reach.")
        return list(THOMPSON2020_TARGETS[task])
    asked = errors if isinstance(errors, Iterable) else [errors]
    chosen = [float(error) for error in asked]
    wrong = [error for error in chosen if not 0 < error < 1]
    if wrong or not chosen:
        found = ", ".join(f"{error:g}" for error in wrong) or "none"
        raise TargetError(f"errors: found {found}; expected fractions between 0 and 1, both excluded.")
    return chosen
