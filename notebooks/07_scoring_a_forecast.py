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
# # Scoring a forecast
#
# A forecast is a promise about what is not known yet. When the world has moved on, it can be counted:
# were the errors where the intervals said? This notebook opens a fit that knows no system after 2019,
# and holds it to the systems that came later. Nothing is fitted again.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd
from scipy import stats

from scaling_bayes import open_trace, reference_systems, score, summary
from scaling_bayes.figures import plot_score

trace = open_trace("five-tasks-2019-2026.12")
systems = reference_systems(edition="2026.12")
later = systems[systems["publication_date"].dt.year > 2019]
later.groupby(["task", later["publication_date"].dt.year]).size().unstack(fill_value=0)

# %% [markdown]
# ## One row per system
#
# Each system's error is predicted from its task, its compute and its date, as one of a paper not seen. The
# answer is a distribution, so the outcome gets a place in it: `pit` is the predicted probability of an
# error at most the observed one.

# %%
scores = score(trace, later)
own = scores[scores["forecaster"] == scores["forecaster"].iloc[0]]
own[["task", "system", "error", "lower_90", "median", "upper_90", "pit", "log_score"]].head(8).round(3)

# %% [markdown]
# ## Beside what else could have been said
#
# A score means little alone. The baselines are the 2020 paper's method on the same data, its own lines,
# the record so far, and the record with its yearly gain. The last two do not look at compute.

# %%
table = summary(scores)
columns = ["forecaster", "systems", "papers", "log_score", "crps", "coverage_50", "coverage_90"]
table[columns].round({"log_score": 1, "crps": 4, "coverage_50": 2, "coverage_90": 2})

# %%
plot_score(scores)

# %% [markdown]
# ## How sure is a coverage?
#
# Sixty systems are not sixty independent trials: those of one paper share its tricks and its mistakes. Take
# the interval that counts systems, and the one that counts papers.

# %%
row = table.iloc[0]
inside = round(row["coverage_90"] * row["systems"])
by_systems = stats.binomtest(int(inside), int(row["systems"])).proportion_ci(0.9)
print(f"{inside} of {row['systems']:.0f} systems inside: {row['coverage_90']:.0%}")
print(f"counting systems: {by_systems.low:.0%} to {by_systems.high:.0%}")
print(f"counting papers:  {row['coverage_90_lower']:.0%} to {row['coverage_90_upper']:.0%}")

# %% [markdown]
# Pooled coverage can hide two opposite faults, so look at each task and year. Small groups say little, and
# their intervals say so.

# %%
for by in ("task", "year"):
    print(summary(own, by=by)[[by, "systems", "coverage_90", "coverage_90_lower"]].round(2), "\n")

# %% [markdown]
# ## What a score rewards
#
# Coverage alone can be bought: an interval that holds everything never misses. The log score cannot. Let
# outcomes be standard normal, and let a forecaster state the right centre and another spread:

# %%
outcomes = np.random.default_rng(1).standard_normal(20_000)
spreads = np.array([0.25, 0.5, 1.0, 2.0, 4.0])
honest = pd.DataFrame(
    {
        "stated spread": spreads,
        "in 90 %": [(np.abs(outcomes) < stats.norm.ppf(0.95) * sd).mean() for sd in spreads],
        "log score": [stats.norm.logpdf(outcomes, scale=sd).mean() for sd in spreads],
    }
)
honest.round(3)

# %% [markdown]
# The best log score is that of the spread which is true. Too narrow costs more than too wide.
#
# ## The misses
#
# They teach most. Ask of each: was the system of a kind that the data did not have? Was its compute
# counted as theirs was? The [track record](../track_record.md) does so for every released forecast.

# %%
missed = own[~own["inside_90"].astype(bool)].sort_values("pit")
missed[["task", "system", "year", "error", "lower_90", "upper_90"]].round(3)

# %% [markdown]
# ## Exercises
#
# 1. Score `reference-2026.11` on the same systems. Which misses do the two share, and which task differs?
# 2. Leave out the paper with most systems. How far do log score and coverage move?
# 3. `persistence` has no model of compute. In which task is it hard to beat, and why?
# 4. Write down today, with a probability, what the best ImageNet error will be at the end of next year.
#    `scaling-bayes export --format hub` does it for the model. Who of you will have the better score?
