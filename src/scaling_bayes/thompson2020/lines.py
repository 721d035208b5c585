"""Ordinary least squares of performance on log10 burden, in the paper's two forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from scaling_bayes.core.laws import get_law
from scaling_bayes.errors import OptionError
from scaling_bayes.thompson2020.points import TASKS, regression_points, task_points

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class Form:
    """One of the paper's two forms."""

    #: ``polynomial`` or ``exponential``, the paper's words.
    name: str
    #: The law of this package with the same response scale.
    law: str
    #: The response, as printed.
    formula: str
    #: Error, a fraction, to the response.
    performance: Callable[[Any], Any]


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "polynomial": Form("polynomial", "power", "log10(1 / error)", get_law("power").performance),
        "exponential": Form("exponential", "exponential", "1 / error", lambda error: 1.0 / error),
    }
)


def get_form(name: str) -> Form:
    """Return the form called `name`.

    Raises
    ------
    OptionError
        If there is no such form.
    """
    if name not in FORMS:
        raise OptionError(f"form={name!r} is not known; expected one of {', '.join(FORMS)}.")
    return FORMS[name]


@dataclass(frozen=True)
class Line:
    """A fitted line, ``response = intercept + slope * log10 burden in GFLOP``."""

    task: str
    form: str
    #: Points.
    n: int
    #: In units of the response, the slope per factor of ten of burden.
    slope: float
    #: Standard error of the slope.
    slope_se: float
    #: Student's t of the slope.
    slope_t: float
    intercept: float
    r_squared: float
    #: ``sqrt(RSS / (n - 2))``.
    residual_sd: float
    #: Mean of log10 burden and its sum of squared deviations.
    mean_log10_burden: float
    sum_of_squares: float

    @property
    def exponent(self) -> float:
        """Orders of magnitude of burden per unit of response: the k of C ∝ (1/e)^k."""
        return 1.0 / self.slope

    @property
    def degrees_of_freedom(self) -> int:
        """Residual degrees of freedom."""
        return self.n - 2

    @property
    def slope_p_value(self) -> float:
        """Two-sided p-value of slope = 0."""
        from scipy.special import stdtr

        return 2.0 * float(stdtr(self.degrees_of_freedom, -abs(self.slope_t)))

    def student(self, probability: float) -> float:
        """Half of an equal-tailed interval of Student's t, in standard errors."""
        from scipy.special import stdtrit

        return float(stdtrit(self.degrees_of_freedom, (1 + probability) / 2))

    def burden(self, error: ArrayLike) -> NDArray[np.float64]:
        """log10 burden in GFLOP where the line reaches an error: ``(g(error) - intercept) / slope``."""
        response = get_form(self.form).performance(np.asarray(error, dtype=float))
        return np.asarray((response - self.intercept) / self.slope)

    def response(self, log10_burden: ArrayLike) -> NDArray[np.float64]:
        """Height of the line at log10 burden in GFLOP."""
        return self.intercept + self.slope * np.asarray(log10_burden, dtype=float)

    def response_sd(self, log10_burden: ArrayLike, *, new_system: bool) -> NDArray[np.float64]:
        """Standard error of the line, or of a new system around it, at log10 burden in GFLOP.

        ``s * sqrt([1 +] 1/n + (x - mean)**2 / sum of squares)`` (Draper & Smith, Applied Regression Analysis,
        3rd ed., sections 3.1-3.2); Student t with n - 2 degrees of freedom.
        """
        distance = np.asarray(log10_burden, dtype=float) - self.mean_log10_burden
        variance = float(new_system) + 1.0 / self.n + distance**2 / self.sum_of_squares
        return np.asarray(self.residual_sd * np.sqrt(variance))


def fit_line(task: str, form: str, points: pd.DataFrame | None = None) -> Line:
    """Fit one task in one form by ordinary least squares.

    Parameters
    ----------
    form : {"polynomial", "exponential"}
    points : pandas.DataFrame, optional
        With ``task``, ``error`` and ``log10_burden_gflop``; by default the points of the paper.

    Raises
    ------
    OptionError
        If the task or form is unknown, or the task has fewer than three points.
    """
    rows = task_points(task, points)
    if len(rows) < 3:
        raise OptionError(
            f"task={task!r} has {len(rows)} points; expected at least 3 for a line and its error."
        )
    x = rows["log10_burden_gflop"].to_numpy(float)
    response = get_form(form).performance(rows["error"].to_numpy(float))
    # What `scipy.stats.linregress` gives, without its half second of imports.
    n, dx, dy = len(rows), x - x.mean(), response - response.mean()
    variance, covariance, of_response = (np.vecdot(*each) / n for each in ((dx, dx), (dx, dy), (dy, dy)))
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = covariance / variance
        r = np.clip(covariance / np.sqrt(variance * of_response), -1.0, 1.0)
        t = r * np.sqrt((n - 2) / ((1.0 - r) * (1.0 + r)))
    intercept = response.mean() - slope * x.mean()
    residual = response - intercept - slope * x
    return Line(
        task=task,
        form=form,
        n=n,
        slope=float(slope),
        slope_se=float(np.sqrt((1.0 - r**2) * of_response / variance / (n - 2))),
        slope_t=float(t),
        intercept=float(intercept),
        r_squared=float(r**2),
        residual_sd=float(np.sqrt((residual**2).sum() / (n - 2))),
        mean_log10_burden=float(x.mean()),
        sum_of_squares=float((dx**2).sum()),
    )


def regressions() -> pd.DataFrame:
    """The paper's regressions, recomputed.

    Returns
    -------
    pandas.DataFrame
        One row per task and form: ``task``, ``form``, ``response``, ``n``, ``slope`` (per factor of ten of
        burden), ``slope_se``, ``slope_p_value``, ``intercept`` (at 1 GFLOP), ``r_squared`` and ``exponent``,
        1 / slope.
    """
    import pandas as pd

    points = regression_points()
    lines = [fit_line(task, form, points) for task in TASKS for form in FORMS]
    table = pd.DataFrame(map(asdict, lines))
    table.insert(2, "response", [FORMS[line.form].formula for line in lines])
    table.insert(list(table).index("slope_t"), "slope_p_value", [line.slope_p_value for line in lines])
    table["exponent"] = [line.exponent for line in lines]
    return table.drop(columns=["slope_t", "residual_sd", "mean_log10_burden", "sum_of_squares"])
