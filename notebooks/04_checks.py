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
# # Checks: when to believe a posterior
#
# A sampler always returns numbers. This notebook goes through the questions to ask before quoting any of
# them, in the order in which they can sink you:
#
# 1. Did the sampler explore the posterior? (R-hat, effective sample size, divergences, energy)
# 2. Was the prior sensible before it saw data? (prior predictive)
# 3. Could the model have produced these data? (posterior predictive, calibration)
# 4. Would another run say the same? (seeds)
# 5. Does it foresee data it has not seen? (leave the future out)

# %% tags=["parameters"]
import os

# Draws (and warm-up draws) per chain, and a reference fit to open instead of sampling one.
draws = int(os.environ.get("NOTEBOOK_DRAWS", "1000"))
trace = os.environ.get("NOTEBOOK_TRACE", "")

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

from scaling_bayes import checks, fit, open_trace, predict, reference_systems
from scaling_bayes.figures import plot_posterior_predictive, plot_prior_predictive, plot_ranks
from scaling_bayes.intervals import reported
from scaling_bayes.model.diagnose import diagnose
from scaling_bayes.trace.schema import group
from scaling_bayes.trace.view import PosteriorView, coverage

systems = reference_systems()
if trace:
    idata = open_trace(trace)
else:
    idata = fit(systems, draws=draws, tune=draws, random_seed=20261123, progressbar=False)

# %% [markdown]
# ## 1. Did the sampler explore the posterior?
#
# - **R-hat** compares the spread between chains with that within chains. Above 1.01 they disagree.
# - **ESS** says how many independent draws the correlated ones are worth, in the bulk and in the tails.
#   Our 90 % intervals are tails: both must be at least 400.
# - A **divergence** is a place too sharply curved for the step size. One is enough to distrust the region
#   around it.
# - **E-BFMI** says whether the energy changes enough from step to step to reach the tails.
#
# Every fit stores them, with the parameter that has the worst value.

# %%
checks(idata)[["check", "value", "comparison", "threshold", "passed", "worst"]]

# %% [markdown]
# If a line says `passed` = False, read `meaning` and stop here: nothing below is worth much. (On the
# small settings of the test suite some lines do say so. That is what the checks are for.)
#
# Numbers can hide a pattern. The ranks of each chain's draws among all draws should be flat:

# %%
plot_ranks(idata)

# %% [markdown]
# What does failure look like? Take the good draws and spoil them: shift one chain by a third of a
# standard deviation.

# %%
posterior, stats = group(idata, "posterior"), group(idata, "sample_stats")
spoiled = posterior.copy(deep=True)
spoiled["slope"][0] = spoiled["slope"][0] + 0.33 * spoiled["slope"].std(("chain", "draw"))
pd.DataFrame(
    {
        name: diagnose(data, stats)["value"].to_series()
        for name, data in (("as is", posterior), ("spoiled", spoiled))
    }
).round(3)

# %% [markdown]
# ## 2. Was the prior sensible?
#
# Draw parameters from the prior, systems from the parameters, and look at their error rates. The prior
# should allow anything an expert would not laugh at, and not much else. It has not seen a single row.

# %%
plot_prior_predictive(idata).figure

# %% [markdown]
# ## 3. Could the model have produced these data?
#
# The same after seeing them. Each observed system against the distribution predicted for it:

# %%
plot_posterior_predictive(idata)

# %% [markdown]
# The rank of each observation in its predictive distribution (probability integral transform, PIT) is
# uniform if the model is calibrated. A hump says that the intervals are too wide, a bowl that they are
# too narrow. In numbers, the share of systems inside intervals that should hold 50 and 90 %:

# %%
ranks = PosteriorView.of(idata).pit()
print(f"{ranks.size} systems: {coverage(ranks, 0.5):.2f} inside 50 %, {coverage(ranks, 0.9):.2f} inside 90 %")
np.histogram(ranks, bins=5, range=(0, 1))[0]

# %% [markdown]
# These systems were used for the fit, so this flatters. Step 5 does not.
#
# ## 4. Would another run say the same?
#
# The seed decides everything random, so the same seed gives the same numbers on your machine. Another
# seed must give the same *conclusions*: the medians should differ by no more than Monte Carlo error,
# posterior sd / √ESS.

# %%
again = fit(systems, draws=draws, tune=draws, random_seed=7, progressbar=False)
slope, other = (group(one, "posterior")["slope"] for one in (idata, again))
difference = slope.median(("chain", "draw")) - other.median(("chain", "draw"))
in_sd = (difference / slope.std(("chain", "draw"))).to_series()
in_sd.round(3).rename("difference of medians, in posterior standard deviations").to_frame()

# %% [markdown]
# With 1000 effective draws the Monte Carlo error of a median is about 1.25 / √1000 = 0.04 posterior
# standard deviations, √2 times that between two runs. How many digits of a projection deserve printing?
#
# ## 5. Does it foresee?
#
# Fit the systems published before 2018 and predict those that came later, from their compute and date
# alone.

# %%
early = systems[systems["year"] < 2018]
late = systems[(systems["year"] >= 2018) & systems["task"].isin(set(early["task"]))]
past = fit(early, draws=draws, tune=draws, random_seed=5, progressbar=False)
predicted = group(predict(past, late), "predictions")["error"]
rows = []
for label, true in zip(predicted["system"].values, late["error"].to_numpy(), strict=True):
    interval = reported(predicted.sel(system=label).values.ravel())
    inside = interval["lower_90"] <= true <= interval["upper_90"]
    rows.append({"system": label, "error": true, **interval, "inside": inside})
foreseen = pd.DataFrame(rows)
print(f"{foreseen['inside'].mean():.2f} of {len(foreseen)} later systems inside their 90 % interval")
foreseen[["system", "error", "lower_90", "median", "upper_90", "inside"]].round(3).head(8)

# %% [markdown]
# Where do the misses lie, above or below the interval? Misses to one side mean that something drifts, and
# algorithmic progress is the first suspect.
#
# ## Exercises
#
# 1. Refit with `target_accept=0.8`. Which check is the first to fail?
# 2. Refit with `algorithmic_progress=False` and repeat step 5. Where do the misses go?
# 3. Calibration from simulation: draw one row of the prior group, simulate a table with it
#    (`tests/simulation.py` shows how), fit, and note the rank of the true slope among the draws. After 50
#    repetitions, are the ranks uniform?
# 4. With two chains instead of four, what can R-hat no longer see?
