"""The model in plain arithmetic: laws, priors, parameters, options and observations, without a sampler."""
