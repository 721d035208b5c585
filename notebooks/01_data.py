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
# # The data and its faults
#
# Everything in this package rests on one table: which system reached which error on which benchmark, and
# how much computation went into training it. Before any model, look at the table. It is small, it was
# copied by hand from hundreds of papers, and a good part of what a careless fit would find in it is not
# there.
#
# You need no statistics for this notebook, only suspicion.

# %%
from collections import Counter

# %matplotlib inline
import numpy as np
from tools.compute_trend.figure import plot_compute_trend

from scaling_bayes import DataError, load_systems, reference_systems, validate_systems
from scaling_bayes.systems.flags import FLAGS, split_flags
from scaling_bayes.systems.load import EXCLUDED_FLAGS

# %% [markdown]
# ## How much is there?
#
# One row is one system on one task. `error` is 1 − performance; `training_compute_flop` is a *hardware
# burden*: number of devices × peak rate × seconds.

# %%
systems = load_systems()
counts = systems.groupby("task", sort=False).agg(
    systems=("system", "size"),
    with_compute=("training_compute_flop", "count"),
    in_2020=("in_thompson2020", "sum"),
)
counts

# %% [markdown]
# Every other system reports nothing from which a burden could be computed. Which kind of paper does
# report it? Those in which training was remarkable: very long, or proudly short. **Whatever we fit
# describes systems whose authors thought computation worth a sentence.**
#
# ## What is known to be wrong
#
# No reported number is ever changed. A row carries *flags*, words of a fixed vocabulary; some follow from
# rules, some were judged by reading the paper.

# %%
flags = Counter(flag for cell in systems["flags"] for flag in split_flags(cell))
meanings = {flag.name: flag.meaning for flag in FLAGS}
for name, count in flags.most_common(12):
    print(f"{count:4d}  {name:22s} {meanings[name]}")

# %% [markdown]
# Two of them deserve a story.
#
# **Auto-fill.** Somebody dragged the corner of a spreadsheet cell. Seven detectors of one paper appear
# with training times of 74, 75, 76 … hours:

# %%
autofill = systems[systems["flags"].map(lambda cell: "autofill_time" in split_flags(cell))]
hours = autofill["training_seconds"] / 3600
autofill[["system", "training_compute_flop"]].assign(hours=hours.round(1))

# %% [markdown]
# To a regression these are seven exact measurements. They are one number, and a mouse.
#
# **Search compute.** Some systems were found by an automatic search that used hundreds of devices. Is the
# search part of the training? A matter of definition. But other rows *quote* such a paper, and inherited
# a search that had nothing to do with them:

# %%
quoted = systems[systems["flags"].map(lambda cell: "search_compute_of_other_paper" in split_flags(cell))]
quoted[["system", "training_compute_flop", "remark"]].head(3)

# %% [markdown]
# ## Corrections
#
# Where the paper's own words show that the burden must be another, the table has a second column for it.
# The size of these corrections is worth remembering: it is the best hint we have of the size of the
# errors that nobody found.

# %%
corrected = systems.dropna(subset=["training_compute_corrected_flop"])
ratio = corrected["training_compute_corrected_flop"] / corrected["training_compute_flop"]
dex = np.log10(ratio)
print(f"{len(corrected)} corrections, by a factor of {ratio.min():.2g} to {ratio.max():.2g}")
print(f"root mean square: {np.sqrt((dex**2).mean()):.2f} orders of magnitude")

# %% [markdown]
# Rows whose burden is plainly not what the system took are left out of the reference fit; the merely
# doubtful stay, and the model is told that compute is measured with error.

# %%
reference = reference_systems()
print("left out for:", ", ".join(EXCLUDED_FLAGS))
kept, of = int(reference["in_thompson2020"].sum()), int(systems["in_thompson2020"].sum())
print(
    f"{len(reference)} rows: {kept} of the {of} of the 2020 regressions, and {len(reference) - kept} others"
)

# %% [markdown]
# ## Points that are not independent
#
# Several rows come from one paper: same people, same machines, often the very same burden.

# %%
per_paper = reference.groupby(["task", "paper"]).size()
print(f"{len(reference)} rows from {per_paper.size} papers; the largest family has {per_paper.max()}")

# %% [markdown]
# ## Bad input is refused, and says where
#
# A table of your own goes through the same check as ours.

# %%
broken = reference.head(3).copy()
broken.loc[broken.index[1], "error"] = 23.0
try:
    validate_systems(broken)
except DataError as error:
    print(error)

# %% [markdown]
# ## The wider view
#
# Compute on the five tasks is known from 2009 to 2023. Training compute as far back as there are sourced
# values, and the hardware beneath it, on one axis. Crosses are four systems that the 2020 paper holds up
# as landmarks.

# %%
plot_compute_trend().figure

# %% [markdown]
# Training runs grew no faster than the record machine until about 2010, then much faster: by money and by
# patience, not by better chips alone. `docs/compute_trend.md` has the rates, with intervals.
#
# ## Exercises
#
# 1. How many systems with compute are left per task if you drop *every* row with a judged flag? Would you
#    dare to fit a line?
# 2. The burden counts peak rates. Typical use of the peak is 20 to 50 %. Does that matter for a slope?
#    For an intercept? For a price?
# 3. Take the ratio of corrected to reported compute as draws from the distribution of errors. Why is its
#    root mean square an overestimate of the error of a row nobody corrected? And why may it be an
#    underestimate?
# 4. Find two rows that you believe to be the same experiment under two names.
