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
# # The hierarchical model, step by step
#
# Five tasks, a dozen or three of points each, and one idea: log10(1/error) rises in a straight line with
# log10 compute. We build the model of this package from its simplest form, one ingredient at a time, and
# watch what each does to the slopes. Small slopes mean expensive progress: 1/slope is the number of
# orders of magnitude of compute that one order of magnitude of error costs.
#
# The lines here are those of the first release (`reference-2026.11`), on systems to 2019. Today's default
# also lets a line fall from chance to a floor, and drift from year to year; the page on the model has it.

# %% tags=["parameters"]
import os

# Draws (and warm-up draws) per chain, and a reference fit to open instead of sampling one.
draws = int(os.environ.get("NOTEBOOK_DRAWS", "1000"))
trace = os.environ.get("NOTEBOOK_TRACE", "")

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

from scaling_bayes import fit, open_trace, project, reference_systems, summary
from scaling_bayes.core.observations import observe
from scaling_bayes.core.options import ModelOptions
from scaling_bayes.core.priors import default_priors
from scaling_bayes.figures import plot_fits, plot_slopes
from scaling_bayes.intervals import reported
from scaling_bayes.model.build import build_model
from scaling_bayes.trace.schema import group

systems = reference_systems(edition="2026.11")
steps = {}


def sample(**options):
    """Fit with some ingredients switched on, the rest off."""
    plain = {"law": "power", "robust": False, "drift": False, "count": "stated"}
    plain |= {"measurement_error": False, "algorithmic_progress": False, "paper_effect": False}
    return fit(systems, **{**plain, **options}, draws=draws, tune=draws, random_seed=3, progressbar=False)


def slopes(name):
    """Posterior medians and 90 % intervals of the slopes of a step."""
    posterior = group(steps[name], "posterior")["slope"]
    rows = {task: reported(posterior.sel(task=task).values.ravel()) for task in posterior["task"].values}
    table = pd.DataFrame(rows).T[["lower_90", "median", "upper_90"]]
    return table.assign(orders=1 / table["median"]).round(3)


# %% [markdown]
# ## Step 1: complete pooling
#
# All tasks share one slope; only intercepts and noise differ. The assumption: translation and image
# classification convert compute into accuracy at the same rate. Shared is the slope of the log odds of an
# error, e / (1 − e), since an error of 0.6 cannot fall to a tenth as easily as one of 0.06; seen as slopes
# of log error, as below, they differ by the factor 1 − e.

# %%
steps["complete"] = sample(pooling="complete")
slopes("complete")

# %% [markdown]
# One slope, learned from all rows at once, and sure of itself. Too sure: it says nothing about what a
# sixth task would do, except that it must do the same.
#
# ## Step 2: no pooling
#
# The other extreme: five separate regressions. This is what least squares does, with a prior on each
# slope.

# %%
steps["none"] = sample(pooling="none")
slopes("none")

# %% [markdown]
# SQuAD's interval lies above those of COCO, CoNLL and translation: complete pooling was wrong. But each
# task is on its own now, and a task with a dozen points pays for it.
#
# ## Step 3: partial pooling
#
# Slopes come from a common distribution, whose centre and width are estimated too:
#
# log slope_j ~ Normal(μ, τ)
#
# With τ = 0 this is complete pooling, with τ = ∞ none; the data choose. The logarithm keeps slopes
# positive: more compute does not make a system worse. (Is that an innocent assumption?)

# %%
steps["partial"] = sample(pooling="partial")
slopes("partial")

# %%
tau = group(steps["partial"], "posterior")["slope_log_sd"]
print({name: round(value, 2) for name, value in reported(tau.values.ravel()).items()})

# %% [markdown]
# Compare the interval of each task with step 2. Tasks with few points borrow most. Nothing dramatic
# happens here, because the tasks really are different; the gain comes with a new task, for which μ and τ
# are all there is.
#
# ## Step 4: compute is measured with error
#
# The first notebook found burdens wrong by factors of 2 to 64. A predictor with error *flattens* a
# regression: points are spread sideways, and the line of y on observed x is lower than that of y on true
# x, by the factor λ = s² / (s² + τx²), with s the spread of true compute and τx that of the error. A
# short simulation, no model needed:

