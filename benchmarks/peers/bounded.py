"""The default model a second time, in NumPyro, with everything sampled that the package integrates out.

``python bounded.py trace.nc [draws]`` fits the systems of a trace of ``scaling-bayes fit`` at its defaults
and holds the posterior to that of the trace: it prints the largest differences of means and of standard
deviations, in Monte Carlo errors. It shares no code with the package: the equations are those of
docs/model.md. True compute of each system, the effect of each paper and the scale of its departures (whose
mixture is Student's t) are coordinates here. Needs numpyro, h5netcdf and xarray.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import xarray as xr
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

jax.config.update("jax_enable_x64", True)


def read(path):
    tree = xr.open_datatree(path, engine="h5netcdf")
    known, error = tree["constant_data"].to_dataset(), tree["observed_data"]["error"].values
    tasks = list(known["task"].values)
    task = np.array([tasks.index(name) for name in known["system_task"].values])
    year, reference_year = known["publication_year"].values, known["reference_year"].values
    starts = np.arange(np.floor(year.min()), np.floor(year.max()) + 1)
    taken = np.clip(year[:, None] - starts, 0, 1) - np.clip(reference_year[task, None] - starts, 0, 1)
    lowest = np.array([error[task == number].min() for number in range(len(tasks))])
    compute, reference_compute = known["log10_training_compute_flop"].values, known["reference_log10_compute"]
    data = {
        "task": task,
        "paper": known["paper_index"].values,
        "error": error,
        "compute": compute - reference_compute.values[task],
        "year": year - reference_year[task],
        "in_doubt": known["compute_in_doubt"].values > 0,
        "count": known["count_index"].values,
        "taken": taken,
        "reference": known["reference_error"].values,
        "chance": known["chance_error"].values,
        "floor_log_median": known["floor_log_median"].values,
        "floor_log_sd": known["floor_log_sd"].values,
        "highest": np.minimum(lowest, known["reference_error"].values),
    }
    return data, tree["posterior"].to_dataset()


#: Prior of the offset of each count but operations done; compute as read has its mean taken off.
OFFSETS = {"burden_fp32": (0.4, 0.2), "burden_mixed": (-0.2, 0.35), "burden_tpu": (0.43, 0.15)}


def over_tasks(name, median, sd, spread, n):
    mean = numpyro.sample(f"{name}_log_mean", dist.Normal(jnp.log(median), sd))
    spread = numpyro.sample(f"{name}_log_sd", dist.LogNormal(jnp.log(spread[0]), spread[1]))
    with numpyro.plate(f"{name}_tasks", n):
        return jnp.exp(mean + spread * numpyro.sample(f"{name}_z", dist.Normal()))


def model(task, paper, error, compute, year, in_doubt, count, taken, reference, chance, highest, **floors):
    n, n_papers = len(reference), int(paper.max()) + 1
    share = numpyro.sample("share", dist.Uniform(0, 1).expand([n]))
    floor = numpyro.deterministic("floor", share * highest)
    about_floor = dist.LogNormal(floors["floor_log_median"], floors["floor_log_sd"])
    numpyro.factor("about_floor", about_floor.log_prob(floor))
    bend = numpyro.sample("bend", dist.Beta(2, 1).expand([n]))

    def performance(e, f, c, b):
        return b * jnp.log10(c - e) + (1 - b) * jnp.log10(c - f) - jnp.log10(e - f)

    def steepness(e, f, c, b):
        return (1 / (e - f) + b / (c - e)) / jnp.log(10)

    # Orders of magnitude of performance per order of magnitude of the odds e / (c - e).
    gain = steepness(reference, floor, chance, bend) * jnp.log(10) * reference * (chance - reference) / chance
    scale = numpyro.sample("drift_scale", dist.LogNormal(jnp.log(0.06), 0.7))
    z = numpyro.sample("drift_z", dist.Normal().expand([n, taken.shape[1]]))
    step = gain[:, None] * scale * jnp.expm1(0.8 * z) / 0.8 * jnp.exp(0.15 * z**2 / 2)
    step = numpyro.deterministic("drift_step", step)
    at_reference = performance(reference, floor, chance, bend)
    stated = numpyro.sample("intercept_stated", dist.Normal(0, 0.5).expand([n]))
    intercept = numpyro.deterministic("intercept", at_reference + gain * stated)
    slope = numpyro.deterministic("slope", gain * over_tasks("slope", 0.05, 0.8, (0.5, 0.6), n))
    noise = numpyro.deterministic("noise", gain * over_tasks("noise", 0.07, 0.7, (0.4, 0.6), n))
    progress = numpyro.deterministic("progress", over_tasks("progress", 0.33, 0.3, (0.5, 0.6), n))
    mean = numpyro.sample("compute_mean", dist.Normal(0, 1).expand([n]))
    growth = numpyro.sample("compute_growth", dist.Normal(0.5, 0.5).expand([n]))
    spread = numpyro.sample("compute_spread", dist.LogNormal(jnp.log(0.8), 0.5).expand([n]))
    common = numpyro.sample("compute_error", dist.LogNormal(jnp.log(0.35), 0.33394))
    factor = numpyro.sample("flagged_error_factor", dist.LogNormal(jnp.log(2.0), 0.421401))
    correlation = numpyro.sample("paper_correlation", dist.Beta(2, 2))
    degrees = numpyro.sample("degrees_of_freedom", dist.Gamma(2, 0.1))

    # A paper's departures share a scale, whose mixture makes them Student's t together.
    precision = numpyro.sample("precision", dist.Gamma(degrees / 2, degrees / 2).expand([n_papers]))
    wide = 1 / jnp.sqrt(precision)
    effect = numpyro.sample("effect", dist.Normal().expand([n_papers]))

    # What was taken off to count operations done is uncertain, alike in all systems of a count.
    more = [jnp.zeros(())]
    more += [
        numpyro.sample(f"offset_{name}", dist.Normal(*prior)) - prior[0] for name, prior in OFFSETS.items()
    ]
    compute = compute - jnp.stack(more)[count]

    # Reported compute, then true compute given it, whose departure has the paper's scale too.
    own_error = jnp.where(in_doubt, common * factor, common)
    expected = mean[task] + growth[task] * year
    total = spread[task] ** 2 + own_error**2
    numpyro.factor("compute", dist.Normal(expected, jnp.sqrt(total)).log_prob(compute))
    reliability = spread[task] ** 2 / total
    latent = numpyro.sample("latent", dist.Normal().expand([len(task)]))
    true = expected + reliability * (compute - expected)
    true += jnp.sqrt(reliability) * own_error * wide[paper] * latent

    line = intercept[task] + slope[task] * (true + progress[task] * year) + (taken * step[task]).sum(axis=1)
    line += noise[task] * wide[paper] * jnp.sqrt(correlation) * effect[paper]
    own = noise[task] * wide[paper] * jnp.sqrt(1 - correlation)
    curve = floor[task], chance[task], bend[task]
    found = dist.Normal(line, own).log_prob(performance(error, *curve))
    numpyro.factor("error", found + jnp.log(steepness(error, *curve)))


def main():
    data, ours = read(sys.argv[1])
    draws = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    kernel = numpyro.infer.NUTS(model, target_accept_prob=0.95, max_tree_depth=10)
    chains = {"num_chains": 4, "chain_method": "sequential", "progress_bar": False}
    mcmc = numpyro.infer.MCMC(kernel, num_warmup=1500, num_samples=draws, **chains)
    mcmc.run(jax.random.key(1), **data)
    theirs = mcmc.get_samples(group_by_chain=True)
    print(f"{int(mcmc.get_extra_fields(group_by_chain=True)['diverging'].sum())} divergences")
    rows = []
    for name in ours.data_vars:
        first = ours[name].values.reshape(*ours[name].shape[:2], -1)
        second = np.asarray(theirs[str(name)]).reshape(*theirs[str(name)].shape[:2], -1)
        for place in range(first.shape[2]):
            parts = [part[:, :, place] for part in (first, second)]
            for what, moment in (("mean", lambda x: x), ("sd", lambda x: (x - x.mean()) ** 2)):
                both = [moment(part) for part in parts]
                errors = [part.std() / np.sqrt(effective_sample_size(part)) for part in both]
                difference = (both[0].mean() - both[1].mean()) / np.hypot(*errors)
                rows.append((abs(difference), what, f"{name}[{place}]", *(part.mean() for part in both)))
            rhat = (float(split_gelman_rubin(part)) for part in parts)
            rows.append((0.0, "rhat", f"{name}[{place}]", *rhat))
    for what in ("mean", "sd"):
        of_what = sorted((row for row in rows if row[1] == what), reverse=True)
        squares = np.mean([row[0] ** 2 for row in of_what])
        print(f"{len(of_what)} of {what}: root mean square of difference / error {np.sqrt(squares):.2f}")
        for row in of_what[:5]:
            print(f"  {row[0]:.2f} {row[2]} ours {row[3]:.5g} theirs {row[4]:.5g}")
    print(f"largest R-hat of theirs {max(row[4] for row in rows if row[1] == 'rhat'):.4f}")


if __name__ == "__main__":
    main()
