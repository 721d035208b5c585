"""What can be told from draws alone: checks, convergence, verification, calibration and scores."""
