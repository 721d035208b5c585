// The model of a default fit, as plain.py has it.
data {
  int<lower=1> n_systems;
  int<lower=1> n_tasks;
  int<lower=1> n_papers;
  int<lower=1> task[n_systems];
  int<lower=1> paper[n_systems];
  int<lower=1> task_of_paper[n_papers];
  vector[n_systems] performance;
  vector[n_systems] compute;
  vector[n_systems] year;
  vector[n_systems] flagged;
  vector[n_tasks] reference_error;
}
transformed data {
  vector[n_tasks] gain = 1 - reference_error;
}
parameters {
  real slope_log_mean;
  real<lower=0> slope_log_sd;
  vector[n_tasks] slope_offset;
  real noise_log_mean;
  real<lower=0> noise_log_sd;
  vector[n_tasks] noise_offset;
  real progress_log_mean;
  real<lower=0> progress_log_sd;
  vector[n_tasks] progress_offset;
  vector[n_tasks] intercept_offset;
  real<lower=0, upper=1> paper_correlation;
  real<lower=0> compute_error;
  real<lower=0> flagged_error_factor;
  vector[n_tasks] compute_mean;
  vector[n_tasks] compute_growth;
  vector<lower=0>[n_tasks] compute_spread;
}
transformed parameters {
  vector[n_tasks] slope = gain .* exp(slope_log_mean + slope_log_sd * slope_offset);
  vector[n_tasks] noise = gain .* exp(noise_log_mean + noise_log_sd * noise_offset);
  vector[n_tasks] progress = exp(progress_log_mean + progress_log_sd * progress_offset);
  vector[n_tasks] intercept = -log10(reference_error) + gain .* intercept_offset;
}
model {
  vector[n_systems] error = compute_error * (1 + flagged * (flagged_error_factor - 1));
  vector[n_systems] trend = compute_mean[task] + compute_growth[task] .* year;
  vector[n_systems] total = square(compute_spread[task]) + square(error);
  vector[n_systems] reliability = square(compute_spread[task]) ./ total;
  vector[n_systems] residual = performance - intercept[task]
    - slope[task] .* (trend + reliability .* (compute - trend) + progress[task] .* year);
  vector[n_systems] own = (1 - paper_correlation) * square(noise[task])
    + square(slope[task]) .* reliability .* square(error);
  vector[n_papers] precision = rep_vector(0, n_papers);
  vector[n_papers] weighted = rep_vector(0, n_papers);
  vector[n_papers] shared = paper_correlation * square(noise[task_of_paper]);
  vector[n_papers] inflation;
  for (i in 1:n_systems) {
    precision[paper[i]] += 1 / own[i];
    weighted[paper[i]] += residual[i] / own[i];
  }
  inflation = 1 + shared .* precision;
  target += -0.5 * (sum(square(residual) ./ own) - sum(shared .* square(weighted) ./ inflation)
    + sum(log(own)) + sum(log(inflation)));
  compute ~ normal(trend, sqrt(total));
  slope_log_mean ~ normal(log(0.05), 0.8);
  slope_log_sd ~ normal(0, 0.8);
  slope_offset ~ std_normal();
  noise_log_mean ~ normal(log(0.07), 0.7);
  noise_log_sd ~ normal(0, 0.7);
  noise_offset ~ std_normal();
  progress_log_mean ~ normal(log(0.4), 0.4);
  progress_log_sd ~ lognormal(log(0.25), 0.5);
  progress_offset ~ std_normal();
  intercept_offset ~ normal(0, 0.5);
  paper_correlation ~ beta(2, 2);
  compute_error ~ lognormal(log(0.35), 0.333940);
  flagged_error_factor ~ lognormal(log(2), 0.421401);
  compute_mean ~ normal(0, 1);
  compute_growth ~ normal(0.5, 0.5);
  compute_spread ~ lognormal(log(0.8), 0.5);
}
