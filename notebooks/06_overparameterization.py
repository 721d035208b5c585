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
# # What too many parameters cost
#
# A model with more parameters than it needs can learn more than an expert would have thought of, but it
# pays twice: it needs more data, and more computation for each datum. This notebook shows both with linear
# regression, where the truth is known and everything can be checked with a formula.
#
# It runs in a few seconds. The published size is `Settings()`: 1000 features, 1000 simulations, a few
# minutes.

# %%
# %matplotlib inline
import numpy as np
from tools.pages.overparameterization_expectations import expected_excess_risk, expert_limit
from tools.pages.overparameterization_growth import cost_of_performance, grow_together

from scaling_bayes.overparameterization.figures import plot_experiment
from scaling_bayes.overparameterization.run import run_experiment
from scaling_bayes.overparameterization.settings import Settings
from scaling_bayes.overparameterization.summarize import reaching, summarize_experiment

# %% [markdown]
# ## The experiment
#
# There are 100 candidate features; 5 of them have an effect. Four people fit a regression:
#
# - the **oracle** knows the 5 right features;
# - the **expert** knows 4 of them, and holds one other for the fifth;
# - the **flexible** modeller uses all 100, by least squares;
# - the **regularised** modeller uses all 100, by the lasso.
#
# Performance is −log10 of the squared distance to the best possible prediction, in units of that
# prediction's variance: 0 is no better than predicting the mean, 1 leaves a tenth, 2 a hundredth.

# %%
settings = Settings(
    n_parameters=100,
    n_nonzero=5,
    observations=(8, 12, 20, 30, 50, 70, 90, 100, 110, 150, 200, 300, 500),
    simulations=100,
    random_seed=6,
)
results = run_experiment(settings, workers=1)
summary = summarize_experiment(results)
summary.pivot(index="observations", columns="model", values="performance").round(2)

# %%
plot_experiment(summary)

# %% [markdown]
# Before you read on: why does the yellow line go flat, and what happens to the blue one at 100
# observations?
#
# ## The expert stops
#
# However much data the expert gets, the effect that was left out stays out. With 5 equal effects a fifth of
# the variance is lost, so performance ends at log10(5):

# %%
limit = expert_limit(signal=5, omitted=1)
at_500 = summary.query("model == 'expert' and observations == 500")["performance"].item()
print(f"limit {limit:.3f}, the expert at 500 observations {at_500:.3f}")

# %% [markdown]
# ## The flexible model falls, then climbs
#
# With fewer observations than features, least squares has many perfect fits, and takes the shortest. At 100
# observations there is exactly one, and it bends itself to pass through the noise of every point. Beyond,
# averaging begins. A formula gives its mean squared distance on both sides:

# %%
for n in (50, 90, 110, 150, 300):
    expected = expected_excess_risk(n, 100, noise_sd=1.0, signal=5.0)
    found = results["excess_risk"].sel(model="flexible", observations=n)
    print(f"n = {n:3d}: expected {expected:6.2f}, mean of the simulations {float(found.mean()):6.2f}")

# %% [markdown]
# ## How much data is ignorance worth?
#
# The oracle reaches some performance with 12 observations. How many does each of the others need for it?

# %%
level = summary.query("model == 'oracle' and observations == 12")["performance"].item()
for model in ("oracle", "expert", "regularised", "flexible"):
    print(f"{model:12s} {reaching(summary, model, level):6.0f} observations")

# %% [markdown]
# ## And how much computation?
#
# Let features grow with the data, two for each observation, and ask for the exponent: how many orders of
# magnitude of computation for one of performance, where performance is now one over the root mean squared
# distance?

# %%
grown = grow_together(
    Settings(n_nonzero=3, simulations=40, random_seed=6),
    (60, 120, 240),
    parameters_per_observation=2,
    workers=1,
)
cost_of_performance(grown)[["model", "gain", "exponent", "exponent_lower_90", "exponent_upper_90"]].round(2)

# %% [markdown]
# The oracle pays with the square: four times the data halve the distance, and each observation costs the
# same. The regularised model pays with about the fourth power, since each observation also costs twice as
# much when there are twice as many features. The flexible model pays and gains nothing, because its noise
# grows as fast as its data. The docs page on theory says under which assumptions the fourth power is a
# bound.
#
# ## Try
#
# - `noise_sd=3`: which model suffers most, and which hardly notices?
# - `penalty="best"`: how much is left to gain for whoever chooses the penalty well?
# - `coefficient_law="harmonic"`: is it still bad to leave out one feature, if it may be a small one?

# %%
quiet, loud = (
    summarize_experiment(
        run_experiment(
            Settings(
                n_parameters=100,
                n_nonzero=5,
                noise_sd=sd,
                observations=(50, 200),
                simulations=40,
                random_seed=6,
            ),
            workers=1,
        )
    )
    for sd in (1.0, 3.0)
)
loss = (quiet["performance"] - loud["performance"]).to_numpy()
print(dict(zip(zip(quiet["model"], quiet["observations"], strict=True), np.round(loss, 2), strict=True)))
