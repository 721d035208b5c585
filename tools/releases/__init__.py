"""Make the released traces."""
