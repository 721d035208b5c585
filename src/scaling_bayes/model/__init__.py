"""The workshop: builds, samples and checks the model; the only place that imports the sampler."""
