"""Jobs of many fits: what a job is, where its results are kept, and how it is run on one machine or many."""
