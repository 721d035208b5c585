"""From the posterior to what a target error needs, and to the error of new systems."""
