"""The model of a default fit as a plain PyMC script, in the textbook's non-centred form.

``python plain.py pymc|nutpie|numpyro systems.csv folder [fits]`` samples it with the sampler's own settings
but for the numbers of draws, ``fits`` times one after another, writes the draws of each, and prints its
seconds. It shares no code with the package.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt


def pooled(name, mean, mean_sd, sd, gain):
    log_mean = pm.Normal(f"{name}_log_mean", np.log(mean), mean_sd)
    offset = pm.Normal(f"{name}_offset", 0.0, 1.0, dims="task")
    return pm.Deterministic(name, gain * pt.exp(log_mean + sd * offset), dims="task")


def build(systems):
    task, paper = systems["task"].to_numpy(), systems["paper"].to_numpy()
    compute, year = systems["compute"].to_numpy(), systems["year"].to_numpy()
    performance, flagged = -np.log10(systems["error"].to_numpy()), systems["flagged"].to_numpy()
    reference = systems.groupby("task")["reference_error"].first().to_numpy()
    gain = 1 - reference
    task_of_paper = systems.groupby("paper")["task"].first().to_numpy()

    with pm.Model(coords={"task": np.arange(reference.size)}) as model:
        slope = pooled("slope", 0.05, 0.8, pm.HalfNormal("slope_log_sd", 0.8), gain)
        noise = pooled("noise", 0.07, 0.7, pm.HalfNormal("noise_log_sd", 0.7), gain)
        progress_sd = pm.LogNormal("progress_log_sd", np.log(0.25), 0.5)
        progress = pooled("progress", 0.4, 0.4, progress_sd, 1.0)
        offset = pm.Normal("intercept_offset", 0.0, 0.5, dims="task")
        intercept = pm.Deterministic("intercept", -np.log10(reference) + gain * offset, dims="task")
        correlation = pm.Beta("paper_correlation", 2.0, 2.0)
        error = pm.LogNormal("compute_error", np.log(0.35), 0.333940)
        factor = pm.LogNormal("flagged_error_factor", np.log(2.0), 0.421401)
        mean = pm.Normal("compute_mean", 0.0, 1.0, dims="task")
        growth = pm.Normal("compute_growth", 0.5, 0.5, dims="task")
        spread = pm.LogNormal("compute_spread", np.log(0.8), 0.5, dims="task")

        # True compute, normal around its task's trend, is integrated out.
        error = pt.where(flagged, error * factor, error)
        trend = mean[task] + growth[task] * year
        total = spread[task] ** 2 + error**2
        pm.Normal("reported_compute", trend, pt.sqrt(total), observed=compute)
        reliability = spread[task] ** 2 / total
        expected = intercept[task] + slope[task] * (
            trend + reliability * (compute - trend) + progress[task] * year
        )
        own = (1 - correlation) * noise[task] ** 2 + slope[task] ** 2 * reliability * error**2

        # Systems of a paper have part of their noise in common: a diagonal matrix plus one of rank one.
        def by_paper(values):
            return pt.zeros(task_of_paper.size)[paper].inc(values)

        residual = performance - expected
        shared = correlation * noise[task_of_paper] ** 2
        inflation = 1 + shared * by_paper(1 / own)
        square = (residual**2 / own).sum() - (shared * by_paper(residual / own) ** 2 / inflation).sum()
        pm.Potential("performance", -0.5 * (square + pt.log(own).sum() + pt.log(inflation).sum()))
    return model


def sample(model, sampler, seed):
    settings = {"draws": 1000, "tune": 1000, "chains": 4}
    if sampler == "nutpie":
        import nutpie

        settings["seed"] = seed
        return nutpie.sample(nutpie.compile_pymc_model(model), progress_bar=False, **settings)
    with model:
        return pm.sample(nuts_sampler=sampler, random_seed=seed, progressbar=False, **settings)


def main():
    sampler, table, folder = sys.argv[1:4]
    fits = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    systems, seconds = pd.read_csv(table), []
    for seed in range(1, fits + 1):
        begun = time.perf_counter()
        trace = sample(build(systems), sampler, seed)
        seconds.append(time.perf_counter() - begun)
        trace.to_netcdf(f"{folder}/{seed}.nc")
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()
