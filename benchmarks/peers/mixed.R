# The model of mixed.py with brms: Rscript mixed.R systems.csv folder
arguments <- commandArgs(trailingOnly = TRUE)
suppressPackageStartupMessages(library(brms))
# Debian keeps Boost outside R's library.
if (!file.exists(rstan::rstan_options("boost_lib"))) rstan::rstan_options(boost_lib = "/usr/include")
systems <- read.csv(arguments[1])
systems$performance <- -log10(systems$error)
fit <- brm(performance ~ 1 + compute + year + (1 + compute + year | task), systems,
           chains = 4, cores = parallel::detectCores(), iter = 1500, warmup = 500, seed = 1, refresh = 0)
write.csv(as.data.frame(fit), file.path(arguments[2], "1.csv"), row.names = FALSE)
