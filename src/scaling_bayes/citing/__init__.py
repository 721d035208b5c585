"""What to cite for a trace: the trace, the software, the data and where they come from."""
