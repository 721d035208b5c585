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
# # Language models
#
# The five tasks of the 2020 paper are old. This notebook asks its question of language models: how much
# compute does an error on a benchmark take, and what does that cost? Three things differ. Compute is
# counted as arithmetic. Many benchmarks are multiple choice, where guessing scores too. And models are
# trained once for all benchmarks.

# %%
# %matplotlib inline
import numpy as np
import pandas as pd

from scaling_bayes import estimate_run, open_trace, project, reached, reference_systems, summary
from scaling_bayes.figures import plot_forecast
from scaling_bayes.hardware.points import decimal_year
from scaling_bayes.hardware.tables import load_table
from scaling_bayes.intervals import reported
from scaling_bayes.projection.forecast import forecast
from scaling_bayes.systems.tasks import load_tasks

systems = reference_systems("language")
about = load_tasks().loc[systems["task"].unique(), ["chance_error", "floor"]]
counts = systems.groupby("task").agg(models=("system", "size"), best=("error", "min"))
counts.join(about).round(3)

# %% [markdown]
# ## From chance to the floor
#
# Between the error of chance and an error that wrong labels leave, the law `bounded` bends. The released
# fit has one bend for all benchmarks, and each its own slope, progress and drift.

# %%
trace = open_trace("language-2026.12")
posterior = trace["posterior"].to_dataset()
pd.DataFrame(
    {
        name: [reported(posterior[name].sel(task=task).values.ravel())["median"] for task in about.index]
        for name in ("slope", "progress", "floor")
    },
    index=about.index,
).round(3)

# %% [markdown]
# Progress is in orders of magnitude of compute a year, averaged over the years of the data. It differs
# between benchmarks far more than between the five tasks: new benchmarks are those that new methods of
# training, such as reinforcement learning on worked answers, improve fastest.
#
# ## What does an error cost?
#
# Arithmetic is not device-hours. A device does a part of its peak rate, the *utilisation*, so the price of
# a FLOP of arithmetic is that of a device-hour divided by peak rate times utilisation. The projection does
# this for tasks whose compute is arithmetic.

# %%
asked = project(trace, {"mmlu": 0.05, "gpqa_diamond": 0.2, "gsm8k": 0.02}, 2027, scenario="trend")
priced = summary(asked)
priced[["task", "error", "quantity", "lower_90", "median", "upper_90", "unreachable"]].round(2)

# %% [markdown]
# Who has been there already? The tables know, with the compute that was published:

# %%
reached(project(trace, {"mmlu": 0.14, "gpqa_diamond": 0.45, "gsm8k": 0.06})).groupby("task").head(2)

# %% [markdown]
# ## Held to published runs
#
# Prices like these can be checked where a run's cost or energy is public. First cost, in dollars of 2023,
# as Epoch AI estimates it from device-hours for final runs of language models. We give only arithmetic,
# date and kind of device, and two prices: rent by the hour, and rent that is committed for three years.

# %%
runs = load_table("ml_systems", usable=True, edition="2026.12")
runs = runs[runs["training_cost_usd_2023"].notna() & runs["domain"].str.contains("Language")]
runs = runs[runs["training_compute_flop"] > 1e23].sort_values("training_compute_flop").iloc[::-2]


def quoted(flop: float, when: pd.Timestamp, quantity: str, published: float, **known: str) -> dict:
    """Estimate a run from its arithmetic, and say where the published number lies."""
    run = estimate_run(flop=flop, year=decimal_year(pd.Series([when])).iloc[0], **known)
    draws = run["run"].to_dataset()[quantity].values.ravel()
    low, middle, high = 10 ** np.quantile(draws, [0.05, 0.5, 0.95])
    found = {"lower": low, "median": middle, "upper": high, "published": published}
    return found | known | {"inside": int(low <= published <= high)}


# %%
checked = []
for run in runs.itertuples():
    kind = "tpu" if "TPU" in str(run.training_hardware) else "gpu_datacenter"
    for price in ("cloud_on_demand", "cloud_3_year"):
        of_run = (run.training_compute_flop, run.publication_date, "log10_cost_usd")
        found = quoted(*of_run, run.training_cost_usd_2023, price=price, device_class=kind)
        checked.append({"system": run.system, **found})
costs = pd.DataFrame(checked)
for (kind, price), rows in costs.groupby(["device_class", "price"]):
    factor = np.exp(np.log(rows["median"] / rows["published"]).mean())
    print(f"{kind}, {price}: {rows['inside'].sum()} of {len(rows)} inside, median / published {factor:.1f}")
costs[costs["price"] == "cloud_3_year"]

# %% [markdown]
# Whoever trains for months owns devices or commits to them, so prices by the hour overstate what a run
# cost. Who makes the devices pays less still. **The price is part of the question**: name it (`price=`).
#
# Then energy, as the makers of the runs published it:

# %%
energies = load_table("published_runs", edition="2026.12").merge(
    load_table("run_sizes", edition="2026.12")[["system", "publication_date", "training_compute_flop"]]
)
energies = energies[energies["energy_mwh"].notna() & energies["training_compute_flop"].notna()].head(8)
energy = pd.DataFrame(
    {"system": run.system}
    | quoted(run.training_compute_flop, run.publication_date, "log10_energy_kwh", 1e3 * run.energy_mwh)
    for run in energies.itertuples()
)
print(f"{energy['inside'].sum()} of {len(energy)} published energies in the 90 % interval")
energy

# %% [markdown]
# [Famous numbers](../famous_numbers.md) has all of them, with the reason of each miss.
#
# ## The other way round
#
# Which error does a budget reach, year by year?

# %%
errors = forecast(trace, "mmlu", range(2025, 2031), budget_usd=1e7)
plot_forecast(summary(errors))

# %% [markdown]
# ## What to doubt
#
# - Wrong answers in a benchmark bound what any model can score. The floors are priors from published
#   checks of labels; where they are wrong, the low end of every interval is too.
# - Test questions leak into training data, so errors may fall without anything being learned.
# - Compute is that of training. Models that think longer spend it when they answer.
# - A benchmark that everyone has passed is replaced; one that nobody passes yet is what money goes into.
#
# ## Exercises
#
# 1. Ask for the same error in 2024 and 2027. Which part of the fall in cost comes from hardware, and which
#    from algorithms? (`Scenario.named("trend").replace(algorithmic_progress="frozen")`)
# 2. Fit `reference_systems("language", until=2022)` and score it on the models of 2023 and 2024. Which
#    benchmarks leave their intervals?
# 3. Price a run on purchased devices (`price="purchase"`). Where does it lie between the two above?
# 4. Take a model card with device-hours, and hold `scaling-bayes run` to it.
