"""How well the model predicts: cross-validation, stacking, scorecards and calibration."""
