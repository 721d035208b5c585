"""From a model to draws: the compiled kernel, its layout, the sampler and quick refits."""
