# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The 2020 analysis
#
# In 2020 Thompson, Greenewald, Lee and Manso asked how much computation the next advance in deep learning
# would need. They fitted a straight line per task, and followed it to errors nobody had reached. Here we
# redo that analysis to the digit, then ask it a question it did not put: *how sure are you?*
#
# This notebook is about 2020. Its posterior is that of the first release, `reference-2026.11`: straight
# lines too, on systems to 2019. What is known today is in the notebook on projections.

# %% tags=["parameters"]
import os

# Draws per chain, and a fit to open instead of sampling one (as written by `make report`, for example).
draws = int(os.environ.get("NOTEBOOK_DRAWS", "1000"))
trace = os.environ.get("NOTEBOOK_TRACE", "")

# %%
# %matplotlib inline
import numpy as np
from tools.pages.thompson2020_prediction import least_squares_prediction

from scaling_bayes import fit, open_trace
from scaling_bayes.figures import plot_fits, plot_slopes
from scaling_bayes.thompson2020.comparison import side_by_side, slopes_side_by_side
from scaling_bayes.thompson2020.frontier import quantile_frontier
from scaling_bayes.thompson2020.lines import fit_line, regressions
from scaling_bayes.thompson2020.targets import disagreements, target_table

# %% [markdown]
# ## The lines
#
# *Polynomial*: log10(1/error) is linear in log10 compute, so compute grows as a power of 1/error.
# *Exponential*: 1/error itself is linear in log10 compute. `exponent` is 1/slope: for ImageNet, halving
# the error takes 2^13.6 times the compute.

# %%
lines = regressions()
lines[["task", "form", "n", "slope", "slope_se", "r_squared", "exponent"]].round(4)

# %% [markdown]
# Compare R² of the two forms. Why is it *not* a fair comparison? (The responses differ: each explains the
# variance of another quantity.)
#
# ## The targets
#
# Invert the line, g(e) = a + b x, to x = (g(e) − a) / b. The printed table has the floor of these
# numbers.

# %%
targets = target_table()
compute = targets[(targets["quantity"] == "compute") & (targets["form"] == "polynomial")]
compute[["task", "error", "printed_power_of_ten", "log10_value", "agrees"]].round(2)

# %%
print(f"{int(targets['agrees'].sum())} of {len(targets)} printed cells agree; the others:")
disagreements(targets)[["task", "error", "form", "quantity", "printed_power_of_ten", "log10_value"]].round(2)

# %% [markdown]
# ## How sure is a line?
#
# The same textbook that gives the line gives a band around it. Inverting the band, not the line, gives an
# interval for the compute (Fieller's theorem):

# %%
least_squares_prediction("imagenet", "polynomial").round(1)

# %% [markdown]
# The point estimate for an error of 1 % is about 10^28.6 GFLOP; the 90 % interval runs over more than
# thirty orders of magnitude. The published table prints one digit of precision too many, or about thirty.
#
# Write down why before reading on. It is not only the noise. The target is an *extrapolation*, and we
# divide by a slope: a 90 % interval of the slope from 0.03 to 0.12 is a factor of four in the number of
# *digits*.

# %%
line = fit_line("imagenet", "polynomial")
for slope in (line.slope - 1.8 * line.slope_se, line.slope, line.slope + 1.8 * line.slope_se):
    distance = (np.log10(1 / 0.01) - np.log10(1 / 0.115)) / slope
    print(f"slope {slope:.3f}: from 11.5 % to 1 % takes {distance:5.1f} orders of magnitude")

# %% [markdown]
# ## Is the frontier different?
#
# Perhaps average systems waste computation and the best do not. The check is a quantile regression of the
# best tenth. Look at `n_beyond`, the number of points beyond the line, before you look at the slope.

# %%
frontier = quantile_frontier(resamples=200)
columns = ["task", "side", "n", "n_beyond", "slope", "lower_90", "upper_90"]
frontier.loc[frontier["form"] == "polynomial", columns].round(3)

# %% [markdown]
# ## The same question to a posterior
#
# The hierarchical model of the next notebook has the polynomial form too, so cell can stand beside cell.
# Its compute is that where the *line* reaches the target (`kind="mean"`), as in the paper.

# %%
idata = open_trace(trace) if trace else fit(draws=draws, random_seed=20261123)

# %%
cells = side_by_side(idata, scenario=None)
cells = cells[(cells["quantity"] == "compute") & (cells["form"] == "polynomial")]
cells.drop(columns=["form", "quantity"])

# %%
slopes_side_by_side(idata).round(3)

# %%
ols = {
    task: (one.slope, one.intercept - 9 * one.slope)  # the package counts FLOP, the paper GFLOP
    for task in ("imagenet", "ms_coco", "squad_1_1", "conll_2003", "wmt14_en_fr")
    for one in [fit_line(task, "polynomial")]
}
plot_fits(idata, least_squares=ols)

# %%
plot_slopes(idata).figure

# %% [markdown]
# Most posterior slopes are smaller than those of least squares. Two ingredients pull in opposite
# directions: measurement error of compute *flattens* least squares, so allowing for it steepens the
# slope; crediting calendar time with algorithmic progress takes from compute what time did. The next
# notebook separates them.
#
# ## Exercises
#
# 1. Fit ImageNet without its single most influential point. How many orders of magnitude does the 5 %
#    target move?
# 2. Which cells of the printed table would change if every burden were wrong by the same factor of three?
#    By a factor of three up or down at random?
# 3. English-German was read by the authors and left out of the table. Add it (`wmt14_en_de`). What does
#    its target look like, and what do you think of leaving it out?
