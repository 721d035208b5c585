"""Refill the generated tables of the documentation."""
