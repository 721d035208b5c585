"""Rebuild the tables of ``data/`` that derive from others."""
