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
# # Projections: compute, cost and carbon
#
# How much computation would it take to lower the ImageNet error to 7 %, what would it cost and emit? The
# posterior answers with a distribution. This notebook is about reading such a distribution without
# fooling anyone, yourself included.
#
# Everything is in log10: some of these numbers do not fit into a floating-point number of dollars, let
# alone into a budget.

# %% tags=["parameters"]
import os

# Draws (and warm-up draws) per chain, and a reference fit to open instead of sampling one.
draws = int(os.environ.get("NOTEBOOK_DRAWS", "1000"))
trace = os.environ.get("NOTEBOOK_TRACE", "")

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

from scaling_bayes import (
    Scenario,
    affordability,
    decompose,
    fit,
    open_trace,
    project,
    record_machine_time,
    required_gain,
    summary,
)
from scaling_bayes.figures import plot_projections
from scaling_bayes.intervals import reported
from scaling_bayes.text import format_interval
from scaling_bayes.trace.schema import group

idata = open_trace(trace) if trace else fit(draws=draws, tune=draws, random_seed=20261123, progressbar=False)

# %% [markdown]
# ## Compute
#
# A target is a task and an error. `project` solves the model's equation for compute, once per posterior
# draw. By default the targets are, for each task, the lowest error so far, the floor that its labels set, and
# one between. The year is the last in the data: no progress is assumed that nobody has made yet. In some
# draws a target lies below the floor of the law. There no compute is enough, which shows as `inf`.

# %%
compute = summary(project(idata))
compute[["task", "error", "lower_90", "median", "upper_90"]].round(
    {"lower_90": 1, "median": 1, "upper_90": 1}
)

# %%
plot_projections(compute).figure

# %% [markdown]
# Read one row aloud: "with the data to 2022 and this model, half of the probability is on less than the
# median; one chance in twenty is on more than the upper end". Say it for the 2.8 % target of CoNLL, and ask
# whether `inf` means anything. It does: *this route will probably not get there*.
#
# ## A line, or a system?
#
# `kind="mean"` asks where the line reaches the target; `"predictive"`, the default, asks what one new
# system needs, whose authors may be luckier or less lucky than the line.

# %%
target = {"imagenet": 0.07}
for kind in ("mean", "predictive"):
    row = summary(project(idata, target, kind=kind)).iloc[0]
    print(f"{kind:10s} {format_interval(row['median'], row['lower_90'], row['upper_90'])} FLOP")

# %% [markdown]
# ## Cost and carbon
#
# A *scenario* turns operations into dollars, kilowatt-hours and kilograms, and says what it assumes, with
# sources:

# %%
trend = Scenario.named("trend")
trend.describe()[["assumption", "assumed"]]

# %%
priced = summary(project(idata, target, 2025, scenario=trend))
priced[["quantity", "unit", "lower_90", "median", "upper_90"]].round(1)

# %% [markdown]
# Two columns to compare: the width of the interval of compute, and that of cost. Hardware prices are
# uncertain by some tenths of an order of magnitude, the requirement by many. Does it pay to know prices
# better? `decompose` answers with shares of the variance, which is finite only where every draw reaches the
# target, such as the lowest error so far:

# %%
shares = decompose(project(idata, {"imagenet": 0.0906}, 2025, kind="mean", scenario=trend))
shares[["source", "share", "share_alone", "share_if_fixed"]].round(3)

# %% [markdown]
# ## Other worlds
#
# What if hardware stops improving in 2030? What if there is one more jump like the tensor unit?
# `thompson2020` is a world in which nothing ever improves, at the paper's own prices.

# %%
years = [2025, 2035, 2045]
rows = []
for name in ("thompson2020", "trend", "stalled", "accelerated"):
    answer = summary(project(idata, target, years, scenario=name))
    cost = answer[answer["quantity"] == "log10_cost_usd"].set_index("year")["median"]
    rows.append(cost.rename(name))
pd.concat(rows, axis=1).round(1)

# %% [markdown]
# Columns are medians of log10 USD. Look at 2045: the trend promises the target for far less than a cent. No
# code is broken. Algorithmic progress is extrapolated for 22 years, and hardware for 20; both were measured
# over ten. A model that is asked beyond its data does not refuse, it answers. **The refusing is your part.**
#
# In which rows do the scenarios differ by more than the width of one interval?
#
# ## From cost to dates
#
# People do not ask for orders of magnitude. They ask *when*. Turn the question round: in which year does
# the target fit the budget? A draw that never does within the horizon is counted as "never", not dropped.

# %%
until_2060 = project(idata, target, range(2020, 2061, 5), scenario=trend)
budget = affordability(until_2060, budget_usd=1e8)
first = summary(budget)
first[["task", "error", "lower_90", "median", "upper_90", "at_start", "never"]].round(2)

# %%
probability = group(budget, "affordability")["probability_within_budget"].isel(target=0)
for year, value in zip(probability["year"].values, probability.values, strict=True):
    print(f"{year:.0f}  {'█' * int(np.round(40 * value))} {value:.2f}")

# %% [markdown]
# This curve takes algorithmic progress and hardware trends to go on as they did. Which of the two carries
# it? Freeze one:

# %%
no_progress = trend.replace(algorithmic_progress="frozen")
frozen = project(idata, target, range(2020, 2061, 5), scenario=no_progress)
summary(affordability(frozen, budget_usd=1e8))[["median", "at_start", "never"]].round(2)

# %% [markdown]
# ## The inverse question
#
# By what factor must price, energy efficiency or algorithms improve, each alone, for the target to fit a
# budget this year? (log10 of the factor)

# %%
priced_2025 = project(idata, target, 2025, scenario=trend)
gain = required_gain(priced_2025, budget_usd=1e8, carbon_kg=1e6)
summary(gain)[["lever", "lower_90", "median", "upper_90", "none_needed"]].round(1)

# %% [markdown]
# And for scale, the days the record machine of the year would be busy:

# %%
busy = group(record_machine_time(priced_2025), "record_machine")["log10_days"]
interval = reported(busy.values.ravel())
print(f"{format_interval(interval['median'], interval['lower_90'], interval['upper_90'])} days")

# %% [markdown]
# ## What not to say
#
# - "It will cost 10^x dollars." No: *if* that route were taken, half the probability lies below. Nobody
#   will take it, which was the point of the 2020 paper.
# - "The interval is useless, it has no upper end." It says that extrapolating these data that far does not
#   determine the answer. A narrow interval from a worse model would be worse.
# - "By 2040 it is affordable." With which probability, in which scenario, and with which budget?
#
# ## Exercises
#
# 1. Choose a target that somebody has reached since 2022. Where does its compute lie in the predicted
#    interval?
# 2. Replace the price: `trend.replace(usd_per_chip_hour=1.0, device="NVIDIA A100 SXM4 40 GB")`. How far
#    does the median cost move, in widths of its interval?
# 3. Use `region="FRA"`. What changes, and what does not?
# 4. Write two sentences for a newspaper on the 7 % target. Read them to somebody and ask what they
#    understood the probability of reaching it by 2035 to be.
