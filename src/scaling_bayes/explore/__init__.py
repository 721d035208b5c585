"""The what-if page: a target, year, scenario and budget moved by hand, answered from the draws of a trace."""
