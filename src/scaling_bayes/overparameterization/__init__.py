"""The over-parameterisation experiment of Thompson et al. (2020): four models, one sparse truth."""
