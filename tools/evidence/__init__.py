"""Measure what the choice of laws rests on."""
