# The one list of pictures: `__init__.py` reads from it where each is, type checkers what it is.
from scaling_bayes.figures.affordability import plot_affordability as plot_affordability
from scaling_bayes.figures.answer import plot_answer as plot_answer
from scaling_bayes.figures.calibration import plot_calibration as plot_calibration
from scaling_bayes.figures.checks import plot_ranks as plot_ranks
from scaling_bayes.figures.fits import plot_fits as plot_fits
from scaling_bayes.figures.forecast import plot_forecast as plot_forecast
from scaling_bayes.figures.predictive import plot_posterior_predictive as plot_posterior_predictive
from scaling_bayes.figures.predictive import plot_prior_predictive as plot_prior_predictive
from scaling_bayes.figures.projections import plot_projections as plot_projections
from scaling_bayes.figures.sbc import plot_sbc as plot_sbc
from scaling_bayes.figures.score import plot_score as plot_score
from scaling_bayes.figures.slopes import plot_slopes as plot_slopes
from scaling_bayes.figures.style import FigureError as FigureError
from scaling_bayes.figures.svg import to_svg as to_svg

__all__: list[str]
