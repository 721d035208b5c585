# plain.stan with rstan: Rscript plain.R plain.stan systems.csv folder [fits]
# Writes the draws of each fit, a column for each parameter and a row for each draw, chain after chain, and
# prints the seconds of each; the first has those of compiling the model.
arguments <- commandArgs(trailingOnly = TRUE)
fits <- if (length(arguments) > 3) as.integer(arguments[4]) else 1L
suppressPackageStartupMessages(library(rstan))
# Debian keeps Boost outside R's library.
if (!file.exists(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")
systems <- read.csv(arguments[2])
by <- function(column, index) as.vector(tapply(systems[[column]], systems[[index]], function(x) x[1]))
data <- list(
  n_systems = nrow(systems), n_tasks = max(systems$task) + 1L, n_papers = max(systems$paper) + 1L,
  task = systems$task + 1L, paper = systems$paper + 1L, task_of_paper = as.integer(by("task", "paper")) + 1L,
  performance = -log10(systems$error), compute = systems$compute, year = systems$year,
  flagged = as.numeric(systems$flagged), reference_error = by("reference_error", "task")
)
names <- c("slope", "noise", "progress", "intercept", "compute_mean", "compute_growth", "compute_spread",
           "paper_correlation", "compute_error", "flagged_error_factor")
seconds <- numeric(0)
begun <- proc.time()[["elapsed"]]
model <- stan_model(arguments[1])
for (seed in seq_len(fits)) {
  fit <- sampling(model, data = data, chains = 4, cores = parallel::detectCores(), iter = 2000, warmup = 1000, seed = seed, refresh = 0)
  seconds <- c(seconds, proc.time()[["elapsed"]] - begun)
  draws <- apply(as.array(fit, pars = names), 3, c)
  write.csv(draws, file.path(arguments[3], paste0(seed, ".csv")), row.names = FALSE)
  begun <- proc.time()[["elapsed"]]
}
cat(sprintf("[%s]\n", paste(sprintf("%.3f", seconds), collapse = ", ")))
