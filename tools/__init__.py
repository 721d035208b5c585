"""Maintainers' commands: tables, generated pages, evidence and releases; not installed with the package."""