# %%
rng = np.random.default_rng(4)
true_compute = rng.normal(0.0, 0.8, 20_000)
performance = 0.08 * true_compute + rng.normal(0.0, 0.03, true_compute.size)
for error in (0.0, 0.35, 0.8):
    seen = true_compute + rng.normal(0.0, error, true_compute.size)
    slope = np.polyfit(seen, performance, 1)[0]
    shrinkage = 0.8**2 / (0.8**2 + error**2)
    print(f"error {error:.2f}: slope {slope:.4f}, expected {0.08 * shrinkage:.4f}")

# %% [markdown]
# The model gives each task a distribution of true compute over the years, and the error a prior with
# median 0.35 orders of magnitude, wider by a factor of its own where something is known to be wrong with a
# row. All are normal, so true compute integrates out on paper: no parameter per row, and a sampler that
# runs in seconds.

# %%
steps["with error"] = sample(pooling="partial", measurement_error=True)
pd.concat({name: slopes(name)["median"] for name in ("partial", "with error")}, axis=1)

# %% [markdown]
# ## Step 5: the calendar also makes progress
#
# Compute rose with time, and so did everything else: architectures, optimisers, tricks. A later system
# needs less compute for the same error, so give it credit of γ orders of magnitude a year:
#
# performance = α + β · (compute + γ · (year − reference year)) + noise
#
# In these data compute and year go together, so β and γ can hardly be told apart: a line in the plane of
# slope and progress fits about equally well. What separates them is knowledge from outside, a prior on γ
# around 0.4 a year, from experiments that trained old and new systems to the same error.
#
# The reference has one ingredient more: the systems of one paper share code, data and taste, and stray from
# the line together. Six networks of one paper are less evidence than six papers.

# %%
full = {"measurement_error": True, "algorithmic_progress": True, "paper_effect": True}
steps["reference"] = open_trace(trace) if trace else sample(**full)
together = pd.concat({name: slopes(name)["median"] for name in steps}, axis=1)
together

# %%
posterior = group(steps["reference"], "posterior")
for task in posterior["task"].values:
    pair = [np.log(posterior[name].sel(task=task).values.ravel()) for name in ("slope", "progress")]
    print(f"{task:12s} correlation of log slope and log progress: {np.corrcoef(pair)[0, 1]:+.2f}")

# %% [markdown]
# ## What each ingredient does to the answer
#
# Slopes are a means. The question is: how much compute for half the error? Medians and 90 % intervals of
# log10 FLOP, for one target:

# %%
answers = []
for name, idata in steps.items():
    answer = summary(project(idata, {"imagenet": 0.05}))
    answers.append(answer[["lower_90", "median", "upper_90"]].assign(model=name))
pd.concat(answers).set_index("model").round(1)

# %% [markdown]
# On full settings: complete pooling lends ImageNet the slope of an average task, less than half its own,
# and puts the target fourteen orders of magnitude further away. Letting tasks differ mends that, but the
# upper end runs away: a slope that may be near zero needs any amount of compute. Measurement error steepens
# the slope, so the answer falls by some seven orders of magnitude and its interval shortens, for a steeper
# line is extrapolated over a shorter way. Progress gives the calendar its share and brings the median back
# to about where it was, with a third of the upper tail.
#
# So the last two ingredients move the median by more than the printed table's last digit, and nearly
# cancel. A model with neither is right by accident, and one with only the first is wrong with confidence.

# %%
plot_slopes(steps["reference"]).figure

# %%
plot_fits(steps["reference"])

# %% [markdown]
# ## The model as code
#
# All of it, with floor and drift, is one short function in `scaling_bayes.model.build`. Its priors have
# names, sources and a page of their own in the report, and each may be replaced:
# `fit(priors={"compute_error": (0.2, (0.1, 0.4))})`.

# %%
options = ModelOptions()
model = build_model(
    observe(systems, needs_year=options.needs_year),
    options,
    default_priors(options),
)
print(model.str_repr())

# %% [markdown]
# ## Exercises
#
# 1. Replace the prior of `compute_error` by one around 0.05. Which step of the ladder are you back on?
# 2. Give `progress_log_mean` a narrow prior at 0.23 a year, then at 0.6 (it is on the natural log:
#    `Prior("Normal", mu=np.log(0.23), sigma=0.1)`). By how much does the ImageNet target move? Which
#    experiment would you pay for?
# 3. Drop all rows of one task and predict its slope from μ and τ alone. Where does the slope from its own
#    rows lie in that distribution?
# 4. The positive slope is an assumption. Which task would have had some posterior mass below zero without
#    it?
