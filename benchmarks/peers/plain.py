"""The model of a default fit as a plain PyMC script, in the textbook's non-centred form.

``python plain.py pymc|nutpie|numpyro systems.csv folder [fits]`` samples it with the sampler's own settings
but for the numbers of draws, which are the package's, ``fits`` times one after another, writes the draws of
each, and prints its seconds. It shares no code with the package: the equations are those of docs/model.md.
True compute and papers' effects are integrated out, as there; drift and floors are sampled.
"""

import json
import os
import sys
import time

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt

#: Prior of the offset of each count but operations done; compute as read has its mean taken off.
OFFSETS = {"burden_fp32": (0.4, 0.2), "burden_mixed": (-0.2, 0.35), "burden_tpu": (0.43, 0.15)}
#: PyMC would leave half of the cores idle.
SETTINGS = {"draws": 1000, "tune": 500, "chains": 4, "cores": os.cpu_count()}


def pooled(name, mean, mean_sd, sd, sd_sd, gain=1.0):
    log_mean = pm.Normal(f"{name}_log_mean", np.log(mean), mean_sd)
    log_sd = pm.LogNormal(f"{name}_log_sd", np.log(sd), sd_sd)
    offset = pm.Normal(f"{name}_offset", 0.0, 1.0, dims="task")
    return pm.Deterministic(name, gain * pt.exp(log_mean + log_sd * offset), dims="task")


def performance(error, floor, chance, bend):
    ends = bend * pt.log10(chance - error) + (1 - bend) * pt.log10(chance - floor)
    return ends - pt.log10(error - floor)


def steepness(error, floor, chance, bend):
    return (1 / (error - floor) + bend / (chance - error)) / np.log(10)


def steps_taken(systems):
    """How much of each year's step of drift a system has taken since its task's reference year."""
    first = systems["reference_year"].to_numpy()[:, None]
    last = first + systems["year"].to_numpy()[:, None]
    starts = np.arange(np.floor(last.min()), np.floor(last.max()) + 1)
    return np.clip(last - starts, 0, 1) - np.clip(first - starts, 0, 1), starts


def build(systems):
    columns = ("task", "paper", "compute", "year", "error", "in_doubt", "count")
    task, paper, compute, year, error, in_doubt, count = (systems[name].to_numpy() for name in columns)
    by_task = systems.groupby("task")
    of_task = ("reference_error", "chance_error", "floor_log_median", "floor_log_sd")
    reference, chance, floor_mean, floor_sd = (by_task[name].first().to_numpy() for name in of_task)
    highest = np.minimum(by_task["error"].min().to_numpy(), reference)
    size = systems.groupby("paper").size().to_numpy()
    task_of_paper = systems.groupby("paper")["task"].first().to_numpy()
    taken, starts = steps_taken(systems)

    with pm.Model(coords={"task": np.arange(reference.size), "drift_year": starts}) as model:
        about_floor = pm.Normal.dist(floor_mean, floor_sd)
        log_floor = pm.Truncated("floor_log", about_floor, upper=np.log(highest), dims="task")
        floor = pm.Deterministic("floor", pt.exp(log_floor), dims="task")
        bend = pm.Beta("bend", 2.0, 1.0, dims="task")
        # Orders of magnitude of performance per order of magnitude of the odds of an error.
        steep = steepness(reference, floor, chance, bend) * np.log(10)
        gain = steep * reference * (chance - reference) / chance

        slope = pooled("slope", 0.05, 0.8, 0.5, 0.6, gain)
        noise = pooled("noise", 0.07, 0.7, 0.4, 0.6, gain)
        progress = pooled("progress", 0.33, 0.3, 0.5, 0.6)
        offset = pm.Normal("intercept_offset", 0.0, 0.5, dims="task")
        at_reference = performance(reference, floor, chance, bend)
        intercept = pm.Deterministic("intercept", at_reference + gain * offset, dims="task")
        scale = pm.LogNormal("drift_scale", np.log(0.06), 0.7)
        z = pm.Normal("drift_offset", 0.0, 1.0, dims=("task", "drift_year"))
        step = gain[:, None] * scale * pt.expm1(0.8 * z) / 0.8 * pt.exp(0.15 * z**2 / 2)
        step = pm.Deterministic("drift_step", step, dims=("task", "drift_year"))
        correlation = pm.Beta("paper_correlation", 2.0, 2.0)
        degrees = pm.Gamma("degrees_of_freedom", 2.0, 0.1)
        common = pm.LogNormal("compute_error", np.log(0.35), 0.333940)
        factor = pm.LogNormal("flagged_error_factor", np.log(2.0), 0.421401)
        mean = pm.Normal("compute_mean", 0.0, 1.0, dims="task")
        growth = pm.Normal("compute_growth", 0.5, 0.5, dims="task")
        spread = pm.LogNormal("compute_spread", np.log(0.8), 0.5, dims="task")
        away = [pm.Normal(f"offset_{name}", *prior) - prior[0] for name, prior in OFFSETS.items()]
        reported = compute - pt.stack([0.0, *away])[count]

        # True compute, normal around its task's trend, is integrated out.
        own_error = pt.where(in_doubt > 0, common * factor, common)
        trend = mean[task] + growth[task] * year
        total = spread[task] ** 2 + own_error**2
        pm.Potential("compute", pm.logp(pm.Normal.dist(trend, pt.sqrt(total)), reported).sum())
        reliability = spread[task] ** 2 / total
        true = trend + reliability * (reported - trend)
        expected = intercept[task] + slope[task] * (true + progress[task] * year)
        expected += (taken * step[task]).sum(axis=1)
        own = (1 - correlation) * noise[task] ** 2 + slope[task] ** 2 * reliability * own_error**2

        # Systems of a paper stray by Student's t together: its scale is a diagonal matrix plus one of rank 1.
        def by_paper(values):
            return pt.zeros(size.size)[paper].inc(values)

        curve = floor[task], chance[task], bend[task]
        residual = performance(error, *curve) - expected
        shared = correlation * noise[task_of_paper] ** 2
        inflation = 1 + shared * by_paper(1 / own)
        square = by_paper(residual**2 / own) - shared * by_paper(residual / own) ** 2 / inflation
        determinant = by_paper(pt.log(own)) + pt.log(inflation)
        density = pt.gammaln((degrees + size) / 2) - pt.gammaln(degrees / 2)
        density -= (size * pt.log(degrees * np.pi) + determinant) / 2
        density -= (degrees + size) / 2 * pt.log1p(square / degrees)
        pm.Potential("error", density.sum() + pt.log(steepness(error, *curve)).sum())
    return model


def sample(model, sampler, seed):
    if sampler == "nutpie":
        import nutpie

        return nutpie.sample(nutpie.compile_pymc_model(model), progress_bar=False, seed=seed, **SETTINGS)
    with model:
        return pm.sample(nuts_sampler=sampler, random_seed=seed, progressbar=False, **SETTINGS)


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
