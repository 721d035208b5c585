"""How a fit looks: one function per picture, each from a tree or a tidy frame to a matplotlib figure.

No function keeps global state: figures are made without pyplot, and styles hold for the call only. Pictures
of one panel (`plot_prior_predictive`, `plot_projections`, `plot_slopes`) draw on ``ax``
if it is given and return the Axes; those of several panels make a figure of their own and return the Figure.
Each is imported when it is first asked for, and matplotlib with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scaling_bayes.figures.affordability import plot_affordability
    from scaling_bayes.figures.calibration import plot_calibration
    from scaling_bayes.figures.checks import plot_ranks
    from scaling_bayes.figures.fits import plot_fits
    from scaling_bayes.figures.predictive import plot_posterior_predictive, plot_prior_predictive
    from scaling_bayes.figures.projections import plot_projections
    from scaling_bayes.figures.sbc import plot_sbc
    from scaling_bayes.figures.score import plot_score
    from scaling_bayes.figures.slopes import plot_slopes
    from scaling_bayes.figures.style import FigureError
    from scaling_bayes.figures.svg import to_svg

__all__ = [
    "FigureError",
    "plot_affordability",
    "plot_calibration",
    "plot_fits",
    "plot_posterior_predictive",
    "plot_prior_predictive",
    "plot_projections",
    "plot_ranks",
    "plot_sbc",
    "plot_score",
    "plot_slopes",
    "to_svg",
]

_HOMES = {
    "FigureError": "style",
    "plot_affordability": "affordability",
    "plot_calibration": "calibration",
    "plot_fits": "fits",
    "plot_posterior_predictive": "predictive",
    "plot_prior_predictive": "predictive",
    "plot_projections": "projections",
    "plot_ranks": "checks",
    "plot_sbc": "sbc",
    "plot_score": "score",
    "plot_slopes": "slopes",
    "to_svg": "svg",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
